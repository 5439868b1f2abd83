//! Meets a route's obligations by the ledger.

use std::fmt;
use std::sync::Arc;

use super::decide::Question;
use super::entry::Scope;
use super::name::{Identity, IdentityError};
use super::store::Spent;
use super::{Ledger, Run};
use crate::gate::Judged;
use crate::obligation::{Commit, CommitError, Committed, FirstUse, NothingAttached, Obligation};
use crate::outcome::HostError;
use crate::proof::{self, DpopRules, Proved};
use crate::reason::HostCode;
use crate::sha256::sha256;
use crate::waiting;

/// Longest name of a route, in bytes, as that of a statement.
const LONGEST_ROUTE: usize = 256;

/// Meets obligations on one route: proofs of possession, names by the [`Ledger`],
/// single use, and what is revoked, whatever the policy asked.
///
/// In this order: nothing revoked, then proofs, then names and single use in one
/// transaction, in which what is revoked is looked at again and a proof by a key
/// counts for the first time. Nothing is enrolled and neither token nor proof is
/// spent unless all of it is met.
pub struct Keeper {
    ledger: Arc<Ledger>,
    route: String,
    /// Which proofs by a key are taken; none where no request can carry any.
    proofs: Option<DpopRules>,
    others: Box<dyn Commit>,
    run: Run,
}

impl Keeper {
    /// Whoever meets obligations on the route of that name.
    pub fn new(ledger: Arc<Ledger>, route: impl Into<String>) -> Self {
        Self {
            ledger,
            route: route.into(),
            proofs: Some(DpopRules::default()),
            others: Box::new(NothingAttached),
            run: Run::Real,
        }
    }

    /// The same, taking other proofs by a key.
    #[must_use]
    pub fn with_proofs(self, rules: DpopRules) -> Self {
        Self {
            proofs: Some(rules),
            ..self
        }
    }

    /// The same on a host whose requests can't carry proofs: what asks for one is
    /// `host.obligation`, rather than a denial for a want that nobody can fill.
    #[must_use]
    pub fn without_proofs(self) -> Self {
        Self {
            proofs: None,
            ..self
        }
    }

    /// The same with somebody who meets what the keeper doesn't: kinds that the
    /// contract does not name, and proofs, where it says that it can meet them:
    /// then in the keeper's place. It must have no effect that a refusal by the
    /// ledger would have to undo.
    #[must_use]
    pub fn with_others(self, others: impl Commit + 'static) -> Self {
        Self {
            others: Box::new(others),
            ..self
        }
    }

    /// The same, writing nothing: what it would have enrolled or spent is listed
    /// as [`Committed::assumed`]. An allow from it lets nobody in.
    #[must_use]
    pub fn dry(self) -> Self {
        Self {
            run: Run::Dry,
            ..self
        }
    }

    /// Refuses a route that entries could not name.
    fn check_route(&self) -> Result<(), CommitError> {
        let route = &self.route;
        if route.is_empty() || route.len() > LONGEST_ROUTE || route.chars().any(char::is_control) {
            let message =
                format!("a route's name has 1 to {LONGEST_ROUTE} bytes without control characters");
            return Err(HostError::new(HostCode::Configuration, message).into());
        }
        Ok(())
    }

    fn question<'a>(&self, judged: &'a Judged) -> Question<'a> {
        let token = judged.token();
        let issuer = token.token().issuer();
        let bind = judged.obligations().iter().find_map(binds);
        let identities = match bind {
            Some(_) => Identity::of_workload(issuer.url(), issuer.model(), token.workload()),
            None => Vec::new(),
        };
        let once = judged.obligations().contains(&Obligation::UseOnce);
        Question {
            token,
            scope: Scope::Statement {
                route: self.route.clone(),
                statement: judged.statement().to_owned(),
            },
            identities,
            bind,
            spends: if once { marks(judged) } else { Vec::new() },
            proof: None,
            run: self.run,
        }
    }

    /// Whether it is somebody else who meets this.
    fn is_others(&self, obligation: &Obligation) -> bool {
        match obligation {
            Obligation::Bind(_) | Obligation::UseOnce => false,
            Obligation::Prove(_) => self.others.can_meet(obligation),
            Obligation::Other { .. } => true,
        }
    }

    /// Checks a proof, and says what marks it as used where it counts once.
    fn prove(&self, judged: &Judged) -> Result<Option<Spent>, CommitError> {
        let others = |one: &Obligation| proves(one) && self.is_others(one);
        if judged.obligations().iter().any(others) {
            return Ok(None);
        }
        let proved = proof::check(judged, self.proofs.as_ref())?;
        Ok(proved.as_ref().map(proof_mark))
    }
}

