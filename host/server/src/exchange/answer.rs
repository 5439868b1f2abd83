//! What the token endpoint answers: a token, or why there is none. A denial has
//! one body, whatever its reasons, so that it tells its caller nothing.

use std::fmt;

use serde_json::json;

macro_rules! refusals {
    ($($(#[$docs:meta])* $variant:ident = $code:literal, $description:literal;)+) => {
        /// Why a request gets no token (RFC 6749 §5.2, RFC 8693 §2.2.2).
        ///
        /// Its display is the answer's `error_description`: what is wrong and
        /// what to do, for whoever wrote the request; nothing of what it held,
        /// and nothing of why a token is denied.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum ExchangeError {
            $($(#[$docs])* #[error($description)] $variant,)+
        }

        impl ExchangeError {
            /// Every error.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code of the answer's `error`, which metrics and the log have
            /// too.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}

refusals! {
    /// Its `Content-Type` is not that of a form, or stands twice.
    NotAForm = "invalid_request",
        "the body is no form: send one Content-Type, application/x-www-form-urlencoded";
    /// Its body is longer than [`LONGEST_BODY`](super::LONGEST_BODY), or broke
    /// off.
    TooLong = "invalid_request",
        "the body is longer than 65536 bytes or broke off: send the subject token and little else";
    /// Its body did not arrive in time.
    TooLate = "invalid_request",
        "the body did not arrive in time: send it at once";
    /// A name or a value is no UTF-8, or has a NUL.
    Unreadable = "invalid_request",
        "a parameter is not readable: percent-encode it as UTF-8, without NUL";
    /// It has more parameters than anybody needs.
    TooManyParameters = "invalid_request",
        "there are more than 64 parameters: send those of RFC 8693 alone";
    /// A parameter stands twice (RFC 6749 §3.2).
    Repeated = "invalid_request",
        "a parameter stands twice: only audience and resource may be given again";
    /// It does not say which grant it asks for.
    NoGrantType = "invalid_request",
        "grant_type is missing: send urn:ietf:params:oauth:grant-type:token-exchange";
    /// It asks for another grant than token exchange.
    OtherGrantType = "unsupported_grant_type",
        "the only grant_type is urn:ietf:params:oauth:grant-type:token-exchange: send that";
    /// It sends credentials of a client, and clients have none here.
    ClientCredentials = "invalid_client",
        "clients do not authenticate here: leave client_secret and client_assertion out";
    /// It sends an actor's token.
    ActorToken = "invalid_request",
        "actor tokens are not taken: leave actor_token and actor_token_type out";
    /// It has no subject token.
    NoSubjectToken = "invalid_request",
        "subject_token is missing: send the token of the workload";
    /// What it has in its place is no compact JWS.
    NotAToken = "invalid_request",
        "subject_token is no JWT: send it alone, without white space and without the line end of a file";
    /// It does not say that the subject token is a JWT.
    SubjectTokenType = "invalid_request",
        "subject_token_type is missing or not taken: send urn:ietf:params:oauth:token-type:jwt";
    /// It asks for a token of another type.
    RequestedTokenType = "invalid_request",
        "requested_token_type is not issued: leave it out, or send urn:ietf:params:oauth:token-type:access_token";
    /// A `resource` is no absolute URI without a fragment (RFC 8707 §2).
    Resource = "invalid_target",
        "a resource is no absolute URI without a fragment: send a URL of the target";
    /// It names no target, and there are several.
    NoTarget = "invalid_target",
        "there are several targets: name one by its audience or a resource";
    /// It names a target that is not known, or more than one.
    UnknownTarget = "invalid_target",
        "audience and resource do not name one known target: send the audience of one as its operator has it";
    /// A scope is malformed, or there are too many (RFC 6749 §3.3).
    MalformedScope = "invalid_scope",
        "scope is malformed: send at most 64 names between single spaces";
    /// A scope that it asks for is not granted to this workload.
    ScopeNotGranted = "invalid_scope",
        "not all of scope is granted for this target: ask for less, or leave scope out for all that is granted";
    /// Its `DPoP` header stands twice, or can't be read.
    MalformedProof = "invalid_request",
        "the header DPoP is not one readable proof: send it once";
    /// The subject token is denied, for whatever reason (RFC 8693 §2.2.2).
    NotAccepted = "invalid_request",
        "the subject token is not accepted: ask the operator, whose log and record of this time say why";
    /// What was granted has ended by now.
    Ended = "invalid_request",
        "what the subject token is good for has ended: send a new one";
    /// No answer could be given; the same request may succeed later.
    // RFC 6749 §4.1.2.1; §5.2 has no word for it.
    Unavailable = "temporarily_unavailable",
        "no answer can be given now: try again after the time in Retry-After";
}

impl ExchangeError {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self.code().as_bytes() {
            // RFC 6749 §5.2: 400, unless a client failed to authenticate.
            b"invalid_client" => 401,
            b"temporarily_unavailable" => 503,
            _ => 400,
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
