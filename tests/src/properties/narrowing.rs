//! What adds a demand never lets more in, and what nobody asks for changes
//! nothing.

use claimbound_engine::Decision;
use claimbound_language::Compiled;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::addition::{Addition, addition};
use super::agreement::native;
use super::document::{forbid, trust};
use super::host::Host;
use super::token::{Plan, Token, bases, plan};
use super::world::WORLDS;
use super::{Tally, compiled, for_all, planned, ready};
use crate::gate::SANDBOX;

/// The statement that accepts the token, if one does.
fn accepting(compiled: &Compiled, token: &Token) -> Option<String> {
    match native(compiled, token) {
        Decision::Allow { statement, .. } => Some(statement),
        Decision::Deny { .. } => None,
    }
}

/// A claim that no document asks for, and no model reads.
fn unrelated() -> impl Strategy<Value = (String, Value)> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!({ "sub": "x", "aud": ["y"], "team": null })),
        Just(json!(["acme", 1, {}])),
    ];
    ("zz[a-z.:/-]{0,9}", value)
}

/// The members with another in front, or at the end, in their order or not.
fn rearranged(
    claims: &Map<String, Value>,
    one: (String, Value),
    front: bool,
) -> Map<String, Value> {
    let mut members: Vec<_> = claims.clone().into_iter().collect();
    if front {
        members.insert(0, one);
    } else {
        members.push(one);
    }
    members.into_iter().collect()
}

#[test]
fn a_claim_that_nobody_asks_for_changes_nothing() {
    let unrelated = (unrelated(), any::<bool>());
    for_all(40, &(planned(20), unrelated), |(planned, (one, front))| {
        let Some((compiled, tokens)) = ready(&planned) else {
            return Ok(());
        };
        for token in tokens {
            let mut more = token.clone();
            more.claims = rearranged(&token.claims, one.clone(), front);
            prop_assert_eq!(
                native(&compiled, &token),
                native(&compiled, &more),
                "{:#?}",
                more
            );
        }
        Ok(())
    });
}

#[test]
fn a_claim_that_nobody_asks_for_changes_nothing_in_the_sandbox() {
    let unrelated = (unrelated(), any::<bool>());
    for_all(6, &(planned(20), unrelated), |(planned, (one, front))| {
        let Some((compiled, tokens)) = ready(&planned) else {
            return Ok(());
        };
        let host = Host::of(&SANDBOX, &compiled);
        for token in tokens {
            let mut more = token.clone();
            more.claims = rearranged(&token.claims, one.clone(), front);
            prop_assert_eq!(host.says(&token), host.says(&more), "{:#?}", more);
        }
        Ok(())
    });
}

#[test]
fn the_order_of_claims_does_not_matter() {
    for_all(40, &planned(20), |planned| {
        let Some((compiled, tokens)) = ready(&planned) else {
            return Ok(());
        };
        for token in tokens {
            let mut turned = token.clone();
            turned.claims = token.claims.clone().into_iter().rev().collect();
            let (one, other) = (native(&compiled, &token), native(&compiled, &turned));
            // Of several registered claims that are wrong, the first is told of.
            let told = |decision: &Decision| match decision {
                Decision::Deny { reasons, .. } => reasons.iter().any(|one| one.statement.is_some()),
                Decision::Allow { .. } => true,
            };
            if told(&one) || told(&other) {
                prop_assert_eq!(one, other, "{:#?}", turned);
            }
        }
        Ok(())
    });
}

/// A document of one trust statement.
fn alone(statement: &Value) -> Value {
    let world = WORLDS
        .iter()
        .find(|world| statement["issuer"] == world.alias)
        .unwrap();
    json!({
        "claimbound": 1,
        "policy": { "name": "alone", "version": "1.0.0" },
        "issuer": { world.alias: { "model": world.model, "url": world.url } },
        "trust": { "only": statement },
    })
}

fn worlds() -> impl Strategy<Value = usize> {
    0..WORLDS.len()
}

fn narrowed() -> impl Strategy<Value = (Value, Vec<Addition>, Vec<Plan>)> {
    worlds().prop_flat_map(|at| {
        (
            trust(at),
            prop::collection::vec(addition(at), 1..=2),
            prop::collection::vec(plan(), 40),
        )
    })
}

#[test]
fn a_demand_that_is_added_to_a_trust_never_makes_it_match_more() {
    let tally = Tally::default();
    for_all(150, &narrowed(), |(statement, additions, plans)| {
        let mut stricter = statement.clone();
        for addition in &additions {
            addition.apply(&mut stricter);
        }
        let (Some(before), Some(after)) =
            (compiled(&alone(&statement)), compiled(&alone(&stricter)))
        else {
            return Ok(());
        };
        let (near, nearer) = (bases(&before), bases(&after));
        for (number, plan) in plans.iter().enumerate() {
            let token = plan.token(if number % 2 == 0 { &near } else { &nearer });
            let now = accepting(&after, &token).is_some();
            let once = accepting(&before, &token).is_some();
            tally.count(match (once, now) {
                (true, true) => "still accepted",
                (true, false) => "no more accepted",
                (false, _) => "never accepted",
            });
            prop_assert!(
                once || !now,
                "{:#}\n{:#}\n{:#?}",
                statement,
                stricter,
                token
            );
        }
        Ok(())
    });
    tally.check("still accepted", 20);
    tally.check("no more accepted", 40);
}

