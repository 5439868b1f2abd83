//! The rules: what the ledger says of an identity that a token carries.
//!
//! An operator's entry holds for every route and comes first. What the token's
//! own route and statement enrolled comes second. What others enrolled is
//! observation: it neither opens this route nor blocks anybody.

use super::entry::{Entry, Scope, Standing};
use super::name::{Identity, Parent};
use super::words;
use crate::reason::Reason;

/// What the ledger says of one identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is known, and equal.
    Known,
    /// Nobody whose word counts here has spoken of the name or of the id.
    Unknown,
    /// It is not who the ledger knows.
    Refused(Box<Reason>),
}

/// What is known of an identity's name and of its id.
pub(super) struct Known<'a> {
    /// Entries of the name, of every scope.
    pub(super) by_name: &'a [Entry],
    /// Entries of the id, of every scope; none where the identity has no id.
    pub(super) by_id: &'a [Entry],
}

impl Known<'_> {
    /// Judges an identity as `scope` sees it.
    pub(super) fn judge(&self, identity: &Identity, scope: &Scope) -> Verdict {
        let mut former = false;
        let mut approved = false;
        if let Some(entry) = self.named(&Scope::Everywhere) {
            match &entry.standing {
                Standing::Retired => return refuse(words::retired(identity, entry)),
                Standing::Suspended { .. } => return refuse(words::suspended(identity, entry)),
                Standing::Moved { .. } if is_same(identity, entry) => former = true,
                Standing::Moved { to } => {
                    return refuse(words::left_behind(identity, entry, to));
                }
                Standing::Approved => match compare(identity, entry) {
                    Some(reason) => return refuse(reason),
                    None => approved = true,
                },
                // INVARIANT: an observation is never an operator's.
                Standing::Observed { .. } => {}
            }
        }
        match self.elsewhere(identity, &Scope::Everywhere, former) {
            Elsewhere::Refused(reason) => return refuse(reason),
            Elsewhere::Same => approved = true,
            Elsewhere::Nowhere => {}
        }
        if approved {
            return Verdict::Known;
        }
        self.judge_enrolled(identity, scope, former)
    }

    /// Judges by what the token's own route and statement enrolled.
    fn judge_enrolled(&self, identity: &Identity, scope: &Scope, former: bool) -> Verdict {
        if let Some(entry) = self.named(scope) {
            return match compare(identity, entry) {
                Some(reason) => refuse(reason),
                None => Verdict::Known,
            };
        }
        match self.elsewhere(identity, scope, former) {
            Elsewhere::Refused(reason) => refuse(reason),
            Elsewhere::Same => Verdict::Known,
            Elsewhere::Nowhere => match self.named(&Scope::Everywhere) {
                // Enrolled by a name that it has left, the identity would be a
                // stranger by the one that it goes by.
                Some(tombstone) if former => refuse(words::left(identity, tombstone)),
                Some(_) | None => Verdict::Unknown,
            },
        }
    }

    /// The scope's entry of the name.
    fn named(&self, scope: &Scope) -> Option<&Entry> {
        self.by_name
            .iter()
            .find(|entry| entry.standing.scope() == *scope)
    }

    /// What the scope knows of the id under another name. Where this name is a
    /// `former` one of the identity, the other name is its own as well.
    fn elsewhere(&self, identity: &Identity, scope: &Scope, former: bool) -> Elsewhere {
        let others = self.by_id.iter().filter(|entry| {
            entry.standing.scope() == *scope && entry.name.name != identity.name.name
        });
        let mut found = Elsewhere::Nowhere;
        for entry in others {
            match &entry.standing {
                // Names that the identity has left.
                Standing::Moved { .. } => {}
                Standing::Retired => return Elsewhere::Refused(words::retired(identity, entry)),
                Standing::Suspended { .. } => {
                    return Elsewhere::Refused(words::suspended(identity, entry));
                }
                Standing::Approved | Standing::Observed { .. } if former => {
                    match parent_of(identity, entry) {
                        Some(reason) => return Elsewhere::Refused(reason),
                        None => found = Elsewhere::Same,
                    }
                }
                Standing::Approved | Standing::Observed { .. } => {
                    return Elsewhere::Refused(words::renamed(identity, entry));
                }
            }
        }
        found
    }
}

/// What a scope knows of an id under another name.
enum Elsewhere {
    Nowhere,
    /// The same identity, which left the name that it goes by here.
    Same,
    Refused(Reason),
}

fn refuse(reason: Reason) -> Verdict {
    Verdict::Refused(Box::new(reason))
}

/// Whether the entry is certainly of the same identity: by id, never by name.
fn is_same(identity: &Identity, entry: &Entry) -> bool {
    identity.id.is_some() && identity.id == entry.id
}

/// Why the identity is not the entry's, whose name it carries.
fn compare(identity: &Identity, entry: &Entry) -> Option<Reason> {
    match (&identity.id, &entry.id) {
        (None, Some(_)) => Some(words::id_absent(identity, entry)),
        (Some(_), None) => Some(words::id_unknown(identity, entry)),
        (one, other) if one != other => Some(words::reassigned(identity, entry)),
        (Some(_) | None, _) => parent_of(identity, entry),
    }
}

/// Why the identity's parent is not the entry's.
fn parent_of(identity: &Identity, entry: &Entry) -> Option<Reason> {
    let same = match (&identity.parent, &entry.parent) {
        (None, None) => true,
        (Some(one), Some(other)) => Parent::is(one, other),
        (Some(_), None) | (None, Some(_)) => false,
    };
    (!same).then(|| words::moved_to_parent(identity, entry))
}
