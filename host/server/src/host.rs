//! A host: the routes of a configuration, and the threads that decide on them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use claimbound::clock::Clock;
use claimbound::gate::{Decided, Gate};
use claimbound::models::Model;
use claimbound::outcome::HostError;
use claimbound::policy::{Policy, Request};
use claimbound::reason::HostCode;
use claimbound::token::Token;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use zeroize::Zeroizing;

use crate::config;
use crate::evaluators::{Busy, Evaluators};
use crate::exchange::Exchanger;
use crate::keys::Keyring;
use crate::log;
use crate::metrics::Metrics;
use crate::sparing::Sparing;

/// A token as a request carried it; its `Debug` shows nothing of it.
pub struct PresentedToken(Zeroizing<Vec<u8>>);

impl PresentedToken {
    /// The token.
    pub fn new(token: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(token.into()))
    }

    fn token(&self) -> Token<'_> {
        Token::new(&self.0)
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
    name: Arc<str>,
    config: config::Route,
    policy: Arc<Policy>,
    gates: Vec<Gate>,
}

impl Route {
    pub(crate) fn new(
        name: &str,
        config: config::Route,
        policy: Arc<Policy>,
        gates: Vec<Gate>,
    ) -> Self {
        Self {
            name: name.into(),
            config,
            policy,
            gates,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the configuration says of it.
    pub fn config(&self) -> &config::Route {
        &self.config
    }

    /// The policy that decides here.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Route")
            .field("name", &self.name)
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
/// A decision takes place on threads of its own, so that nothing that it waits
/// for holds up whoever asks.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    plan: ArcSwap<Plan>,
    evaluators: Evaluators,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    sparing: Sparing,
    runtime: Handle,
    /// Places for those that wait for a fetch, each with its token: as many as
    /// may wait for a thread.
    waiting: Arc<Semaphore>,
    /// What was begun here and has not ended: every decision is of it.
    tasks: TaskTracker,
}

/// What is decided, and for whom.
struct Question {
    route: Arc<Route>,
    token: PresentedToken,
    request: Request,
    /// Whether a fetch of the issuer's keys has been waited for.
    has_fetched: bool,
}

impl Host {
    pub(crate) fn new(
        plan: Plan,
        evaluators: Evaluators,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        runtime: Handle,
        tasks: TaskTracker,
    ) -> Self {
        let waiting = Arc::new(Semaphore::new(evaluators.most()));
        Self {
            shared: Arc::new(Shared {
                plan: ArcSwap::from_pointee(plan),
                evaluators,
                clock,
                metrics,
                sparing: Sparing::default(),
                runtime,
                waiting,
                tasks,
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
        routes.sort_by(|one, other| one.name.cmp(&other.name));
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

    pub(crate) fn evaluators(&self) -> &Evaluators {
        &self.shared.evaluators
    }

    /// Takes up another plan between two decisions: those that have begun end
    /// by the one that they began with.
    pub(crate) fn take_up(&self, plan: Plan) {
        self.shared.plan.store(Arc::new(plan));
    }

    /// Has no route from here on, and lets go of what those before stood on.
    pub(crate) fn retire(&self) {
        self.take_up(Plan {
            routes: HashMap::new(),
            keyring: Arc::new(Keyring::none(Arc::clone(&self.shared.clock))),
            exchange: None,
        });
    }

    /// Decides a token on a route.
    ///
    /// A token that names a key which its issuer is not known to have waits for
    /// one fetch of the issuer's keys, if the issuer may be asked again so soon.
    pub async fn decide(
        &self,
        route: &Arc<Route>,
        token: PresentedToken,
        request: Request,
    ) -> Decided {
        let (sender, receiver) = oneshot::channel();
        self.decide_then(route, token, request, move |decided| {
            // Whoever asked may have gone away.
            let _ = sender.send(decided);
        });
        receiver.await.unwrap_or_else(|_| lost().into())
    }

    /// As [`decide`](Self::decide), for callers that can't await: `then` is
    /// called once with the outcome, on another thread, or on this one where
    /// too much waits already. Where a decision ends in a panic it is dropped
    /// without being called.
    pub fn decide_then(
        &self,
        route: &Arc<Route>,
        token: PresentedToken,
        request: Request,
        then: impl FnOnce(Decided) + Send + 'static,
    ) {
        let question = Question {
            route: Arc::clone(route),
            token,
            request,
            has_fetched: false,
        };
        let (host, name) = (self.clone(), Arc::clone(&route.name));
        let started = self.shared.clock.monotonic();
        self.put(
            question,
            Box::new(move |decided: Decided| {
                let at = host.shared.clock.monotonic();
                let took = at.saturating_sub(started);
                host.shared
                    .metrics
                    .decided(&name, &decided.outcome, took, at);
                let now = host.shared.clock.now();
                log::decided(&name, &decided, took, host.sparing(), now);
                then(decided);
            }),
            self.shared.tasks.token(),
        );
    }

    /// Has an evaluator decide. `begun` goes last, when nothing of the decision
    /// is held any more.
    fn put(&self, question: Question, then: Then, begun: TaskTrackerToken) {
        let host = self.clone();
        let job = move |place: Result<usize, Busy>| {
            if let Ok(shard) = place {
                host.work(question, shard, then, &begun);
            } else {
                then(busy("thread").into());
                drop((host, question));
            }
            drop(begun);
        };
        self.shared.evaluators.submit(job);
    }

    /// Decides, on the thread of an evaluator.
    fn work(self, question: Question, shard: usize, then: Then, begun: &TaskTrackerToken) {
        let Some(gate) = question.route.gates.get(shard) else {
            return then(without_gate().into());
        };
        let (token, clock) = (question.token.token(), &*self.shared.clock);
        if question.has_fetched {
            return then(gate.decide_whose(token, &question.request, clock));
        }
        match gate.decide_unless_key_unknown(token, &question.request, clock) {
            Ok(decided) => then(decided),
            Err(unknown) => {
                let issuer = unknown.issuer.url().to_owned();
                self.fetch(question, issuer, then, begun.clone());
            }
        }
    }

    /// Waits for a fetch of an issuer's keys, on no thread of an evaluator, and
    /// decides again.
    fn fetch(self, mut question: Question, issuer: String, then: Then, begun: TaskTrackerToken) {
        let Ok(place) = Arc::clone(&self.shared.waiting).try_acquire_owned() else {
            return then(busy("fetch of its issuer's keys").into());
        };
        question.has_fetched = true;
        let runtime = self.shared.runtime.clone();
        runtime.spawn(async move {
            self.keyring().unknown_key(&issuer).await;
            drop(place);
            self.put(question, then, begun);
        });
    }
}

/// Whoever waits for a decision.
type Then = Box<dyn FnOnce(Decided) + Send>;

fn busy(lacks: &str) -> HostError {
    HostError::new(
        HostCode::Busy,
        format!("too many decisions wait for a {lacks}"),
    )
}

fn without_gate() -> HostError {
    let message = "the route has no gate in this sandbox";
    HostError::new(HostCode::Configuration, message)
}

/// The thread that decided ended without an answer.
fn lost() -> HostError {
    HostError::new(HostCode::Trap, "the decision ended without an answer")
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Host")
            .field("routes", &self.routes())
            .finish_non_exhaustive()
    }
}
