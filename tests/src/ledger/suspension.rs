//! Names that are barred until an operator says otherwise.

use claimbound::ledger::Change;

use super::world::{
    ISSUER, NAMES_ALONE, World, approve_acme, decide, job_of, name, on_each_store, refusal,
};
use crate::forge::job;
use crate::gate::answer;

const ENROL: &str = "identity = { first_use = \"enrol\" }";

fn suspend(id: Option<&str>) -> Change {
    Change::Suspend {
        name: name("repository", "acme/infra"),
        id: id.map(str::to_owned),
    }
}

fn resume() -> Change {
    Change::Resume {
        name: name("repository", "acme/infra"),
    }
}

on_each_store! {
fn a_suspension_holds_on_every_route_until_it_is_lifted(world: &World) {
    approve_acme(world);
    let gates = [world.gate("one", &NAMES_ALONE), world.gate("two", &NAMES_ALONE)];
    world.order(suspend(None)).unwrap();
    for gate in &gates {
        let (code, message) = refusal(gate, &job());
        assert_eq!(code, "identity.suspended");
        assert_eq!(
            message,
            "the repository `acme/infra` is suspended until `subject resume`, by alice since \
             2026-11-23T10:00:00Z: a test"
        );
    }
    world.order(resume()).unwrap();
    assert_eq!(answer(&decide(&gates[0], &job())), "allow");
    let stranger = job_of("acme/infra", "123456", "5");
    let stays = refusal(&gates[0], &stranger);
    assert_eq!(stays.0, "identity.reassigned", "it is approved again");
}

fn a_suspended_identity_is_refused_under_another_name(world: &World) {
    let gate = world.gate_at("lax", (ISSUER, "github-actions"), ENROL);
    let renamed = job_of("acme/tools", "123456", "456789");
    world.order(suspend(Some("456789"))).unwrap();
    assert_eq!(refusal(&gate, &renamed).0, "identity.suspended");
    world.order(resume()).unwrap();
    assert_eq!(answer(&decide(&gate, &renamed)), "allow");
}

fn what_was_suspended_unapproved_is_unapproved_when_it_is_resumed(world: &World) {
    world.order(suspend(None)).unwrap();
    world.order(resume()).unwrap();
    assert!(world.ledger.find(&name("repository", "acme/infra")).unwrap().is_empty());
}

fn a_suspension_goes_along_with_a_rename(world: &World) {
    approve_acme(world);
    world.order(suspend(None)).unwrap();
    world.order(Change::Migrate {
        from: name("repository", "acme/infra"),
        to: name("repository", "acme/tools"),
        id: None,
        parent: None,
        children: false,
    }).unwrap();
    let gate = world.gate_at("lax", (ISSUER, "github-actions"), ENROL);
    for path in ["acme/infra", "acme/tools"] {
        assert_eq!(refusal(&gate, &job_of(path, "123456", "456789")).0, "identity.suspended");
    }
}
}
