//! For whom an enrolment holds: for its route and statement, and nobody else.

use serde_json::json;

use super::world::{
    ISSUER, NAMES_ALONE, World, approve_acme, decide, job_of, name, on_each_store, refusal,
};
use crate::forge::{job, with};
use crate::gate::answer;

const GITHUB: (&str, &str) = (ISSUER, "github-actions");
const REFUSE: &str = "identity = { first_use = \"refuse\" }";

on_each_store! {
fn what_a_lax_route_enrolled_opens_no_strict_one(world: &World) {
    let lax = world.gate("lax", &NAMES_ALONE);
    let strict = world.gate_at("strict", GITHUB, REFUSE);
    assert!(decide(&lax, &job()).is_allow());
    let known = decide(&lax, &job());
    assert!(known.is_allow(), "and is remembered: {known:?}");
    let (code, message) = refusal(&strict, &job());
    assert_eq!(code, "identity.unknown");
    assert_eq!(
        message,
        "nobody has approved the owner `acme` with id `123456`, and a first use does not enrol it; \
         it was seen with id `123456` since 2026-11-23T10:00:00Z (enrolled by route `lax`, \
         statement `deploy`), which is no approval here; `subject approve` does"
    );
    approve_acme(world);
    assert_eq!(answer(&decide(&strict, &job())), "allow");
}

fn what_a_lax_route_enrolled_blocks_the_true_owner_nowhere_else(world: &World) {
    let stranger = job_of("acme/infra", "999999", "888888");
    assert!(decide(&world.gate("lax", &NAMES_ALONE), &stranger).is_allow());
    let other = world.gate("other", &NAMES_ALONE);
    assert_eq!(answer(&decide(&other, &job())), "allow");
    assert_eq!(refusal(&other, &stranger).0, "identity.reassigned");
}

fn another_statement_of_the_same_route_is_somebody_else(world: &World) {
    assert!(decide(&world.gate("one", &NAMES_ALONE), &job()).is_allow());
    let other = world.gate_at("one", GITHUB, REFUSE);
    assert_eq!(refusal(&other, &job()).0, "identity.unknown");
}

fn where_one_name_is_refused_no_other_is_enrolled(world: &World) {
    let enrol = "identity = { first_use = \"enrol\" }";
    let once = format!("single_use = true\n{enrol}");
    let mut known = 0;
    for (route, asks) in [("lax", enrol), ("once", &once)] {
        let gate = world.gate_at(route, GITHUB, asks);
        assert!(decide(&gate, &job()).is_allow());
        known += 2;
        // The owner is known, under another id; the repository is new.
        let other = with(job_of("acme/new", "999999", "5"), &json!({ "jti": "another" }));
        assert_eq!(refusal(&gate, &other).0, "identity.reassigned");
        let new = name("repository", "acme/new");
        assert!(world.ledger.find(&new).unwrap().is_empty());
        let mut events = 0;
        world.ledger.history(None, |_| events += 1).unwrap();
        assert_eq!(events, known, "the first job's owner and repository");
    }
}

fn each_enrolment_is_told_in_history(world: &World) {
    assert!(decide(&world.gate("lax", &NAMES_ALONE), &job()).is_allow());
    let mut told = Vec::new();
    world.ledger.history(None, |event| {
        let name = event.name.unwrap().name;
        told.push(format!("{} {} {} {name}", event.at, event.by, event.action));
    }).unwrap();
    let by = "route `lax`, statement `deploy`";
    let now = crate::forge::NOW;
    assert_eq!(told, [
        format!("{now} {by} enrol acme"),
        format!("{now} {by} enrol acme/infra"),
    ]);
}
}
