//! What became of a case.

use claimbound_engine::{Decision, Grant};
use serde_json::{Map, Value as Json};

use super::expected::{Expected, ExpectedGrant};

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseOutcome {
    /// The policy said what it has to say.
    Passed,
    /// It said something else: what was expected and what was found, in one
    /// sentence.
    Failed(String),
}

impl CaseOutcome {
    /// Compares a decision with what a case expects.
    pub fn of(expected: &Expected, decision: &Decision) -> Self {
        match mismatch(expected, decision) {
            None => Self::Passed,
            Some(message) => Self::Failed(message),
        }
    }
}

/// What a decision says that a case does not expect.
fn mismatch(expected: &Expected, decision: &Decision) -> Option<String> {
    match (expected, decision) {
        (
            Expected::Allow { statement, grant },
            Decision::Allow {
                statement: by,
                grant: given,
            },
        ) => {
            if statement.value != *by {
                return Some(format!(
                    "expected `{}` to allow it, and `{by}` did",
                    statement.value
                ));
            }
            grant
                .as_ref()
                .and_then(|wanted| grant_mismatch(wanted, given))
        }
        (Expected::Allow { statement, .. }, Decision::Deny { reasons, .. }) => Some(format!(
            "expected `{}` to allow it, and it was denied: {}",
            statement.value,
            reasons
                .first()
                .map_or("no reason was given", |reason| &reason.message)
        )),
        (Expected::Deny { code, .. }, Decision::Allow { statement, .. }) => Some(format!(
            "expected `{}`, and statement `{statement}` allowed it",
            code.value
        )),
        (
            Expected::Deny {
                code,
                claim,
                statement,
            },
            Decision::Deny { reasons, .. },
        ) => {
            let fits = |reason: &&claimbound_engine::Reason| {
                reason.code == code.value
                    && claim.as_ref().is_none_or(|claim| *claim == reason.claim)
                    && statement
                        .as_ref()
                        .is_none_or(|one| Some(one) == reason.statement.as_ref())
            };
            if reasons.iter().any(|reason| fits(&reason)) {
                return None;
            }
            let found: Vec<String> = reasons
                .iter()
                .map(|reason| format!("`{}` of `{}`", reason.code, reason.claim.join(".")))
                .collect();
            let of = claim
                .as_ref()
                .map_or_else(String::new, |path| format!(" of `{}`", path.join(".")));
            Some(format!(
                "expected `{}`{of}, found {}",
                code.value,
                found.join(", ")
            ))
        }
    }
}

fn grant_mismatch(wanted: &ExpectedGrant, given: &Grant) -> Option<String> {
    let names = |what: &str, wanted: &Option<Vec<String>>, given: &[String]| {
        let wanted = wanted.as_ref()?;
        (wanted != given).then(|| {
            format!(
                "expected {what} `{}`, found `{}`",
                wanted.join(", "),
                given.join(", ")
            )
        })
    };
    let claims = || {
        let wanted = wanted.claims.as_ref()?;
        let given: Option<Map<String, Json>> = given
            .claims
            .as_ref()
            .and_then(|text| serde_json::from_str(text).ok());
        let given = given.unwrap_or_default();
        (*wanted != given).then(|| format!("expected other claims than `{}`", Json::Object(given)))
    };
    let ttl = || {
        let wanted = wanted.max_ttl?;
        (given.max_lifetime.map(u64::from) != Some(wanted)).then(|| {
            format!(
                "expected a longest lifetime of {wanted} s, found {:?}",
                given.max_lifetime
            )
        })
    };
    names("roles", &wanted.roles, &given.roles)
        .or_else(|| names("scopes", &wanted.scopes, &given.scopes))
        .or_else(claims)
        .or_else(ttl)
}
