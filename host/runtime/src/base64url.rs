//! Base64url without padding, as JWS and JWK write bytes (RFC 7515 §2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes canonical base64url; `None` for padding, white space, another
/// alphabet, or a last character whose unused bits are not zero.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes as base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_decodes() {
        assert_eq!(decode(b"Zm9v"), Some(b"foo".to_vec()));
        assert_eq!(decode(b"Zm8"), Some(b"fo".to_vec()));
        assert_eq!(decode(b""), Some(Vec::new()));
        for other in [
            "Zm8=", "Zm9", "Zm 9v", "Zm9v\n", "Z", "_+==", "Zm9+", "Zm9/",
        ] {
            assert_eq!(decode(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn every_length_survives() {
        for length in 0..70 {
            let bytes: Vec<u8> = (0..length)
                .map(|index: u8| index.wrapping_mul(37))
                .collect();
            assert_eq!(decode(encode(&bytes).as_bytes()), Some(bytes));
        }
    }
}
