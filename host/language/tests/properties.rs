//! What holds for every document and every token.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use claimbound_engine::Decision;
use claimbound_language::{Compiled, Example, compile, parse_cases};
use proptest::prelude::*;
use serde_json::json;

const DOCUMENT: &str = r#"claimbound = 1
policy = { name = "p", version = "1.0.0" }
[issuer.github]
model = "github-actions"
[trust.main]
issuer = "github"
audience = "https://a.example"
token_lifetime = "15m"
[trust.main.subject]
owner = { name = "acme", id = "1" }
repository = { name = "acme/infra", id = "2" }
environment = "production"
[trust.main.claims]
ref = { regex = "refs/heads/(main|release-[0-9]+)" }
runner_environment = ["github-hosted"]
[trust.main.window]
days = ["mon"]
hours = "08:00-18:00"
time_zone = "Europe/Berlin"
"#;

fn compiled(more: &str) -> Compiled {
    compile("policy.toml", &format!("{DOCUMENT}{more}"))
        .unwrap_or_else(|findings| panic!("{findings}"))
}

fn allowed(compiled: &Compiled, example: &Example) -> bool {
    let verdict = compiled
        .decide(&example.claims, &example.key, &example.request)
        .unwrap();
    matches!(verdict.decision, Decision::Allow { .. })
}

#[test]
fn a_forbid_wins_and_folds_names_and_applies_to_what_it_can_not_know() {
    let example = compiled("").example("main").unwrap();
    assert!(allowed(&compiled(""), &example));
    for (forbid, forbids) in [
        ("subject = { owner = \"ACME\" }", true),
        ("subject = { owner = { id = \"1\" } }", true),
        ("subject = { owner = { id = \"9\" } }", false),
        ("subject = { owner = { glob = \"AC*\" } }", true),
        ("subject = { owner = { none_of = [\"Acme\"] } }", false),
        ("subject = { owner = { none_of = [\"other\"] } }", true),
        ("subject = { environment = \"staging\" }", false),
        ("subject = { ref = \"refs/heads/main\" }", false),
        ("subject = { glob = \"repo:ACME/**\" }", true),
        ("claims = { repository = \"Acme/Infra\" }", true),
        ("claims = { ref = \"REFS/HEADS/MAIN\" }", false),
        ("claims = { actor = \"mallory\" }", true),
        (
            "claims = { ref = \"refs/heads/main\", actor = \"mallory\" }",
            true,
        ),
        (
            "claims = { ref = \"refs/heads/other\", actor = \"mallory\" }",
            false,
        ),
        ("", true),
    ] {
        let compiled = compiled(&format!("[forbid.x]\nissuer = \"github\"\n{forbid}\n"));
        assert_eq!(allowed(&compiled, &example), !forbids, "{forbid}");
    }
}

#[test]
fn a_trust_compares_names_byte_for_byte_but_for_what_it_keeps_out() {
    let mut example = compiled("").example("main").unwrap();
    let acme = json!("ACME");
    example.claims.insert("repository_owner".into(), acme);
    example
        .claims
        .insert("repository".into(), json!("ACME/infra"));
    example.claims.insert(
        "sub".into(),
        json!("repo:ACME/infra:environment:production"),
    );
    assert!(!allowed(&compiled(""), &example));
    let open = |owner: &str| {
        let text = DOCUMENT
            .replace("name = \"acme\", id", &format!("name = {owner}, id"))
            .replace("name = \"acme/infra\", ", "");
        compile("policy.toml", &text).unwrap()
    };
    assert!(allowed(&open("\"ACME\""), &example));
    assert!(
        !allowed(&open("{ none_of = [\"acme\"] }"), &example),
        "kept out in any case"
    );
}

