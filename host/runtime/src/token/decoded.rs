//! A decoded token: well-formed, and vouched for by nobody yet.

use super::claims::Claims;
use super::header::Header;
use super::jws::{Jws, signed_digest};
use super::registered::Registered;
use crate::json::Limits;
use crate::reason::{Code, Reason, Refusal};

/// A well-formed token. Nothing in it has been verified.
#[derive(Debug)]
pub struct Decoded<'a> {
    jws: Jws<'a>,
    claims: Claims,
    registered: Registered,
}

impl<'a> Decoded<'a> {
    pub(super) fn new(mut jws: Jws<'a>, limits: &Limits) -> Result<Self, Refusal> {
        let claims = Claims::parse(jws.take_payload(), limits).map_err(|error| {
            Reason::new(
                Code::TokenMalformed,
                format!("the token's payload is not strict JSON: {error}"),
            )
        })?;
        let registered = Registered::read(&claims)?;
        Ok(Self {
            jws,
            claims,
            registered,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        self.jws.header()
    }

    /// The claims, unverified: for showing, never for deciding.
    pub fn unverified_claims(&self) -> &Claims {
        &self.claims
    }

    /// The issuer that the token claims to come from.
    pub fn unverified_issuer(&self) -> &str {
        self.claims
            .node(self.registered.issuer)
            .text()
            .unwrap_or_default()
    }

    /// The digest of what was signed, as [`Verified::digest`] has it once the
    /// signature has been checked.
    ///
    /// [`Verified::digest`]: crate::verify::Verified::digest
    pub fn digest(&self) -> [u8; 32] {
        signed_digest(self.jws.signing_input())
    }

    /// Whether the token is bound to a key, and no bearer token.
    pub(crate) fn is_bound(&self) -> bool {
        self.registered.confirmation.is_some()
    }

    pub(crate) fn jws(&self) -> &Jws<'a> {
        &self.jws
    }

    pub(crate) fn into_parts(self) -> (Header, Claims, Registered) {
        (self.jws.into_header(), self.claims, self.registered)
    }
}
