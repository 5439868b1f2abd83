//! What a guest does instead of answering, at every moment at which it runs.

use claimbound::policy::PolicyError;

use super::guest::{Guest, Place};
use super::{Asked, Victim, load};

/// What is done, its code, and the error that it ends in.
pub(super) const DEEDS: [(&str, &str, &str); 12] = [
    ("spins", "(loop $on (br $on))", "host.deadline"),
    (
        "spins and touches memory",
        "(loop $on (i32.store (i32.const 512) (i32.const 1)) (br $on))",
        "host.deadline",
    ),
    (
        "grows its memory page by page",
        "(loop $on (drop (memory.grow (i32.const 1))) (br $on))",
        "host.memory",
    ),
    (
        "grows its memory by 4 GB",
        "(drop (memory.grow (i32.const 60000)))",
        "host.memory",
    ),
    (
        "grows its table",
        "(loop $on (drop (table.grow $table (ref.null func) (i32.const 100))) (br $on))",
        "host.memory",
    ),
    (
        "grows its table by 4 billion",
        "(drop (table.grow $table (ref.null func) (i32.const -2)))",
        "host.memory",
    ),
    (
        "recurses",
        "(drop (call $deeper (i32.const 0)))",
        "host.trap",
    ),
    ("traps", "unreachable", "host.trap"),
    (
        "divides by zero",
        "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
        "host.trap",
    ),
    (
        "reads past its memory",
        "(drop (i32.load (i32.const 0x7fffffff)))",
        "host.trap",
    ),
    (
        "fills past its memory",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))",
        "host.trap",
    ),
    (
        "calls what is not there",
        "(call_indirect $table (type $nothing) (i32.const 0))",
        "host.trap",
    ),
];

/// A component for each deed, done while it decides: the deed, the component,
/// and the error that it ends in.
pub(crate) fn components() -> impl Iterator<Item = (&'static str, Vec<u8>, &'static str)> {
    DEEDS.into_iter().map(|(deed, code, expected)| {
        let guest = Guest::honest().running(Place::Evaluate, code);
        (deed, guest.build(), expected)
    })
}

#[test]
fn whatever_a_guest_does_while_it_decides_ends_in_an_error_of_its_own_kind() {
    let victim = Victim::new();
    for place in [Place::Evaluate, Place::Realloc, Place::AfterEvaluate] {
        for (deed, code, expected) in DEEDS {
            let row = format!("{deed} at {place:?}");
            let asked = victim.ask(&row, &Guest::honest().running(place, code));
            asked.expect(&row, expected);
        }
    }
}

#[test]
fn whatever_a_guest_does_while_it_explains_ends_there_and_harms_no_decision() {
    let victim = Victim::new();
    for place in [Place::Explain, Place::AfterExplain] {
        for (deed, code, expected) in DEEDS {
            let row = format!("{deed} at {place:?}");
            let asked = victim.ask(&row, &Guest::honest().running(place, code));
            for (way, came) in asked.all() {
                let explains = way.ends_with("explain");
                let expected = if explains { expected } else { "allow" };
                assert_eq!(came.code(), expected, "{row}: {way}: {came:?}");
            }
        }
    }
}

#[test]
fn whatever_a_guest_does_while_it_starts_or_describes_itself_keeps_it_from_loading() {
    let victim = Victim::new();
    for place in [Place::Start, Place::Describe] {
        for (deed, code, expected) in DEEDS {
            let row = format!("{deed} at {place:?}");
            let component = Guest::honest().running(place, code).build();
            let refused = victim.refused(&row, &component);
            let PolicyError::Describe(error) = &refused else {
                panic!("{row}: {refused}");
            };
            assert_eq!(error.code.as_str(), expected, "{row}: {error}");
        }
    }
}

#[test]
fn memory_that_a_guest_hands_out_for_its_input_is_held_to_the_contract() {
    let victim = Victim::new();
    for (row, code) in [
        ("hands out no such address", "(return (i32.const -16))"),
        ("hands out the very end", "(return (i32.const 0x00bffff8))"),
        ("hands out an odd address", "(return (i32.const 8193))"),
    ] {
        let asked = victim.ask(row, &Guest::honest().running(Place::Realloc, code));
        asked.expect(row, "host.contract");
    }
    // One address for everything: the guest spoils its own input and no more.
    let same = "(return (i32.const 0x00800000))";
    let asked = victim.ask(
        "one address",
        &Guest::honest().running(Place::Realloc, same),
    );
    asked.expect("one address", "allow");
}

#[test]
fn nothing_that_a_guest_writes_is_there_when_it_is_asked_again() {
    let victim = Victim::new();
    let second = "(if (i32.gt_u (global.get $count) (i32.const 1)) (then (return {other})))";
    let counts = [
        (
            "a global",
            "(global.set $count (i32.add (global.get $count) (i32.const 1)))".to_owned(),
        ),
        (
            "memory",
            "(i32.store (i32.const 512) (i32.add (i32.load (i32.const 512)) (i32.const 1)))
             (global.set $count (i32.load (i32.const 512)))"
                .to_owned(),
        ),
        (
            "the size of its memory",
            "(global.set $count (i32.sub (memory.size) (i32.const 191)))
             (drop (memory.grow (i32.const 1)))"
                .to_owned(),
        ),
        (
            "the size of its table",
            "(global.set $count (table.size $table))
             (drop (table.grow $table (ref.null func) (i32.const 1)))"
                .to_owned(),
        ),
    ];
    for (row, count) in counts {
        let denial = super::guest::deny(&serde_json::json!([super::guest::reason(
            &serde_json::json!({})
        )]));
        // Denies the first time, and would allow the second.
        let guest = Guest::honest()
            .with_other(&super::guest::allow(&serde_json::json!({})))
            .deciding(&denial)
            .running(Place::Evaluate, &format!("{count} {second}"));
        let policy = load(&victim.sandbox, &guest).unwrap();
        for _ in 0..3 {
            Asked::of(&policy).expect(row, "deny");
        }
    }
}
