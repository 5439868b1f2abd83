//! `check --record` and `audit`.

use std::fs;

use serde_json::{Value, json};

use crate::cli::program::{CLAIMS, POLICY, Program, Ran};

/// A program with a token for each `ref`, all by the same issuer, of now.
fn recorded(references: &[&str], more: &[&str]) -> Program {
    let program = Program::new();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for (number, reference) in references.iter().enumerate() {
        let mut claims: Value = serde_json::from_str(CLAIMS).unwrap();
        claims["iat"] = json!(now - 1);
        claims["exp"] = json!(now + 290);
        claims["ref"] = json!(reference);
        program.write("claims.json", claims.to_string());
        let keys = format!("keys-{number}.json");
        let mint = [
            "token",
            "mint",
            "--claims",
            "claims.json",
            "--algorithm",
            "RS256",
        ];
        let ran = program.run(&[&mint[..], &["--jwks-out", &keys]].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        program.write("token.jwt", &ran.out);
        check(&program, &keys, &[&["--record", "record"], more].concat());
    }
    program
}

fn check(program: &Program, keys: &str, more: &[&str]) -> Ran {
    let check = [
        "check",
        "--policy",
        "policy.toml",
        "--token",
        "token.jwt",
        "--jwks",
        keys,
    ];
    program.run(&[&check[..], more].concat())
}

/// What differs from run to run, replaced.
fn settled(run: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[time]");
    settings.add_filter(r"[0-9a-f]{64}", "[digest]");
    settings.add_filter(r#""(time|first_time|last_time|at)": \d+"#, r#""$1": 0"#);
    settings.add_filter(r"took +\d+ µs", "took        [time] µs");
    settings.bind(run);
}

const KEEP: &[&str] = &["--record-claims", "--route", "deploy"];

#[test]
fn a_record_is_verified_and_shown() {
    let program = recorded(&["refs/heads/main", "refs/heads/x\u{1b}[2J"], KEEP);
    let ran = program.run(&["audit", "verify", "record"]);
    settled(|| insta::assert_snapshot!("audit-verify", ran.shown()));
    let ran = program.run(&["audit", "verify", "record", "--format", "json"]);
    settled(|| insta::assert_snapshot!("audit-verify-json", ran.shown()));
    let head = ran.json()["head"].as_str().unwrap().to_owned();
    let expect = ["audit", "verify", "record", "--expect-head"];
    assert_eq!(program.run(&[&expect[..], &[&head]].concat()).status, 0);
    let other = head.replace(&head[..1], if head.starts_with('0') { "1" } else { "0" });
    assert_eq!(program.run(&[&expect[..], &[&other]].concat()).status, 1);
    let ran = program.run(&["audit", "show", "record"]);
    settled(|| insta::assert_snapshot!("audit-show", ran.shown()));
    let ran = program.run(&["audit", "show", "record", "--seq", "2"]);
    settled(|| insta::assert_snapshot!("audit-show-seq", ran.shown()));
    let ran = program.run(&[
        "audit",
        "show",
        "record",
        "--outcome",
        "allow",
        "--format",
        "json",
    ]);
    assert_eq!(ran.json().as_array().unwrap().len(), 1);
    assert_eq!(ran.json()[0]["route"], "deploy");
}

#[test]
fn what_was_done_to_a_record_is_told_with_status_one() {
    let program = recorded(&["refs/heads/main", "refs/heads/x", "refs/heads/y"], KEEP);
    let file = "record/00000000000000000001.jsonl";
    let text = String::from_utf8(program.read(file)).unwrap();
    program.write(
        file,
        text.replacen("\"route\":\"deploy\"", "\"route\":\"other\"", 2),
    );
    let ran = program.run(&["audit", "verify", "record"]);
    settled(|| insta::assert_snapshot!("audit-verify-altered", ran.shown()));
    program.write(file, text.lines().next().unwrap().to_owned() + "\n");
    let ran = program.run(&["audit", "verify", "record"]);
    settled(|| insta::assert_snapshot!("audit-verify-cut", ran.shown()));
    assert_eq!(program.run(&["audit", "verify", "nothing"]).status, 2);
    let missing = ["audit", "verify", "record", "--checkpoint", "nothing"];
    assert_eq!(program.run(&missing).status, 2);
}

#[test]
fn decisions_are_derived_again_by_the_policy_that_made_them() {
    let program = recorded(&["refs/heads/main", "refs/heads/x"], KEEP);
    let ran = program.run(&["audit", "replay", "record", "--policy", "policy.toml"]);
    settled(|| insta::assert_snapshot!("audit-replay", ran.shown()));
    program.write("policy.toml", POLICY.replace("10m", "5m"));
    let ran = program.run(&["audit", "replay", "record", "--policy", "policy.toml"]);
    settled(|| insta::assert_snapshot!("audit-replay-other", ran.shown()));
    let program = recorded(&["refs/heads/main"], &[]);
    let replay = [
        "audit",
        "replay",
        "record",
        "--policy",
        "policy.toml",
        "--format",
        "json",
    ];
    let ran = program.run(&replay);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert_eq!(ran.json()["left_out"][0]["why"], "its claims were not kept");
}

#[test]
fn a_line_that_says_another_outcome_is_derived_differently() {
    let program = recorded(&["refs/heads/main"], KEEP);
    let file = "record/00000000000000000001.jsonl";
    let text = String::from_utf8(program.read(file)).unwrap();
    let kept = r#"\"ref\":\"refs/heads/main\""#;
    assert!(text.contains(kept), "{text}");
    program.write(file, text.replace(kept, r#"\"ref\":\"refs/heads/evil\""#));
    let ran = program.run(&["audit", "replay", "record", "--policy", "policy.toml"]);
    settled(|| insta::assert_snapshot!("audit-replay-differs", ran.shown()));
}

#[test]
fn a_candidate_shows_what_it_would_flip() {
    let program = recorded(&["refs/heads/main", "refs/heads/next"], KEEP);
    program.write("same.toml", POLICY.replace("1.4.0", "1.4.1"));
    let ran = program.run(&["audit", "try", "record", "--policy", "same.toml"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    program.write("next.toml", POLICY.replace("heads/main", "heads/next"));
    let ran = program.run(&["audit", "try", "record", "--policy", "next.toml"]);
    settled(|| insta::assert_snapshot!("audit-try", ran.shown()));
    let ran = program.run(&[
        "audit",
        "try",
        "record",
        "--policy",
        "next.toml",
        "--format",
        "json",
    ]);
    assert_eq!(ran.json()["flips"].as_array().unwrap().len(), 2);
    assert_eq!(
        ran.json()["flips"][0]["now"]["reasons"][0]["claim"],
        json!(["ref"])
    );
    let more = POLICY.replace("ref = \"refs/heads/main\"", "event_name = \"push\"");
    program.write("more.toml", more);
    let ran = program.run(&["audit", "try", "record", "--policy", "more.toml"]);
    settled(|| insta::assert_snapshot!("audit-try-unread", ran.shown()));
}

#[test]
fn asking_what_if_is_never_recorded() {
    let program = Program::with_token();
    let what_if = ["--claims", "claims.json", "--record", "record"];
    let ran = program.run(&[&["check", "--policy", "policy.toml"], &what_if[..]].concat());
    assert_eq!(ran.status, 2, "{ran:?}");
    let at = ["--record", "record", "--at", "2026-11-23T10:01:00Z"];
    assert_eq!(check(&program, "keys.json", &at).status, 2);
    assert!(!program.path("record").exists());
}

#[test]
fn a_decision_that_can_not_be_recorded_is_not_given() {
    let program = recorded(&["refs/heads/main"], KEEP);
    fs::write(program.path("record.checkpoint"), "{}").unwrap();
    let ran = check(&program, "keys-0.json", &["--record", "record"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("is no checkpoint"), "{ran:?}");
}

#[test]
fn what_fails_before_verification_is_counted() {
    let program = recorded(&["refs/heads/main"], &[]);
    program.write("token.jwt", "garbage");
    assert_eq!(
        check(&program, "keys-0.json", &["--record", "record"]).status,
        1
    );
    let ran = program.run(&["audit", "verify", "record", "--format", "json"]);
    assert_eq!(
        (ran.status, &ran.json()["unverified"]),
        (0, &json!(1)),
        "{ran:?}"
    );
}

#[test]
fn where_no_record_is_nothing_is_said_of_one() {
    let program = recorded(&["refs/heads/main"], KEEP);
    fs::create_dir(program.path("empty")).unwrap();
    for folder in ["empty", "policy.toml", "absent"] {
        for command in [
            &["audit", "verify"][..],
            &["audit", "show"],
            &["audit", "replay", "--policy", "policy.toml"],
            &["audit", "try", "--policy", "policy.toml"],
        ] {
            let ran = program.run(&[command, &[folder]].concat());
            assert_eq!(ran.status, 2, "{command:?} {ran:?}");
            assert!(ran.err.contains(&format!("`{folder}`")), "{ran:?}");
        }
    }
    let ran = program.run(&["audit", "show", "record", "--seq", "99"]);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (1, "no line fits\n"),
        "{ran:?}"
    );
    // What is known of a record shows that it is gone.
    fs::remove_dir_all(program.path("record")).unwrap();
    fs::create_dir(program.path("record")).unwrap();
    let ran = program.run(&["audit", "verify", "record"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.out.contains("cut"), "{ran:?}");
}
