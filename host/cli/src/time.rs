//! Times and durations as the command line takes and shows them.

use anyhow::{anyhow, bail};
pub(crate) use claimbound::clock::{LAST, read as parse};
use jiff::Timestamp;

/// Reads a duration such as `90s`, `15m`, `2h` or `1d`, in seconds.
pub(crate) fn parse_duration(text: &str) -> anyhow::Result<u64> {
    let wrong = || anyhow!("`{text}` is no duration such as `90s`, `15m`, `2h` or `1d`");
    let end = text.len().checked_sub(1).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(end).ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(0) | None => bail!("`{text}` is no duration to use here"),
        Some(seconds) => Ok(seconds),
    }
}

/// A time in RFC 3339; the bare number where it can't be written so.
pub(crate) fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| seconds.to_string(), |time| time.to_string())
}

/// A duration in its two largest units, such as `1h 5m`.
pub(crate) fn words(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (length, unit) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 && words.len() < 2 {
            words.push(format!("{count}{unit}"));
        }
    }
    if words.is_empty() {
        "0s".to_owned()
    } else {
        words.join(" ")
    }
}

/// A time as seen from another: `in 5m`, `5m ago`.
pub(crate) fn relative(time: u64, now: u64) -> String {
    if time >= now {
        format!("in {}", words(time - now))
    } else {
        format!("{} ago", words(now - time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_seconds() {
        assert_eq!(parse("2026-11-23T10:00:00Z").unwrap(), 1_795_428_000);
        assert_eq!(parse("2026-11-23T11:00:00.9+01:00").unwrap(), 1_795_428_000);
        assert_eq!(parse("1795428000").unwrap(), 1_795_428_000);
        for wrong in [
            "",
            "now",
            "2026-11-23",
            "-1",
            "1969-12-31T23:59:59Z",
            "99999999999999999999",
            "253402300800",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_have_one_unit() {
        assert_eq!(parse_duration("15m").unwrap(), 900);
        assert_eq!(parse_duration("1d").unwrap(), 86_400);
        for wrong in [
            "",
            "m",
            "15",
            "0s",
            "1h30m",
            "-1s",
            "1é",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_shown_in_two_units() {
        assert_eq!(words(0), "0s");
        assert_eq!(words(3_900), "1h 5m");
        assert_eq!(words(90_061), "1d 1h");
        assert_eq!(relative(100, 40), "in 1m");
        assert_eq!(relative(40, 100), "1m ago");
        assert_eq!(date(1_795_428_000), "2026-11-23T10:00:00Z");
        assert_eq!(date(u64::MAX), u64::MAX.to_string());
    }
}
