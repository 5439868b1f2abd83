//! `subject migrate`: follows an identity to another name.

use claimbound::ledger::{Change, Name};

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, naming};

/// Follow an identity to another name; the old one stays barred to all others.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject migrate acme/infra acme/platform --reason 'renamed' --dry-run
  claimbound subject migrate acme acme-corp --kind owner --children --reason 'renamed'
  claimbound subject migrate acme/infra ops/infra --parent ops --reason 'transferred'

It moves what an operator approved and what routes enrolled, all in one. Ask whoever
owns the identity whether it was renamed before you follow it.

Exit status: 0 migrated, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The name that the identity leaves.
    #[arg(value_name = "OLD")]
    old: String,

    /// The name that it goes by.
    #[arg(value_name = "NEW")]
    new: String,

    /// The kind of name; by default the only one of which the ledger knows OLD.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// The identity's id, where several were seen with OLD.
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    #[command(flatten)]
    parent: naming::ParentArguments,

    /// Take what belongs to it, and is named after it, along.
    #[arg(long)]
    children: bool,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    naming: naming::Arguments,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let ledger = arguments.ledger.open()?;
    let naming = arguments.naming.open(&ledger)?;
    let kind = match &arguments.kind {
        Some(kind) => naming.kind(kind)?,
        None => naming.kind_of(&ledger, &arguments.old)?,
    };
    let change = Change::Migrate {
        from: Name::of(&naming.issuer, kind, &arguments.old),
        to: Name::of(&naming.issuer, kind, &arguments.new),
        id: arguments.id.clone(),
        parent: naming.parent(&ledger, kind, &arguments.parent)?,
        children: arguments.children,
    };
    changed::make(&ledger, &arguments.operator, "migrate", [change], console)
}
