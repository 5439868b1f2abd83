//! What all signed documents have in common: JSON objects of a type, read
//! strictly, written in one way.

use std::fmt;
use std::str::FromStr;

use crate::clock;
use crate::json::{Document, JsonError, Limits, Node, Value};
use crate::reason::clip;

/// Longest statement or comparison, in bytes.
const SHORT: usize = 64 * 1024;
/// Deepest nesting that a document has, with one level to spare.
const DEPTH: usize = 4;

/// What a signed document is. Its `type` is inside what is signed, so that a
/// signature on one kind never counts for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// What a module is.
    Statement,
    /// Which versions of a name there are.
    Index,
    /// How two versions differ.
    Comparison,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Statement, Self::Index, Self::Comparison];

    /// The `type` of such a document.
    pub const fn as_type(self) -> &'static str {
        match self {
            Self::Statement => "claimbound.module.v1",
            Self::Index => "claimbound.index.v1",
            Self::Comparison => "claimbound.comparison.v1",
        }
    }

    /// Longest text of such a document, in bytes.
    pub const fn longest(self) -> usize {
        match self {
            Self::Index => Limits::FILE.bytes,
            Self::Statement | Self::Comparison => SHORT,
        }
    }

    /// What the document says it is; nothing else of it is checked.
    ///
    /// # Errors
    /// Where it is no JSON object, or of no type known here.
    pub fn of(bytes: &[u8]) -> Result<Self, DocumentError> {
        let document = Document::parse(bytes, &Limits::FILE).map_err(DocumentError::Json)?;
        let found = text(document.root(), "type")?;
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_type() == found)
            .ok_or_else(|| DocumentError::UnknownType(clip(found)))
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Statement => "statement",
            Self::Index => "index",
            Self::Comparison => "comparison",
        })
    }
}

/// A text that is not the document it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not strict JSON, or too long.
    #[error("it is not strict JSON: {0}")]
    Json(JsonError),
    /// It is of a type that is not known here.
    #[error("its `type` is `{0}`, which is none of a statement, an index or a comparison")]
    UnknownType(String),
    /// It is of another type.
    #[error("its `type` is `{found}`, not `{expected}`")]
    Type {
        /// What was asked for.
        expected: &'static str,
        /// What it says, cut to a bounded length.
        found: String,
    },
    /// Something is not in it.
    #[error("it has no member `{member}`")]
    Missing {
        /// What is missing.
        member: &'static str,
    },
    /// Something is in it that is not known here.
    #[error("it has a member `{member}`, which is not known here")]
    Unknown {
        /// The member, cut to a bounded length.
        member: String,
    },
    /// A member can't be what it says.
    #[error("its member `{member}` can't be: {fault}")]
    Invalid {
        /// The member.
        member: &'static str,
        /// What is wrong with it.
        fault: String,
    },
}

impl DocumentError {
    pub(super) fn invalid(member: &'static str, fault: impl fmt::Display) -> Self {
        Self::Invalid {
            member,
            fault: fault.to_string(),
        }
    }
}

type Read<T> = Result<T, DocumentError>;

/// Parses a document of that kind, which has no other members than these.
pub(super) fn open(bytes: &[u8], kind: DocumentKind, members: &[&str]) -> Read<Document> {
    let limits = Limits {
        bytes: kind.longest(),
        depth: DEPTH,
    };
    let document = Document::parse(bytes, &limits).map_err(DocumentError::Json)?;
    let (expected, found) = (kind.as_type(), text(document.root(), "type")?);
    if found != expected {
        let found = clip(found);
        return Err(DocumentError::Type { expected, found });
    }
    only(document.root(), members)?;
    Ok(document)
}

/// Refuses members that are none of these.
pub(super) fn only(node: Node<'_>, members: &[&str]) -> Read<()> {
    let unknown = node.members().find(|(name, _)| !members.contains(name));
    match unknown {
        Some((name, _)) => Err(DocumentError::Unknown { member: clip(name) }),
        None => Ok(()),
    }
}

/// A member that has to be there.
pub(super) fn member<'a>(node: Node<'a>, member: &'static str) -> Read<Node<'a>> {
    node.get(member).ok_or(DocumentError::Missing { member })
}

/// A member that has to be a text.
pub(super) fn text<'a>(node: Node<'a>, name: &'static str) -> Read<&'a str> {
    let found = member(node, name)?;
    found.text().ok_or_else(|| no(name, "text", found))
}

/// A member that is an object.
pub(super) fn object<'a>(node: Node<'a>, name: &'static str) -> Read<Node<'a>> {
    let found = member(node, name)?;
    match found.value() {
        Value::Object(_) => Ok(found),
        Value::Absent
        | Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::List(_) => Err(no(name, "object", found)),
    }
}

/// A member that is a whole number, not below zero.
pub(super) fn whole(node: Node<'_>, name: &'static str) -> Read<u64> {
    let found = member(node, name)?;
    match found.value() {
        Value::Integer(whole) => {
            u64::try_from(whole).map_err(|_| DocumentError::invalid(name, "it is below zero"))
        }
        Value::Absent
        | Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Object(_) => Err(no(name, "whole number", found)),
    }
}

/// A member that is the text of something.
pub(super) fn parsed<T>(node: Node<'_>, name: &'static str) -> Read<T>
where
    T: FromStr<Err: fmt::Display>,
{
    let text = text(node, name)?;
    text.parse()
        .map_err(|error| DocumentError::invalid(name, error))
}

/// The same, where it may be left out.
pub(super) fn optional<T>(node: Node<'_>, name: &'static str) -> Read<Option<T>>
where
    T: FromStr<Err: fmt::Display>,
{
    match node.get(name) {
        Some(_) => parsed(node, name).map(Some),
        None => Ok(None),
    }
}

/// A member that is a version.
pub(super) fn version(node: Node<'_>, name: &'static str) -> Read<semver::Version> {
    super::version::parse(text(node, name)?).map_err(|error| DocumentError::invalid(name, error))
}

/// A member that is a time, in the one way in which it is written: RFC 3339, in
/// UTC, to the second.
pub(super) fn time(node: Node<'_>, name: &'static str) -> Read<u64> {
    let text = text(node, name)?;
    let seconds = clock::read(text).ok();
    seconds
        .filter(|seconds| clock::date(*seconds) == text)
        .ok_or_else(|| {
            let fault = format!("`{}` is no time such as `2026-11-23T10:00:00Z`", clip(text));
            DocumentError::invalid(name, fault)
        })
}

fn no(name: &'static str, wanted: &str, found: Node<'_>) -> DocumentError {
    let found = found.value().type_name();
    DocumentError::invalid(name, format!("it is no {wanted} but of type {found}"))
}

/// Members and their JSON texts, written one a line.
pub(super) fn write(kind: DocumentKind, members: &[(&str, String)]) -> Vec<u8> {
    let mut text = format!("{{\n  \"type\": {}", quoted(kind.as_type()));
    for (name, json) in members {
        text.push_str(",\n  \"");
        text.push_str(name);
        text.push_str("\": ");
        text.push_str(json);
    }
    text.push_str("\n}\n");
    text.into_bytes()
}

/// A text as JSON has it.
pub(super) fn quoted(text: impl fmt::Display) -> String {
    serde_json::Value::from(text.to_string()).to_string()
}
