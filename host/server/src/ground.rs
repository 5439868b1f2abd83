//! What a host stands on for as long as it runs: sandboxes, ledger, record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use claimbound::clock::Clock;
use claimbound::code::{CodeCache, CodeKey};
use claimbound::ledger::{Ledger, Postgres, Sqlite};
use claimbound::record::{self, Journal, Options};
use claimbound::sandbox::{Limits, Sandbox};

use crate::bounds::{self, within};
use crate::config::{
    CodeCacheConfig, Config, ConfigError, Database, Durability, Environment, LedgerConfig, Record,
    SandboxConfig,
};
use crate::exchange::SigningKeys;
use crate::keys::Copies;

/// The most sandboxes, and the most threads of one.
const MOST_SHARDS: usize = 256;
const MOST_THREADS: usize = 1000;
/// Threads of one sandbox, unless it is said.
const THREADS_PER_SHARD: usize = 16;
/// Decisions that may wait for a thread, unless it is said.
const QUEUE: usize = 1024;

/// What a host stands on for as long as it runs.
pub(crate) struct Ground {
    /// What paths that are not absolute start at.
    pub(crate) folder: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sandboxes: Vec<Sandbox>,
    pub(crate) threads: usize,
    pub(crate) queue: usize,
    pub(crate) ledger: Option<Arc<Ledger>>,
    pub(crate) record: Option<Arc<Journal>>,
    pub(crate) signing_keys: Option<Arc<SigningKeys>>,
    /// Copies of what was fetched.
    pub(crate) copies: Option<Arc<Copies>>,
}

impl Ground {
    /// Opens everything but what opening changes, or one process alone may hold:
    /// the record, the signing keys, the folder of copies.
    ///
    /// # Errors
    /// What can't be opened, and where the configuration names it.
    pub(crate) fn lay(
        config: &Config,
        folder: &Path,
        environment: Environment<'_>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        // Before anything is opened by a number that is none.
        bounds::check(config, folder)?;
        let sandbox = &config.sandbox;
        let shards = sandbox
            .shards
            .unwrap_or_else(|| processors().min(MOST_SHARDS));
        within("sandbox.shards", shards, [1, MOST_SHARDS])?;
        let usual = || (shards * THREADS_PER_SHARD).min(MOST_THREADS);
        let threads = sandbox.threads.unwrap_or_else(usual);
        within("sandbox.threads", threads, [1, MOST_THREADS])?;
        let queue = sandbox.queue.unwrap_or(QUEUE);
        within("sandbox.queue", queue, [1, 1 << 20])?;
        let limits = limits(sandbox, threads.div_ceil(shards))?;
        let cache = sandbox.code_cache.as_ref();
        let cache = cache.map(|cache| code_cache(cache, folder, environment));
        let cache = cache.transpose()?;
        let sandboxes = (0..shards).map(|_| {
            let sandbox = Sandbox::new(limits.clone());
            let sandbox = sandbox.map_err(|error| ConfigError::at("sandbox", error.message))?;
            Ok(match &cache {
                Some(cache) => sandbox.with_code_cache(cache.clone()),
                None => sandbox,
            })
        });
        let sandboxes = sandboxes.collect::<Result<_, ConfigError>>()?;
        let ledger = config.ledger.as_ref();
        let ledger = ledger.map(|ledger| open_ledger(ledger, folder, environment));
        Ok(Self {
            folder: folder.to_owned(),
            clock,
            sandboxes,
            threads,
            queue,
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

/// How many processors this process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn limits(config: &SandboxConfig, threads: usize) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    let fault = |at: &'static str| move |error| ConfigError::at(at, error);
    if let Some(deadline) = config.deadline {
        let deadline = limits.with_deadline(deadline.0);
        limits = deadline.map_err(fault("sandbox.deadline"))?;
    }
    if let Some(memory) = config.memory {
        limits = limits
            .with_memory(memory)
            .map_err(fault("sandbox.memory"))?;
    }
    if let Some(component) = config.component {
        let component = limits.with_component(component);
        limits = component.map_err(fault("sandbox.component"))?;
    }
    // Each thread decides one token at a time. Whoever asks on a thread of its own
    // leaves it to these where there is no place.
    let usual = limits.concurrent();
    let concurrent = u32::try_from(threads).unwrap_or(u32::MAX).max(usual);
    limits
        .with_concurrent(concurrent)
        .map_err(fault("sandbox.threads"))
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
) -> Result<Ledger, ConfigError> {
    match config {
        LedgerConfig::Sqlite(path) => {
            let path = folder.join(path);
            let opened = Ledger::sqlite(&Sqlite::at(&path));
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
