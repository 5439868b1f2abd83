//! Random policies against the program that they compile to, on every token over
//! a few values.

use claimbound_language::Example as Token;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::random::{accepted_by, plain, policy, tokens, written};
use crate::values::Example;

/// What a token has for each variable that these policies read.
fn value_of(token: &Token, variable: &Variable) -> Example {
    let value = |value: Json| Example::Value(value);
    match variable {
        Variable::Issuer => value(token.claims["iss"].clone()),
        Variable::Subject => value(token.claims["sub"].clone()),
        Variable::Claim(path) => {
            let found = token.claims.get(&path[0]).cloned();
            found.map_or(Example::Absent, Example::Value)
        }
        Variable::Audience => value(json!([token.claims["aud"]])),
        Variable::SoleAudience => value(json!(true)),
        Variable::AudienceOfRoute => value(json!(token.request.audience)),
        Variable::Lifetime => value(json!(
            token.claims["exp"].as_u64().unwrap() - token.claims["iat"].as_u64().unwrap()
        )),
        Variable::Attribute(name) => {
            let found = token.request.attributes.get(name).cloned();
            found.map_or(Example::Absent, |text| value(json!(text)))
        }
        Variable::Form
        | Variable::Part(_)
        | Variable::Name(_)
        | Variable::Id(_)
        | Variable::Parent(_)
        | Variable::KeyType
        | Variable::KeyAlgorithm
        | Variable::KeyBits
        | Variable::KeyThumbprint
        | Variable::Age
        | Variable::Now => panic!("{variable:?} is not read"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_statement_accepts_what_the_program_says(
        statements in prop::collection::vec(written(), 1..4),
    ) {
        let (compiled, plain, budget) = (policy(&statements), plain(), Budget::default());
        let regions = decided(&compiled.program, &compiled.issuers[0].url, &budget).unwrap();
        let regions: Vec<Region> = regions.into_iter().map(|(_, region)| region).collect();
        let mut seen = vec![false; regions.len()];
        for token in tokens() {
            let by = accepted_by(&compiled, &token);
            for (place, (statement, region)) in compiled.statements.iter().zip(&regions).enumerate() {
                let is_in = region.contains(|one| value_of(&token, one));
                if statement.trusts {
                    let is_by = by.as_ref() == Some(&statement.name);
                    prop_assert_eq!(is_in, is_by, "{} {:?}", place, token.claims);
                } else if is_in {
                    prop_assert!(by.is_none());
                }
                seen[place] |= is_in;
            }
        }
        // What is found is accepted, and nothing is missed that is seen above.
        let trusts = compiled.statements.iter().zip(&regions).zip(seen);
        for ((statement, region), seen) in trusts.filter(|((one, _), _)| one.trusts) {
            let Some(example) = region.example(&budget).unwrap() else {
                prop_assert!(!seen, "{}", statement.name);
                continue;
            };
            let mut found = plain.clone();
            for (variable, value) in example {
                let Example::Value(value) = value else { continue };
                // The others are asked for as the plain token has them.
                if let Variable::Claim(path) = variable {
                    found.claims.insert(path[0].clone(), value);
                } else if let Variable::Attribute(name) = variable {
                    let text = value.as_str().unwrap().to_owned();
                    found.request.attributes.insert(name, text);
                }
            }
            let by = accepted_by(&compiled, &found);
            prop_assert_eq!(by.as_ref(), Some(&statement.name), "{:?}", found.claims);
        }
    }
}
