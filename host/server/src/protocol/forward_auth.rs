//! Forward authentication over HTTP, at `/authorize/ROUTE`: what nginx's
//! `auth_request`, Caddy's and Traefik's `forward_auth`, HAProxy and Apache ask.
//!
//! The method, the query and the body of a question mean nothing: proxies append
//! the caller's own.

use http::{HeaderValue, Response, header};

use super::answer::Answer;
use super::identity;

/// The answer as a response: an allow has the identity, and no body.
pub(crate) fn response(route: &str, answer: &Answer) -> Response<&'static str> {
    let allowed = match answer {
        Answer::Allow(allowed) => allowed,
        Answer::Refuse { refusal, .. } => return refusal.response(),
    };
    let mut response = Response::new("");
    let headers = response.headers_mut();
    headers.extend(identity::headers(route, allowed));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
