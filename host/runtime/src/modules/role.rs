//! What a key's word is taken for.

use std::fmt;
use std::str::FromStr;

use super::document::DocumentKind;
use crate::reason::clip;

/// What a key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Statements: what a module is; and where it came from.
    Module,
    /// Indexes: which versions there are.
    Index,
    /// Comparisons: how two versions differ.
    Comparison,
    /// Comparisons once more, where the new version lets in more: never with
    /// the same key as the first time.
    Wider,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Module, Self::Index, Self::Comparison, Self::Wider];

    /// What a key may sign, unless it is said: all but a second time.
    pub const USUAL: [Self; 3] = [Self::Module, Self::Index, Self::Comparison];

    /// As a configuration writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Index => "index",
            Self::Comparison => "comparison",
            Self::Wider => "wider",
        }
    }

    /// The role that a document of that kind asks for.
    pub(super) const fn of(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::Statement => Self::Module,
            DocumentKind::Index => Self::Index,
            DocumentKind::Comparison => Self::Comparison,
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.as_str() == text).ok_or_else(|| {
            let text = clip(text);
            format!("`{text}` is none of `module`, `index`, `comparison`, `wider`")
        })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
