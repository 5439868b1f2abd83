//! One meaning: the simple model, the program run natively and the component in
//! its sandbox decide every token alike.

use claimbound_engine::Decision;
use claimbound_language::Compiled;
use proptest::prelude::*;

use super::host::{self, Host, Said};
use super::simple::{self, Answer};
use super::token::Token;
use super::{Tally, for_all, planned, ready};
use crate::gate::SANDBOX;

/// What the program says of a token.
pub(super) fn native(compiled: &Compiled, token: &Token) -> Decision {
    let verdict = compiled.decide(&token.claims, &token.key, &token.request);
    verdict.unwrap().decision
}

/// The same, as far as the simple model says it.
pub(super) fn answer(decision: &Decision) -> Answer {
    match decision {
        Decision::Allow { statement, .. } => Answer::Allow(statement.clone()),
        Decision::Deny { reasons, .. } => {
            let forbidden = reasons.iter().find(|reason| reason.code == "forbidden");
            forbidden.map_or(Answer::Deny, |reason| {
                Answer::Forbidden(reason.statement.clone().unwrap())
            })
        }
    }
}

#[test]
fn a_program_decides_as_the_simple_model_says() {
    let (documents, tokens, cut) = (Tally::default(), Tally::default(), Tally::default());
    for_all(500, &planned(60), |planned| {
        let Some((compiled, all)) = ready(&planned) else {
            documents.count("refused");
            return Ok(());
        };
        documents.count("compiled");
        for token in all {
            let decision = native(&compiled, &token);
            let simple = simple::decide(&planned.0, &token);
            tokens.count(match simple {
                Answer::Allow(_) => "allowed",
                Answer::Forbidden(_) => "forbidden",
                Answer::Deny => "denied",
            });
            prop_assert_eq!(answer(&decision), simple, "{:#?}\n{:?}", token, decision);
            if let Decision::Allow { statement, grant } = &decision {
                let longest = simple::longest(&planned.0, statement, &token);
                prop_assert_eq!(grant.max_lifetime, longest, "{:#?}", token);
                let own = planned.0["trust"][statement]["grant"].get("max_ttl");
                let own = own.and_then(serde_json::Value::as_str);
                cut.count(match (longest, own) {
                    (Some(_), None) => "ends with its statement",
                    (None | Some(_), _) => "ends with its token or by its own word",
                });
            }
        }
        Ok(())
    });
    documents.check("compiled", 2);
    tokens.check("allowed", 20);
    tokens.check("forbidden", 20);
    tokens.check("denied", 20);
    cut.check("ends with its statement", 50);
}

#[test]
fn a_component_says_of_every_token_what_its_program_says() {
    let tokens = Tally::default();
    for_all(24, &planned(40), |planned| {
        let Some((compiled, all)) = ready(&planned) else {
            return Ok(());
        };
        let host = Host::of(&SANDBOX, &compiled);
        for token in all {
            let (said, steps) = host.says(&token);
            tokens.count(match &said {
                Said::Allow { .. } => "allowed",
                Said::Deny(..) if steps.is_empty() => "refused by the floor",
                Said::Deny(..) => "denied",
            });
            let (own, own_steps) = host::native(&compiled, &token);
            if own_steps.is_empty() {
                prop_assert_eq!(said.without_words(), own.without_words(), "{:#?}", token);
            } else {
                prop_assert_eq!(said, own, "{:#?}", token);
            }
            prop_assert_eq!(steps, own_steps, "{:#?}", token);
        }
        Ok(())
    });
    tokens.check("allowed", 20);
    tokens.check("refused by the floor", 20);
    tokens.check("denied", 20);
}
