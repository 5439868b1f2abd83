//! A route's gate: a token in, an outcome out.

use std::fmt;
use std::sync::Arc;

use crate::clock::Clock;
use crate::floor::{Admissible, Floor};
use crate::grant::{Ceiling, Grant};
use crate::issuer::Issuers;
use crate::json::Limits;
use crate::obligation::{Commit, CommitError, Committed, NothingAttached, Obligation, unmet};
use crate::outcome::{Allowed, Denied, HostError, Outcome};
use crate::policy::{Answer, Policy, PolicyId, Request, Step};
use crate::reason::HostCode;
use crate::token::Token;
use crate::verify::Verified;

/// What a token has to pass on one route: issuers, floor, policy, ceiling, and
/// whoever meets obligations.
///
/// See `examples/service.rs` for one in a service.
pub struct Gate {
    issuers: Issuers,
    floor: Floor,
    policy: Arc<Policy>,
    ceiling: Ceiling,
    commit: Box<dyn Commit>,
    limits: Limits,
}

/// A token that the policy and the ceiling accept, with obligations still to be
/// met. Only a [`Gate`] makes one.
#[derive(Debug)]
pub struct Judged {
    token: Admissible,
    policy: Arc<PolicyId>,
    statement: String,
    grant: Grant,
    obligations: Vec<Obligation>,
}

impl Judged {
    /// The token.
    pub fn token(&self) -> &Admissible {
        &self.token
    }

    /// The policy that accepted it.
    pub fn policy(&self) -> &PolicyId {
        &self.policy
    }

    /// The statement that accepted it.
    pub fn statement(&self) -> &str {
        &self.statement
    }

    /// What it grants.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// What has to be met.
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// Whether it is more, or other, or longer, than what the policy grants
    /// and asks for at `now`.
    fn outlasts(&self, grant: &Grant, obligations: &[Obligation], now: u64) -> bool {
        let end = |grant: &Grant, from: u64| {
            let lifetime = grant.max_lifetime.map(u64::from);
            lifetime.map_or(u64::MAX, |lifetime| from.saturating_add(lifetime))
        };
        let what = |grant: &Grant| Grant {
            max_lifetime: None,
            ..grant.clone()
        };
        what(grant) != what(&self.grant)
            || end(grant, now) < end(&self.grant, self.token.now())
            || !obligations.iter().all(|one| self.obligations.contains(one))
    }
}

/// A decision with every condition that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What became of the token, before any obligation was met.
    pub outcome: Outcome,
    /// The policy's conditions; empty where the token did not reach it.
    pub steps: Vec<Step>,
}

impl Gate {
    /// A gate to which nothing is attached that could meet an obligation.
    pub fn new(issuers: Issuers, floor: Floor, policy: Arc<Policy>, ceiling: Ceiling) -> Self {
        Self {
            issuers,
            floor,
            policy,
            ceiling,
            commit: Box::new(NothingAttached),
            limits: Limits::TOKEN,
        }
    }

    /// The same gate with a ledger, single use and proofs.
    #[must_use]
    pub fn with_commit(self, commit: impl Commit + 'static) -> Self {
        Self {
            commit: Box::new(commit),
            ..self
        }
    }

    /// The same gate with other limits of a token's size.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The policy that decides here.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The issuers whose tokens are taken here.
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Decides a token as it arrived.
    pub fn decide(&self, token: Token<'_>, request: &Request, clock: &dyn Clock) -> Outcome {
        match self.verify(token) {
            Ok(verified) => self.decide_verified(verified, request, clock),
            Err(refused) => refused,
        }
    }

    /// Decides a token whose signature has been checked.
    pub fn decide_verified(
        &self,
        token: Verified,
        request: &Request,
        clock: &dyn Clock,
    ) -> Outcome {
        self.admit(token, clock)
            .and_then(|token| self.judge(token, request))
            .map_or_else(
                |refused| refused,
                |judged| self.settle(judged, request, clock),
            )
    }

    /// Decides a token and says how. Nothing is committed: the outcome is that
    /// of the policy and the ceiling, and `obligations` names what is left.
    pub fn explain(&self, token: Verified, request: &Request, clock: &dyn Clock) -> Explanation {
        let token = match self.admit(token, clock) {
            Ok(token) => token,
            Err(outcome) => return Explanation::without_steps(outcome),
        };
        let (answer, steps) = match self.policy.explain(&token, request) {
            Ok(explained) => explained,
            Err(error) => return Explanation::without_steps(error.into()),
        };
        let outcome = match self.weigh(token, answer) {
            Ok(judged) => Outcome::Allow(Box::new(allowed(judged, Committed::default()))),
            Err(outcome) => outcome,
        };
        Explanation { outcome, steps }
    }

