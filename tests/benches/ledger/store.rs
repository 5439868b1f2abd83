//! The stores that are there to be measured.

use std::path::PathBuf;
use std::sync::Arc;

use claimbound::ledger::{Ledger, Sqlite};

use crate::Fault;

/// Where a ledger is.
pub(crate) enum Store {
    /// In files of this folder.
    Sqlite(tempfile::TempDir),
}

impl Store {
    /// All that can be reached.
    pub(crate) fn all() -> Result<Vec<Self>, Fault> {
        Ok(vec![Self::Sqlite(tempfile::tempdir()?)])
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
        }
    }

    /// A ledger of its own, empty.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<Ledger>, Fault> {
        match self {
            Self::Sqlite(folder) => {
                let file: PathBuf = folder.path().join(format!("{name}.db"));
                Ok(Arc::new(Ledger::sqlite(&Sqlite::at(file).or_new())?))
            }
        }
    }
}
