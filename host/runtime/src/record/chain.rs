//! The chain: each line carries the hash of the one before it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::hexadecimal;
use crate::reason::clip;
use crate::sha256::sha256;

/// The SHA-256 digest of a line's bytes, its line feed excluded.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

/// A text that is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no hash: one has 64 lower-case hexadecimal digits")]
pub struct HashError(String);

impl Hash {
    /// What the first line of a record carries in place of a hash.
    pub const GENESIS: Self = Self([0; 32]);

    /// The hash of a line, given without its line feed.
    pub fn of(line: &[u8]) -> Self {
        Self(sha256(line))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hexadecimal::encode("", &self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let bytes = hexadecimal::decode(text);
        bytes.map(Self).ok_or_else(|| HashError(clip(text)))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The end of a record: how many lines it has, and the hash of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The number of lines, which is the number of the last.
    pub count: u64,
    /// Its hash; [`Hash::GENESIS`] where there is no line.
    pub head: Hash,
}

impl Head {
    /// The end of a record without lines.
    pub const GENESIS: Self = Self {
        count: 0,
        head: Hash::GENESIS,
    };

    /// The end once `line` follows, given without its line feed.
    pub(super) fn then(self, line: &[u8]) -> Self {
        Self {
            count: self.count.saturating_add(1),
            head: Hash::of(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_as_they_are_written() {
        // FIPS 180-4's own example.
        let hash = Hash::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse(), Ok(hash));
        for wrong in [
            "",
            "00",
            &text[1..],
            &text.to_uppercase(),
            &format!("{text}0"),
        ] {
            assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
        }
    }
}
