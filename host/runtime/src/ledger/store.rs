//! What a store does for the ledger: transactions over a few tables. It knows
//! no rule.

use std::fmt;

use super::entry::{Entry, Scope};
use super::event::Event;
use super::name::Name;
use super::revocation::{Revocation, Target};
use super::served::{Known, Serial, Served};
use crate::modules::{ModuleId, ModuleName};
use crate::outcome::HostError;
use crate::reason::HostCode;
use crate::waiting::Barred;

/// Whether what a transaction wrote takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// All of it does.
    Commit,
    /// None of it does: it was tried, or nothing was written.
    Abort,
}

/// As of when something was read. What was read as of the same is still so,
/// except that routes may have enrolled more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AsOf {
    /// Moved on by the store in this process whenever it may look at something
    /// else than before: another file, a server that was gone.
    pub(super) epoch: u64,
    /// The ledger's generation, which every change by an operator moves on.
    pub(super) generation: u64,
}

/// What is done in one transaction. It may be run again where another one came
/// in between, and what it found before then counts for nothing.
pub(super) type Work<'a> = dyn FnMut(&mut dyn Transaction) -> Result<Finish, StoreError> + 'a;

/// Where the ledger is kept.
///
/// Transactions are serialisable: whatever runs at once has the effect of some
/// order. What [`Store::transact`] returned for is durable.
pub(super) trait Store: Send + Sync + fmt::Debug {
    /// Runs `work` in a transaction that may write.
    fn transact(&self, work: &mut Work<'_>) -> Result<(), StoreError>;

    /// Runs `work` on what is there at one moment; it writes nothing.
    fn view(&self, work: &mut Work<'_>) -> Result<(), StoreError>;

    /// Of which version it was when it was opened, where that is an older one than
    /// this release's.
    fn older(&self) -> Option<Older> {
        None
    }

    /// As of when something read now would be: at the time of the call or, where
    /// replicas share the store, at most the store's bound before that.
    fn generation(&self) -> Result<AsOf, StoreError>;
}

/// Tables, as one transaction sees them.
pub(super) trait Transaction {
    /// As of when it reads.
    fn generation(&mut self) -> Result<AsOf, StoreError>;

    /// Moves the generation on.
    fn advance(&mut self) -> Result<(), StoreError>;

    /// The entries of a name, of every scope.
    fn by_name(&mut self, name: &Name) -> Result<Vec<Entry>, StoreError>;

    /// The entries of an id, of every scope.
    fn by_id(&mut self, issuer: &str, kind: &str, id: &str) -> Result<Vec<Entry>, StoreError>;

    /// Every entry: by issuer, kind, name, then the scope.
    fn entries(&mut self, each: &mut Each<'_, Entry>) -> Result<(), StoreError>;

    /// Adds an entry, or puts it in the place of that of its name and scope.
    fn put(&mut self, entry: &Entry) -> Result<(), StoreError>;

    /// Takes the entry of a name and scope away.
    fn remove(&mut self, name: &Name, scope: &Scope) -> Result<(), StoreError>;

    /// Adds to the history.
    fn append(&mut self, event: &Event) -> Result<(), StoreError>;

    /// The history, of one name or of all, in its order.
    fn events(&mut self, of: Option<&Name>, each: &mut Each<'_, Event>) -> Result<(), StoreError>;

    /// Every revocation, also those that have ended: by kind, issuer, value.
    fn revocations(&mut self, each: &mut Each<'_, Revocation>) -> Result<(), StoreError>;

    /// The revocation of a target.
    fn revocation(&mut self, target: &Target) -> Result<Option<Revocation>, StoreError>;

    /// Adds a revocation, or puts it in the place of that of its target.
    fn revoke(&mut self, revocation: &Revocation) -> Result<(), StoreError>;

    /// Takes the revocation of a target away; whether there was one.
    fn lift(&mut self, target: &Target) -> Result<bool, StoreError>;

    /// Marks a token or a proof as used, until `until` in seconds since 1970, exclusive.
    /// False where it is marked already, whatever its time.
    fn spend(&mut self, key: &Spent) -> Result<bool, StoreError>;

    /// Forgets at most `most` marks that ended before `before`.
    fn sweep(&mut self, before: u64, most: u32) -> Result<(), StoreError>;

    /// Every mark, by its digest.
    fn spent(&mut self, each: &mut Each<'_, Spent>) -> Result<(), StoreError>;

    /// What a route serves of a module.
    fn served(&mut self, route: &str, name: &ModuleName) -> Result<Option<Served>, StoreError>;

    /// What every route serves: by route, then by name.
    fn all_served(&mut self, each: &mut Each<'_, Served>) -> Result<(), StoreError>;

    /// Adds what a route serves first, or moves its version on, as a host may:
    /// what operators said of it stays as it stands.
    fn take_up(&mut self, served: &Served) -> Result<(), StoreError>;

    /// Adds what a route serves, or puts it in the place of what stands, as an
    /// operator may.
    fn put_served(&mut self, served: &Served) -> Result<(), StoreError>;

    /// The digest that a version of a module was first served with.
    fn known(&mut self, module: &ModuleId) -> Result<Option<Known>, StoreError>;

    /// Whether a host took a version of a module up, on whichever route: a candidate
    /// is known and was not.
    fn was_taken_up(&mut self, module: &ModuleId) -> Result<bool, StoreError>;

    /// Every digest: by name, then by version as text.
    fn all_known(&mut self, each: &mut Each<'_, Known>) -> Result<(), StoreError>;

    /// Adds the digest of a version that has none yet.
    fn add_known(&mut self, known: &Known) -> Result<(), StoreError>;

    /// The highest serial of an index that was seen.
    fn serial(&mut self, store: &str, name: &ModuleName) -> Result<Option<u64>, StoreError>;

    /// Every highest serial: by store, then by name.
    fn serials(&mut self, each: &mut Each<'_, Serial>) -> Result<(), StoreError>;

    /// Adds a serial, or puts it in the place of a lower one.
    fn raise_serial(&mut self, serial: &Serial) -> Result<(), StoreError>;
}

/// Takes the rows of a table, one after the other.
pub(super) type Each<'a, T> = dyn FnMut(T) -> Result<(), StoreError> + 'a;

/// The mark of a used token, or of a used proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spent {
    /// What tells it apart, digested: 32 bytes, whoever chose it.
    pub(super) digest: [u8; 32],
    /// Until when it is kept, in seconds since 1970, exclusive.
    pub(super) until: u64,
}

/// A ledger whose tables an older release made, and that was opened to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the ledger's tables are of version {version}; they are brought to version {renewed_to} by what \
     first writes there, such as a host that starts, and older releases can't open it from then on"
)]
pub struct Older {
    /// The version of its tables.
    pub version: i32,
    /// That of this release's.
    pub renewed_to: i32,
}

/// A store that gave no answer. It never allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// What kind of failure.
    pub kind: StoreFailure,
    /// One sentence for an operator; no secret of a connection.
    pub message: String,
}

/// What kind of failure a store had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreFailure {
    /// It can't be reached, opened, read or written.
    Unreachable,
    /// Others kept it busy for longer than this host waits.
    Busy,
    /// It has no room left.
    Full,
    /// What is in it is no ledger, is damaged, or is of a later version.
    Unusable,
    /// This host may not do there what it has to.
    Forbidden,
}

impl From<Barred> for StoreError {
    fn from(barred: Barred) -> Self {
        Self::new(StoreFailure::Busy, barred.to_string())
    }
}

impl StoreError {
    /// A failure.
    pub(super) fn new(kind: StoreFailure, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Something in the store that no ledger has written.
    pub(super) fn damaged(what: impl fmt::Display) -> Self {
        Self::new(
            StoreFailure::Unusable,
            format!("the ledger holds what it never wrote: {what}"),
        )
    }
}

impl From<StoreError> for HostError {
    fn from(error: StoreError) -> Self {
        Self::new(HostCode::Store, error.message)
    }
}
