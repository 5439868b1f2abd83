//! What is seen of a small policy by cases that are known.

use claimbound_language::parse_cases;

use super::*;
use crate::random::agent;

const MORE: &str = r#"
[trust.agent.claims]
x = "a"
y = { at_least = 5 }

[forbid.old]
issuer = "mesh"
claims = { generation = [1, 2] }
"#;

/// What these cases see of it.
fn seen(cases: &str) -> Coverage {
    let compiled = agent(MORE);
    let text = format!("[token.t]\nlike = \"trust.agent\"\n{cases}");
    let cases = parse_cases("cases.toml", &text).unwrap();
    coverage(&compiled, &Tried::of(&cases, &compiled).unwrap()).unwrap()
}

/// Whether a condition was seen to hold, and not to.
fn both(coverage: &Coverage, label: &str) -> (bool, bool) {
    let all = coverage.statements.iter().flat_map(|one| &one.conditions);
    let found = all.into_iter().find(|one| one.label == label).unwrap();
    (found.held, found.failed)
}

const ALLOWED: &str = r#"
[[case]]
name = "an allow"
token = "t"
allow = "agent"
"#;

const DENIED: &str = r#"
[[case]]
name = "another x"
token = "t"
with = { x = "b" }
deny = "claim.mismatch"

[[case]]
name = "no y"
token = "t"
without = ["y"]
deny = "claim.absent"
"#;

const FORBIDDEN: &str = r#"
[[case]]
name = "an old one"
token = "t"
with = { generation = 1 }
deny = "forbidden"

[[case]]
name = "one that does not say"
token = "t"
without = ["generation"]
deny = "forbidden"
"#;

#[test]
fn a_statement_is_covered_by_a_case_that_it_decides() {
    let one = seen(ALLOWED);
    let decided: Vec<_> = one.statements.iter().map(|one| &one.decided).collect();
    assert_eq!(decided, [&Some("an allow".to_owned()), &None]);
    assert_eq!(one.decided(), 1);
    let all = seen(&[ALLOWED, DENIED, FORBIDDEN].concat());
    let last = all.statements.last().unwrap();
    assert_eq!(last.decided.as_deref(), Some("an old one"));
    assert_eq!((all.decided(), last.trusts), (2, false));
    // A denial for want of an allow is no forbid's.
    assert_eq!(seen(DENIED).decided(), 0);
}

#[test]
fn a_condition_is_covered_by_cases_that_see_it_both_ways() {
    let allowed = seen(ALLOWED);
    assert_eq!(both(&allowed, "claims.x"), (true, false));
    assert_eq!(both(&allowed, "claims.generation"), (false, true));
    let denied = seen(DENIED);
    assert_eq!(both(&denied, "claims.x"), (true, true));
    // What can't be told satisfies no trust.
    assert_eq!(both(&denied, "claims.y"), (true, true));
    // And it triggers a forbid.
    let forbidden = seen(FORBIDDEN);
    assert_eq!(both(&forbidden, "claims.generation"), (true, false));
    let all = seen(&[ALLOWED, DENIED, FORBIDDEN].concat());
    assert_eq!(both(&all, "claims.generation"), (true, true));
    let (covered, total) = all.conditions();
    let count = |which: fn(&SeenCondition) -> bool| {
        let all = all.statements.iter().flat_map(|one| &one.conditions);
        all.filter(|one| which(one)).count()
    };
    assert_eq!(covered, count(|one| one.held && one.failed));
    assert_eq!(total, count(|_| true));
    // Nothing was for another audience, and nobody else's.
    assert_eq!(both(&all, "audience"), (true, false));
}
