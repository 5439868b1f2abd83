//! A forge whose names change hands, and a ledger that has to keep up: random
//! histories against a plain reference.
//!
//! `CLAIMBOUND_HISTORIES` multiplies how many histories each test runs, and
//! `CLAIMBOUND_SEED` is the seed of the first; whatever fails names its own.

#[cfg(unix)]
mod crash;
mod crowd;
mod export;
mod forge;
mod history;
mod job;
mod operator;
mod random;
mod reference;
mod route;
mod run;
mod seeded;
mod takeover;

use crate::ledger::world::{World, on_each_store};
use history::{History, Tally};

/// How many steps a history has.
const STEPS: usize = 120;

fn number(variable: &str, otherwise: u64) -> u64 {
    let value = std::env::var(variable).ok();
    value.map_or(otherwise, |value| value.parse().unwrap())
}

/// Seeds of so many histories, or of so many times as many.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let first = number("CLAIMBOUND_SEED", 20_261_123);
    first..first + usual * number("CLAIMBOUND_HISTORIES", 1)
}

on_each_store! {
fn every_answer_of_a_random_history_is_the_references(world: &World) {
    let mut tally = Tally::default();
    for seed in seeds(world.turns(100)) {
        let world = world.another();
        tally.add(&History::new(&world, seed).run(seed, STEPS));
    }
    tally.tell();
    for what in [
        "allow", "identity.reassigned", "identity.renamed", "identity.suspended",
        "identity.retired", "identity.unknown", "token.reused", "token.expired", "proof.invalid",
        "revoked.token", "revoked.subject", "revoked.key", "revoked.issuer", "refused",
        "approve", "suspend", "resume", "retire", "migrate", "forget", "revoke", "lift",
    ] {
        assert!(tally.of(what) > 0, "no {what}: {tally:?}");
    }
}

fn where_an_operator_who_is_never_wrong_approves_no_attacker_is_let_in(world: &World) {
    let mut tally = Tally::default();
    for seed in seeds(world.turns(40)) {
        let world = world.another();
        tally.add(&History::new(&world, seed).honest().run(seed, STEPS));
    }
    tally.tell();
    for what in ["allow", "approve", "migrate", "attacker", "owner", "identity.reassigned"] {
        assert!(tally.of(what) > 0, "no {what}: {tally:?}");
    }
}
}
