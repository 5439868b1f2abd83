//! `check` and `explain`.

use serde_json::{Value, json};

use super::program::{AT, POLICY, Program, Ran, settled};

const CHECK: [&str; 7] = [
    "check",
    "--policy",
    "policy.toml",
    "--claims",
    "claims.json",
    "--at",
    AT,
];

fn check(program: &Program, claims: &Value, more: &[&str]) -> Ran {
    program.claims("claims.json", claims);
    program.run(&[&CHECK, more].concat())
}

#[test]
fn an_allow_says_what_is_granted_and_what_was_assumed() {
    let program = Program::new();
    let ran = check(&program, &json!({}), &[]);
    settled(|| insta::assert_snapshot!("check-allow", ran.shown()));
    let ran = check(&program, &json!({}), &["--format", "json"]);
    settled(|| insta::assert_snapshot!("check-allow-json", ran.shown()));
}

#[test]
fn a_denial_says_why_and_what_to_do() {
    let program = Program::new();
    let with = json!({ "ref": "refs/heads/\u{202e}\u{1b}[31mmain" });
    let ran = check(&program, &with, &[]);
    settled(|| insta::assert_snapshot!("check-deny", ran.shown()));
    let ran = check(&program, &with, &["--format", "json"]);
    assert!(!ran.out.contains(['\u{202e}', '\u{1b}']), "{}", ran.out);
    assert_eq!(
        ran.json()["reasons"][0]["found"],
        "refs/heads/\u{202e}\u{1b}[31mmain"
    );
    settled(|| insta::assert_snapshot!("check-deny-json", ran.shown()));
}

#[test]
fn an_explanation_shows_every_condition() {
    let program = Program::new();
    program.claims(
        "claims.json",
        &json!({ "ref": "refs/heads/x", "runner_environment": null }),
    );
    let arguments = [&["explain"], &CHECK[1..]].concat();
    let ran = program.run(&arguments);
    settled(|| insta::assert_snapshot!("explain", ran.shown()));
    let ran = program.run(&[&arguments, ["--format", "json"].as_slice()].concat());
    assert_eq!(ran.status, 1);
    let statements = ran.json()["statements"].clone();
    assert_eq!(statements[0]["statement"], "self-hosted");
    assert_eq!(
        statements[0]["conditions"][0]["held"],
        Value::Null,
        "absent is unknown"
    );
}

#[test]
fn each_denial_has_its_code_and_status_one() {
    let program = Program::new();
    for (with, code) in [
        (
            json!({ "aud": "https://other.example" }),
            "audience.mismatch",
        ),
        (
            json!({ "aud": ["https://deploy.acme.example", "x"] }),
            "audience.shared",
        ),
        (json!({ "repository_id": "1" }), "subject.mismatch"),
        (json!({ "repository_id": null }), "identity.absent"),
        (json!({ "environment": "staging" }), "subject.drift"),
        (json!({ "exp": 1_795_400_000 }), "token.expired"),
        (json!({ "exp": 1_795_429_000 }), "token.lifetime"),
        (
            json!({ "iat": 1_795_430_000, "exp": 1_795_430_300 }),
            "token.not-yet-valid",
        ),
        (json!({ "iss": "https://nobody.example" }), "issuer.unknown"),
        (json!({ "iss": null }), "claim.absent"),
        (json!({ "runner_environment": "self-hosted" }), "forbidden"),
    ] {
        let ran = check(&program, &with, &["--format", "json"]);
        let json = ran.json();
        assert_eq!(ran.status, 1, "{with}: {ran:?}");
        assert_eq!(json["reasons"][0]["code"], code, "{with}: {ran:?}");
        assert_eq!(
            (&json["outcome"], &json["error"]),
            (&"deny".into(), &Value::Null)
        );
    }
}

#[test]
fn a_name_that_nobody_approved_is_refused_where_the_statement_says_so() {
    let program = Program::new();
    let refusing =
        "[trust.production.identity]\nfirst_use = \"refuse\"\n\n[trust.production.grant]";
    program.write(
        "policy.toml",
        POLICY.replace("[trust.production.grant]", refusing),
    );
    let ran = check(&program, &json!({}), &[]);
    settled(|| insta::assert_snapshot!("check-first-use", ran.shown()));
}

#[test]
fn a_name_whose_id_no_statement_pins_is_named() {
    let program = Program::new();
    program.write(
        "policy.toml",
        POLICY.replace(
            "{ name = \"acme/infra\", id = \"456789\" }",
            "\"acme/infra\"",
        ),
    );
    let ran = check(&program, &json!({}), &[]);
    settled(|| insta::assert_snapshot!("check-loose-id", ran.shown()));
    // A claim pins an id as well.
    program.write(
        "policy.toml",
        POLICY
            .replace(
                "{ name = \"acme/infra\", id = \"456789\" }",
                "\"acme/infra\"",
            )
            .replace("ref = ", "repository_id = \"456789\"\nref = "),
    );
    assert_eq!(check(&program, &json!({}), &[]).status, 0);
}

#[test]
fn an_explanation_shows_what_the_host_is_asked_to_do() {
    let program = Program::new();
    let explain = [&["explain"], &CHECK[1..]].concat();
    let ran = program.run(&explain);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.out.ends_with(
            "\nproduction  asks the host to\n  ✓  bind (first use enrols)\n  ✓  use-once\n"
        ),
        "{ran:?}"
    );
    let refusing =
        "[trust.production.identity]\nfirst_use = \"refuse\"\n\n[trust.production.grant]";
    program.write(
        "policy.toml",
        POLICY.replace("[trust.production.grant]", refusing),
    );
    let ran = program.run(&explain);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.out
            .ends_with("  ✗  bind (first use refused)\n  ?  use-once\n"),
        "{ran:?}"
    );
}

