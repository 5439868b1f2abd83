//! What authors read when a document is wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use claimbound_language::{Rule, compile};

/// A statement that compiles, with `more` lines behind it.
fn document(more: &str) -> String {
    format!(
        r#"claimbound = 1
policy = {{ name = "p", version = "1.0.0" }}
[issuer.github]
model = "github-actions"
[trust.main]
issuer = "github"
audience = "https://a.example"
token_lifetime = "15m"
subject = {{ owner = {{ name = "acme", id = "1" }}, repository = {{ name = "acme/infra", id = "2" }}, environment = "production" }}
{more}"#
    )
}

fn findings(text: &str) -> String {
    match compile("policy.toml", text) {
        Ok(compiled) => panic!("it compiled: {:?}", compiled.statements),
        Err(findings) => findings.to_string(),
    }
}

/// The codes and messages of the findings about a statement with these lines.
fn wrong(more: &str) -> Vec<String> {
    match compile("policy.toml", &document(more)) {
        Ok(_) => Vec::new(),
        Err(findings) => findings
            .iter()
            .map(|one| format!("{}: {}", one.code(), one.message))
            .collect(),
    }
}

#[test]
fn the_statement_of_these_tests_compiles() {
    assert_eq!(wrong(""), [""; 0]);
}

#[test]
fn a_document_that_is_wrong_in_many_places_is_told_of_all() {
    let text = r#"claimbound = 1
policy = { name = "p", vresion = "1.0.0" }
[issuer.github]
model = "github-action"
[issuer.cluster]
model = "kubernetes"
[trust.main]
issuer = "githb"
audiance = "https://a.example"
token_lifetime = "15 minutes"
subject = 7
[trust.main.claims]
ref = { glb = "x" }
[trust.main.window]
days = ["monday"]
"#;
    insta::assert_snapshot!(findings(text));
}

#[test]
fn what_is_not_claim_bound_is_told_what_is_missing() {
    let text = r#"claimbound = 1
policy = { name = "p", version = "1.0.0" }
[trust.main]
claims = { ref = "x" }
[forbid.other]
claims = { ref = "x" }
"#;
    insta::assert_snapshot!(findings(text));
}

#[test]
fn a_shared_issuer_needs_its_tenant() {
    let text = document("")
        .replace(", id = \"1\"", "")
        .replace(", id = \"2\"", "");
    insta::assert_snapshot!(findings(&text));
    let compiles = |text: &str| compile("policy.toml", text).is_ok();
    assert!(compiles(&format!("{text}danger = \"a test account\"\n")));
    assert!(!compiles(&format!("{text}danger = \" \"\n")));
    assert!(compiles(&format!(
        "{text}claims = {{ repository_owner_id = \"1\" }}\n"
    )));
    assert!(compiles(&format!(
        "{text}claims = {{ repository_id = [\"1\", \"2\"] }}\n"
    )));
    assert!(!compiles(&format!(
        "{text}claims = {{ repository_owner_id = {{ glob = \"*\" }} }}\n"
    )));
    assert!(!compiles(&format!(
        "{text}claims = {{ actor_id = \"1\" }}\n"
    )));
}

#[test]
fn a_needless_danger_is_a_warning() {
    let compiled = compile("policy.toml", &document("danger = \"because\"\n")).unwrap();
    let warnings: Vec<Rule> = compiled.warnings.iter().map(|one| one.rule).collect();
    assert_eq!(warnings, [Rule::Tenant]);
}

#[test]
fn a_part_left_out_is_named_with_the_forms_that_would_fit() {
    let text = document("").replace(", environment = \"production\"", "");
    insta::assert_snapshot!(findings(&text));
    let open = document("").replace(
        "environment = \"production\"",
        "any = [\"environment\", \"ref\", \"event\"]",
    );
    assert!(compile("policy.toml", &open).is_ok());
    let both = document("").replace("environment =", "ref = \"refs/heads/main\", environment =");
    insta::assert_snapshot!(findings(&both));
}

