//! Windows of local time, decided from UTC without a time-zone library.

use crate::bytes::{Bytes, Span, Table};
use crate::decision::Failure;

/// Seconds in a day of a clock on the wall.
const DAY: i64 = 86_400;

/// A set of weekdays; bit 0 is Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Days(pub u8);

impl Days {
    /// Monday to Sunday.
    pub const EVERY: Self = Self(0b0111_1111);

    /// Whether `weekday` (0 for Monday) is one of them.
    pub const fn contains(self, weekday: u8) -> bool {
        weekday < 7 && self.0 >> weekday & 1 == 1
    }
}

/// From when on a zone is how far ahead of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offset {
    /// Seconds since 1970, inclusive.
    pub from: u64,
    /// Local time minus UTC, in seconds.
    pub seconds: i32,
}

/// Hours of days of the week, in one time zone.
///
/// Open where the local clock shows a time in `opens..closes` on one of `days`.
/// With `closes` at or before `opens` it crosses midnight and belongs to the
/// day on which it opens. Before the first offset and from `horizon` on it is
/// closed: nobody knows the zone's rules there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Weekly {
    /// The days on which it opens.
    pub days: Days,
    /// Seconds after local midnight, inclusive, below 86,400.
    pub opens: u32,
    /// Seconds after local midnight, exclusive, at most 86,400.
    pub closes: u32,
    /// The zone's offsets, in the order of their start.
    pub offsets: Vec<Offset>,
    /// Seconds since 1970, exclusive.
    pub horizon: u64,
}

/// Bytes before the offsets, and of each of them.
const HEADER: u32 = 24;
const OFFSET: u32 = 12;

impl Weekly {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER as usize + self.offsets.len() * OFFSET as usize);
        bytes.extend_from_slice(&u32::from(self.days.0).to_le_bytes());
        bytes.extend_from_slice(&self.opens.to_le_bytes());
        bytes.extend_from_slice(&self.closes.to_le_bytes());
        bytes.extend_from_slice(&self.horizon.to_le_bytes());
        let count = u32::try_from(self.offsets.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&count.to_le_bytes());
        for offset in &self.offsets {
            bytes.extend_from_slice(&offset.from.to_le_bytes());
            bytes.extend_from_slice(&offset.seconds.to_le_bytes());
        }
        bytes
    }
}

/// Whether the window at `span` of a program is open at `now`.
pub(crate) fn is_open(program: Bytes<'_>, span: Span, now: u64) -> Result<bool, Failure> {
    let window = Bytes(program.slice(span)?);
    let days = Days(window.u8(0)?);
    let (opens, closes) = (i64::from(window.u32(4)?), i64::from(window.u32(8)?));
    if now >= window.u64(12)? {
        return Ok(false);
    }
    let Some(offset) = offset_at(window, now)? else {
        return Ok(false);
    };
    let Some(local) = i64::try_from(now)
        .ok()
        .and_then(|now| now.checked_add(i64::from(offset)))
    else {
        return Ok(false);
    };
    let (day, time) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let on = |day: i64| days.contains(weekday(day));
    Ok(if opens < closes {
        on(day) && (opens..closes).contains(&time)
    } else {
        (on(day) && time >= opens) || (on(day - 1) && time < closes)
    })
}

/// How often a window that stays open is looked at, to see when it closes: twice a
/// day, so that this is a month. A token that lives longer is told the last moment
/// that was looked at.
const MOST_LOOKS: u32 = 64;

/// When the window at `span`, open at `now`, closes, if that is before `end`.
pub(crate) fn closes(
    program: Bytes<'_>,
    span: Span,
    now: u64,
    end: u64,
) -> Result<Option<u64>, Failure> {
    let window = Bytes(program.slice(span)?);
    let mut at = now;
    for _ in 0..MOST_LOOKS {
        at = next_turn(window, at)?;
        if at >= end {
            return Ok(None);
        }
        if !is_open(program, span, at)? {
            return Ok(Some(at));
        }
    }
    Ok(Some(at))
}

/// The first moment after `now` at which an open window may close: at its hour, at
/// midnight, where the zone's offset changes, or at the horizon.
fn next_turn(window: Bytes<'_>, now: u64) -> Result<u64, Failure> {
    let mut turn = window.u64(12)?;
    let next = offsets_until(window, now)?;
    if next < window.u32(20)? {
        turn = turn.min(window.u64(place(next)?)?);
    }
    let local = offset_at(window, now)?.and_then(|offset| {
        let now = i64::try_from(now).ok()?;
        now.checked_add(i64::from(offset))
    });
    let Some(local) = local else {
        return Ok(turn);
    };
    for hour in [0, i64::from(window.u32(8)?)] {
        // From one second to a whole day on.
        let left = DAY - (local - hour).rem_euclid(DAY);
        turn = turn.min(now.saturating_add(left.unsigned_abs()));
    }
    Ok(turn)
}

/// 1970-01-01 was a Thursday, the fourth day from Monday.
fn weekday(day: i64) -> u8 {
    u8::try_from((day + 3).rem_euclid(7)).unwrap_or(u8::MAX)
}

/// The offset in force at `now`: the last that starts at or before it.
fn offset_at(window: Bytes<'_>, now: u64) -> Result<Option<i32>, Failure> {
    match offsets_until(window, now)?.checked_sub(1) {
        None => Ok(None),
        Some(last) => window.i32(place(last)? + 8).map(Some),
    }
}

