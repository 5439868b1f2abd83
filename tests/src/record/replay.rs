//! Decisions derived again from what their lines kept, and put to others.

use std::collections::BTreeSet;
use std::sync::Arc;

use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::models::Registry;
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::record::{Decision, Disagreement, NotDerived, Options, Record, Verdict};
use claimbound::token::Token;
use serde_json::{Value, json};

use super::gate::POLICY;
use super::{Place, keeping};
use crate::forge::{NOW, job, with};
use crate::gate::{DOCUMENT, Host, SIGNER, answer, ceiling, gate_with, policy};
use crate::standard::standard;

/// Conditions on nested claims, on numbers, on an attribute and on the key.
fn particular() -> Arc<Policy> {
    let document = format!(
        "{}\n\
         [[trust.production.nested]]\npath = [\"context\", \"a.b\", \"level\"]\nat_least = 12345678901234567890\n\
         [[trust.production.nested]]\npath = [\"context\", \"ratio\"]\nequals = 0.1\n\
         [[trust.production.nested]]\npath = [\"run_id\"]\nattribute = \"run\"\n\
         [trust.production.key]\nalgorithms = [\"RS256\"]\nat_least_bits = 2048\n",
        DOCUMENT.replace("acme-deploy", "acme-particular")
    );
    policy(&standard(), &document)
}

/// What such a policy asks for, with more that nobody reads.
fn context(level: &Value, ratio: &Value) -> Value {
    json!({ "context": { "a.b": { "level": level, "secret": "s" }, "ratio": ratio }, "other": {} })
}

fn gate(policy: &Arc<Policy>, place: &Place, options: Options) -> Gate {
    let journal = place.open(options);
    gate_with(policy, ceiling())
        .with_commit(Host)
        .with_record("deploy", journal as Arc<dyn Record>)
}

fn put(gate: &Gate, claims: &str) -> String {
    let token = SIGNER.sign_text(claims);
    let request = Request {
        attributes: vec![
            ("run".to_owned(), "7".to_owned()),
            ("unread".to_owned(), "x".to_owned()),
        ],
        ..Request::default()
    };
    answer(&gate.decide(Token::new(&token), &request, &FixedClock(NOW)))
}

fn again(decision: &Decision, policy: &Arc<Policy>) -> Result<Outcome, NotDerived> {
    decision.decide_again(policy, Registry::standard())
}

/// The number of this token's text in place of a string.
fn exactly(claims: &Value, level: &str) -> String {
    claims.to_string().replace("\"LEVEL\"", level)
}

#[test]
fn every_decision_whose_claims_were_kept_is_derived_again() {
    let place = Place::new();
    let policy = particular();
    let gate = gate(&policy, &place, keeping());
    let level = json!("LEVEL");
    let ratio = json!(0.1);
    let fine = with(job(), &context(&level, &ratio));
    // Exact, where a float would round it up to what is asked for.
    let (enough, less) = ("12345678901234567890", "12345678901234567889");
    let mut expected = Vec::new();
    for (changes, level) in [
        (json!({}), enough),
        (json!({}), less),
        (json!({}), "1.2345678901234567890e19"),
        (json!({}), "\"12345678901234567890\""),
        (context(&json!("LEVEL"), &json!(0.2)), enough),
        (json!({ "context": null }), enough),
        (json!({ "context": [1, { "a.b": 2 }] }), enough),
        (json!({ "run_id": "8" }), enough),
        (json!({ "ref": "refs/heads/x\u{202e}" }), enough),
        (
            json!({ "aud": ["https://deploy.acme.example", "b"] }),
            enough,
        ),
        (json!({ "aud": "https://other.example" }), enough),
        (json!({ "exp": NOW }), enough),
        (json!({ "exp": NOW + 90_000 }), enough),
        (json!({ "nbf": NOW + 61 }), enough),
        (json!({ "repository_id": "1" }), enough),
        (json!({ "repository_id": null }), enough),
        (json!({ "environment": "staging" }), enough),
        (json!({ "sub": "anything" }), enough),
        (json!({ "cnf": { "jkt": "a" } }), enough),
    ] {
        let claims = exactly(&with(fine.clone(), &changes), level);
        expected.push(put(&gate, &claims));
    }
    drop(gate);
    let codes: BTreeSet<_> = expected.iter().collect();
    assert!(codes.len() >= 10, "{codes:?}");
    let decisions = place.decisions();
    assert_eq!(decisions.len(), expected.len());
    for (decision, expected) in decisions.iter().zip(&expected) {
        let outcome = again(decision, &policy).unwrap();
        assert_eq!(
            decision.disagrees(&outcome),
            Ok(None),
            "{expected}: {outcome:?}"
        );
        if let Outcome::Deny(denied) = &outcome {
            assert_eq!(denied.reasons, decision.reasons, "to the last word");
        }
    }
    let kept = decisions[0].kept.as_ref().unwrap();
    assert!(!kept.claims.contains("secret") && !kept.claims.contains("other"));
    assert_eq!(kept.attributes, [("run".to_owned(), "7".to_owned())]);
}

