//! `audit try`: which decisions on record another policy would flip.

use std::path::PathBuf;
use std::sync::Arc;

use claimbound::models::Registry;
use claimbound::policy::Policy;
use claimbound::record::{Decision, Disagreement, NotDerived};

use super::comparison::{self, Tally};
use super::verify::plural;
use crate::command::check;
use crate::console::{Console, Status};
use crate::page::{Ink, Page};

/// Show which decisions on record a candidate would flip, and why.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound audit try record --policy candidate.toml
  claimbound audit try record --policy candidate.wasm --format json

Every token on record whose claims were kept is put to the candidate, at the time
and on the route of its decision, and under that route's ceiling. A candidate that
reads a claim which the policy of that day did not read can't be asked about it.

Exit status: 0 nothing flips, 1 something does, 2 no token could be put to it.")]
pub(crate) struct Arguments {
    /// The folder of the record.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// The candidate: a document, or a component.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let candidate = comparison::policy(&arguments.policy)?;
    let notes = super::notes(&arguments.folder)?;
    let mut tally = Tally::default();
    super::each_decision(&arguments.folder, |seq, decision| {
        if let Err(why) = compare(&mut tally, &candidate, seq, decision) {
            tally.not_derived(&why);
        }
        Ok(())
    })?;
    console.answer(|| page(&tally), || tally.json("flips"))?;
    check::notes(&notes);
    Ok(tally.status())
}

fn compare(
    tally: &mut Tally,
    candidate: &Arc<Policy>,
    seq: u64,
    decision: &Decision,
) -> Result<(), NotDerived> {
    let now = decision.decide_again(candidate, Registry::standard())?;
    match decision.disagrees(&now)? {
        // Another statement or other reasons come to the same for the bearer.
        None | Some(Disagreement::Statement | Disagreement::Codes) => tally.same += 1,
        Some(Disagreement::Outcome) => tally.differs(seq, decision, &now),
    }
    Ok(())
}

fn page(tally: &Tally) -> Page {
    let mut page = Page::default();
    let same = plural(tally.same, "decision");
    match (tally.differences(), tally.status()) {
        (0, Status::Unanswered) => page.put(Ink::Warn, "! no token could be put to the candidate"),
        (0, _) => page
            .put(Ink::Good, "✓ nothing flips")
            .text(format!("  {same} the same")),
        (count, _) => page
            .put(
                Ink::Bad,
                format!("✗ {} would flip", plural(count, "decision")),
            )
            .text(format!("  {same} would not")),
    };
    page.end();
    for ((then, now), count) in &tally.pairs {
        page.field(&count.to_string(), format!("from {then} to {now}"));
    }
    tally.show(&mut page);
    page
}