#[test]
fn an_obligation_that_nothing_here_can_meet_is_an_error_and_no_answer() {
    let program = Program::new();
    let proving = "[trust.production.proof]\nmethod = \"dpop\"\n\n[trust.production.grant]";
    program.write(
        "policy.toml",
        POLICY.replace("[trust.production.grant]", proving),
    );
    let ran = check(&program, &json!({}), &["--format", "json"]);
    assert_eq!(ran.status, 2, "{ran:?}");
    let json = ran.json();
    assert_eq!(
        (&json["outcome"], &json["error"]["code"]),
        (&"error".into(), &"host.obligation".into())
    );
}

#[test]
fn a_signed_token_is_decided_from_files_standard_input_and_the_environment() {
    let program = Program::with_token();
    let token = String::from_utf8(program.read("token.jwt")).unwrap();
    let base = [
        "check",
        "--policy",
        "policy.toml",
        "--at",
        AT,
        "--jwks",
        "keys.json",
        "--token",
    ];
    // The model signs by RS256 alone.
    let ran = program.run(&[&base[..], &["token.jwt"]].concat());
    assert!(
        ran.status == 1 && ran.out.contains("token.algorithm"),
        "{ran:?}"
    );
    let minted = program.run(&[
        "token",
        "mint",
        "--claims",
        "claims.json",
        "--jwks-out",
        "keys.json",
    ]);
    program.write("token.jwt", format!("\n {}\r\n", minted.out));
    for ran in [
        program.run(&[&base[..], &["token.jwt"]].concat()),
        program.run_with(&[&base[..], &["-"]].concat(), minted.out.as_bytes(), &[]),
        program.run_with(
            &[&base[..], &["env:ID_TOKEN"]].concat(),
            b"",
            &[("ID_TOKEN", minted.out.trim())],
        ),
    ] {
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(
            !ran.out.contains("signature: "),
            "nothing of it was assumed: {ran:?}"
        );
    }
    let other = program.run_with(&[&base[..], &["-"]].concat(), token.as_bytes(), &[]);
    assert_eq!(other.status, 1, "a token by other keys: {other:?}");
}

#[test]
fn what_is_no_token_is_denied() {
    let program = Program::with_token();
    for token in [
        "",
        "x",
        "a.b.c",
        "a.b.c.d.e",
        "\u{0}\u{0}",
        "..",
        &"a".repeat(20_000),
    ] {
        let arguments = [
            "check",
            "--policy",
            "policy.toml",
            "--token",
            "-",
            "--jwks",
            "keys.json",
            "--format",
            "json",
        ];
        let ran = program.run_with(&arguments, token.as_bytes(), &[]);
        assert_eq!(ran.status, 1, "{token:?}: {ran:?}");
        assert_eq!(
            ran.json()["reasons"][0]["code"],
            "token.malformed",
            "{token:?}"
        );
    }
}

#[test]
fn document_and_component_decide_alike() {
    let program = Program::new();
    assert_eq!(program.run(&["build", "policy.toml"]).status, 0);
    for with in [
        json!({}),
        json!({ "ref": "x" }),
        json!({ "runner_environment": "self-hosted" }),
    ] {
        program.claims("claims.json", &with);
        let [document, component] = ["policy.toml", "policy.wasm"].map(|policy| {
            let arguments = [
                "explain",
                "--policy",
                policy,
                "--claims",
                "claims.json",
                "--at",
                AT,
                "--format",
                "json",
            ];
            program.run(&arguments)
        });
        assert_eq!(
            (document.status, &document.out),
            (component.status, &component.out)
        );
    }
}

#[test]
fn a_document_may_be_json() {
    let program = Program::new();
    let policy = json!({
        "claimbound": 1,
        "policy": { "name": "acme", "version": "1.0.0" },
        "issuer": { "github": { "model": "github-actions" } },
        "trust": { "production": {
            "issuer": "github",
            "audience": "https://deploy.acme.example",
            "token_lifetime": "5m",
            "subject": {
                "owner": { "name": "acme", "id": "123456" },
                "repository": { "name": "acme/infra", "id": "456789" },
                "environment": "production",
            },
        } },
    });
    program.write("policy", policy.to_string());
    let arguments = [
        "check",
        "--policy",
        "policy",
        "--claims",
        "claims.json",
        "--at",
        AT,
    ];
    let ran = program.run(&arguments);
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn an_attribute_of_the_request_is_what_a_condition_asks_for() {
    let program = Program::new();
    let reference = "ref = \"refs/heads/main\"";
    let attribute = "ref = { attribute = \"branch\" }";
    program.write("policy.toml", POLICY.replace(reference, attribute));
    assert_eq!(
        check(&program, &json!({}), &["--attr", "branch=refs/heads/main"]).status,
        0
    );
    assert_eq!(
        check(&program, &json!({}), &["--attr", "branch=refs/heads/x"]).status,
        1
    );
    assert_eq!(check(&program, &json!({}), &[]).status, 1);
}

#[test]
fn keys_are_given_to_one_issuer_or_to_all() {
    let program = Program::with_token();
    let keys = |jwks: &str| {
        program.run(&[
            "check",
            "--policy",
            "policy.toml",
            "--token",
            "token.jwt",
            "--jwks",
            jwks,
            "--at",
            AT,
        ])
    };
    for jwks in [
        "keys.json",
        "github=keys.json",
        "https://token.actions.githubusercontent.com=keys.json",
    ] {
        assert!(keys(jwks).out.contains("token.algorithm"), "{jwks}");
    }
    assert_eq!(keys("https://other.example=keys.json").status, 2);
}
