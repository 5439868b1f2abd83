//! The key that authenticates machine code.

use std::fmt;

use aws_lc_rs::hmac;

/// 32 random bytes that make machine code trusted: whoever has them, and can
/// write to the folder, runs code as this host. Shown nowhere, and wiped
/// where it lies when dropped.
pub struct CodeKey(hmac::Key);

impl CodeKey {
    /// How many bytes a key has: as many as HMAC-SHA-256 has strength (RFC 2104
    /// §3).
    pub const LENGTH: usize = 32;

    /// A key of these bytes, which the caller wipes.
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The tag of `message`.
    pub(super) fn tag(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, message)
    }

    /// Whether `tag` is that of `message`; takes the same time wherever they
    /// differ.
    pub(super) fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CodeKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_nothing_of_itself() {
        let key = CodeKey::new(&[0x5a; CodeKey::LENGTH]);
        assert_eq!(format!("{key:?}"), "CodeKey(..)");
    }

    #[test]
    fn tags_are_those_of_hmac_sha_256() {
        // RFC 4231 §4.2, whose key of 20 bytes HMAC pads with zeroes.
        let mut bytes = [0; CodeKey::LENGTH];
        bytes[..20].fill(0x0b);
        let expected = [
            0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b,
            0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83, 0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c,
            0x2e, 0x32, 0xcf, 0xf7,
        ];
        let tag = CodeKey::new(&bytes).tag(b"Hi There");
        assert_eq!(tag.as_ref(), expected);
    }
}
