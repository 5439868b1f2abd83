//! A route's gate: a token in, an outcome out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::floor::{Admissible, Floor};
use crate::grant::{Ceiling, Grant};
use crate::issuer::{Issuer, Issuers};
use crate::json::Limits;
use crate::obligation::{Commit, CommitError, Committed, NothingAttached, Obligation, unmet};
use crate::outcome::{Allowed, Denied, HostError, Outcome};
use crate::policy::{Answer, Policy, PolicyId, Request, Step};
use crate::proof::{self, Possession};
use crate::reason::{Code, HostCode, Refusal, clip};
use crate::record::{Ended, Kept, Ledger, Presented, Record, Refused, Stage};
use crate::token::Token;
use crate::verify::{Unverified, Verified};
use crate::waiting;

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
    /// The route's name, on record.
    route: String,
    record: Option<Arc<dyn Record>>,
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
    possession: Possession,
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

    /// What the caller showed beside the token.
    pub fn possession(&self) -> &Possession {
        &self.possession
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

/// A decision, and whose token it was on, as far as its issuer vouches for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What became of the token.
    pub outcome: Outcome,
    /// The token's `sub`, where its signature was verified.
    pub subject: Option<String>,
    /// The statement that accepted it, also where an obligation was not met.
    pub statement: Option<String>,
}

impl From<Unopened> for Decided {
    fn from(unopened: Unopened) -> Self {
        Outcome::from(unopened).into()
    }
}

impl From<Outcome> for Decided {
    /// A decision on a token that nobody vouches for.
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            subject: None,
            statement: None,
        }
    }
}

impl From<HostError> for Decided {
    fn from(error: HostError) -> Self {
        Outcome::from(error).into()
    }
}

/// A token names a key that its issuer's set lacks: the set may be older than
/// the key. Nothing has been told of it.
#[derive(Clone, Debug)]
pub struct UnknownKey {
    /// The issuer, which is configured.
    pub issuer: Arc<Issuer>,
}

/// Why a token is not a verified one.
enum Unopened {
    Refused {
        refusal: Refusal,
        /// The issuer that it names, where there is a record to tell.
        named: Option<String>,
        /// The issuer, where it is configured.
        issuer: Option<Arc<Issuer>>,
    },
    Failed(HostError),
}

