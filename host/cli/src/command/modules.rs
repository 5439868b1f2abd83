//! `modules`: policies that are published as modules, and what routes serve of
//! them.

mod approve;
mod promote;
mod rollback;
mod served;

use clap::Subcommand;

use crate::console::{Console, Status};

/// Publish policy modules, and decide which version a route serves.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  export CLAIMBOUND_LEDGER=sqlite:/var/lib/claimbound/ledger.db
  claimbound modules served
  claimbound modules rollback acme-deploy --route deploy --to 1.3.0 --reason 'denies forks'
  claimbound modules approve acme-deploy --route deploy --major 2 --reason reviewed

What is served stands in the ledger: no host goes back to a lower version by itself.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Served(served::Arguments),
    Rollback(rollback::Arguments),
    Approve(approve::Arguments),
    Promote(promote::Arguments),
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    match &arguments.command {
        Command::Served(arguments) => served::run(arguments, console),
        Command::Rollback(arguments) => rollback::run(arguments, console),
        Command::Approve(arguments) => approve::run(arguments, console),
        Command::Promote(arguments) => promote::run(arguments, console),
    }
}
