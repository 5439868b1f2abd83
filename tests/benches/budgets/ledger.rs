//! What a ledger costs on the way of a token, and how many first uses and single
//! uses a store takes.

#[path = "ledger/rates.rs"]
mod rates;
#[path = "ledger/store.rs"]
mod store;
#[path = "ledger/warm.rs"]
mod warm;

use serde_json::{Value, json};

use crate::budget::{Budget, table};
use crate::machine::Machine;
use crate::stand::Stand;
use crate::{Fault, say};
use rates::Rates;
use store::Store;
use warm::Warm;

/// What was measured of it.
pub(crate) struct Ledger {
    warm: Warm,
    rates: Rates,
}

/// # Errors
/// A token is not allowed, or a store can't be used.
pub(crate) fn measure(stand: &Stand, scale: usize) -> Result<Ledger, Fault> {
    let stores = Store::all()?;
    say("known names");
    let warm = warm::measure(stand, &stores, scale)?;
    say("first and single uses");
    let rates = rates::measure(stand, &stores, scale)?;
    Ok(Ledger { warm, rates })
}

impl Ledger {
    /// The tables and what they were measured on, in Markdown.
    pub(crate) fn markdown(&self, machine: &Machine) -> String {
        let budgets = self.warm.budgets();
        let rows = budgets.iter().map(Budget::row);
        let parts = [
            table(&["budget", "bound", "measured", ""], rows),
            self.warm.markdown(),
            self.rates.markdown(),
        ];
        format!(
            "<!-- printed by tests/benches/budgets, part ledger: the command stands above -->\n\n{}\n\
             Times are p50 / p99; ratios are of medians. Measured on {}\n\n\
             <!-- end of what tests/benches/budgets printed of the ledger -->\n",
            parts.join("\n"),
            machine.describe(),
        )
    }

    /// The same for programs.
    pub(crate) fn json(&self, machine: &Machine) -> Value {
        let budgets = self.warm.budgets();
        json!({
            "budgets": budgets.iter().map(Budget::json).collect::<Vec<_>>(),
            "warm": self.warm.json(),
            "rates": self.rates.json(),
            "machine": machine.json(),
        })
    }
}
