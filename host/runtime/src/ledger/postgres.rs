//! The ledger that replicas share: PostgreSQL.
//!
//! # Installing
//! The tables stand in a schema of their own, `claimbound`, of a database whose
//! encoding is UTF-8. Their owner makes them, by [`Postgres::install`] or with the
//! SQL of [`Postgres::SCHEMA`]; opening a ledger makes nothing. A name does not
//! fit in that comes to more than about 2600 bytes with its issuer, route and
//! statement: a decision that needs it fails.
//!
//! A host's role is granted `claimbound_host`: it reads, enrols what it observes,
//! marks tokens as used, forgets marks that have ended, and takes up versions of
//! modules, none below what was served. An operator's role is granted
//! `claimbound_operator`: it changes names and revocations, rolls modules
//! back and rejects them. Neither can change or delete history, nor delete a retired name or one
//! that was left, nor forget what was served; triggers hold everybody to that but
//! superusers.
//!
//! # What is promised
//! Transactions are serialisable, and are run again where another one came
//! first. What was answered for is committed with `synchronous_commit` on: it is
//! as durable as the server's storage and, where the server has synchronous
//! standbys, theirs. Connections go to a primary; a standby is refused.
//!
//! Every limit is a real one: a server that is gone, is silent, or is locked by
//! somebody else costs a decision a bounded time and then fails it. Nothing has
//! to be restarted when the server is back.
//!
//! # How old an answer may be
//! A thread listens for changes of the ledger's generation
//! (`LISTEN claimbound`), and asks for it four times within the bound besides.
//! What an operator does through another process counts here as soon as the
//! notification has come, at the latest after the bound; where the server can't
//! be asked for longer than that, decisions fail. What is done through the same
//! [`Ledger`](super::Ledger) counts at once. Behind a pooler that shares
//! sessions between clients notifications are lost, and prepared statements with
//! them: connect to the server itself.
//!
//! # Who hears what
//! Connections to another machine are encrypted, and the server's certificate is
//! checked for the host's name, by this system's roots or a given file's, unless
//! the settings say `sslmode=disable`. Connections to this machine are in the
//! clear, unless they say `sslmode=require`.
//!
//! Calls block their thread. In a program of many tasks, decide on threads for
//! blocking work.

mod connection;
mod driver;
mod failure;
mod generation;
mod install;
mod listener;
mod pool;
mod tables;
mod tls;

use std::fmt;
use std::iter::repeat_n;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;

use super::store::{AsOf, Finish, Store, StoreError, StoreFailure, Work};
use crate::clock::Clock;
use crate::waiting;
use connection::Dial;
use driver::Driver;
use failure::{After, Failure};
use generation::Generation;
use listener::Listener;
use pool::{Lease, Pool};
use tables::Tables;

pub use install::Installed;

/// Most connections, unless settings say another number; the listener's comes on
/// top.
const CONNECTIONS: usize = 16;

/// Longest time to connect, for one statement, and for others who hold a lock or
/// a connection, unless settings say others.
const CONNECT: Duration = Duration::from_secs(3);
const STATEMENT: Duration = Duration::from_secs(3);
const WAIT: Duration = Duration::from_secs(2);

/// How old what is known of an operator's changes may be, unless settings say
/// another time.
const BOUND: Duration = Duration::from_secs(1);

/// How often a transaction is tried beside others, and then alone.
const TRIES: usize = 4;
const TRIES_ALONE: usize = 4;

/// Where a ledger's database is, and how it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct Postgres {
    config: Config,
    ca: Option<PathBuf>,
    connections: usize,
    connect: Duration,
    statement: Duration,
    wait: Duration,
    bound: Duration,
}

