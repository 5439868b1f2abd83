//! `modules reject`: a route never takes a version up.

use claimbound::ledger::{Action, Change};
use claimbound::modules::ModuleId;

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, module_name};

/// Have a route never take up a version of a module, and stay with what it serves.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules reject acme-deploy@1.5.0 --route deploy --reason 'lets forks in'
  claimbound modules reject acme-deploy@1.5.0 --route deploy --reason x --dry-run

Nothing between what is served and that version is taken up either, and a promotion of
one of these ends. A candidate that decides beside what is served is dropped. To go on,
publish a higher version: a rejection is not taken back, so that a version which no host
on the ledger has looked at takes `--unseen`. What is served already is left
by `claimbound modules rollback`; other routes go by their own word, and `claimbound
modules yank` withdraws a version from all.

Exit status: 0 rejected, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The module and its version.
    #[arg(value_name = "NAME@VERSION", value_parser = module_name::parse_id)]
    module: ModuleId,

    /// The route.
    #[arg(long, value_name = "ROUTE")]
    route: String,

    /// Reject a version that no host has looked at.
    #[arg(long)]
    unseen: bool,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let change = Change::Reject {
        route: arguments.route.clone(),
        module: arguments.module.clone(),
        unseen: arguments.unseen,
    };
    changed::make(
        &arguments.ledger.open(arguments.operator.run())?,
        &arguments.operator,
        Action::Reject,
        [change],
        console,
    )
}
