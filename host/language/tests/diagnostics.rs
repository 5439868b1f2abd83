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

/// What `[issuer.x]` says, and a statement's lines about its subject.
fn at_issuer(issuer: &str, lines: &str) -> String {
    format!(
        "claimbound = 1\npolicy = {{ name = \"p\", version = \"1.0.0\" }}\n[issuer.x]\n{issuer}\n[trust.main]\nissuer = \"x\"\naudience = \"a\"\ntoken_lifetime = \"15m\"\n{lines}\n"
    )
}

/// The rules that a document breaks.
fn broken(text: &str) -> Vec<Rule> {
    match compile("policy.toml", text) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(|one| one.rule).collect(),
    }
}

/// Operators that hold for an id without saying which one it is.
const LOOSE: [&str; 8] = [
    "{ glob = \"*\" }",
    "{ glob = \"1\" }",
    "{ regex = \".*\" }",
    "{ regex = \"1\" }",
    "{ none_of = [\"9\"] }",
    "{ present = true }",
    "{ same_as = \"actor_id\" }",
    "{ attribute = \"tenant\" }",
];

#[test]
fn an_id_that_is_not_given_names_no_tenant() {
    for loose in LOOSE {
        for lines in [
            format!(
                "subject = {{ owner = {{ name = \"acme\", id = {loose} }}, repository = \"acme/x\", environment = \"e\" }}"
            ),
            format!(
                "subject = {{ owner = \"acme\", repository = {{ name = \"acme/x\", id = {loose} }}, environment = \"e\" }}"
            ),
            format!(
                "subject = {{ owner = \"acme\", repository = \"acme/x\", environment = \"e\" }}\nclaims = {{ repository_owner_id = {loose} }}"
            ),
            format!(
                "subject = {{ owner = \"acme\", repository = \"acme/x\", environment = \"e\" }}\n[[trust.main.nested]]\npath = [\"repository_owner_id\"]\n{}",
                loose.trim_matches(['{', ' ', '}'])
            ),
        ] {
            let text = at_issuer("model = \"github-actions\"", &lines);
            assert_eq!(broken(&text), [Rule::Tenant], "{lines}");
        }
        let lines = format!(
            "subject = {{ namespace = {{ name = \"acme\", id = {loose} }}, project = \"acme/x\", ref_type = \"branch\", ref = \"main\" }}"
        )
        .replace("actor_id", "user_id");
        let text = at_issuer("model = \"gitlab\"", &lines);
        assert_eq!(broken(&text), [Rule::Tenant], "{lines}");
    }
}

#[test]
fn a_subject_that_is_not_given_names_no_tenant() {
    for subject in [
        "\"repo:acme/x:environment:e\"",
        "{ any_of = [\"repo:acme@1/x@2:environment:e\", \"repo:acme/x:environment:e\"] }",
        "{ glob = \"repo:acme@1/x@2:environment:*\" }",
        "{ regex = \"repo:acme@1/x@2:environment:e\" }",
    ] {
        let lines = format!("subject = {subject}");
        let text = at_issuer("model = \"github-actions\"", &lines);
        assert_eq!(broken(&text), [Rule::Tenant], "{subject}");
    }
}

#[test]
fn a_subject_takes_no_operator_that_says_nothing_of_it() {
    for subject in [
        "{ none_of = [\"repo:acme@1/x@2:environment:e\"] }",
        "{ present = true }",
        "{ same_as = \"workflow\" }",
        "{ attribute = \"subject\" }",
    ] {
        let lines = format!("subject = {subject}");
        let text = at_issuer("model = \"github-actions\"", &lines);
        assert_eq!(broken(&text), [Rule::Subject], "{subject}");
    }
}

