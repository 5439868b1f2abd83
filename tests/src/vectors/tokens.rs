//! Wycheproof's tokens and key sets: the signature layer alone, for their
//! payloads are no claims.

use serde_json::Value;

use super::exceptions::score;
use super::{Case, Expected, actual, check, expected, read, wycheproof};

fn keys(group: &Value) -> &Value {
    if group["public"].is_object() {
        &group["public"]
    } else {
        &group["private"]
    }
}

fn answer((group, test): (&Value, &Value)) -> Case {
    let (token, expected) = match (&test["jws"], &test["jwe"]) {
        (Value::String(jws), _) => (jws.clone(), expected(test)),
        // An encrypted token is none, whatever it was made to show.
        (_, Value::String(jwe)) => (jwe.clone(), Expected::Invalid),
        (_, json) => (json.to_string(), Expected::Invalid),
    };
    Case {
        id: test["tcId"].to_string(),
        expected,
        actual: actual(check(&token, keys(group))),
    }
}

fn run(name: &str) {
    let file = format!("wycheproof/{name}");
    let Some(vectors) = read(&file) else { return };
    let cases: Vec<_> = wycheproof(&vectors).into_iter().map(answer).collect();
    score(&file, &cases);
}

#[test]
fn signed_tokens() {
    run("json_web_signature_test.json");
}

#[test]
fn keys_and_sets() {
    run("json_web_key_test.json");
}

#[test]
fn keys_misused() {
    run("json_web_crypto_test.json");
}

#[test]
fn encrypted_tokens_are_all_refused() {
    run("json_web_encryption_test.json");
}
