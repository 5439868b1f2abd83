//! `subject forget`: undoes what a route has enrolled.

use claimbound::ledger::{Action, Change};

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, naming};

/// Undo what a route's statement has enrolled.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject forget repository acme/infra --route deploy --statement production \\
    --reason 'enrolled by a test'

What an operator said stays. The next first use enrols again, where the statement
lets it. History keeps both.

Exit status: 0 forgotten, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The kind of name, such as `repository`.
    #[arg(value_name = "KIND")]
    kind: String,

    /// The name.
    #[arg(value_name = "NAME")]
    name: String,

    /// The route that enrolled it.
    #[arg(long, value_name = "ROUTE")]
    route: String,

    /// The statement of the route's policy that enrolled it.
    #[arg(long, value_name = "STATEMENT")]
    statement: String,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    naming: naming::Arguments,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let ledger = arguments.ledger.open(arguments.operator.run())?;
    let naming = arguments.naming.open(&ledger)?;
    let change = Change::Forget {
        name: naming.name(&arguments.kind, &arguments.name)?,
        route: arguments.route.clone(),
        statement: arguments.statement.clone(),
    };
    changed::make(
        &ledger,
        &arguments.operator,
        Action::Forget,
        [change],
        console,
    )
}