#[test]
fn an_id_elsewhere_names_no_tenant() {
    let subject = "subject = { owner = \"acme\", repository = \"acme/x\", environment = \"e\" }";
    let text = at_issuer("model = \"github-actions\"", subject);
    for elsewhere in [
        // Of whoever pushed; at another path; kept out; of the environment alone.
        "claims = { actor_id = \"1\" }",
        "[[trust.main.nested]]\npath = [\"x\", \"repository_owner_id\"]\nequals = \"1\"",
        "claims = { repository_owner_id = { none_of = [\"1\"] } }",
        "[forbid.others]\nissuer = \"x\"\nclaims = { repository_owner_id = { none_of = [\"1\"] } }",
        "[trust.other]\nissuer = \"x\"\naudience = \"a\"\ntoken_lifetime = \"1m\"\nsubject = \"repo:acme@1/x@2:environment:e\"",
    ] {
        assert_eq!(
            broken(&format!("{text}{elsewhere}\n")),
            [Rule::Tenant],
            "{elsewhere}"
        );
    }
}

#[test]
fn many_ids_name_many_tenants() {
    for id in [
        "\"1\"",
        "[\"1\", \"2\"]",
        "{ any_of = [\"1\", \"2\", \"3\"] }",
    ] {
        let lines = format!(
            "subject = {{ owner = {{ id = {id} }}, repository = \"acme/x\", environment = \"e\" }}"
        );
        let text = at_issuer("model = \"github-actions\"", &lines);
        assert_eq!(broken(&text), [], "{id}");
    }
}

#[test]
fn a_shared_issuer_is_read_by_its_own_model_alone() {
    let github = "https://token.actions.githubusercontent.com";
    for (model, url, subject) in [
        ("oidc", github, "repo:acme/x:environment:e"),
        ("oidc", "https://gitlab.com", "project_path:a/b"),
        ("kubernetes", github, "system:serviceaccount:a:b"),
        (
            "gitlab",
            github,
            "project_path:a/b:ref_type:branch:ref:main",
        ),
        (
            "gitlab",
            "https://accounts.google.com",
            "project_path:a/b:ref_type:branch:ref:main",
        ),
    ] {
        let issuer = format!("model = \"{model}\"\nurl = \"{url}\"");
        let text = at_issuer(&issuer, &format!("subject = \"{subject}\""));
        assert_eq!(broken(&text), [Rule::Issuer], "{model} {url}");
        let danger = format!("{text}danger = \"a trial\"\n");
        assert_eq!(broken(&danger), [Rule::Issuer], "{model} {url}");
        let own = text.replace(url, "https://id.acme.example");
        assert_eq!(broken(&own), [], "{model}");
    }
}

#[test]
fn the_model_of_a_shared_issuer_is_named() {
    let issuer = "model = \"oidc\"\nurl = \"https://gitlab.com\"";
    let text = at_issuer(issuer, "subject = \"project_path:acme/x\"");
    insta::assert_snapshot!(findings(&text));
}

#[test]
fn a_claim_that_contradicts_the_field_that_it_repeats_never_matches() {
    for (claims, contradicts) in [
        ("repository_id = \"2\"", false),
        ("repository_id = \"3\"", true),
        ("repository_id = [\"3\", \"2\"]", false),
        ("repository_id = [\"3\", \"4\"]", true),
        ("repository_id = { none_of = [\"3\"] }", false),
        ("repository_owner_id = \"9\"", true),
        ("repository = \"acme/other\"", true),
        ("repository = \"ACME/infra\"", false),
        ("environment = \"production\"", false),
        ("environment = \"Production\"", true),
        ("actor_id = \"3\"", false),
    ] {
        let text = document(&format!("claims = {{ {claims} }}\n"));
        let rules: &[Rule] = if contradicts {
            &[Rule::NeverMatches]
        } else {
            &[]
        };
        assert_eq!(broken(&text), rules, "{claims}");
    }
    let many = document("claims = { repository_id = \"2\" }\n")
        .replace("id = \"2\" }, env", "id = [\"1\", \"2\"] }, env");
    assert_eq!(broken(&many), [], "one of several");
    let forbid = document(
        "[forbid.x]\nissuer = \"github\"\nsubject = { owner = { id = \"1\" } }\nclaims = { repository_owner_id = \"9\" }\n",
    );
    assert_eq!(
        broken(&forbid),
        [],
        "a forbid applies to what it can't know"
    );
    insta::assert_snapshot!(findings(&document("claims = { repository_id = \"3\" }\n")));
}

