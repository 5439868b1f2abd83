//! Tokens that are refused although nothing else is wrong.

use claimbound::clock::FixedClock;
use claimbound::key::{KeySet, SetLimits};
use claimbound::ledger::{Change, ChangeError, Keeper, Target};
use claimbound::policy::Request;
use claimbound::token::Token;
use serde_json::{Value, json};

use super::world::{ISSUER, NAMES_ALONE, World, decide, model, on_each_store, refusal};
use crate::forge::{NOW, job, with};
use crate::gate::{SIGNER, answer, ceiling, gate_with};
use aws_lc_rs::digest::{SHA256, digest};

const IMMUTABLE: &str = "repo:acme@123456/infra@456789:environment:production";

fn revoke(target: Target, until: Option<u64>) -> Change {
    Change::Revoke { target, until }
}

fn token_id(issuer: &str) -> Target {
    Target::TokenId {
        issuer: issuer.to_owned(),
        id: job()["jti"].as_str().unwrap().to_owned(),
    }
}

fn subject(subject: &str) -> Target {
    Target::subject(ISSUER, Some(model()), subject)
}

fn key(issuer: Option<&str>) -> Target {
    let keys = KeySet::parse(SIGNER.key_set(), &SetLimits::default()).unwrap();
    Target::Key {
        issuer: issuer.map(str::to_owned),
        thumbprint: keys.keys()[0].thumbprint().to_owned(),
    }
}

fn token(claims: &Value) -> Target {
    let token = SIGNER.sign(claims);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let digest = digest(&SHA256, signed.as_bytes());
    let hexadecimal = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    Target::Token {
        digest: hexadecimal.collect(),
    }
}

on_each_store! {
fn whatever_is_revoked_is_refused_until_it_is_lifted(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    let issuer = Target::Issuer { issuer: ISSUER.to_owned() };
    for (target, code, what) in [
        (token_id(ISSUER), "revoked.token", "this token was"),
        (token(&job()), "revoked.token", "this token was"),
        (subject(job()["sub"].as_str().unwrap()), "revoked.subject", "tokens of this subject were"),
        (key(Some(ISSUER)), "revoked.key", "the key that signed this token was"),
        (key(None), "revoked.key", "the key that signed this token was"),
        (issuer, "revoked.issuer", "tokens of this issuer were"),
    ] {
        assert_eq!(answer(&decide(&gate, &job())), "allow");
        world.order(revoke(target.clone(), None)).unwrap();
        let (found, message) = refusal(&gate, &job());
        assert_eq!(found, code);
        let expected = format!("{what} revoked on 2026-11-23T10:00:00Z by alice: a test");
        assert_eq!(message, expected);
        world.order(Change::Lift { target: target.clone() }).unwrap();
        let again = world.order(Change::Lift { target });
        assert!(matches!(again, Err(ChangeError::NotRevoked { .. })), "{again:?}");
    }
    assert_eq!(answer(&decide(&gate, &job())), "allow");
}

fn nothing_else_is_refused(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    let other = with(job(), &json!({ "jti": "another" }));
    for target in [
        token_id("https://other.example"),
        token_id(ISSUER),
        token(&job()),
        subject("repo:acme/other:environment:production"),
        subject("repo:acme/infra:environment:staging"),
        key(Some("https://other.example")),
        Target::Issuer { issuer: format!("{ISSUER}/") },
    ] {
        world.order(revoke(target, None)).unwrap();
    }
    assert_eq!(answer(&decide(&gate, &other)), "allow");
}

fn a_subject_is_revoked_in_its_other_shape_too(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    let older = job();
    let immutable = with(job(), &json!({ "sub": IMMUTABLE }));
    for revoked in [
        IMMUTABLE,
        "repo:acme/infra:environment:production",
        "repo:ACME/Infra:environment:production",
    ] {
        world.order(revoke(subject(revoked), None)).unwrap();
        for claims in [&older, &immutable] {
            assert_eq!(refusal(&gate, claims).0, "revoked.subject", "{revoked}");
        }
        world.order(Change::Lift { target: subject(revoked) }).unwrap();
    }
}

fn a_revocation_holds_until_its_end_and_no_longer(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    world.order(revoke(token_id(ISSUER), Some(NOW + 60))).unwrap();
    let token = SIGNER.sign(&job());
    let at = |now| {
        answer(&gate.decide(Token::new(&token), &Request::default(), &FixedClock(now)))
    };
    assert_eq!(at(NOW + 59), "revoked.token");
    assert_eq!(at(NOW + 60), "allow");
    let (code, message) = refusal(&gate, &job());
    assert_eq!(code, "revoked.token");
    assert!(message.contains("by alice, until 2026-11-23T10:01:00Z: a test"), "{message}");
    let ended = world.order(revoke(token_id(ISSUER), Some(NOW)));
    assert!(matches!(ended, Err(ChangeError::Ended { .. })), "{ended:?}");
}

fn what_another_connection_revokes_is_refused_at_once(world: &World) {
    let keeper = Keeper::new(world.asking(), "deploy");
    let gate = gate_with(&NAMES_ALONE, ceiling()).with_commit(keeper);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    assert_eq!(answer(&decide(&gate, &job())), "allow", "from memory");
    let order = claimbound::ledger::Order {
        change: revoke(token_id(ISSUER), None),
        by: "alice".to_owned(),
        at: NOW,
        reason: "a test".to_owned(),
    };
    world.again().apply(&order, claimbound::ledger::Run::Real).unwrap();
    assert_eq!(refusal(&gate, &job()).0, "revoked.token");
}

fn a_revoked_token_enrols_nobody(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    world.order(revoke(token_id(ISSUER), None)).unwrap();
    assert_eq!(refusal(&gate, &job()).0, "revoked.token");
    let mut entries = 0;
    world.ledger.entries(|_| entries += 1).unwrap();
    assert_eq!(entries, 0);
}
}
