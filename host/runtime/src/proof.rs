//! Proof of possession: what a caller shows beside a token that is bound to a
//! key or a certificate.
//!
//! A token with `cnf` (RFC 7800) is never a bearer token. What it is bound to has
//! to be shown: a proof by its key for `jkt` (`DPoP`, RFC 9449), its certificate for
//! `x5t#S256` (mutual TLS, RFC 8705), both for both. Other members of `cnf` are
//! passed over beside these (RFC 7800 §3.1), and nobody can prove them alone.
//!
//! A proof by a key counts once, so that a host needs somewhere to remember it:
//! [`ledger::Keeper`](crate::ledger::Keeper) checks all proofs. A host without a
//! ledger can have certificates checked, by [`Certificates`].
//!
//! A proof that comes with a bearer token without `cnf` proves nothing of it and is
//! not looked at (RFC 9449 §7.1 speaks of tokens under the scheme `DPoP` alone); a
//! token under that scheme that has no `jkt` is refused. Nonces (RFC 9449 §8) are
//! neither given out nor asked for.

pub mod certificate;
mod check;
mod dpop;
mod target;

use std::fmt;

pub use check::Certificates;
pub(crate) use check::{check, check_scheme};
pub use dpop::{ALGORITHMS, Bound, DpopRules, LONGEST_AGE, Proved};

/// How a token was presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// As a bearer token (RFC 6750 §2.1).
    #[default]
    Bearer,
    /// With a proof by its key (RFC 9449 §7.1).
    Dpop,
    /// In the body of a token exchange (RFC 8693 §2.1), which names no scheme; a
    /// proof stands beside it where the token is bound to a key, and has `ath`
    /// there too.
    Form,
}

/// What a caller showed beside its token; by default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Possession {
    /// How the token was presented.
    pub scheme: Scheme,
    /// The proof by the token's key, where there is one.
    pub dpop: Option<DpopProof>,
    /// The SHA-256 of the certificate (DER) that the caller used, as an
    /// authenticated proxy, or the connection itself, says.
    pub certificate: Option<[u8; 32]>,
}

/// A `DPoP` proof, and the request that it came with (RFC 9449 §4).
#[derive(Clone, PartialEq, Eq)]
pub struct DpopProof {
    /// The proof, a compact JWS: the whole value of the header `DPoP`. Where it
    /// was sent more than once, the values with a comma between them (RFC 9110
    /// §5.3), which is refused.
    pub jwt: String,
    /// The request's method, as the caller sent it.
    pub method: String,
    /// The request's URL, as the caller knows it: scheme, host and path. A query
    /// and a fragment are left out of the comparison. Scheme and host are worth
    /// what their source is: the route's configuration, or an authenticated proxy.
    pub url: String,
}

impl fmt::Debug for DpopProof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DpopProof")
            .field("method", &self.method)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