#[test]
fn every_model_has_a_statement_with_an_example_in_every_form() {
    let registry = claimbound_issuers::Registry::standard();
    let mut made = 0;
    for model in registry.iter() {
        let url = match model.default_issuer() {
            Some(url) => url.to_owned(),
            None => sample_url(model.issuers()[0].url()),
        };
        let mut fields: Vec<&str> = Vec::new();
        for form in model.forms().iter().filter(|form| !form.is_custom()) {
            fields.extend(model.fields_of(form).map(|field| field.name()));
        }
        fields.sort_unstable();
        fields.dedup();
        for form in model.forms().iter().filter(|form| !form.is_custom()) {
            let first = model.fields_of(form).last().unwrap().name();
            let any: Vec<String> = fields
                .iter()
                .filter(|one| **one != first)
                .map(|one| format!("{one:?}"))
                .collect();
            let text = format!(
                "claimbound = 1\npolicy = {{ name = \"p\", version = \"1.0.0\" }}\n[issuer.i]\nmodel = {:?}\nurl = {url:?}\n[trust.t]\nissuer = \"i\"\naudience = \"a\"\ntoken_lifetime = \"1h\"\ndanger = \"a test\"\nsubject = {{ {first} = {{ present = true }}, any = [{}] }}\n",
                model.name(),
                any.join(", ")
            );
            let compiled =
                compile(model.name(), &text).unwrap_or_else(|findings| panic!("{findings}"));
            let example = compiled.example_in("t", form.name());
            let example =
                example.unwrap_or_else(|error| panic!("{} {}: {error}", model.name(), form.name()));
            assert_eq!(example.form, form.name());
            made += 1;
        }
    }
    assert!(made >= 20, "{made}");
}

/// A URL of the template's form.
fn sample_url(template: &str) -> String {
    const UUID: &str = "0d9b6c4e-5f1a-4c3b-9e2d-7a8f60b1c2d3";
    template
        .replace("{host}", "a.example")
        .replace("{path}", "x")
        .replace("{organization_id}", UUID)
        .replace("{organization}", UUID)
        .replace("{tenant}", UUID)
        .replace("{workspace}", "acme")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_compiler_panic(text in "\\PC{0,200}") {
        if let Err(findings) = compile("x", &text) {
            prop_assert!(!findings.is_empty());
            prop_assert!(!findings.to_string().is_empty());
        }
        let _ = parse_cases("x", &text);
    }

    #[test]
    fn no_mutation_makes_the_compiler_panic(
        start in 0..DOCUMENT.len(),
        length in 0_usize..12,
        middle in "[\\PC\n\"\\[\\]{}=.]{0,8}",
    ) {
        let end = (start + length).min(DOCUMENT.len());
        let text = format!("{}{middle}{}", &DOCUMENT[..start], &DOCUMENT[end..]);
        match compile("x", &text) {
            Ok(compiled) => prop_assert!(compiled.program.statements.len() == compiled.statements.len()),
            Err(findings) => {
                prop_assert!(!findings.is_empty());
                for finding in findings.iter() {
                    prop_assert!(finding.place.end <= text.len());
                }
            }
        }
    }

    #[test]
    fn a_forbid_never_allows_more(
        claim in prop::sample::select(vec!["ref", "actor", "repository", "environment", "runner_environment"]),
        value in prop::sample::select(vec!["refs/heads/main", "acme/infra", "production", "x"]),
        changed in prop::sample::select(vec!["ref", "actor", "repository_id", "event_name"]),
        to in prop::sample::select(vec!["refs/heads/main", "x", "2"]),
    ) {
        let plain = compiled("");
        let mut example = plain.example("main").unwrap();
        example.claims.insert(changed.to_owned(), json!(to));
        let stricter = compiled(&format!("[forbid.x]\nissuer = \"github\"\nclaims = {{ {claim} = {value:?} }}\n"));
        prop_assert!(allowed(&plain, &example) || !allowed(&stricter, &example));
    }

    #[test]
    fn a_claim_that_no_condition_names_never_changes_the_decision(
        name in "[a-z]{9,12}",
        value in "\\PC{0,20}",
    ) {
        let compiled = compiled("");
        let mut example = compiled.example("main").unwrap();
        example.claims.insert(name, json!(value));
        prop_assert!(allowed(&compiled, &example));
    }
}
