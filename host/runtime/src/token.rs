//! A token as it arrives, and its strict decoding: compact JWS, nothing else.
//!
//! RFC 7515 §7.1 and RFC 7519, read narrowly: three parts of canonical
//! base64url without padding; a header and a payload that are strict JSON
//! objects; nothing critical, compressed or detached; registered claims of
//! the right types. What decodes is *not yet verified*.

mod claims;
mod decoded;
mod header;
mod jws;
mod registered;
#[cfg(test)]
mod tests;
mod types;

use std::fmt;

pub use claims::Claims;
pub use decoded::Decoded;
pub use header::Header;
pub use jws::Jws;
pub(crate) use jws::signed_digest;
pub(crate) use registered::Registered;
pub use types::{TokenTypes, TokenTypesError};

use crate::json::Limits;
use crate::reason::Refusal;

/// The bytes of a token. Its `Debug` shows their number alone.
///
/// ```
/// use claimbound::json::Limits;
/// use claimbound::reason::Code;
/// use claimbound::token::Token;
///
/// let refusal = Token::new("not a token").decode(&Limits::TOKEN).unwrap_err();
/// assert_eq!(refusal.code, Code::TokenMalformed);
/// ```
#[derive(Clone, Copy)]
pub struct Token<'a>(&'a [u8]);

impl<'a> Token<'a> {
    /// Takes the bytes as they are; white space around them is not removed.
    pub fn new<T: AsRef<[u8]> + ?Sized>(bytes: &'a T) -> Self {
        Self(bytes.as_ref())
    }

    /// Decodes a JWT: header, payload and registered claims.
    ///
    /// # Errors
    /// A refusal: `token.malformed`, `token.algorithm`, `claim.absent` or
    /// `claim.type`.
    pub fn decode(self, limits: &Limits) -> Result<Decoded<'a>, Refusal> {
        Decoded::new(Jws::split(self.0, limits)?, limits)
    }

    /// Decodes a JWS around any payload, for checking a signature alone.
    ///
    /// # Errors
    /// A refusal: `token.malformed` or `token.algorithm`.
    pub fn decode_raw(self, limits: &Limits) -> Result<Jws<'a>, Refusal> {
        Jws::split(self.0, limits)
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({} bytes)", self.0.len())
    }
}
