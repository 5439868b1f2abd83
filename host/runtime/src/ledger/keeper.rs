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
use crate::reason::HostCode;
use crate::sha256::sha256;

/// Longest name of a route, in bytes, as that of a statement.
const LONGEST_ROUTE: usize = 256;

/// Meets obligations on one route: names by the [`Ledger`], single use, and
/// what is revoked, whatever the policy asked.
///
/// In this order: nothing revoked, then proofs by whoever is attached for them,
/// then names and single use in one transaction, in which what is revoked is
/// looked at again. Nothing is enrolled and no token is spent unless all of it
/// is met.
pub struct Keeper {
    ledger: Arc<Ledger>,
    route: String,
    others: Box<dyn Commit>,
    run: Run,
}

impl Keeper {
    /// Whoever meets obligations on the route of that name.
    pub fn new(ledger: Arc<Ledger>, route: impl Into<String>) -> Self {
        Self {
            ledger,
            route: route.into(),
            others: Box::new(NothingAttached),
            run: Run::Real,
        }
    }

    /// The same with somebody who meets what the ledger doesn't: proofs, and
    /// kinds that the contract does not name. It must have no effect that a
    /// refusal by the ledger would have to undo.
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
            run: self.run,
        }
    }
}

impl Commit for Keeper {
    fn can_meet(&self, obligation: &Obligation) -> bool {
        match obligation {
            Obligation::Bind(_) | Obligation::UseOnce => true,
            Obligation::Prove(_) | Obligation::Other { .. } => self.others.can_meet(obligation),
        }
    }

    fn commit(&self, judged: &Judged) -> Result<Committed, CommitError> {
        let question = self.question(judged);
        if question.bind.is_some() && question.identities.is_empty() {
            return Err(nameless().into());
        }
        self.check_route()?;
        for identity in &question.identities {
            identity.check().map_err(|error| unkept(&error))?;
        }
        let mut assumed = Vec::new();
        if judged.obligations().iter().any(is_others) {
            self.ledger.check_revoked(&question)?;
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

fn is_others(obligation: &Obligation) -> bool {
    match obligation {
        Obligation::Bind(_) | Obligation::UseOnce => false,
        Obligation::Prove(_) | Obligation::Other { .. } => true,
    }
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

/// A digest that differs where kind, issuer or value do.
fn mark(kind: &[u8], issuer: &[u8], value: &[u8]) -> [u8; 32] {
    let mut told_apart = Vec::with_capacity(24 + kind.len() + issuer.len() + value.len());
    for piece in [kind, issuer, value] {
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
