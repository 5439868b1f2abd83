//! What a policy has to say of a check, and how what it says differs.

use serde_json::{Map, Value};

use crate::grant::Grant;
use crate::outcome::{Denied, Outcome};
use crate::reason::Code;

use super::Fault;

/// What a policy has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// It allows.
    Allow {
        /// The statement that does.
        statement: String,
        /// What has to be granted, as far as it is said.
        grant: Option<ExpectedGrant>,
    },
    /// It denies, and one of its reasons is this one.
    Deny {
        /// The code.
        code: Code,
        /// The path of the claim that the reason speaks of; none: any.
        claim: Option<Vec<String>>,
        /// The statement that it speaks of; none: any.
        statement: Option<String>,
    },
}

/// What has to be granted; what is none may be anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedGrant {
    /// Exactly these roles, in this order.
    pub roles: Option<Vec<String>>,
    /// Exactly these scopes, in this order.
    pub scopes: Option<Vec<String>>,
    /// Exactly these extra claims.
    pub claims: Option<Map<String, Value>>,
    /// This longest lifetime, in seconds.
    pub max_lifetime: Option<u64>,
}

impl Expected {
    /// How an outcome differs from this; none where it does not.
    pub fn fault(&self, outcome: &Outcome) -> Option<Fault> {
        let differs = match (self, outcome) {
            (_, Outcome::Error(error)) => return Some(Fault::NoAnswer(error.clone())),
            (Self::Allow { statement, grant }, Outcome::Allow(allowed)) => {
                if allowed.statement == *statement {
                    let grant = grant.as_ref();
                    grant.and_then(|grant| grant.mismatch(&allowed.grant))
                } else {
                    Some(format!(
                        "expected an allow by `{statement}`, found one by `{}`",
                        allowed.statement
                    ))
                }
            }
            (Self::Allow { statement, .. }, Outcome::Deny(denied)) => Some(format!(
                "expected an allow by `{statement}`, found a denial: {}",
                reasons(denied)
            )),
            (Self::Deny { code, .. }, Outcome::Allow(allowed)) => Some(format!(
                "expected a denial for `{code}`, found an allow by `{}`",
                allowed.statement
            )),
            (
                Self::Deny {
                    code,
                    claim,
                    statement,
                },
                Outcome::Deny(denied),
            ) => {
                let fits = denied.reasons.iter().any(|reason| {
                    reason.code == *code
                        && claim.as_ref().is_none_or(|claim| *claim == reason.claim)
                        && statement
                            .as_ref()
                            .is_none_or(|one| Some(one) == reason.statement.as_ref())
                });
                (!fits)
                    .then(|| format!("expected a denial for `{code}`, found: {}", reasons(denied)))
            }
        };
        differs.map(Fault::Differs)
    }
}

fn reasons(denied: &Denied) -> String {
    let reasons: Vec<_> = denied.reasons.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}

impl ExpectedGrant {
    fn mismatch(&self, grant: &Grant) -> Option<String> {
        let differs = |what: &str, expected: &dyn std::fmt::Debug, found: &dyn std::fmt::Debug| {
            Some(format!("expected {what} {expected:?}, found {found:?}"))
        };
        let other = |names: &&Vec<String>, granted: &Vec<String>| *names != granted;
        if let Some(roles) = self.roles.as_ref().filter(|one| other(one, &grant.roles)) {
            return differs("roles", roles, &grant.roles);
        }
        if let Some(scopes) = self.scopes.as_ref().filter(|one| other(one, &grant.scopes)) {
            return differs("scopes", scopes, &grant.scopes);
        }
        if let Some(claims) = &self.claims {
            let found = grant.claims.as_deref().unwrap_or("{}");
            let equal =
                serde_json::from_str::<Map<_, _>>(found).is_ok_and(|found| found == *claims);
            if !equal {
                return Some(format!("expected other claims, found {found}"));
            }
        }
        let lifetime = grant.max_lifetime.map(u64::from);
        match self.max_lifetime.filter(|one| Some(*one) != lifetime) {
            Some(expected) => differs("a longest lifetime of", &expected, &lifetime),
            None => None,
        }
    }
}
