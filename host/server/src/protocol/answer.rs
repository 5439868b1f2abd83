//! The one place where an outcome becomes a status.
//!
//! Whoever calls learns the status and, by RFC 6750 §3, which of a few errors it
//! is; never a reason. Every answer of a status has the same body.

use claimbound::gate::Decided;
use claimbound::outcome::{Allowed, Outcome};
use claimbound::reason::Code;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::credential::Fault;

/// How a request is answered.
#[derive(Debug)]
pub enum Answer {
    /// It may pass.
    Allow(Box<Allowed>),
    /// It may not.
    Refuse {
        /// What its caller is told.
        refusal: Refusal,
        /// The code of the first reason, or of the failure, for the operator of
        /// the proxy alone; empty where no token was looked at.
        code: &'static str,
    },
}

/// Why a request may not pass, as far as its caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It carries no token (RFC 6750 §3.1: no error is named).
    NoCredential,
    /// It can't be understood: several credentials, or what the proxy says of it
    /// can't be read (`invalid_request`).
    Malformed,
    /// The token is not good (`invalid_token`).
    InvalidToken,
    /// The proof beside the token is not good (RFC 9449 §7.1).
    InvalidProof,
    /// The token is good, and its bearer may not do this
    /// (`insufficient_scope`).
    Forbidden,
    /// There is nothing here by that name.
    NotFound,
    /// No answer could be given.
    Unavailable,
}

impl Answer {
    /// The name of the outcome: `allow`, `deny` or `error`.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::Refuse {
                refusal: Refusal::Unavailable,
                ..
            } => "error",
            Self::Refuse { .. } => "deny",
        }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        let (refusal, code) = match outcome {
            Outcome::Allow(allowed) => return Self::Allow(allowed),
            Outcome::Deny(denied) => match denied.reasons.first() {
                Some(reason) => (reason.code.into(), reason.code.as_str()),
                // A denial without a reason is none that a host makes.
                None => (Refusal::Forbidden, ""),
            },
            Outcome::Error(error) => (Refusal::Unavailable, error.code.as_str()),
        };
        Self::Refuse { refusal, code }
    }
}

impl From<Decided> for Answer {
    /// That a caller may not do a thing is only told whoever has shown who they
    /// are: a token that nobody vouches for is a bad one, whatever it lacks.
    fn from(decided: Decided) -> Self {
        let is_vouched_for = decided.subject.is_some();
        let mut answer = Self::from(decided.outcome);
        if let Self::Refuse { refusal, .. } = &mut answer
            && *refusal == Refusal::Forbidden
            && !is_vouched_for
        {
            *refusal = Refusal::InvalidToken;
        }
        answer
    }
}

impl From<Refusal> for Answer {
    /// A request that is turned away before a token is looked at.
    fn from(refusal: Refusal) -> Self {
        Self::Refuse { refusal, code: "" }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Absent => Self::NoCredential,
            Fault::Malformed => Self::Malformed,
        }
    }
}

impl From<Code> for Refusal {
    /// What is wrong with the token itself asks for another token; what is
    /// wrong with whom it names does not.
    fn from(code: Code) -> Self {
        match code {
            Code::TokenMalformed
            | Code::TokenType
            | Code::TokenAlgorithm
            | Code::TokenKey
            | Code::TokenSignature
            | Code::TokenExpired
            | Code::TokenNotYetValid
            | Code::TokenLifetime
            | Code::TokenAge
            | Code::TokenReused
            | Code::IssuerUnknown
            | Code::AudienceMismatch
            | Code::AudienceShared
            | Code::KeyRefused
            | Code::RevokedToken
            | Code::RevokedKey
            | Code::RevokedIssuer => Self::InvalidToken,
            Code::ProofAbsent | Code::ProofInvalid => Self::InvalidProof,
            Code::SubjectMismatch
            | Code::SubjectAmbiguous
            | Code::SubjectDrift
            | Code::ClaimAbsent
            | Code::ClaimType
            | Code::ClaimMismatch
            | Code::WindowClosed
            | Code::StatementExpired
            | Code::Forbidden
            | Code::IdentityAbsent
            | Code::IdentityUnknown
            | Code::IdentityReassigned
            | Code::IdentityRenamed
            | Code::IdentitySuspended
            | Code::IdentityRetired
            | Code::RevokedSubject => Self::Forbidden,
        }
    }
}

impl Refusal {
    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NoCredential | Self::InvalidToken | Self::InvalidProof => {
                StatusCode::UNAUTHORIZED
            }
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1); none where
    /// another credential would not help.
    pub const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::NoCredential => Some("Bearer"),
            Self::Malformed => Some("Bearer error=\"invalid_request\""),
            Self::InvalidToken => Some("Bearer error=\"invalid_token\""),
            Self::InvalidProof => Some("DPoP error=\"invalid_dpop_proof\""),
            Self::Forbidden => Some("Bearer error=\"insufficient_scope\""),
            Self::NotFound | Self::Unavailable => None,
        }
    }

    /// The body, one for each status.
    pub fn body(self) -> &'static str {
        match self.status() {
            StatusCode::UNAUTHORIZED => "{\"error\":\"unauthorized\"}\n",
            StatusCode::BAD_REQUEST => "{\"error\":\"bad request\"}\n",
            StatusCode::FORBIDDEN => "{\"error\":\"forbidden\"}\n",
            StatusCode::NOT_FOUND => "{\"error\":\"not found\"}\n",
            _ => "{\"error\":\"unavailable\"}\n",
        }
    }

    /// The status of the answer over gRPC.
    pub const fn grpc(self) -> tonic::Code {
        match self {
            Self::NoCredential | Self::InvalidToken | Self::InvalidProof => {
                tonic::Code::Unauthenticated
            }
            Self::Malformed => tonic::Code::InvalidArgument,
            Self::Forbidden => tonic::Code::PermissionDenied,
            Self::NotFound => tonic::Code::NotFound,
            Self::Unavailable => tonic::Code::Unavailable,
        }
    }

    /// What asks for another credential, or to come back later.
    pub(crate) fn asks_for(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let challenge = self.challenge().map(HeaderValue::from_static);
        let challenge = challenge.map(|challenge| (header::WWW_AUTHENTICATE, challenge));
        let later = (self == Self::Unavailable)
            .then(|| (header::RETRY_AFTER, HeaderValue::from_static("1")));
        challenge.into_iter().chain(later)
    }

    /// The answer over HTTP: status, headers, and one body for each status. No
    /// cache may keep it.
    pub fn response(self) -> Response<&'static str> {
        let mut response = Response::new(self.body());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.extend(self.asks_for());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_status_that_never_allows() {
        for code in Code::ALL {
            let status = Refusal::from(*code).status();
            assert!(status == 401 || status == 403, "{code}");
        }
    }
}
