//! Guests that change their mind while obligations are met.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use claimbound::clock::{Clock, FixedClock};
use claimbound::floor::Floor;
use claimbound::gate::{Gate, Judged};
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::policy::{Policy, Request};
use claimbound::token::Token;
use serde_json::{Value, json};

use super::guest::{Guest, Place, allow};
use super::{AUDIENCE, TOKEN, Victim, ceiling, load};
use crate::forge::NOW;
use crate::gate::{answer, issuers};

/// A store that takes every obligation, and a clock that stands still until it
/// has: what a guest then says differs by the time that it is told.
struct Taking;

impl Commit for Taking {
    fn can_meet(&self, _: &Obligation) -> bool {
        true
    }

    fn commit(&self, _: &Judged) -> Result<Committed, CommitError> {
        Ok(Committed::default())
    }
}

/// `NOW` when it is asked first, and a minute later ever after.
struct Later(AtomicBool);

impl Clock for Later {
    fn now(&self) -> u64 {
        let first = !self.0.swap(true, Ordering::Relaxed);
        if first { NOW } else { NOW + 60 }
    }
}

/// Answers `later` from the second after [`NOW`] on.
fn changing(first: &Value, later: &Value) -> Guest {
    let code = format!(
        "(if (i64.gt_u (i64.load offset={{now}} (local.get $input)) (i64.const {NOW}))
           (then (return {{other}})))"
    );
    Guest::honest()
        .deciding(&allow(first))
        .with_other(&allow(later))
        .running(Place::Evaluate, &code)
}

fn decided_late(policy: &Arc<Policy>, clock: &dyn Clock) -> String {
    let gate = Gate::new(
        issuers(),
        Floor::new(AUDIENCE).unwrap(),
        Arc::clone(policy),
        ceiling(),
    )
    .with_commit(Taking);
    let token = Token::new(TOKEN.as_str());
    answer(&gate.decide(token, &Request::default(), clock))
}

#[test]
fn what_no_longer_holds_once_the_obligations_are_met_is_not_granted() {
    let victim = Victim::new();
    let first = json!({ "obligations": ["use-once"], "max-lifetime": 300 });
    let changed = |changes: &Value| {
        let mut later = first.clone();
        for (name, value) in changes.as_object().unwrap() {
            later[name] = value.clone();
        }
        later
    };
    for (row, changes, expected) in [
        ("the same", json!({}), "allow"),
        (
            "a lifetime that ends as before",
            json!({ "max-lifetime": 240 }),
            "allow",
        ),
        ("a longer lifetime", json!({ "max-lifetime": 600 }), "allow"),
        (
            "a lifetime that ends sooner",
            json!({ "max-lifetime": 239 }),
            "host.deadline",
        ),
        ("no role", json!({ "roles": [] }), "host.deadline"),
        (
            "another role",
            json!({ "roles": ["read"] }),
            "host.deadline",
        ),
        (
            "another scope",
            json!({ "scopes": ["read"] }),
            "host.deadline",
        ),
        ("a claim", json!({ "claims": "{}" }), "host.deadline"),
        (
            "one more obligation",
            json!({ "obligations": ["use-once", { "prove": "any" }] }),
            "host.deadline",
        ),
        ("no obligation", json!({ "obligations": [] }), "allow"),
    ] {
        let policy = load(&victim.sandbox, &changing(&first, &changed(&changes))).unwrap();
        let clock = Later(AtomicBool::new(false));
        assert_eq!(decided_late(&policy, &clock), expected, "{row}");
        assert_eq!(decided_late(&policy, &FixedClock(NOW)), "allow", "{row}");
        victim.unharmed(row);
    }
}

#[test]
fn a_guest_that_falls_silent_once_the_obligations_are_met_does_not_allow() {
    let victim = Victim::new();
    let at_first = format!(
        "(if (i64.gt_u (i64.load offset={{now}} (local.get $input)) (i64.const {NOW})) (then"
    );
    for (row, deed, expected) in [
        ("traps", "unreachable", "host.trap"),
        ("spins", "(loop $on (br $on))", "host.deadline"),
    ] {
        let guest = Guest::honest().running(Place::Evaluate, &format!("{at_first} {deed}))"));
        let policy = load(&victim.sandbox, &guest).unwrap();
        let clock = Later(AtomicBool::new(false));
        assert_eq!(decided_late(&policy, &clock), expected, "{row}");
        victim.unharmed(row);
    }
}
