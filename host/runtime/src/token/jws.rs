//! A compact JWS, split and decoded, its signature not yet checked (RFC 7515 §7.1).

use std::fmt;

use memchr::memchr_iter;

use super::header::Header;
use crate::base64url;
use crate::json::Limits;
use crate::reason::{Code, Reason, Refusal};
use crate::sha256::sha256;

/// A compact JWS around any payload. Its signature has *not* been checked.
pub struct Jws<'a> {
    header: Header,
    signing_input: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    pub(super) fn split(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        if bytes.len() > limits.bytes {
            let reason = malformed(format!("the token is longer than {} bytes", limits.bytes));
            return Err(reason.found(&format!("{} bytes", bytes.len())).into());
        }
        // What is no text is no base64url either; it only deserves other words.
        Self::read(bytes, limits).map_err(|refusal| match std::str::from_utf8(bytes) {
            Ok(_) => refusal,
            Err(error) => {
                let at = error.valid_up_to();
                malformed(format!("the token is no text from byte {at}")).into()
            }
        })
    }

    fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refusal> {
        let parts = Parts::of(bytes)?;
        let header = Header::parse(part("header", 0, parts.header)?, limits)?;
        let payload = part("payload", parts.header.len() + 1, parts.payload)?;
        let signature = part("signature", parts.signing_input.len() + 1, parts.signature)?;
        if signature.is_empty() {
            return Err(malformed("the token has no signature").into());
        }
        Ok(Self {
            header,
            signing_input: parts.signing_input,
            payload,
            signature,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload, which nobody has vouched for yet.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// What was signed: the first two parts and the dot between them.
    pub(crate) fn signing_input(&self) -> &'a [u8] {
        self.signing_input
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The SHA-256 digest of the whole JWS as it arrived.
    pub(crate) fn digest_as_presented(&self) -> [u8; 32] {
        // What decoded from canonical base64url encodes to the same again.
        let signature = base64url::encode(&self.signature);
        sha256(&[self.signing_input, b".", signature.as_bytes()].concat())
    }

    pub(crate) fn take_payload(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.payload)
    }

    pub(crate) fn into_header(self) -> Header {
        self.header
    }
}

impl fmt::Debug for Jws<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Jws")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// The SHA-256 digest of a JWS signing input (RFC 7515 §5.1), which tells tokens
/// apart whatever is written as their signature: ECDSA's has a twin.
pub(crate) fn signed_digest(signing_input: &[u8]) -> [u8; 32] {
    sha256(signing_input)
}

struct Parts<'a> {
    header: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
    signing_input: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut dots = memchr_iter(b'.', bytes);
        let (first, second, third) = (dots.next(), dots.next(), dots.next());
        let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
        if let (Some(first), Some(second), None) = (first, second, third) {
            return Ok(Self {
                header: part(0, first),
                payload: part(first + 1, second),
                signature: part(second + 1, bytes.len()),
                signing_input: part(0, second),
            });
        }
        let parts = 1 + [first, second, third].iter().flatten().count() + dots.count();
        Err(malformed(match parts {
            1 => "the token has 1 part instead of three".to_owned(),
            // RFC 7516 §9: five parts are an encrypted token.
            5 => "the token has five parts: it is encrypted, not signed".to_owned(),
            parts => format!("the token has {parts} parts instead of three"),
        })
        .into())
    }
}

fn part(name: &str, offset: usize, text: &[u8]) -> Result<Vec<u8>, Refusal> {
    base64url::decode(text).ok_or_else(|| {
        malformed(format!(
            "the token's {name}, from byte {offset}, is not canonical base64url without padding"
        ))
        .into()
    })
}

fn malformed(message: impl Into<String>) -> Reason {
    Reason::new(Code::TokenMalformed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(token: &str) -> String {
        let refusal = Jws::split(token.as_bytes(), &Limits::TOKEN).unwrap_err();
        assert_eq!(refusal.code, Code::TokenMalformed);
        refusal.message.clone()
    }

    #[test]
    fn only_three_parts_are_a_token() {
        let refusal = Jws::split(b"abc\xff", &Limits::TOKEN).unwrap_err();
        assert_eq!(refusal.message, "the token is no text from byte 3");
        assert_eq!(message(""), "the token has 1 part instead of three");
        assert_eq!(message("a.b"), "the token has 2 parts instead of three");
        assert_eq!(message("a.b.c.d"), "the token has 4 parts instead of three");
        assert_eq!(
            message("a.b.c.d.e"),
            "the token has five parts: it is encrypted, not signed"
        );
        assert_eq!(
            message(&".".repeat(16_000)),
            "the token has 16001 parts instead of three"
        );
    }

    #[test]
    fn a_broken_part_is_named_with_its_place() {
        let header = base64url::encode(br#"{"alg":"RS256"}"#);
        assert!(message("e30=.e30.AA").starts_with("the token's header, from byte 0,"));
        assert!(
            message(&format!("{header}.e3 0.AA")).starts_with("the token's payload, from byte 21,")
        );
        assert!(
            message(&format!("{header}.e30.AB"))
                .starts_with("the token's signature, from byte 25,")
        );
        assert_eq!(
            message(&format!("{header}.e30.")),
            "the token has no signature"
        );
    }

    #[test]
    fn a_token_past_its_limit_is_not_read() {
        assert_eq!(
            message(&"a".repeat(16_385)),
            "the token is longer than 16384 bytes"
        );
        assert_eq!(
            message(&"a".repeat(16_384)),
            "the token has 1 part instead of three"
        );
    }

    #[test]
    fn neither_payload_nor_signature_is_printed() {
        let token = format!(
            "{}.c2VjcmV0.c2VjcmV0",
            base64url::encode(br#"{"alg":"RS256"}"#)
        );
        let jws = Jws::split(token.as_bytes(), &Limits::TOKEN).unwrap();
        assert_eq!(jws.unverified_payload(), b"secret");
        assert!(!format!("{jws:?}").contains("secret"));
    }
}
