//! `revoke`: refuses tokens although nothing else is wrong with them.

mod lift;
mod list;
mod target;

use anyhow::Context as _;
use claimbound::ledger::{Action, Change};
use clap::Subcommand;

use crate::console::{Console, Status};
use crate::operator::{self, Operator};
use crate::{changed, ledger, time};
use target::Targeted;

/// Refuse tokens from now on: one, a subject's, a key's, or a whole issuer's.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound revoke token --file leaked.jwt --reason 'printed in a log'
  claimbound revoke subject repo:acme/infra:ref:refs/heads/main --reason 'incident 7' --for 2d
  claimbound revoke key --jwk leaked.jwk --reason 'leaked' --dry-run
  claimbound revoke list
  claimbound revoke lift issuer https://id.example --reason 'the issuer is back'

It takes effect with the next decision of every host on this ledger, whatever its
policy asks. Every change takes `--reason` and can be tried by `--dry-run`.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Revoke one token, by its `jti` or by the token itself.
    #[command(after_help = "\
Examples:
  claimbound revoke token --file leaked.jwt --reason 'printed in a log'
  claimbound revoke token 0b51c2 --issuer https://id.example --reason 'printed in a log'
  some-command | claimbound revoke token --file - --reason 'reported' --dry-run

A token that is given as it is need not be verified: it is revoked by the digest of
what was signed, whoever signed it, and is never shown.

Exit status: 0 revoked, 1 refused, 2 no answer could be given.")]
    Token(Box<Revoke<target::Token>>),
    /// Revoke every token of a subject.
    #[command(after_help = "\
Examples:
  claimbound revoke subject repo:acme/infra:environment:production --reason 'incident 7'
  claimbound revoke subject spiffe://acme.example/ns/prod/sa/deploy --for 2d \\
    --issuer https://id.acme.example --model spiffe --reason 'incident 7'

It holds for the subject in every shape that the issuer's naming model knows, also
with ids in it or without. No pattern: to bar a repository or an owner whole, see
`claimbound subject suspend`.

Exit status: 0 revoked, 1 refused, 2 no answer could be given.")]
    Subject(Box<Revoke<target::Subject>>),
    /// Revoke every token that a key signed.
    #[command(after_help = "\
Examples:
  claimbound revoke key --jwk leaked.jwk --reason 'leaked'
  claimbound revoke key kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --reason 'leaked'

Without `--issuer` it holds whoever's key it is.

Exit status: 0 revoked, 1 refused, 2 no answer could be given.")]
    Key(Box<Revoke<target::Key>>),
    /// Revoke every token of an issuer.
    #[command(after_help = "\
Examples:
  claimbound revoke issuer https://id.example --reason 'compromised'
  claimbound revoke issuer https://id.example --reason 'maintenance' --for 2h

Exit status: 0 revoked, 1 refused, 2 no answer could be given.")]
    Issuer(Box<Revoke<target::Issuer>>),
    List(list::Arguments),
    Lift(lift::Arguments),
}

/// What is revoked, until when, by whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke<T: clap::Args> {
    #[command(flatten)]
    target: T,

    /// When it ends: RFC 3339, or seconds since 1970; by default only
    /// when it is lifted.
    #[arg(long, value_name = "TIME", value_parser = time::parse, conflicts_with = "duration")]
    until: Option<u64>,

    /// How long it holds, such as `2h` or `30d`.
    #[arg(id = "duration", long = "for", value_name = "DURATION", value_parser = time::parse_duration)]
    duration: Option<u64>,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    match &arguments.command {
        Command::Token(revoke) => revoke.run(console),
        Command::Subject(revoke) => revoke.run(console),
        Command::Key(revoke) => revoke.run(console),
        Command::Issuer(revoke) => revoke.run(console),
        Command::List(arguments) => list::run(arguments, console),
        Command::Lift(arguments) => lift::run(arguments, console),
    }
}

impl<T: clap::Args + Targeted> Revoke<T> {
    fn run(&self, console: Console) -> anyhow::Result<Status> {
        let ledger = self.ledger.open(self.operator.run())?;
        let note = self.target.check(&ledger)?;
        let change = Change::Revoke {
            target: self.target.target(&ledger)?,
            until: self.end()?,
        };
        let status = changed::make(&ledger, &self.operator, Action::Revoke, [change], console)?;
        changed::tell(status, note);
        Ok(status)
    }

    fn end(&self) -> anyhow::Result<Option<u64>> {
        let Some(duration) = self.duration else {
            return Ok(self.until);
        };
        let end = operator::now().checked_add(duration);
        // What can't be written as a date is for ever.
        let end = end.filter(|end| *end <= time::LAST);
        Ok(Some(end.context("`--for` ends past the year 9999")?))
    }
}
