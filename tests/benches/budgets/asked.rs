//! One token with the answer that is due.

use claimbound::clock::FixedClock;
use claimbound::floor::{Admissible, Floor};
use claimbound::gate::Gate;
use claimbound::outcome::Outcome;
use claimbound::policy::{Answer, Policy, Request};
use claimbound::token::Token;

use crate::Fault;
use crate::forge::NOW;

/// The answer that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// An allow by the statement of this name.
    Allow(String),
    /// A denial whose first reason has this code.
    Deny(&'static str),
}

/// A token, as it arrives and as a gate admits it.
pub(crate) struct Asked {
    token: String,
    admissible: Admissible,
    request: Request,
    due: Due,
}

impl Asked {
    /// # Errors
    /// The gate does not take the token as far as to its policy.
    pub(crate) fn new(gate: &Gate, floor: &Floor, token: String, due: Due) -> Result<Self, Fault> {
        let verified = gate.verify(Token::new(&token), NOW);
        let verified = verified.map_err(|outcome| format!("{outcome:?}"))?;
        let admissible = verified
            .identify()
            .and_then(|identified| floor.admit(identified, NOW))
            .map_err(|refusal| format!("{refusal:?}"))?;
        Ok(Self {
            token,
            admissible,
            request: Request::default(),
            due,
        })
    }

    /// How long the token is, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.token.len()
    }

    /// The policy's decision, in an instance of its own, from parsed claims.
    pub(crate) fn decision(&self, policy: &Policy) -> Result<(), Fault> {
        match (policy.evaluate(&self.admissible, &self.request)?, &self.due) {
            (Answer::Allow { statement, .. }, Due::Allow(due)) if statement == *due => Ok(()),
            (Answer::Deny(denied), Due::Deny(code)) if first(&denied) == Some(code) => Ok(()),
            (other, due) => Err(format!("{due:?} is due, and not {other:?}").into()),
        }
    }

    /// The whole path, from the token's bytes to the outcome, before anything
    /// is committed.
    pub(crate) fn whole(&self, gate: &Gate) -> Result<(), Fault> {
        let outcome = gate.verify(Token::new(&self.token), NOW).map_or_else(
            |refused| refused,
            |verified| gate.preview(verified, &self.request, &FixedClock(NOW)),
        );
        match (outcome, &self.due) {
            (Outcome::Allow(allowed), Due::Allow(due)) if allowed.statement == *due => Ok(()),
            (Outcome::Deny(denied), Due::Deny(code)) if first(&denied) == Some(code) => Ok(()),
            (other, due) => Err(format!("{due:?} is due, and not {other:?}").into()),
        }
    }
}

fn first(denied: &claimbound::outcome::Denied) -> Option<&str> {
    denied.reasons.first().map(|reason| reason.code.as_str())
}
