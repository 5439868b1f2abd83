//! The layer in services of three libraries: who comes through, what a service
//! sees of them, and how the others are answered.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::routing::any;
use axum::{Extension, Router};
use claimbound::clock::FixedClock;
use claimbound::outcome::Allowed;
use claimbound_server::{Answer, ClaimLayer, Described, Embedded, Peer, PeerCertificate, allowed};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{
    Authorization, AuthorizationServer,
};
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use envoy_types::pb::google::rpc;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::cli::program::{POLICY, Program};
use crate::forge::{NOW, Signer, job, with};
use crate::ledger::prover::Holder;

/// A host in this process, and tokens for it, each used once.
struct World {
    program: Program,
    signer: Signer,
    tokens: AtomicUsize,
    embedded: Embedded,
}

impl World {
    fn new() -> Self {
        Self::with("")
    }

    /// One whose configuration says this too.
    fn with(more: &str) -> Self {
        let program = Program::new();
        let signer = Signer::new("key");
        program.write("policy.toml", POLICY);
        program.write("keys.json", signer.key_set());
        let config = format!(
            r#"claimbound = 1

[issuer.github]
model = "github-actions"
keys = {{ from = "file", path = "keys.json" }}

[route.deploy]
audience = "https://deploy.acme.example"
issuers = ["github"]
policy = "policy.wasm"
danger_unsigned = true
ceiling = {{ roles = ["deploy"], claims = ["tier"], enrolment = true }}
forwarded = {{ origin = "https://deploy.acme.example" }}

[ledger]
sqlite = "ledger.db"
{more}
"#
        );
        program.write("claimbound.toml", config);
        for arguments in [
            ["build", "policy.toml", "-o", "policy.wasm"],
            ["subject", "init", "--ledger", "sqlite:ledger.db"],
        ] {
            let ran = program.run(&arguments);
            assert_eq!(ran.status, 0, "{ran:?}");
        }
        let path = program.path("claimbound.toml");
        let clock = Arc::new(FixedClock(NOW));
        let embedded = Embedded::start(&path, Arc::new(|_| None), clock).unwrap();
        Self {
            program,
            signer,
            tokens: AtomicUsize::new(0),
            embedded,
        }
    }

    fn layer(&self) -> ClaimLayer {
        ClaimLayer::new(self.embedded.host().clone(), "deploy")
    }

    /// A service of axum's, which answers with what it sees.
    fn axum(&self) -> Router {
        async fn seen(Extension(allowed): Extension<Arc<Allowed>>, headers: HeaderMap) -> String {
            let names = headers.keys().map(http::HeaderName::as_str);
            let mut names: Vec<_> = names.collect();
            names.sort_unstable();
            format!("{} {}", allowed.subject, names.join(","))
        }
        Router::new()
            .route("/{*path}", any(seen))
            .layer(self.layer())
    }

    /// A token that the policy accepts, once, with other claims.
    fn token_with(&self, changes: &Value) -> String {
        let number = self.tokens.fetch_add(1, Ordering::Relaxed);
        let claims = with(job(), &json!({ "jti": format!("job-{number}") }));
        self.signer.sign(&with(claims, changes))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token_with(&json!({})))
    }
}

