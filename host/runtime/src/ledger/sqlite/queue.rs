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
        if desk.members < MOST && self.is_waited_for() && desk.is_open() {
            turn.hand_on();
        } else {
            turn.settle();
        }
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

    fn is_waited_for(&self) -> bool {
        self.lock().waiting > 0
    }

    fn give_back(&self, desk: Option<Desk>) {
        let mut state = self.lock();
        state.busy = false;
        state.desk = desk;
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

    /// Hands the open transaction to whoever waits.
    fn hand_on(mut self) {
        self.done = true;
        self.queue.give_back(self.desk.take());
    }

    /// Commits for all who shared the transaction.
    fn settle(mut self) {
        self.done = true;
        let desk = self.desk.take().and_then(Desk::settled);
        self.queue.give_back(desk);
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
        self.suspect |= done.is_err() || finish.as_ref().is_err_and(is_suspect);
        finish.and(done)
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