#[test]
fn values_that_can_never_match_do_not_compile() {
    for (claims, message) in [
        (
            "run_number = 7",
            "`claims.run_number` is a string, so it never equals a number",
        ),
        (
            "ref = [\"a\", true]",
            "`claims.ref` is a string, so it never equals a boolean",
        ),
        (
            "ref = { at_least = 7 }",
            "`claims.ref` is a string, and `at_least` never holds for that",
        ),
        (
            "ref = { contains = \"x\" }",
            "`claims.ref` is a string, and `contains` never holds for that",
        ),
        (
            "ref = { regex = \"[a&&b]\" }",
            "the pattern matches nothing at all",
        ),
    ] {
        let found = wrong(&format!("claims = {{ {claims} }}"));
        assert_eq!(
            found,
            [format!("document.never-matches: {message}")],
            "{claims}"
        );
    }
    assert_eq!(wrong("claims = { unknown = 7, other = true }"), [""; 0]);
}

#[test]
fn registered_claims_are_sent_where_they_belong() {
    for claim in ["iss", "sub", "aud", "exp", "nbf", "iat"] {
        let found = wrong(&format!("claims = {{ {claim} = \"x\" }}"));
        let message = format!("registered claim `{claim}` is not a condition of its own");
        assert_eq!(found, [format!("document.registered-claim: {message}")]);
    }
    assert_eq!(wrong("claims = { jti = \"x\" }"), [""; 0]);
}

/// Lines of a statement, the code of their finding and its message.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "grant = { claims = { sub = \"x\" } }",
        "grant",
        "no policy grants the registered claim `sub`",
    ),
    (
        "grant = { scopes = [\"a b\"] }",
        "grant",
        "`a b` is no scope",
    ),
    (
        "grant = { obligations = [{ kind = \"bind\" }] }",
        "grant",
        "`bind` has a key of its own",
    ),
    (
        "claims = { a = { same_as = \"a\" } }",
        "value",
        "`claims.a` is always the same as itself",
    ),
    (
        "claims = { kubernetes.io = \"x\" }",
        "unknown-key",
        "`io` is no operator",
    ),
    (
        "claims = { a = {} }",
        "value",
        "a condition has exactly one operator",
    ),
    (
        "claims = { a = { glob = \"x\", regex = \"y\" } }",
        "value",
        "a condition has exactly one operator",
    ),
    (
        "claims = { a = { present = false } }",
        "value",
        "this operator takes `true` only",
    ),
    (
        "claims = { a = [] }",
        "value",
        "the list is empty, so nothing could match",
    ),
    (
        "claims = { a = { glob = 'x\\' } }",
        "pattern",
        "the glob ends in a lone `\\`, which escapes nothing",
    ),
    (
        "claims = { \"a\\u0007\" = 1 }",
        "name",
        "a claim's name holds a control character",
    ),
    ("max_age = \"0s\"", "value", "`0s` is no duration"),
    ("expires = 2027-06-30", "value", "`2027-06-30` is no moment"),
    ("key = {}", "missing-key", "`key` asks for nothing"),
    (
        "key = { algorithms = [\"ES256\"] }",
        "never-matches",
        "`ES256` is no algorithm that `github-actions` signs with",
    ),
    (
        "key = { thumbprints = [\"x\"] }",
        "value",
        "`x` is no thumbprint",
    ),
    (
        "proof = { method = \"tls\" }",
        "value",
        "`tls` is no value of `method`",
    ),
    (
        "identity = { first_use = \"enroll\" }",
        "value",
        "`enroll` is no value of `first_use`",
    ),
    (
        "nested = [{ equals = 1 }]",
        "missing-key",
        "a nested condition needs `path`",
    ),
    (
        "nested = [{ path = [\"a\"] }]",
        "value",
        "a nested condition has exactly one operator",
    ),
    (
        "[trust.\"a\\nb\"]",
        "name",
        "the statement's name holds a control character",
    ),
    (
        "[forbid.main]\nissuer = \"github\"",
        "duplicate",
        "two statements are called `main`",
    ),
    (
        "[issuer.other]\nmodel = \"github-actions\"",
        "duplicate",
        "`github` and `other` are both `https://token.actions.githubusercontent.com`",
    ),
    (
        "[issuer.other]\nmodel = \"github-actions\"\nurl = \"http://x\"",
        "issuer",
        "`http://x` is no issuer of `github-actions`",
    ),
    (
        "[issuer.other]\nmodel = \"kubernetes\"",
        "missing-key",
        "issuer `other` needs `url`",
    ),
    (
        "a = ",
        "syntax",
        "string values must be quoted, expected literal string",
    ),
];

