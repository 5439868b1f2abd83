//! The ledger: which identity a name belongs to, what is revoked, what was used.
//!
//! A name that a token carries means something only as long as it keeps meaning
//! the same workload. The ledger remembers, for each name of an issuer, the
//! immutable id that it was first trusted with, what it belongs to, who said so,
//! and what became of it; and an id's names. A name that is known under another
//! id has been *reassigned*; an id that is known under another name has been
//! *renamed*; neither is accepted until an operator has spoken.
//!
//! What an operator says holds on every route. What a statement of a route
//! enrolled at a first use holds for that statement alone: for all others it is
//! an observation, which opens nothing and blocks nobody.
//!
//! Beside it stand the marks of tokens and proofs that count once, and revocations.
//! A decision meets all of them in one transaction, see [`Keeper`].
//!
//! It keeps as well which version of a policy's module each route serves, so that
//! no host goes back to a lower one by itself, see [`Ledger::serve`].
//!
//! Do not use it as a cache of identities: it has no expiry, and it never
//! forgets a name that an operator has barred.

mod change;
mod decide;
mod entry;
mod event;
mod keeper;
mod modules;
mod name;
#[cfg(feature = "postgres")]
mod postgres;
mod revocation;
mod row;
mod rule;
mod served;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod transfer;
mod versions;
mod warm;
mod words;

use std::fmt;
use std::io::{BufRead, Seek, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub use change::{Change, ChangeError, Effect, Order, WordError};
pub use entry::{Entry, Scope, Standing, State};
pub use event::{Action, Event};
pub use keeper::Keeper;
pub use modules::{ServeError, StaleIndex, Taken, Taking};
pub use name::{Identity, IdentityError, LONGEST, Name, Parent};
#[cfg(feature = "postgres")]
pub use postgres::{Installed, Postgres};
pub use revocation::{Revocation, Target, TargetError};
pub use served::{Bar, ModuleError, Served};
#[cfg(feature = "sqlite")]
pub use sqlite::{Durability, Sqlite};
pub use store::{Older, StoreError, StoreFailure};
pub use transfer::{ExportError, ImportError, Imported};
pub use versions::{VersionRefused, Withheld};

use decide::{Answer, Question};
use revocation::Revocations;
use store::{AsOf, Finish, Store, Transaction};
use warm::Warm;

#[cfg(feature = "postgres")]
use crate::clock::Clock;
use crate::obligation::{CommitError, Committed};
use crate::waiting;

/// How long a mark is kept past its end, in seconds: a clock that was set
/// forward for less than this makes no host forget a token that is still good.
const GRACE: u64 = 60 * 60;

/// After how many used tokens and proofs the marks that have ended are swept, and how many
/// of them at a time: twice as many as were added meanwhile, so that they never
/// pile up.
const SWEEP_EVERY: u32 = 256;
const SWEEP_MOST: u32 = 512;

/// The ledger, in one of its stores.
pub struct Ledger {
    store: Box<dyn Store>,
    warm: Warm,
    spent_since_sweep: AtomicU32,
}

/// Whether a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It does.
    Real,
    /// It is made, looked at, and undone.
    Dry,
}

impl Ledger {
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    fn new(store: Box<dyn Store>) -> Self {
        Self {
            store,
            warm: Warm::default(),
            spent_since_sweep: AtomicU32::new(0),
        }
    }

