//! `subject export`: the ledger as JSON Lines.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::ledger::Ledger;

use crate::arguments::HiddenFormat;
use crate::console::{self, Status};
use crate::output::{self, Readers};
use crate::{escape, ledger};

/// How every export begins.
const BEGIN: &[u8] = b"{\"type\":\"ledger\"";

/// Write the whole ledger as JSON Lines: a backup, or for another store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject export backup.jsonl
  claimbound subject export | gzip > backup.jsonl.gz

Names, revocations, history and the marks of used tokens are written as one moment
has them, also while others decide. The file is readable by this user alone and
replaces an earlier export, and nothing else.

Exit status: 0 exported, 2 it could not be.")]
pub(crate) struct Arguments {
    /// The file to write; by default, or by `-`, standard output.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    ledger: ledger::Arguments,

    #[command(flatten)]
    _format: HiddenFormat,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Status> {
    let ledger = arguments.ledger.read()?;
    let file = arguments.file.as_deref();
    match file.filter(|file| *file != Path::new("-")) {
        Some(file) => {
            refuse_other(file)?;
            let export = |out: &mut dyn Write| Ok(ledger.export(out)?);
            output::replace_by(file, Readers::Owner, export)?;
        }
        None if io::stdout().is_terminal() => show(&ledger)?,
        None => console::write_by(|out| Ok(ledger.export(out)?))?,
    }
    Ok(Status::Yes)
}

/// Refuses to replace what is no export; the ledger itself is none.
fn refuse_other(path: &Path) -> anyhow::Result<()> {
    let name = path.display();
    let Ok(metadata) = path.metadata() else {
        return Ok(());
    };
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(());
    }
    let mut begin = vec![0; BEGIN.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    match read {
        Ok(()) if begin == BEGIN => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Err(error).with_context(|| format!("`{name}` can't be read"))
        }
        Ok(()) | Err(_) => bail!("`{name}` is there and is no export; name another file"),
    }
}

/// The export for a terminal, which must not obey what is in it.
fn show(ledger: &Ledger) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    ledger.export(&mut lines)?;
    let text = String::from_utf8_lossy(&lines);
    console::write_raw(escape::visible_json(&text).as_bytes())
}
