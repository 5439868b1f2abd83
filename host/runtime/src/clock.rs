//! What time it is, said by whoever runs the host.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::reason::clip;

/// A source of the present time.
///
/// Decisions take the time as an argument; a clock is for the one place that
/// has to ask again, right before a decision takes effect.
pub trait Clock: Send + Sync {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    fn now(&self) -> u64;

    /// Time since some fixed moment, that never goes back: for how long
    /// something took, and how old something is. It stands still unless a
    /// clock says otherwise.
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        // Before 1970 every token is in the future, so nothing is allowed.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// A clock that stands still: for tests, and for deciding as of another time.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(
    /// The time it shows, in seconds since 1970-01-01T00:00:00Z.
    pub u64,
);

impl Clock for FixedClock {
    fn now(&self) -> u64 {
        self.0
    }
}

/// The last second of the year 9999, past which RFC 3339 can't write a date.
pub const LAST: u64 = 253_402_300_799;

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It is neither a date nor a number.
    #[error("`{0}` is no time such as `2026-11-23T10:00:00Z` or `1795428000`")]
    Malformed(String),
    /// It is past what can be written as a date.
    #[error("`{0}` is past the year 9999")]
    TooLate(String),
    /// It is before what can be counted.
    #[error("`{0}` is before 1970")]
    TooEarly(String),
}

/// Reads a time, RFC 3339 or seconds since 1970, as seconds since 1970. A
/// fraction is cut off.
///
/// # Errors
/// [`TimeError`], with the text cut to a bounded length.
pub fn read(text: &str) -> Result<u64, TimeError> {
    let shown = || clip(text);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= LAST);
        return seconds.ok_or_else(|| TimeError::TooLate(shown()));
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| TimeError::Malformed(shown()))?;
    u64::try_from(time.as_second()).map_err(|_| TimeError::TooEarly(shown()))
}

/// A time in seconds since 1970 as people read it (RFC 3339 §5.6).
pub fn date(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| format!("{seconds} s"), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_still_and_the_systems_runs() {
        assert_eq!(FixedClock(7).now(), 7);
        assert!(SystemClock.now() > 1_700_000_000);
    }
}
