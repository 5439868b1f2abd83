//! One signing key: made, written, read, and what it signs.

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimbound::key::Key;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::KeysError;
use crate::config::SigningAlgorithm;

/// A private key, and from when on it signs. Its `Debug` shows its id alone.
pub(super) struct SigningKey {
    id: String,
    signs_from: u64,
    pair: Pair,
}

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// A key's file: a private JWK (RFC 7517 §9.3) with a member of our own.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Written {
    kty: String,
    crv: String,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    d: String,
    alg: String,
    kid: String,
    #[serde(rename = "use")]
    usage: String,
    /// From when on it signs, in seconds since 1970.
    signs_from: u64,
}

impl SigningAlgorithm {
    /// The algorithm as RFC 7518 §3.1 and RFC 8037 §3.1 write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl SigningKey {
    /// A fresh key that signs from this time on.
    pub(super) fn fresh(algorithm: SigningAlgorithm, signs_from: u64) -> Result<Self, KeysError> {
        let made = || match algorithm {
            SigningAlgorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .ok()
                .map(Pair::Es256),
            SigningAlgorithm::EdDsa => Ed25519KeyPair::generate().ok().map(Pair::EdDsa),
        };
        made()
            .and_then(|pair| Self::new(pair, signs_from))
            .ok_or(KeysError::Random)
    }

    fn new(pair: Pair, signs_from: u64) -> Option<Self> {
        let jwk = pair.jwk()?;
        // RFC 7638: the id follows from the key, so that no two keys share one.
        let id = Key::from_jwk(jwk.to_string()).ok()?.thumbprint().to_owned();
        Some(Self {
            id,
            signs_from,
            pair,
        })
    }

    /// Reads a key's file; none of its text is repeated in an error.
    pub(super) fn read(id: &str, text: &str) -> Result<Self, KeysError> {
        let fault = || KeysError::Malformed { id: id.to_owned() };
        let written: Written = serde_json::from_str(text).map_err(|_| fault())?;
        let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| fault());
        let secret = Zeroizing::new(octets(&written.d)?);
        let x = octets(&written.x)?;
        let pair = match (written.alg.as_str(), &written.y) {
            ("ES256", Some(y)) => {
                let public = [&[4], x.as_slice(), octets(y)?.as_slice()].concat();
                EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &secret,
                    &public,
                )
                .ok()
                .map(Pair::Es256)
            }
            ("EdDSA", None) => Ed25519KeyPair::from_seed_and_public_key(&secret, &x)
                .ok()
                .map(Pair::EdDsa),
            _ => None,
        };
        pair.and_then(|pair| Self::new(pair, written.signs_from))
            .filter(|key| key.id == id && written.kid == id)
            .ok_or_else(fault)
    }

    /// The text of its file.
    pub(super) fn written(&self) -> Result<Zeroizing<String>, KeysError> {
        let jwk = self.pair.jwk().ok_or(KeysError::Random)?;
        let member = |name: &str| Some(jwk.get(name)?.as_str()?.to_owned());
        let written = Written {
            kty: member("kty").unwrap_or_default(),
            crv: member("crv").unwrap_or_default(),
            x: member("x").unwrap_or_default(),
            y: member("y"),
            d: self.pair.secret().ok_or(KeysError::Random)?,
            alg: self.algorithm().as_str().to_owned(),
            kid: self.id.clone(),
            usage: "sig".to_owned(),
            signs_from: self.signs_from,
        };
        // Room enough that no copy is left behind by growing.
        let mut text = Zeroizing::new(Vec::with_capacity(1024));
        serde_json::to_writer(&mut *text, &written).map_err(|_| KeysError::Random)?;
        let text = std::str::from_utf8(&text).unwrap_or_default().to_owned();
        Ok(Zeroizing::new(text))
    }

    /// The thumbprint of RFC 7638, which is its `kid`.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// From when on it signs, in seconds since 1970.
    pub(super) fn signs_from(&self) -> u64 {
        self.signs_from
    }

    pub(super) fn algorithm(&self) -> SigningAlgorithm {
        match self.pair {
            Pair::Es256(_) => SigningAlgorithm::Es256,
            Pair::EdDsa(_) => SigningAlgorithm::EdDsa,
        }
    }

    /// The public key.
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = self.pair.jwk().unwrap_or_default();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".into(), self.id.clone().into());
            members.insert("alg".into(), self.algorithm().as_str().into());
            members.insert("use".into(), "sig".into());
        }
        jwk
    }

    /// An access token (RFC 9068 §2.1) of these claims, which are a JSON object.
    pub(super) fn sign(&self, claims: &str) -> Result<String, KeysError> {
        let header = json!({
            "alg": self.algorithm().as_str(), "typ": "at+jwt", "kid": self.id,
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let input = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims.as_bytes())
        );
        let signature = match &self.pair {
            Pair::Es256(pair) => pair
                .sign(&SystemRandom::new(), input.as_bytes())
                .map_err(|_| KeysError::Random)?,
            Pair::EdDsa(pair) => pair.sign(input.as_bytes()),
        };
        Ok(format!("{input}.{}", encode(signature.as_ref())))
    }
}

impl Pair {
    /// The members that a thumbprint is made of.
    fn jwk(&self) -> Option<Value> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Some(match self {
            Self::Es256(pair) => {
                // SEC 1 §2.3.3: a byte 4, then both coordinates, of 32 bytes each.
                let point = pair.public_key().as_ref().get(1..)?;
                let (x, y) = point.split_at_checked(32)?;
                json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
            }
            Self::EdDsa(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        })
    }

    fn secret(&self) -> Option<String> {
        Some(match self {
            Self::Es256(pair) => {
                URL_SAFE_NO_PAD.encode(pair.private_key().as_be_bytes().ok()?.as_ref())
            }
            Self::EdDsa(pair) => {
                URL_SAFE_NO_PAD.encode(pair.seed().ok()?.as_be_bytes().ok()?.as_ref())
            }
        })
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .field("signs_from", &self.signs_from)
            .finish_non_exhaustive()
    }
}
