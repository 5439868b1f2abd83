//! What a module is called.

use std::fmt;
use std::str::FromStr;

use crate::reason::clip;

/// Longest name, in bytes.
const LONGEST: usize = 128;

/// A module's name: 1 to 128 bytes of `a-z`, `0-9`, `-`, `_` and `.`, the first
/// a letter or digit, and no `..`.
///
/// It stands in paths of a folder and of a registry as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName(String);

/// A text that names no module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name of a module: 1 to 128 of `a-z`, `0-9`, `-`, `_`, `.`, the first a letter or digit, no `..`"
)]
pub struct NameError(String);

impl ModuleName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModuleName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
        };
        let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let fits = text.len() <= LONGEST && text.bytes().all(allowed);
        if begins && fits && !text.contains("..") {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError(clip(text)))
        }
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for ModuleName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_held_to_its_grammar() {
        let longest = "a".repeat(LONGEST);
        for name in ["a", "0", "acme-deploy", "acme_1.x", &longest] {
            assert_eq!(name.parse::<ModuleName>().unwrap().as_str(), name);
        }
        let longer = "a".repeat(LONGEST + 1);
        for text in [
            "", "-a", ".a", "_a", "A", "aB", "a..b", "a/b", "a@b", "a b", "ä", "a\n", &longer,
        ] {
            assert!(text.parse::<ModuleName>().is_err(), "{text:?}");
        }
    }
}
