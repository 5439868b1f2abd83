//! What a host stands on for as long as it runs: sandboxes, ledger, record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use claimbound::clock::Clock;
use claimbound::code::{CodeCache, CodeKey};
use claimbound::ledger::{Ledger, Postgres, Run, Sqlite};
use claimbound::outcome::HostError;
use claimbound::record::{self, Journal, Options};
use claimbound::sandbox::Sandbox;

use crate::bounds;
use crate::config::{
    CodeCacheConfig, Config, ConfigError, Database, Durability, Environment, LedgerConfig, Record,
};
use crate::exchange::SigningKeys;
use crate::keys::Copies;
use crate::pools::{Pools, processors};
use crate::workshop::{LoadError, Loaded, Workshop};

/// What a host stands on for as long as it runs.
pub(crate) struct Ground {
    /// What paths that are not absolute start at.
    pub(crate) folder: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) pools: Pools,
    pub(crate) workshop: Workshop,
    pub(crate) ledger: Option<Arc<Ledger>>,
    pub(crate) record: Option<Arc<Journal>>,
    pub(crate) signing_keys: Option<Arc<SigningKeys>>,
    /// Copies of what was fetched.
    pub(crate) copies: Option<Arc<Copies>>,
}

impl Ground {
    /// Opens everything but what opening changes, or one process alone may hold:
    /// the record, the signing keys, the folder of copies. Where it is only tried,
    /// nothing is written to a ledger's file.
    ///
    /// # Errors
    /// What can't be opened, and where the configuration names it.
    pub(crate) fn lay(
        config: &Config,
        folder: &Path,
        environment: Environment<'_>,
        clock: Arc<dyn Clock>,
        run: Run,
    ) -> Result<Self, ConfigError> {
        // Before anything is opened by a number that is none.
        bounds::check(config, folder)?;
        let cache = config.sandbox.code_cache.as_ref();
        let cache = cache.map(|cache| code_cache(cache, folder, environment));
        let cache = cache.transpose()?;
        let pools = Pools::new(&config.sandbox, cache.clone())?;
        let workshop = Workshop::open(processors(), cache);
        let workshop = workshop.map_err(|fault| ConfigError::at("sandbox", fault))?;
        let ledger = config.ledger.as_ref();
        let ledger = ledger.map(|ledger| open_ledger(ledger, folder, environment, run));
        Ok(Self {
            folder: folder.to_owned(),
            clock,
            pools,
            workshop,
            ledger: ledger.transpose()?.map(Arc::new),
            record: None,
            signing_keys: None,
            copies: None,
        })
    }

    /// Looks at the signing keys as [`with_rest`](Self::with_rest) would, and
    /// makes and changes nothing.
    ///
    /// # Errors
    /// Where they can't be used.
    pub(crate) fn look_at_rest(&self, config: &Config) -> Result<(), ConfigError> {
        let Some(exchange) = &config.exchange else {
            return Ok(());
        };
        let folder = self.folder.join(&exchange.keys);
        SigningKeys::look(&folder).map_err(|error| ConfigError::at("exchange.keys", error))
    }

    /// Opens the rest.
    ///
    /// # Errors
    /// Where it can't be had; for the record, where another process holds it.
    pub(crate) fn with_rest(mut self, config: &Config) -> Result<Self, ConfigError> {
        if let Some(record) = &config.record {
            let folder = self.folder.join(&record.folder);
            let opened = Journal::open(&folder, options(record, &self.folder), &*self.clock);
            let opened = opened.map_err(|error| ConfigError::at("record", error))?;
            self.record = Some(Arc::new(opened));
        }
        if let Some(state) = &config.state {
            self.copies = Some(Arc::new(Copies::open(&self.folder.join(state))?));
        }
        if let Some(exchange) = &config.exchange {
            let folder = self.folder.join(&exchange.keys);
            let now = self.clock.now();
            let opened = SigningKeys::open(&folder, exchange.algorithm, exchange.rotation, now);
            let opened = opened.map_err(|error| ConfigError::at("exchange.keys", error))?;
            self.signing_keys = Some(Arc::new(opened));
        }
        Ok(self)
    }
}

