//! Manifests that no policy may have.

use std::sync::Arc;

use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{KeySet, SetLimits};
use claimbound::policy::{Answer, PolicyError, Request};
use claimbound::token::Token;
use claimbound_issuers::Registry;
use serde_json::{Value, json};

use super::guest::{Guest, Place, deny, reason};
use super::image::offset;
use super::{AUDIENCE, Asked, TOKEN, Victim, admissible, ceiling, load};
use crate::forge::NOW;
use crate::gate::{SIGNER, answer};

#[test]
fn a_manifest_is_held_to_its_grammar_and_its_bounds() {
    let victim = Victim::new();
    let many = |number: usize| -> Value { (0..number).map(|index| format!("n{index}")).collect() };
    let paths = |number: usize| -> Value {
        (0..number)
            .map(|index| json!([index.to_string()]))
            .collect()
    };
    for (row, changes) in [
        ("no name", json!({ "name": "" })),
        ("a name of 129 bytes", json!({ "name": "a".repeat(129) })),
        (
            "a name of 200,000 bytes",
            json!({ "name": "a".repeat(200_000) }),
        ),
        ("a name with a NUL", json!({ "name": "a\0" })),
        ("a name of two lines", json!({ "name": "a\nb" })),
        (
            "a name that moves the cursor",
            json!({ "name": "a\u{1b}[2J" }),
        ),
        (
            "a name that reads backwards",
            json!({ "name": "a\u{202e}b" }),
        ),
        ("a name that is a path", json!({ "name": "../../etc" })),
        ("a name in capitals", json!({ "name": "Mallory" })),
        ("no version", json!({ "version": "" })),
        ("a version with a NUL", json!({ "version": "1.0.0\0" })),
        ("a version of two lines", json!({ "version": "1.0.0-a\nb" })),
        (
            "a version of 10,000 bytes",
            json!({ "version": format!("1.0.0-{}", "a".repeat(10_000)) }),
        ),
        (
            "a version in other digits",
            json!({ "version": "１.０.０" }),
        ),
        ("no digest", json!({ "document": "" })),
        ("a digest that is none", json!({ "document": "sha256:abc" })),
        (
            "a digest in capitals",
            json!({ "document": format!("sha256:{}", "A".repeat(64)) }),
        ),
        (
            "a digest that moves the cursor",
            json!({ "document": format!("sha256:\u{1b}[2J{}", "0".repeat(60)) }),
        ),
        ("257 claims", json!({ "claims": paths(257) })),
        ("10,000 claims", json!({ "claims": paths(10_000) })),
        ("a claim without a path", json!({ "claims": [[]] })),
        ("a path of 17 names", json!({ "claims": [many(17)] })),
        (
            "a path with a long name",
            json!({ "claims": [["x".repeat(257)]] }),
        ),
        (
            "a path twice",
            json!({ "claims": [["ref"], ["sub"], ["ref"]] }),
        ),
        ("257 parts", json!({ "parts": many(257) })),
        ("257 names", json!({ "names": many(257) })),
        ("257 attributes", json!({ "attributes": many(257) })),
        ("257 obligations", json!({ "obligations": many(257) })),
        ("a part without a name", json!({ "parts": [""] })),
        ("a name twice", json!({ "names": ["owner", "owner"] })),
        ("an attribute twice", json!({ "attributes": ["a", "a"] })),
        (
            "an obligation twice",
            json!({ "obligations": ["bind", "bind"] }),
        ),
        (
            "an obligation with a long name",
            json!({ "obligations": ["x".repeat(257)] }),
        ),
    ] {
        let refused = victim.refused(row, &Guest::honest().describing(&changes).build());
        // What is longer than any answer may be does not even arrive.
        let fits = matches!(
            &refused,
            PolicyError::Manifest(_) | PolicyError::Describe(_)
        );
        assert!(fits, "{row}: {refused}");
        if let PolicyError::Describe(error) = &refused {
            assert_eq!(error.code.as_str(), "host.memory", "{row}: {error}");
        }
    }
}

