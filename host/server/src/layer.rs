//! A layer for services in this process: axum, tonic, hyper, whatever is a
//! [`tower::Service`] over HTTP.
//!
//! A request comes through with its caller's [`Allowed`] in its extensions, or it
//! is answered here, with the same status, challenge and body as a proxy would
//! have it answered, and over gRPC with a status of gRPC.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use claimbound::outcome::Allowed;
use http::request::Parts;
use http::{Extensions, HeaderMap, Request, Response, header};
use http_body_util::{Either, Full};
use tonic::Status;
use tower::{Layer, Service};

use crate::host::Host;
use crate::protocol::answer::{Answer, Refusal};
use crate::protocol::attributes::{Described, Peer};
use crate::protocol::identity;

/// Decides the token of every request before a service sees it.
///
/// It takes the one credential of the header `Authorization`, and for a proof by
/// key (`DPoP`) the request's own method and path below the route's
/// `forwarded.origin`: the layer belongs outside of whatever cuts the path, such
/// as axum's `nest`. What callers say of themselves by the names in [`identity`],
/// in any spelling, is taken off. Attributes that the route takes from a header
/// are the caller's own words, unless a proxy in front sets them.
///
/// The service is asked for readiness before the decision, and called after it.
/// Where too many decisions wait for a thread, a request is answered with 503 at
/// once. A decision whose caller goes away is made all the same: its token may
/// be spent.
///
/// ```no_run
/// use std::sync::Arc;
/// use axum::{Extension, Router, routing::get};
/// use claimbound::outcome::Allowed;
/// use claimbound_server::{ClaimLayer, Host};
///
/// async fn whoami(Extension(allowed): Extension<Arc<Allowed>>) -> String {
///     allowed.subject.clone()
/// }
///
/// fn service(host: Host) -> Router {
///     Router::new()
///         .route("/", get(whoami))
///         .layer(ClaimLayer::new(host, "deploy"))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ClaimLayer {
    host: Host,
    route: Arc<str>,
}

/// The SHA-256 of the certificate (DER) by which a caller came over TLS: whoever
/// accepts connections puts it into a request's extensions, so that tokens which
/// are bound to it (RFC 8705) can be used. Nothing else says it to the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCertificate(pub [u8; 32]);

/// What the layer found of a request's caller; none where the request did not
/// come through it. axum's `Extension<Arc<Allowed>>` extracts the same.
///
/// ```
/// # use claimbound_server::allowed;
/// # fn handle(request: tonic::Request<()>) {
/// let subject = allowed(request.extensions()).map(|allowed| &allowed.subject);
/// # }
/// ```
pub fn allowed(extensions: &Extensions) -> Option<&Arc<Allowed>> {
    extensions.get()
}

impl ClaimLayer {
    /// A layer whose requests come to that route of a host. Where the host has no
    /// such route, then or after a reload, every request is refused.
    pub fn new(host: Host, route: impl Into<Arc<str>>) -> Self {
        Self {
            host,
            route: route.into(),
        }
    }
}

impl<S> Layer<S> for ClaimLayer {
    type Service = ClaimService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClaimService {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service behind a [`ClaimLayer`].
#[derive(Clone)]
pub struct ClaimService<S> {
    inner: S,
    layer: ClaimLayer,
}

/// The service's own body, or that of a refusal.
pub type Body<B> = Either<B, Full<Bytes>>;

impl<S, B, R> Service<Request<B>> for ClaimService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Body<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that said it is ready is called; its clone may not be.
        let clone = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match layer.ask(&parts).await {
                Answer::Allow(allowed) => {
                    take_off(&mut parts.headers);
                    parts.extensions.insert(Arc::<Allowed>::from(allowed));
                    let response = ready.call(Request::from_parts(parts, body)).await?;
                    Ok(response.map(Either::Left))
                }
                Answer::Refuse { refusal, .. } => {
                    Ok(respond(refusal, &parts.headers).map(Either::Right))
                }
            }
        })
    }
}

impl ClaimLayer {
    async fn ask(&self, parts: &Parts) -> Answer {
        let target = parts.uri.path_and_query();
        let path = target.map_or("/", |target| target.as_str());
        let certificate = parts.extensions.get();
        let certificate = certificate.map(|PeerCertificate(digest)| *digest);
        let described = Described {
            headers: &parts.headers,
            context: None,
            line: Some((parts.method.as_str(), path)),
            peer: Peer::Known(certificate),
        };
        self.host.ask(&self.route, &described).await
    }
}

/// Takes off what only the layer may say of a caller.
fn take_off(headers: &mut HeaderMap) {
    let names = headers.keys();
    let reserved = names.filter(|name| identity::is_reserved(name.as_str()));
    for name in reserved.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

fn respond(refusal: Refusal, request: &HeaderMap) -> Response<Full<Bytes>> {
    if is_grpc(request) {
        // Trailers alone: the body is over before it begins.
        let message = refusal.status().canonical_reason().unwrap_or_default();
        let mut response = Status::new(refusal.grpc(), message).into_http();
        response.headers_mut().extend(refusal.asks_for());
        response
    } else {
        refusal.response().map(Full::from)
    }
}

/// Whether a request is of gRPC over HTTP/2; that of browsers (`grpc-web`) is
/// answered as HTTP is.
fn is_grpc(headers: &HeaderMap) -> bool {
    let form = headers
        .get(header::CONTENT_TYPE)
        .map(http::HeaderValue::as_bytes);
    let rest = form.and_then(|form| form.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

impl<S> fmt::Debug for ClaimService<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClaimService")
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}
