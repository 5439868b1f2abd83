//! What became of a policy's mutants, shown.

use anyhow::{Context as _, bail};
use claimbound::outcome::Outcome;
use claimbound_analysis::{Difference, Mutant, Mutation, MutationLimits, Survivor, mutation};
use claimbound_language::DerivedToken;
use serde_json::{Value, json};

use crate::console::Progress;
use crate::example;
use crate::page::{Cell, Ink, Page};
use crate::trial::Trial;

/// The most survivors that a person is shown.
const MOST_LISTED: usize = 100;
/// The most tokens that a person is shown; programs get all.
const MOST_EXAMPLES: usize = 3;

/// Tries the mutants of a policy on its cases, and the component on the tokens of those
/// that survive.
pub(super) fn run(policy: &str, trial: &Trial) -> anyhow::Result<Mutation> {
    let mut progress = None;
    let told = |number, total| {
        let progress = progress.get_or_insert_with(|| Progress::of(total));
        progress.at(number, &format!("mutants of {policy}"));
    };
    let (compiled, cases) = (trial.compiled()?, trial.tried()?);
    let mutation = mutation(compiled, &cases, MutationLimits::default(), told);
    drop(progress);
    let shown = mutation
        .survivors
        .iter()
        .filter_map(|one| one.shown.as_ref());
    for difference in shown {
        confirm(policy, trial, difference)?;
    }
    Ok(mutation)
}

/// Asks the component about a token, of which the document was asked.
fn confirm(policy: &str, trial: &Trial, difference: &Difference) -> anyhow::Result<()> {
    let token = difference.token.clone();
    let outcome = trial.sandboxed().decide(DerivedToken {
        claims: token.claims,
        key: token.key,
        request: token.request,
    });
    let by = match outcome.with_context(|| format!("`{policy}`"))? {
        Outcome::Allow(allowed) => Some(allowed.statement.clone()),
        Outcome::Deny(_) => None,
        Outcome::Error(error) => bail!("`{policy}` could not be asked: {error}"),
    };
    if by != difference.before {
        bail!("the component of `{policy}` decides an example otherwise than its document does");
    }
    Ok(())
}

/// Whether at least so many percent of the mutants were noticed; never where some were
/// not tried.
pub(super) fn reaches(mutation: &Mutation, least: u8) -> bool {
    let wanted = mutation.counted().saturating_mul(usize::from(least));
    mutation.untried == 0 && mutation.noticed.saturating_mul(100) >= wanted
}

/// Adds how many were noticed, and which were not, with a token that would have been.
pub(super) fn show(page: &mut Page, mutation: &Mutation, least: Option<u8>) {
    let is_enough = least.is_none_or(|least| reaches(mutation, least));
    let ink = match (is_enough, mutation.survivors.is_empty()) {
        (true, true) => Ink::Good,
        (true, false) => Ink::Warn,
        (false, _) => Ink::Bad,
    };
    page.put(Ink::Strong, "  mutation  ")
        .put(ink, format!("{} %", mutation.score()));
    page.text(format!(
        "  {} of {} mutants were noticed",
        mutation.noticed,
        mutation.counted()
    ));
    if let Some(least) = least.filter(|_| !is_enough) {
        page.text(format!(", and {least} % have to be"));
    }
    page.end();
    if mutation.untried > 0 {
        page.text(format!("    {} more were not tried", mutation.untried))
            .end();
    }
    let listed = mutation.survivors.iter().take(MOST_LISTED);
    page.table(4, &listed.map(row).collect::<Vec<_>>());
    let more = mutation.survivors.len().saturating_sub(MOST_LISTED);
    if more > 0 {
        page.text(format!("    and {more} more")).end();
    }
    let examples = examples(mutation);
    for (mutant, difference) in examples.iter().take(MOST_EXAMPLES) {
        page.end()
            .text(format!("  a case for {}: ", words(mutant)))
            .text(said(difference))
            .end();
        example::show(page, &difference.token);
    }
    let more = examples.len().saturating_sub(MOST_EXAMPLES);
    if more > 0 {
        page.end()
            .text(format!("  {more} more tokens: `--format json`"))
            .end();
    }
}

/// Tokens that would have been noticed, each once, with the first mutant that decides it
/// otherwise.
fn examples(mutation: &Mutation) -> Vec<(&Mutant, &Difference)> {
    let mut examples: Vec<(&Mutant, &Difference)> = Vec::new();
    for survivor in &mutation.survivors {
        let Some(shown) = &survivor.shown else {
            continue;
        };
        if !examples.iter().any(|(_, one)| one.token == shown.token) {
            examples.push((&survivor.mutant, shown));
        }
    }
    examples
}

fn row(survivor: &Survivor) -> Vec<Cell> {
    let mutant = &survivor.mutant;
    let condition = mutant.condition.as_deref().unwrap_or("the statement");
    let unknown = match survivor.shown {
        Some(_) => "",
        None => "no example was found",
    };
    vec![
        Cell::new(Ink::Bad, "✗"),
        Cell::plain(&mutant.statement),
        Cell::plain(condition),
        Cell::plain(mutant.change.to_string()),
        Cell::new(Ink::Faint, unknown),
    ]
}

/// What has changed, on one line.
pub(super) fn words(mutant: &Mutant) -> String {
    let condition = mutant.condition.iter().map(String::as_str);
    let whole: Vec<&str> = [mutant.statement.as_str()]
        .into_iter()
        .chain(condition)
        .collect();
    format!("{} {}", whole.join(" "), mutant.change)
}

/// What becomes of the token.
fn said(difference: &Difference) -> String {
    let by = |side: &Option<String>| match side {
        Some(statement) => format!("accepts it by `{statement}`"),
        None => "denies it".to_owned(),
    };
    let (before, after) = (by(&difference.before), by(&difference.after));
    format!("the policy {before}, the mutant {after}")
}

pub(super) fn to_json(mutation: &Mutation, least: Option<u8>) -> Value {
    let survivor = |one: &Survivor| {
        let shown = one.shown.as_ref();
        json!({
            "statement": one.mutant.statement,
            "condition": one.mutant.condition,
            "change": one.mutant.change.kind(),
            "words": one.mutant.change.to_string(),
            "before": shown.and_then(|one| one.before.as_ref()),
            "after": shown.and_then(|one| one.after.as_ref()),
            "example": shown.map(|one| example::to_json(&one.token)),
        })
    };
    json!({
        "score": mutation.score(),
        "least": least,
        "noticed": mutation.noticed,
        "counted": mutation.counted(),
        "equivalent": mutation.equivalent,
        "untried": mutation.untried,
        "survivors": mutation.survivors.iter().map(survivor).collect::<Vec<_>>(),
    })
}
