//! The key that authenticates machine code.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

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

    /// A key of exactly as many hexadecimal digits, of either case, which the
    /// caller wipes; `None` for anything else.
    pub fn from_digits(digits: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != Self::LENGTH || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let digit = |text: u8| char::from(text).to_digit(16);
            *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
        }
        Some(Self::new(&bytes))
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
    fn a_key_is_so_many_hexadecimal_digits_and_nothing_else() {
        let bytes: Vec<u8> = (0..32).collect();
        let text = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let tag = |key: CodeKey| key.tag(b"Hi There").as_ref().to_vec();
        let expected = tag(CodeKey::new(bytes.as_slice().try_into().unwrap()));
        let read = |text: &str| CodeKey::from_digits(text.as_bytes()).map(tag);
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read(&text.to_uppercase()).unwrap(), expected);
        let mixed = tag(CodeKey::new(
            &[[0x0f, 0xa0]; 16].concat().try_into().unwrap(),
        ));
        assert_eq!(read(&"0fA0".repeat(16)).unwrap(), mixed);
        for wrong in [
            String::new(),
            "0f".to_owned(),
            text[1..].to_owned(),
            text[2..].to_owned(),
            format!("{text}0"),
            format!("{text}00"),
            text.replace('f', "g"),
            text.replace("0f", "+f"),
            text.replace("0f", "é"),
            "0g".repeat(32),
            "00".repeat(33),
            "0".repeat(63),
        ] {
            assert!(read(&wrong).is_none(), "{wrong}");
        }
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