impl From<Unopened> for Outcome {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::Refused { refusal, .. } => refusal.into(),
            Unopened::Failed(error) => error.into(),
        }
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
            route: String::new(),
            record: None,
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

    /// The same gate, writing every decision on a verified token to `record`
    /// under the route's name, cut to 256 bytes, before it is given. What can't
    /// be written is [`HostCode::Record`], whatever it was.
    #[must_use]
    pub fn with_record(self, route: &str, record: Arc<dyn Record>) -> Self {
        Self {
            route: clip(route),
            record: Some(record),
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
        self.decide_whose(token, request, clock).outcome
    }

    /// Decides a token as [`decide`](Self::decide) does, and says whose it is.
    pub fn decide_whose(&self, token: Token<'_>, request: &Request, clock: &dyn Clock) -> Decided {
        let at = (clock.now(), clock.monotonic());
        match self.open(token, at.0) {
            Ok(verified) => self.decide_since(at, verified, request, clock),
            Err(unopened) => self.refused(unopened, clock),
        }
    }

    /// Decides a token as [`decide_whose`](Self::decide_whose) does, unless its
    /// issuer's set lacks its key.
    ///
    /// # Errors
    /// [`UnknownKey`] in place of a denial by `token.key`: nothing has been
    /// recorded, and `decide_whose` is called once the issuer's keys were asked for.
    pub fn decide_unless_key_unknown(
        &self,
        token: Token<'_>,
        request: &Request,
        clock: &dyn Clock,
    ) -> Result<Decided, UnknownKey> {
        let at = (clock.now(), clock.monotonic());
        match self.open(token, at.0) {
            Ok(verified) => Ok(self.decide_since(at, verified, request, clock)),
            Err(Unopened::Refused {
                refusal,
                issuer: Some(issuer),
                ..
            }) if refusal.code == Code::TokenKey => Err(UnknownKey { issuer }),
            Err(unopened) => Ok(self.refused(unopened, clock)),
        }
    }

    fn refused(&self, unopened: Unopened, clock: &dyn Clock) -> Decided {
        if let Unopened::Refused { refusal, named, .. } = &unopened {
            self.note(refusal, named.clone(), clock);
        }
        unopened.into()
    }

    /// Decides a token whose signature has been checked.
    pub fn decide_verified(
        &self,
        token: Verified,
        request: &Request,
        clock: &dyn Clock,
    ) -> Outcome {
        self.decide_since((clock.now(), clock.monotonic()), token, request, clock)
            .outcome
    }

    /// Decides as of the time that a decision began at, of either clock.
    fn decide_since(
        &self,
        (now, started): (u64, Duration),
        token: Verified,
        request: &Request,
        clock: &dyn Clock,
    ) -> Decided {
        let subject = Some(token.subject().to_owned());
        let Some(record) = &self.record else {
            let ended = self.end(token, request, now, clock);
            return ended.decided(subject);
        };
        let manifest = self.policy.manifest();
        let kept = record
            .keeps_claims()
            .then(|| Kept::new(&token, manifest, &self.floor, &self.ceiling, request));
        let presented = Presented::new(&token, kept);
        let ended = self.end(token, request, now, clock);
        if waiting::has_given_up() {
            // It is decided again, and goes on record then.
            return ended.decided(subject);
        }
        let latency = clock.monotonic().saturating_sub(started);
        let decision = presented.decided(&self.route, self.policy.id(), (now, latency), &ended);
        let written = record.write(&decision);
        let decided = ended.decided(subject);
        match written {
            Ok(()) => decided,
            Err(error) => Decided {
                outcome: error.into(),
                ..decided
            },
        }
    }

    /// Takes a verified token to the end of its way.
    fn end(&self, token: Verified, request: &Request, now: u64, clock: &dyn Clock) -> Ended {
        self.admit(token, now)
            .and_then(|token| self.judge(token, request))
            .map_or_else(|ended| ended, |judged| self.settle(judged, request, clock))
    }

    /// Tells the record of a token that was refused before it was verified.
    fn note(&self, refusal: &Refusal, issuer: Option<String>, clock: &dyn Clock) {
        if let Some(record) = &self.record {
            record.note(&Refused {
                time: clock.now(),
                route: self.route.clone(),
                code: refusal.code,
                issuer,
            });
        }
    }

    /// Decides a token and says how. Nothing is committed: the outcome is that
    /// of the policy and the ceiling, and `obligations` names what is left.
    pub fn explain(&self, token: Verified, request: &Request, clock: &dyn Clock) -> Explanation {
        let token = match self.admit(token, clock.now()) {
            Ok(token) => token,
            Err(ended) => return Explanation::without_steps(ended.outcome),
        };
        let (answer, steps) = match self.policy.explain(&token, request) {
            Ok(explained) => explained,
            Err(error) => return Explanation::without_steps(error.into()),
        };
        let outcome = match self.weigh(token, answer, request) {
            Ok(judged) => Outcome::Allow(Box::new(allowed(judged, Committed::default()))),
            Err(ended) => ended.outcome,
        };
        Explanation { outcome, steps }
    }

    /// What the policy and the ceiling say of a token, before any obligation
    /// is met.
    pub fn preview(&self, token: Verified, request: &Request, clock: &dyn Clock) -> Outcome {
        self.admit(token, clock.now())
            .and_then(|token| self.judge(token, request))
            .map_or_else(
                |ended| ended.outcome,
                |judged| Outcome::Allow(Box::new(allowed(judged, Committed::default()))),
            )
    }

    /// Checks a token's form and its signature, by keys that are trusted at
    /// `now`, in seconds since 1970. A refusal here goes on no record, unlike
    /// one by [`decide`](Self::decide).
    ///
    /// # Errors
    /// The denial, or `host.keys`.
    pub fn verify(&self, token: Token<'_>, now: u64) -> Result<Verified, Outcome> {
        self.open(token, now).map_err(Into::into)
    }

    /// Checks a token's form and its signature; what is refused comes with the
    /// issuer that it names.
    fn open(&self, token: Token<'_>, now: u64) -> Result<Verified, Unopened> {
        let decoded = token
            .decode(&self.limits)
            .map_err(|refusal| Unopened::Refused {
                refusal,
                named: None,
                issuer: None,
            })?;
        let is_noted = self.record.is_some();
        let named = is_noted.then(|| clip(decoded.unverified_issuer()));
        decoded
            .verify(&self.issuers, now)
            .map_err(|unverified| match unverified {
                Unverified::Refused { refusal, issuer } => Unopened::Refused {
                    refusal,
                    named,
                    issuer,
                },
                Unverified::Failed(error) => Unopened::Failed(error),
            })
    }

    fn admit(&self, token: Verified, now: u64) -> Result<Admissible, Ended> {
        // It may have been verified a while ago.
        token.recheck(now).map_err(Ended::at(Stage::Identify))?;
        let token = token.identify().map_err(Ended::at(Stage::Identify))?;
        let admitted = self.floor.admit(token, now);
        admitted.map_err(Ended::at(Stage::Floor))
    }

    fn judge(&self, token: Admissible, request: &Request) -> Result<Judged, Ended> {
        let answer = self.policy.evaluate(&token, request);
        self.weigh(token, answer.map_err(Ended::at(Stage::Policy))?, request)
    }

    /// Holds an answer to the ceiling, and adds what the token itself demands.
    fn weigh(&self, token: Admissible, answer: Answer, request: &Request) -> Result<Judged, Ended> {
        let (statement, grant, mut obligations) = match answer {
            Answer::Deny(denied) => return Err(Ended::at(Stage::Policy)(denied)),
            Answer::Allow {
                statement,
                grant,
                obligations,
            } => (statement, grant, obligations),
        };
        let left = token.expires_at().saturating_sub(token.now());
        let fits = self.ceiling.check(&grant, &obligations, left);
        fits.map_err(Ended::at(Stage::Ceiling))?;
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
            possession: request.possession.clone(),
        })
    }

    /// Meets the obligations, and looks at the clock once more.
    fn settle(&self, judged: Judged, request: &Request, clock: &dyn Clock) -> Ended {
        let statement = Some(judged.statement.clone());
        let ended = |stage, ledger, outcome| Ended {
            stage,
            statement,
            ledger,
            outcome,
        };
        let committed = match self.commit(&judged) {
            Ok(committed) => committed,
            Err(unmet) => return ended(Stage::Commit, Ledger::default(), unmet),
        };
        let ledger = Ledger::from(&committed);
        if let Err(late) = self.recheck(&judged, request, clock) {
            return ended(Stage::Recheck, ledger, late.into());
        }
        let allowed = allowed(judged, committed);
        ended(Stage::Commit, ledger, Outcome::Allow(Box::new(allowed)))
    }

    fn commit(&self, judged: &Judged) -> Result<Committed, Outcome> {
        proof::check_scheme(judged)?;
        let cannot = |one: &&Obligation| !self.commit.can_meet(one);
        if let Some(obligation) = judged.obligations.iter().find(cannot) {
            return Err(unmet(obligation).into());
        }
        self.commit.commit(judged).map_err(|error| match error {
            CommitError::Refused(denied) => denied.into(),
            CommitError::Failed(error) => error.into(),
        })
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
        judged.token.token().recheck(now)?;
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

impl Ended {
    /// What was refused, or failed, at `stage`, before a statement accepted it.
    fn at<E: Into<Outcome>>(stage: Stage) -> impl FnOnce(E) -> Self {
        move |refused| Self {
            stage,
            statement: None,
            ledger: Ledger::default(),
            outcome: refused.into(),
        }
    }

    /// What is told of it, of the subject's token.
    fn decided(self, subject: Option<String>) -> Decided {
        Decided {
            outcome: self.outcome,
            subject,
            statement: self.statement,
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
    let token = judged.token.token();
    let grant_end = judged
        .grant
        .max_lifetime
        .map(|lifetime| judged.token.now().saturating_add(u64::from(lifetime)));
    Allowed {
        policy: judged.policy,
        statement: judged.statement,
        grant: judged.grant,
        obligations: judged.obligations,
        issuer: token.issuer().url().to_owned(),
        subject: token.subject().to_owned(),
        confirmation: token.confirmation().map(|cnf| cnf.json().to_owned()),
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