#[test]
fn a_manifest_larger_than_an_answer_may_be_does_not_arrive() {
    let victim = Victim::new();
    for (row, changes) in [
        (
            "70,000 obligations",
            json!({ "obligations": { "$repeat": [70_000, "bind"] } }),
        ),
        (
            "a million obligations",
            json!({ "obligations": { "$repeat": [1_000_000, "x".repeat(1 << 20)] } }),
        ),
        (
            "100,000 claims",
            json!({ "claims": { "$repeat": [100_000, ["ref"]] } }),
        ),
        (
            "a thousand times a thousand claims",
            json!({ "claims": { "$repeat": [1_000, { "$repeat": [1_000, "x".repeat(1_000)] }] } }),
        ),
        (
            "a name of 300,000 bytes",
            json!({ "name": "a".repeat(300_000) }),
        ),
    ] {
        let refused = victim.refused(row, &Guest::honest().describing(&changes).build());
        let PolicyError::Describe(error) = &refused else {
            panic!("{row}: {refused}");
        };
        assert_eq!(error.code.as_str(), "host.memory", "{row}: {error}");
    }
}

#[test]
fn a_manifest_may_say_as_much_as_its_bounds() {
    let victim = Victim::new();
    let many = |number: usize| -> Value { (0..number).map(|index| format!("n{index}")).collect() };
    let claims: Value = (0..256)
        .map(|index| json!([index.to_string(), "", "\0"]))
        .collect();
    let changes = json!({
        "name": "a".repeat(128), "version": "1.0.0-rc.1+build", "claims": claims,
        "document": format!("sha256:{}", "0".repeat(64)),
        "parts": many(256), "names": many(256), "attributes": many(256),
        "obligations": many(256), "published-keys": true,
    });
    let guest = Guest::honest().describing(&changes);
    let policy = load(&victim.sandbox, &guest).unwrap();
    assert_eq!(policy.manifest().claims.as_ref().unwrap().len(), 256);
    let answer = policy.evaluate(&admissible(), &Request::default()).unwrap();
    assert!(matches!(answer, Answer::Allow { .. }), "{answer:?}");
    Asked::of(&policy).expect("as much as may be", "allow");
}

#[test]
fn a_manifest_that_the_contract_cannot_read_is_none() {
    let victim = Victim::new();
    for (row, changes) in [
        ("option of claims 2", json!({ "claims": { "$case": 2 } })),
        (
            "a name nowhere",
            json!({ "name": { "$at": [0x7fff_fff0, 4] } }),
        ),
        (
            "a name of no UTF-8",
            json!({ "name": { "$bytes": [0xff] } }),
        ),
        (
            "an unaligned list",
            json!({ "parts": { "$unaligned": ["a"] } }),
        ),
        (
            "a list that overflows",
            json!({ "parts": { "$at": [8192, 0x2000_0001] } }),
        ),
    ] {
        let refused = victim.refused(row, &Guest::honest().describing(&changes).build());
        let PolicyError::Describe(error) = &refused else {
            panic!("{row}: {refused}");
        };
        assert_eq!(error.code.as_str(), "host.contract", "{row}: {error}");
    }
}

/// The signer's own key and ninety-nine others of the issuer's.
fn hundred_keys() -> KeySet {
    let mut set: Value = serde_json::from_str(&SIGNER.key_set()).unwrap();
    let own = set["keys"][0].clone();
    for number in 1..100 {
        let mut key = own.clone();
        key["kid"] = json!(format!("{number}{}", "k".repeat(200)));
        set["keys"].as_array_mut().unwrap().push(key);
    }
    let limits = SetLimits {
        keys: 100,
        ..SetLimits::default()
    };
    KeySet::parse(set.to_string(), &limits).unwrap()
}

#[test]
fn a_policy_that_wants_every_key_is_given_a_hundred() {
    let victim = Victim::new();
    // Denies unless the list of published keys in its input has 100.
    let code = format!(
        "(if (i32.ne (i32.load offset={} (local.get $input)) (i32.const 100))
           (then (return {{other}})))",
        offset("input", "published") + 4
    );
    let guest = Guest::honest()
        .describing(&json!({ "published-keys": true }))
        .with_other(&deny(&json!([reason(&json!({}))])))
        .running(Place::Evaluate, &code);
    let policy = load(&victim.sandbox, &guest).unwrap();
    let model = Registry::standard().get("github-actions").unwrap();
    let url = "https://token.actions.githubusercontent.com";
    let issuer = Issuer::new(url, Arc::clone(model), hundred_keys(), Settings::default());
    let issuers = Issuers::new([Arc::new(issuer.unwrap())]).unwrap();
    let floor = Floor::new(AUDIENCE).unwrap();
    let gate = Gate::new(issuers, floor, policy, ceiling());
    let token = Token::new(TOKEN.as_str());
    let outcome = gate.decide(token, &Request::default(), &FixedClock(NOW));
    assert_eq!(answer(&outcome), "allow", "{outcome:?}");
    victim.unharmed("a hundred keys");
}
