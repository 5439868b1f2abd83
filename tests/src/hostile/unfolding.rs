//! Components of a few hundred bytes that would make the engine copy what they
//! pass around until no memory is left.

use std::sync::Arc;

use claimbound::policy::{Policy, PolicyError};
use wasm_encoder::{ComponentInstanceSection, ComponentSection, ComponentSectionId, RawSection};
use wasmparser::{Parser, Payload};

use super::guest::Guest;
use super::{Asked, Victim};

/// A function, in an instance of it alone.
const FUNCTION: &str = r#"
    (core module $m (func (export "f"))) (core instance $m (instantiate $m))
    (func $f (canon lift (core func $m "f"))) (instance $s0 (export "f" (func $f)))"#;

fn repeated(many: usize, piece: impl Fn(usize) -> String) -> String {
    (1..=many).map(piece).collect()
}

/// Instances that hold the one before them twice, the first of which is of
/// [`FUNCTION`], and what is made of the last.
fn doubled(times: usize, many: usize, use_of: impl Fn(usize) -> String) -> String {
    let twice = |time: usize| {
        let before = format!("(instance $s{})", time - 1);
        format!(r#"(instance $s{time} (export "a" {before}) (export "b" {before}))"#)
    };
    let uses = repeated(many, use_of);
    format!("(component {FUNCTION} {} {uses})", repeated(times, twice))
}

/// Components that take the one before them from around them, twice.
fn taken(times: usize) -> String {
    let twice = |time: usize| {
        let before = format!("(alias outer 1 $c{} (component))", time - 1);
        format!("(component $c{time} {before} {before})")
    };
    format!("(component (component $c0) {})", repeated(times, twice))
}

/// A component that holds what it is given twice, given to itself.
fn given(times: usize) -> String {
    let one = r#"(component $w (import "i" (instance $i))
        (export "a" (instance $i)) (export "b" (instance $i)))"#;
    let wrapped = |time: usize| {
        let before = time - 1;
        format!(r#"(instance $s{time} (instantiate $w (with "i" (instance $s{before}))))"#)
    };
    format!("(component {FUNCTION} {one} {})", repeated(times, wrapped))
}

/// A module of many imports, instantiated many times.
fn imports(many: usize, times: usize) -> String {
    let imports = repeated(many, |one| format!(r#"(import "" "{one}" (func))"#));
    let exports = repeated(many, |one| format!(r#"(export "{one}" (func $f))"#));
    let instances = "(instance (instantiate $c))".repeat(times);
    format!(
        r#"(component
          (component $c
            (core module $m (func (export "f"))) (core instance $m (instantiate $m))
            (alias core export $m "f" (core func $f))
            (core module $n {imports}) (core instance $all {exports})
            (core instance (instantiate $n (with "" (instance $all)))))
          {instances})"#
    )
}

/// A type of an instance that holds the one before it twice, imported.
fn typed(times: usize, many: usize) -> String {
    let twice = |time: usize| {
        let before = time - 1;
        format!(
            r#"(type $t{time} (instance (alias outer 1 $t{before} (type $t))
              (export "a" (instance (type $t))) (export "b" (instance (type $t)))))"#
        )
    };
    let types = repeated(times, twice);
    let copies = "(instance (export \"x\" (instance $i)))".repeat(many);
    format!(
        r#"(component (type $t0 (instance (export "f" (func)))) {types}
          (import "i" (instance $i (type $t{times}))) {copies})"#
    )
}

#[test]
fn what_is_copied_without_end_is_refused_before_it_is() {
    let victim = Victim::new();
    let x = |instance: &str, one: usize| format!(r#""x{one}" (instance ${instance})"#);
    let held = |_| "(instance (export \"x\" (instance $s18)))".to_owned();
    for (row, text) in [
        ("instances that hold two, held", doubled(18, 1_000, held)),
        (
            "instances that hold two, exported",
            doubled(18, 1_000, |one| format!("(export {})", x("s18", one))),
        ),
        (
            "instances that hold two, passed to whom has no use for them",
            doubled(18, 1, |_| {
                let with = repeated(1_000, |one| format!("(with {})", x("s18", one)));
                format!("(component $c) (instance (instantiate $c {with}))")
            }),
        ),
        ("components that take two, 18 times", taken(18)),
        ("components that take two, 900 times", taken(900)),
        ("a component that holds twice what it is given", given(60)),
        ("20,000 imports, 4,000 times", imports(20_000, 4_000)),
        ("a type that holds two, imported", typed(17, 1_000)),
    ] {
        let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{row}: {error}"));
        let refused = victim.refused(row, &bytes);
        let PolicyError::Unbounded(why) = &refused else {
            panic!("{row}: {refused}");
        };
        assert!(
            why.starts_with("the component unfolds to more than"),
            "{row}: {why}"
        );
    }
}

/// The honest policy with one more component in it, and an instance of that.
fn with_component(text: &str) -> Vec<u8> {
    let mut component = Guest::honest().build();
    let mut inner = 0;
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&component) {
        let payload = payload.unwrap();
        if let Payload::Version { .. } = payload {
            depth += 1;
        } else if let Payload::End(_) = payload {
            depth -= 1;
        } else if let (1, Payload::ComponentSection { .. }) = (depth, payload) {
            inner += 1;
        }
    }
    let data = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let id = ComponentSectionId::Component as u8;
    RawSection { id, data: &data }.append_to_component(&mut component);
    let mut instances = ComponentInstanceSection::new();
    let nothing: [(&str, wasm_encoder::ComponentExportKind, u32); 0] = [];
    instances.instantiate(inner, nothing);
    instances.append_to_component(&mut component);
    component
}

#[test]
fn a_component_of_many_that_pass_instances_to_each_other_is_a_policy() {
    let victim = Victim::new();
    let interface = repeated(60, |one| format!(r#"(export "f{one}" (func $f))"#));
    let of_type = repeated(60, |one| format!(r#"(export "f{one}" (func))"#));
    let each = |piece: &dyn Fn(usize) -> String| repeated(20, piece);
    // As where a component fills in twenty interfaces that another asks for.
    let text = format!(
        r#"(component
          (component $gives
            (core module $m (func (export "f"))) (core instance $m (instantiate $m))
            (func $f (canon lift (core func $m "f")))
            (instance $i {interface}) {})
          (component $takes
            {} (core module $m) (core instance (instantiate $m)))
          (instance $gives (instantiate $gives))
          (instance (instantiate $takes {})))"#,
        each(&|one| format!(r#"(export "i{one}" (instance $i))"#)),
        each(&|one| format!(
            r#"(import "i{one}" (instance $i{one} {of_type})) (alias export $i{one} "f1" (func))"#
        )),
        each(&|one| format!(r#"(with "i{one}" (instance $gives "i{one}"))"#)),
    );
    let policy = Policy::load(&victim.sandbox, &with_component(&text)).unwrap();
    Asked::of(&Arc::new(policy)).expect("a component of many", "allow");
}
