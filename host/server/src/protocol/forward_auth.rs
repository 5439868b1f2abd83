//! Forward authentication over HTTP, at `/authorize/ROUTE`: what nginx's
//! `auth_request`, Caddy's and Traefik's `forward_auth`, HAProxy and Apache ask.
//!
//! The method, the query and the body of a question mean nothing: proxies append
//! the caller's own.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::answer::{Answer, Refusal};
use super::attributes::Described;
use super::credential::Credential;
use super::identity;
use crate::host::Host;
use crate::metrics::TurnedAway;

/// Decides the token in a request's headers.
pub(crate) async fn decide(host: &Host, route: &str, described: &Described<'_>) -> Answer {
    let turned_away = |why: TurnedAway, refusal: Refusal| {
        host.metrics().turned_away(why);
        Answer::from(refusal)
    };
    let Some(route) = host.route(route) else {
        return turned_away(TurnedAway::NoRoute, Refusal::NotFound);
    };
    let credential = match Credential::of(described.headers) {
        Ok(credential) => credential,
        Err(fault) => return turned_away(fault.into(), fault.into()),
    };
    let (token, request) = match described.asks(&route, credential) {
        Ok(asked) => asked,
        Err(fault) => return turned_away(TurnedAway::BadRequest, fault.into()),
    };
    host.decide(&route, token, request).await.into()
}

/// The answer as a response: status, headers, and one body for each status.
pub(crate) fn response(route: &str, answer: &Answer) -> Response<&'static str> {
    let (status, headers, body) = match answer {
        Answer::Allow(allowed) => (StatusCode::OK, identity::headers(route, allowed), ""),
        Answer::Refuse { refusal, .. } => (refusal.status(), challenge(*refusal), refusal.body()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let all = response.headers_mut();
    all.extend(headers);
    fixed(all, body);
    response
}

/// What asks for another credential, or to come back later.
pub(crate) fn challenge(refusal: Refusal) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    if let Some(challenge) = refusal.challenge() {
        let challenge = HeaderValue::from_static(challenge);
        headers.push((header::WWW_AUTHENTICATE, challenge));
    }
    if refusal == Refusal::Unavailable {
        headers.push((header::RETRY_AFTER, HeaderValue::from_static("1")));
    }
    headers
}

/// What every answer has: no cache may keep it.
fn fixed(headers: &mut HeaderMap, body: &str) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !body.is_empty() {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
}