#[test]
fn the_claim_of_every_id_is_known_to_be_a_text() {
    // Else `null` or `true` would pin an id, and be the same for everybody.
    for model in claimbound_issuers::Registry::standard().iter() {
        for path in model
            .names()
            .iter()
            .filter_map(claimbound_issuers::Kind::id_claim)
        {
            let json = model
                .claim(path)
                .map(claimbound_issuers::ClaimRule::json_type);
            let text = Some(claimbound_issuers::ClaimType::Text);
            assert_eq!(json, text, "{} {path:?}", model.name());
        }
    }
}

/// The codes, messages and hints of the warnings about a document.
fn warned(text: &str) -> Vec<(Rule, String)> {
    let compiled = compile("policy.toml", text).unwrap_or_else(|findings| panic!("{findings}"));
    let warnings = compiled.warnings.iter();
    warnings
        .map(|one| (one.rule, one.hint.clone().unwrap_or_default()))
        .collect()
}

#[test]
fn a_claim_that_is_nearly_a_known_one_is_a_warning() {
    let hint = |claims: &str| warned(&document(&format!("claims = {{ {claims} }}\n")));
    for (claim, meant) in [
        ("enviroment", "environment"),
        ("repositoryId", "repository_id"),
        ("job_workflow_reff", "job_workflow_ref"),
        ("run_numebr", "run_number"),
    ] {
        let found = hint(&format!("{claim} = \"x\""));
        let wanted = format!("did you mean `{meant}`?");
        assert_eq!(found, [(Rule::UnknownClaim, wanted)], "{claim}");
    }
    for claim in ["jti", "team", "run_attempt", "act", "deployment"] {
        assert_eq!(hint(&format!("{claim} = \"x\"")), [], "{claim}");
    }
}

#[test]
fn a_path_in_one_name_is_a_warning() {
    let cluster = |lines: &str| {
        format!(
            "claimbound = 1\npolicy = {{ name = \"p\", version = \"1.0.0\" }}\n[issuer.k]\nmodel = \"kubernetes\"\nurl = \"https://k.example\"\n[forbid.x]\nissuer = \"k\"\n{lines}"
        )
    };
    let hint = "write it under `nested`, with `path = [\"kubernetes.io\", \"pod\", \"uid\"]`";
    let wanted = [(Rule::UnknownClaim, hint.to_owned())];
    let nested = "[[forbid.x.nested]]\npath = [\"kubernetes.io.pod.uid\"]\npresent = true\n";
    assert_eq!(warned(&cluster(nested)), wanted);
    let claim = "claims = { \"kubernetes.io.pod.uid\" = \"1\" }\n";
    assert_eq!(warned(&cluster(claim)), wanted);
    let right =
        "[[forbid.x.nested]]\npath = [\"kubernetes.io\", \"pod\", \"uid\"]\npresent = true\n";
    assert_eq!(warned(&cluster(right)), []);
}

#[test]
fn a_lifetime_that_no_host_takes_is_a_warning() {
    let of = |lifetime: &str| warned(&document("").replace("15m", lifetime));
    let rules =
        |found: Vec<(Rule, String)>| -> Vec<Rule> { found.into_iter().map(|one| one.0).collect() };
    assert_eq!(rules(of("25h")), [Rule::Lifetime]);
    assert_eq!(rules(of("24h")), []);
}

#[test]
fn a_forbidden_subject_of_another_shape_is_a_warning() {
    let forbid = |subject: &str| {
        let lines = format!("[forbid.x]\nissuer = \"github\"\nsubject = {subject}\n");
        let found = warned(&document(&lines));
        found.into_iter().map(|one| one.0).collect::<Vec<_>>()
    };
    assert_eq!(
        forbid("\"repo:acme/x:ref:refs/heads/main\""),
        [Rule::OtherShape]
    );
    assert_eq!(
        forbid("[\"repo:acme@1/x@2:environment:prod\"]"),
        [Rule::OtherShape]
    );
    assert_eq!(
        forbid("{ repository = \"acme/x\", ref = \"refs/heads/main\" }"),
        []
    );
}

