//! Taking up another configuration: whole, or not at all.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use claimbound::ledger::{Served, Taken};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::bounds;
use crate::config::{Config, ConfigError, Environment, Rotation, SigningAlgorithm};
use crate::files::Seen;
use crate::frame::Frame;
use crate::ground::Ground;
use crate::host::{Host, Route};
use crate::plan::{Draft, Supply};
use crate::rollout::{Look, Refusal, Rollout, Step, Successor, this_host};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often files that go on changing are left to rest.
const MOST_RESTLESS: u32 = 4;

/// Reads variables of the environment, for as long as a host runs.
pub type OwnedEnvironment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Takes up configurations.
pub(crate) struct Reloader {
    path: PathBuf,
    environment: OwnedEnvironment,
    ground: Arc<Ground>,
    host: Host,
    /// One reload at a time holds it; whoever waits for it takes no thread.
    reloading: Arc<tokio::sync::Mutex<()>>,
    /// Held while something is taken up, and never while anything is waited for
    /// that may be slow: stores, compilers.
    current: Arc<tokio::sync::Mutex<Current>>,
    /// Whether a reload was asked for that has not begun.
    is_due: AtomicBool,
    /// The files that the last reload read, or could not.
    watched: Mutex<Seen>,
    runtime: Handle,
}

/// What is in use.
pub(crate) struct Current {
    pub(crate) config: Config,
    pub(crate) draft: Draft,
    /// Its files as they were before they were read.
    pub(crate) seen: Seen,
}

