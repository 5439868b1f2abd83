//! `lint`: what a reviewer would say of a policy.

use serde_json::{Value, json};

use super::program::{AT, Program, settled};

/// A policy that takes any account whose name begins like the one that is meant.
const OPEN: &str = r#"claimbound = 1
policy = { name = "open", version = "1.0.0" }

[issuer.github]
model = "github-actions"

[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "all of our organisations begin with acme"
subject = { glob = "repo:acme*/infra:ref:refs/heads/main" }
claims = { event_name = "push", runner_environment = "github-hosted" }
identity = { first_use = "enrol" }
"#;

/// A policy of which nothing is to be said.
const SOUND: &str = r#"claimbound = 1
policy = { name = "sound", version = "1.0.0" }

[issuer.github]
model = "github-actions"

[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"

[trust.main.claims]
event_name = "push"
ref_protected = "true"
runner_environment = "github-hosted"
"#;

fn rules(json: &Value) -> Vec<&str> {
    let policies = json["policies"].as_array().unwrap().iter();
    let findings = policies.flat_map(|policy| policy["findings"].as_array().unwrap());
    let open = findings.filter(|finding| finding["standing"] == "open");
    open.map(|finding| finding["rule"].as_str().unwrap())
        .collect()
}

#[test]
fn each_finding_shows_its_place_and_a_token_that_check_allows() {
    let program = Program::new();
    program.write("open.toml", OPEN);
    let ran = program.run(&["lint", "open.toml"]);
    assert_eq!(ran.status, 1);
    settled(|| insta::assert_snapshot!("lint", ran.shown()));
    let json = program
        .run(&["lint", "open.toml", "--format", "json"])
        .json();
    let findings = json["policies"][0]["findings"].as_array().unwrap();
    let shown = findings.iter().filter(|one| !one["example"].is_null());
    let mut tokens = 0;
    for finding in shown {
        program.write("example.json", finding["example"]["claims"].to_string());
        let check = ["check", "--policy", "open.toml", "--claims", "example.json"];
        let decided = program.run(&[&check[..], &["--at", AT, "--format", "json"]].concat());
        assert_eq!(
            decided.json()["statement"],
            finding["statement"],
            "{finding}"
        );
        tokens += 1;
    }
    assert!(tokens > 0, "{json}");
    assert!(rules(&json).contains(&"takeover"), "{json}");
}

#[test]
fn a_sound_policy_is_told_nothing_about() {
    let program = Program::new();
    program.write("sound.toml", SOUND);
    let ran = program.run(&["lint", "sound.toml", "--fail-on", "note"]);
    assert_eq!((ran.status, &*ran.err), (0, ""), "{}", ran.out);
    assert_eq!(ran.out, "1 policy: 0 errors, 0 warnings, 0 notes\n");
}

#[test]
fn the_status_goes_by_the_gravest_finding_that_counts() {
    let program = Program::new();
    program.write("open.toml", OPEN);
    let warned = SOUND.replace("event_name = \"push\"\n", "");
    program.write("warned.toml", warned);
    let noted = SOUND.replace("runner_environment = \"github-hosted\"\n", "");
    program.write("noted.toml", noted);
    for (policy, note, warning, error, never) in [
        ("open.toml", 1, 1, 1, 0),
        ("warned.toml", 1, 1, 0, 0),
        ("noted.toml", 1, 0, 0, 0),
    ] {
        let expected = [
            ("note", note),
            ("warning", warning),
            ("error", error),
            ("never", never),
        ];
        for (severity, status) in expected {
            let ran = program.run(&["lint", policy, "--fail-on", severity]);
            assert_eq!(ran.status, status, "{policy} {severity}: {}", ran.out);
        }
    }
    assert_eq!(
        program.run(&["lint", "warned.toml"]).status,
        1,
        "warnings count by default"
    );
}

#[test]
fn a_document_that_does_not_compile_is_a_finding_and_the_others_are_looked_at() {
    let program = Program::new();
    program.write("all/broken/policy.toml", OPEN.replace("danger", "dnager"));
    program.write("all/sound/policy.toml", SOUND);
    let ran = program.run(&["lint", "all", "--format", "json"]);
    let json = ran.json();
    assert_eq!(ran.status, 1);
    assert_eq!(rules(&json), ["document.unknown-key", "document.tenant"]);
    assert_eq!(json["policies"].as_array().unwrap().len(), 2);
}

#[test]
fn a_suppression_keeps_its_reason_and_one_of_nothing_is_told_of() {
    let program = Program::new();
    let suppression = |rule: &str| {
        format!("\n[[suppress]]\nrule = \"{rule}\"\nstatement = \"main\"\nreason = \"agreed\"\n")
    };
    program.write("open.toml", format!("{OPEN}{}", suppression("takeover")));
    let json = program
        .run(&["lint", "open.toml", "--format", "json"])
        .json();
    assert!(!rules(&json).contains(&"takeover"), "{json}");
    assert_eq!(json["suppressed"], 1);
    let findings = json["policies"][0]["findings"].as_array().unwrap();
    let taken = findings
        .iter()
        .find(|one| one["rule"] == "takeover")
        .unwrap();
    assert_eq!(
        (&taken["standing"], &taken["reason"]),
        (&json!("suppressed"), &json!("agreed"))
    );
    program.write("sound.toml", format!("{SOUND}{}", suppression("takeover")));
    let json = program
        .run(&["lint", "sound.toml", "--format", "json"])
        .json();
    assert_eq!(rules(&json), ["unused-suppression"]);
}

#[test]
fn what_a_baseline_knows_does_not_count_and_what_is_new_does() {
    let program = Program::new();
    program.write("open.toml", OPEN);
    let written = program.run(&["lint", "open.toml", "--write-baseline", "lint.json"]);
    assert_eq!(written.status, 0, "{}", written.out);
    // Lines above, and other findings, make no known finding new.
    program.write("open.toml", format!("# a line\n\n{OPEN}"));
    let ran = program.run(&[
        "lint",
        "open.toml",
        "--baseline",
        "lint.json",
        "--fail-on",
        "note",
    ]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    let wider = OPEN.replace("repo:acme*/infra", "repo:*/infra");
    program.write("open.toml", wider);
    let ran = program.run(&["lint", "open.toml", "--baseline", "lint.json"]);
    assert_eq!(ran.status, 1, "{}", ran.out);
}

#[test]
fn a_broken_baseline_is_refused() {
    let program = Program::new();
    program.write("open.toml", OPEN);
    for (text, message) in [
        ("{", "no baseline"),
        ("[]", "no baseline"),
        (r#"{"claimbound_baseline":2,"findings":[]}"#, "of format 2"),
        (
            r#"{"claimbound_baseline":1,"findings":[],"more":1}"#,
            "no baseline",
        ),
    ] {
        program.write("lint.json", text);
        let ran = program.run(&["lint", "open.toml", "--baseline", "lint.json"]);
        assert_eq!(ran.status, 2, "{text}");
        assert!(ran.err.contains(message), "{text}: {}", ran.err);
    }
    let ran = program.run(&["lint", "open.toml", "--baseline", "absent.json"]);
    assert_eq!(ran.status, 2);
}

#[test]
fn one_rule_can_be_asked_for_and_each_has_a_page() {
    let program = Program::new();
    program.write("open.toml", OPEN);
    let ran = program.run(&[
        "lint",
        "open.toml",
        "--rule",
        "takeover",
        "--format",
        "json",
    ]);
    assert_eq!(rules(&ran.json()), ["takeover"]);
    let page = program.run(&["explain", "takeover"]);
    assert_eq!(page.status, 0);
    assert!(page.out.starts_with("# `takeover`\n"), "{}", page.out);
    let json = program
        .run(&["explain", "takeover", "--format", "json"])
        .json();
    assert_eq!(json["rule"], "takeover");
    let page = program.run(&["explain", "document.tenant"]);
    assert!(page.out.contains("signs for everyone"), "{}", page.out);
    for arguments in [
        &["explain", "nothing"][..],
        &["lint", "open.toml", "--rule", "nothing"],
        &["explain", "takeover", "--policy", "open.toml"],
        &["explain", "--policy", "open.toml"],
    ] {
        let ran = program.run(arguments);
        assert_eq!((ran.status, &*ran.out), (2, ""), "{arguments:?}");
    }
}

#[test]
fn a_component_is_reviewed_by_the_document_that_it_carries() {
    let program = Program::new();
    program.write("open.toml", OPEN);
    let built = program.run(&["build", "open.toml", "-o", "open.wasm"]);
    assert_eq!(built.status, 0, "{}", built.err);
    let of = |path: &str| {
        let json = program.run(&["lint", path, "--format", "json"]).json();
        rules(&json)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("open.wasm"), of("open.toml"));
    let mut bytes = program.read("open.wasm");
    let at = bytes.windows(4).position(|four| four == b"acme").unwrap();
    bytes[at] = b'e';
    program.write("changed.wasm", bytes);
    let ran = program.run(&["lint", "changed.wasm"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("unverified"), "{}", ran.err);
}

#[test]
fn nothing_to_review_is_no_clean_review() {
    let program = Program::new();
    program.write("empty/README.md", "nothing");
    let ran = program.run(&["lint", "empty"]);
    assert_eq!(ran.status, 2);
    assert!(
        ran.err.contains("no `policy.toml` is below `empty`"),
        "{}",
        ran.err
    );
    assert_eq!(program.run(&["lint", "absent.toml"]).status, 2);
}

#[test]
fn a_question_that_takes_too_long_is_told_of() {
    let program = Program::new();
    program.write("sound.toml", SOUND);
    let ran = program.run(&["lint", "sound.toml", "--steps", "10", "--format", "json"]);
    assert_eq!(ran.status, 1);
    let json = ran.json();
    let found = rules(&json);
    assert!(
        !found.is_empty() && found.iter().all(|rule| *rule == "undecided"),
        "{json}"
    );
    // What is not known weighs as much as what would be found.
    let ran = program.run(&["lint", "sound.toml", "--steps", "10", "--fail-on", "error"]);
    assert_eq!(ran.status, 1, "{}", ran.out);
}

#[test]
fn a_rule_that_is_asked_for_is_not_clean_where_it_was_not_answered() {
    let program = Program::new();
    program.write("broken/policy.toml", OPEN.replace("danger", "dnager"));
    program.write("sound.toml", SOUND);
    let ran = program.run(&["lint", "broken", "--rule", "takeover"]);
    assert_eq!(ran.status, 1, "{}", ran.out);
    let few = ["lint", "sound.toml", "--steps", "10", "--rule", "takeover"];
    let ran = program.run(&[&few[..], &["--format", "json"]].concat());
    assert_eq!((ran.status, rules(&ran.json())), (1, vec!["undecided"]));
    let over = program.run(&["lint", "sound.toml", "--write-baseline", "sound.toml"]);
    assert_eq!(over.status, 2, "only a baseline is written over");
    let written = program.run(&["lint", "broken", "--write-baseline", "lint.json"]);
    assert_eq!(
        written.status, 1,
        "a document that does not compile is never known"
    );
}

#[test]
fn a_suppression_of_the_compilers_warning_is_for_its_statement_alone() {
    let program = Program::new();
    let second = OPEN.split_once("[trust.main]").unwrap().1;
    let unpinned = OPEN.replace("identity = { first_use = \"enrol\" }\n", "");
    let text = format!("{unpinned}\n[trust.second]{second}")
        .replace("identity = { first_use = \"enrol\" }\n", "");
    let suppressed = |statement: &str| {
        program.write(
            "open.toml",
            format!(
                "{text}\n[[suppress]]\nrule = \"document.first-use\"\nreason = \"agreed\"\n{statement}"
            ),
        );
        let json = program
            .run(&["lint", "open.toml", "--format", "json"])
            .json();
        json["suppressed"].as_u64().unwrap()
    };
    assert_eq!(suppressed(""), 2);
    assert_eq!(suppressed("statement = \"second\"\n"), 1);
}

#[test]
fn formats_of_reviews_are_for_reviews() {
    let program = Program::new();
    for format in ["sarif", "github", "markdown"] {
        let ran = program.run(&["inspect", "policy.toml", "--format", format]);
        assert_eq!((ran.status, &*ran.out), (2, ""), "{format}");
        assert!(ran.err.contains("claimbound lint"), "{}", ran.err);
    }
}

#[test]
fn of_the_shipped_policies_there_is_nothing_to_tell() {
    let program = Program::new();
    let policies = crate::tree::root().join("policies");
    let ran = program.run(&["lint", policies.to_str().unwrap(), "--fail-on", "note"]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(
        ran.out.ends_with("0 errors, 0 warnings, 0 notes\n"),
        "{}",
        ran.out
    );
}

#[test]
fn many_policies_are_told_of_in_their_order() {
    let program = Program::new();
    for number in 0..40 {
        let text = if number % 2 == 0 { OPEN } else { SOUND };
        program.write(&format!("all/p{number:02}/policy.toml"), text);
    }
    let json = program.run(&["lint", "all", "--format", "json"]).json();
    let policies = json["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 40);
    for (number, policy) in policies.iter().enumerate() {
        assert_eq!(policy["policy"], format!("all/p{number:02}/policy.toml"));
        let findings = policy["findings"].as_array().unwrap();
        assert_eq!(findings.is_empty(), number % 2 == 1, "{policy}");
    }
}
