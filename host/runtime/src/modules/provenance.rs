//! Where a component came from: an in-toto statement in a signed envelope.

use super::bundle::{self, Version};
use super::digest::Digest;
use super::public_key::PublicKey;
use super::signature::SignatureError;
use crate::json::{Document, JsonError, Limits, Node};
use crate::reason::clip;

/// What the envelope of an in-toto statement says that it holds (in-toto
/// Attestation Framework 1.0, "Envelope").
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The types of statements, old and new.
const TYPES: [&str; 2] = [
    "https://in-toto.io/Statement/v0.1",
    "https://in-toto.io/Statement/v1",
];
/// Most signatures in an envelope.
const MOST_SIGNATURES: usize = 16;
/// Most components that a statement is about.
const MOST_SUBJECTS: usize = 1024;

/// Bytes that hold no attestation, or one that does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvenanceError {
    /// The bundle around it can't be read.
    #[error(transparent)]
    Bundle(#[from] SignatureError),
    /// It is not strict JSON.
    #[error("it is not strict JSON: {0}")]
    Json(JsonError),
    /// The envelope is none.
    #[error("it is no envelope: {0}")]
    Envelope(&'static str),
    /// The key did not sign it.
    #[error("the key did not sign it")]
    Stranger,
    /// The payload is none of in-toto.
    #[error("it holds `{0}`, which is no in-toto statement")]
    Type(String),
    /// The statement names nothing that it is about.
    #[error("it names no component that it is about")]
    NoSubject,
    /// The statement is about something else, or names it by another digest.
    #[error("none of the components that it is about has the digest `{0}`")]
    Subject(Digest),
}

/// What somebody attests of a component: an in-toto statement whose subject is
/// that component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    predicate_type: String,
    statement: Document,
}

impl Provenance {
    /// Reads an attestation, bare or in a bundle, at most 1 MiB, that the key
    /// signed about this component.
    ///
    /// # Errors
    /// [`ProvenanceError`] where it is none, another key signed it, or it is
    /// about something else.
    pub fn verify(
        bytes: &[u8],
        key: &PublicKey,
        component: &Digest,
    ) -> Result<Self, ProvenanceError> {
        let envelope = Envelope::parse(bytes)?;
        if !envelope.is_by(key) {
            return Err(ProvenanceError::Stranger);
        }
        envelope.about(component)
    }

    /// The type of what is said, such as `https://slsa.dev/provenance/v1`.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// The whole statement, whose `predicate` says it.
    pub const fn statement(&self) -> &Document {
        &self.statement
    }
}

/// An envelope (DSSE 1.0), not yet verified.
pub(super) struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<Vec<u8>>,
}

impl Envelope {
    /// Reads a bare envelope, or the one in a bundle.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ProvenanceError> {
        let document = Document::parse(bytes, &Limits::FILE).map_err(ProvenanceError::Json)?;
        if document.get(&["mediaType"]).is_none() {
            return Self::read(document.root());
        }
        let versions = [Version::V01, Version::V02, Version::V03];
        let bundle = bundle::open(bytes, &Limits::FILE, &versions)?;
        match bundle.get(&["dsseEnvelope"]) {
            Some(envelope) => Self::read(envelope),
            None => Err(ProvenanceError::Envelope("the bundle holds none")),
        }
    }

    fn read(node: Node<'_>) -> Result<Self, ProvenanceError> {
        let text = |name: &str| node.get(name).and_then(Node::text);
        let missing = ProvenanceError::Envelope;
        let payload = text("payload").ok_or(missing("it has no `payload`"))?;
        let signatures = node.get("signatures").map(Node::items);
        let signatures = signatures.ok_or(missing("it has no `signatures`"))?;
        if signatures.clone().nth(MOST_SIGNATURES).is_some() {
            return Err(missing("it has more than 16 signatures"));
        }
        Ok(Self {
            payload_type: text("payloadType")
                .ok_or(missing("it has no `payloadType`"))?
                .to_owned(),
            payload: bundle::decode(payload)?,
            signatures: signatures.map(octets).collect::<Result<_, _>>()?,
        })
    }

    /// Whether the key signed it.
    pub(super) fn is_by(&self, key: &PublicKey) -> bool {
        let message = self.message();
        let mut signatures = self.signatures.iter();
        signatures.any(|signature| key.verifies(&message, signature))
    }

    /// What is signed (DSSE 1.0, "Signature Definition": PAE).
    fn message(&self) -> Vec<u8> {
        let (kind, length) = (&self.payload_type, self.payload.len());
        let begin = format!("DSSEv1 {} {kind} {length} ", kind.len());
        [begin.as_bytes(), &self.payload].concat()
    }

    /// What it says, if that is about this component.
    pub(super) fn about(self, component: &Digest) -> Result<Provenance, ProvenanceError> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(ProvenanceError::Type(clip(&self.payload_type)));
        }
        let statement = Document::parse(self.payload, &Limits::FILE);
        let statement = statement.map_err(ProvenanceError::Json)?;
        let text = |name: &str| {
            statement
                .get(&[name])
                .and_then(Node::text)
                .unwrap_or_default()
        };
        if !TYPES.contains(&text("_type")) {
            return Err(ProvenanceError::Type(clip(text("_type"))));
        }
        let predicate_type = text("predicateType").to_owned();
        is_about(&statement, component)?;
        Ok(Provenance {
            predicate_type,
            statement,
        })
    }
}

fn octets(signature: Node<'_>) -> Result<Vec<u8>, ProvenanceError> {
    let text = signature.get("sig").and_then(Node::text);
    let text = text.ok_or(ProvenanceError::Envelope("a signature has no `sig`"))?;
    Ok(bundle::decode(text)?)
}

fn is_about(statement: &Document, component: &Digest) -> Result<(), ProvenanceError> {
    let subjects = statement.get(&["subject"]).map(Node::items);
    let Some(subjects) = subjects.filter(|subjects| subjects.clone().next().is_some()) else {
        return Err(ProvenanceError::NoSubject);
    };
    let digits = component.to_digits();
    let sha256 = |subject: Node<'_>| {
        let found = subject
            .get("digest")
            .and_then(|digest| digest.get("sha256"));
        found
            .and_then(Node::text)
            .is_some_and(|found| found == digits)
    };
    if subjects.take(MOST_SUBJECTS).any(sha256) {
        Ok(())
    } else {
        Err(ProvenanceError::Subject(*component))
    }
}
