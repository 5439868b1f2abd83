//! What a ledger costs on the way of a token, and how many first uses and single
//! uses a store takes.
//!
//! ```sh
//! cargo bench --locked --workspace --bench ledger > block.md
//! ```
//!
//! PostgreSQL is measured where `CLAIMBOUND_POSTGRES` names a server on which
//! databases may be made. See `docs/benchmarks.md` for how to read it.

#[path = "budgets/asked.rs"]
mod asked;
#[path = "budgets/budget.rs"]
mod budget;
#[path = "budgets/figure.rs"]
mod figure;
// Under `test`, as where it comes from: what it can't make ends the run.
#[cfg(test)]
#[path = "../src/forge.rs"]
mod forge;
#[path = "budgets/machine.rs"]
mod machine;
#[path = "ledger/rates.rs"]
mod rates;
#[path = "budgets/rounds.rs"]
mod rounds;
#[path = "budgets/samples.rs"]
mod samples;
#[path = "budgets/stand.rs"]
mod stand;
#[path = "ledger/store.rs"]
mod store;
#[path = "ledger/warm.rs"]
mod warm;

use std::io::{self, Write as _};
use std::process::ExitCode;

use machine::Machine;
use stand::Stand;
use store::Store;

/// Why there is no report.
type Fault = Box<dyn std::error::Error>;

/// Progress goes to standard error; that it can't be written changes nothing.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn measure() -> Result<String, Fault> {
    let machine = Machine::read();
    let stand = Stand::new();
    let stores = Store::all()?;
    let mut text = String::new();
    say("known names");
    text.push_str(&warm::measure(&stand, &stores)?);
    say("first uses and single uses");
    text.push_str(&rates::measure(&stand, &stores)?);
    text.push_str(&format!("Measured on {}\n", machine.after().describe()));
    Ok(text)
}

fn main() -> ExitCode {
    let outcome = measure().and_then(|text| Ok(io::stdout().write_all(text.as_bytes())?));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("ledger: {error}"));
            ExitCode::from(2)
        }
    }
}
