//! Stores of modules, and the keys whose word counts there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use claimbound::modules::{VersionReq, is_empty_range};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Span};

/// A store of modules: a folder, or a registry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// A folder of modules.
    pub folder: Option<PathBuf>,
    /// An OCI registry, with what stands before the modules' names:
    /// `https://registry.acme.example/policies`.
    pub registry: Option<String>,
    /// Certificates (PEM) of the authorities that the registry's certificate is
    /// checked by, in place of the system's.
    pub ca: Option<PathBuf>,
    /// How often the store is looked at: every 2 seconds where it is a folder,
    /// every 30 where it is a registry.
    pub poll: Option<Span>,
    /// The keys whose word counts here, by name.
    #[serde(default)]
    pub key: BTreeMap<String, StoreKey>,
}

/// A key, and what its word counts for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreKey {
    /// The public key in PEM: ECDSA P-256 or Ed25519.
    pub file: PathBuf,
    /// The names of the modules that it may sign for.
    pub modules: BTreeSet<String>,
    /// What it may sign: `module`, `index` and `comparison`, unless it is said.
    pub signs: Option<BTreeSet<Signs>>,
}

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Signs {
    /// What a module is.
    Module,
    /// Which versions of a name there are.
    Index,
    /// How two versions differ.
    Comparison,
    /// That a version may let in more than the one before: beside another
    /// key's comparison.
    Wider,
}

/// Which module of a store decides on a route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleConfig {
    /// The store, by its name in this file.
    pub store: String,
    /// The module's name.
    pub name: String,
    /// The versions that may decide, as Cargo writes ranges: `^1.4`, `~1.4.2`,
    /// `=1.4.0`.
    pub version: String,
    /// How long a new version decides beside the one in use before it is taken
    /// up, with no effect: not at all, unless it is said.
    pub shadow: Option<Span>,
    /// Who takes a new version up once its time beside the other is over.
    #[serde(default)]
    pub promote: Promote,
    /// Whether a new version needs a signed comparison with the one in use.
    #[serde(default)]
    pub comparison: ComparisonConfig,
}

impl ModuleConfig {
    /// Refuses a range that no version can be in, at `at`.
    ///
    /// # Errors
    /// Where it is certain that there is none.
    pub(crate) fn check(&self, at: &str) -> Result<(), ConfigError> {
        // What is no range at all is told where it is read.
        let range = VersionReq::parse(&self.version).ok();
        if range.is_some_and(|range| is_empty_range(&range)) {
            let fault = format!(
                "no version is in all parts of `{}`; write one range, such as `^1.4` or `>=1.4, <3`",
                claimbound::reason::clip(&self.version)
            );
            return Err(ConfigError::at(format!("{at}.version"), fault));
        }
        Ok(())
    }
}

/// Who takes a new version up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Promote {
    /// The host, unless the two disagreed on a token: then an operator.
    #[default]
    ByItself,
    /// An operator, by `claimbound modules promote`.
    ByCommand,
}

/// Whether a new version needs a signed comparison with the one in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ComparisonConfig {
    /// It needs none.
    #[default]
    NotAsked,
    /// It needs one; where the new version accepts or grants what the one in use
    /// does not, a second key has to sign it, one that signs `wider`.
    Required,
}
