//! The stores that are there to be measured.

use std::sync::Arc;

use claimbound::clock::SystemClock;
use claimbound::ledger::{Ledger, Postgres, Sqlite};
use postgres::{Config, NoTls};

use crate::Fault;

/// Names the server of PostgreSQL, by a role that may make databases.
const SERVER: &str = "CLAIMBOUND_POSTGRES";

/// Where ledgers are.
pub(crate) enum Store {
    /// In files of this folder.
    Sqlite(tempfile::TempDir),
    /// In databases of this server.
    Postgres(String),
}

impl Store {
    /// All that can be reached.
    pub(crate) fn all() -> Result<Vec<Self>, Fault> {
        let mut stores = vec![Self::Sqlite(tempfile::tempdir()?)];
        stores.extend(std::env::var(SERVER).ok().map(Self::Postgres));
        Ok(stores)
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// A ledger of its own, empty.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<Ledger>, Fault> {
        match self {
            Self::Sqlite(folder) => {
                let file = folder.path().join(format!("{name}.db"));
                Ok(Arc::new(Ledger::sqlite(&Sqlite::at(file).or_new())?))
            }
            Self::Postgres(server) => {
                let settings = Postgres::at(&database(server, name)?)?;
                settings.install()?;
                Ok(Arc::new(Ledger::postgres(&settings, SystemClock)?))
            }
        }
    }
}

/// Makes a database in place of one of an earlier run, and says how to reach it.
fn database(server: &str, name: &str) -> Result<String, Fault> {
    let name = format!("claimbound_bench_{name}");
    let mut admin = server.parse::<Config>()?.connect(NoTls)?;
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
    admin.batch_execute(&format!("CREATE DATABASE {name}"))?;
    let (start, _) = server
        .rsplit_once('/')
        .ok_or("a server's URL names a database")?;
    let (_, options) = server.split_once('?').unwrap_or_default();
    Ok(format!("{start}/{name}?{options}"))
}
