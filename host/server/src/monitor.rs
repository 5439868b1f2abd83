//! Liveness, readiness and metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::host::Host;

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
}

impl Health {
    /// What keeps a host from deciding, in words; empty where nothing does.
    pub(crate) async fn faults(self: &Arc<Self>, host: &Host) -> Vec<String> {
        let mut faults = Vec::new();
        if self.stop.is_cancelled() {
            faults.push("it is stopping".to_owned());
        }
        let keys = host.keyring().status();
        let without = keys.into_iter().filter(|status| !status.is_trusted);
        faults.extend(without.map(|status| match status.last_error {
            Some(error) => format!("issuer `{}` has no keys to trust: {error}", status.alias),
            None => format!("issuer `{}` has no keys yet", status.alias),
        }));
        if let Some(fault) = self.ledger_fault(host).await {
            faults.push(fault);
        }
        if host.metrics().has_record_failed(host.clock().monotonic()) {
            faults.push("decisions can't be recorded".to_owned());
        }
        faults
    }

    /// Asks the ledger, on a thread that may wait.
    async fn ledger_fault(self: &Arc<Self>, host: &Host) -> Option<String> {
        let ledger = Arc::clone(self.ledger.as_ref()?);
        let asked = tokio::task::spawn_blocking(move || ledger.check()).await;
        let fault = match asked {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("the ledger does not answer: {error}")),
            Err(_) => Some("the ledger does not answer".to_owned()),
        };
        host.metrics().ledger(fault.is_none());
        fault
    }
}

/// `/live`, `/ready` and `/metrics`.
pub(crate) fn router(host: &Host, health: Arc<Health>) -> Router {
    let shared = Shared {
        host: host.clone(),
        health,
    };
    Router::new()
        .route("/live", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared)
}

async fn ready(State(shared): State<Shared>) -> Response {
    let faults = shared.health.faults(&shared.host).await;
    let status = if faults.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "ready": faults.is_empty(), "faults": faults });
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
