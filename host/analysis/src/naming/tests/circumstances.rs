//! When a token is presented and whom it is for, against all that there can be.

use std::collections::BTreeSet;

use claimbound_language::DecodedClaims;
use serde_json::json;

use super::*;
use crate::lists::Lists;
use crate::numbers::Numbers;
use crate::random::agent;

/// A token of an agent in the block, as what its claims say.
fn agent_in(blocks: &[Block]) -> Option<claimbound_language::Example> {
    let compiled = agent("");
    let (issuer, budget) = (&compiled.issuers[0], Budget::default());
    let all = blocks.iter().try_fold(Block::default(), |all, block| {
        all.and(block, &budget).unwrap()
    });
    let region = Region::of(all.into_iter().collect());
    let found = example(&region, &issuer.url, &issuer.model, &budget).unwrap()?;
    let token = token(&found, &issuer.url, &issuer.model).unwrap();
    let subject = token.claims["sub"].as_str().unwrap();
    let claims = DecodedClaims(&token.claims);
    issuer
        .model
        .identify(&issuer.url, subject, &claims)
        .unwrap();
    Some(token)
}

fn is(variable: Variable, number: u64) -> Block {
    let one = Numbers::one(&number.to_string()).unwrap();
    Block::of(variable, Values::of_numbers(one))
}

#[test]
fn a_token_that_has_expired_is_none() {
    for (age, lifetime) in (0..4).flat_map(|age| (0..5).map(move |lifetime| (age, lifetime))) {
        let blocks = [is(Variable::Age, age), is(Variable::Lifetime, lifetime)];
        let token = agent_in(&blocks);
        // With clocks that differ, what is issued in the future has no age.
        let is_alive = lifetime > age || (age, lifetime) == (0, 0);
        assert_eq!(token.is_some(), is_alive, "{age} {lifetime}");
        let Some(token) = token else { continue };
        let date = |name: &str| token.claims[name].as_u64().unwrap();
        let (now, issued, ends) = (token.request.now, date("iat"), date("exp"));
        assert!(now < ends, "{age} {lifetime}");
        assert_eq!(
            (now.saturating_sub(issued), ends.saturating_sub(issued)),
            (age, lifetime)
        );
    }
}

#[test]
fn a_token_is_alive_at_any_time_that_a_date_can_name() {
    for (now, age, is_there) in [
        (5, 5, true),
        (4, 5, false),
        (0, 0, true),
        (253_402_300_798, 0, true),
        (253_402_300_799, 0, false),
    ] {
        let blocks = [is(Variable::Now, now), is(Variable::Age, age)];
        assert_eq!(agent_in(&blocks).is_some(), is_there, "{now} {age}");
    }
    let lacking = Values::none().or_absent();
    let undated = Block::of(Variable::Age, lacking);
    let token = agent_in(std::slice::from_ref(&undated)).unwrap();
    assert_eq!(token.claims.get("iat"), None);
    assert!(agent_in(&[undated, is(Variable::Lifetime, 5)]).is_none());
}

/// Every list of at most two of these, as sets, and who asks.
fn audiences() -> Vec<(BTreeSet<&'static str>, &'static str)> {
    let names = ["a", "b", "c"];
    let mut all = Vec::new();
    for one in names {
        for other in names {
            for route in names {
                all.push((BTreeSet::from([one, other]), route));
            }
        }
    }
    all
}

#[test]
fn a_token_is_for_the_audience_that_asks_among_others_or_alone() {
    let budget = Budget::default();
    let texts = |texts: &[&str]| Values::of_texts(Texts::of(texts, false, &budget).unwrap());
    for has in [&[][..], &["a"], &["b"], &["a", "b"]] {
        for lacks in [&[][..], &["a"], &["b"], &["c"]] {
            for routes in [&["a"][..], &["b"], &["a", "c"]] {
                for (no, yes) in [(true, false), (false, true), (true, true)] {
                    let mut lists = Lists::with_all(has);
                    for lacked in lacks {
                        lists = lists.minus(&Lists::with_all([lacked]), &budget).unwrap();
                    }
                    let can_be = |(list, route): &(BTreeSet<&str>, &str)| {
                        let is_sole = list.len() == 1;
                        has.iter().all(|one| list.contains(one))
                            && !lacks.iter().any(|one| list.contains(one))
                            && list.contains(route)
                            && routes.contains(route)
                            && (if is_sole { yes } else { no })
                    };
                    // Beside those of the small list there are all others.
                    let lone = |route: &&&str| {
                        no && has.iter().all(|one| *one == **route) && !lacks.contains(*route)
                    };
                    let is_there =
                        audiences().iter().any(can_be) || routes.iter().any(|route| lone(&route));
                    let blocks = [
                        Block::of(Variable::Audience, Values::of_lists(lists)),
                        Block::of(Variable::AudienceOfRoute, texts(routes)),
                        Block::of(Variable::SoleAudience, Values::of_booleans(no, yes)),
                    ];
                    let token = agent_in(&blocks);
                    let asked = format!("{has:?} {lacks:?} {routes:?} {no} {yes}");
                    assert_eq!(token.is_some(), is_there, "{asked}");
                    let Some(token) = token else { continue };
                    let aud = &token.claims["aud"];
                    let list = aud.as_array().cloned().unwrap_or_else(|| vec![aud.clone()]);
                    assert!(list.contains(&json!(token.request.audience)), "{asked}");
                    assert!(if list.len() == 1 { yes } else { no }, "{asked}");
                }
            }
        }
    }
}