/// What became of a version that was to be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It decides.
    Up,
    /// Another configuration, or another version, was taken up meanwhile.
    Superseded,
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
            ground: Arc::new(ground),
            host,
            watched: Mutex::new(current.seen.clone()),
            reloading: Arc::default(),
            current: Arc::new(tokio::sync::Mutex::new(current)),
            is_due: AtomicBool::new(false),
            runtime,
        }
    }

    /// Reads the configuration again and takes it up, on a thread that may take
    /// its time: policies are compiled.
    ///
    /// # Errors
    /// Why it is not taken up; what was in use stays so.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<Report, ConfigError> {
        let turn = Arc::clone(&self.reloading).lock_owned().await;
        self.is_due.store(false, Ordering::SeqCst);
        let reloader = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            reloader.take_up()
        });
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

    /// As [`reload`](Self::reload), for whom the result is not for; one that has
    /// not begun will do for however many ask.
    pub(crate) async fn reload_soon(self: Arc<Self>) {
        if !self.is_due.swap(true, Ordering::SeqCst) {
            // The reason for what fails is logged and counted there.
            let _ = self.reload().await;
        }
    }

    fn take_up(&self) -> Result<Report, ConfigError> {
        let (known, before) = {
            // What a thread that panicked left is what was in use.
            let current = self.current.blocking_lock();
            (current.config.clone(), current.draft.clone())
        };
        let seen = Seen::file(&self.path);
        self.watched().extend(seen.clone());
        let config = Config::read(&self.path)?;
        let seen = seen.with(&config, &self.ground.folder);
        // What it names is looked after even where it is refused: a policy that
        // is not there yet may come.
        self.watched().extend(seen.clone());
        check_fixed(&known, &config)?;
        bounds::check(&config, &self.ground.folder)?;
        let environment: Environment<'_> = &*self.environment;
        let supply = Supply::By(&self.runtime);
        let mut draft = Draft::new(&config, &self.ground, environment, supply, Some(&before))?;
        let mut current = self.current.blocking_lock();
        draft.follow(&self.ground)?;
        draft.write_modules(&self.ground)?;
        self.host.take_up(draft.plan());
        let warnings = draft.warnings.clone();
        *self.watched() = seen.clone();
        *current = Current {
            config,
            draft,
            seen,
        };
        Ok(Report { warnings })
    }

    /// The host that it takes configurations up for.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Looks at the store of a route once, on a thread that may wait; which version
    /// is to be taken up now.
    pub(crate) fn look(&self, frame: &Arc<Frame>, rollout: &Rollout) -> Option<Successor> {
        let look = Look::new(rollout.wanted(), frame, &self.ground, &self.runtime).ok()?;
        rollout.look(look, self.host.metrics())
    }

    /// The routes where an operator went back to the version that was in use here
    /// before, with that version. The ledger is asked, and nothing else; where it
    /// gives no answer, the next look says so.
    pub(crate) fn recalled(&self) -> Vec<(Arc<Route>, Successor)> {
        let mut routes = self.host.routes();
        routes.retain(|route| route.rollout().is_some_and(|one| one.has_left()));
        let ledger = self.ground.ledger.as_ref().filter(|_| !routes.is_empty());
        let Some(Ok(all)) = ledger.map(|ledger| ledger.all_served()) else {
            return Vec::new();
        };
        let recalled = |route: Arc<Route>| {
            let rollout = route.rollout()?;
            let is_its =
                |one: &&Served| one.route == route.name() && one.name == rollout.wanted().name;
            let successor = rollout.recalled(all.iter().find(is_its))?;
            Some((Arc::clone(&route), successor))
        };
        routes.into_iter().filter_map(recalled).collect()
    }

    /// Takes up another version of a route's module, between two requests.
    ///
    /// # Errors
    /// Where the route may not serve it; what was in use stays so.
    pub(crate) async fn put(
        self: &Arc<Self>,
        frame: &Arc<Frame>,
        rollout: &Arc<Rollout>,
        successor: Successor,
    ) -> Result<Put, Refusal> {
        let mut current = Arc::clone(&self.current).lock_owned().await;
        let (reloader, rollout) = (Arc::clone(self), Arc::clone(rollout));
        let frame = Arc::clone(frame);
        let put = move || reloader.put_now(&mut current, &frame, &rollout, &successor);
        let put = tokio::task::spawn_blocking(put).await;
        put.unwrap_or_else(|_| Err(Refusal::at(Step::TakeUp)("it ended without an answer")))
    }

    fn put_now(
        &self,
        current: &mut Current,
        frame: &Arc<Frame>,
        rollout: &Arc<Rollout>,
        successor: &Successor,
    ) -> Result<Put, Refusal> {
        let refused = Refusal::at(Step::TakeUp);
        let Successor { selected, over } = successor;
        let is_its = |route: &&Arc<Route>| {
            let its = route.rollout();
            Arc::ptr_eq(route.frame(), frame) && its.is_some_and(|its| Arc::ptr_eq(its, rollout))
        };
        if !current
            .draft
            .routes
            .get(&*frame.name)
            .is_some_and(|one| is_its(&one))
            || !Arc::ptr_eq(&rollout.active(), over)
        {
            return Ok(Put::Superseded);
        }
        let (ground, name) = (&self.ground, &*frame.name);
        let made = frame.route(&selected.loaded, ground, Some(Arc::clone(rollout)));
        let (Some(made), Some(ledger)) = (made, &ground.ledger) else {
            return Err(refused("there is no sandbox, or no ledger"));
        };
        let (now, by) = (ground.clock.now(), this_host());
        let taken = ledger.serve(&rollout.taking(selected, name, now, &by));
        let (Taken::Up(served) | Taken::Already(served)) =
            taken.map_err(Refusal::at(Step::TakeUp))?;
        // From here on nothing fails.
        current.draft.routes.insert(name.to_owned(), Arc::new(made));
        rollout.take_up(selected, *served);
        self.host.take_up(current.draft.plan());
        Ok(Put::Up)
    }

    fn watched(&self) -> MutexGuard<'_, Seen> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reloads whenever a file changes that a reload reads, until `stop`.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut restless = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => return,
            }
            let known = self.watched().clone();
            let seen = known.again();
            if seen == known {
                continue;
            }
            // A file that is being written changes again. One that never rests
            // must not hold up the others; half a file is refused.
            tokio::time::sleep(LOOK_EVERY / 4).await;
            if known.again() != seen && restless < MOST_RESTLESS {
                restless += 1;
                continue;
            }
            restless = 0;
            // Another reload may have read it meanwhile.
            if *self.watched() != known {
                continue;
            }
            // The reason for what fails is logged and counted there.
            let _ = self.reload().await;
            let mut watched = self.watched();
            if *watched == known {
                // It ended before it looked: that it is tried again and again
                // would help nobody.
                *watched = seen;
            }
        }
    }
}

/// What is opened once can't change while a host runs: a change of it is told,
/// rather than half taken up.
fn check_fixed(now: &Config, then: &Config) -> Result<(), ConfigError> {
    let same = [
        ("listen", now.listen == then.listen),
        ("monitor", now.monitor == then.monitor),
        ("admin", now.admin == then.admin),
        ("ledger", now.ledger == then.ledger),
        ("record", now.record == then.record),
        ("sandbox", now.sandbox == then.sandbox),
        ("state", now.state == then.state),
        ("drain", now.drain == then.drain),
        ("exchange.keys", signing(now) == signing(then)),
    ];
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
