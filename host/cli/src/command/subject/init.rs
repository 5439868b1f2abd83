//! `subject init`: makes an empty ledger.

use claimbound::ledger::Installed;
use serde_json::json;

use crate::console::{Console, Status};
use crate::ledger;
use crate::page::{Ink, Page};

/// Make an empty ledger where there is none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject init --ledger sqlite:/var/lib/claimbound/ledger.db
  CLAIMBOUND_LEDGER=ledger.db claimbound subject init

The file is readable by this user alone, and so is its folder where there was none. A
ledger that is there already stays as it is; one in a database that an older release
made gets the tables that it lacks. No other command makes one: a mistyped path would
be an empty ledger, which has forgotten whom it barred.

Exit status: 0 there is a ledger, 2 it could not be made.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let location = &arguments.ledger.ledger;
    let made = location.make()?;
    let page = || {
        let mut page = Page::default();
        let what = match made {
            Installed::New => "✓ made",
            Installed::Renewed => "✓ brought up to this release",
            Installed::Already => "✓ there already",
        };
        page.put(Ink::Good, what)
            .text(format!("  {location}"))
            .end();
        page
    };
    let json = || json!({ "ledger": location.to_string(), "made": made == Installed::New });
    console.answer(page, json)?;
    Ok(Status::Yes)
}
