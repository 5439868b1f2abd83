//! Times of one thing that was done many times.

use std::time::{Duration, Instant};

/// Buckets of a histogram to each doubling.
const TO_A_DOUBLING: f64 = 4.0;
/// Buckets of a histogram at most: four doublings, so that it fits a screen.
const MOST_BUCKETS: usize = 16;

/// How long something took, each time, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    nanoseconds: Vec<u64>,
}

/// The same, in order from the fastest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted {
    nanoseconds: Vec<u64>,
}

/// How many times lie in one stretch of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Where it begins, in nanoseconds.
    pub(crate) from: u64,
    /// How many times lie in it.
    pub(crate) count: usize,
}

impl Samples {
    /// Does `work` this many times, and notes each time how long it took, with
    /// the disposal of what it gave: a host pays for that as well.
    pub(crate) fn take<T>(
        &mut self,
        times: usize,
        mut work: impl FnMut() -> anyhow::Result<T>,
    ) -> anyhow::Result<()> {
        for _ in 0..times {
            let started = Instant::now();
            drop(std::hint::black_box(work()?));
            let took = started.elapsed();
            self.nanoseconds.push(nanoseconds(took));
        }
        Ok(())
    }

    /// Puts the times in order.
    pub(crate) fn sorted(mut self) -> Sorted {
        self.nanoseconds.sort_unstable();
        Sorted {
            nanoseconds: self.nanoseconds,
        }
    }
}

impl Sorted {
    /// The time that this share of all, in percent, does not exceed
    /// (the nearest rank); zero where nothing was timed.
    pub(crate) fn percentile(&self, percent: usize) -> u64 {
        let rank = (self.nanoseconds.len() * percent).div_ceil(100);
        let found = self.nanoseconds.get(rank.saturating_sub(1));
        found.copied().unwrap_or_default()
    }

    /// Where the times lie, on a logarithmic scale: from the fastest up to the
    /// slowest one in a hundred, but 16 buckets at most. The last one holds all that
    /// were slower.
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a scale for people, of numbers far below 2^52"
    )]
    pub(crate) fn histogram(&self) -> Vec<Bucket> {
        let bucket = |time: u64| ((time.max(1) as f64).log2() * TO_A_DOUBLING) as usize;
        let (Some(first), last) = (self.nanoseconds.first(), self.percentile(99)) else {
            return Vec::new();
        };
        let (first, last) = (bucket(*first), bucket(last));
        let last = last.min(first + MOST_BUCKETS - 1);
        let mut buckets: Vec<_> = (first..=last)
            .map(|number| Bucket {
                from: (number as f64 / TO_A_DOUBLING).exp2().ceil() as u64,
                count: 0,
            })
            .collect();
        for time in &self.nanoseconds {
            let place = bucket(*time).clamp(first, last) - first;
            if let Some(bucket) = buckets.get_mut(place) {
                bucket.count += 1;
            }
        }
        buckets
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[u64]) -> Sorted {
        Samples {
            nanoseconds: times.to_vec(),
        }
        .sorted()
    }

    #[test]
    fn percentiles_are_times_that_were_taken() {
        let samples = of(&(1..=200).rev().collect::<Vec<_>>());
        assert_eq!(samples.percentile(50), 100);
        assert_eq!(samples.percentile(99), 198);
        assert_eq!(of(&[7]).percentile(50), 7);
        assert_eq!(of(&[]).percentile(99), 0);
    }

    #[test]
    fn a_histogram_holds_every_time_once() {
        let mut times = vec![1_000; 500];
        times.extend([1_500; 490]);
        times.extend([90_000; 10]);
        let buckets = of(&times).histogram();
        assert_eq!(buckets.iter().map(|one| one.count).sum::<usize>(), 1_000);
        assert_eq!(buckets.first().unwrap().count, 500);
        assert_eq!(buckets.last().unwrap().count, 500);
        assert!(buckets.windows(2).all(|pair| pair[0].from < pair[1].from));
        assert!(of(&[]).histogram().is_empty());
        times.extend([u64::MAX; 900]);
        let buckets = of(&times).histogram();
        assert_eq!(buckets.len(), MOST_BUCKETS);
        assert_eq!(buckets.last().unwrap().count, 910);
    }
}
