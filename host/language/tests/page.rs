//! The page about the document: its examples compile, and what is generated in
//! it and beside it is current.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::PathBuf;

use claimbound_language::{CaseOutcome, Compiled, compile, parse_cases, reference, schema};

const BEGIN: &str =
    "<!-- generated from the schema: run the crate's tests with CLAIMBOUND_UPDATE=1 -->\n";
const END: &str = "<!-- end of what is generated -->";

/// What the page's fragments are lines of.
const BASE: &str = r#"claimbound = 1
policy = { name = "page", version = "1.0.0" }
[issuer.github]
model = "github-actions"
[trust.main]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
"#;
const SUBJECT: &str = r#"subject = { owner = { id = "1" }, any = ["repository", "environment"] }
"#;

/// A file beside the workspace's manifest; none where the crate stands alone.
fn docs(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
    folder.is_dir().then(|| folder.join(name))
}

/// Compares a generated text with the one on disk, or writes it if asked to.
fn assert_current(path: &PathBuf, generated: &str) {
    if std::env::var_os("CLAIMBOUND_UPDATE").is_some() {
        fs::write(path, generated).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == generated,
        "{} is out of date: run with CLAIMBOUND_UPDATE=1",
        path.display()
    );
}

#[test]
fn the_schema_is_current() {
    let Some(path) = docs("policy.schema.json") else {
        return;
    };
    let text = serde_json::to_string_pretty(&schema()).unwrap();
    assert_current(&path, &format!("{text}\n"));
}

#[test]
fn the_reference_is_current() {
    let Some(path) = docs("policy-language.md") else {
        return;
    };
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    assert_current(
        &path,
        &format!("{before}{BEGIN}\n{}\n{END}{after}", reference().trim_end()),
    );
}

/// Text between fences that say `toml`.
fn examples(page: &str) -> Vec<&str> {
    page.split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

fn compiled(text: &str) -> Compiled {
    compile("page", text).unwrap_or_else(|findings| panic!("{findings}\n{text}"))
}

#[test]
fn every_example_compiles_and_every_case_passes() {
    let Some(path) = docs("policy-language.md") else {
        return;
    };
    let page = fs::read_to_string(path).unwrap();
    let examples = examples(&page);
    let policy = compiled(examples[0]);
    let mut cases_run = 0;
    for example in &examples {
        if example.starts_with("claimbound = 1") {
            let compiled = compiled(example);
            for statement in compiled.statements.iter().filter(|one| one.trusts) {
                compiled.example(&statement.name).unwrap();
            }
        } else if example.contains("[[case]]") {
            let cases =
                parse_cases("page", example).unwrap_or_else(|findings| panic!("{findings}"));
            for case in &cases.cases {
                assert_eq!(
                    cases.run(&policy, case),
                    Ok(CaseOutcome::Passed),
                    "{}",
                    case.name.value
                );
                cases_run += 1;
            }
        } else if example.contains("subject =") {
            compiled(&format!("{BASE}{example}"));
        } else {
            compiled(&format!("{BASE}{SUBJECT}{example}"));
        }
    }
    assert!(
        examples.len() > 12 && cases_run > 6,
        "{} {cases_run}",
        examples.len()
    );
}
