//! What an operator does to the ledger, and what can't be done.

mod desk;
mod modules;

use super::entry::Entry;
use super::name::{Identity, IdentityError, Name, Parent};
use super::revocation::{Revocation, Target};
use super::served::Served;
use super::store::{StoreError, Transaction};
use super::versions::VersionRefused;
use crate::clock::date;
use crate::modules::{ModuleId, ModuleName};
use desk::Desk;

pub(super) use desk::entry_json;

/// Longest reason and operator's name, in bytes.
const LONGEST_WORD: usize = 1024;

/// A change with who makes it, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is to change.
    pub change: Change,
    /// The operator's name: 1 to 1024 bytes without control characters.
    pub by: String,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why: 1 to 1024 bytes without control characters.
    pub reason: String,
}

/// What an operator does to the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Trust an identity, on every route.
    Approve {
        /// The identity.
        identity: Identity,
        /// The id that has held the name until now, where it is handed over on
        /// purpose; empty for a name without an id. Whoever was approved under
        /// another name leaves it, as by [`Change::Migrate`].
        replacing: Option<String>,
    },
    /// Bar a name, and the identity behind it, for now.
    Suspend {
        /// The name.
        name: Name,
        /// The id that is barred under every name, where the ledger doesn't
        /// know it or knows several.
        id: Option<String>,
    },
    /// Lift a suspension.
    Resume {
        /// The name.
        name: Name,
    },
    /// Bar a name, and the identity behind it, for ever.
    Retire {
        /// The name.
        name: Name,
        /// As in [`Change::Suspend`].
        id: Option<String>,
    },
    /// Follow an identity to another name, wherever it is known.
    Migrate {
        /// The name that it leaves.
        from: Name,
        /// The name that it goes by.
        to: Name,
        /// The identity's id, where several were seen with the old name.
        id: Option<String>,
        /// What it belongs to from now on; none for what it belonged to.
        parent: Option<Parent>,
        /// Whether what belongs to it, and is named after it, follows.
        children: bool,
    },
    /// Undo what a route's statement has enrolled.
    Forget {
        /// The name.
        name: Name,
        /// The route.
        route: String,
        /// The statement.
        statement: String,
    },
    /// Refuse tokens.
    Revoke {
        /// Which.
        target: Target,
        /// Until when, in seconds since 1970, exclusive; none for ever.
        until: Option<u64>,
    },
    /// Lift a revocation; of a subject, in whatever shapes it is revoked.
    Lift {
        /// Of what.
        target: Target,
    },
    /// Serve a lower version of a module than is served: one that was served
    /// here before, on whichever route. What is above it, up to what was served,
    /// is not taken up again.
    RollBack {
        /// The route.
        route: String,
        /// The module, and the version that is to be served.
        to: ModuleId,
    },
    /// Let a route take up versions of a module up to this major version, and
    /// of none above it.
    ApproveMajor {
        /// The route.
        route: String,
        /// The module's name.
        name: ModuleName,
        /// The highest major version, inclusive.
        major: u64,
    },
    /// Never take a version of a module up, nor one between it and what is served,
    /// which stays.
    Reject {
        /// The route.
        route: String,
        /// The module's name and version.
        module: ModuleId,
        /// Whether no host may have looked at it yet.
        unseen: bool,
    },
    /// Have a route serve a version of a module that waits for that.
    Promote {
        /// The route.
        route: String,
        /// The module's name and version.
        module: ModuleId,
        /// Whether no host may have looked at it yet: then whatever comes to be
        /// published as this version is meant.
        unseen: bool,
    },
}

/// What a change did to one name, to one revocation, or to what one route serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An entry was added, replaced or taken away.
    Entry {
        /// What was there; none for nothing.
        before: Option<Box<Entry>>,
        /// What is there; none for nothing.
        after: Option<Box<Entry>>,
    },
    /// A revocation was added, replaced or lifted.
    Revocation {
        /// What was revoked already; none for nothing.
        before: Option<Box<Revocation>>,
        /// What is revoked; none for nothing.
        after: Option<Box<Revocation>>,
    },
    /// What a route serves of a module, or may serve, was changed.
    Served {
        /// What stood.
        before: Box<Served>,
        /// What stands.
        after: Box<Served>,
    },
}

