//! Case files: what they derive, what they expect, and how they are refused.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use claimbound_language::{CaseOutcome, compile, parse_cases};

const POLICY: &str = r#"
claimbound = 1
policy = { name = "acme", version = "1.0.0" }

[issuer.github]
model = "github-actions"

[issuer.cluster]
model = "kubernetes"
url = "https://cluster.acme.example"

[trust.production]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
max_age = "5m"
[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = { any_of = ["production", "eu:production"] }
[trust.production.claims]
ref = { glob = "refs/heads/*" }
run_attempt = { none_of = ["9"] }
head_ref = { attribute = "branch" }
[trust.production.key]
algorithms = ["RS256"]
at_least_bits = 2048
[trust.production.grant]
roles = ["deploy"]
claims = { team = "infra" }

[trust.agent]
issuer = "cluster"
audience = "https://deploy.acme.example"
token_lifetime = "1h"
[trust.agent.subject]
namespace = "ci"
service-account = { name = "ci/agent", id = "5a7c0c9e-2b53-4c43-9a36-4d4c9b8e5f60" }
[[trust.agent.nested]]
path = ["kubernetes.io", "node", "name"]
glob = "ci-*"

[forbid.self-hosted]
issuer = "github"
claims = { runner_environment = "self-hosted" }
"#;

const CASES: &str = r#"
[token.main]
like = "trust.production"
claims = { runner_environment = "github-hosted" }

[token.pod]
like = "trust.agent"

[token.bare]
claims = { iss = "https://token.actions.githubusercontent.com", sub = "x", aud = "https://deploy.acme.example", iat = 10, exp = 20 }

[[case]]
name = "as it is"
token = "main"
allow = "production"
grant = { roles = ["deploy"], claims = { team = "infra" } }

[[case]]
name = "the immutable form"
token = "main"
form = "immutable-environment"
allow = "production"

[[case]]
name = "an environment whose name is encoded"
token = "main"
subject = { environment = "eu:production" }
allow = "production"

[[case]]
name = "the same names under another id"
token = "main"
subject = { repository = { id = "9" } }
deny = "subject.mismatch"
claim = ["repository_id"]

[[case]]
name = "another repository"
token = "main"
subject = { repository = "acme/site" }
deny = "subject.mismatch"
statement = "production"

[[case]]
name = "a claim that drifts"
token = "main"
with = { environment = "staging" }
deny = "subject.drift"
claim = "environment"

[[case]]
name = "a job without environment"
token = "main"
form = "ref"
deny = "subject.mismatch"

[[case]]
name = "a branch in a folder"
token = "main"
with = { ref = "refs/heads/a/b" }
at = "2027-01-04T10:00:00Z"
deny = "claim.mismatch"
claim = ["ref"]

[[case]]
name = "without the branch"
token = "main"
without = ["ref"]
deny = "claim.absent"

[[case]]
name = "another branch than the request's"
token = "main"
attributes = { branch = "other" }
deny = "claim.mismatch"

[[case]]
name = "a small key"
token = "main"
key = { bits = 1024 }
deny = "key.refused"

[[case]]
name = "another route"
token = "main"
audience = "https://other.example"
deny = "audience.mismatch"

[[case]]
name = "expired"
token = "main"
with = { exp = 1 }
deny = "token.expired"

[[case]]
name = "a runner of their own"
token = "main"
with = { runner_environment = "self-hosted" }
deny = "forbidden"
statement = "self-hosted"

[[case]]
name = "a runner that nobody knows"
token = "main"
without = ["runner_environment"]
deny = "forbidden"

[[case]]
name = "a pod"
token = "pod"
allow = "agent"

[[case]]
name = "a pod elsewhere"
token = "pod"
with = { "kubernetes.io" = { node = { name = "prod-1" } } }
deny = "claim.mismatch"
claim = ["kubernetes.io", "node", "name"]

[[case]]
name = "a pod without its node"
token = "pod"
without = [["kubernetes.io", "node"]]
deny = "claim.absent"

[[case]]
name = "a subject that no form fits"
token = "bare"
at = 1970-01-01T00:00:15Z
deny = "subject.mismatch"
"#;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    #[test]
    fn no_mutation_of_a_file_makes_it_panic(
        start in 0..CASES.len(),
        length in 0_usize..12,
        middle in "[\\PC\n\"\\[\\]{}=.]{0,8}",
    ) {
        let end = (start + length).min(CASES.len());
        let text = format!("{}{middle}{}", &CASES[..start], &CASES[end..]);
        if let Ok(cases) = parse_cases("cases.toml", &text) {
            let compiled = compile("policy.toml", POLICY).unwrap();
            let _ = cases.check(&compiled);
            for case in &cases.cases {
                let _ = cases.run(&compiled, case);
            }
        }
    }
}

