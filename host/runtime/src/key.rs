//! Public keys: parsed once, bound to what they may verify.
//!
//! A key holds only its public half, whatever the JWK held, and one ready
//! verifier for each algorithm that its type, curve, `use`, `key_ops` and
//! `alg` leave (RFC 7517 §4). There is no `none` and no HMAC.

mod algorithm;
mod error;
mod jwk;
mod material;
mod pem;
mod roca;
mod set;
#[cfg(test)]
mod tests;
mod thumbprint;

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;

use crate::json::Node;

pub use algorithm::Algorithm;
pub use error::KeyError;
pub(crate) use set::too_old;
pub use set::{KeySet, KeySetError, SetLimits, Skipped};

/// Smallest RSA modulus, in bits, inclusive (NIST SP 800-131A, RFC 7518 §3.3).
pub const SMALLEST_RSA: u32 = 2048;
/// Largest RSA modulus, in bits, inclusive: past it a check costs too much.
pub const LARGEST_RSA: u32 = 8192;

/// A public key that may verify signatures.
pub struct Key {
    id: Option<Box<str>>,
    kind: KeyType,
    bits: u32,
    thumbprint: Box<str>,
    /// INVARIANT: never empty.
    verifiers: Vec<(Algorithm, ParsedPublicKey)>,
}

/// What kind of key, as a JWK's `kty` says (RFC 7518 §6.1, RFC 8037 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// `RSA`
    Rsa,
    /// `EC`
    Ec,
    /// `OKP`
    Okp,
}

impl KeyType {
    /// The type as a JWK writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Ec => "EC",
            Self::Okp => "OKP",
        }
    }
}

impl Key {
    /// Parses one JWK (RFC 7517 §4).
    ///
    /// # Errors
    /// [`KeyError`]: malformed, of an unknown type, or unfit to verify tokens.
    pub fn from_jwk(json: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        jwk::from_json(json.into())
    }

    /// Reads one JWK that is a part of a strict document.
    pub(crate) fn from_node(jwk: Node<'_>) -> Result<Self, KeyError> {
        jwk::from_node(jwk)
    }

    /// Parses one public key in PEM, a `SubjectPublicKeyInfo` (RFC 7468 §13).
    ///
    /// It has no `kid`, and verifies whatever its type and curve can make.
    ///
    /// # Errors
    /// [`KeyError`]: malformed, of an unknown type, or unfit to verify tokens.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        pem::from_pem(text)
    }

    /// The key's `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The key's type.
    pub fn key_type(&self) -> KeyType {
        self.kind
    }

    /// The size in bits: of the modulus, or of the curve's field.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The SHA-256 thumbprint of RFC 7638, base64url without padding.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// What the key may verify; never empty.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.verifiers.iter().map(|(algorithm, _)| *algorithm)
    }

    /// The name of the first of these, for where one has to stand for all.
    pub(crate) fn usual_algorithm(&self) -> &'static str {
        self.algorithms().next().map_or("", Algorithm::as_str)
    }

    /// Whether the key may verify signatures of that algorithm.
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms().any(|allowed| allowed == algorithm)
    }

    /// Whether this key made `signature` over `message`; never where the key
    /// may not verify that algorithm.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verifier = self
            .verifiers
            .iter()
            .find(|(allowed, _)| *allowed == algorithm);
        verifier.is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("id", &self.id)
            .field("key_type", &self.kind)
            .field("bits", &self.bits)
            .field("thumbprint", &self.thumbprint)
            .finish_non_exhaustive()
    }
}
