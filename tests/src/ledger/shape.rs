//! A forge that begins to write ids into its subjects.

use serde_json::{Value, json};

use super::world::{NAMES_ALONE, World, decide, on_each_store, refusal};
use crate::forge::{job, with};
use crate::gate::answer;

fn immutable(owner_id: &str, id: &str) -> Value {
    let subject = format!("repo:acme@{owner_id}/infra@{id}:environment:production");
    with(job(), &json!({ "sub": subject }))
}

on_each_store! {
fn the_immutable_shape_is_no_rename_and_no_outage(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    let mut before = Vec::new();
    world.ledger.entries(|entry| before.push(entry)).unwrap();
    assert_eq!(answer(&decide(&gate, &immutable("123456", "456789"))), "allow");
    assert_eq!(answer(&decide(&gate, &job())), "allow", "and back");
    let mut after = Vec::new();
    world.ledger.entries(|entry| after.push(entry)).unwrap();
    assert_eq!(before, after);
}

fn ids_in_the_subject_are_those_of_the_claims(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    for (owner_id, id) in [("1", "456789"), ("123456", "1"), ("456789", "123456")] {
        let claims = immutable(owner_id, id);
        assert_eq!(refusal(&gate, &claims).0, "subject.drift", "{claims}");
    }
}
}
