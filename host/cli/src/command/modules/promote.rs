//! `modules promote`: a route serves a version that waits for it.

use claimbound::ledger::{Action, Change};
use claimbound::modules::ModuleId;

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger};

/// Have a route serve a version of a module that waits for a word.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules promote acme-deploy@1.4.0 --route deploy --reason 'a day in shadow'
  claimbound modules promote acme-deploy@1.4.0 --route deploy --reason x --dry-run

It takes effect for any candidate of the route: one that waits for a word, by
`promote = \"by-command\"`, and one that `by-itself` keeps in shadow, also where it
disagreed with what is served. A version below what is served, one that was rolled
back from or rejected, and one of a major version that nobody approved are refused.

Exit status: 0 promoted, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The module and its version.
    #[arg(value_name = "NAME@VERSION")]
    module: ModuleId,

    /// The route.
    #[arg(long, value_name = "ROUTE")]
    route: String,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let change = Change::Promote {
        route: arguments.route.clone(),
        module: arguments.module.clone(),
    };
    changed::make(
        &arguments.ledger.open(arguments.operator.run())?,
        &arguments.operator,
        Action::Promote,
        [change],
        console,
    )
}
