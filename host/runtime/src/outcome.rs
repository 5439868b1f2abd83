//! What became of a token: three answers, told apart by type.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::grant::Grant;
use crate::obligation::{Bound, Obligation};
use crate::policy::PolicyId;
use crate::reason::{HostCode, Reason, Refusal};

/// What became of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is accepted; every obligation is met.
    Allow(Box<Allowed>),
    /// It is not accepted: an answer.
    Deny(Denied),
    /// No answer could be given. It never allows.
    Error(HostError),
}

/// An accepted token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The policy that accepted it.
    pub policy: Arc<PolicyId>,
    /// The statement that accepted it.
    pub statement: String,
    /// What its bearer may do.
    pub grant: Grant,
    /// What had to be met first, and was.
    pub obligations: Vec<Obligation>,
    /// The issuer of the token, as its `iss` has it.
    pub issuer: String,
    /// The token's `sub`.
    pub subject: String,
    /// The token's `cnf`, as JSON: what possession was proved of.
    pub confirmation: Option<String>,
    /// Whose token it is.
    pub workload: claimbound_issuers::Workload,
    /// When what is granted ends, in seconds since 1970, exclusive: the token's
    /// `exp`, or the grant's own end where that comes first.
    pub ends_at: u64,
    /// What whoever met the obligations had to assume; empty in a real host.
    pub assumed: Vec<String>,
    /// What the ledger said of the workload's names; none where it was not
    /// asked.
    pub bound: Option<Bound>,
    /// Whether the token was spent.
    pub spent: bool,
}

/// A token that is not accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Denied {
    /// Why, at most 16; never empty.
    pub reasons: Vec<Reason>,
    /// More reasons were left out.
    pub truncated: bool,
}

/// Why no answer could be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct HostError {
    /// What kind of failure.
    pub code: HostCode,
    /// One sentence for an operator.
    pub message: String,
}

impl HostError {
    /// A failure.
    pub fn new(code: HostCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl Outcome {
    /// Whether the token is accepted.
    pub const fn is_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self {
            reasons: vec![refusal.into_reason()],
            truncated: false,
        }
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::Deny(refusal.into())
    }
}

impl From<HostError> for Outcome {
    fn from(error: HostError) -> Self {
        Self::Error(error)
    }
}
