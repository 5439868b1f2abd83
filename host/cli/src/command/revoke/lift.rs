//! `revoke lift`: takes a revocation back.

use claimbound::ledger::{Action, Change};
use clap::Subcommand;

use super::target::{self, Targeted};
use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger};

/// Take a revocation back before its end.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound revoke lift issuer https://id.example --reason 'the issuer is back'
  claimbound revoke lift token --file leaked.jwt --reason 'it was no secret'

Exit status: 0 lifted, 1 no such thing is revoked, 2 no answer could be given.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lift the revocation of one token.
    #[command(after_help = "\
Examples:
  claimbound revoke lift token --file leaked.jwt --reason 'it was no secret'
  claimbound revoke lift token 0b51c2 --issuer https://id.example --reason 'wrong token'")]
    Token(Box<Lift<target::Token>>),
    /// Lift the revocation of a subject.
    #[command(after_help = "\
Examples:
  claimbound revoke lift subject repo:acme/infra:ref:refs/heads/main --reason 'fixed'")]
    Subject(Box<Lift<target::Subject>>),
    /// Lift the revocation of a key.
    #[command(after_help = "\
Examples:
  claimbound revoke lift key --jwk other.jwk --reason 'the wrong key'")]
    Key(Box<Lift<target::Key>>),
    /// Lift the revocation of an issuer.
    #[command(after_help = "\
Examples:
  claimbound revoke lift issuer https://id.example --reason 'the issuer is back'")]
    Issuer(Box<Lift<target::Issuer>>),
}

/// What is revoked no longer, and by whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Lift<T: clap::Args> {
    #[command(flatten)]
    target: T,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    match &arguments.command {
        Command::Token(lift) => lift.run(console),
        Command::Subject(lift) => lift.run(console),
        Command::Key(lift) => lift.run(console),
        Command::Issuer(lift) => lift.run(console),
    }
}

impl<T: clap::Args + Targeted> Lift<T> {
    fn run(&self, console: Console) -> anyhow::Result<Status> {
        let ledger = self.ledger.open(self.operator.run())?;
        let target = self.target.target(&ledger)?;
        let change = Change::Lift { target };
        changed::make(&ledger, &self.operator, Action::Lift, [change], console)
    }
}
