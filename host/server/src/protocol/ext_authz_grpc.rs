//! Envoy's `ext_authz` over gRPC (`envoy.service.auth.v3`).
//!
//! The route is named by the proxy's configuration, in the context extension
//! [`ROUTE_KEY`]; a request without it is answered as one for a route that there
//! is not.

use std::collections::HashMap;

use claimbound::outcome::Allowed;
use claimbound::proof::certificate;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};
use tonic::{Code, Request, Response, Status};

use super::answer::{Answer, Refusal};
use super::attributes::{Described, Peer};
use super::{identity, metadata};
use crate::host::Host;

/// The context extension that names the route.
pub const ROUTE_KEY: &str = "claimbound.route";

/// Answers Envoy's questions.
#[derive(Debug)]
pub(crate) struct Service {
    host: Host,
    is_authenticated: bool,
}

impl Service {
    /// A service for a listener that knows, or does not, that it is the proxy
    /// who speaks.
    pub(crate) const fn new(host: Host, is_authenticated: bool) -> Self {
        Self {
            host,
            is_authenticated,
        }
    }
}

#[tonic::async_trait]
impl Authorization for Service {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        let attributes = request.into_inner().attributes.unwrap_or_default();
        let context = &attributes.context_extensions;
        let route = context.get(ROUTE_KEY).map_or("", String::as_str);
        let http = attributes.request.and_then(|request| request.http);
        let peer = attributes.source.unwrap_or_default().certificate;
        let asked = Asked::new(http.unwrap_or_default(), &peer);
        let answer = match asked {
            Some(asked) => {
                let described = asked.described(context, self.is_authenticated);
                self.host.ask(route, &described).await
            }
            None => Refusal::Malformed.into(),
        };
        Ok(Response::new(response(route, &answer)))
    }
}

/// A caller's request, as Envoy describes it.
struct Asked {
    http: HttpRequest,
    headers: HeaderMap,
    certificate: Option<[u8; 32]>,
}

impl Asked {
    /// None where it can't be read.
    fn new(mut http: HttpRequest, peer: &str) -> Option<Self> {
        let headers = headers(&mut http)?;
        let certificate = match peer {
            "" => None,
            peer => Some(certificate::from_escaped_pem(peer).ok()?),
        };
        Some(Self {
            http,
            headers,
            certificate,
        })
    }

    fn described<'r>(
        &'r self,
        context: &'r HashMap<String, String>,
        is_authenticated: bool,
    ) -> Described<'r> {
        Described {
            headers: &self.headers,
            context: Some(context),
            line: Some((&self.http.method, &self.http.path)),
            // The headers are the caller's own, and what Envoy says of its
            // connection is all that there is.
            peer: if is_authenticated {
                Peer::Known(self.certificate)
            } else {
                Peer::Unknown
            },
        }
    }
}

/// The caller's headers: each line of its own where Envoy is told to send them
/// so (`encode_raw_headers`). Else the lines of a name come joined by commas, and
/// what a comma parts counts as several: who wrote which can't be told.
fn headers(http: &mut HttpRequest) -> Option<HeaderMap> {
    let lines: Vec<(String, Vec<u8>)> = if let Some(map) = http.header_map.take() {
        map.headers.into_iter().map(line).collect()
    } else {
        let joined = &http.headers;
        let lines = joined.iter().flat_map(|(name, values)| {
            // Two are several; a part each would take as much memory as there
            // are commas, times the length of the name.
            let values = values.split(',').take(2);
            values.map(|value| (name.clone(), value.trim().as_bytes().to_vec()))
        });
        lines.collect()
    };
    let mut headers = HeaderMap::try_with_capacity(lines.len()).ok()?;
    for (name, value) in lines {
        // Those of HTTP/2's own, which stand in fields of their own here.
        if name.starts_with(':') {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.try_append(name, value.try_into().ok()?).ok()?;
    }
    Some(headers)
}

/// A header's name and value, which is raw where it need not be text.
fn line(line: HeaderValue) -> (String, Vec<u8>) {
    let raw = line.raw_value;
    let value = if raw.is_empty() {
        line.value.into_bytes()
    } else {
        raw
    };
    (line.key, value)
}

fn response(route: &str, answer: &Answer) -> CheckResponse {
    let (code, response) = match answer {
        Answer::Allow(allowed) => (Code::Ok, HttpResponse::OkResponse(ok(route, allowed))),
        Answer::Refuse { refusal, .. } => (
            refusal.grpc(),
            HttpResponse::DeniedResponse(denied(*refusal)),
        ),
    };
    CheckResponse {
        status: Some(rpc::Status {
            code: code.into(),
            ..rpc::Status::default()
        }),
        dynamic_metadata: Some(metadata::fields(route, answer)),
        http_response: Some(response),
    }
}

/// Every header of an allow replaces whatever the caller sent by its name, and
/// what the caller sent by another spelling goes.
fn ok(route: &str, allowed: &Allowed) -> OkHttpResponse {
    let headers = identity::headers(route, allowed).into_iter();
    OkHttpResponse {
        headers: headers.map(set).collect(),
        headers_to_remove: identity::UNDERSCORED
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        ..OkHttpResponse::default()
    }
}

fn denied(refusal: Refusal) -> DeniedHttpResponse {
    let json = http::HeaderValue::from_static("application/json");
    DeniedHttpResponse {
        status: Some(HttpStatus {
            code: refusal.status().as_u16().into(),
        }),
        headers: refusal
            .asks_for()
            .chain([(CONTENT_TYPE, json)])
            .map(set)
            .collect(),
        body: refusal.body().to_owned(),
    }
}

fn set((name, value): (HeaderName, http::HeaderValue)) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: name.to_string(),
            value: value.to_str().unwrap_or_default().to_owned(),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: true,
        ..HeaderValueOption::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_name_and_many_commas_take_two_lines() {
        let (name, value) = ("a".repeat(30_000), ",".repeat(30_000));
        let mut http = HttpRequest::default();
        http.headers.insert(name.clone(), value);
        http.headers.insert("b".to_owned(), "one".to_owned());
        let headers = headers(&mut http).unwrap();
        assert_eq!(headers.get_all(&name).iter().count(), 2);
        assert_eq!(headers.get_all("b").iter().count(), 1);
    }
}
