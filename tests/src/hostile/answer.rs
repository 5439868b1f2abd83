//! Answers that no honest toolchain writes: bytes that mean nothing, pointers
//! that lead nowhere, and lists that the contract does not have.

use claimbound::floor::Floor;
use claimbound::outcome::Outcome;
use claimbound::policy::{Answer, Request};
use serde_json::{Value, json};

use super::guest::{END, Guest, allow, deny, reason};
use super::{Victim, admissible, load};

/// A guest that denies with one reason, changed.
fn with_reason(changes: &Value) -> Guest {
    Guest::honest().deciding(&deny(&json!([reason(changes)])))
}

fn with_reasons(reasons: &Value) -> Guest {
    Guest::honest().deciding(&deny(reasons))
}

fn with_grant(changes: &Value) -> Guest {
    Guest::honest().deciding(&allow(changes))
}

fn with_statement(statement: &Value) -> Guest {
    let mut decision = allow(&json!({}));
    decision["allow"]["statement"] = statement.clone();
    Guest::honest().deciding(&decision)
}

fn at(pointer: usize, length: usize) -> Value {
    json!({ "$at": [pointer, length] })
}

#[test]
fn an_answer_that_is_none_by_its_bytes_breaks_the_contract() {
    let victim = Victim::new();
    let nowhere = 0x7fff_fff0;
    let bind =
        |first_use: &Value| json!({ "obligations": [{ "bind": { "first-use": first_use } }] });
    for (row, guest) in [
        (
            "result 2",
            Guest::honest().evaluating(&json!({ "$case": 2 })),
        ),
        (
            "decision 2",
            Guest::honest().deciding(&json!({ "$case": 2 })),
        ),
        (
            "decision 255",
            Guest::honest().deciding(&json!({ "$case": 255 })),
        ),
        (
            "obligation 4",
            with_grant(&json!({ "obligations": [{ "$case": 4 }] })),
        ),
        ("first use 2", with_grant(&bind(&json!({ "$case": 2 })))),
        (
            "option of claims 2",
            with_grant(&json!({ "claims": { "$case": 2 } })),
        ),
        (
            "option of lifetime 2",
            with_grant(&json!({ "max-lifetime": { "$case": 2 } })),
        ),
        (
            "option of statement 2",
            with_reason(&json!({ "statement": { "$case": 2 } })),
        ),
        ("text nowhere", with_statement(&at(nowhere, 1))),
        ("text past the end", with_statement(&at(END - 1, 2))),
        (
            "text around the end of 32 bits",
            with_statement(&at(0xffff_ffff, 0xffff_ffff)),
        ),
        ("text of 4 GB", with_statement(&at(0, 0xffff_ffff))),
        ("empty text nowhere", with_statement(&at(END + 1, 0))),
        (
            "list nowhere",
            with_grant(&json!({ "roles": at(nowhere, 1) })),
        ),
        (
            "list past the end",
            with_grant(&json!({ "roles": at(END - 8, 2) })),
        ),
        // 8 bytes each: 0x2000_0001 of them are 8 bytes in 32 bits.
        (
            "list that overflows",
            with_grant(&json!({ "roles": at(8192, 0x2000_0001) })),
        ),
        (
            "list of 4 billion",
            with_grant(&json!({ "roles": at(0, 0xffff_ffff) })),
        ),
        (
            "reasons that overflow",
            with_reasons(&at(8192, 0x0492_4925)),
        ),
        (
            "unaligned list",
            with_grant(&json!({ "roles": { "$unaligned": ["deploy"] } })),
        ),
        (
            "unaligned reasons",
            with_reasons(&json!({ "$unaligned": [reason(&json!({}))] })),
        ),
        (
            "unaligned empty list",
            with_grant(&json!({ "roles": at(8193, 0) })),
        ),
        (
            "empty list nowhere",
            with_grant(&json!({ "roles": at(END + 8, 0) })),
        ),
    ] {
        victim.ask(row, &guest).expect(row, "host.contract");
    }
}

