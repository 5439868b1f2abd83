//! Keys and tokens of a throwaway issuer, for the tests of this crate.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding,
};
use claimbound_issuers::{Model, Registry};
use serde_json::{Value, json};

use crate::base64url;
use crate::issuer::{Issuer, Issuers, Settings};
use crate::key::{KeySet, SetLimits};

/// The issuer of every minted token.
pub(crate) const URL: &str = "https://token.actions.githubusercontent.com";
/// When every minted token was issued; it lives for five minutes.
pub(crate) const ISSUED: u64 = 1_790_000_000;

pub(crate) enum Signer {
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(rsa::KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    /// The public half, without `kid`, `use` or `alg`.
    pub(crate) fn jwk(&self) -> Value {
        match self {
            Self::Rsa(pair) => {
                // RFC 8017 §A.1.1: SEQUENCE { modulus, publicExponent }, both
                // at the end: 2 bytes, then 3 bytes of 65537.
                let der = pair.public_key().as_ref();
                let modulus = &der[der.len() - 5 - 256..der.len() - 5];
                json!({ "kty": "RSA", "n": base64url::encode(modulus), "e": "AQAB" })
            }
            Self::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": base64url::encode(x), "y": base64url::encode(y) })
            }
            Self::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url::encode(pair.public_key().as_ref()) })
            }
        }
    }

    pub(crate) fn jwk_with(&self, more: Value) -> Value {
        merged(self.jwk(), more)
    }

    /// Signs as the header's `alg` says, or as the key usually does.
    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_bytes(
            header.to_string().as_bytes(),
            payload.to_string().as_bytes(),
            header["alg"] == "PS256",
        )
    }

    pub(crate) fn sign_bytes(&self, header: &[u8], payload: &[u8], pss: bool) -> String {
        let input = format!(
            "{}.{}",
            base64url::encode(header),
            base64url::encode(payload)
        );
        let signature = match self {
            Self::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = if pss {
                    &RSA_PSS_SHA256
                } else {
                    &RSA_PKCS1_SHA256
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    encoding,
                    &SystemRandom::new(),
                    input.as_bytes(),
                    &mut signature,
                )
                .unwrap();
                signature
            }
            Self::Ec(pair) => pair
                .sign(&SystemRandom::new(), input.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Self::Ed(pair) => pair.sign(input.as_bytes()).as_ref().to_vec(),
        };
        format!("{input}.{}", base64url::encode(&signature))
    }
}

pub(crate) fn merged(mut value: Value, more: Value) -> Value {
    let Value::Object(members) = more else {
        panic!("members to merge")
    };
    for (name, item) in members {
        value[name] = item;
    }
    value
}

/// The claims of a job of `acme/infra`, with `more` in place of some.
pub(crate) fn claims(more: Value) -> Value {
    let claims = json!({
        "iss": URL,
        "sub": "repo:acme/infra:ref:refs/heads/main",
        "aud": "https://deploy.example",
        "exp": ISSUED + 300,
        "nbf": ISSUED,
        "iat": ISSUED,
        "jti": "0b6b1c8e-2f0e-4e0b-9b1b-1f8f0b0c7a11",
        "repository": "acme/infra",
        "repository_id": "456789",
        "repository_owner": "acme",
        "repository_owner_id": "123456",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "event_name": "push",
        "actor": "octocat",
        "actor_id": "583231",
        "workflow": "deploy",
        "workflow_ref": "acme/infra/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_ref": "acme/infra/.github/workflows/deploy.yml@refs/heads/main",
        "repository_visibility": "private",
        "runner_environment": "github-hosted",
        "run_id": "1",
        "run_number": "1",
        "run_attempt": "1",
        "sha": "f7c3bc1d808e04732adf679965ccc34ca7ae3441"
    });
    merged(claims, more)
}

pub(crate) fn model() -> Arc<Model> {
    Arc::clone(Registry::standard().get("github-actions").unwrap())
}

pub(crate) fn key_set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string(), &SetLimits::default()).unwrap()
}

pub(crate) fn issuer_with(keys: &[Value], settings: Settings) -> Arc<Issuer> {
    Arc::new(Issuer::new(URL, model(), key_set(keys), settings).unwrap())
}

/// A route's issuers: the one of [`URL`], taking every algorithm, with these keys.
pub(crate) fn issuers(keys: &[Value]) -> Issuers {
    let settings = Settings {
        algorithms: Some(crate::key::Algorithm::ALL.to_vec()),
        ..Settings::default()
    };
    Issuers::new([issuer_with(keys, settings)]).unwrap()
}