impl Ground {
    /// Compiles a component for each sandbox that serves policies of its size.
    ///
    /// # Errors
    /// Where it is no policy, or the machine can't run it.
    pub(crate) fn load(&self, component: &[u8]) -> Result<Loaded, LoadError> {
        let pool = self.pools.of(component);
        let sandboxes = self.pools.sandboxes(pool)?;
        let policies = self.workshop.load(component, sandboxes)?;
        Ok(Loaded { pool, policies })
    }

    /// A sandbox for a component of that size, apart from all that serve.
    ///
    /// # Errors
    /// Where the machine can't run one.
    pub(crate) fn apart(&self, component: &[u8]) -> Result<Sandbox, HostError> {
        self.workshop
            .apart(self.pools.limits(self.pools.of(component)))
    }
}

fn code_cache(
    config: &CodeCacheConfig,
    folder: &Path,
    environment: Environment<'_>,
) -> Result<CodeCache, ConfigError> {
    let fault = |fault: String| ConfigError::at("sandbox.code_cache", fault);
    let text = config.key.read(folder, environment);
    let text = text.map_err(|error| fault(error.to_string()))?;
    let key = CodeKey::from_digits(text.expose().as_bytes()).ok_or_else(|| {
        fault("the key is not 64 hexadecimal digits; `openssl rand -hex 32` makes one".into())
    })?;
    let folder = folder.join(&config.folder);
    CodeCache::open(&folder, key).map_err(|error| ConfigError::at("sandbox.code_cache", error))
}

fn open_ledger(
    config: &LedgerConfig,
    folder: &Path,
    environment: Environment<'_>,
    run: Run,
) -> Result<Ledger, ConfigError> {
    match config {
        LedgerConfig::Sqlite(path) => {
            let path = folder.join(path);
            let settings = Sqlite::at(&path);
            let opened = Ledger::sqlite(&match run {
                Run::Real => settings,
                Run::Dry => settings.to_read(),
            });
            opened.map_err(|error| {
                let is_absent = matches!(path.try_exists(), Ok(false));
                let name = path.display();
                let init = format!("; `claimbound subject init --ledger '{name}'` makes one");
                let hint = if is_absent { &*init } else { "" };
                ConfigError::at("ledger.sqlite", format!("{error}{hint}"))
            })
        }
        LedgerConfig::Postgres(database) => open_database(database, folder, environment),
    }
}

fn open_database(
    config: &Database,
    folder: &Path,
    environment: Environment<'_>,
) -> Result<Ledger, ConfigError> {
    let fault = |fault: String| ConfigError::at("ledger.postgres", fault);
    let url = config.url.read(folder, environment);
    let url = url.map_err(|error| fault(error.to_string()))?;
    let settings = Postgres::at(url.expose()).map_err(|error| fault(error.to_string()))?;
    let settings = match &config.ca {
        Some(ca) => settings.with_ca(folder.join(ca)),
        None => settings,
    };
    let settings = match config.connections {
        Some(connections) => settings.with_connections(connections),
        None => settings,
    };
    // By this one it is told how old what is known of operators' changes is:
    // never by a clock of tests.
    let clock = claimbound::clock::SystemClock;
    Ledger::postgres(&settings, clock).map_err(|error| ConfigError::at("ledger.postgres", error))
}

fn options(config: &Record, folder: &Path) -> Options {
    let usual = Options::default();
    Options {
        durability: match config.durability {
            Durability::Always => record::Durability::Always,
            Durability::Interval(span) => record::Durability::Interval(span.0),
            Durability::Never => record::Durability::Never,
        },
        keeps_claims: config.claims,
        rotate_at: config.rotate_at.unwrap_or(usual.rotate_at),
        checkpoint: config.checkpoint.as_ref().map(|path| folder.join(path)),
    }
}
