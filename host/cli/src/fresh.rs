//! A host on its first day: an empty ledger and no token spent, for one
//! decision. What it takes for granted it lists.

use std::collections::HashMap;

use claimbound::gate::Judged;
use claimbound::models::BoundName;
use claimbound::obligation::{Commit, CommitError, Committed, FirstUse, Obligation};
use claimbound::reason::{Code, Reason, Refusal};
use claimbound_language::{Compiled, Statement, Subject, SubjectField};

/// Meets obligations as a fresh host would, and writes nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct FreshHost {
    /// The kinds of names whose ids each statement pins, where its document is
    /// known.
    pinned: HashMap<String, Vec<String>>,
}

impl FreshHost {
    /// The host that a document's component would run on.
    pub(crate) fn of(compiled: &Compiled) -> Self {
        let statements = compiled.document.statements.iter();
        Self {
            pinned: statements
                .map(|one| (one.name.value.clone(), pinned(compiled, one)))
                .collect(),
        }
    }
}

/// The kinds of names whose ids a statement pins, in its subject or by a claim.
fn pinned(compiled: &Compiled, statement: &Statement) -> Vec<String> {
    let mut kinds = Vec::new();
    if let Some(Subject::Table(table)) = statement.subject.as_ref().map(|one| &one.value) {
        let pins = |field: &&SubjectField| {
            let id = field.id.as_ref();
            id.is_some_and(|id| id.value.pinned().is_some())
        };
        kinds.extend(
            table
                .fields
                .iter()
                .filter(pins)
                .map(|one| one.name.value.clone()),
        );
    }
    let alias = statement.issuer.as_ref().map(|alias| alias.value.as_str());
    let issuer = compiled
        .issuers
        .iter()
        .find(|one| Some(one.alias.as_str()) == alias);
    for claim in &statement.claims {
        if claim.operator.value.pinned().is_some()
            && let Some(kind) = issuer.and_then(|one| one.model.kind_of_id(&claim.path.value))
        {
            kinds.push(kind.name().to_owned());
        }
    }
    kinds
}

impl Commit for FreshHost {
    fn can_meet(&self, obligation: &Obligation) -> bool {
        match obligation {
            Obligation::Bind(_) | Obligation::UseOnce => true,
            Obligation::Prove(_) | Obligation::Other { .. } => false,
        }
    }

    fn commit(&self, judged: &Judged) -> Result<Committed, CommitError> {
        let mut assumed = Vec::new();
        for obligation in judged.obligations() {
            match obligation {
                Obligation::Bind(FirstUse::Enrol) => assumed.extend(enrolments(judged)),
                Obligation::Bind(FirstUse::Refuse) => self.refuse(judged)?,
                Obligation::UseOnce => {
                    assumed.push("single use: this token was not used before".to_owned());
                }
                // INVARIANT: the gate has asked `can_meet`.
                Obligation::Prove(_) | Obligation::Other { .. } => {}
            }
        }
        Ok(Committed {
            assumed,
            ..Committed::default()
        })
    }
}

fn enrolments(judged: &Judged) -> Vec<String> {
    let names = judged.token().workload().names.iter();
    let lines = names.map(|name| {
        let id = name
            .id
            .as_deref()
            .map_or_else(String::new, |id| format!(" as {id}"));
        format!("ledger: empty; would enrol {} {}{id}", name.kind, name.name)
    });
    lines.collect()
}

impl FreshHost {
    /// An empty ledger knows no name.
    fn refuse(&self, judged: &Judged) -> Result<(), CommitError> {
        let names = &judged.token().workload().names;
        let statement = judged.statement();
        let pinned = self.pinned.get(statement);
        let is_loose = |name: &&BoundName| {
            name.id.is_some()
                && pinned.is_some_and(|kinds| !kinds.iter().any(|one| *one == *name.kind))
        };
        let loose: Vec<_> = names.iter().filter(is_loose).collect();
        let Some(first) = loose.first().copied().or(names.last()) else {
            return Ok(());
        };
        let message = if loose.is_empty() {
            let all: Vec<_> = names.iter().map(described).collect();
            format!(
                "`{statement}` lets no first use enrol, and an empty ledger knows no {}",
                all.join(", no ")
            )
        } else {
            let loose: Vec<_> = loose.into_iter().map(described).collect();
            format!(
                "`{statement}` does not pin the id of {}, so a first use does not enrol, and an empty ledger knows no name",
                loose.join(", nor that of ")
            )
        };
        let mut reason = Reason::new(Code::IdentityUnknown, message)
            .expected("a name that the ledger knows")
            .found(&first.name);
        reason.statement = Some(statement.to_owned());
        Err(Refusal::from(reason).into())
    }
}

/// A name with its kind and, where it has one, its id.
fn described(name: &BoundName) -> String {
    let id = name
        .id
        .as_deref()
        .map_or_else(String::new, |id| format!(" (id `{id}`)"));
    format!("{} `{}`{id}", name.kind, name.name)
}
