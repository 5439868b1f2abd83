//! Components that are no components, that are larger than they look, or that
//! are the work of chance.

use std::sync::Arc;

use claimbound::bake;
use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, PolicyError, Request};
use claimbound::sandbox::{Limits, LimitsError, Sandbox};
use claimbound::token::Token;
use serde_json::json;
use wasm_encoder::{Component, CustomSection, ModuleSection};

use super::guest::Guest;
use super::{AUDIENCE, TOKEN, Victim, ceiling, load};
use crate::forge::{NOW, job, with};
use crate::gate::{DOCUMENT, Host, SIGNER, answer, issuers};
use crate::standard::standard;

fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The honest policy of a document, as `build` makes it.
fn honest() -> Vec<u8> {
    let compiled = claimbound_language::compile("policy.toml", DOCUMENT).unwrap();
    bake::bake(&standard(), &compiled.bytes, &[]).unwrap()
}

/// What kind of refusal it is.
fn kind(error: &PolicyError) -> &'static str {
    match error {
        PolicyError::TooLarge { .. } => "too large",
        PolicyError::Invalid(_) => "invalid",
        PolicyError::Unbounded(_) => "unbounded",
        PolicyError::Import { .. } => "import",
        PolicyError::Contract { .. } => "contract",
        PolicyError::Type { .. } => "type",
        PolicyError::Describe(error) => error.code.as_str(),
        PolicyError::Manifest(_) => "manifest",
    }
}

#[test]
fn what_is_no_component_is_not_read_as_one() {
    let victim = Victim::new();
    let component = honest();
    for (row, bytes) in [
        ("nothing", Vec::new()),
        ("one byte", vec![0]),
        ("a header", component[..8].to_vec()),
        ("half a header", component[..5].to_vec()),
        ("text", b"(component)".to_vec()),
        ("a core module", parsed("(module)")),
        (
            "a core module with the contract's names",
            parsed(r#"(module (func (export "claimbound:policy/decide@0.1.0#describe")))"#),
        ),
        (
            "two components in a row",
            [component.clone(), component.clone()].concat(),
        ),
        (
            "a component and a byte",
            [component.clone(), vec![0]].concat(),
        ),
        ("a layer of another kind", {
            let mut bytes = component.clone();
            bytes[6] = 2;
            bytes
        }),
        ("another version", {
            let mut bytes = component.clone();
            bytes[4] = 0x0e;
            bytes
        }),
        ("zeros", vec![0; 4096]),
        (
            "a section longer than the rest",
            [&component[..8], &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat(),
        ),
        (
            "a length of ten bytes",
            [&component[..8], &[1][..], &[0xff; 10]].concat(),
        ),
    ] {
        let refused = victim.refused(row, &bytes);
        let expected = if row == "a header" {
            "contract"
        } else {
            "invalid"
        };
        assert_eq!(kind(&refused), expected, "{row}: {refused}");
    }
}

#[test]
fn a_component_that_ends_early_is_never_a_policy() {
    let victim = Victim::new();
    let component = honest();
    for step in 0..64 {
        let end = component.len() * step / 64;
        victim.refused(&format!("the first {end} bytes"), &component[..end]);
    }
    victim.refused("all but a byte", &component[..component.len() - 1]);
}

#[test]
fn a_component_is_held_to_its_size() {
    let limits = Limits::default().with_component(64 * 1024).unwrap();
    let small = Sandbox::new(limits.with_concurrent(1).unwrap()).unwrap();
    let sized = |bytes: usize| {
        let mut component = Component::new();
        component.section(&CustomSection {
            name: "x".into(),
            data: vec![0; bytes].into(),
        });
        component.finish()
    };
    let overhead = sized(64_000).len() - 64_000;
    let most = 64 * 1024 - overhead;
    let refused = |bytes| Policy::load(&small, &sized(bytes)).unwrap_err();
    assert_eq!(kind(&refused(most)), "contract");
    let told = refused(most + 1);
    assert_eq!(
        told.to_string(),
        "the component has 65537 bytes, where this sandbox takes at most 65536"
    );
    for bytes in [0, 1023, (64 << 20) + 1, usize::MAX] {
        assert_eq!(
            Limits::default().with_component(bytes),
            Err(LimitsError::Component(bytes))
        );
    }
}

#[test]
fn what_asks_for_more_than_a_sandbox_has_is_not_loaded() {
    let victim = Victim::new();
    let honest = Guest::honest;
    for (row, guest, expected) in [
        ("another memory", honest().with("(memory 1)"), "invalid"),
        (
            "a memory of 64-bit addresses",
            honest().with("(memory i64 1)"),
            "invalid",
        ),
        (
            "another table",
            honest().with("(table 1 funcref)"),
            "invalid",
        ),
        (
            "data past its memory",
            honest().with_data_at(12_582_911),
            "host.trap",
        ),
        ("data at no address", honest().with_data_at(-1), "host.trap"),
        (
            "elements past a table",
            honest().with("(elem (table $table) (i32.const 1) func $start)"),
            "host.trap",
        ),
        (
            "elements at no index",
            honest().with("(elem (table $table) (i32.const -1) func $start)"),
            "host.trap",
        ),
    ] {
        match Policy::load(&victim.sandbox, &guest.build()) {
            Ok(_) => assert_eq!(expected, "loads", "{row}"),
            Err(error) => assert_eq!(kind(&error), expected, "{row}: {error}"),
        }
        victim.unharmed(row);
    }
}

#[test]
fn a_component_of_many_pieces_is_refused() {
    let victim = Victim::new();
    let repeated = |head: &str, piece: &str, many: usize| {
        parsed(&format!("(component {head} {})", piece.repeat(many)))
    };
    let module = "(core module $m (memory 1))";
    for (row, bytes) in [
        (
            "17 core instances",
            repeated(module, "(core instance (instantiate $m))", 17),
        ),
        (
            "10,000 core instances",
            repeated(module, "(core instance (instantiate $m))", 10_000),
        ),
        ("2,000 components", repeated("", "(component)", 2_000)),
        (
            "2,000 instances of components",
            repeated(
                "(component $c (core module $m (memory 1)) (core instance (instantiate $m)))",
                "(instance (instantiate $c))",
                2_000,
            ),
        ),
        ("types that double 40 times", doubling(40)),
        ("types that double 1,000 times", doubling(1_000)),
        ("lists of lists of lists", listing(2_000)),
        // Unfolded, the smallest would be a hundred thousand instances and the
        // largest more than any machine holds.
        ("instances that double 14 times", instances(14)),
        ("instances that double 60 times", instances(60)),
        ("instances that double 900 times", instances(900)),
        (
            "a component that is passed to another",
            parsed(
                r#"(component
              (component $twice (import "c" (component $c))
                (instance (instantiate $c)) (instance (instantiate $c)))
              (component $one)
              (instance (instantiate $twice (with "c" (component $one)))))"#,
            ),
        ),
        (
            "a component that an instance exports",
            parsed(
                r#"(component
              (component $one)
              (instance $i (export "c" (component $one)))
              (alias export $i "c" (component $c))
              (instance (instantiate $c)))"#,
            ),
        ),
        ("60,000 functions", functions(60_000, 0)),
        ("a million functions", functions(1_000_000, 0)),
        ("a function of 8 MB", functions(1, 8_000_000)),
    ] {
        let refused = victim.refused(row, &bytes);
        let kind = kind(&refused);
        assert!(matches!(kind, "invalid" | "unbounded"), "{row}: {refused}");
    }
}

