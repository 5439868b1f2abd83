//! `modules`: the keys that sign modules, the stores that hold them, and what
//! routes serve of them.

mod approve;
mod compare;
mod index;
mod keygen;
mod list;
mod promote;
mod reject;
mod rollback;
mod served;
mod status;
mod yank;

use clap::Subcommand;

use crate::console::{Console, Status};

/// Publish policies as signed versions, and decide which of them a route serves.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules keygen release
  claimbound modules index ./modules acme-deploy --key release.key --expires 7d
  claimbound modules yank ./modules acme-deploy 1.4.0 --reason 'lets forks in' \\
    --key release.key --expires 7d
  claimbound modules compare old.wasm new.wasm
  claimbound modules status --admin unix:/run/claimbound/admin.sock
  export CLAIMBOUND_LEDGER=sqlite:/var/lib/claimbound/ledger.db
  claimbound modules rollback acme-deploy --route deploy --to 1.3.0 --reason 'denies forks'
  claimbound modules approve acme-deploy --route deploy --major 2 --reason reviewed
  claimbound modules reject acme-deploy@1.5.0 --route deploy --reason 'lets forks in'

A module is signed by `claimbound sign`, and put into a store, which is a folder or a
registry, by `claimbound push`. Hosts take what the store's index lists, which is
signed and expires: make the next edition before that. What is served stands in the
ledger: no host goes back to a lower version by itself.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keygen(keygen::Arguments),
    Index(index::Arguments),
    Yank(yank::Arguments),
    List(list::Arguments),
    Compare(compare::Arguments),
    Status(status::Arguments),
    Served(served::Arguments),
    Rollback(rollback::Arguments),
    Approve(approve::Arguments),
    Reject(reject::Arguments),
    Promote(promote::Arguments),
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    match &arguments.command {
        Command::Keygen(arguments) => keygen::run(arguments, console),
        Command::Index(arguments) => index::run(arguments, console),
        Command::Yank(arguments) => yank::run(arguments, console),
        Command::List(arguments) => list::run(arguments, console),
        Command::Compare(arguments) => compare::run(arguments, console),
        Command::Status(arguments) => status::run(arguments, console),
        Command::Served(arguments) => served::run(arguments, console),
        Command::Rollback(arguments) => rollback::run(arguments, console),
        Command::Approve(arguments) => approve::run(arguments, console),
        Command::Reject(arguments) => reject::run(arguments, console),
        Command::Promote(arguments) => promote::run(arguments, console),
    }
}
