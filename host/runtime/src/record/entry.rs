//! What one line says, read back.

use serde::{Deserialize, Serialize};

use super::chain::Hash;
use super::decision::Decision;
use super::divergence::Divergence;
use super::line::{LONGEST, LONGEST_BODY, ascii};
use crate::json::{DEEPEST, Document, JsonError, Limits};
use crate::outcome::HostError;
use crate::reason::{Code, HostCode};

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from one.
    pub seq: u64,
    /// The hash of the line before it.
    pub prev: Hash,
    /// What it is about.
    pub body: Body,
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// A decision on a verified token.
    Decision(Box<Decision>),
    /// Tokens that were refused before they were verified.
    Unverified(Unverified),
    /// What was found at the end of the record after a crash, and taken off.
    Recovered(Recovered),
    /// Two versions of a policy that disagree on a token.
    Divergence(Box<Divergence>),
}

/// Tokens that were refused before they were verified, and have the same code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unverified {
    /// When the last of them was, in seconds since 1970.
    pub time: u64,
    /// The route that it was presented to.
    pub route: String,
    /// Always true: nobody vouches for what follows.
    pub unverified: bool,
    /// Why they were refused.
    pub code: Code,
    /// The issuer that the last of them names.
    pub issuer: Option<String>,
    /// How many there were since the line before of this code.
    pub count: u64,
}

/// What was found at the end of the record, and taken off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// When, in seconds since 1970.
    pub time: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How many whole lines were among them. A crash leaves none, unless the
    /// power failed: then somebody may have altered the first of them.
    pub lines: u64,
    /// The file beside the record's that they were moved to.
    pub file: String,
    /// Their SHA-256 digest, in hexadecimal.
    pub sha256: Hash,
}

/// A line that says nothing that is understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is no JSON object.
    #[error("not a JSON object: {0}")]
    Json(JsonError),
    /// It is one, and not one of a record.
    #[error("not a line of a record: {0}")]
    Members(String),
}

impl Body {
    /// When it was, in seconds since 1970.
    pub fn time(&self) -> u64 {
        match self {
            Self::Decision(decision) => decision.time,
            Self::Unverified(unverified) => unverified.time,
            Self::Recovered(recovered) => recovered.time,
            Self::Divergence(divergence) => divergence.time,
        }
    }

    /// The body as it is written, in ASCII; what doesn't fit is left out, and
    /// the line says so.
    pub(super) fn text(&self) -> Result<String, HostError> {
        let whole = written(self)?;
        let Self::Decision(decision) = self else {
            return bounded(whole);
        };
        if whole.len() <= LONGEST_BODY {
            return Ok(whole);
        }
        let shorter = written(&Self::Decision(Box::new(decision.without_kept())))?;
        if shorter.len() <= LONGEST_BODY {
            return Ok(shorter);
        }
        bounded(written(&Self::Decision(Box::new(
            decision.with_bare_reasons(),
        )))?)
    }
}

fn written(body: &Body) -> Result<String, HostError> {
    let json = serde_json::to_string(body);
    json.map(ascii)
        .map_err(|error| HostError::new(HostCode::Record, format!("no line can be made: {error}")))
}

fn bounded(text: String) -> Result<String, HostError> {
    if text.len() <= LONGEST_BODY {
        return Ok(text);
    }
    let message = format!("the line would have {} bytes", text.len());
    Err(HostError::new(HostCode::Record, message))
}

/// The members that chain a line.
#[derive(Deserialize)]
struct Chain {
    seq: u64,
    prev: Hash,
}

impl Entry {
    /// Reads a line, given without its line feed.
    pub fn parse(line: &[u8]) -> Result<Self, EntryError> {
        let limits = Limits {
            bytes: LONGEST,
            depth: DEEPEST,
        };
        // Strictly first: no member stands twice.
        let document = Document::parse(line, &limits).map_err(EntryError::Json)?;
        let members = |error: serde_json::Error| EntryError::Members(error.to_string());
        let chain: Chain = serde_json::from_str(document.text()).map_err(members)?;
        let body = serde_json::from_str(document.text()).map_err(members)?;
        Ok(Self {
            seq: chain.seq,
            prev: chain.prev,
            body,
        })
    }
}
