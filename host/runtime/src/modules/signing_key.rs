//! A private key that signs documents.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use zeroize::Zeroizing;

use super::pem::{self, Block};
use super::public_key::{KeyAlgorithm, PublicKey, UnusableKey};
use super::signature::{Form, Signature};
use crate::reason::clip;

const LABEL: &str = "PRIVATE KEY";

/// A private key on P-256 or of Ed25519. It shows nothing of itself, and is
/// wiped where it lies when dropped.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`UnusableKey::Failed`] where the library can't make one.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, UnusableKey> {
        let pair = match algorithm {
            KeyAlgorithm::P256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map(Pair::P256)
            }
            KeyAlgorithm::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::new(pair.map_err(|_| UnusableKey::Failed)?)
    }

    /// Reads a private key in PEM: PKCS #8 (RFC 5958), or of a curve alone (RFC
    /// 5915), not encrypted, at most 16 KiB.
    ///
    /// # Errors
    /// [`UnusableKey`], which names another kind of key for what it is.
    pub fn from_pem(text: &str) -> Result<Self, UnusableKey> {
        let block = Block::of(text)?;
        match block.label {
            LABEL => Self::from_der(&block.der()?),
            "EC PRIVATE KEY" => match p256(&block.der()?) {
                Some(pair) => Self::new(pair),
                None => Err(other("a private key on another curve, or a damaged one")),
            },
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                Err(UnusableKey::Cosign)
            }
            "ENCRYPTED PRIVATE KEY" => Err(UnusableKey::Encrypted),
            "PUBLIC KEY" => Err(UnusableKey::Public),
            "RSA PRIVATE KEY" => Err(other("a private key of RSA")),
            label => Err(UnusableKey::Label(clip(label))),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, UnusableKey> {
        let ed25519 = || Ed25519KeyPair::from_pkcs8(der).ok().map(Pair::Ed25519);
        match p256(der).or_else(ed25519) {
            Some(pair) => Self::new(pair),
            None => Err(other(
                "a private key of another type or curve, or a damaged one",
            )),
        }
    }

    fn new(pair: Pair) -> Result<Self, UnusableKey> {
        let (algorithm, point) = match &pair {
            Pair::P256(pair) => (KeyAlgorithm::P256, pair.public_key().as_ref()),
            Pair::Ed25519(pair) => (KeyAlgorithm::Ed25519, pair.public_key().as_ref()),
        };
        let public = PublicKey::from_point(algorithm, point)?;
        Ok(Self { pair, public })
    }

    /// The key that verifies what this one signs.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key as PKCS #8 in PEM, wiped when dropped.
    ///
    /// # Errors
    /// [`UnusableKey::Failed`] where the library can't write it.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, UnusableKey> {
        let der = match &self.pair {
            Pair::P256(pair) => pair.to_pkcs8v1(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
        };
        let der = der.map_err(|_| UnusableKey::Failed)?;
        Ok(pem::write(LABEL, der.as_ref()))
    }

    /// Signs a document's exact bytes, as `cosign sign-blob --key` does.
    ///
    /// # Errors
    /// [`UnusableKey::Failed`] where the library can't sign.
    pub fn sign(&self, document: &[u8], form: Form) -> Result<Signature, UnusableKey> {
        let octets = match &self.pair {
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), document),
            Pair::Ed25519(pair) => pair.try_sign(document),
        };
        let octets = octets.map_err(|_| UnusableKey::Failed)?;
        Ok(Signature::made(
            form,
            document,
            octets.as_ref(),
            &self.public,
        ))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

fn p256(der: &[u8]) -> Option<Pair> {
    let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der);
    pair.ok().map(Pair::P256)
}

fn other(what: &str) -> UnusableKey {
    UnusableKey::Other(format!("this is {what}"))
}
