//! Cases inside and beside components that carry no document.

use claimbound::bake::{self, Section};
use claimbound::checks::{Checks, SECTION};
use claimbound_language::compile;

use super::program::{POLICY, Program};
use crate::standard::standard;

/// Cases whose token is written out, for a document and any component alike.
const WRITTEN_OUT: &str = r#"
[token.job]
issuer = "https://token.actions.githubusercontent.com"
audience = "https://deploy.acme.example"

[token.job.claims]
sub = "repo:acme/infra:environment:production"
repository = "acme/infra"
repository_id = "456789"
repository_owner = "acme"
repository_owner_id = "123456"
environment = "production"
ref = "refs/heads/main"
runner_environment = "github-hosted"

[[case]]
name = "production"
token = "job"
allow = "production"
grant = { roles = ["deploy"], claims = { tier = "gold" }, max_ttl = "10m" }

[[case]]
name = "another branch"
token = "job"
with = { ref = "refs/heads/other" }
deny = "claim.mismatch"
claim = ["ref"]

[[case]]
name = "another issuer"
token = "job"
with = { iss = "https://gitlab.com" }
deny = "issuer.unknown"
"#;

/// Cases that need the document.
const LIKE: &str = "[token.job]\nlike = \"trust.production\"\n[[case]]\nname = \"production\"\n\
    token = \"job\"\nallow = \"production\"\n";

