//! Making the ledger's tables, by their owner.

use std::sync::Arc;

use tokio_postgres::Client;

use super::Postgres;
use super::connection::{Dial, VERSION, another_version, is_absent};
use super::driver::Driver;
use super::failure::Failure;
use crate::ledger::store::{StoreError, StoreFailure};

/// One installation at a time. `clbd`, as in a file of SQLite.
const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(1668047460)";

/// Whether an installation did anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// The tables were made.
    New,
    /// They were there, of an older version, and those that it lacked were made.
    Renewed,
    /// They were there.
    Already,
}

pub(super) fn install(settings: &Postgres) -> Result<Installed, StoreError> {
    let driver = Driver::start()?;
    let dial = Dial::new(settings)?;
    let installed = driver.wait(settings.connect.saturating_add(dial.patience()), async {
        let client = dial.open_any(Arc::default()).await?;
        make(&client).await
    });
    installed.map_err(Failure::given_up)
}

/// Makes the tables, all or none: what fails ends with the connection.
async fn make(client: &Client) -> Result<Installed, Failure> {
    check_encoding(client).await?;
    client.batch_execute("BEGIN").await?;
    client.batch_execute(LOCK).await?;
    let found = version(client).await?;
    let (steps, installed) = match found {
        None => (&STEPS[..], Installed::New),
        Some(VERSION) => return Ok(Installed::Already),
        Some(older) => (
            steps_from(older).ok_or_else(|| another_version(older))?,
            Installed::Renewed,
        ),
    };
    for step in steps {
        client.batch_execute(step).await?;
    }
    client.batch_execute("COMMIT").await?;
    Ok(installed)
}

/// What makes the tables: the first step makes those of version 1, each other
/// one those of the version after.
const STEPS: [&str; VERSION as usize] = [include_str!("schema.sql"), include_str!("modules.sql")];

/// The steps from a version to that of this release; none for a later one.
fn steps_from(version: i32) -> Option<&'static [&'static str]> {
    let from = usize::try_from(version).ok().filter(|from| *from > 0)?;
    STEPS.get(from..).filter(|steps| !steps.is_empty())
}

/// The version of the tables that are there.
async fn version(client: &Client) -> Result<Option<i32>, Failure> {
    client.batch_execute("SAVEPOINT look").await?;
    let found = client
        .query_typed("SELECT version FROM claimbound.version", &[])
        .await;
    match found {
        Ok(rows) => Ok(rows.first().map(|row| row.try_get(0)).transpose()?),
        Err(error) if is_absent(&error) => {
            client.batch_execute("ROLLBACK TO look").await?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Names are compared byte by byte, so everybody has to mean the same by bytes.
async fn check_encoding(client: &Client) -> Result<(), Failure> {
    let rows = client.query_typed("SHOW server_encoding", &[]).await?;
    let encoding: String = match rows.first() {
        Some(row) => row.try_get(0)?,
        None => String::new(),
    };
    if encoding == "UTF8" {
        return Ok(());
    }
    let message = format!("the database keeps texts as {encoding}; a ledger needs one of UTF8");
    Err(StoreError::new(StoreFailure::Unusable, message).into())
}
