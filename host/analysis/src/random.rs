//! Policies for tests: of one agent, and random ones over three claims, with every
//! token over a few values of them.

use std::fmt::Write as _;

use claimbound_language::engine::Decision;
use claimbound_language::{Compiled, Example as Token, compile};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A policy that trusts an agent, with more to say of it.
pub(crate) fn agent(more: &str) -> Compiled {
    let text = format!(
        r#"claimbound = 1
policy = {{ name = "one", version = "1.0.0" }}
[issuer.mesh]
model = "spiffe"
url = "https://mesh.acme.example"
[trust.agent]
issuer = "mesh"
audience = "https://deploy.acme.example"
token_lifetime = "1h"
subject = "spiffe://acme.example/ci/agent"
{more}
"#
    );
    compile("policy.toml", &text).unwrap_or_else(|error| panic!("{more}: {error}"))
}

pub(crate) const CLAIMS: [&str; 3] = ["x", "y", "z"];

const CONDITIONS: [&str; 12] = [
    r#""a""#,
    "1",
    "true",
    r#"["a", "b", 1]"#,
    r#"{ none_of = ["a"] }"#,
    "{ none_of = [1] }",
    r#"{ glob = "a*" }"#,
    "{ at_least = 1 }",
    "{ present = true }",
    "{ absent = true }",
    r#"{ contains = "a" }"#,
    r#"{ attribute = "who" }"#,
];

/// What may stand at a claim.
pub(crate) fn values() -> Vec<Option<Json>> {
    let some = [
        json!("a"),
        json!("b"),
        json!("ab"),
        json!(1),
        json!(true),
        json!(["a"]),
    ];
    let mut all: Vec<Option<Json>> = some.into_iter().map(Some).collect();
    all.push(None);
    all
}

/// One statement: whether it trusts, and what it asks of each claim; a number is
/// the place of another claim that is to be the same.
pub(crate) type Written = (bool, [Option<Result<&'static str, usize>>; 3]);

pub(crate) fn written() -> impl Strategy<Value = Written> {
    let condition = prop_oneof![
        4 => prop::sample::select(&CONDITIONS[..]).prop_map(Ok),
        1 => (1..3_usize).prop_map(Err),
    ];
    let asked = prop::option::weighted(0.6, condition);
    (prop::bool::weighted(0.7), prop::array::uniform3(asked))
}

pub(crate) fn policy(statements: &[Written]) -> Compiled {
    let mut text = r#"claimbound = 1
policy = { name = "one", version = "1.0.0" }
[issuer.mesh]
model = "spiffe"
url = "https://mesh.acme.example"
"#
    .to_owned();
    for (number, (trusts, asked)) in statements.iter().enumerate() {
        let kind = if *trusts { "trust" } else { "forbid" };
        let _ = writeln!(text, "[{kind}.s{number}]\nissuer = \"mesh\"");
        if *trusts {
            text += r#"audience = "https://deploy.acme.example"
token_lifetime = "1h"
subject = "spiffe://acme.example/ci/agent"
"#;
        }
        let _ = writeln!(text, "[{kind}.s{number}.claims]");
        for (place, condition) in asked.iter().enumerate() {
            let claim = CLAIMS[place];
            let _ = match condition {
                None => Ok(()),
                Some(Ok(condition)) => writeln!(text, "{claim} = {condition}"),
                Some(Err(further)) => {
                    let other = CLAIMS[(place + further) % 3];
                    writeln!(text, "{claim} = {{ same_as = [\"{other}\"] }}")
                }
            };
        }
    }
    compile("policy.toml", &text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// A token that lacks all of the claims.
pub(crate) fn plain() -> Token {
    policy(&[(true, [None; 3])]).example("s0").unwrap()
}

/// Who accepts a token.
pub(crate) fn accepted_by(compiled: &Compiled, token: &Token) -> Option<String> {
    let verdict = compiled.decide(&token.claims, &token.key, &token.request);
    match verdict.unwrap().decision {
        Decision::Allow { statement, .. } => Some(statement),
        Decision::Deny { .. } => None,
    }
}

/// The token with these claims, and an attribute.
pub(crate) fn token(plain: &Token, claims: [Option<&Json>; 3], who: Option<&str>) -> Token {
    let mut token = plain.clone();
    for (claim, value) in CLAIMS.into_iter().zip(claims) {
        if let Some(value) = value {
            token.claims.insert(claim.to_owned(), value.clone());
        }
    }
    let attributes = who.map(|who| ("who".to_owned(), who.to_owned()));
    token.request.attributes.extend(attributes);
    token
}

/// Every token over the values.
pub(crate) fn tokens() -> Vec<Token> {
    let (plain, values) = (plain(), values());
    let mut tokens = Vec::new();
    for x in &values {
        for y in &values {
            for z in &values {
                for who in [None, Some("a")] {
                    tokens.push(token(&plain, [x.as_ref(), y.as_ref(), z.as_ref()], who));
                }
            }
        }
    }
    tokens
}
