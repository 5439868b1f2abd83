//! The cases of small policies, by their names.

use claimbound_language::{compile, parse_cases};

use super::*;
use crate::random::agent;

/// The cases of a policy, which its own case file has as well; each by its name, and
/// whether it allows.
fn made(compiled: &Compiled) -> Vec<(String, bool)> {
    let boundary = boundary(compiled, |_, _| ());
    let text = boundary.case_file(compiled);
    let cases = parse_cases("cases.toml", &text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    cases.check(compiled).unwrap();
    let read = Tried::of(&cases, compiled).unwrap();
    let pairs: Vec<(&Tried, &Tried)> = boundary.cases().zip(&read).collect();
    assert_eq!(pairs.len(), boundary.cases().count());
    assert_eq!(pairs.len(), read.len());
    for (made, read) in pairs {
        assert_eq!((&made.name, &made.token), (&read.name, &read.token));
        assert!(read.passes(compiled), "{read:?}");
    }
    let allows = |one: &Tried| matches!(one.expected, Expected::Allow { .. });
    read.iter()
        .map(|one| (one.name.clone(), allows(one)))
        .collect()
}

/// The edges of what a trust asks of the claim `x`, by what is said of them.
fn of_claim(condition: &str) -> Vec<String> {
    edges(
        &format!("[trust.agent.claims]\nx = {condition}"),
        "claims.x",
    )
}

/// The edges of one condition of a trust, by what is said of them.
fn edges(more: &str, label: &str) -> Vec<String> {
    let made = made(&agent(more)).into_iter();
    let own = made.filter_map(|(name, allows)| {
        let edge = name.strip_prefix(&format!("agent: {label}, just "))?;
        assert_eq!(edge.starts_with("inside"), allows, "{name}");
        Some(edge.to_owned())
    });
    own.collect()
}

#[test]
fn a_claim_has_a_near_miss_of_each_kind() {
    for (condition, expected) in [
        (r#""ab""#, &["outside: aB", "outside: absent"][..]),
        (
            r#"["ab", "aB", 7]"#,
            // The first is the token of which every condition holds, or is its like.
            &["inside: aB", "inside: 7", "outside: Ab", "outside: absent"],
        ),
        ("7", &["outside: 8", "outside: absent"]),
        ("true", &["outside: false", "outside: absent"]),
        (
            r#"{ none_of = ["ab"] }"#,
            &["outside: ab", "inside: aB", "outside: absent"],
        ),
        (
            r#"{ regex = "[a-b]{2,3}" }"#,
            &["outside: aA", "outside: absent"],
        ),
        (r#"{ glob = "a*" }"#, &["outside: A", "outside: absent"]),
        (
            "{ at_least = 5 }",
            &["inside: 5", "outside: 4", "outside: absent"],
        ),
        (
            "{ at_most = 5 }",
            &["inside: 5", "outside: 6", "outside: absent"],
        ),
        (
            r#"{ all_of = ["a", "b"] }"#,
            &[
                r#"outside: ["A","b"]"#,
                r#"outside: ["B","a"]"#,
                "outside: absent",
            ],
        ),
        ("{ present = true }", &["outside: absent"]),
        ("{ absent = true }", &["outside: a"]),
        (
            r#"{ attribute = "who" }"#,
            &[
                "outside: a, another attribute",
                "outside: a, no attribute",
                "outside: absent",
            ],
        ),
    ] {
        assert_eq!(of_claim(condition), expected, "{condition}");
    }
}

#[test]
fn times_are_tried_at_the_second() {
    let more = r#"max_age = "1m"
expires = 2027-01-01T00:00:00Z
window = { days = ["mon", "tue"], hours = "08:00-18:00", time_zone = "Europe/Berlin" }"#;
    for (label, expected) in [
        ("token_lifetime", &["inside: 3600 s", "outside: 3601 s"][..]),
        ("max_age", &["inside: 60 s", "outside: 61 s"]),
        (
            "window",
            &[
                "outside: 2026-11-24T06:59:59Z",
                "inside: 2026-11-24T07:00:00Z",
                "inside: 2026-11-23T16:59:59Z",
                "outside: 2026-11-23T17:00:00Z",
            ],
        ),
    ] {
        assert_eq!(edges(more, label), expected, "{label}");
    }
    // New Year's night is no working time: of the end there is no case.
    assert_eq!(edges(more, "expires"), [""; 0]);
    let left_out = boundary(&agent(more), |_, _| ()).left_out;
    let sides = left_out
        .iter()
        .map(|one| (one.condition.as_str(), one.is_inside));
    assert_eq!(
        sides.collect::<Vec<_>>(),
        [("expires", true), ("expires", false)]
    );
}

#[test]
fn an_old_token_is_tried_before_it_expires() {
    // As tokens usually are, it would have expired before it is too old.
    assert_eq!(
        edges("max_age = \"30m\"", "max_age"),
        ["inside: 1800 s", "outside: 1801 s"]
    );
}

#[test]
fn subjects_and_audiences_are_what_an_issuer_could_sign() {
    let plain = made(&agent(""));
    let names: Vec<&str> = plain.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "agent: every condition holds",
            "agent: subject, just outside: spiffe://acme.example/ci/agenT",
            "agent: audience, just outside: https://deploy.acme.examplE",
            "agent: shared_audience, just outside: two audiences",
            "agent: token_lifetime, just inside: 3600 s",
            "agent: token_lifetime, just outside: 3601 s",
        ]
    );
    let forge = compile(
        "policy.toml",
        r#"claimbound = 1
policy = { name = "deploy", version = "1.0.0" }
[issuer.github]
model = "github-actions"
[trust.main]
issuer = "github"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
key = { at_least_bits = 3072, algorithms = ["RS256"] }
[trust.main.subject]
repository = { name = "acme/infra", id = "456789" }
environment = "production"
[trust.main.identity]
first_use = "refuse"
"#,
    );
    let forge = forge.unwrap_or_else(|error| panic!("{error}"));
    let made = made(&forge);
    let has = |edge: &str, allows: bool| {
        let name = format!("main: {edge}");
        assert!(made.contains(&(name, allows)), "{edge}: {made:#?}");
    };
    has("subject.environment, just outside: productioN", false);
    has("subject.repository.id, just outside: 4567898", false);
    has("subject form, just inside: immutable-environment", true);
    has("key.at_least_bits, just outside: 3071 bits", false);
}

#[test]
fn what_others_decide_is_no_edge() {
    // Another `x` would be let in by the second statement; who is old is forbidden.
    let more = r#"
[trust.agent.claims]
x = "a"
y = { at_least = 5 }
[trust.other]
issuer = "mesh"
audience = "https://deploy.acme.example"
token_lifetime = "1h"
subject = "spiffe://acme.example/ci/agent"
claims = { x = { none_of = ["a"] } }
[forbid.low]
issuer = "mesh"
claims = { y = { at_most = 4.5 } }
"#;
    let compiled = agent(more);
    let found = boundary(&compiled, |_, _| ());
    let outside = |label: &str| {
        let start = format!("agent: {label}, just outside");
        let own = found.cases().filter(|one| one.name.starts_with(&start));
        own.map(|one| one.name.clone()).collect::<Vec<_>>()
    };
    // Another text is the other statement's; what is no text is nobody's.
    assert_eq!(
        outside("claims.x"),
        ["1", "absent"].map(|value| format!("agent: claims.x, just outside: {value}"))
    );
    // A whole `y` next to the bound is forbidden, and so is none.
    let near = outside("claims.y");
    assert_eq!(near.len(), 1, "{near:?}");
    let value = near[0].rsplit(' ').next().unwrap();
    let value: f64 = value.parse().unwrap();
    assert!(value > 4.5 && value < 5.0, "{near:?}");
    assert_eq!(made(&compiled).len(), found.cases().count());
}
