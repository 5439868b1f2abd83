//! `modules yank`: a version that is withdrawn.

use claimbound::modules::{ModuleName, Version};

use crate::console::{Console, Status};
use crate::edition::{self, Yank};
use crate::store;

/// Withdraw a version: hosts take it no more.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules yank ./modules acme-deploy 1.4.0 --reason 'lets forks in' \\
    --key release.key --expires 7d

It makes the next edition of the index, as `claimbound modules index` does, in
which the version stands as withdrawn. The module stays in the store.

Exit status: 0 published, 2 it could not be.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: store::Arguments,

    /// The name of the module.
    #[arg(value_name = "NAME")]
    name: ModuleName,

    /// The version.
    #[arg(value_name = "VERSION", value_parser = edition::version)]
    version: Version,

    /// Why it is withdrawn; the index says it to everybody.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    edition: edition::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let yank = Yank {
        version: &arguments.version,
        reason: &arguments.reason,
    };
    edition::publish(
        &arguments.store,
        &arguments.name,
        &arguments.edition,
        Some(yank),
        console,
    )
}
