//! The way of a token whose names the ledger knows, beside the same way where
//! whoever meets the obligations does nothing.

use claimbound::gate::Judged;
use claimbound::ledger::Keeper;
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::sandbox::Sandbox;
use serde_json::{Value, json};

use super::rates::{decide, policy};
use super::store::Store;
use crate::Fault;
use crate::budget::{Budget, table};
use crate::figure::Figure;
use crate::rounds::{Plan, Work, time};
use crate::samples::Times;
use crate::stand::{Stand, claims, limits};

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

/// Times of the whole path, by ledger; the first row has none.
pub(crate) struct Warm(Vec<(&'static str, Times)>);

/// # Errors
/// A token is not allowed.
pub(crate) fn measure(stand: &Stand, stores: &[Store], scale: usize) -> Result<Warm, Fault> {
    let sandbox = Sandbox::new(limits(4)?)?;
    let gate = || stand.gate(policy(&sandbox, false)?);
    let mut gates = vec![("none", gate()?.with_commit(Nothing))];
    for store in stores {
        let keeper = Keeper::new(store.open("warm")?, "bench");
        gates.push((store.name(), gate()?.with_commit(keeper)));
    }
    let token = stand.sign(&claims(&json!({}))?);
    let mut works: Vec<Work<'_>> = Vec::new();
    for (_, gate) in &gates {
        works.push(Box::new(|_| decide(gate, &token)));
    }
    let times = time(&mut works, PLAN.scaled(scale))?;
    drop(works);
    let names = gates.iter().map(|(name, _)| *name);
    Ok(Warm(names.zip(times).collect()))
}

impl Warm {
    /// How many times as long as without a ledger.
    fn over(&self, times: Times) -> Figure {
        let none = self.0.first().map_or(0, |(_, times)| times.p50);
        Figure::ratio(times.p50, none)
    }

    pub(crate) fn budgets(&self) -> Vec<Budget> {
        let stores = self.0.iter().skip(1);
        stores
            .map(|(name, times)| {
                let name = format!("whole path, names known to {name}, over no ledger");
                Budget::at_most(&name, Figure::hundredths(130), self.over(*times))
            })
            .collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let rows = self.0.iter().map(|(name, times)| {
            let over = self.over(*times).to_string();
            vec![(*name).to_owned(), times.to_string(), over]
        });
        table(&["ledger", "whole path, ns", "over none"], rows)
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.0.iter().map(|(name, times)| {
            json!({ "ledger": name, "whole_ns": times.json(), "over": self.over(*times).json() })
        });
        rows.collect()
    }
}