#[test]
fn a_memory_or_a_table_that_no_instance_may_have_is_refused() {
    let victim = Victim::new();
    for (row, field) in [
        ("a memory past its limit", "(memory 257)"),
        ("a memory of 4 GiB", "(memory 65536)"),
        ("a memory of 16 exbibytes", "(memory i64 0x1000000000000)"),
        ("a shared memory", "(memory 1 1 shared)"),
        ("a memory of odd pages", "(memory 1 (pagesize 1))"),
        ("a table past its limit", "(table 20001 funcref)"),
        ("a table of 4 billion", "(table 4294967295 funcref)"),
        ("a table of references to objects", "(table 1 anyref)"),
    ] {
        let text = format!("(component (core module {field}))");
        let refused = victim.refused(row, &parsed(&text));
        assert_eq!(kind(&refused), "invalid", "{row}: {refused}");
    }
}

/// The instruction that does nothing.
const NOP: u8 = 0x01;

/// A core module of this many functions, of this many instructions that do
/// nothing.
fn functions(many: usize, length: usize) -> Vec<u8> {
    let mut module = wasm_encoder::Module::new();
    let mut types = wasm_encoder::TypeSection::new();
    types.ty().function([], []);
    let mut functions = wasm_encoder::FunctionSection::new();
    let mut code = wasm_encoder::CodeSection::new();
    let mut nothing = wasm_encoder::Function::new([]);
    nothing.raw(vec![NOP; length]);
    nothing.instruction(&wasm_encoder::Instruction::End);
    for _ in 0..many {
        functions.function(0);
        code.function(&nothing);
    }
    module.section(&types).section(&functions).section(&code);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}

