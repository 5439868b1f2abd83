//! `subject`: the ledger's names, and what an operator says about them.

mod approve;
mod export;
mod forget;
mod history;
mod import;
mod init;
mod list;
mod migrate;
mod resume;
mod retire;
mod show;
mod suspend;

use clap::Subcommand;

use crate::console::{Console, Status};

/// Look at the names that the ledger binds to identities, and decide about them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  export CLAIMBOUND_LEDGER=sqlite:/var/lib/claimbound/ledger.db
  claimbound subject init
  claimbound subject approve owner acme --id 123456 --issuer URL --reason 'our forge'
  claimbound subject list 'acme*'
  claimbound subject migrate acme/infra acme/platform --reason 'renamed' --dry-run

Every change takes `--reason`, is kept in the history with who made it, and can be
tried by `--dry-run`. Only `subject init` makes a ledger.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    List(list::Arguments),
    Show(show::Arguments),
    History(history::Arguments),
    Approve(Box<approve::Arguments>),
    Suspend(suspend::Arguments),
    Resume(resume::Arguments),
    Retire(retire::Arguments),
    Migrate(migrate::Arguments),
    Forget(forget::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    match &arguments.command {
        Command::Init(arguments) => init::run(arguments, console),
        Command::List(arguments) => list::run(arguments, console),
        Command::Show(arguments) => show::run(arguments, console),
        Command::History(arguments) => history::run(arguments, console),
        Command::Approve(arguments) => approve::run(arguments, console),
        Command::Suspend(arguments) => suspend::run(arguments, console),
        Command::Resume(arguments) => resume::run(arguments, console),
        Command::Retire(arguments) => retire::run(arguments, console),
        Command::Migrate(arguments) => migrate::run(arguments, console),
        Command::Forget(arguments) => forget::run(arguments, console),
        Command::Export(arguments) => export::run(arguments),
        Command::Import(arguments) => import::run(arguments, console),
    }
}
