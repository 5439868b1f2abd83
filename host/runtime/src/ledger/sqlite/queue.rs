//! Who writes when: one transaction at a time, shared by whoever waits.
//!
//! A commit is a sync of the disk, which takes longer than all else together.
//! So whoever has done its work does not commit while others wait: it hands the
//! open transaction on, and the last one commits for all of them. Each works in
//! a savepoint of its own, behind those who came before, and each is answered
//! once the commit is durable, or was not to be had.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::failed;
use super::tables::Tables;
use crate::ledger::store::{Finish, StoreError, StoreFailure, Work};

/// Most who share a transaction: the first of them waits for the last.
const MOST: usize = 64;

/// The connection that writes, and of which epoch it is.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) epoch: u64,
    pub(super) connection: Connection,
}

/// Those who want to write.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    free: Condvar,
    /// How long anybody waits.
    wait: Duration,
}

#[derive(Debug, Default)]
struct State {
    /// Whether somebody works; then `desk` is with them.
    busy: bool,
    waiting: usize,
    desk: Option<Desk>,
}

/// The connection, and the transaction that is open on it.
#[derive(Debug)]
struct Desk {
    writer: Writer,
    group: Option<Arc<Group>>,
    members: usize,
    wrote: bool,
    /// Whether something failed in a way after which the connection is not
    /// used again.
    suspect: bool,
    /// Whether what somebody gave up could not be taken back, so that nothing
    /// of this transaction may count.
    spoilt: bool,
}

impl State {
    fn put(&mut self, desk: Option<Desk>) {
        self.busy = false;
        self.desk = desk;
    }
}

/// Those who share a transaction, and what became of it.
#[derive(Debug, Default)]
struct Group {
    outcome: Mutex<Option<Result<(), StoreError>>>,
    settled: Condvar,
}

/// The right to work at the desk. Dropped without having been handed on, it
/// takes the desk along, and whoever shared the transaction is told.
struct Turn<'q> {
    queue: &'q Queue,
    desk: Option<Desk>,
    done: bool,
}

impl Queue {
    /// A queue in which nobody waits longer than this.
    pub(super) fn new(wait: Duration) -> Self {
        Self {
            state: Mutex::default(),
            free: Condvar::new(),
            wait,
        }
    }

    /// Does `work` in a transaction of this `epoch`, by a connection from `open`
    /// where there is none of it.
    pub(super) fn transact(
        &self,
        epoch: u64,
        open: impl FnOnce() -> Result<Writer, StoreError>,
        work: &mut Work<'_>,
    ) -> Result<(), StoreError> {
        let mut turn = self.turn()?;
        let desk = turn.desk_for(epoch, open)?;
        let group = desk.join()?;
        let done = desk.run(work);
        turn.end();
        group.wait()?;
        done
    }

