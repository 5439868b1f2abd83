//! Revocation: at once here, soon everywhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use claimbound::gate::Gate;
use claimbound::ledger::{Change, Keeper, Ledger, Target};

use super::process::{Process, say, task, wait};
use super::server::until;
use super::world::{ISSUER, NAMES_ALONE, World, decide, on_each_store, open};
use crate::forge::job;
use crate::gate::{answer, ceiling, gate_with};

/// Longest time that a test waits for what takes a second at most: it says that
/// it comes, not how fast this machine is today.
const SOON: Duration = Duration::from_secs(20);

fn gate(ledger: &Arc<Ledger>) -> Gate {
    gate_with(&NAMES_ALONE, ceiling()).with_commit(Keeper::new(Arc::clone(ledger), "deploy"))
}

fn revoke(target: Target) -> Change {
    Change::Revoke {
        target,
        until: None,
    }
}

fn issuer() -> Target {
    Target::Issuer {
        issuer: ISSUER.to_owned(),
    }
}

on_each_store! {
fn what_is_revoked_is_denied_at_once_in_the_same_process(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    for _ in 0..20 {
        assert!(decide(&gate, &job()).is_allow());
        world.order(revoke(issuer())).unwrap();
        assert_eq!(answer(&decide(&gate, &job())), "revoked.issuer");
        world.order(Change::Lift { target: issuer() }).unwrap();
    }
    assert!(decide(&gate, &job()).is_allow());
}

fn what_is_revoked_is_denied_by_another_replica_soon(world: &World) {
    let replica = world.again();
    let gate = gate(&replica);
    assert!(decide(&gate, &job()).is_allow());
    world.order(revoke(issuer())).unwrap();
    assert!(until(SOON, || answer(&decide(&gate, &job())) == "revoked.issuer"));
    world.order(Change::Lift { target: issuer() }).unwrap();
    assert!(until(SOON, || decide(&gate, &job()).is_allow()));
}

fn what_is_revoked_is_denied_by_another_process_soon(world: &World) {
    let mut other = Process::start("revoked::another_process", &[&world.address()]);
    assert_eq!(other.hear(), "allowed");
    let mut took = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        world.order(revoke(issuer())).unwrap();
        assert_eq!(other.hear(), "denied");
        took.push(start.elapsed());
        world.order(Change::Lift { target: issuer() }).unwrap();
        assert_eq!(other.hear(), "allowed");
    }
    report(&took);
    assert!(took.iter().all(|took| *took < SOON), "{took:?}");
}
}

#[expect(clippy::print_stderr, reason = "what was measured")]
fn report(took: &[Duration]) {
    eprintln!("from the order to the first denial in another process: {took:?}");
}

/// What the test above starts: says what comes of one token whenever it changes.
#[test]
fn another_process() {
    let Some(task) = task() else { return };
    let ledger = open(&task[0]);
    let gate = gate(&ledger);
    for round in 0..11 {
        let expected = if round % 2 == 0 {
            "allow"
        } else {
            "revoked.issuer"
        };
        assert!(until(SOON, || answer(&decide(&gate, &job())) == expected));
        say(if expected == "allow" {
            "allowed"
        } else {
            "denied"
        });
    }
    wait();
}
