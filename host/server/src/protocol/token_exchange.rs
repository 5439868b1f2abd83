//! Token exchange over HTTP: the token endpoint, the key set and the discovery
//! document of the access tokens' issuer.

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use claimbound::gate::Decided;
use claimbound::policy;
use claimbound::proof::{DpopProof, Possession, Scheme};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::body;
use super::credential::{DPOP, Fault, only};
use crate::exchange::{self, ExchangeError, Exchanger, LONGEST_BODY, Wanted};
use crate::host::{Host, PresentedToken};
use crate::log;

/// The answer to a request; none where nothing stands at its path.
pub(crate) async fn answer(host: &Host, request: Request) -> Option<Response> {
    let exchange = host.exchange()?;
    let paths = exchange.paths();
    let path = request.uri().path();
    if path == paths.token {
        return Some(token(host, request).await);
    }
    let is_discovery = paths.documents.iter().any(|one| one == path);
    if path != paths.jwks && !is_discovery {
        return None;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Some(not_allowed("GET, HEAD"));
    }
    let (document, age) = if is_discovery {
        (exchange.discovery(host.clock().now()), 3600)
    } else {
        (exchange.jwks(), exchange.keys().jwks_max_age())
    };
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CACHE_CONTROL, format!("public, max-age={age}")),
    ];
    Some((headers, document.to_string()).into_response())
}

async fn token(host: &Host, request: Request) -> Response {
    if request.method() != Method::POST {
        return not_allowed("POST");
    }
    let (parts, body) = request.into_parts();
    let answered = match body::read(body, LONGEST_BODY).await {
        Ok(body) => decide(host, &parts.headers, &body).await,
        Err(body::Fault::TooLong) => Err(ExchangeError::TooLong.into()),
        Err(body::Fault::TooLate) => Err(ExchangeError::TooLate.into()),
    };
    let result = answered.as_ref().map(|_| ());
    let result = result.map_err(|refused| refused.error);
    host.metrics().exchanged(result);
    respond(answered.unwrap_or_else(|refused| {
        log::not_exchanged(&refused);
        refused.error.response()
    }))
}

/// An exchange that came to nothing, as far as it went.
pub(crate) struct NotExchanged {
    pub(crate) error: ExchangeError,
    /// What was wanted, and what its route decided.
    pub(crate) decided: Option<(Wanted, Decided)>,
}

impl From<ExchangeError> for NotExchanged {
    fn from(error: ExchangeError) -> Self {
        Self {
            error,
            decided: None,
        }
    }
}

/// Decides by one configuration: the one that is there once the whole request
/// is, however slowly it came.
async fn decide(
    host: &Host,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<exchange::Response, NotExchanged> {
    // As with those in a form: whoever sends some expects them to count.
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(ExchangeError::ClientCredentials.into());
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(ExchangeError::NotAForm.into());
    }
    let plan = host.plan();
    let exchange = plan.exchange.as_ref().ok_or(ExchangeError::Unavailable)?;
    let content_type = match only(headers, header::CONTENT_TYPE.as_str()) {
        Ok(content_type) => Some(content_type),
        Err(Fault::Absent) => None,
        Err(Fault::Malformed) => return Err(ExchangeError::NotAForm.into()),
    };
    let wanted = exchange.parse(content_type, body)?;
    let request = policy::Request {
        attributes: wanted.attributes().to_vec(),
        possession: possession(exchange, headers)?,
    };
    // INVARIANT: a configuration whose target names no route is not taken up.
    let route = plan.routes.get(wanted.route());
    let route = route.ok_or(ExchangeError::Unavailable)?;
    let decided = host.decide(route, subject(&wanted), request).await;
    let answered = exchange.answer(&wanted, &decided.outcome, host.clock().now());
    answered.map_err(|error| NotExchanged {
        error,
        decided: Some((wanted, decided)),
    })
}

fn subject(wanted: &Wanted) -> PresentedToken {
    PresentedToken::new(wanted.token().expose())
}

/// What was shown beside the token: a proof for the token endpoint. A
/// certificate would be that of a proxy, and is not asked for here.
fn possession(exchange: &Exchanger, headers: &HeaderMap) -> Result<Possession, ExchangeError> {
    let dpop = match only(headers, DPOP) {
        Ok(jwt) => Some(DpopProof {
            jwt: jwt.to_owned(),
            method: Method::POST.to_string(),
            url: exchange.token_endpoint(),
        }),
        Err(Fault::Absent) => None,
        Err(Fault::Malformed) => return Err(ExchangeError::MalformedProof),
    };
    Ok(Possession {
        scheme: Scheme::Form,
        dpop,
        certificate: None,
    })
}

fn respond(response: exchange::Response) -> Response {
    let status = StatusCode::from_u16(response.status);
    let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers();
    let mut answer = (status, response.body).into_response();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn not_allowed(methods: &'static str) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, methods)]).into_response()
}
