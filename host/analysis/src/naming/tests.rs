//! What is found is a token that the policy accepts, by the statement that it was
//! looked for.

use std::fs;
use std::path::Path;

use claimbound_language::engine::Decision;
use claimbound_language::engine::model::Effect;
use claimbound_language::{Compiled, IssuerSummary, compile};

use super::*;
use crate::statement::decided;
use crate::token::token;

/// What is found for each trust of a policy: whether there is a token, where that
/// is known.
fn found(compiled: &Compiled) -> Vec<(String, Option<bool>)> {
    let budget = Budget::default();
    let mut all = Vec::new();
    let of_issuer = |issuer: &IssuerSummary| {
        let decided = decided(&compiled.program, &issuer.url, &budget).unwrap();
        let decided = decided.into_iter().map(|one| (issuer.clone(), one));
        decided.collect::<Vec<_>>()
    };
    for (issuer, (statement, region)) in compiled.issuers.iter().flat_map(of_issuer) {
        if statement.effect == Effect::Forbid {
            continue;
        }
        let is_there = match example(&region, &issuer.url, &issuer.model, &Budget::default()) {
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