#[test]
fn text_that_is_not_unicode_breaks_the_contract() {
    let victim = Victim::new();
    for (row, guest) in [
        ("no UTF-8", with_statement(&json!({ "$bytes": [0xff] }))),
        (
            "half a character",
            with_statement(&json!({ "$bytes": [0xe2, 0x82] })),
        ),
        (
            "overlong `/`",
            with_statement(&json!({ "$bytes": [0xc0, 0xaf] })),
        ),
        (
            "a lone surrogate",
            with_statement(&json!({ "$bytes": [0xed, 0xa0, 0x80] })),
        ),
        (
            "a pair of surrogates",
            with_statement(&json!({ "$bytes": [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80] })),
        ),
        (
            "past U+10FFFF",
            with_statement(&json!({ "$bytes": [0xf4, 0x90, 0x80, 0x80] })),
        ),
        (
            "no UTF-8 in a reason",
            with_reason(&json!({ "claim": [{ "$bytes": [0x80] }] })),
        ),
    ] {
        victim.ask(row, &guest).expect(row, "host.contract");
    }
}

#[test]
fn a_result_that_lies_nowhere_breaks_the_contract() {
    let victim = Victim::new();
    for (row, address) in [
        ("past memory", END),
        ("at the end of memory", END - 8),
        ("unaligned", 8193),
        ("at the end of 32 bits", 0xffff_fff8),
    ] {
        let code = format!("(return (i32.const {address}))");
        let guest = Guest::honest().running(super::guest::Place::Evaluate, &code);
        victim.ask(row, &guest).expect(row, "host.contract");
    }
}

#[test]
fn an_answer_that_means_nothing_breaks_the_contract() {
    let victim = Victim::new();
    let reasons = |many: usize| json!({ "$repeat": [many, reason(&json!({}))] });
    let roles = |role: &str| with_grant(&json!({ "roles": ["deploy", role] }));
    let scopes = |scope: &str| with_grant(&json!({ "scopes": [scope] }));
    for (row, guest) in [
        ("no reason", with_reasons(&json!([]))),
        ("17 reasons", with_reasons(&reasons(17))),
        (
            "an unknown code",
            with_reason(&json!({ "code": "because" })),
        ),
        ("no code", with_reason(&json!({ "code": "" }))),
        (
            "a code of the host's errors",
            with_reason(&json!({ "code": "host.busy" })),
        ),
        (
            "a code in capitals",
            with_reason(&json!({ "code": "FORBIDDEN" })),
        ),
        (
            "a code and a NUL",
            with_reason(&json!({ "code": "forbidden\0" })),
        ),
        (
            "257 roles",
            with_grant(&json!({ "roles": { "$repeat": [257, "deploy"] } })),
        ),
        (
            "257 scopes",
            with_grant(&json!({ "scopes": { "$repeat": [257, "a"] } })),
        ),
        (
            "257 obligations",
            with_grant(&json!({ "obligations": { "$repeat": [257, "use-once"] } })),
        ),
        ("no statement", with_statement(&json!(""))),
        ("a statement with a NUL", with_statement(&json!("a\0b"))),
        (
            "a statement of two lines",
            with_statement(&json!("a\nallowed: b")),
        ),
        (
            "a statement that moves the cursor",
            with_statement(&json!("a\u{1b}[2Jb")),
        ),
        (
            "a statement with a C1 control",
            with_statement(&json!("a\u{9b}2Jb")),
        ),
        (
            "a statement of 257 bytes",
            with_statement(&json!("x".repeat(257))),
        ),
        ("no role", roles("")),
        ("a role of two lines", roles("a\r\nadmin")),
        ("a role of 257 bytes", roles(&"x".repeat(257))),
        ("no scope", scopes("")),
        // RFC 6749 section 3.3
        ("two scopes in one", scopes("read admin")),
        ("a scope with a quote", scopes("a\"b")),
        ("a scope with a backslash", scopes("a\\b")),
        ("a scope beyond ASCII", scopes("ä")),
    ] {
        victim.ask(row, &guest).expect(row, "host.contract");
    }
}

