//! Claims of every kind under conditions of every kind: the component is asked
//! packed and, for its explanation, typed, and says what its program says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::compiled;
use super::host::{Host, Said, native};
use super::token::Token;
use crate::gate::SANDBOX;

/// What a claim may be, beside absent.
fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!("main"),
        json!("日本é🦀"),
        json!("a\u{0}b"),
        json!("é".repeat(400)),
        json!([]),
        json!(["main"]),
        json!(["", "é", "main", "🦀"]),
        json!(vec!["x"; 300]),
        json!(["main", 1]),
        json!([[]]),
        json!({}),
        json!({ "sub": "main" }),
        json!({ "sub": { "sub": ["é"] } }),
    ]
}

/// Conditions of every operator.
fn conditions() -> Vec<Value> {
    vec![
        json!("main"),
        json!("日本é🦀"),
        json!(""),
        json!(i64::MAX),
        json!(true),
        json!(["main", 0, "é"]),
        json!({ "none_of": ["main", "x"] }),
        json!({ "glob": "*é*" }),
        json!({ "regex": ".*" }),
        json!({ "at_least": 1.5 }),
        json!({ "at_most": i64::MIN }),
        json!({ "contains": "é" }),
        json!({ "all_of": ["", "🦀"] }),
        json!({ "present": true }),
        json!({ "absent": true }),
        json!({ "same_as": "other" }),
        json!({ "attribute": "run" }),
    ]
}

fn document(condition: &Value) -> Value {
    json!({
        "claimbound": 1,
        "policy": { "name": "values", "version": "1.0.0" },
        "issuer": { "staff": { "model": "oidc", "url": "https://id.example" } },
        "trust": { "one": {
            "issuer": "staff", "audience": "https://api.example", "token_lifetime": "15m",
            "subject": "robot", "claims": { "x": condition },
        } },
    })
}

#[test]
fn a_claim_of_any_kind_is_told_alike_in_both_ways() {
    let mut codes = BTreeSet::new();
    for condition in conditions() {
        let document = document(&condition);
        let compiled = compiled(&document).unwrap_or_else(|| panic!("{condition}"));
        let host = Host::of(&SANDBOX, &compiled);
        let example = compiled.example("one").unwrap();
        let token = Token {
            claims: example.claims,
            key: example.key,
            request: example.request,
        };
        let token = token.with("other", json!("main"));
        let mut absent = token.clone();
        absent.claims.remove("x");
        let tokens = values().into_iter().map(|value| token.with("x", value));
        for token in tokens.chain([absent]) {
            let found = token.claims.get("x").cloned();
            let (said, steps) = host.says(&token);
            let own = native(&compiled, &token);
            assert_eq!((&said, &steps), (&own.0, &own.1), "{condition} {found:?}");
            codes.insert(match said {
                Said::Allow { .. } => "allow".to_owned(),
                Said::Deny(reasons, _) => {
                    assert!(!reasons.is_empty(), "{condition} {found:?}");
                    reasons[0].code.clone()
                }
            });
        }
    }
    let codes: Vec<_> = codes.iter().map(String::as_str).collect();
    assert_eq!(
        codes,
        ["allow", "claim.absent", "claim.mismatch", "claim.type"]
    );
}
