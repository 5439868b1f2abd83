//! What the host counts, for Prometheus.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claimbound::outcome::Outcome;
use claimbound::reason::{Code, HostCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::exchange::ExchangeError;
use crate::host::{Host, Route};
use crate::protocol::credential::Fault;
use crate::rollout::Step;

/// The upper bounds of a latency histogram, in seconds: from a warm decision to
/// the deadline of whoever waits.
const BOUNDS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
    5.0,
];

/// The results of a reload.
const TAKEN_UP: &str = "taken-up";
const REFUSED: &str = "refused";

/// How long a failure of the record counts as one of now.
const RECENT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decision {
    route: Arc<str>,
    outcome: &'static str,
    /// The code of the first reason, or of the failure; empty for an allow.
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    why: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfIssuer {
    issuer: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fetched {
    issuer: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Module {
    route: String,
    name: String,
    version: String,
    digest: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStep {
    route: String,
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfShadow {
    route: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfListener {
    listener: Arc<str>,
}

/// What the host counts. Cheap to clone; all of them count together.
#[derive(Clone)]
pub(crate) struct Metrics {
    /// Held while what is looked at is taken down and written: two who ask at
    /// once would see half of it.
    registry: Arc<Mutex<Registry>>,
    counted: Counted,
    /// By the host's own clock, in milliseconds.
    record_failed_at: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Counted {
    decisions: Family<Decision, Counter>,
    latency: Family<OfRoute, Histogram, fn() -> Histogram>,
    turned_away: Family<Why, Counter>,
    reloads: Family<OfResult, Counter>,
    exchanges: Family<OfResult, Counter>,
    connections: Family<OfListener, Gauge>,
    key_age: Family<OfIssuer, Gauge>,
    key_generation: Family<OfIssuer, Gauge>,
    key_count: Family<OfIssuer, Gauge>,
    key_fetches: Family<Fetched, Counter>,
    unknown_keys: Family<OfIssuer, Counter>,
    reused_tokens: Family<OfRoute, Counter>,
    build: Family<Build, Gauge>,
    modules: Family<Module, Gauge>,
    modules_taken_up: Family<OfRoute, Counter>,
    modules_refused: Family<OfStep, Counter>,
    shadow_decisions: Family<OfShadow, Gauge>,
    index_expiry: Family<OfRoute, Gauge>,
    waiting: Gauge,
    panics: Counter,
    ledger_up: Gauge,
    record_up: Gauge,
}

/// Why a request was turned away before its token was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// It carries no credential.
    NoCredential,
    /// It carries several, or one that can't be read.
    BadCredential,
    /// It names no route that there is.
    NoRoute,
    /// It comes from nobody who may speak here.
    NotTheProxy,
    /// What the proxy says of it can't be read.
    BadRequest,
}

impl From<Fault> for TurnedAway {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Absent => Self::NoCredential,
            Fault::Malformed => Self::BadCredential,
        }
    }
}

impl TurnedAway {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NoCredential => "no-credential",
            Self::BadCredential => "bad-credential",
            Self::NoRoute => "no-route",
            Self::NotTheProxy => "not-the-proxy",
            Self::BadRequest => "bad-request",
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let counted = Counted {
            decisions: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            turned_away: Family::default(),
            reloads: Family::default(),
            exchanges: Family::default(),
            connections: Family::default(),
            key_age: Family::default(),
            key_generation: Family::default(),
            key_count: Family::default(),
            key_fetches: Family::default(),
            unknown_keys: Family::default(),
            reused_tokens: Family::default(),
            build: Family::default(),
            modules: Family::default(),
            modules_taken_up: Family::default(),
            modules_refused: Family::default(),
            shadow_decisions: Family::default(),
            index_expiry: Family::default(),
            waiting: Gauge::default(),
            panics: Counter::default(),
            ledger_up: Gauge::default(),
            record_up: Gauge::default(),
        };
        counted.ledger_up.set(1);
        counted.record_up.set(1);
        let version = env!("CARGO_PKG_VERSION");
        counted.build.get_or_create(&Build { version }).set(1);
        // A counter that begins at zero shows its first step.
        for result in [TAKEN_UP, REFUSED] {
            let _ = counted.reloads.get_or_create(&OfResult { result });
        }
        Self {
            registry: Arc::new(Mutex::new(counted.registry())),
            counted,
            record_failed_at: Arc::default(),
        }
    }

    /// Counts a decision.
    pub(crate) fn decided(
        &self,
        route: &Arc<str>,
        outcome: &Outcome,
        took: Duration,
        at: Duration,
    ) {
        let (outcome, reason) = match outcome {
            Outcome::Allow(_) => ("allow", ""),
            Outcome::Deny(denied) => {
                let first = denied.reasons.first();
                ("deny", first.map_or("", |reason| reason.code.as_str()))
            }
            Outcome::Error(error) => {
                self.failed(error.code, at);
                ("error", error.code.as_str())
            }
        };
        let decision = Decision {
            route: Arc::clone(route),
            outcome,
            reason,
        };
        self.counted.decisions.get_or_create(&decision).inc();
        let of_route = OfRoute {
            route: Arc::clone(route),
        };
        let latency = self.counted.latency.get_or_create(&of_route);
        latency.observe(took.as_secs_f64());
        if reason == Code::TokenReused.as_str() {
            self.counted.reused_tokens.get_or_create(&of_route).inc();
        }
        if outcome == "allow" {
            self.counted.record_up.set(1);
        }
    }

    fn failed(&self, code: HostCode, at: Duration) {
        match code {
            HostCode::Store => {
                self.counted.ledger_up.set(0);
            }
            HostCode::Record => {
                self.counted.record_up.set(0);
                self.record_failed_at.store(millis(at), Ordering::Relaxed);
            }
            HostCode::Trap
            | HostCode::Deadline
            | HostCode::Memory
            | HostCode::Policy
            | HostCode::Contract
            | HostCode::Obligation
            | HostCode::Ceiling
            | HostCode::Keys
            | HostCode::Busy
            | HostCode::Configuration => {}
        }
    }

    /// Notes whether the ledger answered just now.
    pub(crate) fn ledger(&self, is_up: bool) {
        self.counted.ledger_up.set(i64::from(is_up));
    }

    /// Whether a decision could not be recorded within [`RECENT`] before `at`.
    /// Whoever sends no more requests for that reason tries again after it.
    pub(crate) fn has_record_failed(&self, at: Duration) -> bool {
        let failed_at = self.record_failed_at.load(Ordering::Relaxed);
        self.counted.record_up.get() == 0 && millis(at).saturating_sub(failed_at) < millis(RECENT)
    }

    pub(crate) fn turned_away(&self, why: TurnedAway) {
        let why = Why { why: why.as_str() };
        self.counted.turned_away.get_or_create(&why).inc();
    }

    pub(crate) fn reloaded(&self, is_taken_up: bool) {
        let result = if is_taken_up { TAKEN_UP } else { REFUSED };
        let of = OfResult { result };
        self.counted.reloads.get_or_create(&of).inc();
    }

    /// Counts a version that is taken up on a route.
    pub(crate) fn module_taken_up(&self, route: &Arc<str>) {
        let route = Arc::clone(route);
        let of = OfRoute { route };
        self.counted.modules_taken_up.get_or_create(&of).inc();
    }

    /// Counts what is refused on its way to a route.
    pub(crate) fn module_refused(&self, route: &str, step: Step) {
        let (route, step) = (route.to_owned(), step.as_str());
        let of = OfStep { route, step };
        self.counted.modules_refused.get_or_create(&of).inc();
    }

    /// Counts an exchange by its result: `issued`, or the code of its error.
    pub(crate) fn exchanged(&self, result: Result<(), ExchangeError>) {
        let result = result.map_or_else(ExchangeError::code, |()| "issued");
        let of = OfResult { result };
        self.counted.exchanges.get_or_create(&of).inc();
    }

    /// The number of a listener's connections.
    pub(crate) fn connections(&self, listener: &Arc<str>) -> Gauge {
        let listener = Arc::clone(listener);
        let of = OfListener { listener };
        self.counted.connections.get_or_create_owned(&of)
    }

    /// Everything in the text format of Prometheus.
    pub(crate) fn text(&self, host: &Host) -> Result<String, fmt::Error> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(host);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    /// Takes down what is looked at rather than counted.
    fn look(&self, host: &Host) {
        let counted = &self.counted;
        let threads = host.threads();
        counted.waiting.set(whole(threads.waiting() as u64));
        stand(&counted.panics, threads.panics());
        counted.modules.clear();
        counted.shadow_decisions.clear();
        counted.index_expiry.clear();
        for route in host.routes() {
            let id = route.policy().id();
            let module = Module {
                route: route.name().to_owned(),
                name: id.name.clone(),
                version: id.version.clone(),
                digest: id.digest.clone(),
            };
            counted.modules.get_or_create(&module).set(1);
            counted.look_at_index(&route, host.clock().now());
            counted.look_at_shadow(&route);
        }
        counted.look_at_keys(host);
    }
}

impl Counted {
    fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("claimbound");
        let r = &mut registry;
        r.register(
            "decisions",
            "Decisions by route, outcome and first reason",
            self.decisions.clone(),
        );
        r.register(
            "decision_duration_seconds",
            "From a token's arrival to its decision, with the ledger and the record",
            self.latency.clone(),
        );
        r.register(
            "turned_away",
            "Requests that were turned away before a token was looked at",
            self.turned_away.clone(),
        );
        r.register(
            "reloads",
            "Configurations and policies taken up or refused",
            self.reloads.clone(),
        );
        r.register(
            "exchanges",
            "Token exchanges by their result",
            self.exchanges.clone(),
        );
        r.register(
            "connections",
            "Open connections by listener",
            self.connections.clone(),
        );
        r.register(
            "key_set_age_seconds",
            "Age of an issuer's key set, counted from its fetch; -1 where there is none",
            self.key_age.clone(),
        );
        r.register(
            "key_set_generation",
            "Which of an issuer's key sets is in use",
            self.key_generation.clone(),
        );
        r.register(
            "key_set_keys",
            "Usable keys of an issuer",
            self.key_count.clone(),
        );
        r.register(
            "key_fetches",
            "Fetches of an issuer's keys by their result",
            self.key_fetches.clone(),
        );
        r.register(
            "unknown_keys",
            "Tokens that named a key which their issuer was not known to have",
            self.unknown_keys.clone(),
        );
        r.register(
            "reused_tokens",
            "Tokens that were presented again, of those for single use",
            self.reused_tokens.clone(),
        );
        r.register(
            "build_info",
            "The version of this program",
            self.build.clone(),
        );
        self.register_modules(r);
        r.register(
            "decisions_waiting",
            "Decisions that wait for a thread",
            self.waiting.clone(),
        );
        r.register(
            "panics",
            "Decisions that ended without an answer",
            self.panics.clone(),
        );
        r.register(
            "ledger_up",
            "Whether the ledger answered when it was last asked",
            self.ledger_up.clone(),
        );
        r.register(
            "record_up",
            "Whether the last decision could be recorded",
            self.record_up.clone(),
        );
        registry
    }

    fn register_modules(&self, registry: &mut Registry) {
        registry.register(
            "module_info",
            "The policy of each route",
            self.modules.clone(),
        );
        registry.register(
            "modules_taken_up",
            "Versions of a route's module that were taken up while it served",
            self.modules_taken_up.clone(),
        );
        registry.register(
            "modules_refused",
            "Versions that were refused on their way to a route, by the step",
            self.modules_refused.clone(),
        );
        registry.register(
            "shadow_decisions",
            "Tokens that the candidate of a route has decided too, by what came of it",
            self.shadow_decisions.clone(),
        );
        registry.register(
            "module_index_expiry_seconds",
            "How long the index of a route's module holds yet; negative once it expired",
            self.index_expiry.clone(),
        );
    }

    fn look_at_index(&self, route: &Route, now: u64) {
        let expires = route.rollout().and_then(|rollout| rollout.index_expires());
        if let Some(expires) = expires {
            let route = Arc::clone(route.shared_name());
            let left = whole(expires).saturating_sub(whole(now));
            self.index_expiry
                .get_or_create(&OfRoute { route })
                .set(left);
        }
    }

    fn look_at_shadow(&self, route: &Route) {
        let Some(counts) = route.rollout().and_then(|rollout| rollout.shadowed()) else {
            return;
        };
        for (result, count) in [
            ("agreed", counts.agreed),
            ("disagreed", counts.disagreed),
            ("passed-over", counts.passed_over),
        ] {
            let route = route.name().to_owned();
            let of = OfShadow { route, result };
            self.shadow_decisions.get_or_create(&of).set(whole(count));
        }
    }

    fn look_at_keys(&self, host: &Host) {
        // Those of issuers that are no more.
        self.key_age.clear();
        self.key_generation.clear();
        self.key_count.clear();
        self.key_fetches.clear();
        self.unknown_keys.clear();
        for status in host.keyring().status() {
            let of = OfIssuer {
                issuer: status.alias.clone(),
            };
            let age = status.age.map_or(-1, whole);
            self.key_age.get_or_create(&of).set(age);
            let generation = whole(status.generation);
            self.key_generation.get_or_create(&of).set(generation);
            self.key_count.get_or_create(&of).set(if status.is_trusted {
                whole(status.keys as u64)
            } else {
                0
            });
            stand(&self.unknown_keys.get_or_create(&of), status.unknown_keys);
            for (result, count) in [("fetched", status.succeeded), ("failed", status.failed)] {
                let fetched = Fetched {
                    issuer: status.alias.clone(),
                    result,
                };
                stand(&self.key_fetches.get_or_create(&fetched), count);
            }
        }
    }
}

/// Sets a counter to what was counted elsewhere.
fn stand(counter: &Counter, count: u64) {
    counter.inner().store(count, Ordering::Relaxed);
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}
