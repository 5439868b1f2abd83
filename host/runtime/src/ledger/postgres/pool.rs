//! A few connections that wait to be used.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::connection::{Connection, Dial};
use super::driver::Driver;
use super::failure::Failure;
use crate::ledger::store::{StoreError, StoreFailure};
use crate::waiting;

/// The connections.
#[derive(Debug)]
pub(super) struct Pool {
    dial: Arc<Dial>,
    driver: Arc<Driver>,
    most: usize,
    wait: Duration,
    places: Mutex<Places>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Places {
    idle: Vec<Connection>,
    /// How many are in use, or being made.
    busy: usize,
}

/// A connection in use. It goes back by [`Lease::keep`]; dropped, it is closed.
#[derive(Debug)]
pub(super) struct Lease<'p> {
    pool: &'p Pool,
    connection: Option<Connection>,
    kept: bool,
    /// Whether it was used before, so that the server may have gone since.
    pub(super) used: bool,
}

impl Pool {
    /// At most `most` connections, of which one is awaited for `wait`.
    pub(super) fn new(dial: Arc<Dial>, driver: Arc<Driver>, most: usize, wait: Duration) -> Self {
        Self {
            dial,
            driver,
            most: most.max(1),
            wait,
            places: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// A connection of its own for the caller: an idle one, else a new one,
    /// else one that somebody gives back in time.
    pub(super) fn take(&self) -> Result<Lease<'_>, Failure> {
        let connection = self.place()?;
        let mut lease = Lease {
            pool: self,
            used: connection.is_some(),
            connection,
            kept: false,
        };
        if lease.connection.is_none() {
            // Where this fails, the lease gives its place back.
            lease.connection = Some(self.dial.connect(&self.driver)?);
        }
        Ok(lease)
    }

    /// Closes what is idle: the server has gone since it was used.
    pub(super) fn clear(&self) {
        self.lock().idle.clear();
    }

    /// A place, and the connection that was idle there.
    fn place(&self) -> Result<Option<Connection>, StoreError> {
        let full = |places: &mut Places| {
            places.idle.retain(|connection| !connection.is_closed());
            places.idle.is_empty() && places.busy >= self.most
        };
        let mut places = self.lock();
        if full(&mut places) {
            let freed = || self.freed.wait_timeout_while(places, self.wait, full);
            let freed = waiting::during(freed);
            places = freed.unwrap_or_else(PoisonError::into_inner).0;
        }
        if full(&mut places) {
            let message = format!(
                "all {} connections to the ledger's server stayed in use for {} ms",
                self.most,
                self.wait.as_millis()
            );
            return Err(StoreError::new(StoreFailure::Busy, message));
        }
        places.busy += 1;
        Ok(places.idle.pop())
    }

    fn give_back(&self, connection: Option<Connection>) {
        let mut places = self.lock();
        places.busy = places.busy.saturating_sub(1);
        places.idle.extend(connection);
        drop(places);
        self.freed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut Connection, Failure> {
        self.connection
            .as_mut()
            .ok_or_else(|| StoreError::damaged("a lease without its connection").into())
    }

    /// Gives the connection back for others to use.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        self.pool.give_back(connection.filter(|_| self.kept));
    }
}
