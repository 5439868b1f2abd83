//! What is found is a token that the policy accepts, by the statement that it was
//! looked for.

use std::fs;
use std::path::Path;

use claimbound_language::engine::Decision;
use claimbound_language::engine::model::Effect;
use claimbound_language::{Compiled, IssuerSummary, compile};

use super::*;
use crate::statement::decided;
use crate::texts::Texts;
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

/// A policy of a forge's jobs with these lines in its one trust.
fn forge(lines: &str) -> Compiled {
    let text = format!(
        r#"claimbound = 1
policy = {{ name = "deploy", version = "1.0.0" }}
[issuer.github]
model = "github-actions"
[trust.job]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
identity = {{ first_use = "refuse" }}
{lines}
[trust.job.grant]
roles = ["deploy"]
"#
    );
    compile("policy.toml", &text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

fn is_there(lines: &str) -> Option<bool> {
    found(&forge(lines)).pop().unwrap().1
}

#[test]
fn a_subject_of_chosen_parts_is_found() {
    let ids =
        r#"owner = { name = "acme", id = "1" }, repository = { name = "acme/infra", id = "2" }"#;
    let literal = "repository_owner_id:1:repository_id:2:\
                   job_workflow_ref:acme/flows/.github/workflows/deploy.yml@refs/heads/main";
    for lines in [
        format!("subject = \"{literal}\""),
        format!("subject = \"{literal}\"\n[trust.job.claims]\nrepository = \"acme/infra\""),
        format!("subject = {{ {ids}, actor = \"alice\" }}"),
        format!("subject = {{ {ids}, environment = \"production\", any = [\"actor\"] }}"),
        format!("subject = {{ {ids}, workflow = {{ glob = \"deploy*\" }}, sha = \"abc\" }}"),
        "danger = \"test\"\nsubject = { glob = \"actor:alice:**:repo:acme@1/infra@2:**\" }".into(),
        "danger = \"test\"\nsubject = { regex = \"run_id:[0-9]+:(repository_id:2:)?sha:a\" }"
            .into(),
        "danger = \"test\"\nsubject = { regex = \"(event_name|sha):[a-z]+:pull_request:.*\" }"
            .into(),
    ] {
        assert_eq!(is_there(&lines), Some(true), "{lines}");
    }
}

#[test]
fn a_subject_of_chosen_parts_that_none_can_have_is_known_not_to_be() {
    for lines in [
        // What repeats a part says something else, or its part is there twice.
        "danger = \"test\"\nsubject = { regex = \"actor:alice:sha:.*\" }\n\
         [trust.job.claims]\nactor = \"bob\""
            .into(),
        "subject = \"repository_owner_id:1:repository_id:2:sha:a\"\n\
         [trust.job.claims]\nrepository_id = \"3\""
            .to_owned(),
        "danger = \"test\"\nsubject = { regex = \"actor:[a-z]+:actor:.*\" }".into(),
        "danger = \"test\"\nsubject = { regex = \"(ref|sha):[a-z]+:nothing:.*\" }".into(),
        "danger = \"test\"\nsubject = { regex = \".*:ref:a:ref:b:.*\" }".into(),
    ] {
        assert_eq!(is_there(&lines), Some(false), "{lines}");
    }
}

#[test]
fn a_value_that_is_spelt_otherwise_in_the_subject_is_found() {
    let ids =
        r#"owner = { name = "acme", id = "1" }, repository = { name = "acme/infra", id = "2" }"#;
    for (lines, expected) in [
        (
            format!(
                "subject = {{ {ids}, any = [\"environment\"] }}\n[trust.job.claims]\nenvironment = \"prod:eu\""
            ),
            true,
        ),
        (
            format!(
                "subject = {{ {ids}, environment = \"prod:eu\" }}\n[trust.job.claims]\nenvironment = {{ regex = \".*:.*\" }}"
            ),
            true,
        ),
        (
            format!(
                "subject = {{ {ids}, environment = \"prod:eu\" }}\n[trust.job.claims]\nenvironment = {{ regex = \"[^:]*\" }}"
            ),
            false,
        ),
        // Nobody could say which of two values a subject means.
        (
            format!(
                "subject = {{ {ids}, any = [\"environment\"] }}\n[trust.job.claims]\nenvironment = \"prod%3Aeu\""
            ),
            false,
        ),
    ] {
        assert_eq!(is_there(&lines), Some(expected), "{lines}");
    }
}

mod circumstances;
mod toy;
