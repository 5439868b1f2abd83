//! The operators' listener: reload, revocation, and the state of modules and
//! keys. Requests and answers are JSON.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use claimbound::ledger::{Change, ChangeError, Ledger, Order, Run, Target};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::info;

use crate::config::Secret;
use crate::host::Host;
use crate::protocol::body::{self, Fault};
use crate::protocol::credential::only;
use crate::reload::Reloader;

/// The longest body, in bytes: names and a reason.
const LONGEST_BODY: usize = 64 << 10;

#[derive(Clone)]
struct Shared {
    host: Host,
    reloader: Arc<Reloader>,
    ledger: Option<Arc<Ledger>>,
    token: Option<Arc<Secret>>,
}

/// What operators may ask.
pub(crate) fn router(
    host: &Host,
    reloader: Arc<Reloader>,
    ledger: Option<Arc<Ledger>>,
    token: Option<Secret>,
) -> Router {
    let shared = Shared {
        host: host.clone(),
        reloader,
        ledger,
        token: token.map(Arc::new),
    };
    Router::new()
        .route("/reload", post(reload))
        .route("/modules", get(modules))
        .route("/keys", get(keys))
        .route("/revoke", post(revoke))
        .route("/lift", post(lift))
        .fallback(|| async { refused(StatusCode::NOT_FOUND, "there is nothing by that name") })
        .layer(middleware::from_fn_with_state(shared.clone(), is_operator))
        .with_state(shared)
}

/// Turns away whoever does not say the token, where there is one.
async fn is_operator(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let says = |token: &Secret| {
        let said = only(request.headers(), header::AUTHORIZATION.as_str()).ok();
        let said = said.and_then(|said| said.split_once(' '));
        said.is_some_and(|(scheme, said)| {
            scheme.eq_ignore_ascii_case("bearer") && token.is(said.trim().as_bytes())
        })
    };
    if !shared.token.as_deref().is_none_or(says) {
        let why = "say the token of the configuration";
        return refused(StatusCode::UNAUTHORIZED, why);
    }
    let (parts, body) = request.into_parts();
    match body::read(body, LONGEST_BODY).await {
        Ok(body) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Err(Fault::TooLong) => refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
        Err(Fault::TooLate) => refused(StatusCode::REQUEST_TIMEOUT, "the body did not arrive"),
    }
}

async fn reload(State(shared): State<Shared>) -> Response {
    match shared.reloader.reload().await {
        Ok(report) => {
            Json(json!({ "reloaded": true, "warnings": report.warnings })).into_response()
        }
        Err(error) => refused(StatusCode::CONFLICT, &error.to_string()),
    }
}

async fn modules(State(shared): State<Shared>) -> Json<Value> {
    let routes = shared.host.routes().into_iter().map(|route| {
        let id = route.policy().id();
        json!({
            "route": route.name(),
            "audience": route.config().audience,
            "name": id.name,
            "version": id.version,
            "digest": id.digest,
        })
    });
    Json(json!({ "modules": routes.collect::<Vec<_>>() }))
}

async fn keys(State(shared): State<Shared>) -> Json<Value> {
    let issuers = shared.host.keyring().status().into_iter().map(|status| {
        json!({
            "issuer": status.alias,
            "url": status.issuer,
            "trusted": status.is_trusted,
            "age_seconds": status.age,
            "generation": status.generation,
            "keys": status.keys,
            "fetched": status.succeeded,
            "failed": status.failed,
            "unknown_keys": status.unknown_keys,
            "last_error": status.last_error,
        })
    });
    Json(json!({ "issuers": issuers.collect::<Vec<_>>() }))
}

/// What is to be revoked or lifted, by whom and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// One of `token-id`, `token`, `subject`, `key`, `issuer`.
    kind: String,
    /// The issuer's URL.
    issuer: Option<String>,
    /// The `jti`, the digest of what was signed, the subject, or the key's
    /// thumbprint.
    value: Option<String>,
    /// Until when it is revoked, in seconds since 1970, exclusive; without it,
    /// for ever.
    until: Option<u64>,
    /// The operator's name.
    by: String,
    reason: String,
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

fn malformed(error: &serde_json::Error) -> Response {
    refused(StatusCode::BAD_REQUEST, &format!("the body: {error}"))
}

async fn revoke(State(shared): State<Shared>, body: Bytes) -> Response {
    let asked = match Asked::read(&body) {
        Ok(asked) => asked,
        Err(error) => return malformed(&error),
    };
    let until = asked.until;
    if until.is_some_and(|until| until <= shared.host.clock().now()) {
        return refused(StatusCode::BAD_REQUEST, "`until` has passed");
    }
    let change = |target| Change::Revoke { target, until };
    order(shared, asked, change).await
}

async fn lift(State(shared): State<Shared>, body: Bytes) -> Response {
    match Asked::read(&body) {
        Ok(asked) if asked.until.is_some() => {
            refused(StatusCode::BAD_REQUEST, "`until` is for what is revoked")
        }
        Ok(asked) => order(shared, asked, |target| Change::Lift { target }).await,
        Err(error) => malformed(&error),
    }
}

async fn order(shared: Shared, what: Asked, change: impl FnOnce(Target) -> Change) -> Response {
    let Some(ledger) = shared.ledger.clone() else {
        return refused(StatusCode::CONFLICT, "there is no ledger to revoke in");
    };
    let target = match target(&shared.host, &what) {
        Ok(target) => target,
        Err(fault) => return refused(StatusCode::BAD_REQUEST, fault),
    };
    let order = Order {
        change: change(target),
        by: what.by,
        at: shared.host.clock().now(),
        reason: what.reason,
    };
    // The store may wait.
    let applied = tokio::task::spawn_blocking(move || {
        let applied = ledger.apply(&order, Run::Real);
        applied.map(|effects| (order, effects.len()))
    });
    match applied.await {
        Ok(Ok((order, changed))) => {
            info!(by = ?order.by, change = ?order.change, reason = ?order.reason, "an operator's order");
            Json(json!({ "changed": changed })).into_response()
        }
        Ok(Err(error @ ChangeError::Store(_))) => {
            refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
        Ok(Err(error @ ChangeError::Word(_))) => {
            refused(StatusCode::BAD_REQUEST, &error.to_string())
        }
        Ok(Err(error)) => refused(StatusCode::CONFLICT, &error.to_string()),
        Err(_) => refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "the ledger does not answer",
        ),
    }
}

fn target(host: &Host, what: &Asked) -> Result<Target, &'static str> {
    let issuer = || {
        let issuer = what.issuer.clone();
        issuer.ok_or("say which `issuer`, by its URL")
    };
    let value = || {
        let value = what.value.clone().filter(|value| !value.is_empty());
        value.ok_or("say which by `value`")
    };
    match what.kind.as_str() {
        "token-id" => Ok(Target::TokenId {
            issuer: issuer()?,
            id: value()?,
        }),
        "token" => Ok(Target::Token { digest: value()? }),
        "subject" => {
            let issuer = issuer()?;
            let model = host.model_of(&issuer);
            Ok(Target::subject(&issuer, model.as_deref(), &value()?))
        }
        "key" => Ok(Target::Key {
            issuer: what.issuer.clone(),
            thumbprint: value()?,
        }),
        "issuer" => Ok(Target::Issuer { issuer: issuer()? }),
        _ => Err("`kind` is one of `token-id`, `token`, `subject`, `key`, `issuer`"),
    }
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}
