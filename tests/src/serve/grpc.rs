//! Envoy's questions over gRPC, asked by a client that may lie or dawdle.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimbound_server::config::Address;
use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use tokio::net::TcpStream;
use tower::service_fn;

use super::{Place, Serving, job_with};
use crate::forge::with;
use crate::gate::{DOCUMENT, SIGNER};

/// A place whose listener is asked over gRPC by whoever knows the secret.
fn place(route: &str) -> Place {
    let place = Place::new();
    let policy = "policy = \"policy.wasm\"";
    place.configure(&[
        (
            "serves = [\"forward-auth\"]",
            "serves = [\"ext-authz-grpc\"]\nproxy = { secret = \"env:PROXY\" }",
        ),
        (policy, &format!("{policy}\n{route}")),
    ]);
    place
}

async fn connect<B>(serving: &Serving) -> SendRequest<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static,
{
    let Address::Tcp(address) = serving.address("proxy") else {
        panic!("it listens at a port");
    };
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A caller's request, as Envoy passes it on.
#[derive(Clone, Default)]
struct Caller {
    /// In PEM.
    certificate: Option<String>,
    /// Line by line, or else joined.
    lines: Vec<(&'static str, String)>,
    is_joined: bool,
}

impl Caller {
    fn question(self) -> CheckRequest {
        let mut http = HttpRequest {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            ..HttpRequest::default()
        };
        let lines = self.lines.into_iter();
        if self.is_joined {
            let mut joined = HashMap::<String, Vec<String>>::new();
            for (name, value) in lines {
                joined.entry(name.to_owned()).or_default().push(value);
            }
            let joined = joined.into_iter();
            http.headers = joined
                .map(|(name, values)| (name, values.join(",")))
                .collect();
        } else {
            let headers = lines.map(|(name, value)| HeaderValue {
                key: name.to_owned(),
                raw_value: value.into_bytes(),
                ..HeaderValue::default()
            });
            http.header_map = Some(HeaderMap {
                headers: headers.collect(),
            });
        }
        let route = ("claimbound.route".to_owned(), "deploy".to_owned());
        CheckRequest {
            attributes: Some(AttributeContext {
                source: Some(Peer {
                    certificate: self
                        .certificate
                        .as_deref()
                        .map_or_else(String::new, escaped),
                    ..Peer::default()
                }),
                request: Some(Request {
                    http: Some(http),
                    ..Request::default()
                }),
                context_extensions: HashMap::from([route]),
                ..AttributeContext::default()
            }),
        }
    }

    /// What it is answered; 200 for an allow.
    async fn asks(self, serving: &Serving) -> i32 {
        let sender = connect(serving).await;
        let service = service_fn(move |request| {
            let mut sender = sender.clone();
            async move { sender.send_request(request).await }
        });
        let origin = "http://claimbound".parse().unwrap();
        let mut client = AuthorizationClient::with_origin(service, origin);
        let mut request = tonic::Request::new(self.question());
        let secret = "of-the-proxy".parse().unwrap();
        request.metadata_mut().insert("x-claimbound-proxy", secret);
        let answer = client.check(request).await.unwrap().into_inner();
        match answer.http_response.unwrap() {
            HttpResponse::DeniedResponse(denied) => denied.status.unwrap().code,
            HttpResponse::OkResponse(_) | HttpResponse::ErrorResponse(_) => 200,
        }
    }
}

/// A text percent-encoded, as Envoy writes a certificate.
fn escaped(pem: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    pem.bytes().map(escape).collect()
}

/// A certificate in PEM, and its digest as a token says it.
fn certificate() -> (String, String) {
    let params = CertificateParams::new(vec!["caller.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let hash = digest(&SHA256, certificate.der());
    (certificate.pem(), URL_SAFE_NO_PAD.encode(hash))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_that_of_the_connection_and_of_no_header() {
    let place = place("forwarded = { certificate = { escaped-pem = \"x-client-cert\" } }");
    let serving = place.serve().await;
    let (own, hash) = certificate();
    let (another, _) = certificate();
    let says = ("x-client-cert", escaped(&own));
    for (number, shown, lines, expected) in [
        (0, Some(&own), vec![], 200),
        // The token and the public certificate of a victim.
        (1, None, vec![says.clone()], 401),
        (2, Some(&another), vec![says.clone()], 401),
        (
            3,
            Some(&own),
            vec![("x-client-cert", escaped(&another))],
            200,
        ),
        (4, None, vec![], 401),
    ] {
        for is_joined in [false, true] {
            let id = format!("{number}-{is_joined}");
            let bound = json!({ "cnf": { "x5t#S256": hash } });
            let token = SIGNER.sign(&with(job_with(&id), &bound));
            let mut lines = lines.clone();
            lines.push(("authorization", format!("Bearer {token}")));
            let caller = Caller {
                certificate: shown.cloned(),
                lines,
                is_joined,
            };
            assert_eq!(caller.asks(&serving).await, expected, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_header_that_may_have_stood_twice_counts_for_nobody() {
    let place = place("attributes = { stage = { header = \"x-stage\" } }");
    let policy = DOCUMENT.replace("\nref = ", "\nactor = { attribute = \"stage\" }\nref = ");
    assert_ne!(policy, DOCUMENT);
    place.write("policy.wasm", super::component(&policy));
    let serving = place.serve().await;
    for (number, stages, expected) in [
        (0, vec!["one"], 200),
        (1, vec!["one", "two"], 400),
        (2, vec!["one,two"], 400),
    ] {
        let stages = stages
            .into_iter()
            .map(|stage| ("x-stage", stage.to_owned()));
        let mut lines: Vec<_> = stages.collect();
        let claims = with(job_with(&number.to_string()), &json!({ "actor": "one" }));
        let token = SIGNER.sign(&claims);
        lines.push(("authorization", format!("Bearer {token}")));
        let caller = Caller {
            lines,
            is_joined: true,
            ..Caller::default()
        };
        assert_eq!(caller.asks(&serving).await, expected, "{number}");
    }
}

/// A body whose first bytes come, and no others.
struct Dawdling(Option<Bytes>);

impl Body for Dawdling {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_never_ends_is_not_waited_for() {
    let place = place("");
    let serving = place.serve().await;
    let mut sender = connect(&serving).await;
    let request =
        http::Request::post("http://claimbound/envoy.service.auth.v3.Authorization/Check")
            .header("content-type", "application/grpc")
            .header("x-claimbound-proxy", "of-the-proxy")
            .header("te", "trailers")
            .body(Dawdling(Some(Bytes::from_static(b"\0"))))
            .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.headers()["grpc-status"], "3");
}
