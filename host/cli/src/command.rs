//! The commands, one module each.

mod audit;
mod bench;
mod build;
mod check;
mod completions;
mod demo;
mod diff;
mod explain;
mod inspect;
mod lint;
mod man;
mod modules;
mod new;
mod pull;
mod push;
mod revoke;
mod serve;
mod sign;
mod subject;
mod test;
mod token;
mod verify;

use clap::Subcommand;

use crate::console::{Console, Shape, Status, Written};

/// What the program is asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Box<check::Arguments>),
    Explain(explain::Arguments),
    Test(test::Arguments),
    Build(build::Arguments),
    Inspect(inspect::Arguments),
    Lint(lint::Arguments),
    Diff(diff::Arguments),
    Token(token::Arguments),
    Push(push::Arguments),
    Pull(pull::Arguments),
    Modules(modules::Arguments),
    Subject(subject::Arguments),
    Revoke(revoke::Arguments),
    Audit(audit::Arguments),
    Sign(sign::Arguments),
    Verify(verify::Arguments),
    Serve(serve::Arguments),
    New(new::Arguments),
    Bench(bench::Arguments),
    Demo(demo::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

impl Command {
    /// Whether its answer can be written so.
    pub(crate) const fn writes(&self, written: Written) -> bool {
        matches!(
            (self, written),
            (_, Written::Human | Written::Json)
                | (Self::Lint(_), _)
                | (Self::Test(_), Written::Junit)
                | (Self::Diff(_), Written::Markdown)
        )
    }

    /// The shape of its answer.
    pub(crate) const fn shape(&self) -> Shape {
        match self {
            Self::Check(_) => Shape::Outcome,
            Self::Explain(arguments) => arguments.shape(),
            Self::Test(_)
            | Self::Build(_)
            | Self::Inspect(_)
            | Self::Lint(_)
            | Self::Diff(_)
            | Self::Token(_)
            | Self::Push(_)
            | Self::Pull(_)
            | Self::Modules(_)
            | Self::Subject(_)
            | Self::Revoke(_)
            | Self::Audit(_)
            | Self::Sign(_)
            | Self::Verify(_)
            | Self::Serve(_)
            | Self::New(_)
            | Self::Bench(_)
            | Self::Demo(_)
            | Self::Completions(_)
            | Self::Man(_) => Shape::Own,
        }
    }
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
        Command::Lint(arguments) => lint::run(arguments, console),
        Command::Diff(arguments) => diff::run(arguments, console),
        Command::Token(arguments) => token::run(arguments, console),
        Command::Push(arguments) => push::run(arguments, console),
        Command::Pull(arguments) => pull::run(arguments, console),
        Command::Modules(arguments) => modules::run(arguments, console),
        Command::Subject(arguments) => subject::run(arguments, console),
        Command::Revoke(arguments) => revoke::run(arguments, console),
        Command::Audit(arguments) => audit::run(arguments, console),
        Command::Sign(arguments) => sign::run(arguments, console),
        Command::Verify(arguments) => verify::run(arguments, console),
        Command::Serve(arguments) => serve::run(arguments, console),
        Command::New(arguments) => new::run(arguments, console),
        Command::Bench(arguments) => bench::run(arguments, console),
        Command::Demo(_) => demo::run(console),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Man(arguments) => man::run(arguments),
    }
}
