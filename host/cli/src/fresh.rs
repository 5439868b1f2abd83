//! A host on its first day: an empty ledger and no token spent, for one
//! decision. What it takes for granted it lists.

use claimbound::gate::Judged;
use claimbound::obligation::{Commit, CommitError, Committed, FirstUse, Obligation};
use claimbound::reason::{Code, Reason};

/// Meets obligations as a fresh host would, and writes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FreshHost;

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
                Obligation::Bind(FirstUse::Refuse) => refuse(judged)?,
                Obligation::UseOnce => {
                    assumed.push("single use: this token was not used before".to_owned());
                }
                // INVARIANT: the gate has asked `can_meet`.
                Obligation::Prove(_) | Obligation::Other { .. } => {}
            }
        }
        Ok(Committed { assumed })
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

/// An empty ledger knows no name.
fn refuse(judged: &Judged) -> Result<(), CommitError> {
    let Some(name) = judged.token().workload().names.last() else {
        return Ok(());
    };
    let id = name
        .id
        .as_deref()
        .map_or_else(String::new, |id| format!(" with id `{id}`"));
    let message = format!(
        "no operator has approved {} `{}`{id}, and `{}` does not enrol names by itself",
        name.kind,
        name.name,
        judged.statement()
    );
    let mut reason = Reason::new(Code::IdentityUnknown, message)
        .expected("a name that the ledger knows")
        .found(&name.name);
    reason.statement = Some(judged.statement().to_owned());
    Err(CommitError::Refused(reason.into()))
}
