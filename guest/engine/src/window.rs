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

/// 1970-01-01 was a Thursday, the fourth day from Monday.
fn weekday(day: i64) -> u8 {
    u8::try_from((day + 3).rem_euclid(7)).unwrap_or(u8::MAX)
}

/// The offset in force at `now`: the last that starts at or before it.
fn offset_at(window: Bytes<'_>, now: u64) -> Result<Option<i32>, Failure> {
    let (mut low, mut high) = (0, window.u32(20)?);
    while low < high {
        let middle = low + (high - low) / 2;
        if window.u64(place(middle)?)? <= now {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    match low.checked_sub(1) {
        None => Ok(None),
        Some(last) => window.i32(place(last)? + 8).map(Some),
    }
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
        let span = Span {
            offset: 0,
            length: u32::try_from(bytes.len()).unwrap(),
        };
        is_open(Bytes(&bytes), span, now).unwrap()
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
}
