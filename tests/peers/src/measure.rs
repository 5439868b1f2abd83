//! Timing, interleaved in rounds so that whatever disturbs the machine disturbs
//! everybody.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Fault;
use crate::contestant::Contestant;
use crate::language::{Answer, Case, Peer};

/// Where a timed decision starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// From the bytes of the claims, which are parsed.
    Text,
    /// From what was parsed before.
    Parsed,
}

/// What is timed of everybody, in the order of the table's columns.
pub(crate) const QUESTIONS: [(Start, Case); 4] = [
    (Start::Text, Case::Allow),
    (Start::Text, Case::Deny),
    (Start::Parsed, Case::Allow),
    (Start::Parsed, Case::Deny),
];

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Rounds that count; one more warms up.
    pub(crate) rounds: usize,
    /// Decisions of each question in a round.
    pub(crate) decisions: usize,
    /// No round begins later than this.
    pub(crate) longest: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            rounds: 100,
            decisions: 200,
            longest: Duration::from_mins(1),
        }
    }
}

/// Nanoseconds that a decision takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// The median.
    pub(crate) p50: u64,
    /// What 99 of 100 do not exceed.
    pub(crate) p99: u64,
}

impl Times {
    fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        Self {
            p50: percentile(&samples, 50),
            p99: percentile(&samples, 99),
        }
    }
}

/// The nearest rank of sorted samples; zero where there are none.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    let index = rank.saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// What was measured.
pub(crate) struct Measured {
    /// Each contestant's times, by question, in the order of both.
    pub(crate) times: Vec<[Times; 4]>,
    /// Rounds that counted.
    pub(crate) rounds: usize,
    /// What reading the clock adds to each sample.
    pub(crate) clock: Times,
}

/// Times everybody, and says so on `progress` round by round.
///
/// # Errors
/// An answer is not the one that was agreed on.
pub(crate) fn measure(
    contestants: &mut [Contestant],
    plan: Plan,
    progress: impl Fn(usize),
) -> Result<Measured, Fault> {
    let capacity = plan.rounds * plan.decisions;
    let mut samples: Vec<[Vec<u64>; 4]> = contestants
        .iter()
        .map(|_| QUESTIONS.map(|_| Vec::with_capacity(capacity)))
        .collect();
    round(contestants, plan.decisions, 0, &mut samples)?;
    samples.iter_mut().flatten().for_each(Vec::clear);
    let begun = Instant::now();
    let mut rounds = 0;
    while rounds < plan.rounds && begun.elapsed() < plan.longest {
        round(contestants, plan.decisions, rounds, &mut samples)?;
        rounds += 1;
        progress(rounds);
    }
    Ok(Measured {
        times: samples
            .into_iter()
            .map(|samples| samples.map(Times::of))
            .collect(),
        rounds,
        clock: clock(),
    })
}

/// Asks everybody everything, each round beginning with another one.
fn round(
    contestants: &mut [Contestant],
    decisions: usize,
    first: usize,
    samples: &mut [[Vec<u64>; 4]],
) -> Result<(), Fault> {
    let count = contestants.len();
    let mut order: Vec<_> = contestants.iter_mut().zip(samples).collect();
    order.rotate_left(first % count.max(1));
    for (contestant, samples) in order {
        for (question, samples) in QUESTIONS.iter().zip(samples) {
            for _ in 0..decisions {
                let (answer, took) = ask(contestant.peer.as_mut(), *question);
                samples.push(took);
                if answer.allows() != (question.1 == Case::Allow) {
                    return Err(
                        format!("{} changed its mind: {question:?}", contestant.name).into(),
                    );
                }
            }
        }
    }
    Ok(())
}

/// Asks one question and says how many nanoseconds the answer took.
fn ask(peer: &mut dyn Peer, (start, case): (Start, Case)) -> (Answer, u64) {
    let case = black_box(case);
    let begun = Instant::now();
    let answer = black_box(match start {
        Start::Text => peer.ask_text(case),
        Start::Parsed => peer.ask_parsed(case),
    });
    (answer, nanoseconds(begun.elapsed()))
}

fn clock() -> Times {
    let samples = (0..10_000).map(|_| nanoseconds(Instant::now().elapsed()));
    Times::of(samples.collect())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let times = Times::of((1..=200).rev().collect());
        assert_eq!((times.p50, times.p99), (100, 198));
        let times = Times::of(vec![7]);
        assert_eq!((times.p50, times.p99), (7, 7));
        assert_eq!(Times::of(Vec::new()).p99, 0);
    }
}
