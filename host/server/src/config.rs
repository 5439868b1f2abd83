//! The configuration: one file in TOML, as typed values.
//!
//! A file is read whole and strictly: what is not known is an error, never
//! passed over. Secrets stand in the environment or in files of their own, and
//! the configuration names where.

mod exchange;
mod issuer;
mod listener;
mod reader;
mod record;
mod route;
mod sandbox;
mod secret;
mod span;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::files;

pub use exchange::{Exchange, Rotation, SigningAlgorithm, Target};
pub use issuer::{Discovery, Fetch, Form, InlineKeys, Issuer, KeyFile, KeyUrl, Keys};
pub use listener::{Address, Admin, Listener, Monitor, Protocol, Proxy};
pub use record::{Database, Durability, LedgerConfig, Record};
pub use route::{CeilingConfig, CertificateHeader, Forwarded, Obligation, Route, Source};
pub use sandbox::{CodeCacheConfig, SandboxConfig, ScriptsConfig};
pub use secret::{Environment, Secret, SecretError, SecretSource};
pub use span::Span;
pub use store::{ComparisonConfig, ModuleConfig, Promote, Signs, StoreConfig, StoreKey};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// A configuration as its file has it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The format of this file: 1.
    #[schemars(range(min = 1, max = 1))]
    pub claimbound: u32,
    /// The issuers whose tokens are taken, by the names that routes call them.
    #[serde(default)]
    pub issuer: BTreeMap<String, Issuer>,
    /// Where tokens are presented, by name.
    #[serde(default)]
    pub route: BTreeMap<String, Route>,
    /// Stores of modules, by the names that routes call them.
    #[serde(default)]
    pub store: BTreeMap<String, StoreConfig>,
    /// Where requests arrive, by name.
    #[serde(default)]
    pub listen: BTreeMap<String, Listener>,
    /// Liveness, readiness and metrics.
    pub monitor: Option<Monitor>,
    /// Reload, revocation and the state of modules, for operators.
    pub admin: Option<Admin>,
    /// The ledger, which binds names to identities.
    pub ledger: Option<LedgerConfig>,
    /// The record of decisions.
    pub record: Option<Record>,
    /// Access tokens in exchange for workload tokens (RFC 8693).
    pub exchange: Option<Exchange>,
    /// What a decision may take.
    #[serde(default)]
    pub sandbox: SandboxConfig,
    /// How long requests that have begun may take once the program is told to
    /// stop: 30 seconds.
    pub drain: Option<Span>,
    /// A folder for copies of what was fetched, so that a restart needs no
    /// issuer to be up. It is made for its user alone.
    pub state: Option<PathBuf>,
}

/// A configuration that can't be used; says where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("`{}` {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The file is not TOML of this shape.
    #[error("`{}` is no configuration: {cause}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place.
        cause: String,
    },
    /// A value can't be used.
    #[error("{at}: {fault}")]
    Invalid {
        /// Where, as the path of a key: `route.deploy.policy`.
        at: String,
        /// What is wrong with it, and what would do.
        fault: String,
    },
}