    /// The ledger in a file.
    ///
    /// # Errors
    /// [`StoreError`] where it can't be opened, or is no ledger.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(settings: &Sqlite) -> Result<Self, StoreError> {
        Ok(Self::new(Box::new(sqlite::File::open(settings)?)))
    }

    /// The ledger in a database that replicas share.
    ///
    /// By `clock` it is told how old what is known of operators' changes is: an
    /// operating system's, not one of tests.
    ///
    /// # Errors
    /// [`StoreError`] where it can't be opened, or holds no ledger.
    #[cfg(feature = "postgres")]
    pub fn postgres(settings: &Postgres, clock: impl Clock + 'static) -> Result<Self, StoreError> {
        let server = postgres::Server::open(settings, Arc::new(clock))?;
        Ok(Self::new(Box::new(server)))
    }

    /// Makes a change by an operator, or tries it.
    ///
    /// # Errors
    /// Why it can't be made; nothing was changed.
    pub fn apply(&self, order: &Order, run: Run) -> Result<Vec<Effect>, ChangeError> {
        self.apply_all(std::slice::from_ref(order), run)
    }

    /// Makes changes by an operator, each on what the ones before it left, all
    /// of them or none; or tries them.
    ///
    /// # Errors
    /// Why one of them can't be made; nothing was changed.
    pub fn apply_all(&self, orders: &[Order], run: Run) -> Result<Vec<Effect>, ChangeError> {
        let mut outcome = Ok(Vec::new());
        self.store.transact(&mut |tables| {
            let effects = orders.iter().map(|order| order.apply(tables));
            outcome = effects
                .collect::<Result<Vec<_>, _>>()
                .map(|all| all.concat());
            match &mut outcome {
                Ok(_) => Ok(finish(run)),
                // The store decides whether this is run again.
                Err(ChangeError::Store(error)) => Err(error.clone()),
                Err(_) => Ok(Finish::Abort),
            }
        })?;
        outcome
    }

    /// Every entry, by issuer, kind and name: an operator's before those of
    /// routes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entries(&self, mut each: impl FnMut(Entry)) -> Result<(), StoreError> {
        self.view(|tables| {
            tables.entries(&mut |entry| {
                each(entry);
                Ok(())
            })
        })
    }

    /// The entries of a name: an operator's before those of routes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn find(&self, name: &Name) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        self.view(|tables| {
            found = tables.by_name(name)?;
            Ok(())
        })?;
        Ok(found)
    }

    /// The entries of an id: the names that it goes by, and those that it left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn names_of(&self, issuer: &str, kind: &str, id: &str) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        self.view(|tables| {
            found = tables.by_id(issuer, kind, id)?;
            Ok(())
        })?;
        Ok(found)
    }

    /// The history, of one name or of all, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn history(
        &self,
        of: Option<&Name>,
        mut each: impl FnMut(Event),
    ) -> Result<(), StoreError> {
        self.view(|tables| {
            tables.events(of, &mut |event| {
                each(event);
                Ok(())
            })
        })
    }

    /// Asks the store whether it answers, and what it answers is of the present:
    /// what every decision asks first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn check(&self) -> Result<(), StoreError> {
        self.store.generation().map(|_| ())
    }

    /// Whether an older release made it, as it stands: so only where it was opened to
    /// be read, by [`Sqlite::to_read`].
    pub fn older(&self) -> Option<Older> {
        self.store.older()
    }

    /// Everything that is revoked, also what has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revocations(&self) -> Result<Vec<Revocation>, StoreError> {
        let mut found = Vec::new();
        self.view(|tables| {
            tables.revocations(&mut |one| {
                found.push(one);
                Ok(())
            })
        })?;
        Ok(found)
    }

    /// Writes everything as JSON Lines: names, revocations, history, the marks
    /// of used tokens and what is kept of modules, as one moment has them.
    ///
    /// # Errors
    /// [`ExportError`]; part of it may have been written.
    pub fn export(&self, out: &mut dyn Write) -> Result<(), ExportError> {
        let mut outcome = Ok(());
        self.view(|tables| {
            outcome = transfer::export(tables, out);
            Ok(())
        })?;
        outcome
    }

    /// Reads in what [`Self::export`] wrote, all of it or nothing. What the
    /// ledger says already is passed over; what contradicts it is refused.
    ///
    /// # Errors
    /// [`ImportError`]; nothing was imported.
    pub fn import<R: BufRead + Seek>(
        &self,
        lines: &mut R,
        order: &ImportOrder<'_>,
        run: Run,
    ) -> Result<Imported, ImportError> {
        let mut outcome = Ok(Imported::default());
        self.store.transact(&mut |tables| {
            outcome = lines
                .rewind()
                .map_err(|source| ImportError::Read { line: 0, source })
                .and_then(|()| transfer::import(tables, lines, order.by, order.at, order.reason));
            match &outcome {
                Ok(_) => Ok(finish(run)),
                Err(ImportError::Store(error)) => Err(error.clone()),
                Err(ImportError::Line { .. } | ImportError::Read { .. } | ImportError::Word(_)) => {
                    Ok(Finish::Abort)
                }
            }
        })?;
        outcome
    }

    /// Answers what a decision asks: all of it is met and written, or nothing.
    fn settle(&self, question: &Question<'_>) -> Result<Committed, CommitError> {
        let mut answer = Answer::ToBeWritten;
        // What marks a token or a proof as used is written in any case.
        if !question.marks() {
            let workload = question.workload();
            if let Some(committed) = self.remembered(question, &workload)? {
                return Ok(committed);
            }
            let mut read = None;
            self.view(|tables| {
                let revoked = read.insert(self.revoked(tables)?);
                (answer, _) = question.ask(tables, &revoked.revocations, false)?;
                Ok(())
            })?;
            if let Some(revoked) = read {
                self.warm.refresh(revoked.as_of, &revoked.revocations);
                if matches!(answer, Answer::Met(_)) {
                    self.warm.remember(revoked.as_of, workload);
                }
            }
        }
        if matches!(answer, Answer::ToBeWritten) {
            answer = self.write(question)?;
        }
        match answer {
            Answer::Met(committed) => Ok(committed),
            Answer::Refused(denied) => Err(CommitError::Refused(denied)),
            Answer::ToBeWritten => Err(StoreError::damaged("an answer without its writes").into()),
        }
    }

    /// Refuses a token that is revoked, before anybody is asked for a proof.
    fn check_revoked(&self, question: &Question<'_>) -> Result<(), CommitError> {
        let as_of = self.store.generation()?;
        let mut refused = None;
        match self.warm.recall(as_of, "") {
            Some(remembered) => refused = remembered.revocations.refuse(question.token),
            None => self.view(|tables| {
                refused = self.revoked(tables)?.revocations.refuse(question.token);
                Ok(())
            })?,
        }
        match refused {
            Some(reason) => Err(crate::reason::Refusal::from(reason).into()),
            None => Ok(()),
        }
    }

    /// The answer where nothing has to be read or written but the generation.
    fn remembered(
        &self,
        question: &Question<'_>,
        workload: &str,
    ) -> Result<Option<Committed>, CommitError> {
        let as_of = self.store.generation()?;
        let Some(remembered) = self.warm.recall(as_of, workload) else {
            return Ok(None);
        };
        if let Some(reason) = remembered.revocations.refuse(question.token) {
            return Err(crate::reason::Refusal::from(reason).into());
        }
        let asks_no_names = question.identities.is_empty();
        Ok((remembered.known || asks_no_names).then(|| question.known()))
    }

    /// Answers in a transaction that may write.
    fn write(&self, question: &Question<'_>) -> Result<Answer, StoreError> {
        // Before it is counted among those of which each so many sweep.
        waiting::ask()?;
        let sweeps = self.sweeps(question);
        let mut answer = Answer::ToBeWritten;
        let mut read = None;
        self.store.transact(&mut |tables| {
            let revoked = read.insert(self.revoked(tables)?);
            let finish;
            (answer, finish) = question.ask(tables, &revoked.revocations, true)?;
            if sweeps && finish == Finish::Commit {
                let before = question.token.now().saturating_sub(GRACE);
                tables.sweep(before, SWEEP_MOST)?;
            }
            Ok(finish)
        })?;
        // Not before: what was read may be another's, in a transaction that both
        // share, and not have come to be.
        if let Some(revoked) = read {
            self.warm.refresh(revoked.as_of, &revoked.revocations);
        }
        Ok(answer)
    }

    /// Whether this decision is the one that sweeps.
    fn sweeps(&self, question: &Question<'_>) -> bool {
        question.run == Run::Real
            && question.marks()
            && self
                .spent_since_sweep
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(SWEEP_EVERY)
    }

    /// Everything that is revoked as of this transaction.
    fn revoked(&self, tables: &mut dyn Transaction) -> Result<Revoked, StoreError> {
        let as_of = tables.generation()?;
        if let Some(remembered) = self.warm.recall(as_of, "") {
            return Ok(Revoked {
                as_of,
                revocations: remembered.revocations,
            });
        }
        let mut revocations = Revocations::default();
        tables.revocations(&mut |one| {
            revocations.add(one);
            Ok(())
        })?;
        Ok(Revoked {
            as_of,
            revocations: Arc::new(revocations),
        })
    }

    fn view(
        &self,
        mut look: impl FnMut(&mut dyn Transaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.store.view(&mut |tables| {
            look(tables)?;
            Ok(Finish::Abort)
        })
    }
}

/// Everything that is revoked, and as of when.
struct Revoked {
    as_of: AsOf,
    revocations: Arc<Revocations>,
}

/// Who imports, when and why.
#[derive(Clone, Copy, Debug)]
pub struct ImportOrder<'a> {
    /// The operator's name.
    pub by: &'a str,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why.
    pub reason: &'a str,
}

const fn finish(run: Run) -> Finish {
    match run {
        Run::Real => Finish::Commit,
        Run::Dry => Finish::Abort,
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Ledger")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}
