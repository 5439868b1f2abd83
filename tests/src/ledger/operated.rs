//! What an operator does, in words and by the program, and what is only tried.

use std::process::Command;
use std::sync::Arc;

use claimbound::ledger::{Change, ChangeError, Keeper, Order, Run};
use claimbound::outcome::Outcome;
use claimbound::token::Token;

use super::server::Role;
use super::world::{NAMES_ALONE, World, approve, decide, name, on_each_store, owner, repository};
use crate::forge::{NOW, job};
use crate::gate::{SIGNER, answer, ceiling, gate_with};
use crate::program::program;

/// Runs the program on the ledger; it has to succeed.
fn said(world: &World, role: Role, words: &[&str]) -> String {
    let output = Command::new(program())
        .args(words)
        .args(["--ledger", &world.link(role)])
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

fn exported(world: &World) -> String {
    let mut lines = Vec::new();
    world.ledger.export(&mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

fn order(change: Change) -> Order {
    Order {
        change,
        by: "alice".to_owned(),
        at: NOW,
        reason: "a test".to_owned(),
    }
}

on_each_store! {
fn the_program_says_what_an_operator_says(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    assert!(decide(&gate, &job()).is_allow());
    let suspend = ["subject", "suspend", "repository", "acme/infra", "--by", "a", "--reason", "x"];
    let before = exported(world);
    let tried = said(world, Role::Operator, &[&suspend[..], &["--dry-run"]].concat());
    assert!(tried.starts_with("would suspend"), "{tried}");
    assert_eq!(exported(world), before);
    said(world, Role::Operator, &suspend);
    let shown = said(world, Role::Operator, &["subject", "list", "--state", "suspended"]);
    assert!(shown.contains("acme/infra"), "{shown}");
    assert_eq!(said(world, Role::Operator, &["subject", "export"]), exported(world));
    let made = said(world, Role::Owner, &["subject", "init"]);
    assert!(made.starts_with("✓ there already"), "{made}");
}

fn a_dry_keeper_answers_as_a_real_one_and_writes_nothing(world: &World) {
    let keeper = || Keeper::new(Arc::clone(&world.ledger), "deploy");
    let dry = gate_with(&NAMES_ALONE, ceiling()).with_commit(keeper().dry());
    let before = exported(world);
    let outcome = decide(&dry, &job());
    let Outcome::Allow(allowed) = &outcome else {
        panic!("{outcome:?}");
    };
    assert!(allowed.bound.is_none() && !allowed.spent);
    let assumed = "ledger: would enrol repository acme/infra as 456789";
    assert!(allowed.assumed.iter().any(|one| one == assumed), "{allowed:?}");
    assert_eq!(exported(world), before);
    let real = world.gate("deploy", &NAMES_ALONE);
    assert!(decide(&real, &job()).is_allow());
    let outcome = decide(&dry, &job());
    let Outcome::Allow(allowed) = &outcome else {
        panic!("{outcome:?}");
    };
    assert!(allowed.assumed.is_empty() && allowed.bound.is_some());
    world.order(Change::Suspend { name: name("owner", "acme"), id: None }).unwrap();
    assert_eq!(answer(&decide(&dry, &job())), "identity.suspended");
}

fn several_changes_are_made_all_or_none(world: &World) {
    let acme = order(approve(owner("acme", "123456")));
    let infra = order(approve(repository("acme/infra", "456789", ("acme", "123456"))));
    let other = order(approve(owner("acme", "9")));
    let before = exported(world);
    let refused = world.ledger.apply_all(&[acme.clone(), infra.clone(), other], Run::Real);
    assert!(matches!(refused, Err(ChangeError::Held { .. })), "{refused:?}");
    assert_eq!(exported(world), before);
    let effects = world.ledger.apply_all(&[acme, infra], Run::Real).unwrap();
    assert_eq!(effects.len(), 2);
}

fn what_a_route_enrolled_can_be_replaced_by_its_id(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    assert!(decide(&gate, &job()).is_allow());
    let replacing = |id: &str| Change::Approve {
        identity: owner("acme", "9"),
        replacing: Some(id.to_owned()),
    };
    let refused = world.order(replacing("8"));
    assert!(matches!(refused, Err(ChangeError::NotHeld { .. })), "{refused:?}");
    world.order(replacing("123456")).unwrap();
    assert_eq!(answer(&decide(&gate, &job())), "identity.reassigned");
}
}

#[test]
fn a_token_has_one_digest_whoever_verified_it() {
    let token = SIGNER.sign(&job());
    let gate = gate_with(&NAMES_ALONE, ceiling());
    let verified = gate.verify(Token::new(&token), NOW).unwrap();
    let decoded = Token::new(&token).decode(&claimbound::json::Limits::TOKEN);
    assert_eq!(decoded.unwrap().digest(), verified.digest());
}