#[test]
fn every_case_says_what_it_expects() {
    let compiled = compile("policy.toml", POLICY).unwrap_or_else(|findings| panic!("{findings}"));
    let cases = parse_cases("cases.toml", CASES).unwrap_or_else(|findings| panic!("{findings}"));
    cases
        .check(&compiled)
        .unwrap_or_else(|findings| panic!("{findings}"));
    for case in &cases.cases {
        let outcome = cases.run(&compiled, case);
        assert_eq!(outcome, Ok(CaseOutcome::Passed), "{}", case.name.value);
    }
}

#[test]
fn a_case_that_expects_something_else_fails_with_words() {
    let compiled = compile("policy.toml", POLICY).unwrap();
    let text = r#"
[token.main]
like = "trust.production"
claims = { runner_environment = "github-hosted" }
[[case]]
name = "denied"
token = "main"
deny = "claim.mismatch"
claim = ["ref"]
[[case]]
name = "by another"
token = "main"
allow = "agent"
[[case]]
name = "with another grant"
token = "main"
allow = "production"
grant = { roles = ["admin"] }
[[case]]
name = "by another reason"
token = "main"
without = ["ref"]
deny = "claim.mismatch"
"#;
    let cases = parse_cases("cases.toml", text).unwrap();
    let outcomes: Vec<String> = cases
        .cases
        .iter()
        .map(|case| match cases.run(&compiled, case).unwrap() {
            CaseOutcome::Passed => panic!("`{}` passed", case.name.value),
            CaseOutcome::Failed(message) => message,
        })
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"), @"
    expected `claim.mismatch`, and statement `production` allowed it
    expected `agent` to allow it, and `production` did
    expected roles `admin`, found `deploy`
    expected `claim.mismatch`, found `claim.absent` of `ref`
    ");
}

#[test]
fn what_a_file_gets_wrong_is_said_at_its_place() {
    let text = r#"
[token.main]
like = "production"
[[case]]
name = "a"
tokn = "main"
token = "mian"
deny = "claim.mismach"
[[case]]
name = "a"
token = "main"
[[case]]
name = "b"
token = "main"
allow = "x"
claim = ["y"]
[[case]]
name = "c"
token = "main"
deny = "host.busy"
"#;
    insta::assert_snapshot!(parse_cases("cases.toml", text).unwrap_err());
}

#[test]
fn what_the_policy_does_not_have_is_said_at_its_place() {
    let compiled = compile("policy.toml", POLICY).unwrap();
    let text = r#"
[token.main]
like = "trust.production"
[token.none]
like = "trust.self-hosted"
[[case]]
name = "a"
token = "main"
allow = "prodution"
[[case]]
name = "b"
token = "none"
deny = "forbidden"
[[case]]
name = "c"
token = "main"
subject = { brnch = "x" }
deny = "forbidden"
"#;
    let cases = parse_cases("cases.toml", text).unwrap();
    insta::assert_snapshot!(cases.check(&compiled).unwrap_err());
}

#[test]
fn a_token_that_is_like_nothing_is_told_once_where_it_is_made() {
    let compiled = compile("policy.toml", POLICY).unwrap();
    let cases = ["a", "b", "c"].map(|name| {
        format!("[[case]]\nname = \"{name}\"\ntoken = \"main\"\nallow = \"production\"\n")
    });
    let text = format!(
        "[token.main]\nlike = \"trust.prodution\"\n{}",
        cases.concat()
    );
    let findings = parse_cases("cases.toml", &text).unwrap();
    let findings = findings.check(&compiled).unwrap_err();
    let all: Vec<_> = findings.iter().collect();
    let [only] = all.as_slice() else {
        panic!("{findings}")
    };
    assert_eq!(&text[only.place.clone()], "\"trust.prodution\"");
    assert_eq!(
        only.hint.as_deref(),
        Some("did you mean `trust.production`?")
    );
}

