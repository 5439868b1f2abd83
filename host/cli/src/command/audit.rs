//! `audit`: what a record of decisions says, and whether it is whole.

mod candidate;
mod comparison;
mod replay;
mod show;
mod verify;

use std::path::Path;

use anyhow::Context as _;
use claimbound::record::audit::{self, Expected};
use claimbound::record::{Body, Decision, Entry, Reader, Text, checkpoint};
use clap::Subcommand;

use crate::console::{Console, Progress, Status};

/// Check a record of decisions, derive them again, try another policy on them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound audit verify record
  claimbound audit show record --outcome deny
  claimbound audit replay record --policy policy.wasm
  claimbound audit try record --policy candidate.toml

Nothing is written. A record is made by `claimbound check --record FOLDER`, and by
whoever embeds the library.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Arguments),
    Show(show::Arguments),
    Replay(replay::Arguments),
    Try(candidate::Arguments),
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    match &arguments.command {
        Command::Verify(arguments) => verify::run(arguments, console),
        Command::Show(arguments) => show::run(arguments, console),
        Command::Replay(arguments) => replay::run(arguments, console),
        Command::Try(arguments) => candidate::run(arguments, console),
    }
}

/// Hands over every entry of the record in `folder` that can be read, with its
/// line.
fn each_entry(
    folder: &Path,
    mut take: impl FnMut(Entry, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut reader = Reader::open(folder)?;
    let progress = Progress::of(reader.files());
    let mut begun = 0;
    loop {
        let now = reader.begun();
        let Some(line) = reader.read()? else {
            return Ok(());
        };
        if now != begun {
            begun = now;
            progress.at(begun, &line.file.to_string());
        }
        // What is no entry is a finding of `verify`.
        if let Text::Whole(bytes) = line.text
            && let Ok(entry) = Entry::parse(bytes)
        {
            take(entry, bytes)?;
        }
    }
}

/// Hands over every decision of the record, with the number of its line.
fn each_decision(
    folder: &Path,
    mut take: impl FnMut(u64, &Decision) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    each_entry(folder, |entry, _| match &entry.body {
        Body::Decision(decision) => take(entry.seq, decision),
        Body::Unverified(_) | Body::Recovered(_) | Body::Divergence(_) => Ok(()),
    })
}

/// What is worth saying beside an answer that is taken from a record: whether
/// the record is whole.
fn notes(folder: &Path) -> anyhow::Result<Vec<String>> {
    let path = checkpoint::beside(folder);
    let expected = Expected {
        checkpoint: checkpoint::read(&path)?,
        head: None,
    };
    let report = audit::verify(folder, &expected, |_| ()).context("the record can't be read")?;
    let findings = report.findings.len() as u64 + report.more;
    Ok(match findings {
        0 => Vec::new(),
        count => {
            let findings = verify::plural(count, "finding");
            vec![format!(
                "the record is not whole: {findings}; `claimbound audit verify` names what is wrong"
            )]
        }
    })
}
