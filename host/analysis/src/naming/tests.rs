//! What is found is a token that the policy accepts, by the statement that it was
//! looked for.

use std::fs;
use std::path::Path;

use claimbound_language::engine::Decision;
use claimbound_language::{Compiled, compile};

use super::*;
use crate::statement::decided;
use crate::token::token;

/// What is found for each trust of a policy: whether there is a token, where that
/// is known.
fn found(compiled: &Compiled) -> Vec<(String, Option<bool>)> {
    let budget = Budget::default();
    let regions = decided(&compiled.program, &budget).unwrap();
    let mut all = Vec::new();
    for (statement, region) in compiled.statements.iter().zip(&regions) {
        if !statement.trusts {
            continue;
        }
        let mut issuers = compiled.issuers.iter();
        let issuer = issuers.find(|one| one.alias == statement.issuer).unwrap();
        let is_there = match example(region, &issuer.url, &issuer.model, &Budget::default()) {
            Err(Exceeded) => None,
            Ok(None) => Some(false),
            Ok(Some(found)) => {
                let token = token(&found, &issuer.url, &issuer.model);
                let token = token.unwrap_or_else(|| panic!("{found:?}"));
                let verdict = compiled.decide(&token.claims, &token.key, &token.request);
                let decision = verdict.unwrap().decision;
                let by = match &decision {
                    Decision::Allow { statement, .. } => Some(statement),
                    Decision::Deny { .. } => None,
                };
                assert_eq!(by, Some(&statement.name), "{:?} {decision:?}", token.claims);
                Some(true)
            }
        };
        all.push((statement.name.clone(), is_there));
    }
    all
}

#[test]
fn each_statement_of_the_shipped_policies_has_its_token() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut looked_at = 0;
    for policy in fs::read_dir(policies).unwrap() {
        let file = policy.unwrap().path().join("policy.toml");
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let compiled = compile(&file.display().to_string(), &text).unwrap();
        for (statement, is_there) in found(&compiled) {
            assert_eq!(is_there, Some(true), "{} {statement}", file.display());
            looked_at += 1;
        }
    }
    assert!(looked_at > 5);
}
