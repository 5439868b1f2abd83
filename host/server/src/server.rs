//! One process that serves: from a configuration to sockets that answer, until
//! it is told to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claimbound::clock::Clock;
use claimbound::ledger::Run;
use rustix::process::geteuid;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::admin;
use crate::config::{Address, Config, ConfigError, Secret, SecretSource};
use crate::exchange::SigningKeys;
use crate::files::Seen;
use crate::ground::Ground;
use crate::host::Host;
use crate::listener::Bound;
use crate::metrics::Metrics;
use crate::monitor::{self, Health};
use crate::plan::{Draft, Supply};
use crate::protocol::router;
use crate::reload::{Current, OwnedEnvironment, Reloader};
use crate::rollout;
use crate::signals::{Ended, Signals, Told};

/// How often signing keys are looked after.
const TURN_EVERY: Duration = Duration::from_mins(1);

/// How long the monitor's last answers may take.
const MONITOR_ENDS: Duration = Duration::from_secs(1);

/// What the monitor's listener is called.
const MONITOR: &str = "monitor";

/// How long requests that have begun may take, unless it is said.
const DRAIN: Duration = Duration::from_secs(30);

/// A process that serves.
///
/// ```no_run
/// use std::sync::Arc;
/// use claimbound::clock::SystemClock;
/// use claimbound_server::server::Server;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let environment = Arc::new(|name: &str| std::env::var(name).ok());
/// let server = Server::start("claimbound.toml".as_ref(), environment, Arc::new(SystemClock)).await?;
/// server.run_until_told().await?;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    host: Host,
    reloader: Arc<Reloader>,
    listening: Vec<(String, Address)>,
    tasks: TaskTracker,
    /// The monitor, which answers until nothing else does.
    monitor: TaskTracker,
    stop: CancellationToken,
    end: CancellationToken,
    drain: Duration,
}

/// Which of a configuration's listeners are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listeners {
    /// All of them; there has to be one for requests.
    All,
    /// `[monitor]` and `[admin]`: whoever embeds a host asks it without one.
    OfOperators,
}

/// What `serve --check` found: all of it can be used.
#[derive(Debug)]
pub struct Checked {
    /// The routes by name, with the policy of each as `name@version`.
    pub routes: Vec<(String, String)>,
    /// What is no error, and worth a look.
    pub warnings: Vec<String>,
}

/// Looks at everything that a configuration names, and serves nothing: the file,
/// the secrets, the ledger, the signing keys, and that every policy loads and can
/// allow something. The record is left
/// alone, which another process may hold; no key is fetched.
///
/// # Errors
/// The first thing that can't be used.
pub fn check(
    path: &Path,
    environment: &OwnedEnvironment,
    clock: Arc<dyn Clock>,
) -> Result<Checked, ConfigError> {
    look(path, environment, clock, Listeners::All)
}

/// As [`check`], for who answers at these listeners.
pub(crate) fn look(
    path: &Path,
    environment: &OwnedEnvironment,
    clock: Arc<dyn Clock>,
    listeners: Listeners,
) -> Result<Checked, ConfigError> {
    let config = Config::read(path)?;
    if listeners == Listeners::All {
        somewhere(&config)?;
    }
    let ground = Ground::lay(&config, folder(path), &**environment, clock, Run::Dry)?;
    let draft = Draft::new(&config, &ground, &**environment, Supply::No, None)?;
    ground.look_at_rest(&config)?;
    secrets(&config, &ground, environment)?;
    let routes = draft.routes.values();
    let routes = routes.map(|route| (route.name().to_owned(), route.policy().id().to_string()));
    let mut routes: Vec<_> = routes.collect();
    routes.sort();
    let older = ground.ledger.as_ref().and_then(|ledger| ledger.older());
    let older = older.map(|older| format!("ledger: {older}"));
    Ok(Checked {
        routes,
        warnings: draft.warnings.into_iter().chain(older).collect(),
    })
}

/// There is somewhere to serve at.
fn somewhere(config: &Config) -> Result<(), ConfigError> {
    if config.listen.is_empty() {
        let fault = "there is no listener to serve at; say `[listen.NAME]`";
        return Err(ConfigError::at("listen", fault));
    }
    Ok(())
}

/// The folder that paths of a configuration start at.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    }
}

/// What listeners have to be told, in the order of the configuration; and the
/// operators' token.
fn secrets(
    config: &Config,
    ground: &Ground,
    environment: &OwnedEnvironment,
) -> Result<(Vec<Option<Secret>>, Option<Secret>), ConfigError> {
    let read = |at: String, source: Option<&SecretSource>| {
        let read = source.map(|source| source.read(&ground.folder, &**environment));
        read.transpose().map_err(|error| ConfigError::at(at, error))
    };
    let listeners = config.listen.iter().map(|(name, listener)| {
        let proxy = listener.proxy.as_ref();
        let source = proxy.and_then(|proxy| proxy.secret.as_ref());
        read(format!("listen.{name}.proxy.secret"), source)
    });
    let listeners = listeners.collect::<Result<_, _>>()?;
    let admin = config.admin.as_ref().and_then(|admin| admin.token.as_ref());
    Ok((listeners, read("admin.token".to_owned(), admin)?))
}

