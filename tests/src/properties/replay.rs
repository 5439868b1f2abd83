//! A decision on record is derived again to the last word, whatever the
//! document and the token.

use claimbound::outcome::Outcome;
use proptest::prelude::*;

use super::host::Host;
use super::{Tally, for_all, planned, ready};
use crate::gate::SANDBOX;

#[test]
fn every_decision_whose_claims_were_kept_is_derived_again() {
    let tokens = Tally::default();
    for_all(24, &planned(40), |planned| {
        let Some((compiled, all)) = ready(&planned) else {
            return Ok(());
        };
        let host = Host::of(&SANDBOX, &compiled);
        for token in all {
            let Some((decision, previewed, again)) = host.recorded(&token) else {
                continue;
            };
            tokens.count(match &previewed {
                Outcome::Allow(_) => "allowed",
                Outcome::Deny(_) => "denied",
                Outcome::Error(error) => panic!("{error}"),
            });
            prop_assert_eq!(decision.disagrees(&again), Ok(None), "{:#?}", decision);
            prop_assert_eq!(previewed, again, "{:#?}", decision);
        }
        Ok(())
    });
    tokens.check("allowed", 20);
    tokens.check("denied", 20);
}
