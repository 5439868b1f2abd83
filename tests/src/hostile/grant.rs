//! Grants past what a route allows, and obligations that nobody can meet.

use claimbound::danger;
use claimbound::grant::{Ceiling, REGISTERED_CLAIMS};
use serde_json::{Value, json};

use super::guest::{Guest, allow};
use super::{Asked, Victim, ceiling, load};

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

/// The token ends 290 seconds after it is decided.
#[test]
fn a_grant_without_a_lifetime_lasts_as_long_as_its_token() {
    let victim = Victim::new();
    for (row, grant, longest, expected) in [
        ("as long as it may", json!({}), Some(290), "allow"),
        ("a second longer", json!({}), Some(289), "host.ceiling"),
        (
            "a lifetime of its own",
            json!({ "max-lifetime": 289 }),
            Some(289),
            "allow",
        ),
        ("any lifetime allowed", json!({}), None, "allow"),
    ] {
        let ceiling = Ceiling {
            longest_lifetime: longest,
            ..ceiling()
        };
        assert_eq!(decided(&victim, row, &grant, ceiling), expected, "{row}");
    }
}

#[test]
fn extra_claims_are_an_object_of_those_that_the_ceiling_names() {
    let victim = Victim::new();
    let large = format!("{{\"tier\": \"{}\"}}", "x".repeat(100_000));
    let digits = format!("{{\"tier\": {}}}", "9".repeat(1_000));
    let (deep, deeper) = (deep(100), deep(40_000));
    for (row, claims, expected) in [
        (
            "another claim",
            "{\"tier\": 1, \"admin\": true}",
            "host.ceiling",
        ),
        ("a claim without a name", "{\"\": 1}", "host.ceiling"),
        (
            "the claim and a NUL",
            "{\"tier\\u0000\": 1}",
            "host.ceiling",
        ),
        (
            "the claim twice",
            "{\"tier\": 1, \"tier\": 2}",
            "host.ceiling",
        ),
        (
            "the claim twice, once escaped",
            "{\"tier\": 1, \"\\u0074ier\": 2}",
            "host.ceiling",
        ),
        (
            "a member twice, inside",
            "{\"tier\": {\"a\": 1, \"a\": 2}}",
            "host.ceiling",
        ),
        ("no JSON", "tier", "host.ceiling"),
        ("nothing", "", "host.ceiling"),
        ("a list", "[\"tier\"]", "host.ceiling"),
        ("null", "null", "host.ceiling"),
        ("an object and more", "{\"tier\": 1} {}", "host.ceiling"),
        (
            "a lone surrogate",
            "{\"tier\": \"\\ud800\"}",
            "host.ceiling",
        ),
        ("deep claims", deep.as_str(), "host.ceiling"),
        ("very deep claims", deeper.as_str(), "host.ceiling"),
        ("large claims", large.as_str(), "host.ceiling"),
        ("a number of a thousand digits", digits.as_str(), "allow"),
        (
            "a number past every exponent",
            "{\"tier\": 1e999999999999}",
            "allow",
        ),
        ("NaN", "{\"tier\": NaN}", "host.ceiling"),
    ] {
        let came = decided(&victim, row, &json!({ "claims": claims }), with_tier());
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
            "host.contract",
        ),
        (
            "proof by a method in capitals",
            json!([{ "prove": "DPoP" }]),
            "host.contract",
        ),
        (
            "proof by a method that no message holds",
            json!([{ "prove": "x".repeat(100_000) }]),
            "host.contract",
        ),
        (
            "proof by a method that clears the screen",
            json!([{ "prove": "\u{1b}[2J" }]),
            "host.contract",
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
            "host.ceiling",
        ),
        (
            "another given",
            json!(["use-once"]),
            demanding(&["bind"]),
            "host.ceiling",
        ),
        (
            "one of two given",
            json!(["use-once"]),
            demanding(&["bind", "use-once"]),
            "host.ceiling",
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
