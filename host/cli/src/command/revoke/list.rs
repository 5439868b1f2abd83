//! `revoke list`: what is revoked.

use claimbound::ledger::Revocation;
use serde_json::json;

use crate::console::{Console, Status};
use crate::page::Page;
use crate::{entry, ledger, operator};

/// List what is revoked, also what has ended.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound revoke list
  claimbound revoke list --format json

Exit status: 0 listed, also where nothing is revoked; 2 no answer could be given.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let revocations = arguments.ledger.read()?.revocations()?;
    let now = operator::now();
    let json = || {
        let all = revocations.iter();
        let all: Vec<_> = all.map(|one| entry::revocation_json(one, now)).collect();
        json!({ "revocations": all })
    };
    console.answer(|| page(&revocations, now), json)?;
    Ok(Status::Yes)
}

fn page(revocations: &[Revocation], now: u64) -> Page {
    let mut page = Page::default();
    if revocations.is_empty() {
        page.text("nothing is revoked").end();
        return page;
    }
    let rows = revocations
        .iter()
        .map(|one| entry::revocation_row(one, now));
    let rows: Vec<_> = std::iter::once(entry::revocation_heading())
        .chain(rows)
        .collect();
    page.table(0, &rows);
    page
}
