//! What was measured, as the page of benchmarks has it and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::contestant::{Answers, Contestant};
use crate::language::Case;
use crate::machine::Machine;
use crate::measure::{Measured, Plan, QUESTIONS, Start, Times};

const LOCK: &str = include_str!("../Cargo.lock");

/// Libraries whose version is reported.
const LIBRARIES: [&str; 4] = ["regorus", "cedar-policy", "cel", "wasmtime"];

/// Everything that a report says.
pub(crate) struct Report {
    pub(crate) contestants: Vec<Contestant>,
    pub(crate) answers: Vec<Answers>,
    pub(crate) measured: Measured,
    pub(crate) machine: Machine,
    pub(crate) plan: Plan,
    /// Tokens that everybody was asked about.
    pub(crate) tokens: usize,
    /// The payload's length and the token's, in bytes.
    pub(crate) lengths: (usize, usize),
}

/// The version of a package of the lock.
fn version(package: &str) -> &'static str {
    let mut lines = LOCK.lines();
    let name = format!("name = \"{package}\"");
    lines
        .find(|line| *line == name)
        .and_then(|_| lines.next()?.strip_prefix("version = "))
        .map_or("unknown", |version| version.trim_matches('"'))
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn cell(times: &Times) -> String {
    format!("{} / {}", grouped(times.p50), grouped(times.p99))
}

impl Report {
    /// The table and what it was measured on, in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "<!-- printed by tests/peers: the command stands above -->\n\n\
             | ns, p50 / p99 | gives | from JSON text: allow | deny | from parsed: allow | deny |\n\
             |---|---|--:|--:|--:|--:|\n",
        );
        for (contestant, times) in self.contestants.iter().zip(&self.measured.times) {
            let cells: Vec<_> = times.iter().map(cell).collect();
            // Writing to a string can't fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                contestant.name,
                contestant.gives,
                cells.join(" | ")
            );
        }
        let versions: Vec<_> = LIBRARIES
            .iter()
            .map(|name| format!("{name} {}", version(name)))
            .collect();
        let decisions = self.measured.rounds * self.plan.decisions;
        let _ = write!(
            text,
            "\nA payload of {} bytes, a token of {}; {} decisions a cell, in {} rounds; reading the clock \
             is {} ns of each. All agreed about {} tokens. With {}. Measured on {}\n\n\
             <!-- end of what tests/peers printed -->\n",
            grouped(self.lengths.0 as u64),
            grouped(self.lengths.1 as u64),
            grouped(decisions as u64),
            self.measured.rounds,
            self.measured.clock.p50,
            self.tokens,
            versions.join(", "),
            self.machine.describe(),
        );
        text
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let rows = self.contestants.iter().zip(&self.answers);
        let rows = rows.zip(&self.measured.times);
        let versions = LIBRARIES.map(|name| (name.to_owned(), version(name).into()));
        json!({
            "machine": self.machine.json(),
            "versions": Map::from_iter(versions),
            "payload_bytes": self.lengths.0,
            "token_bytes": self.lengths.1,
            "tokens_agreed": self.tokens,
            "rounds": self.measured.rounds,
            "decisions_per_round": self.plan.decisions,
            "clock_ns": self.measured.clock.p50,
            "rows": rows.map(|((contestant, answers), times)| json!({
                "name": contestant.name,
                "gives": contestant.gives,
                "answers": {
                    "allowed": answers.allowed,
                    "denied": answers.denied,
                    "errors": answers.errors,
                },
                "ns": questions(times),
            })).collect::<Vec<_>>(),
        })
    }
}

fn questions(times: &[Times; 4]) -> Vec<Value> {
    let named = QUESTIONS.iter().zip(times).map(|((start, case), times)| {
        json!({
            "from": match start { Start::Text => "text", Start::Parsed => "parsed" },
            "case": match case { Case::Allow => "allow", Case::Deny => "deny" },
            "p50": times.p50,
            "p99": times.p99,
        })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let shown = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn versions_are_those_of_the_lock() {
        for library in LIBRARIES {
            assert!(version(library).contains('.'), "{library}");
        }
        assert_eq!(version("no-such-package"), "unknown");
    }
}
