//! Keys, and the tokens of GitHub Actions jobs that they sign.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The issuer that tokens name.
pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";
/// The audience of the route.
pub(crate) const AUDIENCE: &str = "https://deploy.acme.example";

/// What a real token carries besides what decides; with it one has about 2 KB.
const CLAIMS: &str = include_str!("../../../host/cli/src/bench/claims.json");

/// Now, in seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("the clock is past 1970").as_secs()
}

/// A key that signs.
pub(crate) struct Signer {
    id: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<rsa::KeyPair>),
    P256(EcdsaKeyPair),
}

impl Signer {
    /// A fresh key for RS256.
    pub(crate) fn rs256(id: &str) -> Self {
        let pair = rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key");
        Self {
            id: id.to_owned(),
            pair: Pair::Rsa(Box::new(pair)),
        }
    }

    /// A fresh key for ES256.
    pub(crate) fn es256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self {
            id: id.to_owned(),
            pair: Pair::P256(pair),
        }
    }

    /// The public half (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                // RFC 8017 §A.1.1: a sequence that ends with the modulus, two
                // bytes of header, and the exponent 65537 in three.
                let der = pair.public_key().as_ref();
                let modulus = &der[der.len() - 5 - pair.public_modulus_len()..der.len() - 5];
                json!({ "kty": "RSA", "kid": self.id, "use": "sig", "alg": "RS256",
                    "n": encode(modulus), "e": "AQAB" })
            }
            Pair::P256(pair) => {
                // SEC 1 §2.3.3: a byte that says uncompressed, then x and y.
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "kid": self.id, "use": "sig", "alg": "ES256",
                    "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
        }
    }

    /// A token of these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let algorithm = match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
        };
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": self.id });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    message.as_bytes(),
                    &mut signature,
                )
                .expect("a signature");
                signature
            }
            Pair::P256(pair) => {
                let signature = pair.sign(&random, message.as_bytes());
                signature.expect("a signature").as_ref().to_vec()
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A set of keys (RFC 7517 §5).
pub(crate) fn key_set(signers: &[&Signer]) -> String {
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// The claims of a job that the policy accepts, of this `jti`, valid for ten
/// minutes and a little longer.
pub(crate) fn job(id: &str) -> Value {
    let now = now();
    let mut claims: Value = serde_json::from_str(CLAIMS).expect("claims");
    let members = claims.as_object_mut().expect("an object");
    let own = json!({
        "iss": ISSUER, "aud": AUDIENCE, "jti": id,
        "sub": "repo:acme/infra:environment:production",
        "repository": "acme/infra", "repository_id": "456789",
        "repository_owner": "acme", "repository_owner_id": "123456",
        "environment": "production",
        "iat": now - 5, "nbf": now - 5, "exp": now + 840,
    });
    for (name, value) in own.as_object().expect("an object") {
        members.insert(name.clone(), value.clone());
    }
    claims
}

/// The same claims with these in place of theirs.
pub(crate) fn with(mut claims: Value, changes: &Value) -> Value {
    let members = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        members.insert(name.clone(), value.clone());
    }
    claims
}
