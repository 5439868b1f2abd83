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

/// Where a guest that is asked typed and one that is asked packed find the time.
const ASKED: [(Place, &str); 2] = [
    (Place::Evaluate, "i64.load offset={now} (local.get $input)"),
    // The first two marks: the low 32 bits, then the high ones.
    (Place::Packed, "i64.load (local.get $marks)"),
];

/// Does this from the second after [`NOW`] on, asked typed or packed.
fn changing(first: &Value, (place, now): (Place, &str), deed: &str) -> Guest {
    let code = format!("(if (i64.gt_u ({now}) (i64.const {NOW})) (then {deed}))");
    let guest = Guest::honest()
        .deciding(&allow(first))
        .running(place, &code);
    if place == Place::Packed {
        return guest.packing(&json!({ "ok": allow(first) }));
    }
    guest
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
        for asked in ASKED {
            let guest = changing(&first, asked, "(return {other})");
            let guest = guest.with_other(&allow(&changed(&changes)));
            let policy = load(&victim.sandbox, &guest).unwrap();
            let clock = Later(AtomicBool::new(false));
            assert_eq!(decided_late(&policy, &clock), expected, "{row}");
            assert_eq!(decided_late(&policy, &FixedClock(NOW)), "allow", "{row}");
            victim.unharmed(row);
        }
    }
}

#[test]
fn a_guest_that_falls_silent_once_the_obligations_are_met_does_not_allow() {
    let victim = Victim::new();
    for (row, deed, expected) in [
        ("traps", "unreachable", "host.trap"),
        ("spins", "(loop $on (br $on))", "host.deadline"),
    ] {
        for asked in ASKED {
            let guest = changing(&json!({}), asked, deed);
            let policy = load(&victim.sandbox, &guest).unwrap();
            let clock = Later(AtomicBool::new(false));
            assert_eq!(decided_late(&policy, &clock), expected, "{row}");
            victim.unharmed(row);
        }
    }
}
