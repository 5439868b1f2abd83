//! Names in another case, and ids under other values.

use claimbound_engine::Decision;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::agreement::{answer, native};
use super::simple::Answer;
use super::token::{Token, recased};
use super::world::{AUDIENCES, WORLDS};
use super::{Tally, compiled, for_all, planned, ready};

/// The token with the names that its issuer compares in any case written in
/// upper or in lower case, wherever they stand.
fn in_case(token: &Token, upper: bool) -> Token {
    let mut names: Vec<String> = Vec::new();
    for claim in [
        "repository",
        "repository_owner",
        "project_path",
        "namespace_path",
    ] {
        let name = token.claims.get(claim).and_then(Value::as_str);
        // Of a repository the subject may write an id behind the owner.
        names.extend(
            name.into_iter()
                .flat_map(|name| name.split('/'))
                .map(str::to_owned),
        );
    }
    let mut token = token.clone();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let cased = recased(name, upper);
        for claim in [
            "sub",
            "repository",
            "repository_owner",
            "project_path",
            "namespace_path",
        ] {
            if let Some(Value::String(text)) = token.claims.get_mut(claim) {
                *text = text.replace(name.as_str(), &cased);
            }
        }
    }
    token
}

#[test]
fn no_forbidden_name_is_let_in_when_it_is_written_in_another_case() {
    let tally = Tally::default();
    for_all(150, &(planned(40), any::<bool>()), |(planned, upper)| {
        let Some((compiled, tokens)) = ready(&planned) else {
            return Ok(());
        };
        for token in tokens {
            let Answer::Forbidden(by) = answer(&native(&compiled, &token)) else {
                continue;
            };
            let cased = in_case(&token, upper);
            if cased.claims == token.claims {
                continue;
            }
            let found = native(&compiled, &cased);
            tally.count(match answer(&found) {
                Answer::Forbidden(_) => "forbidden again",
                _ => "denied otherwise",
            });
            let allowed = matches!(found, Decision::Allow { .. });
            prop_assert!(
                !allowed,
                "{:#}\nforbade {:#?}",
                planned.0["forbid"][&by],
                token
            );
            // Whoever gets as far as the policy is met by the same forbid.
            let reached = !matches!(&found, Decision::Deny { reasons, .. } if reasons.iter().all(|one| one.statement.is_none()));
            prop_assert!(
                !reached || answer(&found) == Answer::Forbidden(by.clone()),
                "{:#}\nforbade {:#?}\nand not {:#?}: {:?}",
                planned.0["forbid"][&by],
                token,
                cased,
                found
            );
        }
        Ok(())
    });
    tally.check("forbidden again", 10);
}

#[test]
fn a_trusted_name_is_not_trusted_in_another_case() {
    let tally = Tally::default();
    for_all(100, &(planned(40), any::<bool>()), |(planned, upper)| {
        let Some((compiled, tokens)) = ready(&planned) else {
            return Ok(());
        };
        for token in tokens {
            let Answer::Allow(by) = answer(&native(&compiled, &token)) else {
                continue;
            };
            let cased = in_case(&token, upper);
            let subject = &planned.0["trust"][&by]["subject"];
            let pinned = ["owner", "repository", "namespace", "project"]
                .iter()
                .any(|kind| {
                    let asked = &subject[*kind];
                    let name = asked.get("name").unwrap_or(asked);
                    let claims = [
                        "repository_owner",
                        "repository",
                        "namespace_path",
                        "project_path",
                    ];
                    let changed = claims.iter().any(|claim| {
                        cased.claims.get(*claim) != token.claims.get(*claim)
                            && token.claims.get(*claim) == Some(name)
                    });
                    name.is_string() && changed
                });
            tally.count(if pinned { "pinned" } else { "open" });
            if pinned {
                let found = answer(&native(&compiled, &cased));
                prop_assert!(found != Answer::Allow(by), "{:#}\n{:#?}", subject, cased);
            }
        }
        Ok(())
    });
    assert!(tally.of("pinned") > 0, "{tally:?}");
}

/// Every text of a value, keys too, with two words exchanged.
fn exchanged(value: &Value, one: &str, other: &str) -> Value {
    const NEITHER: &str = "\u{1}";
    let text = |text: &str| {
        text.replace(one, NEITHER)
            .replace(other, one)
            .replace(NEITHER, other)
    };
    match value {
        Value::String(own) => json!(text(own)),
        Value::Array(list) => list
            .iter()
            .map(|value| exchanged(value, one, other))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), exchanged(value, one, other)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[test]
fn ids_mean_nothing_but_themselves() {
    let circle = WORLDS
        .iter()
        .find(|world| world.model == "circleci")
        .unwrap();
    let [one, other] = [circle.fields[0].ids[0], circle.fields[0].ids[1]];
    let tally = Tally::default();
    for_all(400, &planned(30), |planned| {
        let (mut document, _) = planned.clone();
        let text = document.to_string();
        // A pattern may know a piece of an id.
        if !text.contains(one) || text.contains("glob") || text.contains("regex") {
            return Ok(());
        }
        let Some((before, tokens)) = ready(&planned) else {
            return Ok(());
        };
        document = exchanged(&document, one, other);
        let after = compiled(&document).unwrap();
        for mut token in tokens {
            let found = answer(&native(&before, &token));
            let claims = exchanged(&Value::Object(token.claims.clone()), one, other);
            token.claims = claims.as_object().unwrap().clone();
            for value in token.request.attributes.values_mut() {
                *value = exchanged(&json!(value), one, other)
                    .as_str()
                    .unwrap()
                    .to_owned();
            }
            tally.count(match &found {
                Answer::Allow(_) => "allowed",
                Answer::Forbidden(_) => "forbidden",
                Answer::Deny => "denied",
            });
            prop_assert_eq!(found, answer(&native(&after, &token)), "{:#?}", token);
        }
        Ok(())
    });
    tally.check("allowed", 20);
}

#[test]
fn a_forbid_that_compares_a_claim_with_a_name_is_not_evaded_by_the_names_case() {
    let mut document = json!({
        "claimbound": 1,
        "policy": { "name": "p", "version": "1.0.0" },
        "issuer": { "github": { "model": "github-actions" } },
        "trust": { "all": {
            "issuer": "github",
            "audience": AUDIENCES[0],
            "token_lifetime": "15m",
            "subject": { "owner": { "id": "1" }, "any": ["repository", "environment"] },
        } },
    });
    let example = compiled(&document).unwrap().example("all").unwrap();
    document["forbid"]["own"] = json!({
        "issuer": "github",
        "claims": { "actor": { "same_as": "repository_owner" } },
    });
    let compiled = compiled(&document).unwrap();
    let token = Token {
        claims: example.claims,
        key: example.key,
        request: example.request,
    };
    let owner = token.claims["repository_owner"].as_str().unwrap();
    for (actor, forbidden) in [
        (owner.to_owned(), true),
        (recased(owner, true), true),
        ("somebody".to_owned(), false),
    ] {
        let found = answer(&native(&compiled, &token.with("actor", json!(actor))));
        assert_eq!(
            found == Answer::Forbidden("own".to_owned()),
            forbidden,
            "{actor} {found:?}"
        );
    }
}