impl Postgres {
    /// The SQL that makes the tables, to be run as their owner in one
    /// transaction.
    pub const SCHEMA: &'static str = concat!(
        include_str!("postgres/schema.sql"),
        include_str!("postgres/modules.sql")
    );

    /// The database of a connection string: `postgres://user:password@host/name`
    /// with the parameters of libpq, or `host=… user=… dbname=…`. Of `sslmode`
    /// there are `require`, which checks the server's certificate and name as
    /// `verify-ca` and `verify-full` do, and `disable`, by which everybody on the
    /// way to another machine reads and changes what is said.
    ///
    /// # Errors
    /// [`StoreError`] where it can't be understood; it does not repeat it.
    pub fn at(url: &str) -> Result<Self, StoreError> {
        let understood = in_known_modes(url).parse::<Config>();
        let config = understood.map_err(|_| {
            // The client's own words may hold what it took for a parameter, as
            // half a password.
            StoreError::new(
                StoreFailure::Unreachable,
                "the connection string of the ledger's database is not understood: say \
                 `postgres://user@host/database`, special characters as `%` and two digits",
            )
        })?;
        Ok(Self {
            config,
            ca: None,
            connections: CONNECTIONS,
            connect: CONNECT,
            statement: STATEMENT,
            wait: WAIT,
            bound: BOUND,
        })
    }

    /// The same with a password that the connection string leaves out.
    #[must_use]
    pub fn with_password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.config.password(password);
        self
    }

    /// The same, where the server's certificate is checked by the certificates in
    /// this file (PEM) instead of this system's.
    #[must_use]
    pub fn with_ca(self, file: impl Into<PathBuf>) -> Self {
        Self {
            ca: Some(file.into()),
            ..self
        }
    }

    /// The same with at most so many connections, at least one; one more
    /// listens.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self {
            connections,
            ..self
        }
    }

    /// The same with another longest time to connect.
    #[must_use]
    pub fn with_connect_timeout(self, connect: Duration) -> Self {
        Self { connect, ..self }
    }

    /// The same with another longest time for one statement, of which a decision
    /// needs a few for each name.
    #[must_use]
    pub fn with_statement_timeout(self, statement: Duration) -> Self {
        Self { statement, ..self }
    }

    /// The same, waiting this long for others who hold a lock, or a connection.
    #[must_use]
    pub fn with_wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The same where changes by operators count after at most this time; past
    /// it, the server is asked by every decision.
    #[must_use]
    pub fn with_bound(self, bound: Duration) -> Self {
        Self { bound, ..self }
    }

    /// Makes the ledger's tables where they are absent, or those that an older
    /// version lacks: all or none. The role needs the right
    /// to make schemas in the database, and to make roles where `claimbound_host`
    /// and `claimbound_operator` are absent.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was made.
    pub fn install(&self) -> Result<Installed, StoreError> {
        install::install(self)
    }
}

/// The connection string with the modes of TLS that the client knows: it has no
/// name for those that check certificates, which it does here in any case.
fn in_known_modes(url: &str) -> String {
    let (before, parameters) = match url.rsplit_once('?') {
        Some((before, parameters)) => (format!("{before}?"), parameters),
        None if url.contains("://") => return url.to_owned(),
        None => (String::new(), url),
    };
    let parameters = parameters
        .replace("sslmode=verify-full", "sslmode=require")
        .replace("sslmode=verify-ca", "sslmode=require");
    before + &parameters
}

/// Opens a transaction that writes nothing. It is in nobody's way, so whoever
/// reads an export may take their time.
const LOOK: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                    SET LOCAL idle_in_transaction_session_timeout = '1h'";

/// The database in use.
#[derive(Debug)]
pub(super) struct Server {
    generation: Arc<Generation>,
    // INVARIANT: dropped before its driver, so that sessions end in order.
    pool: Pool,
    _driver: Arc<Driver>,
}

/// Whether a transaction runs beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Shared,
    Alone,
}

