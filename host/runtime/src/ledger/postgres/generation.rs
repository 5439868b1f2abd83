//! The ledger's generation, as the server last said it, and when.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::ledger::store::AsOf;

/// The generation, as far as it is known here.
///
/// What is known counts for as long as the bound by both sides of the clock: the
/// monotonic one misses the time that a machine sleeps, the other one can be
/// set. A clock that stands still would trust it for ever, so it counts as well
/// only while the listener, whose timers are the system's, hears the server: that
/// ends a bound after a question without an answer.
pub(super) struct Generation {
    clock: Arc<dyn Clock>,
    bound: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last ticket that was given.
    ticket: u64,
    /// Answers to questions up to this ticket count for nothing.
    void: u64,
    known: Option<Known>,
    /// Whether the listener hears the server.
    heard: bool,
    /// Moves on when the server is lost, and when it is found again: what is
    /// there then may be an older copy.
    epoch: u64,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    generation: u64,
    asked: Asked,
}

/// When the server was asked, before the question was sent: what it answers was
/// so then, or later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    ticket: u64,
    monotonic: Duration,
    now: u64,
}

impl Generation {
    /// Nothing is known yet.
    pub(super) fn new(clock: Arc<dyn Clock>, bound: Duration) -> Self {
        Self {
            clock,
            bound,
            state: Mutex::default(),
        }
    }

    /// To be called before the server is asked.
    pub(super) fn ask(&self) -> Asked {
        let (monotonic, now) = (self.clock.monotonic(), self.clock.now());
        let mut state = self.lock();
        state.ticket += 1;
        Asked {
            ticket: state.ticket,
            monotonic,
            now,
        }
    }

    /// Takes an answer, unless the server was asked again since.
    pub(super) fn answer(&self, asked: Asked, generation: u64) {
        let mut state = self.lock();
        let last = state.known.map_or(0, |known| known.asked.ticket);
        if asked.ticket > state.void && asked.ticket >= last {
            state.known = Some(Known { generation, asked });
        }
    }

    /// Takes what this process has changed itself: answers to what was asked
    /// before now count for nothing, whatever they say.
    pub(super) fn changed(&self, asked: Asked, generation: u64) {
        let mut state = self.lock();
        state.void = state.ticket;
        state.known = Some(Known { generation, asked });
    }

    /// Forgets what is known and what was asked, where it may have changed.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.void = state.ticket;
        state.known = None;
    }

    /// The listener hears the server.
    pub(super) fn found(&self) {
        self.hears(true);
    }

    /// The listener doesn't hear the server any more.
    pub(super) fn lost(&self) {
        self.hears(false);
    }

    fn hears(&self, heard: bool) {
        let mut state = self.lock();
        state.epoch += u64::from(state.heard != heard);
        state.heard = heard;
    }

    /// What is read now is of this epoch, or of one before.
    pub(super) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// The generation, if it was the server's within the bound.
    pub(super) fn fresh(&self) -> Option<AsOf> {
        let (monotonic, now) = (self.clock.monotonic(), self.clock.now());
        let state = self.lock();
        let known = state.known.filter(|_| state.heard)?;
        let asked = known.asked;
        let fresh = monotonic.saturating_sub(asked.monotonic) < self.bound
            // Whole seconds, so up to one more than the bound.
            && now.abs_diff(asked.now) <= self.bound.as_secs() + 1;
        fresh.then_some(AsOf {
            epoch: state.epoch,
            generation: known.generation,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Generation")
            .field("bound", &self.bound)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Milliseconds since a start.
    #[derive(Default)]
    struct Hand {
        monotonic: AtomicU64,
        now: AtomicU64,
    }

    impl Clock for Hand {
        fn now(&self) -> u64 {
            self.now.load(Ordering::Relaxed)
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.monotonic.load(Ordering::Relaxed))
        }
    }

    fn heard() -> (Arc<Hand>, Generation) {
        let clock = Arc::new(Hand::default());
        let generation = Generation::new(Arc::clone(&clock) as _, Duration::from_secs(1));
        generation.found();
        (clock, generation)
    }

    fn fresh(generation: &Generation) -> Option<u64> {
        generation.fresh().map(|as_of| as_of.generation)
    }

    #[test]
    fn a_server_that_came_back_is_another() {
        let (_, generation) = heard();
        generation.answer(generation.ask(), 7);
        let before = generation.fresh();
        generation.lost();
        generation.found();
        generation.answer(generation.ask(), 7);
        assert!(generation.fresh().is_some());
        assert_ne!(generation.fresh(), before);
    }

    #[test]
    fn an_answer_counts_from_its_question_until_the_bound() {
        let (clock, generation) = heard();
        let asked = generation.ask();
        clock.monotonic.store(999, Ordering::Relaxed);
        generation.answer(asked, 7);
        assert_eq!(fresh(&generation), Some(7));
        clock.monotonic.store(1_000, Ordering::Relaxed);
        assert_eq!(fresh(&generation), None);
    }

    #[test]
    fn a_machine_that_slept_asks_again() {
        let (clock, generation) = heard();
        generation.answer(generation.ask(), 7);
        clock.now.store(3, Ordering::Relaxed);
        assert_eq!(fresh(&generation), None);
    }

    #[test]
    fn under_a_clock_that_stands_still_it_counts_while_the_server_is_heard() {
        let (_, generation) = heard();
        generation.answer(generation.ask(), 7);
        assert_eq!(fresh(&generation), Some(7));
        generation.lost();
        assert_eq!(fresh(&generation), None);
    }

    #[test]
    fn a_question_from_before_an_own_change_does_not_undo_it() {
        let (_, generation) = heard();
        let before = generation.ask();
        generation.changed(generation.ask(), 8);
        generation.answer(before, 7);
        assert_eq!(fresh(&generation), Some(8));
        generation.answer(generation.ask(), 9);
        assert_eq!(fresh(&generation), Some(9));
    }

    #[test]
    fn what_may_have_changed_is_forgotten() {
        let (_, generation) = heard();
        let before = generation.ask();
        generation.answer(generation.ask(), 7);
        generation.forget();
        assert_eq!(fresh(&generation), None);
        generation.answer(before, 7);
        assert_eq!(fresh(&generation), None);
    }
}
