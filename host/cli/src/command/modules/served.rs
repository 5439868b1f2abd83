//! `modules served`: which version each route serves.

use claimbound::ledger::Served;
use claimbound::modules::ModuleName;
use serde_json::json;

use crate::console::{Console, Status};
use crate::nearest::did_you_mean;
use crate::page::Page;
use crate::{entry, ledger, module_name};

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
    #[arg(value_name = "NAME", value_parser = module_name::parse)]
    name: Option<ModuleName>,

    /// This route alone.
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let all = arguments.ledger.read()?.all_served()?;
    let taken = all.iter().filter(|one| arguments.takes(one));
    let served: Vec<_> = taken.collect();
    console.answer(
        || page(&served, &arguments.meant(&all)),
        || json!({ "served": served }),
    )?;
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

    /// What was meant by a name, or by a route, that the ledger does not know.
    fn meant(&self, all: &[Served]) -> String {
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        let routes: Vec<_> = all.iter().map(|one| one.route.as_str()).collect();
        let wrong = |word: Option<&str>, known: &[&str]| {
            let word = word.filter(|word| !known.contains(word));
            word.map(|word| did_you_mean(word, known))
        };
        let name = wrong(self.name.as_ref().map(ModuleName::as_str), &names);
        let route = wrong(self.route.as_deref(), &routes);
        name.into_iter().chain(route).collect()
    }
}

fn page(served: &[&Served], meant: &str) -> Page {
    let mut page = Page::default();
    if served.is_empty() {
        let none = "no route that the ledger knows serves such a module";
        page.text(format!("{none}{meant}")).end();
        return page;
    }
    let rows = served.iter().map(|one| entry::module_row(one));
    let rows: Vec<_> = std::iter::once(entry::module_heading())
        .chain(rows)
        .collect();
    page.table(0, &rows);
    page
}
