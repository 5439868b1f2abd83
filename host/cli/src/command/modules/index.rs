//! `modules index`: the next edition of a name's index.

use claimbound::modules::ModuleName;

use crate::console::{Console, Status};
use crate::edition::{self, Yank};
use crate::{module_name, store};

/// Make, sign and publish the next edition of an index.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules index ./modules acme-deploy --key release.key --expires 7d
  claimbound modules index https://registry.example/policies acme-deploy \\
    --key release.key --expires 7d --yank 1.4.0 --reason 'lets forks in'

It lists the versions that the store holds. What the edition before said of a
version stays, so that edition has to be signed by the key, or by one of `--trust`;
so has the statement of each version that is new. A version that is gone from the
store is left out, and told.

Exit status: 0 published, 2 it could not be.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: store::Arguments,

    /// The name of the modules.
    #[arg(value_name = "NAME", value_parser = module_name::parse)]
    name: ModuleName,

    #[command(flatten)]
    edition: edition::Arguments,

    /// Yank this version: no host begins to use it.
    #[arg(long, value_name = "VERSION", requires = "reason", value_parser = edition::version)]
    yank: Option<claimbound::modules::Version>,

    /// Why it is yanked; the index says it to everybody.
    #[arg(long, value_name = "TEXT", requires = "yank")]
    reason: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let yank = arguments.yank.as_ref().zip(arguments.reason.as_deref());
    let yank = yank.map(|(version, reason)| Yank { version, reason });
    edition::publish(
        &arguments.store,
        &arguments.name,
        &arguments.edition,
        yank,
        console,
    )
}
