//! How long one thing took, many times.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::figure::grouped;

/// Times in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<u64>);

/// What is said of samples, in nanoseconds; zero where there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// The median.
    pub(crate) p50: u64,
    /// What 99 of 100 do not exceed.
    pub(crate) p99: u64,
}

impl Samples {
    /// Notes one more.
    pub(crate) fn push(&mut self, took: Duration) {
        self.0
            .push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is said of them.
    pub(crate) fn times(mut self) -> Times {
        self.0.sort_unstable();
        Times {
            p50: percentile(&self.0, 50),
            p99: percentile(&self.0, 99),
        }
    }
}

impl Times {
    pub(crate) fn json(self) -> Value {
        json!({ "p50": self.p50, "p99": self.p99 })
    }
}

impl fmt::Display for Times {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} / {}", grouped(self.p50), grouped(self.p99))
    }
}

/// The nearest rank of sorted samples.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    let found = sorted.get(rank.saturating_sub(1));
    found.copied().unwrap_or_default()
}
