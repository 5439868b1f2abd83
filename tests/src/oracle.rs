//! Another implementation as an oracle: what `jsonwebtoken` signs is accepted
//! here, and what is minted here is accepted there.

use std::process::Command;

use claimbound::json::Limits;
use claimbound::key::{Algorithm, KeySet, SetLimits};
use claimbound::token::Token;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use crate::program::program;

const ALGORITHMS: [(&str, jsonwebtoken::Algorithm); 8] = [
    ("RS256", jsonwebtoken::Algorithm::RS256),
    ("RS384", jsonwebtoken::Algorithm::RS384),
    ("RS512", jsonwebtoken::Algorithm::RS512),
    ("PS256", jsonwebtoken::Algorithm::PS256),
    ("PS512", jsonwebtoken::Algorithm::PS512),
    ("ES256", jsonwebtoken::Algorithm::ES256),
    ("ES384", jsonwebtoken::Algorithm::ES384),
    ("EdDSA", jsonwebtoken::Algorithm::EdDSA),
];

#[test]
fn what_is_minted_here_is_accepted_there() {
    let folder = tempfile::tempdir().unwrap();
    for (name, algorithm) in ALGORITHMS {
        let minted = Command::new(program())
            .args(["token", "mint", "--issuer", "https://id.example"])
            .args([
                "--set",
                "sub=robot",
                "--set",
                "aud=api",
                "--algorithm",
                name,
            ])
            .args(["--jwks-out", "keys.json"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(minted.status.success(), "{name}: {minted:?}");
        let token = String::from_utf8(minted.stdout).unwrap();
        let keys = std::fs::read(folder.path().join("keys.json")).unwrap();
        let keys: JwkSet = serde_json::from_slice(&keys).unwrap();
        let key = DecodingKey::from_jwk(&keys.keys[0]).unwrap();
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&["api"]);
        validation.set_issuer(&["https://id.example"]);
        let decoded = jsonwebtoken::decode::<Value>(token.trim(), &key, &validation).unwrap();
        assert_eq!(decoded.claims["sub"], "robot", "{name}");
    }
}

#[test]
fn what_is_signed_there_is_accepted_here() {
    let pair = aws_lc_rs::signature::EcdsaKeyPair::generate(
        &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    )
    .unwrap();
    let key = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
    let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, jsonwebtoken::Algorithm::ES256);
    let set = json!({ "keys": [jwk.unwrap()] }).to_string();
    let keys = KeySet::parse(set, &SetLimits::default()).unwrap();
    let header = Header::new(jsonwebtoken::Algorithm::ES256);
    let token = jsonwebtoken::encode(&header, &json!({ "sub": "robot" }), &key).unwrap();
    let verify = |token: &str| {
        let jws = Token::new(token).decode_raw(&Limits::TOKEN).unwrap();
        jws.verify(&keys, Algorithm::ALL)
    };
    let verified = verify(&token).unwrap();
    assert_eq!(verified.payload, br#"{"sub":"robot"}"#);
    let other = jsonwebtoken::encode(&header, &json!({ "sub": "mallory" }), &key).unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    let refusal = verify(&format!("{signed}.{signature}")).unwrap_err();
    assert_eq!(refusal.code.as_str(), "token.signature");
}
