//! The numbers of a public key, checked, before it is known what they verify.

use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};

use super::algorithm::{Algorithm, Curve, Scheme};
use super::error::KeyError;
use super::thumbprint::thumbprint;
use super::{Key, KeyType, LARGEST_RSA, SMALLEST_RSA, roca};
use crate::base64url;

/// A public key's numbers, fit to verify signatures.
pub(super) struct Material {
    kind: KeyType,
    bits: u32,
    thumbprint: Box<str>,
    public: Public,
}

enum Public {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ec { curve: &'static str, point: Vec<u8> },
    Ed25519 { point: Vec<u8> },
}

impl Material {
    /// An RSA key (RFC 7518 §6.3.1); both numbers big-endian, no leading zero.
    pub(super) fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Result<Self, KeyError> {
        let bits = bit_length(&modulus);
        if !(SMALLEST_RSA..=LARGEST_RSA).contains(&bits) {
            let sizes = format!("{SMALLEST_RSA} to {LARGEST_RSA}");
            return Err(KeyError::unfit(format!(
                "its modulus has {bits} bits, not {sizes}"
            )));
        }
        if is_even(&modulus) {
            return Err(KeyError::malformed("n", "is even"));
        }
        // FIPS 186-5 §5.4 wants it past 2^16, but keys with 3 and 17 are in
        // use; past 33 bits the library refuses, for a check's cost grows.
        if exponent == [1] || is_even(&exponent) || bit_length(&exponent) > 33 {
            return Err(KeyError::unfit(
                "its public exponent is not an odd number from 3 to 2^33",
            ));
        }
        if roca::is_weak(&modulus) {
            let why = "its modulus bears the fingerprint of CVE-2017-15361: anyone can find its private key";
            return Err(KeyError::unfit(why));
        }
        let (n, e) = (base64url::encode(&modulus), base64url::encode(&exponent));
        let thumbprint = thumbprint(&[("e", &e), ("kty", "RSA"), ("n", &n)]);
        Ok(Self {
            kind: KeyType::Rsa,
            bits,
            thumbprint,
            public: Public::Rsa { modulus, exponent },
        })
    }

    /// A point on a curve (RFC 7518 §6.2.1); both coordinates of full length.
    pub(super) fn ec(curve: &'static Curve, x: &[u8], y: &[u8]) -> Self {
        let thumbprint = thumbprint(&[
            ("crv", curve.name),
            ("kty", "EC"),
            ("x", &base64url::encode(x)),
            ("y", &base64url::encode(y)),
        ]);
        let point = [&[0x04], x, y].concat(); // SEC 1 §2.3.3: uncompressed
        let public = Public::Ec {
            curve: curve.name,
            point,
        };
        Self {
            kind: KeyType::Ec,
            bits: curve.bits,
            thumbprint,
            public,
        }
    }

    /// An Ed25519 key (RFC 8037 §2), of 32 octets.
    pub(super) fn ed25519(point: Vec<u8>) -> Self {
        let x = base64url::encode(&point);
        let thumbprint = thumbprint(&[("crv", "Ed25519"), ("kty", "OKP"), ("x", &x)]);
        Self {
            kind: KeyType::Okp,
            bits: 256,
            thumbprint,
            public: Public::Ed25519 { point },
        }
    }

    /// The key, with one ready verifier for each algorithm that its type and
    /// curve can make, or for the one that it is bound to.
    pub(super) fn into_key(
        self,
        id: Option<&str>,
        bound: Option<Algorithm>,
    ) -> Result<Key, KeyError> {
        let mut verifiers = Vec::new();
        let allowed = |algorithm: &&Algorithm| bound.is_none_or(|bound| bound == **algorithm);
        for algorithm in Algorithm::ALL.iter().filter(allowed) {
            if let Some(verifier) = self.public.verifier(*algorithm)? {
                verifiers.push((*algorithm, verifier));
            }
        }
        if verifiers.is_empty() {
            let name = bound.map_or("", Algorithm::as_str);
            let why =
                format!("its `alg` is `{name}`, which a key of its type and curve can't make");
            return Err(KeyError::unfit(why));
        }
        let Self {
            kind,
            bits,
            thumbprint,
            ..
        } = self;
        Ok(Key {
            id: id.map(Into::into),
            kind,
            bits,
            thumbprint,
            verifiers,
        })
    }
}

impl Public {
    /// `None` where a key like this can't make such signatures.
    fn verifier(&self, algorithm: Algorithm) -> Result<Option<ParsedPublicKey>, KeyError> {
        let parsed = match (self, algorithm.scheme()) {
            (Self::Rsa { modulus, exponent }, Scheme::Rsa(scheme)) => {
                let components = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                let parsed = components.to_parsed_public_key(scheme);
                parsed.map_err(|_| KeyError::malformed("n", "is no RSA modulus"))
            }
            (Self::Ec { curve, point }, Scheme::Ecdsa(scheme, of)) if *curve == of.name => {
                let parsed = ParsedPublicKey::new(scheme, point);
                parsed.map_err(|_| KeyError::malformed("x", "and `y` are no point on the curve"))
            }
            (Self::Ed25519 { point }, Scheme::Ed25519(scheme)) => {
                let parsed = ParsedPublicKey::new(scheme, point);
                parsed.map_err(|_| KeyError::malformed("x", "is no point on the curve"))
            }
            (Self::Rsa { .. } | Self::Ec { .. } | Self::Ed25519 { .. }, _) => return Ok(None),
        };
        parsed.map(Some)
    }
}

fn bit_length(octets: &[u8]) -> u32 {
    let leading = octets.first().map_or(0, |octet| octet.leading_zeros());
    u32::try_from(octets.len())
        .unwrap_or(u32::MAX)
        .saturating_mul(8)
        .saturating_sub(leading)
}

fn is_even(octets: &[u8]) -> bool {
    octets.last().is_none_or(|octet| octet % 2 == 0)
}
