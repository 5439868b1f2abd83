//! `audit verify`: whether a record is whole.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::record::audit::{self, Expected, Finding, Report};
use claimbound::record::{Hash, Head, checkpoint};
use serde_json::{Value, json};

use crate::console::{Console, Progress, Status};
use crate::page::{Cell, Ink, Page};
use crate::time;

/// Look for lines that were removed, altered, reordered or cut.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound audit verify record
  claimbound audit verify record --expect-head 5f2c…  (64 digits, as it was last shown)
  claimbound audit verify record --checkpoint /mnt/elsewhere/record.checkpoint

Whoever can write to the folder and to the checkpoint can write a whole record
anew. Note the head somewhere else from time to time, and expect it here.

Exit status: 0 whole, 1 findings, 2 the record can't be read.")]
pub(crate) struct Arguments {
    /// The folder of the record.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,

    /// The record's checkpoint, which shows whether lines were cut off its end;
    /// by default the file beside the folder, if there is one.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// The hash of a line that the record must have: its head as it was last
    /// shown. Lines may follow it.
    #[arg(long, value_name = "HASH")]
    expect_head: Option<Hash>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let known = known(&arguments.folder, arguments.checkpoint.as_deref())?;
    let expected = Expected {
        checkpoint: known,
        head: arguments.expect_head,
    };
    let mut progress = None;
    let report = audit::verify(&arguments.folder, &expected, |reader| {
        let progress = progress.get_or_insert_with(|| Progress::of(reader.files()));
        progress.at(reader.begun(), "file");
    })?;
    drop(progress);
    console.answer(|| page(&report, known), || json(&report, known))?;
    Ok(if report.is_clean() {
        Status::Yes
    } else {
        Status::No
    })
}

/// The checkpoint; one that is named has to be there.
fn known(folder: &Path, named: Option<&Path>) -> anyhow::Result<Option<Head>> {
    match named {
        None => Ok(checkpoint::read(&checkpoint::beside(folder))?),
        Some(path) => match checkpoint::read(path).context("`--checkpoint`")? {
            None => bail!("`--checkpoint`: there is no `{}`", path.display()),
            found => Ok(found),
        },
    }
}

fn page(report: &Report, known: Option<Head>) -> Page {
    let mut page = Page::default();
    if report.is_clean() {
        page.put(Ink::Good, "✓ whole");
    } else {
        page.put(Ink::Bad, "✗ not whole");
    }
    let lines = plural(report.head.count, "line");
    let files = plural(report.files as u64, "file");
    page.text(format!("  {lines} in {files}")).end();
    page.field("head", report.head.head.to_string());
    if let Some((first, last)) = report.times {
        page.field("from", time::date(first));
        page.field("to", time::date(last));
    }
    let decisions = report.decisions;
    let decisions = format!(
        "{} allow, {} deny, {} error",
        decisions.allow, decisions.deny, decisions.error
    );
    page.field("decisions", decisions);
    if report.unverified > 0 {
        let tokens = plural(report.unverified, "token");
        page.field(
            "unverified",
            format!("{tokens} refused before verification"),
        );
    }
    match known {
        Some(known) => page.field("checkpoint", format!("line {}", known.count)),
        None => page.field(
            "checkpoint",
            "none: lines that were cut off the end would not show",
        ),
    };
    if let Some(seq) = report.expected {
        let after = report.head.count.saturating_sub(seq);
        let after = plural(after, "line");
        page.field("expected", format!("line {seq}, and {after} after it"));
    }
    for (seq, recovered) in &report.recovered {
        let said = format!(
            "line {seq}: {} bytes after a crash, in `{}`",
            recovered.bytes, recovered.file
        );
        page.field("recovered", said);
    }
    page.table(2, &report.findings.iter().map(row).collect::<Vec<_>>());
    if report.more > 0 {
        let more = format!("  and {} more", report.more);
        page.put(Ink::Faint, more).end();
    }
    page
}

fn row(finding: &Finding) -> Vec<Cell> {
    let place = match finding.place {
        Some((file, line)) => format!("{file}:{line}"),
        None => "the end".to_owned(),
    };
    vec![
        Cell::new(Ink::Bad, finding.fault.kind()),
        Cell::new(Ink::Faint, place),
        Cell::plain(finding.fault.to_string()),
    ]
}

/// A number and its noun.
pub(super) fn plural(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn json(report: &Report, known: Option<Head>) -> Value {
    let findings = report.findings.iter().map(|finding| {
        json!({
            "file": finding.place.map(|(file, _)| file.to_string()),
            "line": finding.place.map(|(_, line)| line),
            "kind": finding.fault.kind(),
            "message": finding.fault.to_string(),
        })
    });
    let recovered = report.recovered.iter();
    let recovered = recovered.map(|(seq, recovered)| json!({ "seq": seq, "recovered": recovered }));
    json!({
        "whole": report.is_clean(),
        "count": report.head.count,
        "head": report.head.head,
        "files": report.files,
        "first_time": report.times.map(|(first, _)| first),
        "last_time": report.times.map(|(_, last)| last),
        "decisions": report.decisions,
        "unverified": report.unverified,
        "checkpoint": known,
        "expected_at": report.expected,
        "recovered": recovered.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
        "more_findings": report.more,
    })
}
