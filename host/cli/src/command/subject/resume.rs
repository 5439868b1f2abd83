//! `subject resume`: lifts a suspension.

use claimbound::ledger::{Action, Change};

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, naming};

/// Lift a suspension: the name is what it was before.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject resume repository acme/infra --reason 'the workflow was fixed'

A name that was approved is approved again; one that was not is left to what routes
have enrolled.

Exit status: 0 resumed, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The kind of name, such as `repository`.
    #[arg(value_name = "KIND")]
    kind: String,

    /// The name.
    #[arg(value_name = "NAME")]
    name: String,

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
    let change = Change::Resume {
        name: naming.name(&arguments.kind, &arguments.name)?,
    };
    changed::make(
        &ledger,
        &arguments.operator,
        Action::Resume,
        [change],
        console,
    )
}