#[test]
fn a_forbid_that_is_added_never_lets_more_in() {
    let added = worlds().prop_flat_map(|at| (Just(at), forbid(at)));
    let tally = Tally::default();
    for_all(80, &(planned(40), added), |(planned, (at, forbid))| {
        let Some((before, tokens)) = ready(&planned) else {
            return Ok(());
        };
        let mut document = planned.0.clone();
        let world = &WORLDS[at];
        document["issuer"][world.alias] = json!({ "model": world.model, "url": world.url });
        document["forbid"]["added"] = forbid;
        let Some(after) = compiled(&document) else {
            return Ok(());
        };
        for token in tokens {
            let (once, now) = (accepting(&before, &token), accepting(&after, &token));
            tally.count(match (&once, &now) {
                (Some(_), Some(_)) => "still accepted",
                (Some(_), None) => "no more accepted",
                (None, _) => "never accepted",
            });
            prop_assert!(now.is_none() || now == once, "{:#}\n{:#?}", document, token);
        }
        Ok(())
    });
    tally.check("still accepted", 20);
    tally.check("no more accepted", 100);
}

#[test]
fn the_order_of_statements_says_which_one_answers_and_never_whether() {
    let tally = Tally::default();
    for_all(60, &(planned(40), any::<Index>()), |(planned, first)| {
        let (mut document, plans) = planned;
        // What one statement accepts another one may accept as well.
        document["trust"]["again"] = document["trust"]["trust-0"].clone();
        let Some((before, tokens)) = ready(&(document.clone(), plans)) else {
            return Ok(());
        };
        for kind in ["trust", "forbid"] {
            let statements = document[kind].as_object_mut().unwrap();
            let mut all: Vec<_> = std::mem::take(statements).into_iter().collect();
            if !all.is_empty() {
                let middle = first.index(all.len());
                all.rotate_left(middle);
                all.reverse();
            }
            statements.extend(all);
        }
        let after = compiled(&document).unwrap();
        for token in tokens {
            let (one, other) = (accepting(&before, &token), accepting(&after, &token));
            tally.count(match (&one, &other) {
                (Some(one), Some(other)) if one != other => "by another",
                (Some(_), Some(_)) => "by the same",
                (None, _) | (_, None) => "by none",
            });
            prop_assert_eq!(
                one.is_some(),
                other.is_some(),
                "{:#}\n{:#?}",
                document,
                token
            );
        }
        Ok(())
    });
    tally.check("by the same", 20);
    tally.check("by another", 100);
}

/// Moments from before anything until after everything.
fn moments() -> impl Strategy<Value = Vec<u64>> {
    let near = select(vec![
        1_795_428_000_u64,
        1_795_428_295,
        1_796_083_200,
        1_814_306_400,
    ]);
    let moment = prop_oneof![
        3 => (near, 0..1000_u64).prop_map(|(moment, more)| moment + more - 500),
        1 => 0..3_000_000_000_u64,
        1 => Just(u64::MAX),
    ];
    prop::collection::vec(moment, 4)
}

#[test]
fn what_has_expired_stays_expired() {
    let expired = |decision: &Decision| match decision {
        Decision::Deny { reasons, .. } => reasons.iter().any(|one| one.code == "token.expired"),
        Decision::Allow { .. } => false,
    };
    let tally = Tally::default();
    for_all(60, &(planned(20), moments()), |(planned, mut moments)| {
        let Some((compiled, tokens)) = ready(&planned) else {
            return Ok(());
        };
        moments.sort_unstable();
        for token in tokens {
            let exp = token.claims.get("exp").and_then(Value::as_u64);
            let mut over = false;
            let own = (
                token.request.now,
                exp.unwrap_or(0).saturating_sub(1),
                exp.unwrap_or(0),
            );
            let mut moments = moments.clone();
            moments.extend([own.0, own.1, own.2]);
            moments.sort_unstable();
            for now in moments {
                let decision = native(&compiled, &token.at(now));
                if let Decision::Allow { statement, .. } = &decision {
                    tally.count("accepted");
                    prop_assert!(
                        !over,
                        "accepted at {}, and expired before: {:#?}",
                        now,
                        token
                    );
                    let end = ends(&planned.0["trust"][statement]);
                    prop_assert!(end.is_none_or(|end| now < end), "{} {:#?}", now, token);
                    prop_assert!(exp.is_none_or(|exp| now < exp), "{} {:#?}", now, token);
                }
                over |= expired(&decision) || exp.is_some_and(|exp| exp <= now);
            }
            tally.count(if over { "expired" } else { "never expired" });
        }
        Ok(())
    });
    tally.check("accepted", 20);
    tally.check("expired", 20);
}

/// When a statement ends, by `expires` or by its window.
fn ends(statement: &Value) -> Option<u64> {
    let moment = |value: &Value| {
        let moment: jiff::Timestamp = value.as_str()?.parse().unwrap();
        u64::try_from(moment.as_second()).ok()
    };
    let ends = [&statement["expires"], &statement["window"]["until"]];
    ends.into_iter().filter_map(moment).min()
}
