//! `audit replay`: derives the decisions on record again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use claimbound::models::Registry;
use claimbound::policy::Policy;
use claimbound::record::{Decision, NotDerived};
use serde_json::Value;

use super::comparison::{self, Tally};
use super::verify::plural;
use crate::command::check;
use crate::console::{Console, Status};
use crate::page::{Ink, Page};

/// Derive the decisions on record again, by the policies that made them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound audit replay record --policy policy.wasm
  claimbound audit replay record --policy old.wasm --policy policy.wasm --format json

Only decisions whose claims were kept can be derived again, each by the very
component that made it: policies are told apart by digest. It goes as far as the
route's ceiling; what the ledger said then is not asked again.

Exit status: 0 all the same, 1 some differ, 2 none could be derived.")]
pub(crate) struct Arguments {
    /// The folder of the record.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// A policy that decided: a component, or the document that it was built
    /// from. Give it once for each.
    #[arg(long, value_name = "FILE", required = true)]
    policy: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let mut policies = HashMap::new();
    for path in &arguments.policy {
        let policy = comparison::policy(path)?;
        policies.insert(policy.id().digest.clone(), policy);
    }
    let notes = super::notes(&arguments.folder)?;
    let mut tally = Tally::default();
    super::each_decision(&arguments.folder, |seq, decision| {
        if let Err(why) = compare(&mut tally, &policies, seq, decision) {
            tally.not_derived(&why);
        }
        Ok(())
    })?;
    console.answer(|| page(&tally), || json(&tally))?;
    check::notes(&notes);
    Ok(tally.status())
}

fn compare(
    tally: &mut Tally,
    policies: &HashMap<String, Arc<Policy>>,
    seq: u64,
    decision: &Decision,
) -> Result<(), NotDerived> {
    if decision.kept.is_none() {
        return Err(NotDerived::NotKept);
    }
    let Some(policy) = policies.get(&decision.policy.digest) else {
        let id = &decision.policy;
        let why = format!("decided by another policy, {} {}", id.name, id.version);
        tally.left_out(format!("{why} ({})", id.digest));
        return Ok(());
    };
    let again = decision.decide_again(policy, Registry::standard())?;
    match decision.disagrees(&again)? {
        None => tally.same += 1,
        Some(_) => tally.differs(seq, decision, &again),
    }
    Ok(())
}

fn page(tally: &Tally) -> Page {
    let mut page = Page::default();
    let same = plural(tally.same, "decision");
    match (tally.differences(), tally.status()) {
        (0, Status::Unanswered) => page.put(Ink::Warn, "! no decision could be derived again"),
        (0, _) => page.put(Ink::Good, "✓ the same").text(format!("  {same}")),
        (count, _) => page
            .put(
                Ink::Bad,
                format!("✗ {} derived differently", plural(count, "decision")),
            )
            .text(format!("  {same} the same")),
    };
    page.end();
    tally.show(&mut page);
    page
}

fn json(tally: &Tally) -> Value {
    tally.json("different")
}