impl ConfigError {
    /// A value at `at` that can't be used. The fault does not repeat it, unless it
    /// is a path: a secret may have been written at the wrong place.
    pub(crate) fn at(at: impl fmt::Display, fault: impl fmt::Display) -> Self {
        Self::Invalid {
            at: at.to_string(),
            fault: fault.to_string(),
        }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`] where it can't be read or is no configuration.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = files::read_text(path, LARGEST).map_err(|error| ConfigError::Unreadable {
            path: path.to_owned(),
            cause: error.to_string(),
        })?;
        Self::parse(&text).map_err(|cause| ConfigError::Malformed {
            path: path.to_owned(),
            cause,
        })
    }

    /// Reads a text; the error shows the place.
    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = reader::read(text)?;
        match config.claimbound {
            1 => Ok(config),
            other => Err(format!(
                "`claimbound = {other}` is another format than this program reads, which is 1"
            )),
        }
    }

    /// The JSON Schema (2020-12) of a configuration.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text below `claimbound = 1`, and what is told of it.
    const FAULTS: &[(&str, &str)] = &[
        (
            "[route.deploy]\naudiense = \"x\"",
            "line 3, column 1, `route.deploy.audiense`: there is no such key (did you mean `audience`?)",
        ),
        (
            "[route.deploy]\naudience = 5",
            "line 3, column 12, `route.deploy.audience`: a number stands here, and text in quotes is wanted",
        ),
        (
            "[route.deploy]\naudience = \"a\"\nissuers = [\"a\", 5]",
            "line 4, column 17, `route.deploy.issuers[1]`: a number stands here, and text in quotes is wanted",
        ),
        (
            "[route.deploy]\naudience = \"a\"\npolicy = \"p\"",
            "line 2, column 1, `route.deploy.issuers`: it is missing",
        ),
        (
            "[monitor]\naddress = \"hunter2\"",
            "line 3, column 11, `monitor.address`: an address is wanted, such as `127.0.0.1:9000` or \
             `unix:/run/claimbound.sock`",
        ),
        (
            "[admin]\naddress = \"127.0.0.1:1\"\ntoken = \"hunter2\"",
            "line 4, column 9, `admin.token`: a secret is named by `env:NAME` or `file:PATH`, never \
             written here",
        ),
        (
            "[admin]\naddress = \"127.0.0.1:1\"\nuids = \"hunter2\"",
            "line 4, column 8, `admin.uids`: text stands here, and a list is wanted",
        ),
        (
            "[admin]\naddress = \"127.0.0.1:1\"\nuids = [-1]",
            "line 4, column 9, `admin.uids[0]`: the number is too small or too large",
        ),
        (
            "admin = \"hunter2\"",
            "line 2, column 9, `admin`: text stands here, and a table is wanted",
        ),
        (
            "drain = 5",
            "line 2, column 9, `drain`: a length of time is wanted, such as `90s` or `15m`",
        ),
        (
            "[issuer.a]\nmodel = \"spiffe\"\nkeys = { form = \"jwks\" }",
            "line 4, column 8, `issuer.a.keys.from`: it is missing",
        ),
        (
            "[issuer.a]\nmodel = \"spiffe\"\nkeys = { url = \"x\", from = \"ulr\" }",
            "line 4, column 28, `issuer.a.keys.from`: what stands here is none of `discovery`, `url`, \
             `file`, `inline` (did you mean `url`?)",
        ),
        (
            "[issuer.a]\nmodel = \"spiffe\"\n[issuer.a.keys]\nfrom = \"discovery\"\n\
             fetch = { timeout = true }",
            "line 6, column 21, `issuer.a.keys.fetch.timeout`: a length of time is wanted, such as \
             `90s` or `15m`",
        ),
        (
            "[issuer.a]\nmodel = \"spiffe\"\nkeys = { from = \"file\", url = \"hunter2\" }",
            "line 4, column 25, `issuer.a.keys.url`: there is no such key; there are `path`, `form`",
        ),
        (
            "[ledger]\nsqlite = \"a\"\npostgres = \"hunter2\"",
            "line 2, column 1, `ledger`: one of `sqlite`, `postgres` is wanted, and no other",
        ),
        (
            "ledger = \"sqlite\"",
            "line 2, column 10, `ledger`: it stands with a value, as `{ … = … }`",
        ),
        (
            "[record]\nfolder = \"a\"\ndurability = { always = \"hunter2\" }",
            "line 4, column 16, `record.durability.always`: it stands alone, as text, without a value",
        ),
        (
            "[record]\nfolder = \"a\"\ndurability = { intervall = \"1s\" }",
            "line 4, column 16, `record.durability.intervall`: what stands here is none of `always`, \
             `interval`, `never` (did you mean `interval`?)",
        ),
        (
            "[[route]]",
            "line 2, column 1, `route`: a list stands here, and a table is wanted",
        ),
        (
            "[issuer.\"a b\"]\nmodel = 1",
            "line 3, column 9, `issuer.\"a b\".model`: a number stands here, and text in quotes is \
             wanted",
        ),
        (
            "[sandbox]\nshards = 18446744073709551616",
            "line 3, column 10, `sandbox.shards`: the number is too small or too large",
        ),
    ];

    #[test]
    fn what_is_wrong_is_told_with_its_whole_path_and_without_its_value() {
        for (text, expected) in FAULTS {
            let told = Config::parse(&format!("claimbound = 1\n{text}\n")).unwrap_err();
            assert_eq!(told, *expected, "{text}");
        }
        let told = Config::parse("claimbound = 2\n").unwrap_err();
        assert!(told.contains("another format"), "{told}");
        let told = Config::parse("").unwrap_err();
        assert_eq!(told, "`claimbound`: it is missing");
    }

    #[test]
    fn what_is_no_toml_is_told_in_one_line_and_not_repeated() {
        for text in [
            "drain = hunter2",
            "drain = \"hunter2",
            "drain = \"\"\"hunter2\n",
            "drain = \"\\hunter2\"",
            "hunter2",
            "drain = \"5s\" hunter2",
            "drain = [\"hunter2\"",
            "drain = \"5s\"\ndrain = \"hunter2\"",
            "state = { a = \"hunter2\"",
            "state = 0xhunter2",
            "state = 1979-hunter2",
            "state = \"\"\"\nhunter2=\n",
        ] {
            let told = Config::parse(text).unwrap_err();
            assert!(!told.contains("hunter2") && !told.contains('\n'), "{told}");
            assert!(told.starts_with("line "), "{text}: {told}");
        }
    }
}
