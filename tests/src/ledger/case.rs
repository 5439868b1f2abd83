//! Names whose letters a forge does not tell apart by case.

use claimbound::ledger::Change;

use super::world::{
    ISSUER, World, approve, decide, job_of, name, on_each_store, owner, refusal, repository,
};
use crate::gate::answer;

on_each_store! {
fn a_name_in_other_letters_is_the_same_name(world: &World) {
    let gate = world.gate_at(
        "lax",
        (ISSUER, "github-actions"),
        "identity = { first_use = \"enrol\" }",
    );
    let acme = job_of("Acme/Infra", "123456", "456789");
    assert_eq!(answer(&decide(&gate, &acme)), "allow");
    let same = job_of("aCME/inFRA", "123456", "456789");
    assert_eq!(answer(&decide(&gate, &same)), "allow");
    let stranger = job_of("acme/infra", "9", "8");
    let (code, message) = refusal(&gate, &stranger);
    assert_eq!(code, "identity.reassigned");
    assert!(message.contains("the owner `acme` is bound to id `123456`"), "{message}");
    let known = world.ledger.find(&name("repository", "ACME/INFRA")).unwrap();
    assert_eq!(known[0].name.name, "acme/infra");
    assert_eq!(known[0].spelling, "Acme/Infra", "as it was first said");
}

fn an_operator_may_write_a_name_in_any_letters(world: &World) {
    world.order(approve(owner("ACME", "123456"))).unwrap();
    world.order(approve(repository("Acme/INFRA", "456789", ("acme", "123456")))).unwrap();
    let strict = world.gate_at(
        "strict",
        (ISSUER, "github-actions"),
        "identity = { first_use = \"refuse\" }",
    );
    let job = job_of("acme/Infra", "123456", "456789");
    assert_eq!(answer(&decide(&strict, &job)), "allow");
    world.order(Change::Suspend { name: name("repository", "ACME/infra"), id: None }).unwrap();
    assert_eq!(refusal(&strict, &job).0, "identity.suspended");
}
}
