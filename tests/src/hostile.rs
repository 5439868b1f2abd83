//! Components that implement the contract's types and mean harm: each ends in a
//! clear error, and the next policy is served as usual.

use claimbound::policy::{Policy, PolicyError};
use claimbound::reason::HostCode;
use claimbound::sandbox::{Limits, Sandbox};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::tree::root;

/// A component of the contract's world whose `describe` runs `body`.
fn describing(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
          (memory (export "memory") 1)
          (table 1 funcref)
          (func $deeper (param i32) (result i32)
            (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
          (func (export "claimbound:policy/decide@0.1.0#describe") (result i32) {body})
          (func (export "claimbound:policy/decide@0.1.0#evaluate") (param i32) (result i32)
            unreachable)
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable))"#
    );
    let mut module = wat::parse_str(text).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit/policy.wit")).unwrap();
    let world = resolve.select_world(&[package], Some("policy")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().module(&module).unwrap();
    encoder.validate(true).encode().unwrap()
}

fn failure(sandbox: &Sandbox, body: &str) -> HostCode {
    let refused = Policy::load(sandbox, &describing(body)).unwrap_err();
    let PolicyError::Describe(error) = refused else {
        panic!("{body}: {refused}");
    };
    error.code
}

#[test]
fn whatever_a_component_does_ends_in_an_error_of_its_own_kind() {
    let limits = Limits::default().with_concurrent(1).unwrap();
    let sandbox = Sandbox::new(limits).unwrap();
    for (body, expected) in [
        ("(loop $on (br $on)) unreachable", HostCode::Deadline),
        (
            "(loop $on (drop (memory.grow (i32.const 16))) (br $on)) unreachable",
            HostCode::Memory,
        ),
        (
            "(drop (memory.grow (i32.const 60000))) i32.const 0",
            HostCode::Memory,
        ),
        ("unreachable", HostCode::Trap),
        ("(call $deeper (i32.const 0))", HostCode::Trap),
        ("(i32.div_u (i32.const 1) (i32.const 0))", HostCode::Trap),
        ("(i32.load (i32.const 0x7fffffff))", HostCode::Trap),
        // An answer that points outside the memory, or to no such case.
        ("i32.const 0x7ffffff0", HostCode::Contract),
        (
            "(i32.store8 (i32.const 64) (i32.const 9)) i32.const 64",
            HostCode::Contract,
        ),
        // A name of a gigabyte.
        (
            "(i32.store (i32.const 68) (i32.const 0)) (i32.store (i32.const 72) (i32.const 0x3fffffff)) i32.const 64",
            HostCode::Contract,
        ),
    ] {
        assert_eq!(failure(&sandbox, body), expected, "{body}");
    }
    // The pool has one instance, and it is free again.
    let honest = claimbound_language::compile("policy.toml", crate::gate::DOCUMENT).unwrap();
    let component =
        claimbound::bake::bake(&crate::standard::standard(), &honest.bytes, &[]).unwrap();
    assert!(Policy::load(&sandbox, &component).is_ok());
}
