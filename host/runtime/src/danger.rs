//! Ways around a check, named so that they show where they are called.

use std::sync::Arc;

use crate::grant::Ceiling;
use crate::issuer::Issuer;
use crate::key::Algorithm;
use crate::reason::Refusal;
use crate::token::Claims;
use crate::verify::Verified;

/// Takes bare claims as if `issuer` had signed them: for asking *what if*,
/// never for letting anybody in.
///
/// Everything else holds: the claims have their types and name the issuer, and
/// later steps check subject, audience and dates. The key that "verified" them
/// is marked assumed and matches no pinned key.
///
/// # Errors
/// A refusal: `claim.absent`, `claim.type`, `token.malformed`, or
/// `issuer.unknown` where `iss` names another issuer.
pub fn assume_verified(claims: Claims, issuer: &Arc<Issuer>) -> Result<Verified, Refusal> {
    let key = AssumedKey {
        key_type: "assumed".to_owned(),
        ..AssumedKey::default()
    };
    Verified::assume(claims, issuer, None, key)
}

/// A key that nobody asked, as a policy is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssumedKey {
    /// Its type as a JWK writes it (RFC 7517 §4.1).
    pub key_type: String,
    /// Its size in bits.
    pub bits: u32,
    /// Its RFC 7638 thumbprint.
    pub thumbprint: String,
}

/// Takes bare claims as if `key` had signed them by `algorithm`: for trying a
/// policy on made-up tokens, never for letting anybody in.
///
/// # Errors
/// As [`assume_verified`].
pub fn assume_verified_by(
    claims: Claims,
    issuer: &Arc<Issuer>,
    algorithm: Algorithm,
    key: AssumedKey,
) -> Result<Verified, Refusal> {
    Verified::assume(claims, issuer, Some(algorithm), key)
}

/// A ceiling that takes roles, scopes and extra claims as a policy grants them:
/// for asking what a component would do whose document is not at hand.
///
/// Registered claims are refused all the same.
pub fn no_ceiling() -> Ceiling {
    Ceiling {
        enrolment: true,
        danger_open: true,
        ..Ceiling::default()
    }
}
