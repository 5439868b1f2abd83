//! `modules promote`: a route serves a version that waits for it.

use claimbound::ledger::{Action, Change, Ledger, ServeError, Withheld};
use claimbound::modules::{Digest, ModuleId};

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, module_name};

/// Have a route serve a version of a module that waits for a word.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules promote acme-deploy@1.4.0 --route deploy --reason 'a day in shadow'
  claimbound modules promote acme-deploy@1.4.0 --route deploy --reason x --dry-run

It takes effect for any candidate of the route: one that waits for a word, by
`promote = \"by-command\"`, and one that `by-itself` keeps in shadow, also where it
disagreed with what is served. One that no host on the ledger has looked at takes
`--unseen`, such as where none starts without it. A version below what is served, one that was rolled
back from or rejected, and one of a major version that nobody approved are refused.

Exit status: 0 promoted, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The module and its version.
    #[arg(value_name = "NAME@VERSION", value_parser = module_name::parse_id)]
    module: ModuleId,

    /// The route.
    #[arg(long, value_name = "ROUTE")]
    route: String,

    /// Promote a version that no host has looked at: whatever comes to be published
    /// as it is meant.
    #[arg(long)]
    unseen: bool,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let change = Change::Promote {
        route: arguments.route.clone(),
        module: arguments.module.clone(),
        unseen: arguments.unseen,
    };
    let ledger = arguments.ledger.open(arguments.operator.run())?;
    let status = changed::make(
        &ledger,
        &arguments.operator,
        Action::Promote,
        [change],
        console,
    )?;
    let unknown = !is_known(&ledger, arguments);
    changed::tell(status, unknown.then(|| arguments.unknown()));
    Ok(status)
}

/// Whether any host on the ledger has looked at the version, and so noted its digest.
fn is_known(ledger: &Ledger, arguments: &Arguments) -> bool {
    // Of a known version, the ledger refuses another digest; no component is empty.
    let may = ledger.may_serve(&arguments.route, &arguments.module, Digest::of(b""));
    matches!(may, Err(ServeError::Withheld(Withheld::Digest { .. })))
}

impl Arguments {
    fn unknown(&self) -> String {
        format!(
            "no host on this ledger has looked at `{}` yet: it is taken up once one finds it in \
             its store and in the index there, as `claimbound modules list` shows them; \
             `claimbound modules status` says what becomes of it",
            self.module
        )
    }
}