#[test]
fn each_mistake_has_its_finding() {
    for (more, code, message) in MISTAKES {
        let found = wrong(more);
        assert!(
            found.contains(&format!("document.{code}: {message}")),
            "{more}: {found:#?}"
        );
    }
}

#[test]
fn subjects_are_read_by_the_model() {
    let subject = |text: &str| {
        let document = document("");
        let start = document.find("subject =").unwrap();
        wrong_text(&format!(
            "{}subject = {text}\ndanger = \"a test\"\n",
            &document[..start]
        ))
    };
    assert_eq!(subject("\"repo:acme/infra:ref:refs/heads/main\""), [""; 0]);
    assert_eq!(
        subject("\"repo:acme@1/infra@2:ref:refs/heads/main\""),
        [""; 0],
        "immutable"
    );
    assert_eq!(subject("{ glob = \"repo:acme/*:ref:**\" }"), [""; 0]);
    for (text, message) in [
        (
            "\"repo:acme\"",
            "document.never-matches: the subject has no form that `github-actions` knows",
        ),
        ("{}", "document.subject: the subject says nothing"),
        (
            "{ repo = \"x\" }",
            "document.subject: `repo` is not a part of a `github-actions` subject",
        ),
        (
            "{ environment = { id = \"x\" }, repository = \"a/b\", owner = \"a\" }",
            "document.never-matches: `environment` has no id",
        ),
        (
            "{ environment = \"x\", repository = \"a/b\", owner = \"a\", any = [\"environment\"] }",
            "document.subject: `environment` is both asked for and left open",
        ),
        ("{ glob = 7 }", "document.type: a number does not fit here"),
        (
            "{ environment = \"x\", repository = \"infra\", owner = \"acme\" }",
            "document.never-matches: `infra` can't be the name of a `repository`",
        ),
        (
            "{ environment = \"x\", repository = \"evil/infra\", owner = \"acme\" }",
            "document.never-matches: `repository` and `owner` contradict each other",
        ),
    ] {
        assert_eq!(subject(text), [message], "{text}");
    }
}

fn wrong_text(text: &str) -> Vec<String> {
    match compile("policy.toml", text) {
        Ok(_) => Vec::new(),
        Err(findings) => findings
            .iter()
            .map(|one| format!("{}: {}", one.code(), one.message))
            .collect(),
    }
}

#[test]
fn json_of_the_same_shape_compiles_to_the_same_program() {
    let json = r#"{
        "claimbound": 1,
        "policy": {"name": "p", "version": "1.0.0"},
        "issuer": {"github": {"model": "github-actions"}},
        "trust": {"main": {
            "issuer": "github",
            "audience": "https://a.example",
            "token_lifetime": "15m",
            "subject": {
                "owner": {"name": "acme", "id": "1"},
                "repository": {"name": "acme/infra", "id": "2"},
                "environment": "production"
            }
        }}
    }"#;
    let toml = compile("policy.toml", &document("")).unwrap();
    let json = compile("policy.json", json).unwrap_or_else(|findings| panic!("{findings}"));
    assert_eq!(toml.program.statements, json.program.statements);
}
