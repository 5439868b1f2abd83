//! What a route takes from a store.

use std::sync::Arc;
use std::time::Duration;

use claimbound::modules::{ModuleName, Version, VersionReq};

use super::copied::Copied;
use super::depot::Depot;
use crate::config::{ComparisonConfig, ConfigError, ModuleConfig, Promote};

/// What a route takes from a store, and how.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) depot: Arc<Depot>,
    /// Copies of what was taken from it.
    pub(crate) copy: Option<Copied>,
    pub(crate) name: ModuleName,
    pub(crate) range: VersionReq,
    pub(crate) shadow: Duration,
    pub(crate) promote: Promote,
    pub(crate) comparison: ComparisonConfig,
    /// Whether it is taken though nobody has signed it.
    pub(crate) unsigned: bool,
}

impl Wanted {
    /// What the configuration has at `at`, of a route.
    ///
    /// # Errors
    /// Where a value is none.
    pub(crate) fn new(
        at: &str,
        route: &str,
        config: &ModuleConfig,
        depot: &Arc<Depot>,
        unsigned: bool,
    ) -> Result<Self, ConfigError> {
        let name = config.name.parse();
        let name = name.map_err(|error| ConfigError::at(format!("{at}.name"), error))?;
        let range = VersionReq::parse(&config.version).map_err(|_| {
            let fault = "a range of versions is wanted, such as `^1.4`, `~1.4.2` or `=1.4.0`";
            ConfigError::at(format!("{at}.version"), fault)
        })?;
        Ok(Self {
            copy: depot.copy(route)?.map(Copied::new),
            depot: Arc::clone(depot),
            name,
            range,
            shadow: config.shadow.map_or(Duration::ZERO, |span| span.0),
            promote: config.promote,
            comparison: config.comparison,
            unsigned,
        })
    }

    /// Whether a new version decides beside the one in use before it is taken up.
    pub(crate) fn waits(&self) -> bool {
        self.shadow > Duration::ZERO || self.promote == Promote::ByCommand
    }

    /// Whether a version is one of those that are wanted.
    pub(crate) fn takes(&self, version: &Version) -> bool {
        self.range.matches(version)
    }

    /// Whether the same is wanted in the same way, by the word of the same keys.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.depot.is_as(&other.depot)
            && self.name == other.name
            && self.range == other.range
            && self.shadow == other.shadow
            && self.promote == other.promote
            && self.comparison == other.comparison
            && self.unsigned == other.unsigned
    }
}
