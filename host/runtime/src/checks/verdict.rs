//! What became of a check.

use std::fmt;

use crate::outcome::HostError;

/// What became of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// The check's name.
    pub name: &'a str,
    /// Why it does not hold; none where it does.
    pub fault: Option<Fault>,
}

impl Verdict<'_> {
    /// Whether the policy said what the check expects.
    pub const fn holds(&self) -> bool {
        self.fault.is_none()
    }
}

/// Why a check does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The policy said something else: what was expected and what was found, in
    /// one sentence.
    Differs(String),
    /// It gave no answer. [`HostCode::Busy`](crate::reason::HostCode::Busy) is of
    /// the host's making: the check may be run again.
    NoAnswer(HostError),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(message) => formatter.write_str(message),
            Self::NoAnswer(error) => write!(formatter, "no answer: {error}"),
        }
    }
}
