//! Components that are asked packed, and what they do with that.

mod echo;
mod reader;

use std::fs;

use claimbound::policy::{Policy, PolicyError};
use serde_json::{Value, json};

use super::behaviour::DEEDS;
use super::guest::{Guest, Place, allow, deny, reason};
use super::{Asked, Victim, load};
use crate::tree::root;

/// The honest guest, which says the same in both ways.
fn honest() -> Guest {
    Guest::honest().packing(&json!({ "ok": allow(&json!({})) }))
}

fn contract() -> String {
    fs::read_to_string(root().join("wit/policy.wit")).unwrap()
}

#[test]
fn a_policy_that_says_the_same_in_both_ways_is_believed() {
    let victim = Victim::new();
    victim
        .ask("the same", &honest())
        .expect("the same", "allow");
}

#[test]
fn the_packed_answer_is_the_decision_and_another_explanation_is_refused() {
    let victim = Victim::new();
    let allowed = allow(&json!({}));
    let denied = deny(&json!([reason(&json!({}))]));
    let fewer = allow(&json!({ "roles": [] }));
    let other = deny(&json!([reason(&json!({ "message": "another" }))]));
    for (row, packed, typed, decided) in [
        ("denies packed", &denied, &allowed, "deny"),
        ("denies typed", &allowed, &denied, "allow"),
        ("grants less packed", &fewer, &allowed, "allow"),
        ("grants less typed", &allowed, &fewer, "allow"),
        ("says it in other words", &other, &denied, "deny"),
    ] {
        let guest = Guest::honest()
            .deciding(typed)
            .packing(&json!({ "ok": packed }));
        let asked = victim.ask(row, &guest);
        for (way, came) in asked.all() {
            let explains = way.ends_with("explain");
            let expected = if explains { "host.contract" } else { decided };
            assert_eq!(came.code(), expected, "{row}: {way}: {came:?}");
            super::told(row, came);
        }
    }
}

#[test]
fn a_policy_that_is_asked_packed_is_not_asked_otherwise() {
    let victim = Victim::new();
    for (deed, code, _) in DEEDS {
        let row = format!("{deed} when it is asked typed");
        let guest = honest().running(Place::Evaluate, code);
        victim.ask(&row, &guest).expect(&row, "allow");
    }
}

#[test]
fn whatever_a_guest_does_while_it_is_asked_packed_ends_in_an_error_of_its_own_kind() {
    let victim = Victim::new();
    for place in [Place::Packed, Place::AfterPacked, Place::Realloc] {
        for (deed, code, expected) in DEEDS {
            let row = format!("{deed} at {place:?}");
            let asked = victim.ask(&row, &honest().running(place, code));
            asked.expect(&row, expected);
        }
    }
}

#[test]
fn a_packed_answer_is_held_to_the_contract_as_any_other() {
    let victim = Victim::new();
    let too_many: Vec<Value> = vec![reason(&json!({})); 17];
    for (row, answer, expected) in [
        (
            "fails",
            json!({ "err": { "code": "x", "message": "y" } }),
            "host.policy",
        ),
        ("case 2", json!({ "$case": 2 }), "host.contract"),
        (
            "gives no reason",
            json!({ "ok": deny(&json!([])) }),
            "host.contract",
        ),
        (
            "gives seventeen reasons",
            json!({ "ok": deny(&json!(too_many)) }),
            "host.contract",
        ),
        (
            "a code of nobody's",
            json!({ "ok": deny(&json!([reason(&json!({ "code": "no.such" }))])) }),
            "host.contract",
        ),
        (
            "reasons nowhere",
            json!({ "ok": deny(&json!({ "$at": [0x7fff_fff0_u32, 1] })) }),
            "host.contract",
        ),
        (
            "a role that is no text",
            json!({ "ok": allow(&json!({ "roles": [{ "$bytes": [0xff] }] })) }),
            "host.contract",
        ),
        (
            "a role of many lines",
            json!({ "ok": allow(&json!({ "roles": ["deploy\nadmin"] })) }),
            "host.contract",
        ),
        (
            "an obligation of its own that it did not declare",
            json!({ "ok": allow(&json!({ "obligations": [{ "other": { "kind": "x", "json": "" } }] })) }),
            "host.contract",
        ),
        (
            "endless roles",
            json!({ "ok": allow(&json!({ "roles": { "$repeat": [100_000, "deploy"] } })) }),
            "host.memory",
        ),
    ] {
        let asked = victim.ask(row, &Guest::honest().packing(&answer));
        asked.expect(row, expected);
    }
}

#[test]
fn what_is_granted_packed_is_held_to_the_ceiling() {
    let victim = Victim::new();
    let admin = allow(&json!({ "roles": ["admin"] }));
    let guest = Guest::honest()
        .deciding(&admin)
        .packing(&json!({ "ok": admin }));
    let asked = victim.ask("admin", &guest);
    for (way, came) in asked.all() {
        let gate = way.starts_with("gate");
        let expected = if gate { "host.ceiling" } else { "allow" };
        assert_eq!(came.code(), expected, "{way}: {came:?}");
    }
}

#[test]
fn a_packed_export_of_another_type_is_refused_by_name() {
    let victim = Victim::new();
    let function = "evaluate: func(texts: string, marks: list<u32>) -> result<decision, failure>;";
    for (row, other) in [
        ("wider marks", function.replace("list<u32>", "list<u64>")),
        ("signed marks", function.replace("list<u32>", "list<s32>")),
        ("texts as bytes", function.replace("string", "list<u8>")),
    ] {
        let contract = contract().replace(function, &other);
        assert!(contract.contains(&other), "{row}");
        let refused = victim.refused(row, &honest().build_by(&contract));
        let PolicyError::Type { export, .. } = &refused else {
            panic!("{row}: {refused}");
        };
        assert_eq!(*export, "claimbound:policy/packed#evaluate", "{row}");
    }
}

#[test]
fn an_interface_of_another_name_is_none() {
    let victim = Victim::new();
    // Would deny if it were asked.
    let denied = deny(&json!([reason(&json!({}))]));
    let guest = Guest::honest().packing(&json!({ "ok": denied }));
    let later = guest.build();
    let name = b"claimbound:policy/packed@0.1.0";
    for other in [
        "claimbound:policy/packed@0.2.0",
        "claimbound:policy/pocked@0.1.0",
    ] {
        let mut component = later.clone();
        let places: Vec<usize> = (0..component.len() - name.len())
            .filter(|&at| component[at..].starts_with(name))
            .collect();
        assert!(!places.is_empty());
        for at in places {
            component[at..at + name.len()].copy_from_slice(other.as_bytes());
        }
        let policy = Policy::load(&victim.sandbox, &component).unwrap();
        Asked::of(&std::sync::Arc::new(policy)).expect(other, "allow");
    }
    let packed = load(&victim.sandbox, &guest).unwrap();
    assert_eq!(Asked::of(&packed).decided.code(), "deny");
}
