//! Connections: how they are made, what every one of them is set to, and what
//! is asked over them.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls, Row, Socket, Statement};

use super::Postgres;
use super::driver::Driver;
use super::failure::{After, Failure};
use super::tls::{self, Transport};
use crate::ledger::store::{StoreError, StoreFailure};

/// The version of the tables.
pub(super) const VERSION: i32 = 2;

/// How much longer than the server's own limit an answer is waited for.
const SLACK: Duration = Duration::from_secs(1);

/// Shortest and longest time after which a connection on which nothing comes is
/// tried: systems count in whole seconds, and not for ever.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// How connections are made.
#[derive(Clone)]
pub(super) struct Dial {
    config: Config,
    transport: Transport,
    /// For the connection, what it is set to, and a first look at the tables.
    connect: Duration,
    statement: Duration,
    wait: Duration,
}

impl Dial {
    /// As settings say.
    pub(super) fn new(settings: &Postgres) -> Result<Self, StoreError> {
        let transport = tls::transport(settings)?;
        let mut config = settings.config.clone();
        config
            .ssl_mode(transport.mode())
            .connect_timeout(settings.connect)
            .keepalives(true)
            .keepalives_idle(settings.statement.clamp(SHORTEST, LONGEST))
            .keepalives_interval(Duration::from_secs(1))
            .keepalives_retries(3)
            .tcp_user_timeout(settings.statement.clamp(SHORTEST, LONGEST) + SLACK)
            // A standby knows revocations late and takes no write: the primary,
            // or none.
            .target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("claimbound");
        }
        Ok(Self {
            config,
            transport,
            connect: settings.connect,
            statement: settings.statement,
            wait: settings.wait,
        })
    }

    /// How long an answer is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.statement.saturating_add(SLACK)
    }

    /// A connection to a ledger, that the caller's thread waits for.
    pub(super) fn connect(&self, driver: &Arc<Driver>) -> Result<Connection, Failure> {
        let client = driver.wait(self.connect, self.open(Arc::default()))?;
        Ok(Connection {
            client,
            statements: HashMap::new(),
            driver: Arc::clone(driver),
            patience: self.patience(),
        })
    }

    /// A connection to a ledger; `news` hears of its notifications, and of its
    /// end.
    pub(super) async fn open(&self, news: Arc<Notify>) -> Result<Client, Failure> {
        let client = self.open_any(news).await?;
        client.batch_execute(&self.preparation()).await?;
        check_version(&client).await?;
        Ok(client)
    }

    /// A connection to a database, whatever is in it.
    pub(super) async fn open_any(&self, news: Arc<Notify>) -> Result<Client, Failure> {
        match &self.transport {
            Transport::Plain => Ok(drive(&self.config, NoTls, news).await?),
            Transport::Tls(tls) => Ok(drive(&self.config, tls.as_ref().clone(), news).await?),
        }
    }

    /// What a session is set to, whatever the server's, the database's or the
    /// role's defaults are. A server that makes commits surer than `on` is left
    /// to it.
    fn preparation(&self) -> String {
        format!(
            "SET search_path = pg_catalog, pg_temp; \
             SET statement_timeout = {statement}; \
             SET lock_timeout = {wait}; \
             SET idle_in_transaction_session_timeout = {idle}; \
             SET jit = off; \
             SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')",
            statement = milliseconds(self.statement),
            wait = milliseconds(self.wait),
            idle = milliseconds(self.patience()),
        )
    }
}

/// As PostgreSQL takes limits, for which zero would mean none.
fn milliseconds(limit: Duration) -> u128 {
    // The server keeps them in 31 bits.
    limit.as_millis().clamp(1, 0x7fff_ffff)
}

/// Connects, and has the thread move what is sent and received.
async fn drive<T>(config: &Config, tls: T, news: Arc<Notify>) -> Result<Client, Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (client, mut connection) = config.connect(tls).await?;
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(_) = message {
                news.notify_one();
            }
        }
        news.notify_one();
    });
    Ok(client)
}

async fn check_version(client: &Client) -> Result<(), Failure> {
    let found = client
        .query_typed("SELECT version FROM claimbound.version", &[])
        .await;
    let version = match found {
        Ok(rows) => rows.first().map(|row| row.try_get(0)).transpose()?,
        Err(error) if is_absent(&error) => None,
        Err(error) => return Err(unreadable(error)),
    };
    match version {
        Some(VERSION) => Ok(()),
        Some(other) => Err(another_version(other).into()),
        None => Err(StoreError::new(
            StoreFailure::Unusable,
            "the database holds no ledger: its owner has to install one there first \
             (`Postgres::install`, or the SQL of `Postgres::SCHEMA`)",
        )
        .into()),
    }
}

/// Whether the failure is that nothing was installed.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME)
    )
}

pub(super) fn another_version(found: i32) -> StoreError {
    let advice = if found < VERSION {
        "; `claimbound subject init`, as their owner, brings them up to it"
    } else {
        ""
    };
    let message = format!(
        "the ledger's tables are of version {found}, and this release knows version \
         {VERSION}{advice}"
    );
    StoreError::new(StoreFailure::Unusable, message)
}

/// A role that may not even ask.
fn unreadable(error: Error) -> Failure {
    let mut failure = Failure::from(error);
    if failure.error.kind == StoreFailure::Forbidden {
        failure.error.message.push_str(
            "; a host's role is granted `claimbound_host`, an operator's `claimbound_operator`",
        );
    }
    failure
}

/// A connection to a ledger.
pub(super) struct Connection {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    driver: Arc<Driver>,
    patience: Duration,
}

/// What a statement is given.
pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Connection {
    /// Whether the server has gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements without parameters, in one way to the server and back.
    pub(super) fn run(&self, statements: &str) -> Result<(), Failure> {
        self.driver.wait(self.patience, async {
            Ok(self.client.batch_execute(statements).await?)
        })
    }

    /// Runs a statement, which is prepared once for each connection.
    pub(super) fn query(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let statement = self.prepare(sql)?;
        self.driver.wait(self.patience, async {
            Ok(self.client.query(&statement, parameters).await?)
        })
    }

    /// The same where the rows don't matter, but how many there were.
    pub(super) fn execute(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<u64, Failure> {
        let statement = self.prepare(sql)?;
        self.driver.wait(self.patience, async {
            Ok(self.client.execute(&statement, parameters).await?)
        })
    }

    /// Runs a statement that means something else each time.
    pub(super) fn query_once(&self, sql: &str) -> Result<Vec<Row>, Failure> {
        let none: &[(&(dyn ToSql + Sync), Type)] = &[];
        self.driver.wait(self.patience, async {
            Ok(self.client.query_typed(sql, none).await?)
        })
    }

    fn prepare(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self
            .driver
            .wait(self.patience, async { Ok(self.client.prepare(sql).await?) })?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// Ends a transaction of which nothing is to be kept; whether the connection
    /// can be used on.
    pub(super) fn roll_back(&self, after: After) -> bool {
        match after {
            After::Broken => false,
            After::Again | After::Usable => self.run("ROLLBACK").is_ok(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl fmt::Debug for Dial {
    /// Without the configuration, which holds a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Dial")
            .field("hosts", &self.config.get_hosts())
            .field("database", &self.config.get_dbname())
            .field("transport", &self.transport)
            .field("connect", &self.connect)
            .field("statement", &self.statement)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
