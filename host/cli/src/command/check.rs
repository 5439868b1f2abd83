//! `check`: decides one token.

use claimbound::ledger::Run;

use crate::console::{self, Console, Status};
use crate::page::Page;
use crate::{outcome, question, recorder};

/// Decide one token.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound check --policy policy.toml --token token.jwt --jwks keys.json
  claimbound check --policy policy.wasm --token env:ID_TOKEN --jwks github=keys.json
  claimbound check --policy policy.toml --claims claims.json --at 2026-11-23T10:00:00Z
  claimbound check --policy policy.toml --token token.jwt --jwks keys.json \\
    --ledger ledger.db --route deploy
  claimbound check --policy policy.wasm --token token.jwt --jwks keys.json \\
    --code-cache ~/.cache/claimbound --code-key code.key
  claimbound check --policy policy.wasm --token token.jwt --jwks keys.json --record record

Without `--ledger` it decides as a host on its first day would: with an empty ledger
and no token spent. What it takes for granted is listed as assumed, and nothing is
written but machine code and the record, to the folders that `--code-cache` and
`--record` name.

With `--ledger` nothing is assumed: names are looked up, first uses are enrolled for
`--route`, tokens are spent, and what is revoked is denied. Enrolments count for the
route that is named alone: `deploy` knows nothing of what `check`, the default, has
enrolled. With `--claims` or `--at` the ledger is only looked at, and what would be
written is listed as assumed. The variable `CLAIMBOUND_LEDGER` is not read here, so
that no decision writes unasked; `--ledger env:CLAIMBOUND_LEDGER` does.

Exit status: 0 allowed, 1 denied, 2 no answer could be given.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    question: question::Arguments,

    #[command(flatten)]
    record: recorder::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let mut question = arguments.question.open(Run::Real)?;
    if let Some(journal) = arguments.record.open()? {
        question = question.recorded(arguments.question.route(), journal);
    }
    let outcome = question.decide();
    let policy = question.gate().policy().id();
    console.answer(
        || {
            let mut page = Page::default();
            outcome::show(&mut page, &outcome, policy, question.now);
            page
        },
        || outcome::to_json(&outcome, policy),
    )?;
    notes(&question.notes);
    Ok(outcome::status(&outcome))
}

/// Says what is worth knowing beside the answer.
pub(super) fn notes(notes: &[String]) {
    for note in notes {
        console::note(note);
    }
}
