//! Which mutants a condition has.

use super::*;
use crate::random::agent;

/// The changes of the mutants of one condition.
fn changes(more: &str, label: &str) -> Vec<String> {
    let compiled = agent(more);
    let all = mutants(&compiled.program).filter(|one| one.condition.as_deref() == Some(label));
    all.map(|one| one.change.to_string()).collect()
}

/// The same of what a trust asks of the claim `x`.
fn of_claim(condition: &str) -> Vec<String> {
    changes(
        &format!("[trust.agent.claims]\nx = {condition}"),
        "claims.x",
    )
}

#[test]
fn a_trust_asks_for_less() {
    for (condition, expected) in [
        (r#""a""#, &["dropped", "takes any value"][..]),
        (r#"["a", 1]"#, &["dropped", "takes any value"]),
        (
            r#"{ none_of = ["a", 1] }"#,
            &["dropped", "takes any value", "without `a`", "without `1`"],
        ),
        (r#"{ none_of = ["a"] }"#, &["dropped", "takes any value"]),
        (
            r#"{ glob = "a*" }"#,
            &["dropped", "takes any value", "takes any text"],
        ),
        (
            "{ at_least = 5 }",
            &["dropped", "takes any value", "bounded by 4"],
        ),
        (
            "{ at_most = 5 }",
            &["dropped", "takes any value", "bounded by 6"],
        ),
        ("{ at_most = 5.5 }", &["dropped", "takes any value"]),
        (r#"{ contains = "a" }"#, &["dropped", "takes any value"]),
        (
            r#"{ all_of = ["a", "b"] }"#,
            &["dropped", "takes any value", "without `a`", "without `b`"],
        ),
        ("{ present = true }", &["dropped"]),
        ("{ absent = true }", &["dropped"]),
        (r#"{ same_as = "y" }"#, &["dropped", "takes any value"]),
        (r#"{ attribute = "y" }"#, &["dropped", "takes any value"]),
    ] {
        assert_eq!(of_claim(condition), expected, "{condition}");
    }
}

#[test]
fn what_every_token_has_is_not_loosened_to_any_value() {
    for (label, expected) in [
        ("subject", &["dropped"][..]),
        ("audience", &["dropped"]),
        ("shared_audience", &["dropped"]),
        ("token_lifetime", &["dropped", "bounded by 3601 s"]),
        ("max_age", &["dropped", "bounded by 61 s"]),
        (
            "expires",
            // All time has no beginning.
            &["dropped", "open a second later"],
        ),
    ] {
        let more = "max_age = \"1m\"\nexpires = 2027-01-01T00:00:00Z";
        assert_eq!(changes(more, label), expected, "{label}");
    }
    let once = "window = { from = 2026-11-23T00:00:00Z, until = 2026-11-24T00:00:00Z }";
    assert_eq!(
        changes(once, "window"),
        ["dropped", "open a second earlier", "open a second later"]
    );
}

/// When the mutants of weekly hours are open, in seconds after Monday's midnight.
fn is_open(weekly: &Weekly, second: i64) -> bool {
    let (day, time) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let on = |day: i64| {
        weekly
            .days
            .contains(u8::try_from(day.rem_euclid(7)).unwrap())
    };
    let (opens, closes) = (i64::from(weekly.opens), i64::from(weekly.closes));
    if opens < closes {
        on(day) && (opens..closes).contains(&time)
    } else {
        on(day) && time >= opens || on(day - 1) && time < closes
    }
}

#[test]
fn hours_are_opened_and_never_closed() {
    let seen = |days: u8, opens: u32, closes: u32| {
        let weekly = Weekly {
            days: Days(days),
            opens,
            closes,
            offsets: Vec::new(),
            horizon: 0,
        };
        let mutants = hours(&weekly);
        for (change, test) in &mutants {
            let Test::Weekly(other) = test else { panic!() };
            let week = 0..7 * 86_400;
            let (mut more, mut less) = (0, 0);
            for second in week {
                match (is_open(&weekly, second), is_open(other, second)) {
                    (false, true) => more += 1,
                    (true, false) => less += 1,
                    (true, true) | (false, false) => {}
                }
            }
            assert!(more > 0 && less == 0, "{change} {days} {opens} {closes}");
        }
        let changes = mutants.iter().map(|(change, _)| change.kind());
        changes.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        seen(0b1_1111, 28_800, 64_800),
        "any-day any-hour earlier later"
    );
    assert_eq!(
        seen(0b1_1111, 79_200, 7_200),
        "any-day any-hour earlier later"
    );
    // A day's beginning and end are another day's.
    assert_eq!(seen(1, 0, 3_600), "any-day any-hour later");
    assert_eq!(seen(1, 3_600, 86_400), "any-day any-hour earlier later");
    assert_eq!(seen(1, 3_600, 3_600), "any-day");
    assert_eq!(seen(1, 0, 86_400), "any-day");
    assert_eq!(seen(0x7f, 0, 86_400), "");
}

#[test]
fn a_forbid_forbids_less_or_is_gone() {
    let forbid = |condition: &str| {
        let more = format!("[forbid.some]\nissuer = \"mesh\"\nclaims = {{ x = {condition} }}");
        let compiled = agent(&more);
        let all = mutants(&compiled.program).filter(|one| one.statement == "some");
        let all = all.map(|one| (one.condition.is_some(), one.change.to_string()));
        let all: Vec<_> = all.collect();
        let (first, rest) = all.split_first().unwrap();
        assert_eq!(first, &(false, "dropped".to_owned()));
        assert_eq!(rest[0], (true, "dropped".to_owned()));
        let rest = rest[1..].iter();
        rest.map(|(_, change)| change.clone()).collect::<Vec<_>>()
    };
    for (condition, expected) in [
        (r#""a""#, &["forbids only what is there"][..]),
        (
            r#"["a", "b"]"#,
            &["without `a`", "without `b`", "forbids only what is there"],
        ),
        (
            r#"{ glob = "a*" }"#,
            &["forbids `a` alone", "forbids only what is there"],
        ),
        (
            "{ at_least = 5 }",
            &["bounded by 6", "forbids only what is there"],
        ),
        (
            "{ at_most = 5 }",
            &["bounded by 4", "forbids only what is there"],
        ),
        ("{ present = true }", &[]),
    ] {
        assert_eq!(forbid(condition), expected, "{condition}");
    }
}
