//! What analysis says of a policy, held against components and against tokens
//! near what the policy accepts.

use claimbound_analysis::lint::lint;
use claimbound_analysis::{Comparison, Relation, compare, takeovers};
use claimbound_language::{Compiled, Example};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::document::document;
use super::host::{Host, Said};
use super::token::{Plan, Token, bases, plan};
use super::{Tally, compiled, for_all, planned, ready};
use crate::gate::SANDBOX;

/// Steps for each question: enough for most, and soon over for the others.
const STEPS: u64 = 3_000_000;

/// What is done to a document to get another one.
#[derive(Clone, Debug)]
pub(super) enum Rewrite {
    /// Equalities become lists of one, and the last trust stands there twice.
    Respelt,
    /// Some statement is taken out.
    Dropped(Index),
    /// Some condition on a claim is taken out.
    Loosened(Index, Index),
    /// Some trust has the grant of another document's.
    Regranted(Index),
}

fn rewrite() -> impl Strategy<Value = Rewrite> {
    prop_oneof![
        2 => Just(Rewrite::Respelt),
        1 => any::<Index>().prop_map(Rewrite::Dropped),
        2 => any::<(Index, Index)>().prop_map(|(one, other)| Rewrite::Loosened(one, other)),
        1 => any::<Index>().prop_map(Rewrite::Regranted),
    ]
}

impl Rewrite {
    pub(super) fn of(&self, document: &Value, other: &Value) -> Value {
        let mut document = document.clone();
        match self {
            Self::Respelt => respell(&mut document),
            Self::Dropped(index) => {
                let kind = if index.index(3) == 0 {
                    "forbid"
                } else {
                    "trust"
                };
                let statements = document[kind].as_object_mut().unwrap();
                if let Some(name) = some(statements, *index) {
                    statements.remove(&name);
                }
            }
            Self::Loosened(statement, claim) => {
                let trusts = document["trust"].as_object_mut().unwrap();
                let name = some(trusts, *statement).unwrap();
                let claims = trusts[&name]
                    .get_mut("claims")
                    .and_then(Value::as_object_mut);
                if let Some(claims) = claims
                    && let Some(name) = some(claims, *claim)
                {
                    claims.remove(&name);
                }
            }
            Self::Regranted(index) => {
                let trusts = document["trust"].as_object_mut().unwrap();
                let name = some(trusts, *index).unwrap();
                trusts[&name]["grant"] = other["trust"]["trust-0"]["grant"].clone();
            }
        }
        document
    }
}

/// The name of some member.
fn some(members: &Map<String, Value>, index: Index) -> Option<String> {
    (!members.is_empty()).then(|| {
        let names: Vec<&String> = members.keys().collect();
        (*index.get(&names)).clone()
    })
}

fn respell(document: &mut Value) {
    let trusts = document["trust"].as_object_mut().unwrap();
    for statement in trusts.values_mut() {
        let claims = statement.get_mut("claims").and_then(Value::as_object_mut);
        for condition in claims.into_iter().flat_map(Map::values_mut) {
            if condition.is_string() || condition.is_number() || condition.is_boolean() {
                *condition = json!([condition.clone()]);
            }
        }
    }
    let last = trusts.values().next_back().cloned();
    trusts.insert("trust-9".to_owned(), last.unwrap());
}

fn presented(example: &Example) -> Token {
    Token {
        claims: example.claims.clone(),
        key: example.key.clone(),
        request: example.request.clone(),
    }
}

/// The statement that a component accepts a token by.
fn accepted_by(host: &Host, token: &Token) -> Option<String> {
    match host.says(token).0 {
        Said::Allow { statement, .. } => Some(statement),
        Said::Deny(..) => None,
    }
}

/// What a token is granted, whatever the statement is called.
fn granted(policy: &Compiled, token: &Token) -> Option<Said> {
    match super::host::native(policy, token).0 {
        Said::Allow {
            roles,
            scopes,
            claims,
            longest,
            obligations,
            ..
        } => Some(Said::Allow {
            statement: String::new(),
            roles,
            scopes,
            claims,
            longest,
            obligations,
        }),
        Said::Deny(..) => None,
    }
}

/// Two policies, and tokens near what they accept.
pub(super) type Pair = ((Value, Value), Rewrite, Vec<Plan>);