impl Server {
    /// Opens everything and begins to serve. Called inside a runtime of tokio's
    /// with threads of its own.
    ///
    /// # Errors
    /// The first thing that can't be used or had; nothing serves then.
    pub async fn start(
        path: &Path,
        environment: OwnedEnvironment,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        Self::open(path, environment, clock, Listeners::All).await
    }

    pub(crate) async fn open(
        path: &Path,
        environment: OwnedEnvironment,
        clock: Arc<dyn Clock>,
        listeners: Listeners,
    ) -> Result<Self, ConfigError> {
        let path = path.to_owned();
        let opened = {
            let (path, environment) = (path.clone(), Arc::clone(&environment));
            // Policies are compiled, a database is asked.
            let runtime = Handle::current();
            tokio::task::spawn_blocking(move || {
                Opened::new(&path, &environment, clock, listeners, &runtime)
            })
        };
        let opened = opened.await;
        let opened = opened.map_err(|_| ConfigError::at("start", "it ended without an answer"))?;
        opened?.serve(path, environment).await
    }

    /// The host that decides.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Where each listener listens, by name; `monitor` and `admin` among them.
    pub fn listening(&self) -> &[(String, Address)] {
        &self.listening
    }

    /// Reads the configuration again, as on SIGHUP.
    ///
    /// # Errors
    /// Why it is not taken up; what was in use stays so.
    pub async fn reload(&self) -> Result<(), ConfigError> {
        self.reloader.reload().await.map(|_| ())
    }

    /// Serves until SIGTERM or SIGINT, reloading on SIGHUP; then drains. A second
    /// one ends it at once.
    ///
    /// # Errors
    /// Where the system gives no signals.
    pub async fn run_until_told(self) -> std::io::Result<Ended> {
        Ok(self.run_until(Signals::catch()?).await)
    }

    /// As [`run_until_told`](Self::run_until_told), by signals that have been
    /// caught since before it started.
    pub async fn run_until(self, mut signals: Signals) -> Ended {
        while signals.next().await == Told::Reload {
            // It may take its time, and to stop may not wait for it.
            self.tasks.spawn(Arc::clone(&self.reloader).reload_soon());
        }
        tokio::select! {
            () = self.drain() => Ended::Drained,
            () = signals.stop() => {
                warn!("told to stop again; what was begun is not waited for");
                Ended::AtOnce
            }
        }
    }

    /// Stops accepting, and waits for what was begun, for as long as the
    /// configuration says. A clone of the host has no route from there on.
    pub async fn drain(self) {
        info!("told to stop; what was begun is finished");
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.drain, self.tasks.wait())
            .await
            .is_err()
        {
            warn!("some requests took longer than may be waited for");
        }
        self.host.retire();
        self.end.cancel();
        self.monitor.close();
        // Whoever asks then learns nothing new.
        let _ = tokio::time::timeout(MONITOR_ENDS, self.monitor.wait()).await;
        info!("stopped");
    }
}

/// Everything that is opened before anything serves.
struct Opened {
    config: Config,
    ground: Ground,
    draft: Draft,
    secrets: (Vec<Option<Secret>>, Option<Secret>),
    listeners: Listeners,
    seen: Seen,
}

impl Opened {
    fn new(
        path: &Path,
        environment: &OwnedEnvironment,
        clock: Arc<dyn Clock>,
        listeners: Listeners,
        runtime: &Handle,
    ) -> Result<Self, ConfigError> {
        let seen = Seen::file(path);
        let config = Config::read(path)?;
        let seen = seen.with(&config, folder(path));
        if listeners == Listeners::All {
            somewhere(&config)?;
        }
        let ground = Ground::lay(&config, folder(path), &**environment, clock, Run::Real)?;
        let ground = ground.with_rest(&config)?;
        let supply = Supply::By(runtime);
        let draft = Draft::new(&config, &ground, &**environment, supply, None)?;
        let secrets = secrets(&config, &ground, environment)?;
        draft.write_modules(&ground)?;
        Ok(Self {
            config,
            ground,
            draft,
            secrets,
            listeners,
            seen,
        })
    }

