//! Tokens that would shift what is packed, so that one claim is read for another.

use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::json::Limits;
use claimbound::outcome::Outcome;
use claimbound::policy::Request;
use claimbound::token::Token;
use serde_json::{Value, json};

use crate::forge::{NOW, job, with};
use crate::gate::{DOCUMENT, Host, SIGNER, answer, ceiling, gate_with, policy};
use crate::standard::standard;

/// A gate that asks for `é` among `x` and `z` in `y`; what stands before, between
/// and behind these is read, and asked nothing.
fn gate() -> Gate {
    let asked = r#"
before = { present = true }
x = { contains = "é" }
between = { present = true }
y = "z"
"#;
    let claims = "runner_environment = { any_of = [\"github-hosted\"] }\n";
    let document = DOCUMENT.replace(claims, &format!("{claims}{asked}"));
    assert_ne!(document, DOCUMENT);
    let large = Limits {
        bytes: 1 << 20,
        ..Limits::TOKEN
    };
    gate_with(&policy(&standard(), &document), ceiling())
        .with_commit(Host)
        .with_limits(large)
}

/// What is said of a token, however the component is asked: packed, and typed,
/// as an explanation is.
fn said(gate: &Gate, row: &str, claims: &Value) -> String {
    let token = SIGNER.sign(claims);
    let (request, clock) = (Request::default(), FixedClock(NOW));
    let decided = gate.decide(Token::new(&token), &request, &clock);
    let verified = gate.verify(Token::new(&token), NOW).unwrap();
    let explained = gate.explain(verified, &request, &clock).outcome;
    if let (Outcome::Deny(one), Outcome::Deny(other)) = (&decided, &explained) {
        assert_eq!(one, other, "{row}");
    }
    assert_eq!(answer(&decided), answer(&explained), "{row}");
    answer(&decided)
}

#[test]
fn no_claim_is_read_for_another_whatever_stands_beside_it() {
    let gate = gate();
    let many = vec![""; 10_000];
    let beside = [
        json!(""),
        json!("é"),
        json!("z"),
        json!("\0\0\0\u{1}"),
        json!("🦀".repeat(5_000)),
        json!(false),
        json!(true),
        json!(0),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5e300),
        json!(-0.0),
        json!([]),
        json!([[]]),
        json!(["é"]),
        json!(["", "", ""]),
        json!(many),
        json!(["z", null]),
        json!({}),
        json!({ "x": ["é"], "y": "z" }),
    ];
    let asked = [
        (json!(["é"]), json!("z"), "allow"),
        (json!(["", "é", ""]), json!("z"), "allow"),
        (
            json!([many.clone(), vec!["é"]].concat()),
            json!("z"),
            "allow",
        ),
        (json!([]), json!("z"), "claim.mismatch"),
        (
            json!(["e\u{301}", "\u{e9}\0"]),
            json!("z"),
            "claim.mismatch",
        ),
        (json!(["é"]), json!(""), "claim.mismatch"),
        (json!(["é"]), json!("zz"), "claim.mismatch"),
        (json!(["é", "z"]), json!("é"), "claim.mismatch"),
        (json!("é"), json!("z"), "claim.type"),
        (json!(["é", null]), json!("z"), "claim.type"),
        (json!({ "é": "é" }), json!("z"), "claim.type"),
        (json!(["é"]), json!(["z"]), "claim.type"),
        (json!(["é"]), json!(2), "claim.type"),
    ];
    for one in &beside {
        for (x, y, expected) in &asked {
            let changes = json!({ "before": one, "x": x, "between": one, "y": y, "zz": one });
            let row = format!("{:.60} {:.60} {y}", one.to_string(), x.to_string());
            assert_eq!(
                said(&gate, &row, &with(job(), &changes)),
                *expected,
                "{row}"
            );
        }
    }
}