/// How many offsets start at or before `now`.
fn offsets_until(window: Bytes<'_>, now: u64) -> Result<u32, Failure> {
    let (mut low, mut high) = (0, window.u32(20)?);
    while low < high {
        let middle = low + (high - low) / 2;
        if window.u64(place(middle)?)? <= now {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

fn place(index: u32) -> Result<u32, Failure> {
    let offsets = Table {
        offset: HEADER,
        count: u32::MAX,
    };
    offsets.record(index, OFFSET)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T00:00:00Z, a Monday.
    const MONDAY: u64 = 1_795_392_000;

    fn open(window: &Weekly, now: u64) -> bool {
        let bytes = window.to_bytes();
        is_open(Bytes(&bytes), whole(&bytes), now).unwrap()
    }

    fn whole(bytes: &[u8]) -> Span {
        Span {
            offset: 0,
            length: u32::try_from(bytes.len()).unwrap(),
        }
    }

    /// When it closes, if within three days and a bit.
    fn close(window: &Weekly, now: u64) -> Option<u64> {
        let bytes = window.to_bytes();
        closes(Bytes(&bytes), whole(&bytes), now, now + 280_000).unwrap()
    }

    fn window(days: u8, opens: u32, closes: u32) -> Weekly {
        Weekly {
            days: Days(days),
            opens: opens * 3600,
            closes: closes * 3600,
            offsets: vec![
                Offset {
                    from: 0,
                    seconds: 3600,
                },
                Offset {
                    from: MONDAY + 7 * 86_400,
                    seconds: 7200,
                },
            ],
            horizon: MONDAY + 30 * 86_400,
        }
    }

    #[test]
    fn hours_are_those_of_the_zone_and_its_offset_of_the_day() {
        let window = window(0b001_1111, 8, 18);
        assert!(!open(&window, MONDAY + 7 * 3600 - 1));
        assert!(open(&window, MONDAY + 7 * 3600));
        assert!(open(&window, MONDAY + 17 * 3600 - 1));
        assert!(!open(&window, MONDAY + 17 * 3600));
        let next = MONDAY + 7 * 86_400;
        assert!(open(&window, next + 6 * 3600));
        assert!(!open(&window, MONDAY + 5 * 86_400 + 10 * 3600), "Saturday");
    }

    #[test]
    fn a_window_that_crosses_midnight_belongs_to_the_day_on_which_it_opens() {
        let window = window(0b000_0001, 22, 6);
        assert!(!open(&window, MONDAY), "Sunday night is not Monday's");
        assert!(open(&window, MONDAY + 21 * 3600));
        assert!(open(&window, MONDAY + 86_400 + 4 * 3600));
        assert!(!open(&window, MONDAY + 86_400 + 5 * 3600));
    }

    #[test]
    fn nothing_is_open_past_the_horizon_or_before_the_first_offset() {
        let mut window = window(0x7f, 0, 24);
        assert!(open(&window, window.horizon - 1));
        assert!(!open(&window, window.horizon));
        assert!(!open(&window, u64::MAX));
        window.offsets.remove(0);
        assert!(!open(&window, MONDAY));
    }

    #[test]
    fn an_open_window_closes_at_its_hour_wherever_that_lies() {
        let hours = window(0b001_1111, 8, 18);
        assert_eq!(close(&hours, MONDAY + 7 * 3600), Some(MONDAY + 17 * 3600));
        assert_eq!(
            close(&hours, MONDAY + 17 * 3600 - 1),
            Some(MONDAY + 17 * 3600)
        );
        let night = window(0b000_0001, 22, 6);
        let morning = MONDAY + 86_400 + 5 * 3600;
        assert_eq!(close(&night, MONDAY + 21 * 3600), Some(morning));
        assert_eq!(close(&night, morning - 1), Some(morning));
        let until_midnight = window(0b000_0001, 22, 0);
        assert_eq!(
            close(&until_midnight, MONDAY + 22 * 3600),
            Some(MONDAY + 23 * 3600)
        );
    }

    #[test]
    fn days_that_follow_each_other_are_one_window() {
        let (monday, tuesday) = (MONDAY - 3600, MONDAY + 86_400 - 3600);
        let two_days = window(0b000_0011, 0, 24);
        assert_eq!(close(&two_days, monday), Some(tuesday + 86_400));
        let around_the_clock = window(0b000_0011, 8, 8);
        let (opens, closes) = (MONDAY + 7 * 3600, MONDAY + 2 * 86_400 + 7 * 3600);
        assert_eq!(close(&around_the_clock, opens), Some(closes));
        assert_eq!(
            close(&window(0x7f, 0, 24), monday),
            None,
            "never within days"
        );
    }

    #[test]
    fn a_clock_that_is_put_forward_closes_a_window_sooner() {
        let change = MONDAY + 7 * 86_400;
        // At 01:00 by the old offset it is 02:00 by the new one.
        let short = window(0x7f, 0, 2);
        assert_eq!(close(&short, change - 1), Some(change));
        let long = window(0x7f, 0, 3);
        assert_eq!(close(&long, change - 1), Some(change + 3600));
    }

    #[test]
    fn a_window_closes_at_its_horizon() {
        let window = window(0x7f, 0, 24);
        assert_eq!(close(&window, window.horizon - 10), Some(window.horizon));
    }

    #[test]
    fn a_window_without_end_is_looked_at_for_a_month() {
        let window = Weekly {
            horizon: u64::MAX,
            ..window(0x7f, 12, 12)
        };
        let bytes = window.to_bytes();
        let closes = |end| closes(Bytes(&bytes), whole(&bytes), MONDAY, end).unwrap();
        assert_eq!(closes(MONDAY + 30 * 86_400), None);
        let last = closes(u64::MAX).unwrap();
        assert!(
            (MONDAY + 31 * 86_400..MONDAY + 33 * 86_400).contains(&last),
            "{last}"
        );
    }
}