    async fn serve(
        self,
        path: PathBuf,
        environment: OwnedEnvironment,
    ) -> Result<Server, ConfigError> {
        let runtime = Handle::current();
        let tasks = TaskTracker::new();
        let host = self.host(&runtime, &tasks)?;
        let Self {
            config,
            ground,
            draft,
            secrets: (secrets, token),
            listeners,
            seen,
        } = self;
        for warning in &draft.warnings {
            warn!("{warning}");
        }
        let health = Health::new(ground.ledger.clone(), CancellationToken::new());
        let health = Arc::new(health);
        let ledger = ground.ledger.clone();
        let signing_keys = ground.signing_keys.clone();
        let root = ground.folder.clone();
        let drain = config.drain.map_or(DRAIN, |span| span.0);
        let mut serving = match listeners {
            Listeners::All => listened(&host, &config, secrets, &root).await?,
            Listeners::OfOperators => Vec::new(),
        };
        if let Some(monitor) = &config.monitor {
            let bound = Bound::few(MONITOR, &monitor.address, &root, None).await;
            let bound = bound.map_err(|error| unbound(&monitor.address, &error))?;
            serving.push((bound, monitor::router(&host, Arc::clone(&health))));
        }
        let admin = for_operators(&config, &root).await?;
        let current = Current {
            config,
            draft,
            seen,
        };
        let reloader = Reloader::new(path, environment, ground, host.clone(), current, runtime);
        let reloader = Arc::new(reloader);
        if let Some(bound) = admin {
            let router = admin::router(&host, Arc::clone(&reloader), ledger, token);
            serving.push((bound, router));
        }
        let server = Server {
            host,
            reloader,
            listening: listening(&serving)?,
            tasks,
            monitor: TaskTracker::new(),
            end: CancellationToken::new(),
            stop: health.stop.clone(),
            drain,
        };
        server.spawn(serving, signing_keys);
        Ok(server)
    }

    fn host(&self, runtime: &Handle, tasks: &TaskTracker) -> Result<Host, ConfigError> {
        let ground = &self.ground;
        let threads = ground.pools.start_threads()?;
        Ok(Host::new(
            self.draft.plan(),
            threads,
            Arc::clone(&ground.clock),
            Metrics::new(),
            runtime.clone(),
            tasks.clone(),
        ))
    }
}

impl Server {
    fn spawn(&self, serving: Vec<(Bound, axum::Router)>, signing_keys: Option<Arc<SigningKeys>>) {
        for (bound, router) in serving {
            let connections = self.host.metrics().connections(&bound.name);
            // Whether it stops is asked for until it has stopped.
            if &*bound.name == MONITOR {
                let serve = bound.serve(router, self.end.clone(), connections);
                self.monitor.spawn(serve);
            } else {
                let serve = bound.serve(router, self.stop.clone(), connections);
                self.tasks.spawn(serve);
            }
        }
        if let Some(keys) = signing_keys {
            self.tasks
                .spawn(turn(keys, self.host.clone(), self.stop.clone()));
        }
        let watch = Arc::clone(&self.reloader).watch(self.stop.clone());
        self.tasks.spawn(watch);
        let rollouts = rollout::run(Arc::clone(&self.reloader), self.stop.clone());
        self.tasks.spawn(rollouts);
        for (name, address) in &self.listening {
            info!(listener = &**name, %address, "listening");
        }
    }
}

/// Where requests come to, and what answers them.
async fn listened(
    host: &Host,
    config: &Config,
    secrets: Vec<Option<Secret>>,
    root: &Path,
) -> Result<Vec<(Bound, axum::Router)>, ConfigError> {
    let mut serving = Vec::new();
    for ((name, listener), secret) in config.listen.iter().zip(secrets) {
        let bound = Bound::new(name, listener, root).await;
        let bound = bound.map_err(|error| unbound(&listener.address, &error))?;
        serving.push((bound, router::router(host, listener, secret)));
    }
    Ok(serving)
}

/// Where operators come to.
async fn for_operators(config: &Config, root: &Path) -> Result<Option<Bound>, ConfigError> {
    let Some(admin) = &config.admin else {
        return Ok(None);
    };
    let uids = operators(admin.uids.as_ref(), &admin.address);
    let bound = Bound::few("admin", &admin.address, root, uids).await;
    let bound = bound.map_err(|error| unbound(&admin.address, &error));
    bound.map(Some)
}

/// Makes, changes and takes away signing keys in their time, until `stop`.
async fn turn(keys: Arc<SigningKeys>, host: Host, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TURN_EVERY) => {}
            () = stop.cancelled() => return,
        }
        let (keys, now) = (Arc::clone(&keys), host.clock().now());
        // The disk may take its time.
        match tokio::task::spawn_blocking(move || keys.tick(now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "the signing keys are left as they are"),
            Err(_) => warn!("the signing keys are left as they are"),
        }
    }
}

fn listening(serving: &[(Bound, axum::Router)]) -> Result<Vec<(String, Address)>, ConfigError> {
    let place = |(bound, _): &(Bound, axum::Router)| {
        let address = bound.address();
        let address = address.map_err(|error| ConfigError::at(&bound.name, error))?;
        Ok((bound.name.to_string(), address))
    };
    serving.iter().map(place).collect()
}

fn unbound(address: &Address, error: &std::io::Error) -> ConfigError {
    ConfigError::at(format!("address `{address}`"), error)
}

/// The users who are operators on a Unix socket.
fn operators(uids: Option<&Vec<u32>>, address: &Address) -> Option<Vec<u32>> {
    match address {
        Address::Tcp(_) => None,
        Address::Unix(_) => {
            let usual = || vec![0, geteuid().as_raw()];
            Some(uids.cloned().unwrap_or_else(usual))
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Server")
            .field("listening", &self.listening)
            .finish_non_exhaustive()
    }
}
