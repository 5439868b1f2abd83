//! First uses, and what they bind.

use claimbound::obligation::Bound;
use claimbound::outcome::Outcome;
use serde_json::json;

use super::world::{
    NAMES_ALONE, World, approve, decide, on_each_store, owner, refusal, repository,
};
use crate::forge::{job, with};
use crate::gate::answer;

on_each_store! {
fn the_first_identity_that_uses_a_name_keeps_it(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    let Outcome::Allow(allowed) = decide(&gate, &job()) else {
        panic!("the first use is enrolled");
    };
    let enrolled = vec!["owner acme".to_owned(), "repository acme/infra".to_owned()];
    assert_eq!(allowed.bound, Some(Bound::Enrolled(enrolled)));
    let Outcome::Allow(allowed) = decide(&gate, &job()) else {
        panic!("the second use is known");
    };
    assert_eq!(allowed.bound, Some(Bound::Known));
    let stranger = json!({ "repository_id": "888888", "repository_owner_id": "999999" });
    let (code, message) = refusal(&gate, &with(job(), &stranger));
    assert_eq!(code, "identity.reassigned");
    assert_eq!(
        message,
        "the owner `acme` is bound to id `123456` since 2026-11-23T10:00:00Z (enrolled by route \
         `deploy`, statement `deploy`), and this token carries id `999999`: somebody else holds \
         the name; only if you know them, `subject approve --replacing` hands it over"
    );
}

fn what_a_lax_route_enrolled_blocks_nobody_whom_an_operator_approves(world: &World) {
    let gate = world.gate("lax", &NAMES_ALONE);
    let stranger = with(
        job(),
        &json!({ "repository_id": "888888", "repository_owner_id": "999999" }),
    );
    assert!(decide(&gate, &stranger).is_allow());
    assert_eq!(answer(&decide(&gate, &job())), "identity.reassigned");
    world.order(approve(owner("acme", "123456"))).unwrap();
    world
        .order(approve(repository(
            "acme/infra",
            "456789",
            ("acme", "123456"),
        )))
        .unwrap();
    assert!(decide(&gate, &job()).is_allow());
    assert_eq!(answer(&decide(&gate, &stranger)), "identity.reassigned");
}
}
