//! claimbound's decision beside that of other policy languages, in one process
//! and one run: the same ten conditions, the same token, nothing but the
//! decision.
//!
//! Everybody is asked about a table of tokens first; who does not agree ends the
//! run. See `docs/benchmarks.md` for how to read what it prints.

mod contestant;
mod language;
mod machine;
mod measure;
mod report;
mod token;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use machine::Machine;
use measure::Plan;
use report::Report;

/// Why there is no report.
type Fault = Box<dyn std::error::Error>;

const USAGE: &str =
    "usage: peers [--format markdown|json] [--rounds N] [--decisions N] [--seconds N]";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Markdown,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Options {
    format: Format,
    plan: Plan,
}

/// Reads the arguments.
///
/// # Errors
/// One of them is unknown, or is no positive number.
fn options(arguments: impl IntoIterator<Item = String>) -> Result<Options, Fault> {
    let mut options = Options {
        format: Format::Markdown,
        plan: Plan::default(),
    };
    let mut arguments = arguments.into_iter();
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match name.as_str() {
            "--format" if value == "markdown" => options.format = Format::Markdown,
            "--format" if value == "json" => options.format = Format::Json,
            "--rounds" => options.plan.rounds = positive(&value)?,
            "--decisions" => options.plan.decisions = positive(&value)?,
            "--seconds" => {
                let seconds = u64::try_from(positive(&value)?)?;
                options.plan.longest = Duration::from_secs(seconds);
            }
            _ => return Err(format!("`{name} {value}` is not known; {USAGE}").into()),
        }
    }
    Ok(options)
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

fn run(Options { format, plan }: Options) -> Result<(), Fault> {
    let timed = token::timed()?;
    let mut contestants = contestant::all(&timed)?;
    let tokens = token::table()?;
    let answers = contestant::agree(&mut contestants, &tokens)?;
    say(&format!(
        "{} contestants agree about {} tokens",
        contestants.len(),
        tokens.len()
    ));
    let machine = Machine::read();
    let measured = measure::measure(&mut contestants, plan, |round| {
        if round.is_multiple_of(10) {
            say(&format!("round {round} of {}", plan.rounds));
        }
    })?;
    let report = Report {
        contestants,
        answers,
        measured,
        machine: machine.after(),
        plan,
        tokens: tokens.len(),
        lengths: (timed.allowed.len(), token::length(&timed.allowed)),
    };
    let text = match format {
        Format::Markdown => report.markdown(),
        Format::Json => format!("{:#}\n", report.json()),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn main() -> ExitCode {
    let outcome = options(std::env::args().skip(1)).and_then(run);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("peers: {error}"));
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Options, String> {
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        options(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_read_or_refused() {
        let options = parsed(&["--format", "json", "--rounds", "3"]).unwrap();
        assert_eq!((options.format, options.plan.rounds), (Format::Json, 3));
        for wrong in [
            &["--format", "xml"][..],
            &["--rounds", "0"],
            &["--rounds"],
            &["--loud", "yes"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
