//! The policies beside the workspace compile, and nothing about them is worth a
//! warning.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use claimbound_language::compile;

#[test]
fn the_shipped_policies_compile_without_a_warning() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut found = 0;
    for entry in entries {
        let path = entry.unwrap().path().join("policy.toml");
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        found += 1;
        let compiled = compile("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        assert!(compiled.warnings.is_empty(), "{}", compiled.warnings);
    }
    assert!(found > 5, "{found}");
}
