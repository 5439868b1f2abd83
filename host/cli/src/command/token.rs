//! `token`: decode, verify, mint and fetch tokens.

pub(crate) mod decode;
pub(crate) mod fetch;
pub(crate) mod mint;
pub(crate) mod verify;

use claimbound::reason::Reason;
use clap::Subcommand;

use crate::console::{Console, Status};
use crate::page::{Ink, Page};

/// Look at tokens, check their signatures, make some for tests, fetch your own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound token decode token.jwt
  claimbound token verify --jwks keys.json token.jwt
  claimbound token mint --like policy.toml:trust.production --jwks-out keys.json > token.jwt
  claimbound token fetch --audience https://deploy.acme.example")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Decode(decode::Arguments),
    Verify(Box<verify::Arguments>),
    Mint(Box<mint::Arguments>),
    Fetch(Box<fetch::Arguments>),
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    match &arguments.command {
        Command::Decode(arguments) => decode::run(arguments, console),
        Command::Verify(arguments) => verify::run(arguments, console),
        Command::Mint(arguments) => mint::run(arguments, console),
        Command::Fetch(arguments) => fetch::run(arguments, console),
    }
}

/// A refusal on a line of its own, with what would have been accepted.
fn refused(page: &mut Page, reason: &Reason) {
    page.put(Ink::Bad, "✗ refused")
        .text("  ")
        .put(Ink::Strong, reason.code.as_str())
        .end();
    page.text("  ").text(&reason.message).end();
    if !reason.expected.is_empty() {
        page.field("expected", &reason.expected);
    }
    if let Some(found) = &reason.found {
        page.field("found", found);
    }
}
