//! `modules approve`: up to which major version a route takes a module up.

use anyhow::Context as _;
use claimbound::ledger::{Action, Change};
use claimbound::modules::ModuleName;

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, module_name};

/// Let a route take up versions of a module up to a major version.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules approve acme-deploy --route deploy --major 2 --reason 'reviewed'
  claimbound modules approve acme-deploy --route deploy --major 2 --reason x --dry-run

The major version of the first version that a route serves is approved, and none above
it. An approval is taken back by a lower number, down to what is served.

Exit status: 0 approved, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The module.
    #[arg(value_name = "NAME", value_parser = module_name::parse)]
    name: ModuleName,

    /// The route.
    #[arg(long, value_name = "ROUTE")]
    route: String,

    /// The highest major version that may be taken up.
    #[arg(long, value_name = "NUMBER", value_parser = major)]
    major: u64,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

/// A major version alone.
fn major(text: &str) -> anyhow::Result<u64> {
    let number = text.parse();
    number.with_context(|| format!("`{text}` is no major version alone, such as `2`"))
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let change = Change::ApproveMajor {
        route: arguments.route.clone(),
        name: arguments.name.clone(),
        major: arguments.major,
    };
    changed::make(
        &arguments.ledger.open(arguments.operator.run())?,
        &arguments.operator,
        Action::ApproveMajor,
        [change],
        console,
    )
}
