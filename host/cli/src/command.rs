//! The commands, one module each.

mod build;
mod check;
mod completions;
mod demo;
mod explain;
mod inspect;
mod man;
mod new;
mod test;
mod token;

use clap::Subcommand;

use crate::console::{Console, Status};

/// What the program is asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Box<check::Arguments>),
    Explain(Box<explain::Arguments>),
    Test(test::Arguments),
    Build(build::Arguments),
    Inspect(inspect::Arguments),
    Token(token::Arguments),
    New(new::Arguments),
    Demo(demo::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Runs a command.
///
/// # Errors
/// Why no answer could be given.
pub(crate) fn run(command: &Command, console: Console) -> anyhow::Result<Status> {
    match command {
        Command::Check(arguments) => check::run(arguments, console),
        Command::Explain(arguments) => explain::run(arguments, console),
        Command::Test(arguments) => test::run(arguments, console),
        Command::Build(arguments) => build::run(arguments, console),
        Command::Inspect(arguments) => inspect::run(arguments, console),
        Command::Token(arguments) => token::run(arguments, console),
        Command::New(arguments) => new::run(arguments, console),
        Command::Demo(_) => demo::run(console),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Man(arguments) => man::run(arguments),
    }
}