fn request(headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post("/x?y=z");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// Status, challenge and body of an answer.
async fn call(router: &Router, request: Request<Body>) -> (StatusCode, String, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.map_or("", |value| value.to_str().unwrap());
    let (status, challenge) = (response.status(), challenge.to_owned());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, challenge, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_service_sees_who_was_allowed_and_nothing_that_the_caller_said_of_it() {
    let world = World::new();
    let bearer = world.bearer();
    let spoofed = [
        ("authorization", bearer.as_str()),
        ("X-Claimbound-Subject", "admin"),
        ("x_claimbound_roles", "admin"),
        ("x-claimbound_roles", "admin"),
        ("x-claimbounded", "kept"),
    ];
    let (status, _, body) = call(&world.axum(), request(&spoofed)).await;
    assert_eq!(status, 200, "{body}");
    let seen = "repo:acme/infra:environment:production authorization,x-claimbounded";
    assert_eq!(body, seen);
}

#[tokio::test]
async fn what_is_refused_is_answered_as_a_proxy_would_have_it_answered() {
    let world = World::new();
    let router = world.axum();
    let good = world.bearer();
    let staging = json!({ "environment": "staging", "sub": "repo:acme/infra:environment:staging" });
    let other = format!("Bearer {}", world.token_with(&staging));
    let unauthorized = "{\"error\":\"unauthorized\"}\n";
    let malformed = request(&[("authorization", &good), ("authorization", &good)]);
    for (request, status, challenge, body) in [
        (request(&[]), 401, "Bearer", unauthorized),
        (
            request(&[("authorization", "Basic YTpi")]),
            401,
            "Bearer",
            unauthorized,
        ),
        (
            malformed,
            400,
            "Bearer error=\"invalid_request\"",
            "{\"error\":\"bad request\"}\n",
        ),
        (
            request(&[("authorization", &good[..good.len() - 8])]),
            401,
            "Bearer error=\"invalid_token\"",
            unauthorized,
        ),
        (
            request(&[("authorization", &other)]),
            403,
            "Bearer error=\"insufficient_scope\"",
            "{\"error\":\"forbidden\"}\n",
        ),
    ] {
        let answer = call(&router, request).await;
        let expected = (status.try_into().unwrap(), challenge.into(), body.into());
        assert_eq!(answer, expected);
    }
    // The token is good, once.
    let (status, ..) = call(&router, request(&[("authorization", &good)])).await;
    assert_eq!(status, 200);
    let (status, ..) = call(&router, request(&[("authorization", &good)])).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn tokens_that_are_bound_take_their_key_or_their_certificate() {
    let world = World::new();
    let router = world.axum();
    let holder = Holder::new();
    let bound = || world.token_with(&json!({ "cnf": { "jkt": holder.thumbprint() } }));
    let token = bound();
    let dpop = |method: &str, url: &str, token: &str, id: &str| {
        let proof = holder.proof_for((method, url), token, id, NOW);
        request(&[
            ("authorization", &format!("DPoP {token}")),
            ("dpop", &proof),
        ])
    };
    let here = "https://deploy.acme.example/x";
    for (request, why) in [
        (dpop("GET", here, &token, "a"), "another method"),
        (
            dpop("POST", "https://deploy.acme.example/y", &token, "b"),
            "another path",
        ),
        (
            dpop("POST", "https://other.example/x", &token, "c"),
            "another origin",
        ),
        (dpop("POST", here, &bound(), "d"), "a good one, for later"),
    ] {
        let (status, challenge, _) = call(&router, request).await;
        if why.starts_with("a good") {
            assert_eq!(status, 200);
        } else {
            assert_eq!(status, 401, "{why}");
            assert_eq!(challenge, "DPoP error=\"invalid_dpop_proof\"");
        }
    }
    let (status, ..) = call(&router, dpop("POST", here, &token, "d")).await;
    assert_eq!(status, 401, "its id was used by this key");
    let (status, ..) = call(&router, dpop("POST", here, &token, "e")).await;
    assert_eq!(status, 200);

    let bound = world.token_with(&json!({ "cnf": { "x5t#S256": thumbprint() } }));
    let shown = |certificate: Option<[u8; 32]>| {
        let hexadecimal = "07".repeat(32);
        let mut request = request(&[
            ("authorization", &format!("Bearer {bound}")),
            ("x-client-cert", &hexadecimal),
        ]);
        if let Some(digest) = certificate {
            request.extensions_mut().insert(PeerCertificate(digest));
        }
        request
    };
    for (certificate, expected) in [(None, 401), (Some([8; 32]), 401), (Some([7; 32]), 200)] {
        let (status, _, body) = call(&router, shown(certificate)).await;
        assert_eq!(status, expected, "{certificate:?} {body}");
    }
}

/// Of the certificate whose digest is all sevens.
fn thumbprint() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([7; 32])
}

#[tokio::test]
async fn too_many_at_once_are_told_to_come_back() {
    let world = World::with("[sandbox]\nshards = 1\nthreads = 1\nqueue = 1");
    let router = world.axum();
    let blocker = Connection::open(world.program.path("ledger.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        let (router, bearer) = (router.clone(), world.bearer());
        calls.spawn(async move { call(&router, request(&[("authorization", &bearer)])).await });
    }
    let (status, _, body) = calls.join_next().await.unwrap().unwrap();
    assert_eq!(
        (status.as_u16(), body.as_str()),
        (503, "{\"error\":\"unavailable\"}\n")
    );
    blocker.execute_batch("ROLLBACK").unwrap();
    let others = calls.join_all().await;
    assert!(
        others.iter().any(|(status, ..)| *status == 200),
        "{others:?}"
    );
}

#[tokio::test]
async fn what_has_nothing_to_wait_for_waits_for_nobody() {
    let world = World::with("[sandbox]\nshards = 1\nthreads = 1");
    let blocker = Connection::open(world.program.path("ledger.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    // It has the only thread, which waits for the ledger.
    let headers = HeaderMap::from_iter([(AUTHORIZATION, world.bearer().parse().unwrap())]);
    let described = Described {
        headers: &headers,
        context: None,
        line: Some(("GET", "/")),
        peer: Peer::Known(None),
    };
    let (sender, told) = oneshot::channel();
    let then = |answer| sender.send(answer).unwrap();
    world.embedded.host().ask_then("deploy", &described, then);
    // Behind it, this would be answered once that one had given up.
    let expired = format!("Bearer {}", world.token_with(&json!({ "exp": NOW })));
    let expired = request(&[("authorization", &expired)]);
    let (status, ..) = call(&world.axum(), expired).await;
    assert_eq!(status, 401);
    blocker.execute_batch("ROLLBACK").unwrap();
    let waited = told.await.unwrap();
    assert!(matches!(waited, Answer::Allow(_)), "{waited:?}");
}

#[tokio::test]
async fn a_host_that_ends_lets_nobody_in() {
    let world = World::new();
    let router = world.axum();
    let bearer = world.bearer();
    let World { embedded, .. } = world;
    drop(embedded);
    let (status, ..) = call(&router, request(&[("authorization", &bearer)])).await;
    assert_eq!(status, 404);
}

/// A small service of tonic's: it says who called.
struct Caller;

#[tonic::async_trait]
impl Authorization for Caller {
    async fn check(
        &self,
        request: tonic::Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        let allowed = allowed(request.extensions());
        let allowed = allowed.ok_or_else(|| tonic::Status::internal("nobody"))?;
        let status = rpc::Status {
            message: allowed.statement.clone(),
            ..rpc::Status::default()
        };
        Ok(tonic::Response::new(CheckResponse {
            status: Some(status),
            ..CheckResponse::default()
        }))
    }
}

#[tokio::test]
async fn a_client_of_grpc_is_answered_in_its_own_terms() {
    let world = World::new();
    let service = world.layer().layer(AuthorizationServer::new(Caller));
    let mut client = AuthorizationClient::new(service);
    let mut ask = async |bearer: Option<&str>| {
        let mut request = tonic::Request::new(CheckRequest::default());
        if let Some(bearer) = bearer {
            let value = bearer.parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        client.check(request).await
    };
    let answer = ask(Some(&world.bearer())).await.unwrap().into_inner();
    assert_eq!(answer.status.unwrap().message, "production");
    let staging = json!({ "environment": "staging", "sub": "repo:acme/infra:environment:staging" });
    let other = format!("Bearer {}", world.token_with(&staging));
    for (bearer, code) in [
        (None, tonic::Code::Unauthenticated),
        (Some("Bearer a.b.c"), tonic::Code::Unauthenticated),
        (Some("Bearer a,b"), tonic::Code::InvalidArgument),
        (Some(other.as_str()), tonic::Code::PermissionDenied),
    ] {
        let status = ask(bearer).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
        let challenge = status.metadata().get("www-authenticate");
        assert!(challenge.is_some(), "{status:?}");
    }
}

#[tokio::test]
async fn plain_hyper_serves_behind_it() {
    let world = World::new();
    let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
        let allowed = allowed(request.extensions()).unwrap();
        let text = allowed.grant.roles.join(",");
        Ok::<_, Infallible>(Response::new(Full::<hyper::body::Bytes>::from(text)))
    });
    let service = TowerToHyperService::new(world.layer().layer(service));
    let (mut client, server) = tokio::io::duplex(64 << 10);
    tokio::spawn(
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service),
    );
    let bearer = world.bearer();
    let asked = format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: {bearer}\r\n\r\n");
    let refused = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client
        .write_all((asked + refused).as_bytes())
        .await
        .unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 200 OK"), "{answers}");
    assert!(
        answers.contains("\r\n\r\ndeployHTTP/1.1 401 Unauthorized"),
        "{answers}"
    );
}

/// A service of which each clone has to be asked for itself.
#[derive(Default)]
struct Shy(bool);

impl Clone for Shy {
    fn clone(&self) -> Self {
        Self(false)
    }
}

impl Service<Request<Body>> for Shy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0 = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.0), "called before it was ready");
        std::future::ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_service_that_said_it_is_ready_is_the_one_that_is_called() {
    let world = World::new();
    let mut service = world.layer().layer(Shy::default());
    for _ in 0..2 {
        let bearer = world.bearer();
        let request = request(&[("authorization", &bearer)]);
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), 200);
    }
}
