//! Timing, interleaved in rounds so that whatever disturbs the machine disturbs
//! everything that is compared.

use std::hint::black_box;
use std::time::Instant;

use crate::Fault;
use crate::samples::{Samples, Times};

/// Something that is timed: it is told how often it was done before, and ends in
/// an error where its answer is not the one that is due.
pub(crate) type Work<'a> = Box<dyn FnMut(usize) -> Result<(), Fault> + 'a>;

/// How much is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Rounds that count; one more warms up.
    pub(crate) rounds: usize,
    /// How often each piece of work is done in a round.
    pub(crate) each: usize,
}

impl Plan {
    /// So many hundredths of the rounds, and one at least.
    pub(crate) fn scaled(self, scale: usize) -> Self {
        Self {
            rounds: (self.rounds * scale / 100).max(1),
            ..self
        }
    }
}

/// Times every piece of work, each round beginning with another one.
///
/// # Errors
/// The first answer that is not the one that is due.
pub(crate) fn time(works: &mut [Work<'_>], plan: Plan) -> Result<Vec<Times>, Fault> {
    let mut samples = vec![Samples::default(); works.len()];
    let count = works.len().max(1);
    for round in 0..=plan.rounds {
        let mut order: Vec<_> = works.iter_mut().zip(&mut samples).collect();
        order.rotate_left(round % count);
        for (work, samples) in order {
            for turn in 0..plan.each {
                let begun = Instant::now();
                let outcome = black_box(work(round * plan.each + turn));
                samples.push(begun.elapsed());
                outcome?;
            }
        }
        if round == 0 {
            samples.iter_mut().for_each(Samples::clear);
        }
    }
    Ok(samples.into_iter().map(Samples::times).collect())
}
