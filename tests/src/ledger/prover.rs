//! A caller who holds the key that tokens are bound to.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimbound::key::Key;
use claimbound::proof::{DpopProof, Possession, Scheme};
use serde_json::{Value, json};

use crate::forge::{NOW, job, with};
use crate::gate::SIGNER;

pub(super) const METHOD: &str = "POST";
pub(super) const URL: &str = "https://deploy.acme.example/token";

pub(crate) struct Holder(Ed25519KeyPair);

impl Holder {
    pub(crate) fn new() -> Self {
        Self(Ed25519KeyPair::generate().unwrap())
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
    }

    pub(crate) fn thumbprint(&self) -> String {
        let key = Key::from_jwk(self.jwk().to_string()).unwrap();
        key.thumbprint().to_owned()
    }

    /// A token that is bound to this key.
    pub(super) fn token(&self) -> String {
        bound(&json!({ "jkt": self.thumbprint() }))
    }

    /// A proof for a token by this key, made `at` that time.
    pub(super) fn proof(&self, token: &str, id: &str, at: u64) -> DpopProof {
        DpopProof {
            jwt: self.prove(token, id, at, (METHOD, URL)),
            method: METHOD.to_owned(),
            url: URL.to_owned(),
        }
    }

    /// The same for a request of this method to this URL, as its caller sends it.
    pub(crate) fn prove(&self, token: &str, id: &str, at: u64, request: (&str, &str)) -> String {
        let (method, url) = request;
        let header = json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": self.jwk() });
        let claims = json!({
            "jti": id, "htm": method, "htu": url, "iat": at,
            "ath": URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())),
        });
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = self.0.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What it takes to use such a token.
    pub(super) fn shows(&self, token: &str, id: &str) -> Possession {
        shown(Some(self.proof(token, id, NOW)))
    }
}

/// A token of the job with this `cnf`.
pub(super) fn bound(confirmation: &Value) -> String {
    SIGNER.sign(&with(job(), &json!({ "cnf": confirmation })))
}

/// A proof, under the scheme that asks for one.
pub(super) fn shown(proof: Option<DpopProof>) -> Possession {
    Possession {
        scheme: Scheme::Dpop,
        dpop: proof,
        certificate: None,
    }
}

/// A certificate whose digest is 32 of this byte.
pub(super) fn certificate(byte: u8) -> Possession {
    Possession {
        certificate: Some([byte; 32]),
        ..Possession::default()
    }
}

/// The thumbprint of that certificate, as a token has it.
pub(super) fn thumbprint(byte: u8) -> String {
    URL_SAFE_NO_PAD.encode([byte; 32])
}
