//! The way of a token whose names the ledger knows, beside the same way where
//! whoever meets the obligations does nothing.

use claimbound::clock::FixedClock;
use claimbound::gate::{Gate, Judged};
use claimbound::ledger::Keeper;
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::policy::Request;
use claimbound::sandbox::Sandbox;
use claimbound::token::Token;
use serde_json::json;

use crate::Fault;
use crate::budget::{Budget, table};
use crate::figure::Figure;
use crate::forge::NOW;
use crate::rounds::{Plan, Work, time};
use crate::stand::{Stand, claims, limits};
use crate::store::Store;

const PLAN: Plan = Plan {
    rounds: 400,
    each: 50,
};

/// Meets names by doing nothing.
struct Nothing;

impl Commit for Nothing {
    fn can_meet(&self, _: &Obligation) -> bool {
        true
    }

    fn commit(&self, _: &Judged) -> Result<Committed, CommitError> {
        Ok(Committed::default())
    }
}

/// # Errors
/// A token is not allowed.
pub(crate) fn measure(stand: &Stand, stores: &[Store]) -> Result<String, Fault> {
    let sandbox = Sandbox::new(limits(4)?)?;
    let gate = || Ok::<_, Fault>(stand.gate(crate::rates::policy(&sandbox, false)?)?);
    let mut rows = vec![("none", gate()?.with_commit(Nothing))];
    for store in stores {
        let keeper = Keeper::new(store.open("warm")?, "bench");
        rows.push((store.name(), gate()?.with_commit(keeper)));
    }
    let token = stand.sign(&claims(&json!({}))?);
    let decide = |gate: &Gate| {
        let outcome = gate.decide(Token::new(&token), &Request::default(), &FixedClock(NOW));
        match outcome.is_allow() {
            true => Ok(()),
            false => Err(Fault::from(format!("{outcome:?}"))),
        }
    };
    let mut works: Vec<Work<'_>> = Vec::new();
    for (_, gate) in &rows {
        works.push(Box::new(move |_| decide(gate)));
    }
    let times = time(&mut works, PLAN)?;
    let p50 = |at: usize| times.get(at).map_or(0, |times| times.p50);
    let over = |at| Figure::ratio(p50(at), p50(0));
    let budgets = rows.iter().enumerate().skip(1).map(|(at, (name, _))| {
        let name = format!("whole path, names known to {name} over no ledger");
        Budget::at_most(&name, Figure::hundredths(130), over(at)).row()
    });
    let lines = rows
        .iter()
        .zip(&times)
        .enumerate()
        .map(|(at, ((name, _), times))| {
            vec![(*name).to_owned(), times.to_string(), over(at).to_string()]
        });
    Ok(format!(
        "{}\n{}\n",
        table(&["budget", "bound", "measured", ""], budgets),
        table(&["ledger", "whole path, ns", "over none"], lines)
    ))
}