/// The component of the program's policy with these sections alone.
fn component(sections: &[Section<'_>]) -> Vec<u8> {
    let compiled = compile("policy.toml", POLICY).unwrap();
    bake::bake(&standard(), &compiled.bytes, sections).unwrap()
}

/// A folder with `bare.wasm`, which has no document, and case files.
pub(super) fn program() -> Program {
    let program = Program::new();
    program.write("bare.wasm", component(&[]));
    program.write("written-out.toml", WRITTEN_OUT);
    program.write("wrong.toml", WRITTEN_OUT.replace("\"gold\"", "\"silver\""));
    program.write("like.toml", LIKE);
    program
}

#[test]
fn one_case_file_is_run_on_a_document_and_on_a_component_without_one() {
    let program = program();
    for policy in ["policy.toml", "bare.wasm"] {
        let test =
            |cases: &str| program.run(&["test", policy, "--cases", cases, "--format", "json"]);
        let ran = test("written-out.toml");
        assert_eq!(ran.status, 0, "{policy}: {ran:?}");
        assert_eq!(ran.json()["passed"], 3);
        let ran = test("wrong.toml");
        assert_eq!(ran.status, 1, "{policy}: {ran:?}");
        assert!(ran.out.contains("expected other claims"), "{ran:?}");
    }
}

#[test]
fn cases_go_into_any_component_and_are_run_from_there() {
    let program = program();
    let build = |input: &str, cases: &str, output: &str| {
        let ran = program.run(&["build", input, "--cases", cases, "-o", output]);
        assert_eq!(ran.status, 0, "{ran:?}");
        program.read(output)
    };
    let first = build("bare.wasm", "written-out.toml", "one.wasm");
    assert_eq!(build("bare.wasm", "written-out.toml", "two.wasm"), first);
    assert_eq!(Checks::of(&first).unwrap().unwrap().len(), 3);
    let json = program
        .run(&["inspect", "one.wasm", "--format", "json"])
        .json();
    assert_eq!((&json["cases"], &json["checks"]), (&true.into(), &3.into()));
    assert_eq!(json["document"]["state"], "none");
    let ran = program.run(&["test", "one.wasm"]);
    assert!(
        ran.status == 0 && ran.out.contains("3 passed, 0 failed"),
        "{ran:?}"
    );

    let replaced = build("one.wasm", "wrong.toml", "three.wasm");
    let names = bake::sections(&replaced).unwrap();
    assert_eq!(names.iter().filter(|(name, _)| *name == SECTION).count(), 1);
    assert_eq!(program.run(&["test", "three.wasm"]).status, 1);
    assert_eq!(build("three.wasm", "written-out.toml", "four.wasm"), first);
}

#[test]
fn cases_put_into_a_built_component_leave_it_verified() {
    let program = program();
    assert_eq!(
        program
            .run(&["build", "policy.toml", "-o", "plain.wasm"])
            .status,
        0
    );
    for cases in ["like.toml", "written-out.toml"] {
        let put = ["build", "plain.wasm", "--cases", cases, "-o", "with.wasm"];
        let built = ["build", "policy.toml", "--cases", cases, "-o", "built.wasm"];
        assert_eq!(program.run(&put).status, 0);
        assert_eq!(program.run(&built).status, 0);
        assert_eq!(program.read("with.wasm"), program.read("built.wasm"));
        let json = program
            .run(&["inspect", "with.wasm", "--format", "json"])
            .json();
        assert_eq!(json["document"]["state"], "verified");
        assert_eq!(program.run(&["test", "with.wasm"]).status, 0);
    }
}

#[test]
fn what_needs_a_document_says_so() {
    let program = program();
    let refused = |arguments: &[&str], told: &str| {
        let ran = program.run(arguments);
        assert!(ran.status == 2 && ran.err.contains(told), "{ran:?}");
    };
    let like = "`like` needs a verified policy document";
    refused(&["test", "bare.wasm", "--cases", "like.toml"], like);
    refused(
        &["build", "bare.wasm", "--cases", "like.toml", "-o", "x.wasm"],
        like,
    );
    refused(&["build", "bare.wasm"], "`--cases FILE` puts cases into it");
    for option in ["--coverage", "--mutation"] {
        let test = ["test", "bare.wasm", "--cases", "written-out.toml", option];
        refused(
            &test,
            "needs a policy document, and `bare.wasm` has no verified one",
        );
    }
}

#[test]
fn a_component_whose_document_is_unverified_runs_its_checks() {
    let program = program();
    program.run(&[
        "build",
        "policy.toml",
        "--cases",
        "like.toml",
        "-o",
        "p.wasm",
    ]);
    let mut bytes = program.read("p.wasm");
    let comment = b"# production only";
    let mut windows = bytes.windows(comment.len());
    let at = windows.position(|window| window == comment).unwrap();
    bytes[at + 2] = b'P';
    program.write("p.wasm", bytes);
    let ran = program.run(&["test", "p.wasm"]);
    assert!(ran.status == 0 && ran.err.contains("unverified"), "{ran:?}");
    assert!(ran.out.contains("1 passed, 0 failed"), "{ran:?}");
}

#[test]
fn a_component_with_cases_and_no_checks_is_verified_as_ever() {
    let program = program();
    program.run(&[
        "build",
        "policy.toml",
        "--cases",
        "like.toml",
        "-o",
        "p.wasm",
    ]);
    let bytes = program.read("p.wasm");
    let sections = bake::sections(&bytes).unwrap();
    let names = [
        "claimbound:document",
        "claimbound:build",
        "claimbound:cases",
    ];
    let old: Vec<_> = sections
        .into_iter()
        .filter(|(name, _)| names.contains(name))
        .collect();
    assert_eq!(old.len(), 3);
    program.write("old.wasm", component(&old));
    let json = program
        .run(&["inspect", "old.wasm", "--format", "json"])
        .json();
    assert_eq!(json["document"]["state"], "verified");
    assert_eq!(
        (&json["cases"], &json["checks"]),
        (&true.into(), &serde_json::Value::Null)
    );
    assert_eq!(program.run(&["test", "old.wasm"]).status, 0);
}

#[test]
fn checks_that_can_t_be_read_are_refused_and_nothing_is_run() {
    let program = program();
    let one: &[u8] = b"{\"type\":\"claimbound.checks.v1\",\"count\":1}\n";
    let none: &[u8] = b"{\"type\":\"claimbound.checks.v1\",\"count\":0}\n";
    let deep = [one, "[".repeat(60_000).as_bytes(), b"\n"].concat();
    let huge = vec![b'\n'; claimbound::checks::LARGEST + 1];
    let hostile: [(&[Section<'_>], &str); 5] = [
        (&[(SECTION, one)], "says 1, and 0 follow"),
        (&[(SECTION, b"")], "no header"),
        (&[(SECTION, &deep)], "line 2 of the checks"),
        (&[(SECTION, &huge)], "where at most 16777216 are read"),
        (
            &[(SECTION, none), (SECTION, none)],
            "has section `claimbound:checks` twice",
        ),
    ];
    for (sections, told) in hostile {
        program.write("hostile.wasm", component(sections));
        for command in ["test", "inspect"] {
            let ran = program.run(&[command, "hostile.wasm"]);
            assert!(
                ran.status == 2 && ran.err.contains(told),
                "{command}: {ran:?}"
            );
        }
    }
}
