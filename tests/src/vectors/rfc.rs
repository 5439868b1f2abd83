//! The examples of the RFCs and of the JOSE cookbook: tokens, keys, thumbprints.

use claimbound::key::Key;
use serde_json::Value;

use super::exceptions::score;
use super::{Actual, Case, Expected, actual, check, read};

fn id(case: &Value) -> String {
    case["id"].as_str().unwrap().to_owned()
}

/// A compact token as its case says; every other serialisation is no token.
fn answer(case: &Value) -> Case {
    let input = &case["input"];
    let Some(token) = input["token"].as_str() else {
        return Case {
            id: id(case),
            expected: Expected::Invalid,
            actual: actual(check(&input["token"].to_string(), &input["keys"])),
        };
    };
    let expected = if case["expected"]["valid"] == true {
        Expected::Valid
    } else {
        Expected::Invalid
    };
    let answer = check(token, &input["keys"]).map(|payload| {
        assert_eq!(
            payload,
            case["expected"]["payload"].as_str().unwrap().as_bytes(),
            "{}",
            id(case)
        );
    });
    Case {
        id: id(case),
        expected,
        actual: actual(answer),
    }
}

#[test]
fn signed_tokens() {
    const FILE: &str = "rfc-jose/jws_cases.json";
    let Some(vectors) = read(FILE) else { return };
    let cases: Vec<_> = vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(answer)
        .collect();
    assert_eq!(cases.len(), 58);
    score(FILE, &cases);
}

#[test]
fn json_serialisations_are_malformed_tokens() {
    let Some(vectors) = read("rfc-jose/jws_cases.json") else {
        return;
    };
    let tokens = vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["input"]["token"].is_object());
    for case in tokens {
        assert_eq!(
            answer(case).actual,
            Actual::Refused("token.malformed".to_owned()),
            "{}",
            id(case)
        );
    }
}

#[test]
fn keys_and_thumbprints() {
    const FILE: &str = "rfc-jose/jwk_cases.json";
    let Some(vectors) = read(FILE) else { return };
    let answer = |case: &Value| {
        let key = Key::from_jwk(case["jwk"].to_string()).map_err(|_| "keys".to_owned());
        if let (Ok(key), Some(thumbprint)) =
            (&key, case["expected"]["thumbprint"]["sha256"].as_str())
        {
            assert_eq!(key.thumbprint(), thumbprint, "{}", id(case));
        }
        Case {
            id: id(case),
            expected: Expected::Valid,
            actual: actual(key),
        }
    };
    let cases: Vec<_> = vectors["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(answer)
        .collect();
    assert_eq!(cases.len(), 9);
    score(FILE, &cases);
}
