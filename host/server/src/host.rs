//! A host: the routes of a configuration, and the threads that decide on them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use claimbound::clock::Clock;
use claimbound::gate::{Decided, Gate};
use claimbound::models::Model;
use claimbound::policy::{Policy, Request};
use claimbound::token::Token;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use zeroize::Zeroizing;

use crate::config;
use crate::exchange::Exchanger;
use crate::frame::Frame;
use crate::keys::Keyring;
use crate::metrics::Metrics;
use crate::pools::{Pool, Threads};
use crate::question::{Aside, Question};
use crate::rollout::Rollout;
use crate::sparing::Sparing;

/// A token as a request carried it; its `Debug` shows nothing of it.
pub struct PresentedToken(Zeroizing<Vec<u8>>);

impl PresentedToken {
    /// The token.
    pub fn new(token: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(token.into()))
    }

    pub(crate) fn token(&self) -> Token<'_> {
        Token::new(&self.0)
    }

    /// The same token, for somebody else to decide.
    pub(crate) fn again(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for PresentedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PresentedToken(…)")
    }
}

/// A place where tokens are presented: its gates, one for each sandbox, which
/// hold the same policy.
pub struct Route {
    frame: Arc<Frame>,
    policy: Arc<Policy>,
    pool: Pool,
    gates: Vec<Gate>,
    aside: Aside,
    /// Where its policy comes from a store.
    rollout: Option<Arc<Rollout>>,
}

impl Route {
    pub(crate) fn new(
        frame: Arc<Frame>,
        policy: Arc<Policy>,
        pool: Pool,
        gates: Vec<Gate>,
        rollout: Option<Arc<Rollout>>,
    ) -> Self {
        Self {
            frame,
            policy,
            pool,
            gates,
            aside: Aside::default(),
            rollout,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.frame.name
    }

    /// What the configuration says of it.
    pub fn config(&self) -> &config::Route {
        &self.frame.config
    }

    /// The policy that decides here.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.frame.name
    }

    /// What it is but for its policy.
    pub(crate) fn frame(&self) -> &Arc<Frame> {
        &self.frame
    }

    /// Whose sandboxes its gates are in.
    pub(crate) const fn pool(&self) -> Pool {
        self.pool
    }

    pub(crate) fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// How versions of its policy follow each other, where it comes from a store.
    pub(crate) fn rollout(&self) -> Option<&Arc<Rollout>> {
        self.rollout.as_ref()
    }

    pub(crate) fn aside(&self) -> &Aside {
        &self.aside
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Route")
            .field("name", &self.frame.name)
            .field("policy", self.policy.id())
            .finish_non_exhaustive()
    }
}

/// The routes of one configuration, and the keys of their issuers: taken up
/// whole, or not at all.
pub(crate) struct Plan {
    pub(crate) routes: HashMap<String, Arc<Route>>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) exchange: Option<Arc<Exchanger>>,
}

/// Decides tokens by the routes of a configuration. Cheap to clone.
///
/// A decision that has to wait for something, or that takes long, takes place on
/// threads of the host's own, so that it does not hold up whoever asks.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    plan: ArcSwap<Plan>,
    threads: Threads,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    sparing: Sparing,
    runtime: Handle,
    /// Places for those that wait for a fetch, each with its token: as many as
    /// may wait for a thread.
    waiting: Arc<Semaphore>,
    /// What was begun here and has not ended: every decision is of it.
    tasks: TaskTracker,
    /// Whether no plan is taken up any more.
    is_retired: AtomicBool,
}

impl Host {
    pub(crate) fn new(
        plan: Plan,
        threads: Threads,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        runtime: Handle,
        tasks: TaskTracker,
    ) -> Self {
        let waiting = Arc::new(Semaphore::new(threads.of(Pool::Small).most()));
        Self {
            shared: Arc::new(Shared {
                plan: ArcSwap::from_pointee(plan),
                threads,
                clock,
                metrics,
                sparing: Sparing::default(),
                runtime,
                waiting,
                tasks,
                is_retired: AtomicBool::new(false),
            }),
        }
    }

    /// The route of that name, as of now.
    pub fn route(&self, name: &str) -> Option<Arc<Route>> {
        self.shared.plan.load().routes.get(name).cloned()
    }

    /// The routes, as of now, by name.
    pub fn routes(&self) -> Vec<Arc<Route>> {
        let plan = self.shared.plan.load();
        let mut routes: Vec<_> = plan.routes.values().cloned().collect();
        routes.sort_by(|one, other| one.name().cmp(other.name()));
        routes
    }

    /// The exchange of tokens, as of now; none where there is none.
    pub fn exchange(&self) -> Option<Arc<Exchanger>> {
        self.plan().exchange.clone()
    }

    /// Everything of one configuration, as of now.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        self.shared.plan.load_full()
    }

    /// The issuers' keys, as of now.
    pub fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.shared.plan.load().keyring)
    }

    /// The naming model of the issuer with that URL, byte for byte.
    pub(crate) fn model_of(&self, issuer: &str) -> Option<Arc<Model>> {
        let routes = self.routes();
        let mut gates = routes.iter().filter_map(|route| route.gates.first());
        gates.find_map(|gate| {
            let found = gate.issuers().find(issuer).ok()?;
            Some(Arc::clone(found.model()))
        })
    }

    /// The clock that decisions are made by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// Counts the lines of the log that anybody can provoke.
    pub(crate) fn sparing(&self) -> &Sparing {
        &self.shared.sparing
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.shared.threads
    }

    /// What keeps the host for as long as something that was begun has not ended.
    pub(crate) fn begin(&self) -> TaskTrackerToken {
        self.shared.tasks.token()
    }

    /// A place for one that waits for a fetch of keys; none where all are taken.
    pub(crate) fn place_to_wait(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.shared.waiting).try_acquire_owned().ok()
    }

    /// The runtime on which keys are fetched.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }

    /// Has every store looked at soon: an operator has said something of modules.
    pub(crate) fn look_at_stores(&self) {
        for rollout in self.routes().iter().filter_map(|route| route.rollout()) {
            rollout.ask();
        }
    }

    /// Takes up another plan between two decisions: those that have begun end
    /// by the one that they began with.
    pub(crate) fn take_up(&self, plan: Plan) {
        if !self.shared.is_retired.load(Ordering::SeqCst) {
            self.shared.plan.store(Arc::new(plan));
        }
    }

    /// Has no route from here on, and lets go of what those before stood on.
    pub(crate) fn retire(&self) {
        self.shared.is_retired.store(true, Ordering::SeqCst);
        self.shared.plan.store(Arc::new(Plan {
            routes: HashMap::new(),
            keyring: Arc::new(Keyring::none(Arc::clone(&self.shared.clock))),
            exchange: None,
        }));
    }

    /// Decides a token on a route: on this thread where nothing has to be waited
    /// for, and else on another.
    ///
    /// A token that names a key which its issuer is not known to have waits for
    /// one fetch of the issuer's keys, if the issuer may be asked again so soon.
    pub async fn decide(
        &self,
        route: &Arc<Route>,
        token: PresentedToken,
        request: Request,
    ) -> Decided {
        let question = Question::new(self, route, token, request);
        match question.decide_here() {
            Some(decided) => decided,
            None => question.decide_elsewhere().await,
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Host")
            .field("routes", &self.routes())
            .finish_non_exhaustive()
    }
}