#[test]
fn names_that_hosts_will_refuse_are_a_warning() {
    let text = document("").replace(", id = \"2\"", "");
    let compiled = compile("policy.toml", &text).unwrap();
    let messages: Vec<&str> = compiled
        .warnings
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "hosts refuse the names of `main` until an operator approves them, for nothing pins the id of `repository`"
        ]
    );
    for said in ["refuse", "enrol"] {
        let said = format!("{text}identity = {{ first_use = \"{said}\" }}\n");
        assert_eq!(warned(&said), []);
    }
}

#[test]
fn the_policy_has_a_name_and_a_version_that_hosts_take() {
    let named = |name: &str, version: &str| {
        let text = document("").replace("name = \"p\"", &format!("name = \"{name}\""));
        let text = text.replace("1.0.0", version);
        match compile("policy.toml", &text) {
            Ok(_) => Vec::new(),
            Err(findings) => findings
                .iter()
                .map(|one| (one.rule, text[one.place.clone()].to_owned()))
                .collect(),
        }
    };
    assert_eq!(named("acme-deploy", "1.0.0-rc.1"), []);
    let name = (Rule::Name, "\"Acme Deploy\"".to_owned());
    let version = (Rule::Value, "\"v1\"".to_owned());
    assert_eq!(named("Acme Deploy", "v1"), [name, version]);
}

#[test]
fn a_policy_reads_no_more_than_hosts_take() {
    let reading = |count: usize| {
        let claims: Vec<String> = (0..count).map(|one| format!("c{one} = \"x\"")).collect();
        wrong(&format!("claims = {{ {} }}\n", claims.join(", ")))
    };
    assert_eq!(reading(256), [""; 0]);
    assert_eq!(
        reading(257),
        ["document.program: with this statement the policy reads 257 claims"]
    );
    let kinds = |count: usize| {
        let tables =
            (0..count).map(|one| format!("[[trust.main.grant.obligations]]\nkind = \"k{one}\"\n"));
        wrong(&tables.collect::<Vec<_>>().concat())
    };
    assert_eq!(kinds(253), [""; 0]);
    assert_eq!(
        kinds(254),
        ["document.program: the policy has more than 256 kinds of obligations"]
    );
}

#[test]
fn a_duration_without_its_unit_is_told_what_it_would_be() {
    let findings = findings(&document("grant = { max_ttl = 600 }\n"));
    assert!(findings.contains("such as \"10m\""), "{findings}");
}

#[test]
fn too_many_conditions_are_refused_before_any_of_them_is_compiled() {
    let globs: Vec<String> = (0..20_000)
        .map(|one| format!("c{one} = {{ glob = \"a{one}*b\" }}"))
        .collect();
    assert_eq!(
        wrong(&format!("claims = {{ {} }}\n", globs.join(", "))),
        ["document.size: the statement has 20000 conditions on claims"]
    );
    let any: Vec<String> = (0..300).map(|one| format!("\"p{one}\"")).collect();
    let any = document("").replace(
        "environment = \"production\"",
        &format!("any = [{}]", any.join(", ")),
    );
    assert!(findings(&any).contains("document.size"));
}

#[test]
fn large_patterns_are_refused_one_by_one_and_together() {
    let hang = wrong("claims = { ref = { regex = \"a{20000}\" } }\n");
    let alone = "document.pattern: the pattern is too large: it needs too many states";
    assert_eq!(hang, [alone]);
    // As many classes as one pattern may have, of one character each.
    let classes = r"\\x{61}".repeat(38);
    let many: Vec<String> = (0..20)
        .map(|one| {
            format!(
                "[forbid.f{one}]\nissuer = \"github\"\nclaims = {{ ref = {{ regex = \"{one}(?i){classes}\" }} }}\n"
            )
        })
        .collect();
    let together = "document.pattern: the document's patterns are too large together";
    assert_eq!(
        wrong(&many.concat()).last().map(String::as_str),
        Some(together)
    );
}
