//! `modules served`: which version each route serves.

use claimbound::ledger::Served;
use claimbound::modules::ModuleName;
use serde_json::json;

use crate::console::{Console, Status};
use crate::page::Page;
use crate::{entry, ledger};

/// Show which version of a module each route serves.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules served
  claimbound modules served acme-deploy --route deploy
  claimbound modules served --format json

`major` is the highest major version that the route may take up. What an operator
rolled back from or rejected is not taken up: `none up to` says how far that reaches.

Exit status: 0 shown, also where nothing fits; 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// This module alone.
    #[arg(value_name = "NAME")]
    name: Option<ModuleName>,

    /// This route alone.
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let mut served = arguments.ledger.read()?.all_served()?;
    served.retain(|one| arguments.takes(one));
    console.answer(|| page(&served), || json!({ "served": served }))?;
    Ok(Status::Yes)
}

impl Arguments {
    fn takes(&self, served: &Served) -> bool {
        self.name.as_ref().is_none_or(|name| *name == served.name)
            && self
                .route
                .as_ref()
                .is_none_or(|route| *route == served.route)
    }
}

fn page(served: &[Served]) -> Page {
    let mut page = Page::default();
    if served.is_empty() {
        page.text("no route that the ledger knows serves such a module")
            .end();
        return page;
    }
    let rows = served.iter().map(entry::module_row);
    let rows: Vec<_> = std::iter::once(entry::module_heading())
        .chain(rows)
        .collect();
    page.table(0, &rows);
    page
}
