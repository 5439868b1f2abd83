//! The steps from a store to a route, and what is refused at one of them.

use claimbound::modules::Version;
use serde::Serialize;

/// A step from a store to a route, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    /// Which versions there are.
    Index,
    /// Whether one of them may follow what was served.
    Version,
    /// Getting it from the store.
    Fetch,
    /// Whose word there is for it.
    Signature,
    /// How it differs from the version in use.
    Comparison,
    /// Making machine code of it, and asking what it is.
    Compile,
    /// Holding it against the route.
    Fit,
    /// The cases that it carries.
    Cases,
    /// Deciding beside the version in use.
    Shadow,
    /// Writing down that it is served, and serving it.
    TakeUp,
}

impl Step {
    /// As it is written.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Version => "version",
            Self::Fetch => "fetch",
            Self::Signature => "signature",
            Self::Comparison => "comparison",
            Self::Compile => "compile",
            Self::Fit => "fit",
            Self::Cases => "cases",
            Self::Shadow => "shadow",
            Self::TakeUp => "take-up",
        }
    }
}

/// What is not taken up, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Refusal {
    pub(crate) step: Step,
    pub(crate) why: String,
}

impl Refusal {
    /// What is refused at `step`.
    pub(crate) fn at<E: std::fmt::Display>(step: Step) -> impl FnOnce(E) -> Self {
        move |why| Self {
            step,
            why: why.to_string(),
        }
    }
}

/// A version that was refused, until it is looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) version: Version,
    pub(crate) refusal: Refusal,
    /// When, in seconds since 1970.
    pub(crate) at: u64,
    /// How often in a row.
    pub(crate) times: u32,
}
