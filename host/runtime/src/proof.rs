//! Proof of possession: what a caller shows beside a token that is bound to a
//! key or a certificate.

use std::fmt;

/// How a token was presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// As a bearer token (RFC 6750 §2.1).
    #[default]
    Bearer,
    /// With a proof by its key (RFC 9449 §7.1).
    Dpop,
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
    /// The proof, a compact JWS.
    pub jwt: String,
    /// The request's method, as the caller sent it.
    pub method: String,
    /// The request's URL, as the caller knows it: scheme, host and path. A query
    /// and a fragment are left out of the comparison.
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
