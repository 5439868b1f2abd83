//! `subject history`: who changed what, when and why.

use std::collections::VecDeque;

use claimbound::ledger::Event;
use serde_json::json;

use crate::console::{Console, Status};
use crate::page::Page;
use crate::{entry, ledger, naming};

/// Show who changed the ledger, when and why: the oldest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject history
  claimbound subject history repository acme/infra
  claimbound subject history --last 20 --format json

History is only ever added to. Revocations are in it as well.

Exit status: 0 shown, also where there is none; 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The kind of one name, such as `repository`; by default all names.
    #[arg(value_name = "KIND")]
    kind: Option<String>,

    /// The name.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// The newest of them alone, at most this many.
    #[arg(long, value_name = "NUMBER")]
    last: Option<usize>,

    #[command(flatten)]
    naming: naming::Arguments,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let ledger = arguments.ledger.read()?;
    let name = match (&arguments.kind, &arguments.name) {
        (Some(kind), Some(name)) => Some(arguments.naming.open(&ledger)?.name(kind, name)?),
        (Some(only), None) => return Err(arguments.naming.open(&ledger)?.not_both(only)),
        (None, _) => None,
    };
    let most = arguments.last.unwrap_or(usize::MAX);
    let mut events = VecDeque::new();
    ledger.history(name.as_ref(), |event| {
        events.push_back(event);
        if events.len() > most {
            events.pop_front();
        }
    })?;
    let json = || {
        let events: Vec<_> = events.iter().map(entry::event_json).collect();
        json!({ "events": events })
    };
    console.answer(|| page(&events), json)?;
    Ok(Status::Yes)
}

fn page(events: &VecDeque<Event>) -> Page {
    let mut page = Page::default();
    if events.is_empty() {
        page.text("there is no history of it").end();
        return page;
    }
    let rows = events.iter().map(entry::event_row);
    let rows: Vec<_> = std::iter::once(entry::event_heading())
        .chain(rows)
        .collect();
    page.table(0, &rows);
    page
}
