//! A key that verifies signatures on documents.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::digest::Digest;
use super::pem::{self, Block};
use crate::key::Key;
use crate::reason::clip;

const LABEL: &str = "PUBLIC KEY";

/// The `SubjectPublicKeyInfo` of a P-256 key up to its point: ecPublicKey,
/// prime256v1, a bit string of whole octets (RFC 5480 §2).
const P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// A point: a byte 4, then both coordinates (SEC 1 §2.3.3).
const P256_POINT: usize = 65;
/// The same of an Ed25519 key (RFC 8410 §4).
const ED: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const ED_POINT: usize = 32;

/// How a key signs documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256, its signatures in DER.
    P256,
    /// Ed25519 over the document itself (RFC 8032 §5.1), not over its digest.
    Ed25519,
}

impl KeyAlgorithm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::P256, Self::Ed25519];

    /// Its name, as `claimbound modules keygen` takes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::Ed25519 => "ed25519",
        }
    }

    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::P256 => &P256,
            Self::Ed25519 => &ED,
        }
    }

    const fn point(self) -> usize {
        match self {
            Self::P256 => P256_POINT,
            Self::Ed25519 => ED_POINT,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::Ed25519 => &ED25519,
        }
    }
}

impl FromStr for KeyAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| format!("`{}` is neither `p256` nor `ed25519`", clip(text)))
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A key, public or private, that is not one to use for documents. Nothing of
/// the key is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// It is not one PEM block.
    #[error("the key is not one block of PEM: {0}")]
    Pem(&'static str),
    /// A private key stands where a public one belongs.
    #[error("this is a private key, and a public one is needed")]
    Private,
    /// A public key stands where a private one belongs.
    #[error("this is a public key, and a private one is needed")]
    Public,
    /// It is encrypted.
    #[error("the private key is encrypted; decrypt it first, as by `openssl pkey`")]
    Encrypted,
    /// It is encrypted in cosign's own way.
    #[error(
        "the private key is encrypted by cosign; sign with `cosign sign-blob` itself, for what it writes is read here"
    )]
    Cosign,
    /// It is something else.
    #[error("this is no key but a block labelled `{0}`")]
    Label(String),
    /// It is a key of another type or curve, or damaged.
    #[error("only keys on P-256 and Ed25519 sign modules: {0}")]
    Other(String),
    /// It is no point on its curve.
    #[error("the key is no point on its curve")]
    Point,
    /// The library can't make a key, or sign with it.
    #[error("the key can't be made, or can't sign")]
    Failed,
}

/// A key that verifies signatures on documents: P-256 or Ed25519.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    info: Box<[u8]>,
    parsed: Arc<ParsedPublicKey>,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in PEM (RFC 7468 §13), as `cosign.pub` is
    /// one: at most 16 KiB, an uncompressed point.
    ///
    /// # Errors
    /// [`UnusableKey`], which names another kind of key for what it is.
    pub fn from_pem(text: &str) -> Result<Self, UnusableKey> {
        let block = Block::of(text)?;
        match block.label {
            LABEL => Self::from_info(&block.der()?),
            label if label.ends_with("PRIVATE KEY") => Err(UnusableKey::Private),
            label => Err(UnusableKey::Label(clip(label))),
        }
    }

    fn from_info(info: &[u8]) -> Result<Self, UnusableKey> {
        let mut all = KeyAlgorithm::ALL.into_iter();
        let found = all.find_map(|algorithm| {
            let point = info.strip_prefix(algorithm.prefix())?;
            (point.len() == algorithm.point()).then_some((algorithm, point))
        });
        match found {
            Some((algorithm, point)) => Self::from_point(algorithm, point),
            None => Err(UnusableKey::Other(what(info))),
        }
    }

    /// A key of its point alone.
    pub(super) fn from_point(algorithm: KeyAlgorithm, point: &[u8]) -> Result<Self, UnusableKey> {
        let parsed = ParsedPublicKey::new(algorithm.verification(), point);
        let parsed = parsed.map_err(|_| UnusableKey::Point)?;
        Ok(Self {
            algorithm,
            info: [algorithm.prefix(), point].concat().into(),
            parsed: Arc::new(parsed),
        })
    }

    /// How it signs.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The key as PEM.
    pub fn to_pem(&self) -> String {
        pem::write(LABEL, &self.info).to_string()
    }

    /// The digest of its `SubjectPublicKeyInfo` in DER.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.info)
    }

    /// What cosign names the key by in a bundle: the fingerprint in base64.
    pub fn hint(&self) -> String {
        STANDARD.encode(self.fingerprint().as_bytes())
    }

    /// Whether the signature, as raw bytes, is this key's over the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.info == other.info
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PublicKey")
            .field("algorithm", &self.algorithm)
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// What another key is.
fn what(info: &[u8]) -> String {
    match Key::from_pem(&pem::write(LABEL, info)) {
        Ok(key) => format!(
            "this is one of type `{}` with {} bits",
            key.key_type().as_str(),
            key.bits()
        ),
        Err(error) => error.to_string(),
    }
}
