//! The benchmark beside other languages: it stands outside the workspace, so
//! what it needs of the product is held here.

use std::collections::BTreeMap;
use std::fs;

use claimbound_engine::Decision;
use claimbound_language::{NativeKey, NativeRequest, compile};
use serde_json::{Map, Value};

use crate::forge::NOW;
use crate::tree::root;

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The version of a package of a lock.
fn version(lock: &str, package: &str) -> String {
    let lock: toml::Table = toml::from_str(&read(lock)).unwrap();
    lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"].as_str() == Some(package))
        .and_then(|one| one["version"].as_str())
        .unwrap_or_else(|| panic!("{package} is not locked"))
        .to_owned()
}

#[test]
fn the_policy_that_peers_are_measured_with_allows_its_token() {
    let document = read("tests/peers/policy.toml");
    let compiled = compile("policy.toml", &document).unwrap_or_else(|found| panic!("{found}"));
    assert!(compiled.warnings.is_empty(), "{}", compiled.warnings);
    let mut claims: Map<String, Value> =
        serde_json::from_str(&read("tests/peers/claims.json")).unwrap();
    let request = NativeRequest {
        now: NOW,
        audience: compiled.audiences[0].clone(),
        attributes: BTreeMap::new(),
    };
    let key = NativeKey::of("RS256");
    let mut decide = |branch: &str| {
        claims.insert("ref".to_owned(), branch.into());
        compiled.decide(&claims, &key, &request).unwrap().decision
    };
    let allowed = decide("refs/heads/release/2026.11");
    assert!(matches!(allowed, Decision::Allow { .. }), "{allowed:?}");
    let denied = decide("refs/heads/main");
    assert!(matches!(denied, Decision::Deny { .. }), "{denied:?}");
}

#[test]
fn the_table_of_peers_is_of_the_versions_that_are_locked() {
    let page = read("docs/benchmarks.md");
    for library in ["regorus", "cedar-policy", "cel", "wasmtime"] {
        let named = format!("{library} {}", version("tests/peers/Cargo.lock", library));
        assert!(page.contains(&named), "measure again: {named}");
    }
}
