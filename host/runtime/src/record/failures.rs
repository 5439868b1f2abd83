//! Tokens that were refused before they were verified: counted, and few of
//! them written.

use std::collections::HashMap;

use super::Refused;
use super::entry::Unverified;
use crate::reason::Code;

/// How many of one code are written in one interval.
const MOST: u64 = 4;
/// How long an interval is, in seconds.
const INTERVAL: u64 = 60;

/// What was counted of each code. There are a few dozen codes.
#[derive(Debug, Default)]
pub(super) struct Failures {
    by_code: HashMap<Code, Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// When the interval began.
    since: u64,
    /// How many lines it has.
    written: u64,
    /// How many tokens no line counts yet, and the route and time of the last.
    silent: u64,
    route: String,
    time: u64,
}

impl Failures {
    /// Counts a refused token; gives the line that is due, if one is.
    pub(super) fn note(&mut self, refused: &Refused) -> Option<Unverified> {
        let counted = self.by_code.entry(refused.code).or_default();
        counted.silent = counted.silent.saturating_add(1);
        counted.route.clone_from(&refused.route);
        counted.time = refused.time;
        // A clock that was set back begins an interval too.
        let age = refused.time.checked_sub(counted.since);
        if age.is_none_or(|age| age >= INTERVAL) {
            counted.since = refused.time;
            counted.written = 0;
        }
        if counted.written >= MOST {
            return None;
        }
        counted.written += 1;
        Some(counted.line(refused.code, refused.issuer.clone()))
    }

    /// Counts again what a line counted that could not be written.
    pub(super) fn put_back(&mut self, line: &Unverified) {
        let counted = self.by_code.entry(line.code).or_default();
        counted.silent = counted.silent.saturating_add(line.count);
    }

    /// The lines that count what none has counted yet.
    pub(super) fn rest(&mut self) -> Vec<Unverified> {
        let mut lines: Vec<_> = self
            .by_code
            .iter_mut()
            .filter(|(_, counted)| counted.silent > 0)
            .map(|(code, counted)| counted.line(*code, None))
            .collect();
        lines.sort_by_key(|line| line.code);
        lines
    }
}

impl Counted {
    fn line(&mut self, code: Code, issuer: Option<String>) -> Unverified {
        Unverified {
            time: self.time,
            route: self.route.clone(),
            unverified: true,
            code,
            issuer,
            count: std::mem::take(&mut self.silent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(time: u64, code: Code) -> Refused {
        Refused {
            time,
            route: "r".to_owned(),
            code,
            issuer: None,
        }
    }

    #[test]
    fn a_flood_gets_a_few_lines_a_minute_and_each_token_is_counted_once() {
        let mut failures = Failures::default();
        let mut lines = Vec::new();
        for token in 0..1_000 {
            lines.extend(failures.note(&refused(7 + token / 10, Code::TokenMalformed)));
        }
        lines.extend(failures.note(&refused(8, Code::TokenKey)));
        assert_eq!(lines.len(), 9, "two intervals of four, and another code");
        lines.extend(failures.rest());
        assert!(failures.rest().is_empty());
        let malformed = lines
            .iter()
            .filter(|line| line.code == Code::TokenMalformed);
        assert_eq!(malformed.map(|line| line.count).sum::<u64>(), 1_000);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody() {
        let mut failures = Failures::default();
        for _ in 0..10 {
            failures.note(&refused(1_000, Code::TokenMalformed));
        }
        let line = failures.note(&refused(10, Code::TokenMalformed)).unwrap();
        assert_eq!(line.count, 7);
        failures.put_back(&line);
        assert_eq!(failures.rest()[0].count, 7);
    }
}
