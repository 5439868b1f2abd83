//! Liveness, readiness and metrics.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::json;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::keys::Status;
use crate::paths;

/// How long the ledger may take to answer.
const LEDGER_ANSWERS: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Shared {
    host: Host,
    health: Arc<Health>,
}

/// What readiness depends on besides the host.
pub(crate) struct Health {
    pub(crate) ledger: Option<Arc<claimbound::ledger::Ledger>>,
    /// Cancelled once the program is told to stop.
    pub(crate) stop: CancellationToken,
    /// Whoever asks the ledger.
    asking: Arc<Mutex<()>>,
}

/// What readiness found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What keeps a host from deciding, in words; empty where nothing does.
    pub(crate) faults: Vec<String>,
    /// What keeps it from deciding some tokens.
    pub(crate) notes: Vec<String>,
}

impl Health {
    pub(crate) fn new(
        ledger: Option<Arc<claimbound::ledger::Ledger>>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            ledger,
            stop,
            asking: Arc::default(),
        }
    }

    /// Looks at what a host needs.
    pub(crate) async fn look(&self, host: &Host) -> Found {
        let mut found = Found::default();
        if self.stop.is_cancelled() {
            found.faults.push("it is stopping".to_owned());
        }
        found.look_at_keys(host);
        found.look_at_modules(host);
        found.faults.extend(self.ledger_fault(host).await);
        if host.metrics().has_record_failed(host.clock().monotonic()) {
            found.faults.push("decisions can't be recorded".to_owned());
        }
        found
    }

    /// Asks the ledger, on a thread that may wait: one at a time, however many
    /// ask here.
    async fn ledger_fault(&self, host: &Host) -> Option<String> {
        let ledger = Arc::clone(self.ledger.as_ref()?);
        let asking = Arc::clone(&self.asking);
        let asked = async {
            let turn = asking.lock_owned().await;
            let ask = move || {
                let answer = ledger.check();
                drop(turn);
                answer
            };
            tokio::task::spawn_blocking(ask).await
        };
        let fault = match tokio::time::timeout(LEDGER_ANSWERS, asked).await {
            Ok(Ok(Ok(()))) => None,
            Ok(Ok(Err(error))) => Some(format!("the ledger does not answer: {error}")),
            Ok(Err(_)) | Err(_) => Some("the ledger does not answer".to_owned()),
        };
        host.metrics().ledger(fault.is_none());
        fault
    }
}

impl Found {
    /// What is in use decides all the same.
    fn look_at_modules(&mut self, host: &Host) {
        for route in host.routes() {
            let concerns = route.rollout().map(|rollout| rollout.concerns());
            let concerns = concerns.into_iter().flatten();
            let name = route.name();
            self.notes
                .extend(concerns.map(|why| format!("module of route `{name}`: {why}")));
        }
    }

    /// An issuer whose keys have never come is waited for: requests would be
    /// sent here too soon. One whose keys were lost later costs its own tokens,
    /// and not those of the others.
    fn look_at_keys(&mut self, host: &Host) {
        let mut keys = host.keyring().status();
        // One whose tokens nobody takes keeps nobody waiting.
        let routes = host.routes();
        keys.retain(|status| {
            let mut taken = routes.iter().flat_map(|route| &route.config().issuers);
            taken.any(|alias| *alias == status.alias)
        });
        let is_any_trusted = keys.iter().any(Status::verifies);
        for status in keys.into_iter().filter(|status| !status.verifies()) {
            // A first set without one is as good as none.
            let has_had_keys = status.keys > 0 || status.generation > 1;
            let told = match status.last_error {
                Some(error) => format!("issuer `{}` has no keys to trust: {error}", status.alias),
                None if has_had_keys => format!("issuer `{}` has no keys to trust", status.alias),
                None => format!("issuer `{}` has no keys yet", status.alias),
            };
            if has_had_keys && is_any_trusted {
                self.notes.push(told);
            } else {
                self.faults.push(told);
            }
        }
    }
}

/// `/live`, `/ready` and `/metrics`.
pub(crate) fn router(host: &Host, health: Arc<Health>) -> Router {
    let shared = Shared {
        host: host.clone(),
        health,
    };
    let paths = [
        ("GET", "/live", get(|| async { "ok\n" })),
        ("GET", "/ready", get(ready)),
        ("GET", "/metrics", get(metrics)),
    ];
    paths::router(paths).with_state(shared)
}

async fn ready(State(shared): State<Shared>) -> Response {
    let Found { faults, notes } = shared.health.look(&shared.host).await;
    let status = if faults.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "ready": faults.is_empty(), "faults": faults, "notes": notes });
    (status, Json(body)).into_response()
}

async fn metrics(State(shared): State<Shared>) -> Response {
    // The ledger is asked, so that its state is that of now.
    let _ = shared.health.ledger_fault(&shared.host).await;
    match shared.host.metrics().text(&shared.host) {
        Ok(text) => {
            let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, form)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