const GITLAB: &str = r#"
claimbound = 1
policy = { name = "gitlab", version = "1.0.0" }
[issuer.gitlab]
model = "gitlab"
[trust.main]
issuer = "gitlab"
audience = "a"
token_lifetime = "15m"
[trust.main.subject]
namespace = { name = "acme", id = "1" }
project = { name = "acme/infra", id = "2" }
ref_type = "branch"
ref = "main"
"#;

#[test]
fn a_name_that_a_claim_alone_says_is_changed_there() {
    let compiled = compile("policy.toml", GITLAB).unwrap_or_else(|findings| panic!("{findings}"));
    let text = r#"
[token.by-path]
like = "trust.main"
form = "project-path"
[token.by-id]
like = "trust.main"
form = "project-id"
[[case]]
name = "another namespace"
token = "by-path"
subject = { namespace = { name = "mallory", id = "7" } }
deny = "subject.mismatch"
claim = ["namespace_id"]
[[case]]
name = "its name alone"
token = "by-path"
subject = { namespace = "mallory" }
deny = "subject.mismatch"
claim = ["namespace_path"]
[[case]]
name = "a project's name where the subject has its id"
token = "by-id"
subject = { project = "mallory/infra" }
deny = "subject.mismatch"
[[case]]
name = "the other form keeps the names"
token = "by-path"
form = "project-id"
allow = "main"
"#;
    let cases = parse_cases("cases.toml", text).unwrap_or_else(|findings| panic!("{findings}"));
    let derived: Vec<_> = cases
        .cases
        .iter()
        .map(|case| {
            let outcome = cases.run(&compiled, case);
            assert_eq!(outcome, Ok(CaseOutcome::Passed), "{}", case.name.value);
            cases.derive(&compiled, case).unwrap().claims
        })
        .collect();
    assert_eq!(derived[0]["namespace_path"], "mallory");
    assert_eq!(derived[0]["namespace_id"], "7");
    assert_eq!(derived[0]["project_path"], "acme/infra");
    assert_eq!(derived[1]["namespace_id"], "1");
    assert_eq!(derived[2]["project_path"], "mallory/infra");
    assert_eq!(derived[2]["sub"], "project_id:2:ref_type:branch:ref:main");
}

#[test]
fn a_name_that_the_form_writes_in_another_way_is_refused() {
    let compiled = compile("policy.toml", POLICY).unwrap();
    let text = "[token.main]\nlike = \"trust.production\"\n[[case]]\nname = \"a\"\ntoken = \"main\"\nsubject = { repository = \"acme\" }\ndeny = \"forbidden\"\n";
    let cases = parse_cases("cases.toml", text).unwrap();
    let error = cases.derive(&compiled, &cases.cases[0]).unwrap_err();
    assert_eq!(error, "`acme` is no `repository` of form `environment`");
}

/// A case file whose token is written out.
const WRITTEN_OUT: &str = r#"
[token.main]
issuer = "https://token.actions.githubusercontent.com"
audience = "https://deploy.acme.example"
claims = { sub = "repo:acme/infra:environment:production", repository = "acme/infra", repository_owner = "acme", repository_id = "456789", repository_owner_id = "123456", environment = "production", ref = "refs/heads/main" }

[[case]]
name = "as it is"
token = "main"
allow = "production"

[[case]]
name = "later"
token = "main"
at = "2026-11-24T10:00:00Z"
allow = "production"

[[case]]
name = "another repository"
token = "main"
subject = { repository = { name = "acme/site", id = "7" } }
deny = "subject.mismatch"

[[case]]
name = "another issuer"
token = "main"
with = { iss = "https://gitlab.com" }
deny = "issuer.unknown"

[[case]]
name = "another key"
token = "main"
key = { algorithm = "ES256" }
audience = "https://other.example"
attributes = { team = "a" }
without = ["environment"]
deny = "audience.mismatch"
"#;

