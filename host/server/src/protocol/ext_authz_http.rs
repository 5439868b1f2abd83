//! Envoy's `ext_authz` over HTTP, below `/ext-authz/ROUTE`.
//!
//! Envoy asks with the caller's own method, and its path after a prefix, which
//! is the route's: `path_prefix: /ext-authz/deploy`.

use http::request::Parts;

use super::answer::Answer;
use super::attributes::{Described, Peer};
use crate::host::Host;

/// The path that questions stand below.
const PREFIX: &str = "/ext-authz/";

/// The route and the caller's path (with its query) in a question's path.
fn split(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix(PREFIX)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    rest.split_at_checked(end)
}

/// Decides the token in a request's headers. Gives the route's name with it.
pub(crate) async fn decide<'p>(host: &Host, parts: &'p Parts, peer: Peer) -> (&'p str, Answer) {
    let target = parts.uri.path_and_query();
    let target = target.map_or("", |target| target.as_str());
    let (route, path) = split(target).unwrap_or_default();
    let described = Described {
        headers: &parts.headers,
        context: None,
        line: Some((
            parts.method.as_str(),
            if path.is_empty() { "/" } else { path },
        )),
        peer,
    };
    (route, host.ask(route, &described).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_the_route_and_then_the_callers_path() {
        for (path, expected) in [
            ("/ext-authz/deploy/a/b?c=d", Some(("deploy", "/a/b?c=d"))),
            ("/ext-authz/deploy?c=/x", Some(("deploy", "?c=/x"))),
            ("/ext-authz/deploy", Some(("deploy", ""))),
            ("/ext-authz/", Some(("", ""))),
            ("/authorize/deploy", None),
        ] {
            assert_eq!(split(path), expected, "{path}");
        }
    }
}
