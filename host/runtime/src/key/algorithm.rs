//! The signature algorithms that a token may use (RFC 7518 §3.1, RFC 8037 §3.1).

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters,
};

/// A signature algorithm. There is no `none` and no HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256, its MGF1 and a salt of 32 bytes.
    Ps256,
    /// RSASSA-PSS with SHA-384, its MGF1 and a salt of 48 bytes.
    Ps384,
    /// RSASSA-PSS with SHA-512, its MGF1 and a salt of 64 bytes.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The name that `alg` carries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name, byte for byte; `None` for any other.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// The curves that some algorithm is on.
    pub(super) fn curves() -> impl Iterator<Item = &'static Curve> {
        Self::ALL
            .iter()
            .filter_map(|algorithm| match algorithm.scheme() {
                Scheme::Ecdsa(_, curve) => Some(curve),
                Scheme::Rsa(_) | Scheme::Ed25519(_) => None,
            })
    }

    pub(super) fn scheme(self) -> Scheme {
        match self {
            Self::Rs256 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Scheme::Rsa(&RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Scheme::Rsa(&RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Scheme::Rsa(&RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Scheme::Ecdsa(&ECDSA_P256_SHA256_FIXED, &P256),
            Self::Es384 => Scheme::Ecdsa(&ECDSA_P384_SHA384_FIXED, &P384),
            Self::Es512 => Scheme::Ecdsa(&ECDSA_P521_SHA512_FIXED, &P521),
            Self::EdDsa => Scheme::Ed25519(&ED25519),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What the cryptography library is told, by family.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    Rsa(&'static RsaParameters),
    Ecdsa(&'static EcdsaVerificationAlgorithm, &'static Curve),
    Ed25519(&'static aws_lc_rs::signature::EdDSAParameters),
}

/// A curve of RFC 7518 §6.2.1.1.
pub(super) struct Curve {
    pub(super) name: &'static str,
    /// Bytes of a coordinate.
    pub(super) bytes: usize,
    pub(super) bits: u32,
}

static P256: Curve = Curve {
    name: "P-256",
    bytes: 32,
    bits: 256,
};
static P384: Curve = Curve {
    name: "P-384",
    bytes: 48,
    bits: 384,
};
static P521: Curve = Curve {
    name: "P-521",
    bytes: 66,
    bits: 521,
};
