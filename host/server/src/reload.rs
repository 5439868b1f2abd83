//! Taking up another configuration: whole, or not at all.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config::{Config, ConfigError, Environment, Rotation, SigningAlgorithm};
use crate::ground::Ground;
use crate::host::Host;
use crate::plan::{Draft, Supply};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads variables of the environment, for as long as a host runs.
pub type OwnedEnvironment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Takes up configurations.
pub(crate) struct Reloader {
    path: PathBuf,
    environment: OwnedEnvironment,
    ground: Ground,
    host: Host,
    current: Mutex<Current>,
    runtime: Handle,
}

/// What is in use.
pub(crate) struct Current {
    pub(crate) config: Config,
    pub(crate) draft: Draft,
}

/// What was taken up.
#[derive(Debug)]
pub(crate) struct Report {
    /// What is worth a look.
    pub(crate) warnings: Vec<String>,
}

impl Reloader {
    pub(crate) fn new(
        path: PathBuf,
        environment: OwnedEnvironment,
        ground: Ground,
        host: Host,
        current: Current,
        runtime: Handle,
    ) -> Self {
        Self {
            path,
            environment,
            ground,
            host,
            current: Mutex::new(current),
            runtime,
        }
    }

    /// Reads the configuration again and takes it up, on a thread that may take
    /// its time: policies are compiled.
    ///
    /// # Errors
    /// Why it is not taken up; what was in use stays so.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<Report, ConfigError> {
        let reloader = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || reloader.take_up());
        let result = match done.await {
            Ok(result) => result,
            Err(_) => Err(ConfigError::at("reload", "it ended without an answer")),
        };
        self.host.metrics().reloaded(result.is_ok());
        match &result {
            Ok(report) => {
                for warning in &report.warnings {
                    warn!("{warning}");
                }
                info!("the configuration is taken up");
            }
            Err(error) => error!(%error, "the configuration is not taken up; the last one stays"),
        }
        result
    }

    fn take_up(&self) -> Result<Report, ConfigError> {
        // One at a time. What a thread that panicked left is what was in use.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let config = Config::read(&self.path)?;
        check_fixed(&current.config, &config)?;
        let environment: Environment<'_> = &*self.environment;
        let supply = Supply::By(&self.runtime);
        let before = Some(&current.draft);
        let draft = Draft::new(&config, &self.ground, environment, supply, before)?;
        self.host.take_up(draft.plan());
        let warnings = draft.warnings.clone();
        *current = Current { config, draft };
        Ok(Report { warnings })
    }

    /// Reloads whenever the configuration or a policy's file changes, until
    /// `stop`.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut known = self.look();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => return,
            }
            let seen = self.look();
            if seen == known {
                continue;
            }
            // A file that is being written changes again.
            tokio::time::sleep(LOOK_EVERY / 4).await;
            if self.look() != seen {
                continue;
            }
            known = seen;
            // The reason for what fails is logged and counted there.
            let _ = self.reload().await;
            known = self.look_again(known);
        }
    }

    /// The files of what is in use now, where that names other ones.
    fn look_again(&self, known: Seen) -> Seen {
        let seen = self.look();
        if seen.keys().eq(known.keys()) {
            known
        } else {
            seen
        }
    }

    /// What the files look like that a reload reads.
    fn look(&self) -> Seen {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let policies = current.config.route.values();
        let policies = policies.map(|route| self.ground.folder.join(&route.policy));
        let paths = std::iter::once(self.path.clone()).chain(policies);
        paths.map(|path| (path.clone(), Mark::of(&path))).collect()
    }
}

type Seen = std::collections::BTreeMap<PathBuf, Option<Mark>>;

/// What tells two states of a file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Mark {
    /// Of the file behind all links: a folder that is mounted anew changes it.
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::from)
    }
}

impl From<&Metadata> for Mark {
    fn from(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// What is opened once can't change while a host runs: a change of it is told,
/// rather than half taken up.
fn check_fixed(now: &Config, then: &Config) -> Result<(), ConfigError> {
    let same = HashMap::from([
        ("listen", now.listen == then.listen),
        ("monitor", now.monitor == then.monitor),
        ("admin", now.admin == then.admin),
        ("ledger", now.ledger == then.ledger),
        ("record", now.record == then.record),
        ("sandbox", now.sandbox == then.sandbox),
        ("state", now.state == then.state),
        ("exchange.keys", signing(now) == signing(then)),
    ]);
    match same.into_iter().find(|(_, is_same)| !is_same) {
        None => Ok(()),
        Some((table, _)) => Err(ConfigError::at(
            table,
            "this is opened once; a change of it takes a restart",
        )),
    }
}

/// What the signing keys were opened by.
fn signing(config: &Config) -> Option<(&Path, SigningAlgorithm, Rotation)> {
    let exchange = config.exchange.as_ref()?;
    Some((&exchange.keys, exchange.algorithm, exchange.rotation))
}
