//! Times in words, in UTC (RFC 3339 section 5.6).

use crate::condition::digits;

/// Seconds in a day.
const DAY: u64 = 86_400;

/// A time in seconds since 1970 as `2026-11-23T10:00:00Z`.
pub(crate) fn words(seconds: u64) -> String {
    let (year, month, day) = date(seconds / DAY);
    let time = seconds % DAY;
    let mut words = String::with_capacity(20);
    for (number, width, mark) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (time / 3600, 2, ':'),
        (time / 60 % 60, 2, ':'),
        (time % 60, 2, 'Z'),
    ] {
        let mut buffer = [0; 20];
        let text = digits(i64::try_from(number).unwrap_or(i64::MAX), &mut buffer);
        for _ in text.len()..width {
            words.push('0');
        }
        words.push_str(text);
        words.push(mark);
    }
    words
}

/// Year, month and day of a day since 1970 in the Gregorian calendar.
///
/// Counts from 0000-03-01, so that a leap day ends its year, and cuts the days
/// into eras of 400 years, which are all alike.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (next, month_of_year) = if month < 10 {
        (0, month + 3)
    } else {
        (1, month - 9)
    };
    (
        era * 400 + year + next,
        month_of_year,
        day - (153 * month + 2) / 5 + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_has_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_428_000, "2026-11-23T10:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(words(seconds), expected);
        }
    }

    #[test]
    fn no_time_is_too_late_to_be_written() {
        assert!(words(u64::MAX).ends_with('Z'));
    }
}
