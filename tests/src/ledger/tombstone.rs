//! Names that were left, and what it takes to get one.

use claimbound::ledger::{Change, ChangeError};

use super::world::{
    NAMES_ALONE, World, approve, approve_acme, decide, job_of, name, on_each_store, refusal,
    repository,
};
use crate::gate::answer;

fn leave(world: &World) {
    world
        .order(Change::Migrate {
            from: name("repository", "acme/infra"),
            to: name("repository", "acme/tools"),
            id: None,
            parent: None,
            children: false,
        })
        .unwrap();
}

on_each_store! {
fn a_name_that_was_left_is_barred_to_all_others_on_every_route(world: &World) {
    approve_acme(world);
    leave(world);
    let stranger = job_of("acme/infra", "123456", "888888");
    for route in ["one", "two"] {
        let (code, message) = refusal(&world.gate(route, &NAMES_ALONE), &stranger);
        assert_eq!(code, "identity.reassigned");
        assert_eq!(
            message,
            "the repository `acme/infra` was left behind when id `456789` moved to `acme/tools` \
             on 2026-11-23T10:00:00Z (by alice), and this token carries id `888888`: the name \
             stays barred to all others; only if you know them, `subject approve --replacing` \
             hands it over"
        );
    }
}

fn what_routes_alone_have_seen_leaves_a_tombstone_too(world: &World) {
    let lax = world.gate("lax", &NAMES_ALONE);
    assert!(decide(&lax, &crate::forge::job()).is_allow());
    leave(world);
    let stranger = job_of("acme/infra", "123456", "888888");
    let other = world.gate("other", &NAMES_ALONE);
    assert_eq!(refusal(&other, &stranger).0, "identity.reassigned");
}

fn a_tombstone_is_not_forgotten_and_is_handed_over_on_purpose_alone(world: &World) {
    approve_acme(world);
    leave(world);
    let gate = world.gate("lax", &NAMES_ALONE);
    let forgotten = world.order(Change::Forget {
        name: name("repository", "acme/infra"),
        route: String::new(),
        statement: String::new(),
    });
    assert!(forgotten.is_err(), "{forgotten:?}");
    let stranger = job_of("acme/infra", "123456", "888888");
    assert_eq!(refusal(&gate, &stranger).0, "identity.reassigned");
    let identity = repository("acme/infra", "888888", ("acme", "123456"));
    let refused = world.order(approve(identity.clone()));
    assert!(matches!(refused, Err(ChangeError::Held { .. })), "{refused:?}");
    let mistaken = world.order(Change::Approve {
        identity: identity.clone(),
        replacing: Some("5".to_owned()),
    });
    assert!(matches!(mistaken, Err(ChangeError::NotHeld { .. })), "{mistaken:?}");
    world.order(Change::Approve { identity, replacing: Some("456789".to_owned()) }).unwrap();
    assert_eq!(answer(&decide(&gate, &stranger)), "allow");
}
}