impl Turn {
    /// Opens a transaction. The lock comes before anything is looked at, so that
    /// what is seen is as of the moment when it was granted.
    const fn begin(self) -> &'static str {
        match self {
            Self::Shared => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; \
                 LOCK TABLE claimbound.turn IN ROW EXCLUSIVE MODE"
            }
            Self::Alone => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; \
                 LOCK TABLE claimbound.turn IN EXCLUSIVE MODE"
            }
        }
    }
}

impl Server {
    /// Connects; the tables have to be there.
    pub(super) fn open(settings: &Postgres, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let driver = Arc::new(Driver::start()?);
        let dial = Arc::new(Dial::new(settings)?);
        let server = Self {
            generation: Arc::new(Generation::new(clock, settings.bound)),
            pool: Pool::new(
                Arc::clone(&dial),
                Arc::clone(&driver),
                settings.connections,
                settings.wait,
            ),
            _driver: Arc::clone(&driver),
        };
        server.ask()?;
        let listener = Listener {
            dial,
            generation: Arc::clone(&server.generation),
            bound: settings.bound,
            connect: settings.connect,
        };
        driver.spawn(listener.run());
        Ok(server)
    }

    /// A connection on which `begin` has been run. One that was idle may have
    /// lost its server since, of which nothing is lost: then another is made.
    fn begin(&self, begin: &str) -> Result<Lease<'_>, Failure> {
        let mut lease = self.pool.take()?;
        match lease.connection()?.run(begin) {
            Ok(()) => Ok(lease),
            Err(failure) if failure.after == After::Broken && lease.used => {
                drop(lease);
                self.pool.clear();
                let mut lease = self.pool.take()?;
                lease.connection()?.run(begin)?;
                Ok(lease)
            }
            Err(failure) => {
                give_back(lease, failure.after);
                Err(failure)
            }
        }
    }

    /// Runs `work` in a transaction that may write, once.
    fn attempt(&self, work: &mut Work<'_>, turn: Turn) -> Result<(), Failure> {
        let (epoch, asked) = (self.generation.epoch(), self.generation.ask());
        let mut lease = self.begin(turn.begin())?;
        let mut tables = Tables::new(lease.connection()?, epoch);
        let finish = run(work, &mut tables);
        let (seen, advanced) = (tables.seen(), tables.advanced());
        let finish = match finish {
            Ok(finish) => finish,
            Err(failure) => {
                give_back(lease, failure.after);
                return Err(failure);
            }
        };
        if let Some(seen) = seen {
            self.generation.answer(asked, seen);
        }
        match finish {
            Finish::Commit => self.commit(lease, advanced),
            Finish::Abort => {
                give_back(lease, After::Usable);
                Ok(())
            }
        }
    }

    fn commit(&self, mut lease: Lease<'_>, advanced: Option<u64>) -> Result<(), Failure> {
        let asked = self.generation.ask();
        let committed = lease.connection()?.run("COMMIT");
        if let Some(generation) = advanced {
            match &committed {
                Ok(()) => self.generation.changed(asked, generation),
                // Whether it was committed is not known where the server is gone.
                Err(_) => self.generation.forget(),
            }
        }
        match committed {
            Ok(()) => {
                lease.keep();
                Ok(())
            }
            Err(failure) => {
                give_back(lease, failure.after);
                Err(failure)
            }
        }
    }

    /// Runs `work` on what is there at one moment.
    fn look(&self, work: &mut Work<'_>) -> Result<(), Failure> {
        let (epoch, asked) = (self.generation.epoch(), self.generation.ask());
        let mut lease = self.begin(LOOK)?;
        let mut tables = Tables::new(lease.connection()?, epoch);
        let done = run(work, &mut tables);
        let seen = tables.seen();
        let after = match &done {
            Ok(_) => After::Usable,
            Err(failure) => failure.after,
        };
        give_back(lease, after);
        if let (Ok(_), Some(seen)) = (&done, seen) {
            self.generation.answer(asked, seen);
        }
        done.map(|_| ())
    }

    /// Asks the server for the generation.
    fn ask(&self) -> Result<AsOf, StoreError> {
        let mut found = None;
        self.view(&mut |tables| {
            found = Some(tables.generation()?);
            Ok(Finish::Abort)
        })?;
        found.ok_or_else(|| StoreError::damaged("no generation"))
    }
}

