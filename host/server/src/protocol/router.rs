//! What a listener answers: the protocols that it speaks, behind the check that
//! it is the proxy who asks.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use http::{HeaderMap, Uri};
use tonic::Status;
use tower::Layer as _;
use tracing::warn;

use super::answer::{Answer, Refusal};
use super::attributes::{Described, Peer};
use super::credential::only;
use super::{body, ext_authz_grpc, ext_authz_http, forward_auth, token_exchange};
use crate::config::{Listener, Protocol, Secret};
use crate::host::Host;
use crate::metrics::TurnedAway;

/// The header by which a proxy says that it is the proxy.
pub const PROXY: &str = "x-claimbound-proxy";

/// The longest question over gRPC, in bytes: all of a request's headers, in
/// Envoy's words, with a body that nobody should send.
const LONGEST_QUESTION: usize = 1 << 20;

/// The bytes before a message of gRPC.
const FRAME: usize = 5;

/// What the handlers of one listener share.
#[derive(Clone)]
struct Shared {
    host: Host,
    /// Whether who speaks here is known to be the proxy.
    is_authenticated: bool,
    secret: Option<Arc<Secret>>,
}

impl Shared {
    /// Where the certificate of a caller stands in a question over HTTP: nowhere
    /// but in what the proxy forwards.
    const fn peer(&self) -> Peer {
        if self.is_authenticated {
            Peer::Header
        } else {
            Peer::Unknown
        }
    }
}

/// Everything that a listener answers.
pub(crate) fn router(host: &Host, listener: &Listener, secret: Option<Secret>) -> Router {
    let shared = Shared {
        host: host.clone(),
        is_authenticated: listener.proxy.is_some(),
        secret: secret.map(Arc::new),
    };
    let mut router = Router::new();
    for protocol in &listener.serves {
        router = match protocol {
            Protocol::ForwardAuth => router.route("/authorize/{route}", any(authorize)),
            Protocol::ExtAuthzHttp => router
                .route("/ext-authz/{route}", any(ext_authz))
                // What is below may be empty, which the pattern below is not.
                .route("/ext-authz/{route}/", any(ext_authz))
                .route("/ext-authz/{route}/{*path}", any(ext_authz)),
            Protocol::ExtAuthzGrpc => {
                let service = ext_authz_grpc::Service::new(host.clone(), shared.is_authenticated);
                let service =
                    AuthorizationServer::new(service).max_decoding_message_size(LONGEST_QUESTION);
                // It would wait for a question without a limit.
                let service = middleware::from_fn(whole).layer(service);
                router.route_service("/envoy.service.auth.v3.Authorization/{method}", service)
            }
            // Its paths are those of its issuer, which a reload may change.
            Protocol::Exchange => router,
        };
    }
    let router = if listener.serves.contains(&Protocol::Exchange) {
        router.fallback(exchange)
    } else {
        router.fallback(nothing)
    };
    router
        .layer(middleware::from_fn_with_state(shared.clone(), is_proxy))
        .with_state(shared)
}

/// Waits for all of a question, and no longer than a body may take.
async fn whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match body::read(body, LONGEST_QUESTION + FRAME).await {
        Ok(body) => next.run(Request::from_parts(parts, body.into())).await,
        Err(_) => {
            Status::invalid_argument("the question is too long, or takes too long").into_http()
        }
    }
}

/// Turns away whoever does not say what only the proxy knows.
async fn is_proxy(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let says = |secret: &Secret| {
        only(request.headers(), PROXY).is_ok_and(|said| secret.is(said.as_bytes()))
    };
    if shared.secret.as_deref().is_none_or(says) {
        return next.run(request).await;
    }
    shared.host.metrics().turned_away(TurnedAway::NotTheProxy);
    if let Some(left_out) = shared
        .host
        .sparing()
        .line("not-the-proxy", shared.host.clock().now())
    {
        warn!(
            left_out,
            "who does not say the secret of the listener's proxy is turned away"
        );
    }
    respond("", &Refusal::Forbidden.into())
}

async fn authorize(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    // As it stands: no route has a name that would be encoded.
    let route = uri.path().strip_prefix("/authorize/").unwrap_or_default();
    let described = Described {
        headers: &headers,
        context: None,
        line: None,
        peer: shared.peer(),
    };
    let answer = shared.host.ask(route, &described).await;
    respond(route, &answer)
}

async fn ext_authz(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let asked = ext_authz_http::decide(&shared.host, &parts, shared.peer());
    let (route, answer) = asked.await;
    respond(route, &answer)
}

async fn exchange(State(shared): State<Shared>, request: Request) -> Response {
    match token_exchange::answer(&shared.host, request).await {
        Some(response) => response,
        None => nothing().await,
    }
}

async fn nothing() -> Response {
    respond("", &Refusal::NotFound.into())
}

fn respond(route: &str, answer: &Answer) -> Response {
    let response = forward_auth::response(route, answer);
    response.map(Body::from).into_response()
}
