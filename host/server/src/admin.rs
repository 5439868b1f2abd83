//! The operators' listener: reload, revocation, and the state of modules and
//! keys. Requests and answers are JSON.

mod modules;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use claimbound::clock;
use claimbound::issuer::is_url;
use claimbound::ledger::{Change, ChangeError, Ledger, Order, Run, Target};
use claimbound::reason::clip;
use http::{StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::info;

use crate::config::Secret;
use crate::host::Host;
use crate::nearest::did_you_mean;
use crate::paths::{self, refused};
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
    let paths = [
        ("POST", "/reload", post(reload)),
        ("GET", "/modules", get(served)),
        ("GET", "/keys", get(keys)),
        ("POST", "/revoke", post(revoke)),
        ("POST", "/lift", post(lift)),
        ("POST", "/modules/rollback", post(modules::roll_back)),
        ("POST", "/modules/approve", post(modules::approve)),
        ("POST", "/modules/reject", post(modules::reject)),
        ("POST", "/modules/promote", post(modules::promote)),
    ];
    paths::router(paths)
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

async fn served(State(shared): State<Shared>) -> Json<Value> {
    let routes = shared.host.routes().into_iter().map(|route| {
        let id = route.policy().id();
        json!({
            "route": route.name(),
            "audience": route.config().audience,
            "name": id.name,
            "version": id.version,
            "digest": id.digest,
            "rollout": route.rollout().map(|rollout| rollout.status()),
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
    /// Until when it is revoked, exclusive: RFC 3339, or seconds since 1970;
    /// without it, for ever.
    until: Option<Value>,
    /// The operator's name.
    by: String,
    reason: String,
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    // A list in their order would do otherwise.
    let members: serde_json::Map<String, Value> = serde_json::from_slice(body)?;
    serde_json::from_value(Value::Object(members))
}

/// A change of the ledger, with who asks for it and why.
struct Said {
    change: Change,
    /// What is done, in words.
    words: String,
    by: String,
    reason: String,
}

/// What an order does with its target.
#[derive(Clone, Copy)]
enum Verb {
    Revoke { until: Option<u64> },
    Lift,
}

impl Verb {
    fn change(self, target: Target) -> Change {
        match self {
            Self::Revoke { until } => Change::Revoke { target, until },
            Self::Lift => Change::Lift { target },
        }
    }

    /// What is done to this, in words.
    fn words(self, target: &Target) -> String {
        match self {
            Self::Revoke { until: None } => format!("revoke {target} until it is lifted"),
            Self::Revoke { until: Some(until) } => {
                format!("revoke {target} until {}", clock::date(until))
            }
            Self::Lift => format!("lift {target}"),
        }
    }
}

fn malformed(error: &serde_json::Error) -> Response {
    refused(StatusCode::BAD_REQUEST, &format!("the body: {error}"))
}

/// A time, as text or as a number.
fn time(value: &Value) -> Result<u64, String> {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    clock::read(&text).map_err(|error| format!("`until`: {error}"))
}

async fn revoke(State(shared): State<Shared>, body: Bytes) -> Response {
    let asked = match read::<Asked>(&body) {
        Ok(asked) => asked,
        Err(error) => return malformed(&error),
    };
    let until = match asked.until.as_ref().map(time).transpose() {
        Ok(until) => until,
        Err(fault) => return refused(StatusCode::BAD_REQUEST, &fault),
    };
    if until.is_some_and(|until| until <= shared.host.clock().now()) {
        return refused(StatusCode::BAD_REQUEST, "`until` has passed");
    }
    order(shared, asked, Verb::Revoke { until }).await
}

async fn lift(State(shared): State<Shared>, body: Bytes) -> Response {
    match read::<Asked>(&body) {
        Ok(asked) if asked.until.is_some() => {
            refused(StatusCode::BAD_REQUEST, "`until` is for what is revoked")
        }
        Ok(asked) => order(shared, asked, Verb::Lift).await,
        Err(error) => malformed(&error),
    }
}

async fn order(shared: Shared, what: Asked, verb: Verb) -> Response {
    let target = match target(&shared.host, &what) {
        Ok(target) => target,
        Err(fault) => return refused(StatusCode::BAD_REQUEST, &fault),
    };
    let said = Said {
        words: verb.words(&target),
        change: verb.change(target),
        by: what.by,
        reason: what.reason,
    };
    carry_out(shared, said).await
}

/// Changes the ledger, and says how much that changed.
async fn carry_out(shared: Shared, said: Said) -> Response {
    let Some(ledger) = shared.ledger.clone() else {
        return refused(StatusCode::CONFLICT, "there is no ledger to change");
    };
    let words = said.words;
    let order = Order {
        change: said.change,
        by: said.by,
        at: shared.host.clock().now(),
        reason: said.reason,
    };
    // The store may wait.
    let applied = tokio::task::spawn_blocking(move || {
        let applied = ledger.apply(&order, Run::Real);
        applied.map(|effects| (order, effects.len()))
    });
    match applied.await {
        Ok(Ok((order, changed))) => {
            let (by, reason) = (&*order.by, &*order.reason);
            info!(by, order = &*words, reason, changed, "an operator's order");
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

/// What is meant; nothing that no token could have, and that would be revoked to
/// no effect.
fn target(host: &Host, what: &Asked) -> Result<Target, String> {
    let named = what.issuer.as_deref().map(|issuer| issuer_of(host, issuer));
    let named = named.transpose()?;
    let issuer = || named.clone().ok_or("say which `issuer`, by its URL");
    let value = || {
        let value = what.value.clone().filter(|value| !value.is_empty());
        value.ok_or("say which by `value`")
    };
    match what.kind.as_str() {
        "token-id" => Ok(Target::TokenId {
            issuer: issuer()?,
            id: value()?,
        }),
        "token" => Target::by_digest(&value()?).map_err(|error| error.to_string()),
        "subject" => {
            let (issuer, value) = (issuer()?, value()?);
            match host.model_of(&issuer) {
                Some(model) => {
                    Target::by_subject(&issuer, &model, &value).map_err(|error| error.to_string())
                }
                None => Ok(Target::subject(&issuer, None, &value)),
            }
        }
        "key" => {
            let value = value()?;
            Target::by_thumbprint(named.as_deref(), &value).map_err(|error| error.to_string())
        }
        "issuer" => Ok(Target::Issuer { issuer: issuer()? }),
        _ => Err("`kind` is one of `token-id`, `token`, `subject`, `key`, `issuer`".into()),
    }
}

/// The issuer by its URL: one of the configuration, or one that may yet come to
/// stand there. What the configuration calls it is no URL.
fn issuer_of(host: &Host, said: &str) -> Result<String, String> {
    let known = host.keyring().status();
    if known.iter().any(|one| one.issuer == said) {
        return Ok(said.to_owned());
    }
    if let Some(one) = known.iter().find(|one| one.alias == said) {
        return Err(format!(
            "`{said}` is what the configuration calls an issuer; say its URL, `{}`",
            one.issuer
        ));
    }
    if is_url(said) {
        return Ok(said.to_owned());
    }
    let near = did_you_mean(said, known.iter().map(|one| &*one.issuer));
    Err(format!(
        "`{}` is no issuer{near}: one is a URL such as `https://id.example`",
        clip(said)
    ))
}
