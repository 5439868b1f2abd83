//! The one block of a PEM text (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::public_key::UnusableKey;

/// Longest text, in bytes.
const LONGEST: usize = 16 * 1024;
/// What `openssl ecparam` writes before a key: the name of the curve, which the
/// key says again.
const PARAMETERS: &str = "EC PARAMETERS";

/// A block's label and its body, not yet decoded.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    body: &'a str,
}

impl<'a> Block<'a> {
    /// The one block of a text; what stands around it is passed over (RFC 7468
    /// §2).
    pub(super) fn of(text: &'a str) -> Result<Self, UnusableKey> {
        if text.len() > LONGEST {
            return Err(UnusableKey::Pem("it is longer than 16 KiB"));
        }
        let mut found = None;
        let mut rest = text;
        while let Some((block, after)) = next(rest)? {
            rest = after;
            if block.label == PARAMETERS {
                continue;
            }
            if found.replace(block).is_some() {
                return Err(UnusableKey::Pem("it holds more than one block"));
            }
        }
        found.ok_or(UnusableKey::Pem("it holds no PEM block"))
    }

    /// The bytes of its body, wiped when dropped.
    pub(super) fn der(&self) -> Result<Zeroizing<Vec<u8>>, UnusableKey> {
        let digits: String = self.body.split_ascii_whitespace().collect();
        let decoded = STANDARD.decode(Zeroizing::new(digits).as_bytes());
        decoded
            .map(Zeroizing::new)
            .map_err(|_| UnusableKey::Pem("its body is not base64"))
    }
}

/// The next block of a text, and what follows it.
fn next(text: &str) -> Result<Option<(Block<'_>, &str)>, UnusableKey> {
    let Some((_, rest)) = text.split_once("-----BEGIN ") else {
        return Ok(None);
    };
    let block = || {
        let (label, rest) = rest.split_once("-----")?;
        let (body, rest) = rest.split_once("-----END ")?;
        let rest = rest.strip_prefix(label)?.strip_prefix("-----")?;
        Some((Block { label, body }, rest))
    };
    block()
        .map(Some)
        .ok_or(UnusableKey::Pem("a block of it does not end as it begins"))
}

/// A block with that label, lines of 64 characters (RFC 7468 §2).
pub(super) fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    let digits = Zeroizing::new(STANDARD.encode(der));
    // Room for all of it from the start, so that no part is left behind.
    let room = digits.len() + digits.len() / 64 + 2 * label.len() + 64;
    let mut text = Zeroizing::new(String::with_capacity(room));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(digit);
    }
    for part in ["\n-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}
