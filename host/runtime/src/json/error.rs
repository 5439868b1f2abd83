//! Why a text is not the JSON that was asked for, and at which byte.

use crate::reason::clip;

/// A text that is not strict JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {offset}")]
pub struct JsonError {
    /// Where, in bytes from the start of the text.
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is longer than its limit.
    #[error("the text is longer than {limit} bytes,")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The bytes are not UTF-8 (RFC 8259 §8.1).
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// Objects and lists are nested deeper than the limit.
    #[error("nesting deeper than {limit} levels")]
    TooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// An object names a member twice (RFC 7493 §2.3).
    #[error("a second member `{name}`")]
    DuplicateMember {
        /// The name after unescaping, cut to a bounded length.
        name: String,
    },
    /// A `\u` escape that is half of a surrogate pair (RFC 7493 §2.1).
    #[error("a lone surrogate")]
    LoneSurrogate,
    /// An unescaped control character inside a string (RFC 8259 §7).
    #[error("an unescaped control character")]
    ControlCharacter,
    /// A backslash that starts no escape (RFC 8259 §7).
    #[error("an unknown escape")]
    UnknownEscape,
    /// Something else stands where the grammar asks for this.
    #[error("no {expected}")]
    Expected {
        /// What the grammar asks for.
        expected: &'static str,
    },
    /// The value ends and more follows.
    #[error("more text after the value")]
    TrailingText,
}

impl JsonError {
    pub(super) fn new(offset: usize, fault: Fault) -> Self {
        Self { offset, fault }
    }

    pub(super) fn duplicate(offset: usize, name: &str) -> Self {
        Self::new(offset, Fault::DuplicateMember { name: clip(name) })
    }
}
