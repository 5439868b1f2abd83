//! `subject suspend`: bars a name for now.

use claimbound::ledger::{Action, Change};

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, naming};

/// Bar a name, and the identity behind it, until it is resumed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject suspend repository acme/infra --reason 'a leaked workflow'
  claimbound subject suspend owner acme --reason 'under investigation' --dry-run

It holds on every route, whatever a route has enrolled, and for the name's id under
every other name as well. A name that nobody has seen can be barred too.

Exit status: 0 suspended, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The kind of name, such as `repository`.
    #[arg(value_name = "KIND")]
    kind: String,

    /// The name.
    #[arg(value_name = "NAME")]
    name: String,

    /// The id that is barred under every name, where the ledger does not know it
    /// or knows several.
    #[arg(long, value_name = "ID")]
    id: Option<String>,

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
    let name = naming.name(&arguments.kind, &arguments.name)?;
    let note = naming::unknown(&ledger, &name, arguments.id.as_deref())?;
    let change = Change::Suspend {
        name,
        id: arguments.id.clone(),
    };
    let status = changed::make(
        &ledger,
        &arguments.operator,
        Action::Suspend,
        [change],
        console,
    )?;
    changed::tell(status, note);
    Ok(status)
}
