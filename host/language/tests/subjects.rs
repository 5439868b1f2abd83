//! What a subject's table accepts, and what a host is asked to bind.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use claimbound_engine::{Decision, FirstUse, Obligation};
use claimbound_language::{Compiled, compile};
use serde_json::json;

fn compiled(lines: &str) -> Compiled {
    let text = format!(
        "claimbound = 1\npolicy = {{ name = \"p\", version = \"1\" }}\n[issuer.github]\nmodel = \"github-actions\"\n[trust.main]\nissuer = \"github\"\naudience = \"a\"\ntoken_lifetime = \"15m\"\n{lines}\n"
    );
    compile("policy.toml", &text).unwrap_or_else(|findings| panic!("{findings}"))
}

/// The code of the first reason against the statement's example with this
/// subject and these claims instead; none where it is allowed.
fn denied(compiled: &Compiled, subject: &str, claims: &[(&str, &str)]) -> Option<&'static str> {
    let mut example = compiled.example("main").unwrap();
    example.claims.insert("sub".into(), json!(subject));
    for (name, value) in claims {
        example.claims.insert((*name).into(), json!(value));
    }
    let verdict = compiled.decide(&example.claims, &example.key, &example.request);
    match verdict.unwrap().decision {
        Decision::Allow { .. } => None,
        Decision::Deny { reasons, .. } => Some(reasons[0].code),
    }
}

#[test]
fn a_chosen_subject_is_accepted_where_it_is_asked_for_and_has_nothing_else() {
    let table =
        "owner = { name = \"acme\", id = \"1\" }, repository = { name = \"acme/x\", id = \"2\" }";
    let plain = compiled(&format!("subject = {{ {table}, environment = \"prod\" }}"));
    let chosen = compiled(&format!(
        "subject = {{ {table}, environment = \"prod\", any = [\"actor\"] }}"
    ));
    let actor = [("actor", "ann")];
    let with_actor = "repo:acme/x:environment:prod:actor:ann";
    assert_eq!(denied(&plain, with_actor, &actor), Some("subject.mismatch"));
    assert_eq!(denied(&chosen, with_actor, &actor), None);
    assert_eq!(denied(&chosen, "repo:acme/x:environment:prod", &[]), None);
    let more = "repo:acme/x:environment:prod:actor:ann:event_name:push";
    let both = [("actor", "ann"), ("event_name", "push")];
    assert_eq!(denied(&chosen, more, &both), Some("subject.mismatch"));
    let less = "repo:acme/x:actor:ann";
    assert_eq!(denied(&chosen, less, &actor), Some("subject.mismatch"));
}

#[test]
fn the_announced_form_with_hyphens_is_never_taken_for_ids() {
    let pinned = compiled(
        "subject = { owner = { id = \"1\" }, repository = { id = \"2\" }, environment = \"prod\" }",
    );
    let claims = [("repository", "acme-1/x-2"), ("repository_owner", "acme-1")];
    let subject = "repo:acme-1/x-2:environment:prod";
    assert_eq!(denied(&pinned, subject, &claims), None, "names that end so");
    let other = [("repository_id", "9"), claims[0], claims[1]];
    assert_eq!(denied(&pinned, subject, &other), Some("subject.mismatch"));
}

#[test]
fn values_are_written_plain_and_compared_as_the_issuer_encodes_them() {
    let encoded = compiled(
        "subject = { owner = { id = \"1\" }, repository = { id = \"2\" }, environment = { glob = \"eu:*\" } }",
    );
    let environment = [("environment", "eu:prod")];
    assert_eq!(
        denied(
            &encoded,
            "repo:a/b:environment:eu%3Aprod",
            &[
                ("environment", "eu:prod"),
                ("repository", "a/b"),
                ("repository_owner", "a")
            ]
        ),
        None
    );
    assert_eq!(
        denied(&encoded, "repo:a/b:environment:eu-prod", &environment),
        Some("subject.drift")
    );
}