/// Runs `work`. Where a statement failed there is no result, whatever the work
/// made of that.
fn run(work: &mut Work<'_>, tables: &mut Tables<'_>) -> Result<Finish, Failure> {
    let result = work(tables);
    match (result, tables.failure()) {
        (Ok(finish), None) => Ok(finish),
        (Err(error), None) => Err(error.into()),
        (Err(error), Some(after)) => Err(Failure { error, after }),
        (Ok(_), Some(after)) => Err(Failure {
            error: StoreError::damaged("a transaction went on after a failure"),
            after,
        }),
    }
}

/// Ends a transaction of which nothing is kept, and keeps the connection if it
/// can be used on.
fn give_back(mut lease: Lease<'_>, after: After) {
    let usable = lease
        .connection()
        .is_ok_and(|connection| connection.roll_back(after));
    if usable {
        lease.keep();
    }
}

impl Store for Server {
    fn transact(&self, work: &mut Work<'_>) -> Result<(), StoreError> {
        waiting::ask()?;
        let again = repeat_n(Turn::Shared, TRIES - 1);
        let mut turns = again.chain(repeat_n(Turn::Alone, TRIES_ALONE));
        let mut turn = Turn::Shared;
        loop {
            let Err(failure) = self.attempt(work, turn) else {
                return Ok(());
            };
            match turns.next() {
                Some(next) if failure.after == After::Again => turn = next,
                Some(_) | None => return Err(failure.given_up()),
            }
        }
    }

    fn view(&self, work: &mut Work<'_>) -> Result<(), StoreError> {
        waiting::ask()?;
        self.look(work).map_err(Failure::given_up)
    }

    fn generation(&self) -> Result<AsOf, StoreError> {
        match self.generation.fresh() {
            Some(as_of) => Ok(as_of),
            None => self.ask(),
        }
    }
}

impl fmt::Debug for Postgres {
    /// Without the configuration, which holds a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Postgres")
            .field("hosts", &self.config.get_hosts())
            .field("ports", &self.config.get_ports())
            .field("user", &self.config.get_user())
            .field("database", &self.config.get_dbname())
            .field("ca", &self.ca)
            .field("connections", &self.connections)
            .field("connect", &self.connect)
            .field("statement", &self.statement)
            .field("wait", &self.wait)
            .field("bound", &self.bound)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_postgres::config::SslMode;

    #[test]
    fn a_password_is_never_shown() {
        let settings = Postgres::at("postgres://host:s3cret@localhost/ledger").unwrap();
        assert!(!format!("{settings:?}").contains("s3cret"));
        let settings = settings.with_password("an0ther");
        assert!(!format!("{settings:?}").contains("an0ther"));
        for url in [
            "postgres://host@localhost/ledger?s3cret",
            "postgres://host:s3cret@localhost:port/ledger",
            "host=localhost passwd=s3cret",
            "s3cret",
        ] {
            let error = Postgres::at(url).unwrap_err();
            assert_eq!(error.kind, StoreFailure::Unreachable);
            assert!(!format!("{error:?}").contains("s3c"), "{error}");
        }
    }

    #[test]
    fn modes_that_check_certificates_are_the_one_that_does() {
        for (url, mode) in [
            ("postgres://h/d?sslmode=verify-full", SslMode::Require),
            ("postgres://h/d?user=u&sslmode=verify-ca", SslMode::Require),
            ("host=h sslmode=verify-full", SslMode::Require),
            ("host=h sslmode=disable", SslMode::Disable),
            ("postgres://h/d", SslMode::Prefer),
        ] {
            let settings = Postgres::at(url).unwrap();
            assert_eq!(settings.config.get_ssl_mode(), mode, "{url}");
        }
    }
}