#[test]
fn an_answer_that_is_odd_but_means_something_is_taken_and_cut() {
    let victim = Victim::new();
    let controls = "a\0b\u{202e}c\u{1b}[2Jd\u{2028}\u{feff}";
    let long = "x".repeat(100_000);
    for (row, guest, expected) in [
        (
            "16 reasons",
            with_reasons(&json!({ "$repeat": [16, reason(&json!({}))] })),
            "deny",
        ),
        (
            "controls in a message",
            with_reason(&json!({ "message": controls })),
            "deny",
        ),
        (
            "controls in a claim",
            with_reason(&json!({ "claim": [controls] })),
            "deny",
        ),
        (
            "a long message",
            with_reason(&json!({ "message": long })),
            "deny",
        ),
        (
            "a long name of a claim",
            with_reason(&json!({ "claim": [long] })),
            "deny",
        ),
        (
            "text at the very end",
            with_reason(&json!({ "message": at(END - 1, 1) })),
            "deny",
        ),
        (
            "empty text at the end",
            with_reason(&json!({ "message": at(END, 0) })),
            "deny",
        ),
        (
            "an empty list at the end",
            with_reason(&json!({ "claim": at(END, 0) })),
            "deny",
        ),
        (
            "a statement of 256 bytes",
            with_statement(&json!("x".repeat(256))),
            "allow",
        ),
        (
            "a statement that reads backwards",
            with_statement(&json!("a\u{202e}b")),
            "allow",
        ),
        (
            "256 times one role",
            with_grant(&json!({ "roles": { "$repeat": [256, "deploy"] } })),
            "allow",
        ),
    ] {
        victim.ask(row, &guest).expect(row, expected);
    }
}

#[test]
fn what_a_denial_says_is_cut_before_anybody_keeps_it() {
    let victim = Victim::new();
    let long = "ä".repeat(20_000);
    let changes = json!({
        "statement": long, "claim": [long], "expected": long, "found": long, "message": "x",
    });
    let policy = load(&victim.sandbox, &with_reason(&changes)).unwrap();
    let answer = policy.evaluate(&admissible(), &Request::default()).unwrap();
    let Answer::Deny(denied) = answer else {
        panic!("{answer:?}");
    };
    let reason = &denied.reasons[0];
    let texts = [
        reason.statement.as_ref(),
        Some(&reason.expected),
        reason.found.as_ref(),
    ];
    for text in texts.into_iter().flatten().chain(&reason.claim) {
        assert_eq!(*text, format!("{}…", "ä".repeat(128)));
    }
}

#[test]
fn a_claims_path_in_a_reason_is_bounded_in_all() {
    let victim = Victim::new();
    let path = json!({ "$repeat": [5_000, "x".repeat(20)] });
    let guest = with_reason(&json!({ "claim": path }));
    victim
        .ask("a path of 5,000 names", &guest)
        .expect("a path of 5,000 names", "host.contract");
}

#[test]
fn a_failure_is_an_error_whatever_it_says() {
    let victim = Victim::new();
    for (row, code, message) in [
        ("nothing", json!(""), json!("")),
        ("a reason's code", json!("claim.mismatch"), json!("denied")),
        ("controls", json!("a\u{1b}[2J"), json!("\0\n\u{202e}")),
        (
            "length",
            json!("x".repeat(50_000)),
            json!("y".repeat(50_000)),
        ),
    ] {
        let failure = json!({ "err": { "code": code, "message": message } });
        let guest = Guest::honest().evaluating(&failure).explaining(&failure);
        victim.ask(row, &guest).expect(row, "host.policy");
    }
}

#[test]
fn a_token_that_fails_the_floor_is_denied_whatever_the_guest_would_do() {
    use crate::forge::{NOW, job, with};
    use crate::gate::{SIGNER, answer, issuers};
    let victim = Victim::new();
    let spinning = Guest::honest().running(super::guest::Place::Evaluate, "(loop $on (br $on))");
    for guest in [Guest::honest(), spinning] {
        let policy = load(&victim.sandbox, &guest).unwrap();
        let gate = claimbound::gate::Gate::new(
            issuers(),
            Floor::new(super::AUDIENCE).unwrap(),
            policy,
            super::ceiling(),
        );
        for (changes, expected) in [
            (json!({ "exp": NOW }), "token.expired"),
            (
                json!({ "aud": "https://other.example" }),
                "audience.mismatch",
            ),
            (json!({ "environment": "staging" }), "subject.drift"),
            (
                json!({ "iss": "https://mallory.example" }),
                "issuer.unknown",
            ),
        ] {
            let token = SIGNER.sign(&with(job(), &changes));
            let outcome: Outcome = gate.decide(
                claimbound::token::Token::new(&token),
                &Request::default(),
                &claimbound::clock::FixedClock(NOW),
            );
            assert_eq!(answer(&outcome), expected, "{outcome:?}");
        }
    }
}