    /// What the policy and the ceiling say of a token, before any obligation
    /// is met.
    pub fn preview(&self, token: Verified, request: &Request, clock: &dyn Clock) -> Outcome {
        self.admit(token, clock)
            .and_then(|token| self.judge(token, request))
            .map_or_else(
                |refused| refused,
                |judged| Outcome::Allow(Box::new(allowed(judged, Committed::default()))),
            )
    }

    /// Checks a token's form and its signature.
    ///
    /// # Errors
    /// The denial.
    pub fn verify(&self, token: Token<'_>) -> Result<Verified, Outcome> {
        let decoded = token.decode(&self.limits)?;
        Ok(decoded.verify(&self.issuers)?)
    }

    fn admit(&self, token: Verified, clock: &dyn Clock) -> Result<Admissible, Outcome> {
        Ok(self.floor.admit(token.identify()?, clock.now())?)
    }

    fn judge(&self, token: Admissible, request: &Request) -> Result<Judged, Outcome> {
        let answer = self.policy.evaluate(&token, request)?;
        self.weigh(token, answer)
    }

    /// Holds an answer to the ceiling, and adds what the token itself demands.
    fn weigh(&self, token: Admissible, answer: Answer) -> Result<Judged, Outcome> {
        let (statement, grant, mut obligations) = match answer {
            Answer::Deny(denied) => return Err(Outcome::Deny(denied)),
            Answer::Allow {
                statement,
                grant,
                obligations,
            } => (statement, grant, obligations),
        };
        let left = token.expires_at().saturating_sub(token.now());
        self.ceiling.check(&grant, &obligations, left)?;
        // RFC 7800 §3: a token with `cnf` is never a bearer token.
        let proves = |one: &Obligation| matches!(one, Obligation::Prove(_));
        if token.token().confirmation().is_some() && !obligations.iter().any(proves) {
            obligations.push(Obligation::Prove("any".to_owned()));
        }
        Ok(Judged {
            policy: Arc::clone(self.policy.id()),
            token,
            statement,
            grant,
            obligations,
        })
    }

    /// Meets the obligations, and looks at the clock once more.
    fn settle(&self, judged: Judged, request: &Request, clock: &dyn Clock) -> Outcome {
        let cannot = |one: &&Obligation| !self.commit.can_meet(one);
        if let Some(obligation) = judged.obligations.iter().find(cannot) {
            return unmet(obligation).into();
        }
        let committed = match self.commit.commit(&judged) {
            Ok(committed) => committed,
            Err(CommitError::Refused(denied)) => return denied.into(),
            Err(CommitError::Failed(error)) => return error.into(),
        };
        if let Err(late) = self.recheck(&judged, request, clock) {
            return late.into();
        }
        Outcome::Allow(Box::new(allowed(judged, committed)))
    }

    /// Meeting obligations takes time. Where the clock has moved on, the end of
    /// the token and the policy's windows are asked again; the obligations have
    /// taken effect by now, so that a change is an error and no denial.
    fn recheck(
        &self,
        judged: &Judged,
        request: &Request,
        clock: &dyn Clock,
    ) -> Result<(), HostError> {
        let now = clock.now();
        if now == judged.token.now() {
            return Ok(());
        }
        let late = |what: &str| {
            HostError::new(
                HostCode::Deadline,
                format!("{what} while its obligations were met"),
            )
        };
        judged
            .token
            .recheck(now)
            .map_err(|_| late("the token expired"))?;
        match self.policy.evaluate_at(&judged.token, request, now)? {
            Answer::Allow { statement, .. } if statement != judged.statement => {
                Err(late("the statement ceased to hold"))
            }
            Answer::Allow {
                grant, obligations, ..
            } if judged.outlasts(&grant, &obligations, now) => {
                Err(late("what the policy grants changed or came to end sooner"))
            }
            Answer::Allow { .. } => Ok(()),
            Answer::Deny(_) => Err(late("the statement ceased to hold")),
        }
    }
}

impl Explanation {
    fn without_steps(outcome: Outcome) -> Self {
        Self {
            outcome,
            steps: Vec::new(),
        }
    }
}

impl From<Denied> for Outcome {
    fn from(denied: Denied) -> Self {
        Self::Deny(denied)
    }
}

fn allowed(judged: Judged, committed: Committed) -> Allowed {
    let token_end = judged.token.expires_at();
    let grant_end = judged
        .grant
        .max_lifetime
        .map(|lifetime| judged.token.now().saturating_add(u64::from(lifetime)));
    Allowed {
        policy: judged.policy,
        statement: judged.statement,
        grant: judged.grant,
        obligations: judged.obligations,
        workload: judged.token.into_workload(),
        ends_at: grant_end.map_or(token_end, |end| end.min(token_end)),
        assumed: committed.assumed,
        bound: committed.bound,
        spent: committed.spent,
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Gate")
            .field("policy", self.policy.id())
            .field("floor", &self.floor)
            .finish_non_exhaustive()
    }
}