#[test]
fn a_section_that_nobody_reads_costs_its_bytes_and_no_more() {
    let victim = Victim::new();
    let compiled = claimbound_language::compile("policy.toml", DOCUMENT).unwrap();
    let large = vec![0xff; 8 << 20];
    let name = "n".repeat(50_000);
    let sections = [("x", large.as_slice()), (&name, b""), ("", b"")];
    let component = bake::bake(&standard(), &compiled.bytes, &sections).unwrap();
    let policy = Policy::load(&victim.sandbox, &component).unwrap();
    assert_eq!(policy.manifest().name, "acme-deploy");
    victim.unharmed("8 MiB that nobody reads");
}

/// A component of pieces numbered from 1 on, and one before and one after them.
fn chain(first: &str, times: usize, piece: impl Fn(usize) -> String, last: &str) -> Vec<u8> {
    let pieces: String = (1..=times).map(piece).collect();
    parsed(&format!("(component {first} {pieces} {last})"))
}

/// A tuple of two of the tuple before.
fn doubling(times: usize) -> Vec<u8> {
    let tuple = |time: usize| format!("(type $t{time} (tuple $t{0} $t{0}))", time - 1);
    chain("(type $t0 (tuple u8 u8))", times, tuple, "")
}

fn listing(times: usize) -> Vec<u8> {
    let list = |time: usize| format!("(type $t{time} (list $t{}))", time - 1);
    chain("(type $t0 (list u8))", times, list, "")
}

/// A component that instantiates the one before it twice.
fn instances(times: usize) -> Vec<u8> {
    let first = "(component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))";
    let twice = |time: usize| {
        format!(
            "(component $c{time} (alias outer 1 $c{} (component $c))
               (instance (instantiate $c)) (instance (instantiate $c)))",
            time - 1
        )
    };
    let last = format!("(instance (instantiate $c{times}))");
    chain(first, times, twice, &last)
}

/// Numbers of `SplitMix64`: the same on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap() % bound
    }
}

/// A policy whose bytes were changed is another policy, and it may accept what
/// the honest one denies: only a signature tells. What it can't do is get past
/// the floor and the ceiling, bear the honest one's digest, or do harm.
#[test]
fn a_policy_of_chance_gets_past_neither_floor_nor_ceiling() {
    const MUTANTS: usize = 400;
    const ENOUGH: usize = 10;
    let victim = Victim::new();
    let component = honest();
    let name = Policy::load(&victim.sandbox, &component)
        .unwrap()
        .id()
        .digest
        .clone();
    let outside = [
        json!({ "exp": NOW }),
        json!({ "aud": "https://other.example" }),
        json!({ "environment": "staging" }),
        json!({ "repository_id": null }),
    ]
    .map(|changes| SIGNER.sign(&with(job(), &changes)));
    let stranger = crate::forge::Signer::new("2026-11").sign(&job());
    let mut chance = Chance(1);
    let mut loaded = 0;
    for mutant in 0..MUTANTS {
        if loaded == ENOUGH {
            break;
        }
        let mut bytes = component.clone();
        for _ in 0..=chance.below(3) {
            let at = chance.below(bytes.len());
            bytes[at] ^= 1 << chance.below(8);
        }
        let Ok(policy) = Policy::load(&victim.sandbox, &bytes) else {
            continue;
        };
        loaded += 1;
        assert_ne!(policy.id().digest, name, "mutant {mutant}");
        let floor = claimbound::floor::Floor::new(AUDIENCE).unwrap();
        let mut low = ceiling();
        low.enrolment = true;
        let gate = Gate::new(issuers(), floor, Arc::new(policy), low.clone()).with_commit(Host);
        let decide =
            |token: &str| gate.decide(Token::new(token), &Request::default(), &FixedClock(NOW));
        for token in outside.iter().chain([&stranger]) {
            let outcome = decide(token);
            assert!(
                matches!(outcome, Outcome::Deny(_)),
                "mutant {mutant}: {}",
                answer(&outcome)
            );
        }
        if let Outcome::Allow(allowed) = decide(TOKEN.as_str()) {
            low.check(&allowed.grant, &allowed.obligations, 290)
                .unwrap();
            assert!(allowed.ends_at <= NOW + 290, "mutant {mutant}");
        }
    }
    assert_eq!(loaded, ENOUGH, "too few mutants load to say anything");
    victim.unharmed("the mutants");
    assert!(load(&victim.sandbox, &Guest::honest()).is_ok());
}
