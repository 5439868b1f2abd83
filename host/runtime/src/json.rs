//! Strict JSON: the one reader of token headers, payloads and key sets.
//!
//! RFC 8259 to the letter and RFC 7493 (I-JSON) where it matters: UTF-8, no
//! duplicate members at any depth (compared after unescaping), no lone
//! surrogates, nothing after the value, a bounded depth. Integers that fit
//! 64 bits are exact and every other number stays its own text, so that no
//! claim ever passes through a float.

mod decimal;
mod document;
mod duplicate;
mod error;
mod parse;
#[cfg(test)]
mod tests;

pub(crate) use decimal::{ceil, floor};
pub use document::{Document, Items, Members, Node, Value};
pub use error::{Fault, JsonError};

/// The deepest nesting that is ever read; the outermost object is level one.
pub const DEEPEST: usize = 32;

/// What a text may cost before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest text, in bytes, inclusive.
    pub bytes: usize,
    /// Deepest nesting, inclusive; never more than [`DEEPEST`].
    pub depth: usize,
}

impl Limits {
    /// For a token and its parts: 16 KiB, 32 levels.
    pub const TOKEN: Self = Self {
        bytes: 16 * 1024,
        depth: DEEPEST,
    };
    /// For a file that a person wrote, or a published key set: 1 MiB, 32 levels.
    pub const FILE: Self = Self {
        bytes: 1024 * 1024,
        depth: DEEPEST,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::TOKEN
    }
}
