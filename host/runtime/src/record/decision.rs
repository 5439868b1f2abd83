//! A decision as its line has it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kept::Kept;
use super::line::cut;
use crate::hexadecimal;
use crate::obligation::{Bound, Committed};
use crate::outcome::{HostError, Outcome};
use crate::policy::PolicyId;
use crate::reason::{Reason, clip};
use crate::verify::Verified;

/// Longest subject that is written, in bytes: that of the longest SPIFFE ID.
const LONGEST_SUBJECT: usize = 2048;
/// Longest message of a failure that is written, in bytes.
const LONGEST_MESSAGE: usize = 1024;

/// A decision on a verified token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The time that it was decided as of, in seconds since 1970.
    pub time: u64,
    /// The route that the token was presented to.
    pub route: String,
    /// The policy that was asked, or would have been.
    pub policy: PolicyId,
    /// The token's issuer.
    pub issuer: String,
    /// Its `sub`, cut to 2048 bytes.
    pub subject: String,
    /// Its `jti`, cut to 256 bytes.
    pub token_id: Option<String>,
    /// `sha256:` and the digest of what was signed, in hexadecimal: it tells
    /// tokens apart, and none can be made from it.
    pub token_digest: String,
    /// What became of it.
    pub outcome: Verdict,
    /// The step that it came to.
    pub stage: Stage,
    /// The statement that accepted it, also where an obligation was not met.
    pub statement: Option<String>,
    /// Why it was denied.
    pub reasons: Vec<Reason>,
    /// More reasons were left out.
    pub truncated: bool,
    /// Why no answer could be given.
    pub error: Option<HostError>,
    /// What the ledger and the store of used tokens said.
    pub ledger: Ledger,
    /// What whoever met the obligations had to assume; empty in a real host.
    pub assumed: Vec<String>,
    /// When what was granted ends, in seconds since 1970, exclusive.
    pub ends_at: Option<u64>,
    /// How long it took, in microseconds, writing excluded.
    pub latency_us: u64,
    /// All it takes to derive it again, where that was chosen.
    pub kept: Option<Box<Kept>>,
    /// What was left out or shortened because the line would have been too
    /// long: `kept`, `reasons`.
    pub cut: Vec<String>,
}

/// What became of a token, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is accepted.
    Allow,
    /// It is not.
    Deny,
    /// No answer could be given.
    Error,
}

impl Verdict {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

impl From<&Outcome> for Verdict {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Allow(_) => Self::Allow,
            Outcome::Deny(_) => Self::Deny,
            Outcome::Error(_) => Self::Error,
        }
    }
}

/// The step that settled a decision. That of an accepted token is
/// [`Stage::Commit`], the last that could have denied it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Deriving the workload by the issuer's naming model.
    Identify,
    /// What holds of every token: type, dates, audience.
    Floor,
    /// The policy.
    Policy,
    /// The most that the route lets a policy grant.
    Ceiling,
    /// Meeting obligations: ledger, single use, proofs.
    Commit,
    /// Looking at the clock once more.
    Recheck,
}

impl Stage {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Floor => "floor",
            Self::Policy => "policy",
            Self::Ceiling => "ceiling",
            Self::Commit => "commit",
            Self::Recheck => "recheck",
        }
    }

    /// Whether the policy and the ceiling had accepted the token by then.
    pub const fn is_after_policy(self) -> bool {
        match self {
            Self::Identify | Self::Floor | Self::Policy | Self::Ceiling => false,
            Self::Commit | Self::Recheck => true,
        }
    }
}

/// What the ledger and the store of used tokens said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// How it came to accept the workload's names; none where it was not asked
    /// or did not accept them.
    pub bound: Option<Bound>,
    /// Whether the token was spent, also where no answer could be given after
    /// that.
    pub spent: bool,
}

impl From<&Committed> for Ledger {
    fn from(committed: &Committed) -> Self {
        Self {
            bound: committed.bound.clone(),
            spent: committed.spent,
        }
    }
}

/// What a decision came to, before it is told.
pub(crate) struct Ended {
    pub(crate) stage: Stage,
    pub(crate) statement: Option<String>,
    pub(crate) ledger: Ledger,
    pub(crate) outcome: Outcome,
}

/// What a line says of a token, taken down before the token is decided.
pub(crate) struct Presented {
    issuer: String,
    subject: String,
    token_id: Option<String>,
    token_digest: String,
    kept: Option<Box<Kept>>,
}

impl Presented {
    pub(crate) fn new(token: &Verified, kept: Option<Kept>) -> Self {
        Self {
            issuer: token.issuer().url().to_owned(),
            subject: cut(token.subject(), LONGEST_SUBJECT),
            token_id: token.token_id().map(clip),
            token_digest: hexadecimal::encode("sha256:", &token.digest()),
            kept: kept.map(Box::new),
        }
    }

    /// The line of what became of it.
    pub(crate) fn decided(
        self,
        route: &str,
        policy: &PolicyId,
        (time, latency): (u64, Duration),
        ended: &Ended,
    ) -> Decision {
        let mut decision = Decision {
            time,
            route: route.to_owned(),
            policy: policy.clone(),
            issuer: self.issuer,
            subject: self.subject,
            token_id: self.token_id,
            token_digest: self.token_digest,
            outcome: Verdict::from(&ended.outcome),
            stage: ended.stage,
            statement: ended.statement.clone(),
            reasons: Vec::new(),
            truncated: false,
            error: None,
            ledger: ended.ledger.clone(),
            assumed: Vec::new(),
            ends_at: None,
            latency_us: u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
            kept: self.kept,
            cut: Vec::new(),
        };
        decision.take(&ended.outcome);
        decision
    }
}

impl Decision {
    fn take(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Allow(allowed) => {
                self.assumed.clone_from(&allowed.assumed);
                self.ends_at = Some(allowed.ends_at);
            }
            Outcome::Deny(denied) => {
                self.reasons.clone_from(&denied.reasons);
                self.truncated = denied.truncated;
            }
            Outcome::Error(error) => {
                let message = cut(&error.message, LONGEST_MESSAGE);
                self.error = Some(HostError::new(error.code, message));
            }
        }
    }

    /// The same without what it takes to derive it again.
    pub(super) fn without_kept(&self) -> Self {
        let mut decision = self.clone();
        if decision.kept.take().is_some() {
            decision.cut.push("kept".to_owned());
        }
        decision
    }

    /// The same, its reasons reduced to codes and statements.
    pub(super) fn with_bare_reasons(&self) -> Self {
        let mut decision = self.without_kept();
        for reason in &mut decision.reasons {
            *reason = Reason {
                statement: reason.statement.take(),
                ..Reason::new(reason.code, "")
            };
        }
        decision.assumed.clear();
        decision.cut.push("reasons".to_owned());
        decision
    }
}