/// Why a change can't be made. Nothing was changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It can't be, by the issuer's naming model.
    #[error("{0}")]
    Identity(#[from] IdentityError),
    /// No reason, or no name of an operator, is given.
    #[error(transparent)]
    Word(#[from] WordError),
    /// The ledger does not know the name.
    #[error("the ledger knows no {kind} `{name}`")]
    Unknown {
        /// The kind of name.
        kind: String,
        /// The name.
        name: String,
    },
    /// The name is bound to another identity.
    #[error(
        "the {kind} `{name}` is bound to {held}; to hand it over on purpose, say that you are \
         replacing it"
    )]
    Held {
        /// The kind of name.
        kind: String,
        /// The name.
        name: String,
        /// What it is bound to.
        held: String,
    },
    /// What is to be replaced is not what is there.
    #[error("the {kind} `{name}` is bound to {held}, not to what you are replacing")]
    NotHeld {
        /// The kind of name.
        kind: String,
        /// The name.
        name: String,
        /// What it is bound to.
        held: String,
    },
    /// The identity is known under another name.
    #[error("that {kind} is known as `{name}`; migrate it from there")]
    Renamed {
        /// The kind of name.
        kind: String,
        /// The name that it is known by.
        name: String,
    },
    /// The name's state does not let it be done.
    #[error("the {kind} `{name}` is {state}{hint}")]
    State {
        /// The kind of name.
        kind: String,
        /// The name.
        name: String,
        /// Its state.
        state: &'static str,
        /// What can be done; empty for nothing.
        hint: &'static str,
    },
    /// Several ids were seen with the name.
    #[error("the {kind} `{name}` was seen with several ids: `{}`; say which", .ids.join("`, `"))]
    Several {
        /// The kind of name.
        kind: String,
        /// The name.
        name: String,
        /// The ids.
        ids: Vec<String>,
    },
    /// A route enrolled somebody else under the new name.
    #[error("{by} has enrolled another {kind} as `{name}`; forget that first")]
    Enrolled {
        /// The kind of name.
        kind: String,
        /// The name.
        name: String,
        /// The route and statement.
        by: String,
    },
    /// The two names are not of one kind at one issuer, or are the same.
    #[error("`{from}` and `{to}` have to be two names of one kind at one issuer")]
    NotTwo {
        /// One name.
        from: String,
        /// The other.
        to: String,
    },
    /// Nothing of the kind is revoked.
    #[error("no such {kind} is revoked")]
    NotRevoked {
        /// The kind of target.
        kind: &'static str,
    },
    /// A revocation that would never hold.
    #[error("a revocation that ends at {} would have ended already", date(*.until))]
    Ended {
        /// Its end, in seconds since 1970.
        until: u64,
    },
    /// The route has served no version of the module.
    #[error("route `{route}` has never served a module `{name}`")]
    NotServed {
        /// The route.
        route: String,
        /// The module's name.
        name: ModuleName,
    },
    /// The version was served on no route.
    #[error("`{to}` was never served here; a rollback goes to a version that was")]
    NeverServed {
        /// The module and the version.
        to: Box<ModuleId>,
    },
    /// No host has looked at the version, so that its digest is not known.
    #[error(
        "no host on this ledger has looked at `{module}`, so that nothing says which bytes are \
         meant; if it is no slip, say that it may be unseen"
    )]
    Unseen {
        /// The module and the version.
        module: Box<ModuleId>,
    },
    /// What is served does not let it be done.
    #[error(transparent)]
    Version(#[from] VersionRefused),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A reason, or an operator's name, that says nothing or more than one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} has to be 1 to {LONGEST_WORD} bytes without control characters")]
pub struct WordError {
    /// Which of the two.
    pub what: &'static str,
}

impl Order {
    /// Makes the change in a transaction, with its history.
    pub(super) fn apply(&self, tables: &mut dyn Transaction) -> Result<Vec<Effect>, ChangeError> {
        check_word("the operator's name", &self.by)?;
        check_word("the reason", &self.reason)?;
        Desk::new(tables, self).carry_out()
    }
}

/// Refuses what says nothing, or more than one line.
pub(super) fn check_word(what: &'static str, text: &str) -> Result<(), WordError> {
    let clean = !text.trim().is_empty()
        && text.len() <= LONGEST_WORD
        && !text.chars().any(char::is_control);
    clean.then_some(()).ok_or(WordError { what })
}
