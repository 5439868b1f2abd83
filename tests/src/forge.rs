//! A forge for tests: claims as an issuer writes them, signed with real keys.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z: a Monday, 11 o'clock in Berlin.
pub(crate) const NOW: u64 = 1_795_428_000;

/// A key that signs, as RS256.
pub(crate) struct Signer {
    id: &'static str,
    pair: KeyPair,
}

impl Signer {
    /// A fresh key of this id.
    pub(crate) fn new(id: &'static str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { id, pair }
    }

    /// The public half, as a key set.
    pub(crate) fn key_set(&self) -> String {
        // RFC 8017 §A.1.1: a sequence that ends with the modulus, two bytes of
        // header, and the exponent 65537 in three.
        let der = self.pair.public_key().as_ref();
        let modulus = &der[der.len() - 5 - self.pair.public_modulus_len()..der.len() - 5];
        let jwk = json!({
            "kty": "RSA", "kid": self.id, "use": "sig", "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB",
        });
        json!({ "keys": [jwk] }).to_string()
    }

    /// A token of these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_text(&claims.to_string())
    }

    /// A token of this payload.
    pub(crate) fn sign_text(&self, payload: &str) -> String {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.id });
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let message = format!("{}.{}", part(&header.to_string()), part(payload));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                message.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The claims of a job of `acme/infra` in its environment `production`, as the
/// forge writes them in the older shape of its subject.
pub(crate) fn job() -> Value {
    json!({
        "iss": "https://token.actions.githubusercontent.com",
        "sub": "repo:acme/infra:environment:production",
        "aud": "https://deploy.acme.example",
        "jti": "6f9bd0ef-4fc4-4ff6-a1b4-0e2cf2d7f9b5",
        "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 290,
        "ref": "refs/heads/main", "ref_type": "branch", "sha": "0123abcd",
        "repository": "acme/infra", "repository_id": "456789",
        "repository_owner": "acme", "repository_owner_id": "123456",
        "environment": "production", "event_name": "push",
        "actor": "octocat", "actor_id": "12",
        "workflow_ref": "acme/infra/.github/workflows/deploy.yml@refs/heads/main",
        "job_workflow_ref": "acme/infra/.github/workflows/deploy.yml@refs/heads/main",
        "runner_environment": "github-hosted", "run_id": "7", "run_attempt": "1",
    })
}

/// The same claims with these in place of theirs; `null` takes one away.
pub(crate) fn with(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        let members = claims.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}
