//! `modules yank`: a version that nobody should begin to use.

use claimbound::modules::{ModuleName, Version};

use crate::console::{Console, Status};
use crate::edition::{self, Yank};
use crate::{module_name, store};

/// Yank a version: no host begins to use it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules yank ./modules acme-deploy 1.4.0 --reason 'lets forks in' \\
    --key release.key --expires 7d

It makes the next edition of the index, as `claimbound modules index` does, in
which the version stands as yanked. The module stays in the store, and a host that
serves it goes on and says so: `claimbound modules rollback` has a route leave it.

Exit status: 0 published, 2 it could not be.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: store::Arguments,

    /// The name of the module.
    #[arg(value_name = "NAME", value_parser = module_name::parse)]
    name: ModuleName,

    /// The version.
    #[arg(value_name = "VERSION", value_parser = edition::version)]
    version: Version,

    /// Why it is yanked; the index says it to everybody.
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
