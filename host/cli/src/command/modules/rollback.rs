//! `modules rollback`: a route goes back to a lower version.

use claimbound::ledger::{Action, Change};
use claimbound::modules::{ModuleId, ModuleName, Version, parse_version};

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, module_name};

/// Have a route serve a lower version of a module than it does.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules rollback acme-deploy --route deploy --to 1.3.0 --reason 'denies forks'
  claimbound modules rollback acme-deploy --route deploy --to 1.3.0 --reason x --dry-run

It goes back to a version that was served here before, on whichever route. What is
above it, up to what was served, is not taken up again: publish a higher version. A
promotion ends. Hosts on this ledger follow within seconds, where `version` of the
route takes that version; where it does not, they go on, and do not start again.

Exit status: 0 rolled back, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The module.
    #[arg(value_name = "NAME", value_parser = module_name::parse)]
    name: ModuleName,

    /// The route.
    #[arg(long, value_name = "ROUTE")]
    route: String,

    /// The version to go back to.
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    to: Version,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let change = Change::RollBack {
        route: arguments.route.clone(),
        to: ModuleId::new(arguments.name.clone(), arguments.to.clone())?,
    };
    let status = changed::make(
        &arguments.ledger.open(arguments.operator.run())?,
        &arguments.operator,
        Action::RollBack,
        [change],
        console,
    )?;
    changed::tell(status, Some(arguments.bound()));
    Ok(status)
}

impl Arguments {
    /// What the ledger can't know: it has no host's configuration.
    fn bound(&self) -> String {
        format!(
            "a host follows only where its route's `version` takes {}; `claimbound modules \
             status` shows whether it did",
            self.to
        )
    }
}
