//! `subject retire`: bars a name for ever.

use anyhow::bail;
use claimbound::ledger::{Action, Change};

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, naming};

/// Bar a name, and the identity behind it, for ever.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject retire repository acme/old --reason 'deleted' --dry-run
  claimbound subject retire repository acme/old --reason 'deleted' --confirm acme/old

Nobody is accepted under a retired name again, nor its identity under another one.
There is no way back, so that the name has to be said twice.

Exit status: 0 retired, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The kind of name, such as `repository`.
    #[arg(value_name = "KIND")]
    kind: String,

    /// The name.
    #[arg(value_name = "NAME")]
    name: String,

    /// The name once more, because this can't be undone; not needed for a dry run.
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,

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
    arguments.check_confirmed()?;
    let ledger = arguments.ledger.open(arguments.operator.run())?;
    let naming = arguments.naming.open(&ledger)?;
    let name = naming.name(&arguments.kind, &arguments.name)?;
    let note = naming::unknown(&ledger, &name, arguments.id.as_deref())?;
    let change = Change::Retire {
        name,
        id: arguments.id.clone(),
    };
    let status = changed::make(
        &ledger,
        &arguments.operator,
        Action::Retire,
        [change],
        console,
    )?;
    changed::tell(status, note);
    Ok(status)
}

impl Arguments {
    fn check_confirmed(&self) -> anyhow::Result<()> {
        let name = &self.name;
        match &self.confirm {
            Some(confirmed) if confirmed == name => Ok(()),
            Some(other) => bail!("`--confirm {other}` is not the name to retire, `{name}`"),
            None if self.operator.dry_run => Ok(()),
            None => bail!(
                "retiring can't be undone: try it by `--dry-run`, and do it by `--confirm {name}`"
            ),
        }
    }
}
