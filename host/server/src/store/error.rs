//! Why a store gives no module, or takes none.

use claimbound::modules::Digest;

/// What a store could not do, and why. None of them lets a module be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It is not there.
    #[error("the store has no {what}")]
    Absent {
        /// What was asked for.
        what: String,
    },
    /// The store does not answer, or not in time.
    #[error("the store `{place}` can't be reached: {cause}")]
    Unreachable {
        /// The store, or the place in it that was asked.
        place: String,
        /// What came of it.
        cause: String,
    },
    /// The store answers, and says no.
    #[error("the store refuses `{place}`: {cause}")]
    Refused {
        /// The place that was asked.
        place: String,
        /// What it answered.
        cause: String,
    },
    /// There is more of it than is taken.
    #[error("{what} has more than {limit} bytes")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The most that is taken, in bytes.
        limit: u64,
    },
    /// What the store gives is not what was promised.
    #[error("{what} has digest `{found}`, not `{promised}`")]
    WrongDigest {
        /// What was read.
        what: String,
        /// The digest that it should have.
        promised: Digest,
        /// The digest that it has, or that the store says it has.
        found: Digest,
    },
    /// What the store gives is not in its form.
    #[error("{what} can't be understood: {cause}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Something else is there already, which stays.
    #[error("{what} is in the store already, and is another: {cause}")]
    Conflict {
        /// What was pushed.
        what: String,
        /// How the two differ, and what would do.
        cause: String,
    },
    /// The store, or what is in it, can't stand where it is said to.
    #[error("`{place}` can't be used: {cause}")]
    Path {
        /// The place.
        place: String,
        /// Why it can't be used.
        cause: String,
    },
}

impl StoreError {
    pub(super) fn absent(what: impl Into<String>) -> Self {
        Self::Absent { what: what.into() }
    }

    pub(super) fn malformed(what: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Malformed {
            what: what.into(),
            cause: cause.to_string(),
        }
    }

    pub(super) fn conflict(what: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Conflict {
            what: what.into(),
            cause: cause.into(),
        }
    }

    pub(super) fn path(place: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Path {
            place: place.into(),
            cause: cause.to_string(),
        }
    }

    pub(super) fn unreachable(place: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Unreachable {
            place: place.into(),
            cause: cause.to_string(),
        }
    }
}
