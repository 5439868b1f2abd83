//! Wycheproof's bare signatures, in the form that a JWS carries.

use claimbound::key::{Algorithm, Key};
use serde_json::{Value, json};

use super::exceptions::score;
use super::{Actual, Case, actual, expected, hex, integer, read, wycheproof};

/// The key of a group as a JWK, from its numbers where it has none.
fn jwk(group: &Value) -> Value {
    let given = ["publicKeyJwk", "keyJwk"]
        .into_iter()
        .map(|name| &group[name])
        .find(|jwk| jwk.is_object());
    if let Some(given) = given {
        return given.clone();
    }
    let key = &group["publicKey"];
    let text = |name: &str| key[name].as_str().unwrap();
    if key["modulus"].is_string() {
        return json!({ "kty": "RSA", "n": integer(text("modulus"), None), "e": integer(text("publicExponent"), None) });
    }
    let (name, width) = match text("curve") {
        "secp256r1" => ("P-256", 32),
        "secp384r1" => ("P-384", 48),
        "secp521r1" => ("P-521", 66),
        other => panic!("unknown curve {other}"),
    };
    json!({ "kty": "EC", "crv": name, "x": integer(text("wx"), Some(width)), "y": integer(text("wy"), Some(width)) })
}

fn answer(algorithm: Algorithm, group: &Value, test: &Value) -> Case {
    let (message, signature) = (
        hex(test["msg"].as_str().unwrap()),
        hex(test["sig"].as_str().unwrap()),
    );
    let answer = match Key::from_jwk(jwk(group).to_string()) {
        Err(error) => Err(format!("keys: {error}")),
        Ok(key) if key.verifies(algorithm, &message, &signature) => Ok(()),
        Ok(_) => Err("token.signature".to_owned()),
    };
    Case {
        id: test["tcId"].to_string(),
        expected: expected(test),
        actual: actual(answer),
    }
}

/// The PEM of a group is the same key, where it is one to use at all.
fn assert_pem_agrees(group: &Value) {
    let jwk = Key::from_jwk(jwk(group).to_string()).unwrap();
    let pem = Key::from_pem(group["publicKeyPem"].as_str().unwrap()).unwrap();
    assert_eq!(pem.thumbprint(), jwk.thumbprint());
    assert_eq!((pem.key_type(), pem.bits()), (jwk.key_type(), jwk.bits()));
}

fn answers(name: &str, algorithm: Algorithm) -> Option<Vec<Case>> {
    let vectors = read(&format!("wycheproof/{name}"))?;
    vectors["testGroups"]
        .as_array()
        .unwrap()
        .iter()
        .for_each(assert_pem_agrees);
    Some(
        wycheproof(&vectors)
            .into_iter()
            .map(|(group, test)| answer(algorithm, group, test))
            .collect(),
    )
}

fn run(name: &str, algorithm: Algorithm) {
    if let Some(cases) = answers(name, algorithm) {
        score(&format!("wycheproof/{name}"), &cases);
    }
}

/// Sets whose signatures were made with other parameters than the algorithm's.
fn run_refused(name: &str, accepted: &[&str]) {
    let Some(cases) = answers(name, Algorithm::Ps256) else {
        return;
    };
    let ids: Vec<_> = cases
        .iter()
        .filter(|case| case.actual == Actual::Accepted)
        .map(|case| case.id.as_str())
        .collect();
    assert_eq!(ids, accepted, "{name}");
}

#[test]
fn ecdsa() {
    run("ecdsa_secp256r1_sha256_p1363_test.json", Algorithm::Es256);
    run("ecdsa_secp384r1_sha384_p1363_test.json", Algorithm::Es384);
    run("ecdsa_secp521r1_sha512_p1363_test.json", Algorithm::Es512);
}

#[test]
fn ed25519() {
    run("ed25519_test.json", Algorithm::EdDsa);
}

#[test]
fn rsa_pkcs1() {
    run("rsa_signature_2048_sha256_test.json", Algorithm::Rs256);
    run("rsa_signature_3072_sha384_test.json", Algorithm::Rs384);
    run("rsa_signature_4096_sha512_test.json", Algorithm::Rs512);
}

#[test]
fn rsa_pss() {
    run("rsa_pss_2048_sha256_mgf1_32_test.json", Algorithm::Ps256);
    run("rsa_pss_4096_sha512_mgf1_64_test.json", Algorithm::Ps512);
}

#[test]
fn rsa_pss_with_other_parameters_is_refused() {
    // RFC 7518 §3.5 fixes the mask's hash and the salt's length. Case 69 says
    // that it has no salt and does have one of 32 bytes.
    run_refused("rsa_pss_2048_sha256_mgf1_0_test.json", &["69"]);
    run_refused("rsa_pss_2048_sha256_mgf1sha1_20_test.json", &[]);
}
