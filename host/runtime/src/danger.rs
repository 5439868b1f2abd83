//! Ways around a check, named so that they show where they are called.

use std::sync::Arc;

use crate::grant::Ceiling;
use crate::issuer::Issuer;
use crate::key::Algorithm;
use crate::modules::{Listed, ModuleId, Refused, Release};
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
    let algorithm = issuer.algorithms().first().copied();
    let assumed = Assumed::usual(issuer, algorithm.unwrap_or(Algorithm::Rs256), key);
    Verified::assume(claims, issuer, assumed)
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
    Verified::assume(claims, issuer, Assumed::usual(issuer, algorithm, key))
}

/// What a token is taken to have been, beside its claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    /// The `typ` of its header.
    pub token_type: Option<String>,
    /// The algorithm of its signature.
    pub algorithm: Algorithm,
    /// The `kid` of the key that made it.
    pub key_id: Option<String>,
    /// The key.
    pub key: AssumedKey,
}

impl Assumed {
    /// A token of the issuer's usual type, by a key without a `kid`.
    fn usual(issuer: &Issuer, algorithm: Algorithm, key: AssumedKey) -> Self {
        Self {
            token_type: issuer.token_types().usual().map(ToOwned::to_owned),
            algorithm,
            key_id: None,
            key,
        }
    }
}

/// Takes bare claims for those of a token that was verified before, and is
/// described by `assumed`: for deciding it again from what a record kept, never
/// for letting anybody in.
///
/// # Errors
/// As [`assume_verified`].
pub fn assume_verified_again(
    claims: Claims,
    issuer: &Arc<Issuer>,
    assumed: Assumed,
) -> Result<Verified, Refusal> {
    Verified::assume(claims, issuer, assumed)
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

/// Takes a module that nobody signed as a release of `id`: whoever can write to
/// the store then decides who gets in.
///
/// Everything else holds: where there is a statement or an index, its name,
/// version and digest are the component's, the contract is served, and the
/// version is not yanked.
///
/// # Errors
/// [`Refused`], at the first that does not hold.
pub fn unsigned_release(
    id: &ModuleId,
    listed: Option<&Listed>,
    statement: Option<&[u8]>,
    component: Vec<u8>,
) -> Result<Release, Refused> {
    Release::unsigned(id, listed, statement, component)
}