pub(super) fn pairs(tokens: usize) -> impl Strategy<Value = Pair> {
    let documents = (document(), document());
    (documents, rewrite(), prop::collection::vec(plan(), tokens))
}

fn both(((one, other), rewrite, _): &Pair) -> Option<(Compiled, Compiled, Comparison)> {
    let (old, new) = (compiled(one)?, compiled(&rewrite.of(one, other))?);
    let comparison = compare(&old, &new, STEPS);
    Some((old, new, comparison))
}

fn name(relation: Relation) -> &'static str {
    match relation {
        Relation::Equivalent => "equivalent",
        Relation::Narrower => "narrower",
        Relation::Wider => "wider",
        Relation::Different => "different",
        Relation::Unknown => "unknown",
    }
}

#[test]
fn both_components_decide_the_token_of_a_difference_as_it_is_told() {
    let tally = Tally::default();
    for_all(60, &pairs(0), |pair| {
        let Some((old, new, comparison)) = both(&pair) else {
            return Ok(());
        };
        tally.count(name(comparison.relation));
        if comparison.differences.is_empty() {
            return Ok(());
        }
        let (old, new) = (Host::of(&SANDBOX, &old), Host::of(&SANDBOX, &new));
        for difference in &comparison.differences {
            let token = presented(&difference.token);
            prop_assert_eq!(accepted_by(&old, &token), difference.before.clone());
            prop_assert_eq!(accepted_by(&new, &token), difference.after.clone());
            tally.count("told");
        }
        Ok(())
    });
    tally.check("told", 20);
    tally.check("wider", 40);
    tally.check("narrower", 40);
}

#[test]
fn no_token_is_decided_against_what_a_comparison_says() {
    let (relations, tokens) = (Tally::default(), Tally::default());
    for_all(250, &pairs(60), |pair| {
        let Some((old, new, comparison)) = both(&pair) else {
            return Ok(());
        };
        relations.count(name(comparison.relation));
        let near: Vec<_> = [bases(&old), bases(&new)]
            .iter()
            .flat_map(|bases| {
                pair.2
                    .iter()
                    .map(|plan| plan.token(bases))
                    .collect::<Vec<_>>()
            })
            .collect();
        for token in near {
            let (was, is) = (granted(&old, &token), granted(&new, &token));
            let fits = match comparison.relation {
                Relation::Equivalent => was == is,
                Relation::Narrower => was.is_some() || is.is_none(),
                Relation::Wider => was.is_none() || is.is_some(),
                Relation::Different | Relation::Unknown => true,
            };
            prop_assert!(fits, "{:?}: {:#?}", comparison.relation, token);
            if comparison.relation == Relation::Equivalent {
                tokens.count(if was.is_some() { "accepted" } else { "denied" });
            }
        }
        Ok(())
    });
    relations.check("equivalent", 4);
    relations.check("wider", 40);
    relations.check("narrower", 40);
    tokens.check("accepted", 20);
    tokens.check("denied", 2);
}

#[test]
fn a_component_accepts_the_example_of_every_finding() {
    let (tally, known) = (Tally::default(), Tally::default());
    for_all(60, &planned(0), |planned| {
        let Some((policy, _)) = ready(&planned) else {
            return Ok(());
        };
        let findings = lint(&policy, None, STEPS);
        let takeovers = takeovers(&policy, STEPS);
        known.count(if takeovers.is_ok() {
            "followed"
        } else {
            "not followed"
        });
        let takeovers = takeovers.unwrap_or_default();
        let of_findings = findings.iter().filter_map(|finding| {
            Some((
                finding.rule.name,
                finding.statement.as_ref()?,
                finding.example.as_ref()?,
            ))
        });
        let of_takeovers = takeovers.iter();
        let of_takeovers = of_takeovers.map(|one| ("a takeover", &one.statement, &one.token));
        let all: Vec<_> = of_findings.chain(of_takeovers).collect();
        if all.is_empty() {
            return Ok(());
        }
        let host = Host::of(&SANDBOX, &policy);
        for (rule, statement, example) in all {
            let by = accepted_by(&host, &presented(example));
            prop_assert_eq!(by.as_ref(), Some(statement), "{}", rule);
            tally.count(if rule == "a takeover" {
                rule
            } else {
                "a finding"
            });
        }
        Ok(())
    });
    tally.check("a takeover", 20);
    tally.check("a finding", 3);
    known.check("followed", 2);
}