#[test]
fn a_statement_enrols_by_itself_only_where_it_pins_every_id() {
    let bind = |lines: &str| {
        let compiled = compiled(lines);
        let grant = compiled.statements[0].grant.clone().unwrap();
        match grant.obligations.first() {
            Some(Obligation::Bind(first_use)) => *first_use,
            other => panic!("{other:?}"),
        }
    };
    let (enrol, refuse) = (FirstUse::Enrol, FirstUse::Refuse);
    let rest = "environment = \"prod\" }";
    let both = "subject = { owner = { id = \"1\" }, repository = { id = [\"2\", \"3\"] }, ";
    assert_eq!(bind(&format!("{both}{rest}")), enrol);
    assert_eq!(
        bind(&format!(
            "{both}{rest}\nidentity = {{ first_use = \"refuse\" }}"
        )),
        refuse
    );
    let owner = "subject = { owner = { id = \"1\" }, repository = \"acme/x\", ";
    assert_eq!(bind(&format!("{owner}{rest}")), refuse);
    assert_eq!(
        bind(&format!(
            "{owner}{rest}\nclaims = {{ repository_id = \"2\" }}"
        )),
        enrol
    );
    assert_eq!(
        bind(&format!(
            "{owner}{rest}\nidentity = {{ first_use = \"enrol\" }}"
        )),
        enrol
    );
    assert_eq!(
        bind("subject = \"repo:acme@1/x@2:ref:refs/heads/main\""),
        enrol
    );
    let pattern =
        "subject = { glob = \"repo:acme@1/*@*:ref:**\" }\ndanger = \"its id is in the pattern\"";
    assert_eq!(bind(pattern), refuse);
}

#[test]
fn a_model_without_ids_binds_only_where_the_statement_asks_for_it() {
    let spiffe = |more: &str| {
        let text = format!(
            "claimbound = 1\npolicy = {{ name = \"p\", version = \"1\" }}\n[issuer.mesh]\nmodel = \"spiffe\"\nurl = \"https://mesh.acme.example\"\n[trust.main]\nissuer = \"mesh\"\naudience = \"a\"\ntoken_lifetime = \"15m\"\nsubject = \"spiffe://acme.example/ci/agent\"\n{more}\n"
        );
        let compiled =
            compile("policy.toml", &text).unwrap_or_else(|findings| panic!("{findings}"));
        compiled.statements[0].grant.clone().unwrap().obligations
    };
    assert_eq!(spiffe(""), []);
    assert_eq!(
        spiffe("identity = { first_use = \"enrol\" }"),
        [Obligation::Bind(FirstUse::Enrol)]
    );
}

#[test]
fn a_forbid_about_parts_that_no_subject_has_together_does_not_compile() {
    let text = "claimbound = 1\npolicy = { name = \"p\", version = \"1\" }\n[issuer.github]\nmodel = \"github-actions\"\n[forbid.x]\nissuer = \"github\"\nsubject = { ref = \"a\", environment = \"b\", event = \"c\" }\n";
    // A subject that the organisation chose may have all three.
    assert!(compile("policy.toml", text).is_ok());
    let text = text
        .replace("github-actions", "gitlab")
        .replace("event = \"c\"", "evnt = \"c\"");
    assert!(compile("policy.toml", &text).is_err());
}

#[test]
fn there_is_an_example_in_every_form_that_a_statement_accepts() {
    let text = r#"claimbound = 1
policy = { name = "p", version = "1" }
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
    let compiled = compile("policy.toml", text).unwrap_or_else(|findings| panic!("{findings}"));
    let forms = compiled.example_forms("main").unwrap();
    // No form holds a namespace, which is no reason to take composed subjects.
    assert_eq!(forms, ["project-path", "project-id"]);
    for form in forms {
        let example = compiled.example_in("main", &form);
        let example = example.unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(example.claims["project_path"], "acme/infra");
    }
}

#[test]
fn a_composed_subject_is_accepted_where_the_table_names_what_only_it_has() {
    let table = |any: &str| {
        format!(
            "claimbound = 1\npolicy = {{ name = \"p\", version = \"1\" }}\n[issuer.gitlab]\nmodel = \"gitlab\"\n[trust.main]\nissuer = \"gitlab\"\naudience = \"a\"\ntoken_lifetime = \"15m\"\n[trust.main.subject]\nnamespace = {{ id = \"1\" }}\nproject = {{ id = \"2\" }}\nref_type = \"branch\"\nref = \"main\"\nany = [{any}]\n"
        )
    };
    let forms = |any: &str| {
        let compiled = compile("policy.toml", &table(any));
        let compiled = compiled.unwrap_or_else(|findings| panic!("{findings}"));
        compiled.example_forms("main").unwrap()
    };
    let fixed = ["project-path", "project-id"];
    assert_eq!(forms(""), fixed);
    assert_eq!(
        forms("\"project_path\""),
        fixed,
        "a raw part of a fixed form"
    );
    let all = ["project-path", "project-id", "custom"];
    assert_eq!(forms("\"deployment_tier\""), all);
}
