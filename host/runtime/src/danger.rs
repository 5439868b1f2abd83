//! Ways around a check, named so that they show where they are called.

use std::sync::Arc;

use crate::grant::Ceiling;
use crate::issuer::Issuer;
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
    Verified::assume(claims, issuer)
}

/// A ceiling that takes roles, scopes and extra claims as a policy grants them:
/// for asking what a component would do whose document is not at hand.
///
/// Registered claims are refused all the same.
pub fn no_ceiling() -> Ceiling {
    Ceiling {
        enrolment: true,
        open: true,
        ..Ceiling::default()
    }
}
