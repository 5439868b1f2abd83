//! `audit show`: what is on record.

use std::collections::VecDeque;
use std::path::PathBuf;

use claimbound::record::{Body, Decision, Divergence, Entry, Said, Verdict};
use clap::ValueEnum;
use serde_json::Value;

use crate::command::check;
use crate::console::{Console, Status};
use crate::page::{Cell, Ink, Page};
use crate::time;

/// Show what is on record.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound audit show record
  claimbound audit show record --outcome deny --last 100
  claimbound audit show record --seq 7 --format json

Exit status: 0 shown, 1 no line fits, 2 the record can't be read.")]
pub(crate) struct Arguments {
    /// The folder of the record.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// The line of this number alone.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["outcome", "last"])]
    seq: Option<u64>,

    /// Only decisions that came to this.
    #[arg(long, value_enum, value_name = "OUTCOME")]
    outcome: Option<Outcome>,

    /// How many lines, the last ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    last: u16,
}

/// What a decision came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Outcome {
    // The token was accepted.
    Allow,
    // It was not.
    Deny,
    // No answer could be given.
    Error,
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allow,
            Outcome::Deny => Self::Deny,
            Outcome::Error => Self::Error,
        }
    }
}

impl Arguments {
    fn wants(&self, entry: &Entry) -> bool {
        if let Some(seq) = self.seq {
            return entry.seq == seq;
        }
        let Some(outcome) = self.outcome.map(Verdict::from) else {
            return true;
        };
        match &entry.body {
            Body::Decision(decision) => decision.outcome == outcome,
            Body::Unverified(_) | Body::Recovered(_) | Body::Divergence(_) => false,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let notes = super::notes(&arguments.folder)?;
    let mut shown = VecDeque::new();
    super::each_entry(&arguments.folder, |entry, line| {
        if arguments.wants(&entry) {
            if shown.len() == usize::from(arguments.last) {
                shown.pop_front();
            }
            shown.push_back((entry, line.to_owned()));
        }
        Ok(())
    })?;
    console.answer(
        || page(&shown, arguments.seq.is_some()),
        || {
            let lines = shown.iter();
            // INVARIANT: each line was just read as an entry.
            lines
                .map(|(_, line)| serde_json::from_slice(line).unwrap_or(Value::Null))
                .collect()
        },
    )?;
    check::notes(&notes);
    Ok(if shown.is_empty() {
        Status::No
    } else {
        Status::Yes
    })
}

fn page(shown: &VecDeque<(Entry, Vec<u8>)>, whole: bool) -> Page {
    let mut page = Page::default();
    let rows: Vec<_> = shown.iter().map(|(entry, _)| row(entry)).collect();
    page.table(0, &rows);
    if rows.is_empty() {
        page.put(Ink::Faint, "no line fits").end();
    }
    for (entry, _) in shown.iter().filter(|_| whole) {
        if let Body::Decision(decision) = &entry.body {
            show(&mut page, decision);
        }
    }
    page
}

/// What two versions say of one token, in a few words.
fn diverged(divergence: &Divergence) -> String {
    let said = |said: &Said| format!("{} {}", said.policy.version, said.outcome.as_str());
    let (active, candidate) = (said(&divergence.active), said(&divergence.candidate));
    format!("{active}, {candidate}")
}

fn row(entry: &Entry) -> Vec<Cell> {
    let (ink, outcome, route, subject, why) = match &entry.body {
        Body::Decision(decision) => (
            match decision.outcome {
                Verdict::Allow => Ink::Good,
                Verdict::Deny => Ink::Bad,
                Verdict::Error => Ink::Warn,
            },
            decision.outcome.as_str(),
            decision.route.as_str(),
            decision.subject.clone(),
            why(decision),
        ),
        Body::Unverified(unverified) => (
            Ink::Faint,
            "unverified",
            unverified.route.as_str(),
            format!("{} ×", unverified.count),
            unverified.code.to_string(),
        ),
        Body::Recovered(recovered) => (
            Ink::Warn,
            "recovered",
            "",
            format!("{} bytes", recovered.bytes),
            recovered.file.clone(),
        ),
        Body::Divergence(divergence) => (
            Ink::Warn,
            "divergence",
            divergence.route.as_str(),
            divergence.subject.clone(),
            diverged(divergence),
        ),
    };
    vec![
        Cell::plain(entry.seq.to_string()),
        Cell::new(Ink::Faint, time::date(entry.body.time())),
        Cell::new(ink, outcome),
        Cell::plain(route),
        Cell::plain(subject),
        Cell::plain(why),
    ]
}

/// The statement, or the codes.
fn why(decision: &Decision) -> String {
    match (&decision.error, decision.reasons.as_slice()) {
        (Some(error), _) => error.code.to_string(),
        (None, []) => decision.statement.clone().unwrap_or_default(),
        (None, reasons) => {
            let mut codes: Vec<_> = reasons.iter().map(|reason| reason.code.as_str()).collect();
            codes.dedup();
            codes.join(", ")
        }
    }
}

fn show(page: &mut Page, decision: &Decision) {
    page.field(
        "policy",
        format!("{} {}", decision.policy.name, decision.policy.version),
    );
    page.field("digest", &decision.policy.digest);
    page.field("issuer", &decision.issuer);
    if let Some(id) = &decision.token_id {
        page.field("token id", id);
    }
    page.field("token", &decision.token_digest);
    page.field("stage", decision.stage.as_str());
    if let Some(statement) = &decision.statement {
        page.field("statement", statement);
    }
    for reason in &decision.reasons {
        page.field("reason", reason.to_string());
    }
    if let Some(error) = &decision.error {
        page.field("error", error.to_string());
    }
    for assumed in &decision.assumed {
        page.field("assumed", assumed);
    }
    page.field("took", format!("{} µs", decision.latency_us));
    let kept = if decision.kept.is_some() { "yes" } else { "no" };
    page.field("claims kept", kept);
}
