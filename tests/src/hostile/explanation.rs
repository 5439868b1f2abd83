//! Explanations that are not those of the decision.

use serde_json::{Value, json};

use super::Victim;
use super::guest::{Guest, allow, deny, merge, reason};

#[test]
fn an_explanation_is_another_answer_to_the_same_question_or_none() {
    let victim = Victim::new();
    let step = |changes: &Value| {
        let mut step = json!({
            "statement": "honest", "condition": "claims.ref", "held": true,
            "expected": "", "found": null,
        });
        merge(&mut step, changes);
        step
    };
    let explaining = |decision: &Value, steps: &Value| {
        Guest::honest().explaining(&json!({ "ok": [decision, steps] }))
    };
    let same = allow(&json!({}));
    let denial = deny(&json!([reason(&json!({}))]));
    let mut elsewhere = same.clone();
    elsewhere["allow"]["statement"] = json!("other");
    for (row, guest, expected) in [
        (
            "the same",
            explaining(&same, &json!([step(&json!({}))])),
            "allow",
        ),
        ("a denial", explaining(&denial, &json!([])), "host.contract"),
        (
            "another statement",
            explaining(&elsewhere, &json!([])),
            "host.contract",
        ),
        (
            "fewer roles",
            explaining(&allow(&json!({ "roles": [] })), &json!([])),
            "host.contract",
        ),
        (
            "a shorter lifetime",
            explaining(&allow(&json!({ "max-lifetime": 5 })), &json!([])),
            "host.contract",
        ),
        (
            "other obligations",
            explaining(&allow(&json!({ "obligations": ["use-once"] })), &json!([])),
            "host.contract",
        ),
        (
            "a failure",
            Guest::honest().explaining(&json!({ "err": { "code": "x", "message": "y" } })),
            "host.policy",
        ),
        (
            "held 2",
            explaining(&same, &json!([step(&json!({ "held": { "$case": 2 } }))])),
            "host.contract",
        ),
        // Any byte but 0 is true to the host, as it is to C.
        (
            "true 2",
            explaining(&same, &json!([step(&json!({ "held": { "$byte": 2 } }))])),
            "allow",
        ),
        (
            "steps nowhere",
            explaining(&same, &json!({ "$at": [0x7fff_fff0_u32, 1] })),
            "host.contract",
        ),
        (
            "steps that overflow",
            explaining(&same, &json!({ "$at": [8192, 0x0888_8889] })),
            "host.contract",
        ),
        (
            "no UTF-8 in a step",
            explaining(
                &same,
                &json!([step(&json!({ "found": { "$bytes": [0xff] } }))]),
            ),
            "host.contract",
        ),
    ] {
        let asked = victim.ask(row, &guest);
        assert_eq!(asked.decided.code(), "allow", "{row}: {asked:?}");
        for came in [&asked.explained, &asked.shown] {
            assert_eq!(came.code(), expected, "{row}: {came:?}");
            super::told(row, came);
        }
    }
}

#[test]
fn the_order_of_a_grant_and_of_reasons_belongs_to_the_decision() {
    let victim = Victim::new();
    let (one, other) = (
        reason(&json!({ "code": "claim.absent" })),
        reason(&json!({ "code": "claim.type" })),
    );
    for (row, decided, explained) in [
        (
            "roles",
            allow(&json!({ "roles": ["deploy", "read"] })),
            allow(&json!({ "roles": ["read", "deploy"] })),
        ),
        (
            "reasons",
            deny(&json!([one, other])),
            deny(&json!([other, one])),
        ),
        (
            "more reasons",
            deny(&json!([one])),
            deny(&json!([one, one])),
        ),
    ] {
        let guest = Guest::honest()
            .evaluating(&json!({ "ok": decided }))
            .explaining(&json!({ "ok": [explained, []] }));
        let asked = victim.ask(row, &guest);
        assert_eq!(asked.explained.code(), "host.contract", "{row}: {asked:?}");
    }
}
