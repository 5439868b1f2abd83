//! Sigstore bundles: what a signature and what it needs travel in.
//!
//! Everything in a bundle is a claim of whoever made it. Certificates, keys,
//! log entries and timestamps in it are passed over: the keys that are given
//! decide.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::digest::Digest;
use super::public_key::PublicKey;
use super::signature::SignatureError;
use crate::json::{Document, Limits, Node};
use crate::reason::clip;

/// What is written, and the usual form of what is read.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The algorithm of the digest in a bundle.
const ALGORITHM: &str = "SHA2_256";

type Read<T> = Result<T, SignatureError>;

/// The version of a bundle's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V01,
    V02,
    V03,
}

impl Version {
    fn of(media_type: &str) -> Option<Self> {
        match media_type {
            MEDIA_TYPE | "application/vnd.dev.sigstore.bundle+json;version=0.3" => Some(Self::V03),
            "application/vnd.dev.sigstore.bundle+json;version=0.2" => Some(Self::V02),
            "application/vnd.dev.sigstore.bundle+json;version=0.1" => Some(Self::V01),
            _ => None,
        }
    }
}

/// A signature over bytes that stand elsewhere.
pub(super) struct Message {
    pub(super) signature: Vec<u8>,
    pub(super) digest: Digest,
}

/// Parses a bundle of one of these versions.
pub(super) fn open(text: &[u8], limits: &Limits, versions: &[Version]) -> Read<Document> {
    let bundle = Document::parse(text, limits).map_err(SignatureError::Json)?;
    let media_type = bundle.get(&["mediaType"]).and_then(Node::text);
    let media_type = media_type.ok_or(SignatureError::Bundle("it has no `mediaType`"))?;
    match Version::of(media_type).filter(|version| versions.contains(version)) {
        Some(_) => Ok(bundle),
        None => Err(SignatureError::Version(clip(media_type))),
    }
}

/// Reads the bundle of a signature on a document.
pub(super) fn message(text: &[u8], limits: &Limits) -> Read<Message> {
    let bundle = open(text, limits, &[Version::V03])?;
    if bundle.get(&["dsseEnvelope"]).is_some() {
        return Err(SignatureError::Attestation);
    }
    let member = |path: &[&str], fault| {
        let found = bundle.get(path).and_then(Node::text);
        found.ok_or(SignatureError::Bundle(fault))
    };
    let signature = member(&["messageSignature", "signature"], "it has no signature")?;
    let path = ["messageSignature", "messageDigest", "algorithm"];
    let algorithm = member(&path, "its digest has no algorithm")?;
    if algorithm != ALGORITHM {
        return Err(SignatureError::Algorithm(clip(algorithm)));
    }
    let path = ["messageSignature", "messageDigest", "digest"];
    let digest = decode(member(&path, "it has no digest")?)?;
    let digest: [u8; 32] = digest
        .try_into()
        .map_err(|_| SignatureError::Bundle("its digest has not 32 bytes"))?;
    Ok(Message {
        signature: decode(signature)?,
        digest: digest.into(),
    })
}

/// Bytes as a bundle has them.
pub(super) fn decode(text: &str) -> Read<Vec<u8>> {
    STANDARD.decode(text).map_err(|_| SignatureError::Base64)
}

/// A bundle as `cosign sign-blob --key --bundle` writes it without log and
/// timestamps, on one line.
pub(super) fn write(document: &[u8], signature: &[u8], key: &PublicKey) -> Vec<u8> {
    let bundle = serde_json::json!({
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": { "publicKey": { "hint": key.hint() } },
        "messageSignature": {
            "messageDigest": {
                "algorithm": ALGORITHM,
                "digest": STANDARD.encode(Digest::of(document).as_bytes()),
            },
            "signature": STANDARD.encode(signature),
        },
    });
    format!("{bundle}\n").into_bytes()
}
