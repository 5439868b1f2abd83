//! What a component imports and exports, where it is not what a policy does.

use claimbound::policy::{Policy, PolicyError};

use super::guest::{Guest, component};
use super::{Asked, Victim};

fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn whatever_a_component_imports_it_is_refused_by_name() {
    let victim = Victim::new();
    for (row, text, import) in [
        (
            "a function",
            r#"(import "clock" (func (result u64)))"#,
            "clock",
        ),
        (
            "a function of an interface",
            r#"(import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func (result u64)))))"#,
            "wasi:clocks/wall-clock@0.2.0",
        ),
        (
            "a resource of an interface",
            r#"(import "wasi:io/streams@0.2.0" (instance (export "stream" (type (sub resource)))))"#,
            "wasi:io/streams@0.2.0",
        ),
        (
            "a resource",
            r#"(import "file" (type (sub resource)))"#,
            "file",
        ),
        (
            "a core module",
            r#"(import "code" (core module (export "run" (func))))"#,
            "code",
        ),
        (
            "an instance inside an instance",
            r#"(import "a:b/c" (instance (export "inner" (instance (export "run" (func))))))"#,
            "a:b/c",
        ),
        (
            "the contract's own interface",
            r#"(import "claimbound:policy/decide@0.1.0" (instance (export "describe" (func))))"#,
            "claimbound:policy/decide@0.1.0",
        ),
        (
            "types first, and then a function",
            r#"(import "a:b/types" (instance (type $t (record (field "x" u8))) (export "t" (type (eq $t)))))
               (import "run" (func))"#,
            "run",
        ),
    ] {
        let refused = victim.refused(row, &parsed(&format!("(component {text})")));
        let named = matches!(&refused, PolicyError::Import { import: name } if name == import);
        assert!(named, "{row}: {refused}");
    }
    // What it would unfold to could not be told.
    let part = victim.refused(
        "a component",
        &parsed(r#"(component (import "part" (component)))"#),
    );
    assert!(matches!(part, PolicyError::Unbounded(_)), "{part}");
}

#[test]
fn a_component_that_lacks_an_export_is_told_which_it_has() {
    let victim = Victim::new();
    let function = r#"(core module $m (func (export "f") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i "f")))"#;
    let decide = |name: &str, exports: &str| {
        format!("{function} (instance $d {exports}) (export \"{name}\" (instance $d))")
    };
    let both = r#"(export "describe" (func $f)) (export "evaluate" (func $f))"#;
    for (row, text) in [
        ("nothing", String::new()),
        (
            "a function by that name",
            format!("{function} (export \"describe\" (func $f)) (export \"evaluate\" (func $f))"),
        ),
        (
            "describe alone",
            decide(
                "claimbound:policy/decide@0.1.0",
                r#"(export "describe" (func $f))"#,
            ),
        ),
        (
            "evaluate alone",
            decide(
                "claimbound:policy/decide@0.1.0",
                r#"(export "evaluate" (func $f))"#,
            ),
        ),
        (
            "an empty interface",
            decide("claimbound:policy/decide@0.1.0", ""),
        ),
        ("no version", decide("claimbound:policy/decide", both)),
        (
            "version 0.2.0",
            decide("claimbound:policy/decide@0.2.0", both),
        ),
        (
            "version 0.0.1",
            decide("claimbound:policy/decide@0.0.1", both),
        ),
        (
            "version 1.0.0",
            decide("claimbound:policy/decide@1.0.0", both),
        ),
        (
            "a release candidate",
            decide("claimbound:policy/decide@0.1.0-rc.1", both),
        ),
        (
            "another package",
            decide("mallory:policy/decide@0.1.0", both),
        ),
        (
            "the interface inside another",
            format!(
                "{function} (instance $d {both})
                 (instance $outer (export \"claimbound:policy/decide@0.1.0\" (instance $d)))
                 (export \"mallory:outer/outer\" (instance $outer))"
            ),
        ),
        (
            "the interface inside a component that is not instantiated",
            format!(
                "(component {} )",
                decide("claimbound:policy/decide@0.1.0", both)
            ),
        ),
    ] {
        let refused = victim.refused(row, &parsed(&format!("(component {text})")));
        let told = matches!(&refused, PolicyError::Contract { .. });
        assert!(told, "{row}: {refused}");
    }
}

#[test]
fn an_export_of_another_type_is_refused_by_name() {
    let victim = Victim::new();
    let component = |describe: &str, evaluate: &str| {
        format!(
            r#"(component
              (core module $m
                (memory (export "memory") 1)
                (func (export "one") (result i32) i32.const 0)
                (func (export "two") (param i32) (result i32) i32.const 0))
              (core instance $i (instantiate $m))
              (func $one (result u32) (canon lift (core func $i "one")))
              (func $two (param "input" u32) (result u32) (canon lift (core func $i "two")))
              (instance $d (export "describe" (func ${describe})) (export "evaluate" (func ${evaluate})))
              (export "claimbound:policy/decide@0.1.0" (instance $d)))"#
        )
    };
    for (row, describe, evaluate) in [
        ("both", "one", "two"),
        ("the other way round", "two", "one"),
    ] {
        let refused = victim.refused(row, &parsed(&component(describe, evaluate)));
        let named = matches!(&refused, PolicyError::Type { .. });
        assert!(named, "{row}: {refused}");
    }
}

/// An honest guest under another version of the interface's name.
fn of_version(version: &str) -> Vec<u8> {
    let name = b"claimbound:policy/decide@0.1.0";
    let other = format!("claimbound:policy/decide@{version}");
    let mut bytes = Guest::honest().build();
    assert_eq!(other.len(), name.len());
    let places: Vec<usize> = (0..bytes.len() - name.len())
        .filter(|&at| bytes[at..].starts_with(name))
        .collect();
    for at in places {
        bytes[at..at + name.len()].copy_from_slice(other.as_bytes());
    }
    bytes
}

#[test]
fn a_later_version_of_the_same_contract_is_served_and_another_contract_is_not() {
    let victim = Victim::new();
    for version in ["0.1.1", "0.1.9"] {
        let policy = Policy::load(&victim.sandbox, &of_version(version));
        let policy =
            std::sync::Arc::new(policy.unwrap_or_else(|error| panic!("{version}: {error}")));
        Asked::of(&policy).expect(version, "allow");
    }
    for version in ["0.2.0", "0.0.1", "1.1.0"] {
        let refused = victim.refused(version, &of_version(version));
        assert!(
            matches!(refused, PolicyError::Contract { .. }),
            "{version}: {refused}"
        );
    }
}

#[test]
fn a_policy_without_a_trace_explains_nothing() {
    let victim = Victim::new();
    let text = r#"(module
      (memory (export "memory") 1)
      (func (export "claimbound:policy/decide@0.1.0#describe") (result i32) unreachable)
      (func (export "claimbound:policy/decide@0.1.0#evaluate") (param i32) (result i32) unreachable)
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#;
    let silent = component(&parsed(text), "policy");
    let refused = victim.refused("it traps", &silent);
    let PolicyError::Describe(error) = &refused else {
        panic!("{refused}");
    };
    assert_eq!(error.code.as_str(), "host.trap");
}
