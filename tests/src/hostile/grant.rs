//! Grants past what a route allows, and obligations that nobody can meet.

use std::sync::Arc;

use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::{Gate, Judged};
use claimbound::grant::{Ceiling, REGISTERED_CLAIMS};
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::policy::{Policy, Request};
use claimbound::token::Token;
use claimbound::{clock::Clock, danger};
use serde_json::{Value, json};

use super::guest::{Guest, Place, allow};
use super::{AUDIENCE, Asked, TOKEN, Victim, ceiling, load};
use crate::forge::NOW;
use crate::gate::{answer, issuers};

/// What a gate says to a grant: the policy alone may well allow it.
fn decided(victim: &Victim, row: &str, grant: &Value, ceiling: Ceiling) -> &'static str {
    let policy = load(&victim.sandbox, &Guest::honest().deciding(&allow(grant))).unwrap();
    let asked = Asked::with(&policy, ceiling);
    victim.unharmed(row);
    super::told(row, &asked.decided);
    super::told(row, &asked.shown);
    // What is shown holds the ceiling too; only obligations are left open.
    if asked.decided.code() != "host.obligation" {
        assert_eq!(asked.shown.code(), asked.decided.code(), "{row}: {asked:?}");
    }
    asked.decided.code()
}

/// A route that also takes extra claim `tier`.
fn with_tier() -> Ceiling {
    let mut ceiling = ceiling();
    ceiling.claims.insert("tier".to_owned());
    ceiling.scopes.insert("read".to_owned());
    ceiling
}

#[test]
fn nothing_is_granted_past_the_ceiling() {
    let victim = Victim::new();
    for (row, grant, expected) in [
        (
            "what is allowed",
            json!({ "claims": "{\"tier\": 1}", "scopes": ["read"] }),
            "allow",
        ),
        ("no claims", json!({ "claims": " { } " }), "allow"),
        (
            "the longest lifetime",
            json!({ "max-lifetime": 600 }),
            "allow",
        ),
        (
            "a lifetime of nothing",
            json!({ "max-lifetime": 0 }),
            "allow",
        ),
        (
            "a second longer",
            json!({ "max-lifetime": 601 }),
            "host.ceiling",
        ),
        (
            "136 years",
            json!({ "max-lifetime": u32::MAX }),
            "host.ceiling",
        ),
        (
            "another role",
            json!({ "roles": ["deploy", "admin"] }),
            "host.ceiling",
        ),
        (
            "the role in capitals",
            json!({ "roles": ["DEPLOY"] }),
            "host.ceiling",
        ),
        (
            "the role and a space",
            json!({ "roles": ["deploy "] }),
            "host.ceiling",
        ),
        (
            "the role in other letters",
            json!({ "roles": ["deрloy"] }),
            "host.ceiling",
        ),
        (
            "a pattern of roles",
            json!({ "roles": ["*"] }),
            "host.ceiling",
        ),
        (
            "another scope",
            json!({ "scopes": ["read", "write"] }),
            "host.ceiling",
        ),
        (
            "another claim",
            json!({ "claims": "{\"tier\": 1, \"admin\": true}" }),
            "host.ceiling",
        ),
        (
            "a claim without a name",
            json!({ "claims": "{\"\": 1}" }),
            "host.ceiling",
        ),
        (
            "the claim and a NUL",
            json!({ "claims": "{\"tier\\u0000\": 1}" }),
            "host.ceiling",
        ),
        (
            "the claim twice",
            json!({ "claims": "{\"tier\": 1, \"tier\": 2}" }),
            "host.ceiling",
        ),
        (
            "the claim twice, once escaped",
            json!({ "claims": "{\"tier\": 1, \"\\u0074ier\": 2}" }),
            "host.ceiling",
        ),
        (
            "a member twice, inside",
            json!({ "claims": "{\"tier\": {\"a\": 1, \"a\": 2}}" }),
            "host.ceiling",
        ),
        ("no JSON", json!({ "claims": "tier" }), "host.ceiling"),
        ("nothing", json!({ "claims": "" }), "host.ceiling"),
        ("a list", json!({ "claims": "[\"tier\"]" }), "host.ceiling"),
        ("null", json!({ "claims": "null" }), "host.ceiling"),
        (
            "an object and more",
            json!({ "claims": "{\"tier\": 1} {}" }),
            "host.ceiling",
        ),
        (
            "a lone surrogate",
            json!({ "claims": "{\"tier\": \"\\ud800\"}" }),
            "host.ceiling",
        ),
        (
            "deep claims",
            json!({ "claims": deep(100) }),
            "host.ceiling",
        ),
        (
            "very deep claims",
            json!({ "claims": deep(40_000) }),
            "host.ceiling",
        ),
        (
            "large claims",
            json!({ "claims": format!("{{\"tier\": \"{}\"}}", "x".repeat(100_000)) }),
            "host.ceiling",
        ),
        (
            "a number of a thousand digits",
            json!({ "claims": format!("{{\"tier\": {}}}", "9".repeat(1_000)) }),
            "allow",
        ),
        (
            "a number past every exponent",
            json!({ "claims": "{\"tier\": 1e999999999999}" }),
            "allow",
        ),
        (
            "NaN",
            json!({ "claims": "{\"tier\": NaN}" }),
            "host.ceiling",
        ),
        (
            "enrolment",
            json!({ "obligations": [{ "bind": { "first-use": "enrol" } }] }),
            "host.ceiling",
        ),
        (
            "binding without enrolment",
            json!({ "obligations": [{ "bind": { "first-use": "refuse" } }] }),
            "allow",
        ),
    ] {
        let came = decided(&victim, row, &grant, with_tier());
        assert_eq!(came, expected, "{row}");
    }
}