#[test]
fn a_token_that_is_written_out_needs_no_document() {
    let cases = parse_cases("cases.toml", WRITTEN_OUT).unwrap();
    cases.check_alone().unwrap();
    let tokens: Vec<_> = cases
        .cases
        .iter()
        .map(|case| cases.derive_alone(case).unwrap())
        .collect();
    let claim = |index: usize, name: &str| tokens[index].claims.get(name).cloned();
    assert_eq!(claim(0, "aud").unwrap(), "https://deploy.acme.example");
    let now = tokens[0].request.now;
    assert_eq!(claim(0, "iat").unwrap(), now);
    assert_eq!(claim(0, "exp").unwrap(), now + 300);
    let later = tokens[1].request.now;
    assert_ne!(later, now);
    assert_eq!(claim(1, "exp").unwrap(), later + 300);
    assert_eq!(claim(2, "repository").unwrap(), "acme/site");
    assert_eq!(claim(2, "repository_id").unwrap(), "7");
    assert_eq!(
        claim(2, "sub").unwrap(),
        "repo:acme/site:environment:production"
    );
    assert_eq!(claim(4, "environment"), None);
    assert_eq!(tokens[4].key.key_type, "EC");
    assert_eq!(tokens[4].request.audience, "https://other.example");
    assert_eq!(tokens[4].request.attributes["team"], "a");
    for (case, token) in cases.cases.iter().zip(&tokens) {
        let issuer = cases.issuer(None, case, token).unwrap();
        assert_eq!(issuer.model.name(), "github-actions", "{}", case.name.value);
    }
}

#[test]
fn one_case_file_serves_a_document_and_a_component_without_one() {
    let cases = parse_cases("cases.toml", WRITTEN_OUT).unwrap();
    let compiled = compile("policy.toml", POLICY).unwrap();
    cases.check(&compiled).unwrap();
    for case in &cases.cases {
        let alone = cases.derive_alone(case).unwrap();
        assert_eq!(cases.derive(&compiled, case).unwrap(), alone);
    }
}

#[test]
fn what_needs_a_document_is_refused_where_there_is_none() {
    let told = |token: &str| {
        let text = format!(
            "[token.main]\n{token}\n[[case]]\nname = \"a\"\ntoken = \"main\"\ndeny = \"forbidden\"\n"
        );
        match parse_cases("cases.toml", &text).and_then(|cases| cases.check_alone()) {
            Ok(()) => String::new(),
            Err(findings) => findings.to_string(),
        }
    };
    let sub = "claims = { sub = \"repo:acme/infra:ref:refs/heads/main\" }";
    for (token, expected) in [
        (
            "like = \"trust.production\"",
            "`like` needs a verified policy document",
        ),
        (
            "claims = { iss = \"https://nobody.example\" }",
            "nothing says how the issuer of token `main` is read",
        ),
        (
            "issuer = \"https://token.actions.githubusercontent.com\"",
            "`like` or `claims`",
        ),
        (
            &format!("issuer = \"https://nobody.example\"\naudience = \"a\"\n{sub}"),
            "is no naming model's own issuer",
        ),
        (
            &format!(
                "issuer = \"https://nobody.example\"\nmodel = \"gitlub\"\naudience = \"a\"\n{sub}"
            ),
            "`gitlub` is no naming model",
        ),
        (
            &format!("model = \"github-actions\"\n{sub}"),
            "token `main` needs `audience`",
        ),
        (
            &format!("model = \"github-actions\"\naudience = \"a\"\nform = \"branch\"\n{sub}"),
            "`form` says nothing beside `issuer`",
        ),
        (
            &format!("audience = \"a\"\n{sub}"),
            "`audience` says nothing beside `claims`",
        ),
        (
            "like = \"trust.production\"\nmodel = \"github-actions\"",
            "`model` says nothing beside `like`",
        ),
        (
            &format!("model = \"github-actions\"\naudience = \"a\"\n{sub}"),
            "",
        ),
        (
            &format!(
                "issuer = \"https://git.acme.example\"\nmodel = \"gitlab\"\naudience = \"a\"\n{sub}"
            ),
            "",
        ),
        (
            "claims = { iss = \"https://token.actions.githubusercontent.com\" }",
            "",
        ),
    ] {
        let found = told(token);
        assert!(found.contains(expected), "{token}: {found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{token}: {found}");
    }
}

#[test]
fn a_token_can_t_read_an_issuer_in_another_way_than_the_document() {
    let text = WRITTEN_OUT.replacen("audience =", "model = \"oidc\"\naudience =", 1);
    let refused = parse_cases("cases.toml", &text).and_then(|cases| {
        let compiled = compile("policy.toml", POLICY).unwrap();
        cases.check(&compiled)
    });
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("github-actions"), "{told}");
}
