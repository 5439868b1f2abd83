//! Policies that are written in code, as components like any other.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::policy::{Policy, PolicyError, Request};
use claimbound::token::Token;
use serde_json::json;

use crate::forge::{NOW, job, with};
use crate::gate;
use crate::program::program;
use crate::tree::root;

/// The module of an SDK example, where `tests/run` has built it.
fn module(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("CLAIMBOUND_GUESTS")?);
    let module = folder.join(name);
    assert!(module.exists(), "{} was not built", module.display());
    Some(module)
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_policy_in_rust_decides_what_no_document_can_say() {
    let Some(module) = module("release_train.wasm") else {
        eprintln!("skipped: CLAIMBOUND_GUESTS names no folder of guests; tests/run builds them");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("release-train.wasm");
    let built = Command::new(program())
        .arg("build")
        .arg(module)
        .arg("--output")
        .arg(&component)
        .arg("--cases")
        .arg(root().join("guest/examples/cases.toml"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{built:?}");
    let tested = Command::new(program())
        .args(["test", "--format", "json"])
        .arg(&component)
        .output()
        .unwrap();
    assert!(tested.status.success(), "{tested:?}");
    let tested: serde_json::Value = serde_json::from_slice(&tested.stdout).unwrap();
    assert_eq!(tested["passed"], 15, "{tested}");
    let policy = Policy::load(&gate::SANDBOX, &std::fs::read(component).unwrap()).unwrap();
    assert_eq!(policy.manifest().name, "release-train");
    assert_eq!(policy.manifest().claims, Some(vec![vec!["ref".to_owned()]]));
    assert!(!policy.explains());
    let mut ceiling = Ceiling::default();
    ceiling.roles.insert("deploy".to_owned());
    ceiling.enrolment = true;
    let floor = Floor::new("https://deploy.acme.example").unwrap();
    let gate = Gate::new(gate::issuers(), floor, Arc::new(policy), ceiling).with_commit(gate::Host);
    let today = json!({ "ref": "refs/heads/release/2026-11-23" });
    for (changes, expected) in [
        (today.clone(), "allow"),
        (
            json!({ "ref": "refs/heads/release/2026-11-24" }),
            "window.closed",
        ),
        (json!({ "ref": "refs/heads/main" }), "claim.mismatch"),
        (
            with(today, &json!({ "repository_id": "9" })),
            "subject.mismatch",
        ),
    ] {
        let token = gate::SIGNER.sign(&with(job(), &changes));
        let outcome = gate.decide(Token::new(&token), &Request::default(), &FixedClock(NOW));
        assert_eq!(gate::answer(&outcome), expected, "{outcome:?}");
    }
}

#[test]
fn what_is_no_policy_does_not_load() {
    let load = |text: &str| {
        let component = wat::parse_str(text).unwrap();
        Policy::load(&gate::SANDBOX, &component).unwrap_err()
    };
    let core_module = load("(module)");
    assert!(
        matches!(core_module, PolicyError::Invalid(_)),
        "{core_module}"
    );
    let empty = load("(component)");
    assert!(
        matches!(&empty, PolicyError::Contract { exports } if exports.is_empty()),
        "{empty}"
    );
    let import = load(r#"(component (import "clock" (func (result u64))))"#);
    assert!(
        matches!(&import, PolicyError::Import { import } if import == "clock"),
        "{import}"
    );
    let text = Policy::load(&gate::SANDBOX, b"(component)").unwrap_err();
    assert!(
        matches!(text, PolicyError::Invalid(_)),
        "text is not taken for a component"
    );
}

/// A component whose `describe` runs `body`, a core function's instructions.
fn describing(body: &str) -> String {
    format!(
        r#"(component
          (core module $m
            (memory (export "memory") 1)
            (func (export "describe") (result i32) {body})
            (func (export "evaluate") (param i32) (result i32) unreachable)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
          (core instance $i (instantiate $m))
          (func $describe (result u32) (canon lift (core func $i "describe")))
          (func $evaluate (param "x" u32) (result u32) (canon lift (core func $i "evaluate")))
          (instance $decide (export "describe" (func $describe)) (export "evaluate" (func $evaluate)))
          (export "claimbound:policy/decide@0.1.0" (instance $decide)))"#
    )
}

#[test]
fn exports_of_another_type_are_refused_by_name() {
    let component = wat::parse_str(describing("i32.const 0")).unwrap();
    let refused = Policy::load(&gate::SANDBOX, &component).unwrap_err();
    assert!(
        matches!(
            refused,
            PolicyError::Type {
                export: "claimbound:policy/decide#evaluate",
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn components_inside_components_without_end_are_refused_at_once() {
    let nested = |depth: usize| {
        let text = format!("{}{}", "(component ".repeat(depth), ")".repeat(depth));
        wat::parse_str(text).unwrap()
    };
    let deep = Policy::load(&gate::SANDBOX, &nested(40)).unwrap_err();
    assert!(deep.to_string().contains("nests deeper"), "{deep}");
    let shallow = Policy::load(&gate::SANDBOX, &nested(4)).unwrap_err();
    assert!(matches!(shallow, PolicyError::Contract { .. }), "{shallow}");
}

#[test]
fn a_component_without_a_program_says_so() {
    let refused = Policy::load(&gate::SANDBOX, &crate::standard::standard()).unwrap_err();
    assert!(
        refused.to_string().contains("no program was baked"),
        "{refused}"
    );
}