fn deep(levels: usize) -> String {
    format!("{{\"tier\": {}{}}}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn no_registered_claim_is_granted_however_it_is_spelt_and_whatever_the_ceiling() {
    let victim = Victim::new();
    let mut named = ceiling();
    named.claims = REGISTERED_CLAIMS
        .iter()
        .map(|&name| name.to_owned())
        .collect();
    for claim in REGISTERED_CLAIMS {
        let escaped = format!("\\u{:04x}{}", claim.as_bytes()[0], &claim[1..]);
        for name in [claim, escaped.as_str()] {
            let grant = json!({ "claims": format!("{{\"{name}\": 1}}") });
            for ceiling in [named.clone(), danger::no_ceiling()] {
                let came = decided(&victim, name, &grant, ceiling);
                assert_eq!(came, "host.ceiling", "{name}");
            }
        }
        // Names are compared byte for byte; what only looks alike is another.
        for name in [
            claim.to_uppercase(),
            format!("{claim} "),
            format!("{claim}\\u0000"),
        ] {
            let grant = json!({ "claims": format!("{{\"{name}\": 1}}") });
            let came = decided(&victim, &name, &grant, named.clone());
            assert_eq!(came, "host.ceiling", "{name}");
        }
    }
}

/// An obligation of the contract's open case.
fn other(kind: &str) -> Value {
    json!({ "other": { "kind": kind, "json": "{}" } })
}

#[test]
fn an_obligation_is_declared_known_and_what_it_says_it_is() {
    let victim = Victim::new();
    let bind = |first_use: &str| json!({ "bind": { "first-use": first_use } });
    for (row, obligations, expected) in [
        ("one that can be met", json!(["use-once"]), "allow"),
        (
            "one that nobody declared",
            json!([other("hidden")]),
            "host.contract",
        ),
        ("one without a name", json!([other("")]), "host.contract"),
        (
            "one that no host knows",
            json!([other("page-the-boss")]),
            "host.obligation",
        ),
        (
            "proof that no host takes",
            json!([{ "prove": "any" }]),
            "host.obligation",
        ),
        (
            "proof by no method",
            json!([{ "prove": "" }]),
            "host.obligation",
        ),
        // What bears the name of one that the contract has is not it.
        (
            "a bind that is none",
            json!([other("bind")]),
            "host.contract",
        ),
        (
            "a use-once that is none",
            json!([other("use-once")]),
            "host.contract",
        ),
        (
            "a prove that is none",
            json!([other("prove")]),
            "host.contract",
        ),
        (
            "both, one of them none",
            json!(["use-once", other("use-once")]),
            "host.contract",
        ),
        (
            "two that disagree",
            json!([bind("refuse"), bind("enrol")]),
            "host.contract",
        ),
        (
            "one twice",
            json!(["use-once", "use-once"]),
            "host.contract",
        ),
    ] {
        let mut enrolling = ceiling();
        enrolling.enrolment = true;
        let grant = json!({ "obligations": obligations });
        let came = decided(&victim, row, &grant, enrolling);
        assert_eq!(came, expected, "{row}");
    }
}

#[test]
fn an_allow_without_what_the_route_always_demands_is_none() {
    let victim = Victim::new();
    let demanding = |kinds: &[&str]| {
        let mut ceiling = ceiling();
        ceiling.obligations = kinds.iter().map(|&kind| kind.to_owned()).collect();
        ceiling
    };
    for (row, obligations, demanded, expected) in [
        ("nothing demanded", json!([]), demanding(&[]), "allow"),
        (
            "none given",
            json!([]),
            demanding(&["use-once"]),
            "host.obligation",
        ),
        (
            "another given",
            json!(["use-once"]),
            demanding(&["bind"]),
            "host.obligation",
        ),
        (
            "one of two given",
            json!(["use-once"]),
            demanding(&["bind", "use-once"]),
            "host.obligation",
        ),
        (
            "given",
            json!(["use-once"]),
            demanding(&["use-once"]),
            "allow",
        ),
        // The open case never passes for one that the contract names.
        (
            "a likeness given",
            json!([other("use-once")]),
            demanding(&["use-once"]),
            "host.contract",
        ),
    ] {
        let came = decided(
            &victim,
            row,
            &json!({ "obligations": obligations }),
            demanded,
        );
        assert_eq!(came, expected, "{row}");
    }
}

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
struct Later(std::sync::atomic::AtomicBool);

impl Clock for Later {
    fn now(&self) -> u64 {
        let first = !self.0.swap(true, std::sync::atomic::Ordering::Relaxed);
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
        let clock = Later(std::sync::atomic::AtomicBool::new(false));
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
        let clock = Later(std::sync::atomic::AtomicBool::new(false));
        assert_eq!(decided_late(&policy, &clock), expected, "{row}");
        victim.unharmed(row);
    }
}
