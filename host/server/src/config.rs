//! The configuration: one file in TOML, as typed values.
//!
//! A file is read whole and strictly: what is not known is an error, never
//! passed over. Secrets stand in the environment or in files of their own, and
//! the configuration names where.

mod exchange;
mod issuer;
mod listener;
mod record;
mod route;
mod sandbox;
mod secret;
mod span;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

pub use exchange::{Exchange, Rotation, SigningAlgorithm, Target};
pub use issuer::{Discovery, Fetch, Form, InlineKeys, Issuer, KeyFile, KeyUrl, Keys};
pub use listener::{Address, Admin, Listener, Monitor, Protocol, Proxy};
pub use record::{Database, Durability, LedgerConfig, Record};
pub use route::{CeilingConfig, CertificateHeader, Forwarded, Obligation, Route, Source};
pub use sandbox::{CodeCacheConfig, SandboxConfig};
pub use secret::{Environment, Secret, SecretError, SecretSource};
pub use span::Span;

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
    #[error("`{}` can't be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The file is not TOML of this shape.
    #[error("`{}` is no configuration\n{cause}", path.display())]
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
    /// A value at `at` that can't be used.
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
        let unreadable = |cause: String| ConfigError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let length = std::fs::metadata(path)
            .map_err(|error| unreadable(error.to_string()))?
            .len();
        if length > LARGEST {
            return Err(unreadable(format!("it has more than {LARGEST} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Self::parse(&text).map_err(|cause| ConfigError::Malformed {
            path: path.to_owned(),
            cause,
        })
    }

    /// Reads a text; the error shows the place.
    fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| told(text, &error))?;
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

/// What is wrong, and where: by line, column and key. The line itself is not
/// shown, for a secret may stand there that was never to be written here.
fn told(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else {
        return message.to_owned();
    };
    let line = before.matches('\n').count();
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count());
    let is_key = |key: &&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._- ".contains(&byte);
        !key.is_empty() && key.bytes().all(fits)
    };
    let key = text.lines().nth(line).and_then(|line| line.split_once('='));
    let key = key.map(|(key, _)| key.trim()).filter(is_key);
    let key = key.map_or_else(String::new, |key| format!(", `{key}`"));
    format!("line {}, column {}{key}: {message}", line + 1, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_an_error_that_shows_the_place() {
        let told = Config::parse("claimbound = 1\n[route.deploy]\naudiense = \"x\"\n").unwrap_err();
        assert!(
            told.contains("audiense") && told.contains("line 3"),
            "{told}"
        );
        let text = "claimbound = 1\n[admin]\naddress = \"127.0.0.1:1\"\ntoken = \"hunter2\"\n";
        let told = Config::parse(text).unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
        assert!(
            told.contains("line 4, column 9, `token`: a secret"),
            "{told}"
        );
        let told = Config::parse("claimbound = 2\n").unwrap_err();
        assert!(told.contains("another format"), "{told}");
    }
}
