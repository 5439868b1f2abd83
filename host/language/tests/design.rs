//! The example of the design: it compiles, and it decides as it should.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use claimbound_engine::{Decision, FirstUse, Obligation};
use claimbound_language::{Compiled, Example, compile};
use serde_json::json;

const DOCUMENT: &str = r#"
claimbound = 1
policy = { name = "acme-deploy", version = "1.4.0" }

[issuer.github]
model = "github-actions"

[trust.production]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
single_use = true
expires = 2027-06-30T00:00:00Z

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"

[trust.production.claims]
ref = "refs/heads/main"
job_workflow_ref = { glob = "acme/infra/.github/workflows/*.yml@refs/heads/main" }
runner_environment = { any_of = ["github-hosted"] }

[trust.production.window]
days = ["mon", "tue", "wed", "thu", "fri"]
hours = "08:00-18:00"
time_zone = "Europe/Berlin"

[trust.production.identity]
first_use = "refuse"

[trust.production.grant]
roles = ["deploy"]
max_ttl = "10m"
"#;

fn compiled() -> Compiled {
    compile("policy.toml", DOCUMENT).unwrap_or_else(|findings| panic!("{findings}"))
}

fn decide(compiled: &Compiled, example: &Example) -> Decision {
    compiled
        .decide(&example.claims, &example.key, &example.request)
        .unwrap()
        .decision
}

/// The codes and claims of the denial of a changed example.
fn denied(change: impl Fn(&mut Example)) -> Vec<(&'static str, String)> {
    let compiled = compiled();
    let mut example = compiled.example("production").unwrap();
    change(&mut example);
    match decide(&compiled, &example) {
        Decision::Allow { statement, .. } => panic!("`{statement}` allowed it"),
        Decision::Deny { reasons, .. } => reasons
            .iter()
            .map(|reason| (reason.code, reason.claim.join(".")))
            .collect(),
    }
}

fn set(example: &mut Example, claim: &str, value: serde_json::Value) {
    example.claims.insert(claim.to_owned(), value);
}

fn only(code: &'static str, claim: &str) -> Vec<(&'static str, String)> {
    vec![(code, claim.to_owned())]
}

#[test]
fn the_right_token_is_allowed_in_both_shapes_of_its_subject() {
    let compiled = compiled();
    assert_eq!(
        compiled.example_forms("production").unwrap(),
        ["environment", "immutable-environment"]
    );
    for (form, subject) in [
        ("environment", "repo:acme/infra:environment:production"),
        (
            "immutable-environment",
            "repo:acme@123456/infra@456789:environment:production",
        ),
    ] {
        let example = compiled.example_in("production", form).unwrap();
        assert_eq!(example.claims["sub"], subject);
        assert_eq!(example.claims["repository_id"], "456789");
        let Decision::Allow { statement, grant } = decide(&compiled, &example) else {
            panic!("denied in form `{form}`");
        };
        assert_eq!(statement, "production");
        assert_eq!(grant.roles, ["deploy"]);
        assert_eq!(grant.max_lifetime, Some(600));
        assert_eq!(
            grant.obligations,
            [Obligation::Bind(FirstUse::Refuse), Obligation::UseOnce]
        );
    }
}

#[test]
fn another_branch_is_denied_by_its_claim() {
    let reasons = denied(|one| set(one, "ref", json!("refs/heads/feature")));
    assert_eq!(reasons, only("claim.mismatch", "ref"));
}

#[test]
fn another_environment_is_denied_by_the_subject() {
    let reasons = denied(|one| {
        set(one, "sub", json!("repo:acme/infra:environment:staging"));
        set(one, "environment", json!("staging"));
    });
    assert_eq!(reasons, only("subject.mismatch", "sub"));
}

#[test]
fn a_claim_that_disagrees_with_the_subject_is_drift() {
    let reasons = denied(|one| set(one, "environment", json!("staging")));
    assert_eq!(reasons, only("subject.drift", "environment"));
}

#[test]
fn other_ids_under_the_same_names_are_denied() {
    let reasons = denied(|one| set(one, "repository_id", json!("9")));
    assert_eq!(reasons, only("subject.mismatch", "repository_id"));
    let reasons = denied(|one| set(one, "repository_owner_id", json!("9")));
    assert_eq!(reasons, only("subject.mismatch", "repository_owner_id"));
    let reasons = denied(|one| {
        one.claims.remove("repository_id");
    });
    assert_eq!(reasons, only("identity.absent", "repository_id"));
}

#[test]
fn audiences_are_this_one_and_no_other() {
    let reasons = denied(|one| set(one, "aud", json!("https://other.example")));
    assert_eq!(reasons, only("audience.mismatch", "aud"));
    let reasons = denied(|one| {
        set(
            one,
            "aud",
            json!(["https://deploy.acme.example", "https://other.example"]),
        );
    });
    assert_eq!(reasons, only("audience.shared", "aud"));
}

#[test]
fn time_closes_what_the_statement_opens() {
    let at = |moment: u64| {
        move |one: &mut Example| {
            one.request.now = moment;
            set(one, "iat", json!(moment));
            set(one, "nbf", json!(moment));
            set(one, "exp", json!(moment + 300));
        }
    };
    // 2026-11-22, a Sunday; 2026-11-23T17:00:00Z, when Berlin closes.
    assert_eq!(denied(at(1_795_341_600)), only("window.closed", ""));
    assert_eq!(denied(at(1_795_453_200)), only("window.closed", ""));
    // 2027-06-30T10:00:00Z, a Wednesday.
    assert_eq!(denied(at(1_814_349_600)), only("statement.expired", ""));
    let reasons = denied(|one| {
        let issued = one.request.now;
        set(one, "exp", json!(issued + 901));
    });
    assert_eq!(reasons, only("token.lifetime", "exp"));
    let reasons = denied(|one| {
        one.claims.remove("iat");
    });
    assert_eq!(reasons, only("token.lifetime", "exp"));
}

#[test]
fn an_absent_or_mistyped_claim_satisfies_no_trust() {
    let reasons = denied(|one| {
        one.claims.remove("ref");
    });
    assert_eq!(reasons, only("claim.absent", "ref"));
    let reasons = denied(|one| set(one, "runner_environment", json!(["github-hosted"])));
    assert_eq!(reasons, only("claim.type", "runner_environment"));
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    assert_eq!(compiled().bytes, compiled().bytes);
    assert_eq!(
        compiled().program.document.unwrap(),
        claimbound_language::digest(DOCUMENT)
    );
}
