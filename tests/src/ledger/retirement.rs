//! Names that are barred for ever, and whoever is behind them.

use claimbound::ledger::{Change, ChangeError};

use super::world::{
    ISSUER, NAMES_ALONE, World, approve, approve_acme, decide, job_of, name, on_each_store,
    refusal, repository,
};
use crate::forge::job;
use crate::gate::answer;

const ASKS: &str = "identity = { first_use = \"enrol\" }";

fn retire(path: &str) -> Change {
    Change::Retire {
        name: name("repository", path),
        id: None,
    }
}

on_each_store! {
fn a_retired_name_is_refused_to_all_for_ever(world: &World) {
    approve_acme(world);
    let gate = world.gate("deploy", &NAMES_ALONE);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    world.order(retire("acme/infra")).unwrap();
    let (code, message) = refusal(&gate, &job());
    assert_eq!(code, "identity.retired");
    assert_eq!(
        message,
        "the repository `acme/infra` was retired for ever by alice on 2026-11-23T10:00:00Z: a \
         test"
    );
    let stranger = job_of("acme/infra", "123456", "5");
    assert_eq!(refusal(&gate, &stranger).0, "identity.retired");
    let again = repository("acme/infra", "5", ("acme", "123456"));
    for replacing in [None, Some("456789".to_owned())] {
        let refused = world.order(Change::Approve { identity: again.clone(), replacing });
        assert!(matches!(refused, Err(ChangeError::State { .. })), "{refused:?}");
    }
    let resumed = world.order(Change::Resume { name: name("repository", "acme/infra") });
    assert!(matches!(resumed, Err(ChangeError::State { .. })), "{resumed:?}");
}

fn a_retired_identity_is_refused_under_every_name(world: &World) {
    approve_acme(world);
    let gate = world.gate_at("deploy", (ISSUER, "github-actions"), ASKS);
    world.order(retire("acme/infra")).unwrap();
    let renamed = job_of("acme/tools", "123456", "456789");
    let (code, message) = refusal(&gate, &renamed);
    assert_eq!(code, "identity.retired");
    assert!(message.contains("`acme/infra`, which this token calls `acme/tools`,"), "{message}");
    let tools = repository("acme/tools", "456789", ("acme", "123456"));
    let refused = world.order(approve(tools));
    assert!(matches!(refused, Err(ChangeError::State { .. })), "{refused:?}");
}

fn a_name_that_nobody_has_seen_can_be_retired(world: &World) {
    world.order(retire("acme/infra")).unwrap();
    let gate = world.gate("lax", &NAMES_ALONE);
    assert_eq!(refusal(&gate, &job()).0, "identity.retired");
}

fn retiring_a_name_that_was_left_bars_nobody_under_the_new_one(world: &World) {
    let lax = world.gate_at("lax", (ISSUER, "github-actions"), ASKS);
    assert!(decide(&lax, &job()).is_allow());
    world.order(Change::Migrate {
        from: name("repository", "acme/infra"),
        to: name("repository", "acme/tools"),
        id: None,
        parent: None,
        children: false,
    }).unwrap();
    world.order(retire("acme/infra")).unwrap();
    let renamed = job_of("acme/tools", "123456", "456789");
    assert_eq!(answer(&decide(&lax, &renamed)), "allow");
    assert_eq!(refusal(&lax, &job()).0, "identity.retired");
}
}
