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
        let mut left = None;
        let mut approved = false;
        if let Some(entry) = self.named(&Scope::Everywhere) {
            match &entry.standing {
                Standing::Retired => return refuse(words::retired(identity, entry)),
                Standing::Suspended { .. } => return refuse(words::suspended(identity, entry)),
                Standing::Moved { to } if is_same(identity, entry) => left = Some((entry, to)),
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
        let former = left.is_some();
        match self.elsewhere(identity, &Scope::Everywhere, former) {
            Elsewhere::Refused(reason) => return refuse(reason),
            Elsewhere::Same => approved = true,
            Elsewhere::Nowhere => {}
        }
        if approved {
            return Verdict::Known;
        }
        match (self.judge_enrolled(identity, scope, former), left) {
            // A first use would bind the identity to a name that it has left.
            (Verdict::Unknown, Some((entry, to))) => refuse(words::left(identity, entry, to)),
            (verdict, _) => verdict,
        }
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
            Elsewhere::Nowhere => Verdict::Unknown,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::name::Name;
    use crate::reason::Code;

    const LAX: (&str, &str) = ("lax", "any");
    const STRICT: (&str, &str) = ("strict", "own");

    fn scope((route, statement): (&str, &str)) -> Scope {
        Scope::Statement {
            route: route.to_owned(),
            statement: statement.to_owned(),
        }
    }

    fn identity(name: &str, id: Option<&str>, parent: &str) -> Identity {
        Identity {
            name: Name {
                issuer: "https://forge.example".to_owned(),
                kind: "repository".to_owned(),
                name: name.to_owned(),
            },
            spelling: name.to_owned(),
            id: id.map(str::to_owned),
            parent: Some(Parent {
                kind: "owner".to_owned(),
                name: "acme".to_owned(),
                id: Some(parent.to_owned()),
            }),
            claim: vec!["repository_id".to_owned()],
        }
    }

    fn entry(name: &str, id: Option<&str>, standing: Standing) -> Entry {
        Entry::of(&identity(name, id, "1"), standing, 1_795_428_000)
    }

    fn observed(name: &str, id: &str, (route, statement): (&str, &str)) -> Entry {
        let standing = Standing::Observed {
            route: route.to_owned(),
            statement: statement.to_owned(),
        };
        entry(name, Some(id), standing)
    }

    /// The verdict on an identity where the ledger holds `entries`.
    fn judge(entries: &[Entry], identity: &Identity, at: (&str, &str)) -> Verdict {
        let named = entries.iter().filter(|one| one.name == identity.name);
        let same = |one: &&Entry| one.id.is_some() && one.id == identity.id;
        let known = Known {
            by_name: &named.cloned().collect::<Vec<_>>(),
            by_id: &entries.iter().filter(same).cloned().collect::<Vec<_>>(),
        };
        known.judge(identity, &scope(at))
    }

    fn code(verdict: Verdict) -> Option<Code> {
        match verdict {
            Verdict::Refused(reason) => Some(reason.code),
            Verdict::Known | Verdict::Unknown => None,
        }
    }

    #[test]
    fn an_operators_word_holds_on_every_route() {
        let ledger = [entry("acme/infra", Some("7"), Standing::Approved)];
        for at in [LAX, STRICT] {
            let same = identity("acme/infra", Some("7"), "1");
            assert_eq!(judge(&ledger, &same, at), Verdict::Known);
            let other = identity("acme/infra", Some("8"), "1");
            let reassigned = Some(Code::IdentityReassigned);
            assert_eq!(code(judge(&ledger, &other, at)), reassigned);
            let moved = identity("acme/infra", Some("7"), "2");
            assert_eq!(code(judge(&ledger, &moved, at)), reassigned);
            let renamed = identity("acme/other", Some("7"), "1");
            assert_eq!(
                code(judge(&ledger, &renamed, at)),
                Some(Code::IdentityRenamed)
            );
            let nameless = identity("acme/infra", None, "1");
            assert_eq!(
                code(judge(&ledger, &nameless, at)),
                Some(Code::IdentityAbsent)
            );
        }
    }

    #[test]
    fn what_another_statement_enrolled_neither_opens_nor_blocks() {
        let ledger = [observed("acme/infra", "8", LAX)];
        let stranger = identity("acme/infra", Some("8"), "1");
        let owner = identity("acme/infra", Some("7"), "1");
        assert_eq!(judge(&ledger, &stranger, LAX), Verdict::Known);
        assert_eq!(judge(&ledger, &stranger, STRICT), Verdict::Unknown);
        assert_eq!(judge(&ledger, &owner, STRICT), Verdict::Unknown);
        let reassigned = Some(Code::IdentityReassigned);
        assert_eq!(code(judge(&ledger, &owner, LAX)), reassigned);
        let elsewhere = identity("acme/other", Some("8"), "1");
        assert_eq!(judge(&ledger, &elsewhere, STRICT), Verdict::Unknown);
        assert_eq!(
            code(judge(&ledger, &elsewhere, LAX)),
            Some(Code::IdentityRenamed)
        );
    }

    #[test]
    fn an_operators_word_goes_before_what_a_statement_enrolled() {
        let ledger = [
            observed("acme/infra", "8", LAX),
            entry("acme/infra", Some("7"), Standing::Approved),
        ];
        let owner = identity("acme/infra", Some("7"), "1");
        let stranger = identity("acme/infra", Some("8"), "1");
        assert_eq!(judge(&ledger, &owner, LAX), Verdict::Known);
        let reassigned = Some(Code::IdentityReassigned);
        assert_eq!(code(judge(&ledger, &stranger, LAX)), reassigned);
    }

    #[test]
    fn a_barred_identity_is_barred_under_every_name() {
        for (standing, barred) in [
            (Standing::Retired, Code::IdentityRetired),
            (
                Standing::Suspended { approved: true },
                Code::IdentitySuspended,
            ),
        ] {
            let ledger = [entry("acme/infra", Some("7"), standing)];
            for (name, id) in [
                ("acme/infra", Some("7")),
                ("acme/infra", Some("8")),
                ("acme/infra", None),
                ("acme/other", Some("7")),
            ] {
                let verdict = judge(&ledger, &identity(name, id, "1"), LAX);
                assert_eq!(code(verdict), Some(barred), "{name} {id:?}");
            }
        }
    }

    #[test]
    fn a_name_that_was_left_is_its_own_identitys_and_nobody_elses() {
        let moved = |id| {
            let to = "acme/new".to_owned();
            entry("acme/old", id, Standing::Moved { to })
        };
        let ledger = [
            moved(Some("7")),
            entry("acme/new", Some("7"), Standing::Approved),
        ];
        for name in ["acme/old", "acme/new"] {
            let own = identity(name, Some("7"), "1");
            assert_eq!(judge(&ledger, &own, STRICT), Verdict::Known, "{name}");
            let other = identity(name, Some("8"), "1");
            let reassigned = Some(Code::IdentityReassigned);
            assert_eq!(code(judge(&ledger, &other, STRICT)), reassigned, "{name}");
        }
        let without_ids = [moved(None)];
        let verdict = judge(&without_ids, &identity("acme/old", None, "1"), STRICT);
        assert_eq!(code(verdict), Some(Code::IdentityReassigned));
    }

    #[test]
    fn a_left_name_of_an_enrolled_identity_holds_for_its_own_statement() {
        let to = "acme/new".to_owned();
        let ledger = [
            entry("acme/old", Some("7"), Standing::Moved { to }),
            observed("acme/new", "7", LAX),
        ];
        let own = identity("acme/old", Some("7"), "1");
        assert_eq!(judge(&ledger, &own, LAX), Verdict::Known);
        // Enrolled by its old name, it would be a stranger by its new one.
        let renamed = Some(Code::IdentityRenamed);
        assert_eq!(code(judge(&ledger, &own, STRICT)), renamed);
    }

    #[test]
    fn a_name_that_is_known_without_an_id_is_not_bound_to_the_first_that_comes() {
        let ledger = [entry("acme/infra", None, Standing::Approved)];
        let bare = identity("acme/infra", None, "1");
        assert_eq!(judge(&ledger, &bare, LAX), Verdict::Known);
        let with_id = identity("acme/infra", Some("7"), "1");
        assert_eq!(
            code(judge(&ledger, &with_id, LAX)),
            Some(Code::IdentityUnknown)
        );
    }
}
