//! How much work a question may take, counted and not timed, so that it is
//! answered on every machine or on none.

use std::cell::Cell;

/// The steps that are left for one question.
///
/// A step is about one cell of an automaton, or one branch of a search.
#[derive(Debug)]
pub struct Budget {
    left: Cell<u64>,
}

/// The question takes more steps than it may, or speaks of something that is not
/// followed: the answer is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded;

impl Budget {
    /// What one question may take, unless it is told: about a second.
    pub const USUAL: u64 = 100_000_000;

    /// So many steps.
    pub const fn new(steps: u64) -> Self {
        Self {
            left: Cell::new(steps),
        }
    }

    /// How many steps are left.
    pub const fn left(&self) -> u64 {
        self.left.get()
    }

    /// Takes steps.
    ///
    /// # Errors
    /// So many are not left; none is from there on.
    pub(crate) fn take(&self, steps: u64) -> Result<(), Exceeded> {
        Together::take(steps)?;
        let left = self.left.get().checked_sub(steps);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Exceeded)
    }
}

thread_local! {
    static TOGETHER: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A bound on the steps that all questions of this thread take together, for as long
/// as it is held.
#[derive(Debug)]
pub(crate) struct Together(());

impl Together {
    /// So many steps for all questions from now on.
    pub(crate) fn new(steps: u64) -> Self {
        TOGETHER.set(Some(steps));
        Self(())
    }

    fn take(steps: u64) -> Result<(), Exceeded> {
        let Some(left) = TOGETHER.get() else {
            return Ok(());
        };
        let left = left.checked_sub(steps);
        TOGETHER.set(Some(left.unwrap_or(0)));
        left.map(|_| ()).ok_or(Exceeded)
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        TOGETHER.set(None);
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::USUAL)
    }
}

impl std::fmt::Display for Exceeded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("it takes more steps than it may, or speaks of what is not followed")
    }
}

impl std::error::Error for Exceeded {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_gone() {
        let budget = Budget::new(3);
        assert_eq!(budget.take(2), Ok(()));
        assert_eq!(budget.take(2), Err(Exceeded));
        assert_eq!((budget.take(1), budget.left()), (Err(Exceeded), 0));
    }

    #[test]
    fn questions_that_share_a_bound_take_of_it_together() {
        let together = Together::new(3);
        assert_eq!(Budget::new(9).take(2), Ok(()));
        let next = Budget::new(9);
        assert_eq!(next.take(2), Err(Exceeded));
        assert_eq!(next.take(1), Err(Exceeded), "what is spent is gone");
        drop(together);
        assert_eq!(Budget::new(9).take(9), Ok(()));
    }
}
