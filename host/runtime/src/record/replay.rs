//! A decision derived once more from what its line kept.

use std::sync::Arc;

use claimbound_issuers::{Model, Registry};

use super::decision::{Decision, Stage, Verdict};
use super::kept::{Kept, KeptPaths};
use crate::clock::FixedClock;
use crate::danger::{Assumed, AssumedKey, assume_verified_again};
use crate::floor::Floor;
use crate::gate::Gate;
use crate::issuer::{Issuer, Issuers, Settings};
use crate::json::{Limits, Node};
use crate::key::{Algorithm, KeySet};
use crate::outcome::Outcome;
use crate::policy::{Manifest, Policy, Request};
use crate::reason::{Code, HostCode};
use crate::token::Claims;
use crate::verify::Verified;

/// Why a decision can't be derived again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDerived {
    /// The line does not say of what it was made.
    #[error("its claims were not kept")]
    NotKept,
    /// There is no naming model of that name here.
    #[error("there is no naming model `{0}` here")]
    Model(String),
    /// What the line kept can't be what a decision was made of.
    #[error("what it kept is not valid: {0}")]
    Invalid(String),
    /// The policy reads a claim that the line's policy did not, so that it was
    /// not kept.
    #[error("the policy reads claim `{0}`, which was not kept")]
    Claim(String),
    /// The policy reads the whole payload, of which a part was kept.
    #[error("the policy reads the whole payload, which was not kept")]
    Payload,
    /// The policy reads an attribute that the line's policy did not.
    #[error("the policy reads attribute `{0}`, which was not kept")]
    Attribute(String),
    /// The policy reads the issuer's published keys, which are never kept.
    #[error("the policy reads the issuer's published keys, which are not kept")]
    PublishedKeys,
    /// The host failed in a way that has to do with its state and not with the
    /// token, then or now.
    #[error("the host failed with `{0}`, which another run need not repeat")]
    Passing(HostCode),
}

/// Where a decision and what was derived again are not the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// The outcome.
    Outcome,
    /// The statement.
    Statement,
    /// The codes of the reasons or of the failure, or the statements of the
    /// reasons.
    Codes,
}

impl Decision {
    /// Derives the outcome again, before any obligation is met, by `policy`:
    /// the one that decided, or one that might have.
    ///
    /// The token is not verified again: who can write to the record can write
    /// any claims into it, and the chain is what vouches for them.
    ///
    /// # Errors
    /// Why that is not possible.
    pub fn decide_again(
        &self,
        policy: &Arc<Policy>,
        models: &Registry,
    ) -> Result<Outcome, NotDerived> {
        let kept = self.kept.as_deref().ok_or(NotDerived::NotKept)?;
        let model = models
            .get(&kept.model)
            .ok_or_else(|| NotDerived::Model(kept.model.clone()))?;
        let claims = kept.parsed()?;
        kept.has_all(policy.manifest(), &kept.paths(model, &self.issuer, &claims))?;
        let issuer = Arc::new(kept.issuer(&self.issuer, model)?);
        let issuers = Issuers::new([Arc::clone(&issuer)]).map_err(invalid)?;
        let floor = Floor::new(kept.audience.as_str())
            .and_then(|floor| floor.with_leeway(kept.leeway))
            .map_err(invalid)?;
        let gate = Gate::new(issuers, floor, Arc::clone(policy), kept.ceiling.clone());
        let request = Request::with_attributes(kept.attributes.clone());
        let outcome = match kept.token(claims, &issuer)? {
            Err(outcome) => outcome,
            Ok(token) => gate.preview(token, &request, &FixedClock(self.time)),
        };
        match &outcome {
            Outcome::Error(error) if is_passing(error.code) => Err(NotDerived::Passing(error.code)),
            Outcome::Allow(_) | Outcome::Deny(_) | Outcome::Error(_) => Ok(outcome),
        }
    }

    /// What the policy and the ceiling said of the token, before its
    /// obligations.
    pub fn before_obligations(&self) -> Verdict {
        if self.stage.is_after_policy() {
            Verdict::Allow
        } else {
            self.outcome
        }
    }

