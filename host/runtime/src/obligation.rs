//! What a host must do before an allow counts, and who does it.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};

use crate::gate::Judged;
use crate::outcome::{Denied, HostError};
use crate::reason::{HostCode, Refusal};

/// What to do with a name that the ledger does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstUse {
    /// Deny it until an operator approves it.
    Refuse,
    /// Bind it to the identity that the token carries.
    Enrol,
}

/// What a host must do before an allow counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Obligation {
    /// The ledger accepts the workload's names.
    Bind(FirstUse),
    /// The token has not been used before and is spent by this decision.
    UseOnce,
    /// Possession of the key in `cnf` is proved by this method.
    Prove(String),
    /// A kind that the contract does not name, with its parameters as JSON.
    Other {
        /// Its kind.
        kind: String,
        /// Its parameters.
        json: String,
    },
}

impl Obligation {
    /// Its kind, as a manifest lists it.
    pub fn kind(&self) -> &str {
        match self {
            Self::Bind(_) => "bind",
            Self::UseOnce => "use-once",
            Self::Prove(_) => "prove",
            Self::Other { kind, .. } => kind,
        }
    }
}

impl fmt::Display for Obligation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(FirstUse::Refuse) => formatter.write_str("bind (first use refused)"),
            Self::Bind(FirstUse::Enrol) => formatter.write_str("bind (first use enrols)"),
            Self::UseOnce => formatter.write_str("use-once"),
            Self::Prove(method) => write!(formatter, "prove ({method})"),
            Self::Other { kind, .. } => formatter.write_str(kind),
        }
    }
}

impl Serialize for Obligation {
    /// An object with `kind` and what belongs to it.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind())?;
        match self {
            Self::Bind(first_use) => map.serialize_entry("first_use", first_use)?,
            Self::UseOnce => {}
            Self::Prove(method) => map.serialize_entry("method", method)?,
            Self::Other { json, .. } => map.serialize_entry("parameters", json)?,
        }
        map.end()
    }
}

/// Meets obligations: the ledger, single use, proofs.
///
/// A host attaches one to its [`Gate`](crate::gate::Gate). Without one, a
/// decision that carries an obligation is `host.obligation`, never an allow.
pub trait Commit: Send + Sync {
    /// Whether this can meet `obligation` at all. Asked before anything is
    /// committed; what no part of the host can meet is `host.obligation`.
    fn can_meet(&self, obligation: &Obligation) -> bool;

    /// Meets all obligations of `judged`, or none of them.
    ///
    /// # Errors
    /// [`CommitError::Refused`] where one is not met, [`CommitError::Failed`]
    /// where that could not be found out.
    fn commit(&self, judged: &Judged) -> Result<Committed, CommitError>;
}

/// All obligations are met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// What had to be assumed for it, in words; empty in a real host.
    pub assumed: Vec<String>,
    /// What the ledger said of the workload's names; none where it was not
    /// asked.
    pub bound: Option<Bound>,
    /// Whether the token was spent.
    pub spent: bool,
}

/// How the ledger came to accept a workload's names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// It knew all of them, each under the id that the token carries.
    Known,
    /// It enrolled these, each as its kind, a space and the name; never empty.
    Enrolled(Vec<String>),
}

/// Not all obligations are met, and none took effect.
#[derive(Debug)]
pub enum CommitError {
    /// At least one is not met: the token is denied.
    Refused(Denied),
    /// The store, or whatever else was asked, gave no answer.
    Failed(HostError),
}

impl From<Refusal> for CommitError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<HostError> for CommitError {
    fn from(error: HostError) -> Self {
        Self::Failed(error)
    }
}

/// Nothing is attached: no obligation can be met.
#[derive(Clone, Copy, Debug, Default)]
pub struct NothingAttached;

impl Commit for NothingAttached {
    fn can_meet(&self, _: &Obligation) -> bool {
        false
    }

    fn commit(&self, judged: &Judged) -> Result<Committed, CommitError> {
        match judged.obligations().first() {
            None => Ok(Committed::default()),
            Some(obligation) => Err(CommitError::Failed(unmet(obligation))),
        }
    }
}

/// The failure of an obligation that nothing attached can meet.
pub(crate) fn unmet(obligation: &Obligation) -> HostError {
    HostError::new(
        HostCode::Obligation,
        format!("nothing attached to this host can meet obligation `{obligation}`"),
    )
}