impl Commit for Keeper {
    fn can_meet(&self, obligation: &Obligation) -> bool {
        match obligation {
            Obligation::Bind(_) | Obligation::UseOnce => true,
            Obligation::Prove(_) => self.proofs.is_some() || self.others.can_meet(obligation),
            Obligation::Other { .. } => self.others.can_meet(obligation),
        }
    }

    fn commit(&self, judged: &Judged) -> Result<Committed, CommitError> {
        let mut question = self.question(judged);
        if question.bind.is_some() && question.identities.is_empty() {
            return Err(nameless().into());
        }
        self.check_route()?;
        for identity in &question.identities {
            identity.check().map_err(|error| unkept(&error))?;
        }
        let mut assumed = Vec::new();
        let (all, is_others) = (judged.obligations(), |one: &_| self.is_others(one));
        if all.iter().any(proves) || all.iter().any(is_others) {
            self.ledger.check_revoked(&question)?;
            question.proof = self.prove(judged)?;
        }
        if all.iter().any(is_others) {
            // It may have an effect, which must not be had twice.
            waiting::ask().map_err(HostError::from)?;
            assumed = self.others.commit(judged)?.assumed;
        }
        let committed = self.ledger.settle(&question)?;
        assumed.extend(committed.assumed);
        Ok(Committed {
            assumed,
            ..committed
        })
    }
}

/// What can't be kept is not bound to, and nobody is let in without.
fn unkept(error: &IdentityError) -> CommitError {
    let message = format!("the ledger can't keep the workload's names: {error}");
    HostError::new(HostCode::Obligation, message).into()
}

/// Nobody can say who a workload without names is.
fn nameless() -> HostError {
    HostError::new(
        HostCode::Obligation,
        "the policy asks that the ledger accept the workload's names, and it has none",
    )
}

fn binds(obligation: &Obligation) -> Option<FirstUse> {
    match obligation {
        Obligation::Bind(first_use) => Some(*first_use),
        Obligation::UseOnce | Obligation::Prove(_) | Obligation::Other { .. } => None,
    }
}

fn proves(obligation: &Obligation) -> bool {
    matches!(obligation, Obligation::Prove(_))
}

/// What marks a token as used: the digest of what was signed and, where the
/// issuer's model guarantees that no two tokens share one, its `jti`.
fn marks(judged: &Judged) -> Vec<Spent> {
    let token = judged.token();
    let verified = token.token();
    let issuer = verified.issuer();
    let until = token.remembered_until();
    let mark = |kind: &[u8], value: &[u8]| Spent {
        digest: mark(kind, issuer.url().as_bytes(), value),
        until,
    };
    let mut marks = vec![mark(b"signed", &verified.digest())];
    if let (true, Some(id)) = (issuer.model().has_unique_token_id(), verified.token_id()) {
        marks.push(mark(b"jti", id.as_bytes()));
    }
    marks
}

/// What marks a proof as used: its key and its `jti`, whichever token and request
/// it came with (RFC 9449 §11.1 would let it count once for each URL).
fn proof_mark(proved: &Proved) -> Spent {
    Spent {
        digest: mark(b"dpop", proved.thumbprint.as_bytes(), proved.id.as_bytes()),
        until: proved.until,
    }
}

/// A digest that differs where kind, whose it is, or value do.
fn mark(kind: &[u8], whose: &[u8], value: &[u8]) -> [u8; 32] {
    let mut told_apart = Vec::with_capacity(24 + kind.len() + whose.len() + value.len());
    for piece in [kind, whose, value] {
        told_apart.extend_from_slice(&(piece.len() as u64).to_be_bytes());
        told_apart.extend_from_slice(piece);
    }
    sha256(&told_apart)
}

impl fmt::Debug for Keeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Keeper")
            .field("ledger", &self.ledger)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}
