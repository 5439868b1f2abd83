//! `test --coverage`, `--mutation` and `--generate`: what cases prove, and cases that
//! prove more.

use super::program::{POLICY, Program, settled};

/// Cases of the policy that notice some of what they should.
const CASES: &str = r#"
[token.job]
like = "trust.production"

[[case]]
name = "the job"
token = "job"
allow = "production"

[[case]]
name = "another branch"
token = "job"
with = { ref = "refs/heads/feature" }
deny = "claim.mismatch"

[[case]]
name = "another environment"
token = "job"
subject = { environment = "staging" }
deny = "subject.mismatch"
"#;

/// The program in a folder with the policy and these cases.
fn program() -> Program {
    let program = Program::new();
    program.write("cases.toml", CASES);
    program
}

#[test]
fn what_no_case_has_seen_is_said() {
    let program = program();
    let ran = program.run(&["test", "policy.toml", "--coverage"]);
    assert_eq!(ran.status, 0);
    settled(|| insta::assert_snapshot!("coverage", ran.shown()));
    let ran = program.run(&["test", "policy.toml", "--coverage", "--format", "json"]);
    let json = ran.json();
    let coverage = &json["policies"][0]["coverage"];
    assert_eq!(coverage["statements"]["covered"], 1);
    assert_eq!(coverage["statements"]["total"], 2);
    let seen = coverage["seen"].as_array().unwrap();
    assert_eq!(seen[0]["decided"], "the job");
    assert!(seen[1]["decided"].is_null());
    let conditions = seen[0]["conditions"].as_array().unwrap();
    let of = |label: &str| conditions.iter().find(|one| one["condition"] == label);
    for (label, failed) in [("claims.ref", true), ("token_lifetime", false)] {
        let condition = of(label).unwrap();
        assert_eq!(condition["held"], true, "{label}");
        assert_eq!(condition["failed"], failed, "{label}");
    }
    // Nobody asked for it, nobody is told.
    let plain = program.run(&["test", "policy.toml", "--format", "json"]);
    let json = plain.json();
    let members: Vec<_> = json["policies"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["policy", "cases"]);
}

#[test]
fn a_survivor_comes_with_a_token_that_makes_a_case_against_it() {
    let program = program();
    let ran = program.run(&["test", "policy.toml", "--mutation"]);
    assert_eq!(ran.status, 0);
    settled(|| insta::assert_snapshot!("mutation", ran.shown()));
    let json = program.run(&["test", "policy.toml", "--mutation", "--format", "json"]);
    let json = json.json();
    let mutation = &json["policies"][0]["mutation"];
    let survivors = mutation["survivors"].as_array().unwrap();
    assert!(!survivors.is_empty());
    let noticed = mutation["noticed"].as_u64().unwrap();
    let counted = u64::try_from(survivors.len()).unwrap() + noticed;
    assert_eq!(mutation["counted"], counted);
    for survivor in survivors {
        let (example, name) = (&survivor["example"], &survivor["condition"]);
        // `check` decides it as is said, which would be a case.
        program.write("example.json", example["claims"].to_string());
        let at = claimbound_language::date(example["at"].as_u64().unwrap());
        let audience = example["audience"].as_str().unwrap();
        let check = [
            "check",
            "--policy",
            "policy.toml",
            "--claims",
            "example.json",
        ];
        let more = ["--at", &at, "--audience", audience, "--format", "json"];
        let decided = program.run(&[&check[..], &more].concat());
        assert_eq!(decided.json()["statement"], survivor["before"], "{name}");
        assert_ne!(survivor["before"], survivor["after"], "{name}");
    }
}

#[test]
fn the_status_says_whether_enough_was_noticed() {
    let program = program();
    let score = |ran: &super::program::Ran| {
        let score = &ran.json()["policies"][0]["mutation"]["score"];
        score.as_u64().unwrap()
    };
    let json = ["test", "policy.toml", "--format", "json", "--min-mutation"];
    let reached = score(&program.run(&[&json[..], &["0"]].concat()));
    assert!((1..100).contains(&reached), "{reached}");
    for (least, status) in [(0, 0), (reached, 0), (reached + 1, 1), (100, 1)] {
        let ran = program.run(&["test", "policy.toml", "--min-mutation", &least.to_string()]);
        assert_eq!(ran.status, status, "{least}");
        let told = format!("and {least} % have to be");
        assert_eq!(ran.out.contains(&told), status == 1, "{}", ran.out);
    }
    // A case that fails counts for nothing else.
    let wrong = CASES.replace(r#"allow = "production""#, r#"deny = "claim.mismatch""#);
    program.write("cases.toml", wrong);
    let ran = program.run(&["test", "policy.toml", "--min-mutation", "0"]);
    assert_eq!(ran.status, 1);
}

#[test]
fn what_can_not_be_asked_for_is_said() {
    let program = program();
    for (arguments, told) in [
        (&["--min-mutation", "101"][..], "101 is not in 0..=100"),
        (&["--min-mutation", "-1"], "unexpected argument '-1'"),
        (&["--min-mutation", "most"], "invalid digit"),
        (&["--generate", "--mutation"], "cannot be used with"),
        (
            &["--generate", "--cases", "cases.toml"],
            "cannot be used with",
        ),
        (&["--generate", "policy.toml"], "and 2 are named"),
    ] {
        let ran = program.run(&[&["test", "policy.toml"], arguments].concat());
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.err.contains(told), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{arguments:?}");
    }
    let none = program.run(&["test", "--generate"]);
    assert_eq!(none.status, 2);
    assert!(none.err.contains("and 0 are named"), "{}", none.err);
    let forbid = "[forbid.self-hosted]";
    let (head, _) = POLICY.split_once("[trust.production]").unwrap();
    let (_, tail) = POLICY.split_once(forbid).unwrap();
    program.write("forbids.toml", [head, forbid, tail].concat());
    let ran = program.run(&["test", "--generate", "forbids.toml"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("no token was found"), "{}", ran.err);
}

#[test]
fn generated_cases_pass_and_notice_what_is_on_the_edge() {
    let program = Program::new();
    let ran = program.run(&["test", "--generate", "policy.toml"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    settled(|| insta::assert_snapshot!("generate", ran.shown()));
    program.write("boundary.toml", &ran.out);
    let test = ["test", "policy.toml", "--cases", "boundary.toml"];
    let ran = program.run(&[&test[..], &["--coverage", "--mutation"]].concat());
    assert_eq!(ran.status, 0, "{}", ran.out);
    settled(|| insta::assert_snapshot!("generated", ran.shown()));
    let again = program.run(&["test", "--generate", "policy.toml", "--format", "json"]);
    let json = again.json();
    let generated = json["case_file"].as_str().unwrap();
    assert_eq!(generated.as_bytes(), program.read("boundary.toml"));
    let names = json["cases"].as_array().unwrap();
    let passed = format!("{} passed, 0 failed\n", names.len());
    assert!(ran.out.ends_with(&passed), "{}", ran.out);
    // The component that carries the document will do as well.
    assert_eq!(program.run(&["build", "policy.toml"]).status, 0);
    let built = program.run(&["test", "--generate", "policy.wasm"]);
    assert_eq!(built.out, generated);
}
