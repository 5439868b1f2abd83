//! What the ledger says to an operator when an identity is refused: what it
//! knows, since when and from whom, and what can be done.

use super::entry::{Entry, Scope, Standing};
use super::name::Identity;
use crate::clock::date;
use crate::reason::{Code, Reason, clip};

/// The identity of an entry is known for good under another name.
pub(super) fn renamed(identity: &Identity, entry: &Entry) -> Reason {
    let (kind, id) = (&identity.name.kind, shown(identity));
    let message = format!(
        "the {kind} with {id} is known as `{}` {}, and this token calls it `{}`; if the rename is \
         genuine, `subject migrate` moves it and bars others from the old name",
        clip(&entry.spelling),
        source(entry),
        clip(&identity.spelling),
    );
    reason(Code::IdentityRenamed, identity, message)
        .expected(&entry.spelling)
        .found(&identity.spelling)
}

/// The identity left the name that the token carries, and nobody knows it here.
/// There is nothing to migrate, so that nothing is said to be found: what it is
/// called now is to be approved.
pub(super) fn left(identity: &Identity, entry: &Entry, to: &str) -> Reason {
    let to = clip(to);
    let message = format!(
        "the {} with {} left the name `{}` for `{to}` {}, and neither an operator nor this \
         statement has taken it as `{to}` yet; `subject approve` of `{to}` does",
        identity.name.kind,
        shown(identity),
        clip(&identity.spelling),
        happened(entry),
    );
    reason(Code::IdentityRenamed, identity, message).expected(to)
}

/// The name belongs to another identity.
pub(super) fn reassigned(identity: &Identity, entry: &Entry) -> Reason {
    let message = format!(
        "the {} `{}` is bound to {} {}, and this token carries {}: somebody else holds the name; \
         only if you know them, `subject approve --replacing` hands it over",
        identity.name.kind,
        clip(&identity.spelling),
        entry.shown_id(),
        source(entry),
        shown(identity),
    );
    between(Code::IdentityReassigned, identity, entry, message)
}

/// The identity belongs to somebody else than it did.
pub(super) fn moved_to_parent(identity: &Identity, entry: &Entry) -> Reason {
    let parent = |parent: Option<&super::name::Parent>| {
        parent.map_or_else(
            || "nothing".to_owned(),
            |parent| format!("{} `{}`", parent.kind, clip(parent.shown())),
        )
    };
    let (was, is) = (
        parent(entry.parent.as_ref()),
        parent(identity.parent.as_ref()),
    );
    let message = format!(
        "the {} `{}` belonged to {was} {}, and this token says that it belongs to {is}; if the \
         transfer is genuine, `subject approve --replacing` with its own id records it",
        identity.name.kind,
        clip(&identity.spelling),
        source(entry),
    );
    reason(Code::IdentityReassigned, identity, message)
        .expected(was)
        .found(&is)
}

/// The name was left by its identity, and stays barred to others.
pub(super) fn left_behind(identity: &Identity, entry: &Entry, to: &str) -> Reason {
    let message = format!(
        "the {} `{}` was left behind when {} moved to `{}` {}, and this token carries {}: the name \
         stays barred to all others; only if you know them, `subject approve --replacing` hands it over",
        identity.name.kind,
        clip(&identity.spelling),
        entry.shown_id(),
        clip(to),
        happened(entry),
        shown(identity),
    );
    between(Code::IdentityReassigned, identity, entry, message)
}

/// An operator retired the name or the identity.
pub(super) fn retired(identity: &Identity, entry: &Entry) -> Reason {
    barred(
        Code::IdentityRetired,
        "was retired for ever by",
        "on",
        identity,
        entry,
    )
}

/// An operator suspended the name or the identity.
pub(super) fn suspended(identity: &Identity, entry: &Entry) -> Reason {
    let what = "is suspended until `subject resume`, by";
    barred(Code::IdentitySuspended, what, "since", identity, entry)
}

/// The name is known by its id, and the token has none.
pub(super) fn id_absent(identity: &Identity, entry: &Entry) -> Reason {
    let message = format!(
        "the {} `{}` is bound to {} {}, and this token carries no id: a name alone is not trusted",
        identity.name.kind,
        clip(&identity.spelling),
        entry.shown_id(),
        source(entry),
    );
    between(Code::IdentityAbsent, identity, entry, message)
}

/// The name is known without an id, and the token has one that nobody approved.
pub(super) fn id_unknown(identity: &Identity, entry: &Entry) -> Reason {
    let message = format!(
        "the {} `{}` is known by its name alone {}, and this token carries {}, which nobody \
         approved; `subject approve` binds the name to it",
        identity.name.kind,
        clip(&identity.spelling),
        source(entry),
        shown(identity),
    );
    between(Code::IdentityUnknown, identity, entry, message)
}

/// Nobody whose word counts has spoken of it; others may have seen it.
pub(super) fn unknown(identity: &Identity, by_name: &[Entry]) -> Reason {
    let seen = by_name.iter().find_map(|entry| match &entry.standing {
        Standing::Observed { .. } => Some(format!(
            "; it was seen with {} {}, which is no approval here",
            entry.shown_id(),
            source(entry)
        )),
        Standing::Approved
        | Standing::Suspended { .. }
        | Standing::Retired
        | Standing::Moved { .. } => None,
    });
    let message = format!(
        "nobody has approved the {} `{}` with {}, and a first use does not enrol it{}; `subject \
         approve` does",
        identity.name.kind,
        clip(&identity.spelling),
        shown(identity),
        seen.unwrap_or_default(),
    );
    reason(Code::IdentityUnknown, identity, message)
        .expected("an approved identity")
        .found(&identity.spelling)
}

fn barred(code: Code, what: &str, when: &str, identity: &Identity, entry: &Entry) -> Reason {
    let why = match entry.reason.as_str() {
        "" => String::new(),
        why => format!(": {}", clip(why)),
    };
    let now = if entry.name == identity.name {
        String::new()
    } else {
        format!(", which this token calls `{}`,", clip(&identity.spelling))
    };
    let message = format!(
        "the {} `{}`{now} {what} {} {when} {}{why}",
        identity.name.kind,
        clip(&entry.spelling),
        clip(&entry.by),
        date(entry.since),
    );
    reason(code, identity, message).found(&identity.spelling)
}

fn between(code: Code, identity: &Identity, entry: &Entry, message: String) -> Reason {
    let found = identity.id.as_deref();
    let mut reason =
        reason(code, identity, message).expected(entry.id.as_deref().unwrap_or("no id"));
    reason.found = found.map(clip);
    reason
}

fn reason(code: Code, identity: &Identity, message: String) -> Reason {
    Reason::new(code, message).about(identity.claim.iter().cloned())
}

fn shown(identity: &Identity) -> String {
    identity
        .id
        .as_deref()
        .map_or_else(|| "no id".to_owned(), |id| format!("id `{}`", clip(id)))
}

/// Since when an entry holds, and by whose word.
fn source(entry: &Entry) -> String {
    dated("since", entry)
}

/// When it happened that an entry tells of, and by whose word.
fn happened(entry: &Entry) -> String {
    dated("on", entry)
}

fn dated(when: &str, entry: &Entry) -> String {
    let how = match entry.standing.scope() {
        Scope::Everywhere => "by",
        Scope::Statement { .. } => "enrolled by",
    };
    format!("{when} {} ({how} {})", date(entry.since), clip(&entry.by))
}