    fn turn(&self) -> Result<Turn<'_>, StoreError> {
        let mut state = self.lock();
        state.waiting += 1;
        let (mut state, waited) = self
            .free
            .wait_timeout_while(state, self.wait, |state| state.busy)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        if waited.timed_out() {
            return Err(StoreError::new(
                StoreFailure::Busy,
                "others of this process kept the ledger busy for too long",
            ));
        }
        state.busy = true;
        Ok(Turn {
            queue: self,
            desk: state.desk.take(),
            done: false,
        })
    }

    /// Hands the desk to whoever waits; back again where nobody does.
    ///
    /// One look and one lock: who waits by then finds the desk free before it
    /// gives up, so that an open transaction is never left to nobody.
    fn hand_on(&self, desk: Desk) -> Option<Desk> {
        let mut state = self.lock();
        if state.waiting == 0 {
            return Some(desk);
        }
        state.put(Some(desk));
        self.free.notify_one();
        None
    }

    fn give_back(&self, desk: Option<Desk>) {
        self.lock().put(desk);
        self.free.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The desk, at a connection of this epoch. Where a transaction is open, it is
    /// that one's, whatever has come after.
    fn desk_for(
        &mut self,
        epoch: u64,
        open: impl FnOnce() -> Result<Writer, StoreError>,
    ) -> Result<&mut Desk, StoreError> {
        let desk = match self.desk.take() {
            Some(desk) if desk.group.is_some() || desk.writer.epoch == epoch => desk,
            Some(_) | None => Desk::at(open()?),
        };
        Ok(self.desk.insert(desk))
    }

    /// Hands the open transaction on, or commits for all who shared it.
    fn end(mut self) {
        self.done = true;
        let desk = self.desk.take().and_then(|desk| {
            if desk.may_be_shared() {
                self.queue.hand_on(desk)
            } else {
                Some(desk)
            }
        });
        if let Some(desk) = desk {
            self.queue.give_back(desk.settled());
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if let Some(group) = self.desk.take().and_then(|desk| desk.group) {
            group.settle(Err(gone()));
        }
        self.queue.give_back(None);
    }
}

impl Desk {
    fn at(writer: Writer) -> Self {
        Self {
            writer,
            group: None,
            members: 0,
            wrote: false,
            suspect: false,
            spoilt: false,
        }
    }

    /// Joins the open transaction, or begins one.
    fn join(&mut self) -> Result<Arc<Group>, StoreError> {
        if self.group.is_none() {
            self.execute("BEGIN IMMEDIATE")?;
            self.members = 0;
            self.wrote = false;
        }
        self.members += 1;
        Ok(Arc::clone(self.group.get_or_insert_default()))
    }

    fn run(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.execute("SAVEPOINT one")?;
        let finish = work(&mut Tables {
            connection: &self.writer.connection,
            epoch: self.writer.epoch,
        });
        let keeps = matches!(finish, Ok(Finish::Commit));
        let done = self.execute(if keeps {
            "RELEASE one"
        } else {
            "ROLLBACK TO one; RELEASE one"
        });
        self.wrote |= keeps;
        self.spoilt |= done.is_err();
        self.suspect |= done.is_err() || finish.as_ref().is_err_and(is_suspect);
        finish.and(done)
    }

    /// Whether somebody else may work in the same transaction.
    fn may_be_shared(&self) -> bool {
        self.members < MOST && self.is_open() && !self.spoilt
    }

    /// Whether the transaction is still there: SQLite ends it by itself where
    /// the disk fails.
    fn is_open(&self) -> bool {
        !self.writer.connection.is_autocommit()
    }

    /// Ends the transaction, and says what became of it to all who shared it.
    /// The desk is left where it can be used again.
    fn settled(mut self) -> Option<Self> {
        let outcome = match (self.is_open(), self.wrote) {
            (false, _) => Err(gone()),
            (true, _) if self.spoilt => Err(gone()),
            // Whatever was read of it meanwhile is not so, also where others are
            // to blame.
            (true, true) => self.execute("COMMIT").map_err(|error| StoreError {
                kind: StoreFailure::Unreachable,
                ..error
            }),
            (true, false) => self.execute("ROLLBACK"),
        };
        if outcome.is_err() && self.is_open() {
            self.suspect |= self.execute("ROLLBACK").is_err();
        }
        self.suspect |= outcome.as_ref().is_err_and(is_suspect);
        if let Some(group) = self.group.take() {
            group.settle(outcome);
        }
        (!self.suspect).then_some(self)
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.writer.connection.execute_batch(sql);
        done.map_err(|error| failed(&error))
    }
}

/// Whether a failure says something of the connection, not of others who write.
fn is_suspect(error: &StoreError) -> bool {
    error.kind != StoreFailure::Busy
}

fn gone() -> StoreError {
    StoreError::new(
        StoreFailure::Unreachable,
        "the ledger's transaction failed before it was committed",
    )
}

impl Group {
    fn settle(&self, outcome: Result<(), StoreError>) {
        let mut settled = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        *settled = Some(outcome);
        self.settled.notify_all();
    }

    fn wait(&self) -> Result<(), StoreError> {
        let mut settled = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = &*settled {
                return outcome.clone();
            }
            settled = self
                .settled
                .wait(settled)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
