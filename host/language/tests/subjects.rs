//! What a subject's table accepts, and what a host is asked to bind.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use claimbound_engine::{Decision, FirstUse, Obligation};
use claimbound_issuers::Registry;
use claimbound_language::{Compiled, NativeKey, NativeRequest, Rule, compile, compile_with};
use serde_json::json;

fn compiled(lines: &str) -> Compiled {
    let text = format!(
        "claimbound = 1\npolicy = {{ name = \"p\", version = \"1.0.0\" }}\n[issuer.github]\nmodel = \"github-actions\"\n[trust.main]\nissuer = \"github\"\naudience = \"a\"\ntoken_lifetime = \"15m\"\n{lines}\n"
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

/// The code of the first reason of a document with these statements besides a
/// trust in every environment of `a/b`; none where the token is allowed.
fn answer(statements: &str, sub: &str, claims: &[(&str, &str)]) -> Option<&'static str> {
    let compiled = compiled(&format!(
        "subject = {{ owner = {{ id = \"1\" }}, repository = {{ id = \"2\" }}, any = [\"environment\", \"ref\"] }}\nidentity = {{ first_use = \"enrol\" }}\n{statements}"
    ));
    let mut token = json!({
        "iss": "https://token.actions.githubusercontent.com", "aud": "a",
        "iat": 1_700_000_000, "exp": 1_700_000_600, "repository_owner": "a",
        "repository": "a/b", "repository_owner_id": "1", "repository_id": "2", "sub": sub,
    });
    for (name, value) in claims {
        token[*name] = json!(value);
    }
    let request = NativeRequest {
        now: 1_700_000_000,
        audience: "a".to_owned(),
        attributes: [("stage".to_owned(), "prod:x".to_owned())].into(),
    };
    let verdict = compiled.decide(
        token.as_object().unwrap(),
        &NativeKey::of("RS256"),
        &request,
    );
    match verdict.unwrap().decision {
        Decision::Allow { .. } => None,
        Decision::Deny { reasons, .. } => Some(reasons[0].code),
    }
}

#[test]
fn a_forbid_sees_the_values_that_a_subject_encodes_as_they_are() {
    let (encoded, plain) = (
        "repo:a/b:environment:prod%3Ax",
        "repo:a/b:environment:prod-x",
    );
    for asked in [
        "{ regex = \"prod:.*\" }",
        "{ glob = \"prod:*\" }",
        "{ attribute = \"stage\" }",
        "{ same_as = \"workflow\" }",
        "\"prod:x\"",
    ] {
        let forbid =
            format!("[forbid.evil]\nissuer = \"github\"\nsubject = {{ environment = {asked} }}");
        let with = |environment| [("environment", environment), ("workflow", "prod:x")];
        let found = answer(&forbid, encoded, &with("prod:x"));
        assert_eq!(found, Some("forbidden"), "{asked}");
        assert_eq!(answer(&forbid, plain, &with("prod-x")), None, "{asked}");
    }
    // What repeats the part is absent, so nothing is known.
    let forbid =
        "[forbid.evil]\nissuer = \"github\"\nsubject = { environment = { regex = \"prod:.*\" } }";
    assert_eq!(answer(forbid, encoded, &[]), Some("forbidden"));
}

#[test]
fn a_trust_sees_the_values_that_a_subject_encodes_as_they_are() {
    let trust = |asked: &str| {
        compiled(&format!(
            "subject = {{ owner = {{ id = \"1\" }}, repository = {{ id = \"2\" }}, environment = {asked} }}"
        ))
    };
    let names = [("repository", "a/b"), ("repository_owner", "a")];
    let token = |compiled: &Compiled, sub: &str, environment: &str| {
        let claims = [names[0], names[1], ("environment", environment)];
        denied(compiled, sub, &claims)
    };
    let star = trust("{ glob = \"prod-*\" }");
    let mismatch = Some("subject.mismatch");
    assert_eq!(token(&star, "repo:a/b:environment:prod-1", "prod-1"), None);
    assert_eq!(
        token(&star, "repo:a/b:environment:prod-%3Ax", "prod-:x"),
        mismatch
    );
    let regex = trust("{ regex = \"prod:[a-z]\" }");
    assert_eq!(
        token(&regex, "repo:a/b:environment:prod%3Ax", "prod:x"),
        None
    );
    assert_eq!(
        token(&regex, "repo:a/b:environment:prod%3A1", "prod:1"),
        mismatch
    );
    // The claim alone is not the subject.
    assert!(token(&regex, "repo:a/b:ref:main", "prod:x").is_some());
}

#[test]
fn what_is_encoded_and_repeated_by_no_claim_is_compared_with_values_alone() {
    let model = r#"
name = "plant"
title = "Plant"
documentation = "A plant."
[tokens]
algorithms = ["RS256"]
types = ["JWT"]
[encode]
":" = "%3A"
[[issuer]]
url = "https://{host}"
shared = false
[[part]]
name = "host"
documentation = "A host."
class = "host"
chooser = "issuer"
[[part]]
name = "line"
documentation = "A line."
excludes = ":"
chooser = "issuer"
[[form]]
name = "line"
documentation = "A line."
subject = "line:{line}"
"#;
    let registry = Registry::standard().clone().with_toml(model).unwrap();
    let compile = |asked: &str| {
        let text = format!(
            "claimbound = 1\npolicy = {{ name = \"p\", version = \"1.0.0\" }}\n[issuer.plant]\nmodel = \"plant\"\nurl = \"https://plant.example\"\n[forbid.main]\nissuer = \"plant\"\nsubject = {{ line = {asked} }}\n"
        );
        compile_with(&registry, "p", &text).map_err(|findings| findings.to_string())
    };
    assert!(compile("[\"a:b\", \"c\"]").is_ok());
    for asked in [
        "glob = \"a*\"",
        "regex = \"a:.*\"",
        "attribute = \"x\"",
        "same_as = \"x\"",
    ] {
        let findings = compile(&format!("{{ {asked} }}")).unwrap_err();
        assert!(findings.contains("`subject.line` is encoded"), "{findings}");
        assert!(findings.contains("one by one"), "{findings}");
    }
}

#[test]
fn a_composed_subject_enrols_by_itself_only_where_it_carries_every_id() {
    let bind = |lines: &str| {
        let compiled = compiled(lines);
        let grant = compiled.statements[0].grant.clone().unwrap();
        let warned = compiled
            .warnings
            .iter()
            .any(|one| one.rule == Rule::FirstUse);
        (grant.obligations.first().cloned(), warned)
    };
    let enrol = (Some(Obligation::Bind(FirstUse::Enrol)), false);
    let refuse = (Some(Obligation::Bind(FirstUse::Refuse)), true);
    assert_eq!(bind("subject = \"repository_owner_id:1234\""), refuse);
    assert_eq!(
        bind("subject = \"repository_owner_id:1234:repository_id:5\""),
        enrol
    );
    assert_eq!(
        bind("subject = \"repository_owner_id:1234\"\nclaims = { repository_id = \"5\" }"),
        enrol
    );
    let some = "subject = [\"repository_owner_id:1:repository_id:5\", \"repository_owner_id:1\"]";
    assert_eq!(bind(some), refuse);
    let asked = "subject = \"repository_owner_id:1\"\nidentity = { first_use = \"enrol\" }";
    assert_eq!(bind(asked), enrol);
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
            "claimbound = 1\npolicy = {{ name = \"p\", version = \"1.0.0\" }}\n[issuer.mesh]\nmodel = \"spiffe\"\nurl = \"https://mesh.acme.example\"\n[trust.main]\nissuer = \"mesh\"\naudience = \"a\"\ntoken_lifetime = \"15m\"\nsubject = \"spiffe://acme.example/ci/agent\"\n{more}\n"
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
    let text = "claimbound = 1\npolicy = { name = \"p\", version = \"1.0.0\" }\n[issuer.github]\nmodel = \"github-actions\"\n[forbid.x]\nissuer = \"github\"\nsubject = { ref = \"a\", environment = \"b\", event = \"c\" }\n";
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
policy = { name = "p", version = "1.0.0" }
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
            "claimbound = 1\npolicy = {{ name = \"p\", version = \"1.0.0\" }}\n[issuer.gitlab]\nmodel = \"gitlab\"\n[trust.main]\nissuer = \"gitlab\"\naudience = \"a\"\ntoken_lifetime = \"15m\"\n[trust.main.subject]\nnamespace = {{ id = \"1\" }}\nproject = {{ id = \"2\" }}\nref_type = \"branch\"\nref = \"main\"\nany = [{any}]\n"
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
