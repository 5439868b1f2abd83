//! The ledger and the record.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SecretSource, Span};

/// The ledger: in a file, or in PostgreSQL.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum LedgerConfig {
    /// A file, made by `claimbound subject init`.
    Sqlite(PathBuf),
    /// A database, made ready by `claimbound subject init`.
    Postgres(Database),
}

/// A database that holds a ledger.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its URL, `postgres://…`, which may hold a password.
    pub url: SecretSource,
    /// Certificates (PEM) of the authorities that the server's certificate is
    /// checked by, in place of the system's.
    pub ca: Option<PathBuf>,
    /// Most connections at once: 8.
    pub connections: Option<usize>,
}

/// The record of decisions.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The folder, of this process alone.
    pub folder: PathBuf,
    /// When a line counts as written.
    #[serde(default)]
    pub durability: Durability,
    /// Keep the claims that policies read, so that decisions can be derived
    /// again.
    #[serde(default)]
    pub claims: bool,
    /// The length past which a new file is begun, in bytes: 64 MiB.
    pub rotate_at: Option<u64>,
    /// Where the checkpoint is; beside the folder, unless it is said.
    pub checkpoint: Option<PathBuf>,
}

/// When a line counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// When it is on disk.
    #[default]
    Always,
    /// When the operating system has it; it is on disk so much later at most.
    Interval(Span),
    /// When the operating system has it.
    Never,
}
