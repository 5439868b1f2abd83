//! The product's budgets, measured in one bounded run.
//!
//! ```sh
//! cargo bench --locked --workspace --bench budgets > block.md
//! ```
//!
//! Everything that is compared is timed in turn, round by round, and every
//! answer is held against the one that is due, so that nothing wrong is timed.
//! `-- --part ledger` measures what a ledger costs, and how many first uses and
//! single uses a store takes; PostgreSQL where `CLAIMBOUND_POSTGRES` names a server
//! on which databases may be made. See `docs/benchmarks.md` for how to read what it prints.

#[path = "budgets/asked.rs"]
mod asked;
#[path = "budgets/budget.rs"]
mod budget;
#[path = "budgets/denial.rs"]
mod denial;
#[path = "budgets/estate.rs"]
mod estate;
#[path = "budgets/figure.rs"]
mod figure;
// Under `test`, as where it comes from: what it can't make ends the run.
#[cfg(test)]
#[path = "../src/forge.rs"]
mod forge;
#[path = "budgets/instance.rs"]
mod instance;
#[path = "budgets/ledger.rs"]
mod ledger;
#[path = "budgets/loading.rs"]
mod loading;
#[path = "budgets/machine.rs"]
mod machine;
#[path = "budgets/policies.rs"]
mod policies;
#[path = "budgets/report.rs"]
mod report;
#[path = "budgets/rounds.rs"]
mod rounds;
#[path = "budgets/samples.rs"]
mod samples;
#[path = "budgets/stand.rs"]
mod stand;
#[path = "budgets/statements.rs"]
mod statements;
#[path = "budgets/threads.rs"]
mod threads;

use std::io::{self, Write as _};
use std::process::ExitCode;

use machine::Machine;
use report::Report;
use stand::Stand;

/// Why there is no report.
type Fault = Box<dyn std::error::Error>;

const USAGE: &str = "usage: budgets [--part product|ledger] [--format markdown|json] [--scale N]";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Markdown,
    Json,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Decisions, without ledger and record.
    Product,
    /// The ledger, on each store that is there.
    Ledger,
}

/// What is asked of this program.
enum Task {
    /// All budgets; everything is done this many hundredths as often as usual.
    Measure(Part, Format, usize),
    /// A component of this many statements, written to this file: done by a
    /// process of its own, so that what it needs is not in the way later.
    Bake(usize, String),
}

/// Reads the arguments.
///
/// # Errors
/// One of them is unknown, or is no number from 1 to 1,000,000.
fn task(arguments: impl IntoIterator<Item = String>) -> Result<Task, Fault> {
    let (mut part, mut format, mut scale) = (Part::Product, Format::Markdown, 100);
    // cargo says this to every benchmark.
    let mut arguments = arguments.into_iter().filter(|one| one != "--bench");
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--part" if value == "product" => part = Part::Product,
            "--part" if value == "ledger" => part = Part::Ledger,
            "--format" if value == "markdown" => format = Format::Markdown,
            "--format" if value == "json" => format = Format::Json,
            "--scale" => scale = positive(&value)?,
            statements::BAKE => {
                let file = arguments.next().ok_or(USAGE)?;
                return Ok(Task::Bake(positive(&value)?, file));
            }
            _ => return Err(format!("`{name} {value}` is not known; {USAGE}").into()),
        }
    }
    Ok(Task::Measure(part, format, scale))
}

fn positive(text: &str) -> Result<usize, Fault> {
    match text.parse() {
        Ok(number) if (1..=1_000_000).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(format!("`{text}` is no number from 1 to 1000000").into()),
    }
}

/// Progress goes to standard error; that it can't be written changes nothing.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn measure(format: Format, scale: usize) -> Result<(), Fault> {
    let machine = Machine::read();
    let stand = Stand::new();
    let folder = tempfile::tempdir()?;
    // First, where nothing else has grown the process.
    say("policies");
    let policies = policies::measure(&stand, folder.path(), scale)?;
    say("statements");
    let statements = statements::measure(&stand, folder.path(), scale)?;
    say("threads");
    let threads = threads::measure(&stand, scale)?;
    say("denials");
    let denial = denial::measure(&stand, scale)?;
    say("building and loading");
    let loading = loading::measure(&stand, folder.path(), scale)?;
    say("instances");
    let instance = instance::measure(&stand, scale)?;
    let report = Report {
        statements,
        threads,
        policies,
        denial,
        loading,
        instance,
        machine: machine.after(),
        scale,
    };
    let text = match format {
        Format::Markdown => report.markdown(),
        Format::Json => format!("{:#}\n", report.json()),
    };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

fn measure_ledger(format: Format, scale: usize) -> Result<(), Fault> {
    let machine = Machine::read();
    let stand = Stand::new();
    let ledger = ledger::measure(&stand, scale)?;
    let machine = machine.after();
    let text = match format {
        Format::Markdown => ledger.markdown(&machine),
        Format::Json => format!("{:#}\n", ledger.json(&machine)),
    };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

fn main() -> ExitCode {
    let outcome = task(std::env::args().skip(1)).and_then(|task| match task {
        Task::Measure(Part::Product, format, scale) => measure(format, scale),
        Task::Measure(Part::Ledger, format, scale) => measure_ledger(format, scale),
        Task::Bake(count, file) => statements::bake(count, &file),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("budgets: {error}"));
            ExitCode::from(2)
        }
    }
}
