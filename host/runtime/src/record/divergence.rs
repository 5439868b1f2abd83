//! Two versions of a policy that do not say the same of one token.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::decision::Verdict;
use crate::outcome::{Allowed, Outcome};
use crate::policy::PolicyId;
use crate::reason::{Reason, clip};

/// Most reasons of one side that are kept.
const MOST_REASONS: usize = 4;

/// A token on which the policy in use and the one that decides beside it, with no
/// effect, disagree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// The time that both decided as of, in seconds since 1970.
    pub time: u64,
    /// The route that the token was presented to.
    pub route: String,
    /// The token's issuer.
    pub issuer: String,
    /// Its `sub`, cut to a bounded length.
    pub subject: String,
    /// What the policy in use says, before any obligation is met.
    pub active: Said,
    /// What the other one says.
    pub candidate: Said,
    /// How many tokens they have disagreed on since the line before, with this
    /// one.
    pub count: u64,
}

/// What a policy says of a token, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Which policy.
    pub policy: PolicyId,
    /// What it comes to.
    pub outcome: Verdict,
    /// The statement that accepts it, or that the first reason speaks of.
    pub statement: Option<String>,
    /// What an allow grants and asks for, or why it is none: a few lines.
    pub why: Vec<String>,
}

impl Divergence {
    /// Two outcomes for one token; none where they say the same.
    ///
    /// Two denials do, whatever their reasons: a caller can't tell them apart.
    /// Two allows do where statement, grant and obligations are the same: names
    /// are enrolled for a statement.
    pub fn between(
        active: (&Arc<PolicyId>, &Outcome),
        candidate: (&Arc<PolicyId>, &Outcome),
    ) -> Option<(Said, Said)> {
        if agree(active.1, candidate.1) {
            return None;
        }
        let said = |(policy, outcome): (&Arc<PolicyId>, &Outcome)| Said::of(policy, outcome);
        Some((said(active), said(candidate)))
    }
}

impl Said {
    fn of(policy: &PolicyId, outcome: &Outcome) -> Self {
        let first = |reasons: &[Reason]| reasons.first().and_then(|one| one.statement.clone());
        let (statement, why) = match outcome {
            Outcome::Allow(allowed) => (Some(allowed.statement.clone()), granted(allowed)),
            Outcome::Deny(denied) => {
                let why = denied.reasons.iter().take(MOST_REASONS).map(told);
                (first(&denied.reasons), why.collect())
            }
            Outcome::Error(error) => {
                let why = format!("{}: {}", error.code, clip(&error.message));
                (None, vec![why])
            }
        };
        Self {
            policy: policy.clone(),
            outcome: outcome.into(),
            statement: statement.as_deref().map(clip),
            why,
        }
    }
}

fn told(reason: &Reason) -> String {
    format!("{}: {}", reason.code, clip(&reason.message))
}

fn granted(allowed: &Allowed) -> Vec<String> {
    let grant = &allowed.grant;
    let mut told = vec![
        format!("roles: {}", clip(&grant.roles.join(", "))),
        format!("scopes: {}", clip(&grant.scopes.join(" "))),
    ];
    told.extend(
        grant
            .claims
            .as_deref()
            .map(|json| format!("claims: {}", clip(json))),
    );
    told.extend(
        grant
            .max_lifetime
            .map(|seconds| format!("at most {seconds} s")),
    );
    let obligations = allowed.obligations.iter().map(|one| one.kind().to_owned());
    let obligations: Vec<_> = obligations.collect();
    told.push(format!("obligations: {}", obligations.join(", ")));
    told
}

fn agree(active: &Outcome, candidate: &Outcome) -> bool {
    match (active, candidate) {
        (Outcome::Deny(_), Outcome::Deny(_)) => true,
        (Outcome::Allow(one), Outcome::Allow(other)) => {
            one.statement == other.statement
                && one.grant == other.grant
                && one.obligations == other.obligations
        }
        (Outcome::Error(one), Outcome::Error(other)) => one.code == other.code,
        (Outcome::Allow(_) | Outcome::Deny(_) | Outcome::Error(_), _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Denied, HostError};
    use crate::reason::{Code, HostCode};

    fn deny(code: Code) -> Outcome {
        Outcome::Deny(Denied {
            reasons: vec![Reason::new(code, "m".repeat(5_000))],
            truncated: false,
        })
    }

    fn between(active: &Outcome, candidate: &Outcome) -> Option<(Said, Said)> {
        let id = |version: &str| {
            Arc::new(PolicyId {
                name: "a".to_owned(),
                version: version.to_owned(),
                digest: "sha256:".to_owned(),
            })
        };
        Divergence::between((&id("1.0.0"), active), (&id("1.1.0"), candidate))
    }

    #[test]
    fn denials_agree_whatever_their_reasons_and_failures_by_their_codes() {
        let error = |code| Outcome::Error(HostError::new(code, "late"));
        let (one, other) = (deny(Code::ClaimMismatch), deny(Code::WindowClosed));
        assert_eq!(between(&one, &other), None);
        let (late, trap) = (error(HostCode::Deadline), error(HostCode::Trap));
        assert_eq!(between(&late, &late), None);
        assert!(between(&late, &trap).is_some());
        let (active, candidate) = between(&one, &trap).unwrap();
        assert_eq!(
            (active.outcome, candidate.outcome),
            (Verdict::Deny, Verdict::Error)
        );
        assert_eq!(candidate.policy.version, "1.1.0");
        assert_eq!(candidate.why, ["host.trap: late"]);
        assert!(active.why[0].len() < 500, "it is cut");
    }
}