    /// Compares what is on record with what was derived again, up to the
    /// obligations; none where they are the same.
    ///
    /// # Errors
    /// What is on record was a passing failure of the host.
    pub fn disagrees(&self, again: &Outcome) -> Result<Option<Disagreement>, NotDerived> {
        if let Some(error) = &self.error
            && self.stage == Stage::Policy
            && is_passing(error.code)
        {
            return Err(NotDerived::Passing(error.code));
        }
        if self.before_obligations() != Verdict::from(again) {
            return Ok(Some(Disagreement::Outcome));
        }
        let disagreement = match again {
            Outcome::Allow(allowed) => {
                let same = self.statement.as_deref() == Some(allowed.statement.as_str());
                (!same).then_some(Disagreement::Statement)
            }
            Outcome::Deny(denied) => {
                let said = |(reason, other): (&crate::reason::Reason, &crate::reason::Reason)| {
                    (reason.code, &reason.statement) == (other.code, &other.statement)
                };
                let same = self.reasons.len() == denied.reasons.len()
                    && self.truncated == denied.truncated
                    && self.reasons.iter().zip(&denied.reasons).all(said);
                (!same).then_some(Disagreement::Codes)
            }
            Outcome::Error(error) => {
                let same = self.error.as_ref().map(|one| one.code) == Some(error.code);
                (!same).then_some(Disagreement::Codes)
            }
        };
        Ok(disagreement)
    }
}

/// Whether a failure may be gone at the next try.
const fn is_passing(code: HostCode) -> bool {
    match code {
        HostCode::Trap
        | HostCode::Memory
        | HostCode::Policy
        | HostCode::Contract
        | HostCode::Obligation
        | HostCode::Ceiling
        | HostCode::Configuration => false,
        HostCode::Deadline
        | HostCode::Store
        | HostCode::Record
        | HostCode::Keys
        | HostCode::Busy => true,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
fn invalid(error: impl ToString) -> NotDerived {
    NotDerived::Invalid(error.to_string())
}

impl Kept {
    /// Whether all that a policy reads was kept.
    fn has_all(&self, manifest: &Manifest, kept: &KeptPaths<'_>) -> Result<(), NotDerived> {
        if manifest.published_keys {
            return Err(NotDerived::PublishedKeys);
        }
        let claims = match (&manifest.claims, &self.reads.claims) {
            (None, Some(_)) => return Err(NotDerived::Payload),
            (claims, _) => claims.iter().flatten(),
        };
        for path in claims {
            if !kept.contains(path) {
                return Err(NotDerived::Claim(path.join(" › ")));
            }
        }
        let mut attributes = manifest.attributes.iter();
        match attributes.find(|name| !self.reads.attributes.contains(name)) {
            Some(name) => Err(NotDerived::Attribute(name.clone())),
            None => Ok(()),
        }
    }

    /// The claims; as long as a line may be, for a token's own limit was
    /// another's choice.
    fn parsed(&self) -> Result<Claims, NotDerived> {
        Claims::parse(self.claims.as_str(), &Limits::FILE).map_err(invalid)
    }

    fn paths<'a>(&'a self, model: &'a Model, issuer: &str, claims: &Claims) -> KeptPaths<'a> {
        let subject = claims.get(&["sub"]).and_then(Node::text);
        KeptPaths::new(&self.reads, model, issuer, subject.unwrap_or_default())
    }

    fn issuer(&self, url: &str, model: &Arc<Model>) -> Result<Issuer, NotDerived> {
        let settings = Settings {
            token_types: Some(self.token_types.clone()),
            longest_lifetime: Some(self.longest_lifetime),
            ..Settings::default()
        };
        Issuer::new(url, Arc::clone(model), KeySet::default(), settings).map_err(invalid)
    }

    /// The token, as if it had just been verified; else its refusal.
    fn token(
        &self,
        claims: Claims,
        issuer: &Arc<Issuer>,
    ) -> Result<Result<Verified, Outcome>, NotDerived> {
        let algorithm = Algorithm::parse(&self.key.algorithm)
            .ok_or_else(|| NotDerived::Invalid(format!("algorithm `{}`", self.key.algorithm)))?;
        let assumed = Assumed {
            token_type: self.token_type.clone(),
            algorithm,
            key_id: self.key.id.clone(),
            key: AssumedKey {
                key_type: self.key.key_type.clone(),
                bits: self.key.bits,
                thumbprint: self.key.thumbprint.clone(),
            },
        };
        match assume_verified_again(claims, issuer, assumed) {
            Ok(token) => Ok(Ok(token)),
            // A verified token passed this once, from its own issuer.
            Err(refusal) if refusal.code == Code::IssuerUnknown => Err(invalid(refusal)),
            Err(refusal) => Ok(Err(refusal.into())),
        }
    }
}
