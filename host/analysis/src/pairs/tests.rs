//! Pairs that are left out have no token in common.

use claimbound_language::compile;

use super::*;
use crate::statement::spoken_of;

const HEAD: &str = r#"
claimbound = 1
policy = { name = "pairs", version = "1.0.0" }
[issuer.mesh]
model = "oidc"
url = "https://mesh.acme.example"
"#;

const TRUST: &str = r#"
issuer = "mesh"
audience = "a"
token_lifetime = "5m"
subject = { glob = "*" }
"#;

/// A policy of a trust for each of these lines, and a forbid for each of those.
fn policy(trusts: &[&str], forbids: &[&str]) -> claimbound_language::Compiled {
    let trusts = trusts.iter().enumerate().map(|(number, claims)| {
        format!("[trust.t{number}]\n{TRUST}[trust.t{number}.claims]\n{claims}\n")
    });
    let forbids = forbids.iter().enumerate().map(|(number, claims)| {
        format!("[forbid.f{number}]\nissuer = \"mesh\"\n[forbid.f{number}.claims]\n{claims}\n")
    });
    let statements: String = trusts.chain(forbids).collect();
    compile("pairs", &format!("{HEAD}{statements}")).unwrap_or_else(|error| panic!("{error}"))
}

fn pairs(trusts: &[&str], forbids: &[&str]) -> Vec<Vec<usize>> {
    let compiled = policy(trusts, forbids);
    let statements = &compiled.program.statements;
    let pairs = Pairs::of(statements.iter());
    let with = |place| pairs.with(place, &Budget::default()).unwrap();
    (0..statements.len()).map(with).collect()
}

#[test]
fn statements_that_ask_for_other_texts_are_apart() {
    let found = pairs(
        &["x = \"a\"", "x = [\"b\", \"c\"]", "x = \"c\"", "y = \"a\""],
        &[],
    );
    assert_eq!(found, [vec![3], vec![2, 3], vec![1, 3], vec![0, 1, 2]]);
}

#[test]
fn forbids_are_apart_from_trusts_alone() {
    let found = pairs(&["x = \"a\""], &["x = \"b\"", "x = \"a\"", "x = \"c\""]);
    assert_eq!(found, [vec![2], vec![2, 3], vec![0, 1, 3], vec![1, 2]]);
}

#[test]
fn what_is_not_a_text_alone_keeps_nobody_apart() {
    let found = pairs(
        &["x = [\"a\", 5]", "x = \"b\"", "x = { glob = \"c\" }"],
        &[],
    );
    assert_eq!(found, [vec![1, 2], vec![0, 2], vec![0, 1]]);
}

#[test]
fn no_token_is_of_two_that_are_apart() {
    let values = [
        "x = \"a\"",
        "x = \"A\"",
        "x = [\"a\", \"b\"]",
        "x = [\"b\", 5]",
        "x = { none_of = [\"a\"] }",
        "x = true",
        "y = \"a\"\nx = \"b\"",
    ];
    let compiled = policy(&values, &values);
    let budget = Budget::default();
    let spoken = spoken_of(&compiled.program, "https://mesh.acme.example", &budget).unwrap();
    let pairs = Pairs::of(spoken.iter().map(|(statement, _)| *statement));
    for (place, (_, region)) in spoken.iter().enumerate() {
        let with = pairs.with(place, &budget).unwrap();
        for (other, (_, another)) in spoken.iter().enumerate() {
            if other != place && !with.contains(&other) {
                let both = region.and(another, &budget).unwrap();
                assert!(both.is_empty(), "{place} and {other}");
            }
        }
    }
}
