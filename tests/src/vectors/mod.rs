//! Test vectors that others wrote, scored against a list of exceptions.
//!
//! They are looked for in `$CLAIMBOUND_VECTORS`, else in `../shared/vectors`
//! beside the workspace; where they are absent, the tests say so and pass.

mod exceptions;
mod primitives;
mod rfc;
mod sigstore;
mod tokens;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimbound::json::Limits;
use claimbound::key::{Algorithm, KeySet, SetLimits};
use claimbound::token::Token;
use serde_json::Value;

/// What a vector says about its own case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Valid,
    Invalid,
    /// The vectors leave it open.
    Either,
}

/// What became of a case here.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Actual {
    Accepted,
    /// The code of the refusal, or `keys` where the key set was refused.
    Refused(String),
}

/// One case, answered.
struct Case {
    id: String,
    expected: Expected,
    actual: Actual,
}

/// Where the vectors are looked for.
fn folder() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors");
    std::env::var_os("CLAIMBOUND_VECTORS").map_or_else(|| PathBuf::from(beside), PathBuf::from)
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(path: &Path, error: &std::io::Error) {
    eprintln!(
        "skipped: {} can't be read ({error}); set CLAIMBOUND_VECTORS",
        path.display()
    );
}

/// The vectors in one file; `None`, said aloud, where they are absent.
fn read(file: &str) -> Option<Value> {
    let path = folder().join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("the vectors are JSON")),
        Err(error) => {
            skipped(&path, &error);
            None
        }
    }
}

/// Every test of a Wycheproof file with its group, and as many as it says.
fn wycheproof(vectors: &Value) -> Vec<(&Value, &Value)> {
    let groups = vectors["testGroups"].as_array().unwrap();
    let tests: Vec<_> = groups
        .iter()
        .flat_map(|group| {
            group["tests"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |test| (group, test))
        })
        .collect();
    assert_eq!(Some(tests.len() as u64), vectors["numberOfTests"].as_u64());
    tests
}

fn expected(test: &Value) -> Expected {
    match test["result"].as_str().unwrap() {
        "valid" => Expected::Valid,
        "invalid" => Expected::Invalid,
        "acceptable" => Expected::Either,
        other => panic!("unknown result {other}"),
    }
}

/// Checks a signature alone against a JWK or a JWK set; gives the payload.
fn check(token: &str, keys: &Value) -> Result<Vec<u8>, String> {
    let set = if keys["keys"].is_array() {
        keys.to_string()
    } else {
        format!(r#"{{"keys":[{keys}]}}"#)
    };
    let jws = Token::new(token)
        .decode_raw(&Limits::TOKEN)
        .map_err(|refusal| refusal.code.to_string())?;
    let set = KeySet::parse(set, &SetLimits::default()).map_err(|_| "keys".to_owned())?;
    let verified = jws
        .verify(&set, Algorithm::ALL)
        .map_err(|refusal| refusal.code.to_string())?;
    Ok(verified.payload)
}

fn actual<T>(answer: Result<T, String>) -> Actual {
    answer.map_or_else(Actual::Refused, |_| Actual::Accepted)
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Base64url of a big-endian integer in `width` octets, or in as few as it needs.
fn integer(text: &str, width: Option<usize>) -> String {
    let octets = hex(text);
    let significant = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
    let padding = width.map_or(0, |width| width - significant.len());
    URL_SAFE_NO_PAD.encode([vec![0; padding], significant.to_vec()].concat())
}
