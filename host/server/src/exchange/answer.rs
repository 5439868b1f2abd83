//! What the token endpoint answers: a token, or why there is none. One body an
//! error, so that a denial tells its caller nothing.

use std::fmt;

use serde_json::json;

/// Why a request gets no token (RFC 6749 §5.2, RFC 8693 §2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The request is malformed, or its subject token is not accepted, for
    /// whatever reason: RFC 8693 §2.2.2 has one code for both.
    #[error("the request or its subject token is not acceptable")]
    InvalidRequest,
    /// It sends credentials of a client, and clients have none here.
    #[error("clients do not authenticate here")]
    InvalidClient,
    /// It asks for another grant than token exchange.
    #[error("the only grant type is token exchange")]
    UnsupportedGrantType,
    /// It names no target, one that is not known, or more than one
    /// (RFC 8707 §2).
    #[error("the request names no single known target")]
    InvalidTarget,
    /// It asks for a scope that is not granted, or is malformed.
    #[error("a requested scope is malformed or not granted")]
    InvalidScope,
    /// No answer could be given; the same request may succeed later.
    #[error("no answer can be given now")]
    Unavailable,
}

impl ExchangeError {
    /// Every error.
    pub const ALL: [Self; 6] = [
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::UnsupportedGrantType,
        Self::InvalidTarget,
        Self::InvalidScope,
        Self::Unavailable,
    ];

    /// The code of the answer's `error`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            // RFC 8707 §2, RFC 8693 §2.2.2.
            Self::InvalidTarget => "invalid_target",
            Self::InvalidScope => "invalid_scope",
            // RFC 6749 §4.1.2.1; §5.2 has no word for it.
            Self::Unavailable => "temporarily_unavailable",
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::InvalidRequest
            | Self::UnsupportedGrantType
            | Self::InvalidTarget
            | Self::InvalidScope => 400,
            Self::Unavailable => 503,
        }
    }

    /// The answer.
    pub fn response(self) -> Response {
        let body = json!({ "error": self.code(), "error_description": self.to_string() });
        Response {
            status: self.status(),
            body: body.to_string(),
            retry_after: matches!(self, Self::Unavailable).then_some(1),
        }
    }
}

/// An answer of the token endpoint. Its `Debug` does not show the body, which
/// may hold a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON.
    pub body: String,
    /// The header `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
}

impl Response {
    /// The headers that every answer has (RFC 6749 §5.1), and its own.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("cache-control", "no-store".to_owned()),
            ("pragma", "no-cache".to_owned()),
        ];
        let retry = self.retry_after.map(|seconds| seconds.to_string());
        headers.extend(retry.map(|seconds| ("retry-after", seconds)));
        headers
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
