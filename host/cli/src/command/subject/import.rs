//! `subject import`: reads an export in.

use std::fs::File;
use std::io::{self, BufReader, Seek as _};

use anyhow::{Context as _, bail};
use claimbound::ledger::{ImportOrder, Imported};
use serde_json::json;

use crate::console::{Console, Status};
use crate::input::Source;
use crate::ledger;
use crate::operator::{self, Operator};
use crate::page::{Ink, Page};

/// Read in what `subject export` wrote, all of it or nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject init --ledger new.db
  claimbound subject import backup.jsonl --ledger new.db --reason 'moved' --dry-run
  claimbound subject import backup.jsonl --ledger new.db --reason 'moved'

What the ledger says already is passed over; a line that contradicts it, or is no
line of an export, is named, and nothing is imported.

Exit status: 0 imported, 2 nothing was imported.")]
pub(crate) struct Arguments {
    /// The export: a file, or `-` for standard input.
    #[arg(value_name = "FILE")]
    file: Source,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let ledger = arguments.ledger.open(arguments.operator.run())?;
    let operator = &arguments.operator;
    let by = operator.name()?;
    let order = ImportOrder {
        by: &by,
        at: operator::now(),
        reason: &operator.reason,
    };
    let file = &arguments.file;
    let mut lines = BufReader::new(open(file)?);
    let imported = ledger
        .import(&mut lines, &order, operator.run())
        .with_context(|| format!("nothing was imported from {file}"))?;
    let json = || {
        json!({
            "action": "import",
            "dry_run": operator.dry_run,
            "by": by,
            "reason": operator.reason,
            "imported": imported,
        })
    };
    console.answer(|| page(&imported, operator.dry_run), json)?;
    Ok(Status::Yes)
}

/// The lines as a file, whose beginning can be gone back to.
fn open(source: &Source) -> anyhow::Result<File> {
    let failed = || format!("{source} can't be read");
    match source {
        Source::File(path) => {
            let file = File::open(path).with_context(failed)?;
            let metadata = file.metadata().with_context(failed)?;
            if metadata.is_dir() {
                bail!("{source} is a folder, not a file");
            }
            if metadata.is_file() {
                return Ok(file);
            }
            spooled(file).with_context(failed)
        }
        Source::Standard => spooled(io::stdin().lock()).with_context(failed),
        Source::Environment(_) => bail!("{source} is no place for an export; name a file, or `-`"),
    }
}

/// What can be read once, kept where it can be read again.
fn spooled(mut reader: impl io::Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut reader, &mut file)?;
    file.rewind()?;
    Ok(file)
}

fn page(imported: &Imported, dry_run: bool) -> Page {
    let mut page = Page::default();
    if dry_run {
        page.put(Ink::Warn, "would import").end();
    } else {
        page.put(Ink::Good, "✓ imported").end();
    }
    for (label, count) in [
        ("names", imported.names),
        ("revocations", imported.revocations),
        ("history", imported.events),
        ("used tokens", imported.spent),
        ("known", imported.known),
    ] {
        page.field(label, count.to_string());
    }
    if dry_run {
        page.put(Ink::Faint, "  a dry run: nothing was written")
            .end();
    }
    page
}
