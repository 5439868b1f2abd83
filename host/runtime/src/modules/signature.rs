//! A signature on a document, as a file beside it holds it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::authority::MOST_LOOKED_AT;
use super::bundle;
use super::digest::Digest;
use super::public_key::PublicKey;
use super::untrusted::Untrusted;
use crate::json::{DEEPEST, JsonError, Limits};

/// For a bundle: 64 KiB; one with an entry of a log takes 4.
const LIMITS: Limits = Limits {
    bytes: 64 * 1024,
    depth: DEEPEST,
};
/// Longest signature, in bytes: of the two kinds here, one in DER takes 72.
const LONGEST: usize = 512;

/// A document and the signatures that came with it, none of them verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The document's exact bytes.
    pub document: Vec<u8>,
    /// What is said to be signatures on them.
    pub signatures: Vec<Signature>,
}

impl Signed {
    /// Whether there is a number of signatures that is looked at, and one of
    /// them can be on this document.
    pub(super) fn check(&self) -> Result<(), Untrusted> {
        let found = self.signatures.len();
        if found == 0 {
            return Err(Untrusted::Unsigned);
        }
        if found > MOST_LOOKED_AT {
            return Err(Untrusted::TooMany { found });
        }
        if !self.signatures.iter().any(|one| one.fits(&self.document)) {
            return Err(Untrusted::Elsewhere);
        }
        Ok(())
    }

    pub(super) fn is_by(&self, key: &PublicKey) -> bool {
        self.one_by(key).is_some()
    }

    /// The first signature by a key.
    pub(super) fn one_by(&self, key: &PublicKey) -> Option<&Signature> {
        let mut signatures = self.signatures.iter();
        signatures.find(|one| one.is_by(key, &self.document))
    }

    /// Whether this key signed the document, whatever it says and whoever may
    /// sign it; an [`Authority`](super::Authority) asks that too.
    ///
    /// # Errors
    /// [`Untrusted`] where it did not.
    pub fn verify(&self, key: &PublicKey) -> Result<(), Untrusted> {
        self.check()?;
        if self.is_by(key) {
            Ok(())
        } else {
            Err(Untrusted::Stranger)
        }
    }
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Base64 of the signature alone, as cosign 2 writes it: `FILE.sig`.
    Detached,
    /// A Sigstore bundle 0.3, as cosign 3 writes it: `FILE.sigstore.json`.
    Bundle,
}

impl Form {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Bundle, Self::Detached];

    /// What such a file's name ends with, after that of the document.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Detached => "sig",
            Self::Bundle => "sigstore.json",
        }
    }
}

/// A signature that may be anybody's.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature {
    form: Form,
    text: Vec<u8>,
    octets: Vec<u8>,
    digest: Option<Digest>,
}

/// Bytes that hold no signature on a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is too much of it, or nothing.
    #[error("the signature is empty, or longer than any is")]
    Length,
    /// It is no base64.
    #[error("the signature is not base64")]
    Base64,
    /// It begins like a bundle, and is not strict JSON.
    #[error("the bundle is not strict JSON: {0}")]
    Json(JsonError),
    /// The bundle's version is not read here.
    #[error("a bundle of type `{0}` is not read here; one of version 0.3 is")]
    Version(String),
    /// The bundle is none.
    #[error("the bundle holds no signature on a document: {0}")]
    Bundle(&'static str),
    /// The bundle holds an attestation.
    #[error("the bundle holds an attestation, not a signature on the document's bytes")]
    Attestation,
    /// The bundle's digest is by another algorithm.
    #[error("the bundle's digest is by `{0}`, not by `SHA2_256`")]
    Algorithm(String),
}

impl Signature {
    /// Reads a signature in either form; a bundle, of at most 64 KiB, begins
    /// with `{`.
    ///
    /// # Errors
    /// [`SignatureError`] where the bytes are neither.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let (form, octets, digest) = if bytes.trim_ascii_start().starts_with(b"{") {
            let message = bundle::message(bytes, &LIMITS)?;
            (Form::Bundle, message.signature, Some(message.digest))
        } else {
            (Form::Detached, detached(bytes)?, None)
        };
        if !(1..=LONGEST).contains(&octets.len()) {
            return Err(SignatureError::Length);
        }
        Ok(Self {
            form,
            text: bytes.to_vec(),
            octets,
            digest,
        })
    }

    /// One that was just made.
    pub(super) fn made(form: Form, document: &[u8], octets: &[u8], key: &PublicKey) -> Self {
        let (text, digest) = match form {
            Form::Detached => (STANDARD.encode(octets).into_bytes(), None),
            Form::Bundle => {
                let text = bundle::write(document, octets, key);
                (text, Some(Digest::of(document)))
            }
        };
        Self {
            form,
            text,
            octets: octets.to_vec(),
            digest,
        }
    }

    /// How it is written.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The bytes of its file, as they were read.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether it can be one on this document: a bundle names a digest, which
    /// proves nothing, but has to be the document's.
    pub fn fits(&self, document: &[u8]) -> bool {
        self.digest
            .is_none_or(|digest| digest == Digest::of(document))
    }

    /// Whether the key made it, on this document.
    pub fn is_by(&self, key: &PublicKey, document: &[u8]) -> bool {
        self.fits(document) && key.verifies(document, &self.octets)
    }
}

/// Lines of base64, as `base64` and `openssl` break them.
fn detached(text: &[u8]) -> Result<Vec<u8>, SignatureError> {
    if text.len() > 2 * LONGEST {
        return Err(SignatureError::Length);
    }
    let mut digits = text.to_vec();
    digits.retain(|byte| !byte.is_ascii_whitespace());
    STANDARD.decode(digits).map_err(|_| SignatureError::Base64)
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signature")
            .field("form", &self.form)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
