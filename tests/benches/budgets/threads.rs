//! One thread and two, which share a sandbox or have one each.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use claimbound::gate::Gate;
use claimbound::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::Fault;
use crate::asked::{Asked, Due};
use crate::budget::{Budget, table};
use crate::denial::ten_conditions;
use crate::figure::{Figure, grouped};
use crate::stand::{Stand, claims, limits};

/// Rounds that count; one more warms up.
const ROUNDS: usize = 15;
/// How long each arrangement decides in a round.
const STRETCH: Duration = Duration::from_millis(200);
/// How many decisions are made between two looks at the clock.
const BETWEEN: u64 = 20;

/// What is done in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Decision,
    Whole,
}

/// Who does it: the gate of each thread, as places in the list of gates.
const ARRANGEMENTS: [(&str, &[usize]); 3] = [
    ("one thread", &[0]),
    ("two threads, one sandbox", &[0, 0]),
    ("two threads, a sandbox each", &[0, 1]),
];
const PATHS: [(&str, Path); 2] = [("decision", Path::Decision), ("whole path", Path::Whole)];

/// Decisions in a second: by arrangement, then by path.
pub(crate) struct Threads(Vec<Vec<u64>>);

/// One thread's share: how many decisions it made until `end`.
fn decide(gate: &Gate, asked: &Asked, path: Path, end: Instant) -> Result<u64, String> {
    let mut made = 0;
    while Instant::now() < end {
        for _ in 0..BETWEEN {
            match path {
                Path::Decision => asked.decision(gate.policy()),
                Path::Whole => asked.whole(gate),
            }
            .map_err(|fault| fault.to_string())?;
        }
        made += BETWEEN;
    }
    Ok(made)
}

/// Decisions in a second, of all threads together.
fn rate(gates: &[&Gate], asked: &Asked, path: Path) -> Result<u64, Fault> {
    let start = Barrier::new(gates.len());
    let shares = std::thread::scope(|scope| {
        let threads: Vec<_> = gates
            .iter()
            .map(|gate| {
                scope.spawn(|| {
                    start.wait();
                    let began = Instant::now();
                    let made = decide(gate, asked, path, began + STRETCH)?;
                    let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    Ok::<_, String>(made * 1_000_000_000 / took.max(1))
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a thread ended".to_owned()))
            })
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(shares.into_iter().sum())
}

fn median(mut rates: Vec<u64>) -> u64 {
    rates.sort_unstable();
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// # Errors
/// An answer is not the one that is due.
pub(crate) fn measure(stand: &Stand, scale: usize) -> Result<Threads, Fault> {
    let mut gates = Vec::new();
    for _ in 0..2 {
        let sandbox = Sandbox::new(limits(8)?)?;
        gates.push(Arc::new(stand.gate(ten_conditions(&sandbox)?)?));
    }
    let own: Vec<&Gate> = gates.iter().map(Arc::as_ref).collect();
    let [first, ..] = own.as_slice() else {
        return Err("there is no gate".into());
    };
    let asked = stand.asked(
        first,
        &claims(&json!({}))?,
        Due::Allow("production".to_owned()),
    )?;
    let mut rates = vec![vec![Vec::new(); PATHS.len()]; ARRANGEMENTS.len()];
    for round in 0..=(ROUNDS * scale / 100).max(1) {
        for ((_, places), rates) in ARRANGEMENTS.iter().zip(&mut rates) {
            let gates: Vec<&Gate> = places
                .iter()
                .filter_map(|at| own.get(*at).copied())
                .collect();
            for ((_, path), rates) in PATHS.iter().zip(rates) {
                let rate = rate(&gates, &asked, *path)?;
                if round > 0 {
                    rates.push(rate);
                }
            }
        }
    }
    let medians = rates
        .into_iter()
        .map(|paths| paths.into_iter().map(median).collect());
    Ok(Threads(medians.collect()))
}

impl Threads {
    fn at(&self, arrangement: usize, path: usize) -> u64 {
        let rates = self.0.get(arrangement);
        rates
            .and_then(|rates| rates.get(path))
            .copied()
            .unwrap_or_default()
    }

    /// How many times one thread's rate an arrangement reaches.
    fn gain(&self, arrangement: usize, path: usize) -> Figure {
        Figure::ratio(self.at(arrangement, path), self.at(0, path))
    }

    pub(crate) fn budgets(&self) -> Vec<Budget> {
        let each = ARRANGEMENTS.len() - 1;
        let paths = PATHS.iter().enumerate();
        paths
            .map(|(path, (name, _))| {
                let name = format!("{name}, two threads with a sandbox each over one thread");
                Budget::at_least(&name, Figure::hundredths(180), self.gain(each, path))
            })
            .collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let rows = ARRANGEMENTS.iter().enumerate().map(|(at, (name, _))| {
            let mut row = vec![(*name).to_owned()];
            for path in 0..PATHS.len() {
                row.push(grouped(self.at(at, path)));
                row.push(self.gain(at, path).to_string());
            }
            row
        });
        let titles = [
            "decisions in a second",
            "decision",
            "over one",
            "whole path",
            "over one",
        ];
        table(&titles, rows)
    }

    pub(crate) fn json(&self) -> Value {
        let rows = ARRANGEMENTS.iter().enumerate().map(|(at, (name, _))| {
            json!({
                "arrangement": name,
                "decisions_per_second": self.at(at, 0),
                "decisions_gain": self.gain(at, 0).json(),
                "whole_per_second": self.at(at, 1),
                "whole_gain": self.gain(at, 1).json(),
            })
        });
        rows.collect()
    }
}