#[test]
fn past_the_ceiling_is_past_it_again() {
    let place = Place::new();
    let mut ceiling = ceiling();
    ceiling.roles.clear();
    let gate = gate_with(&POLICY, ceiling).with_record("deploy", place.open(keeping()));
    assert_eq!(put(&gate, &job().to_string()), "host.ceiling");
    drop(gate);
    let decision = &place.decisions()[0];
    let outcome = again(decision, &POLICY).unwrap();
    assert_eq!(answer(&outcome), "host.ceiling");
    assert_eq!(decision.disagrees(&outcome), Ok(None));
}

#[test]
fn another_policy_flips_decisions_and_says_why() {
    let place = Place::new();
    let gate = gate(&POLICY, &place, keeping());
    assert_eq!(put(&gate, &job().to_string()), "allow");
    let next = with(job(), &json!({ "ref": "refs/heads/next" }));
    assert_eq!(put(&gate, &next.to_string()), "claim.mismatch");
    drop(gate);
    let decisions = place.decisions();
    let other = DOCUMENT.replace("ref = \"refs/heads/main\"", "ref = \"refs/heads/next\"");
    let other = policy(&standard(), &other);
    let flipped = again(&decisions[0], &other).unwrap();
    assert_eq!(answer(&flipped), "claim.mismatch");
    let disagreement = decisions[0].disagrees(&flipped);
    assert_eq!(disagreement, Ok(Some(Disagreement::Outcome)));
    let flipped = again(&decisions[1], &other).unwrap();
    assert_eq!(answer(&flipped), "allow");
    let renamed = DOCUMENT.replace("trust.production", "trust.live");
    let renamed = again(&decisions[0], &policy(&standard(), &renamed)).unwrap();
    let disagreement = decisions[0].disagrees(&renamed);
    assert_eq!(disagreement, Ok(Some(Disagreement::Statement)));
}

#[test]
fn what_was_not_kept_can_not_be_asked() {
    let place = Place::new();
    let gate = gate(&POLICY, &place, keeping());
    put(&gate, &job().to_string());
    drop(gate);
    let decision = &place.decisions()[0];
    let more = format!(
        "{DOCUMENT}\n[[trust.production.nested]]\npath = [\"event_name\"]\nequals = \"push\"\n"
    );
    let asked = again(decision, &policy(&standard(), &more));
    assert_eq!(asked, Err(NotDerived::Claim("event_name".to_owned())));
    // What the naming model reads is kept whoever asks.
    let known = format!(
        "{DOCUMENT}\n[[trust.production.nested]]\npath = [\"repository_id\"]\nequals = \"456789\"\n"
    );
    assert!(
        again(decision, &policy(&standard(), &known))
            .unwrap()
            .is_allow()
    );
    let attribute =
        format!("{DOCUMENT}\n[[trust.production.nested]]\npath = [\"ref\"]\nattribute = \"run\"\n");
    let asked = again(decision, &policy(&standard(), &attribute));
    assert_eq!(asked, Err(NotDerived::Attribute("run".to_owned())));

    let place = Place::new();
    let gate = super::replay::gate(&POLICY, &place, Options::default());
    put(&gate, &job().to_string());
    drop(gate);
    assert_eq!(
        again(&place.decisions()[0], &POLICY),
        Err(NotDerived::NotKept)
    );
}

#[test]
fn what_the_ledger_refused_the_policy_had_allowed() {
    let place = Place::new();
    let journal = place.open(keeping());
    let gate = gate_with(&POLICY, ceiling()).with_record("deploy", journal);
    assert_eq!(put(&gate, &job().to_string()), "host.obligation");
    drop(gate);
    let decision = &place.decisions()[0];
    assert_eq!(decision.before_obligations(), Verdict::Allow);
    let outcome = again(decision, &POLICY).unwrap();
    assert!(outcome.is_allow());
    assert_eq!(decision.disagrees(&outcome), Ok(None));
}
