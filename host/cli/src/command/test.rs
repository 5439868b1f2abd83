//! `test`: runs case files on documents and on the components built from them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::console::{self, Console, Format, Progress, Status};
use crate::page::{Ink, Page};
use crate::policy_file::{self, PolicyFile};
use crate::trial::{Trial, Verdict};
use crate::{code_cache, component};

/// How deep folders are searched.
const DEEPEST: usize = 16;
/// The most policies of one run.
const MOST: usize = 10_000;

/// Run case files on a policy: on its document and on the component built from it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound test                       every policy.toml with a cases.toml below here
  claimbound test policies/deploy
  claimbound test policy.toml --cases more-cases.toml
  claimbound test deploy.wasm           the cases inside it, or beside it
  claimbound test --code-cache ~/.cache/claimbound --code-key code.key

A policy is decided twice, and both must say what a case expects: the document, decided natively, and the
component, in its sandbox.

Exit status: 0 all passed, 1 some failed, 2 a policy or its cases can't be read.")]
pub(crate) struct Arguments {
    /// Documents, components, or folders to search; by default this folder.
    #[arg(value_name = "POLICY")]
    policies: Vec<PathBuf>,

    /// The cases to run; by default those beside each policy, or inside it.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,

    #[command(flatten)]
    code_cache: code_cache::Arguments,
}

/// What became of one policy's cases.
struct Report {
    policy: String,
    verdicts: Vec<Verdict>,
    notes: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let here = [PathBuf::from(".")];
    let given = match arguments.policies.as_slice() {
        [] => here.as_slice(),
        some => some,
    };
    let mut policies = BTreeSet::new();
    for path in given {
        search(path, &mut policies)?;
    }
    let sandbox = arguments.code_cache.sandbox()?;
    let mut reports = Vec::new();
    let progress = Progress::of(policies.len());
    for (number, policy) in policies.iter().enumerate() {
        progress.at(number + 1, &policy.to_string_lossy());
        reports.push(report(&sandbox, policy, arguments.cases.as_deref())?);
    }
    drop(progress);
    let failed = count(&reports, |verdict| !verdict.faults.is_empty());
    match console.format() {
        Format::Human => console::write_page(&page(&reports, failed))?,
        Format::Json => console::write_json(&format!("{:#}", to_json(&reports, failed)))?,
    }
    for report in &reports {
        super::check::notes(&report.notes);
    }
    Ok(if failed == 0 { Status::Yes } else { Status::No })
}

/// Adds the policies that a path means: a file itself, a folder's all.
fn search(path: &Path, found: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    if !path.is_dir() {
        found.insert(path.to_owned());
        return Ok(());
    }
    let before = found.len();
    walk(path, 0, found)?;
    if found.len() == before {
        bail!(
            "no `policy.toml` with a `cases.toml` beside it is below `{}`",
            path.display()
        );
    }
    Ok(())
}

fn walk(folder: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    if found.len() > MOST {
        bail!("more than {MOST} policies are below one folder");
    }
    let policy = folder.join("policy.toml");
    if policy.is_file() && folder.join("cases.toml").is_file() {
        found.insert(policy);
    }
    if depth == DEEPEST {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("folder `{}` can't be read", folder.display()))?;
    for entry in entries {
        let entry =
            entry.with_context(|| format!("folder `{}` can't be read", folder.display()))?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // Links are not followed: they may lead in circles.
        if !hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), depth + 1, found)?;
        }
    }
    Ok(())
}

fn report(sandbox: &Sandbox, path: &Path, cases: Option<&Path>) -> anyhow::Result<Report> {
    let file = PolicyFile::open(path)?;
    let (name, text) = case_text(&file, cases)?;
    let trial = Trial::new(sandbox, file, &name, &text)?;
    Ok(Report {
        policy: path.display().to_string(),
        notes: trial.notes(),
        verdicts: trial.run().collect::<anyhow::Result<_>>()?,
    })
}

/// The cases of a policy and what they are called: those that were asked for,
/// those inside it, those beside it.
fn case_text(file: &PolicyFile, asked: Option<&Path>) -> anyhow::Result<(String, String)> {
    if let Some(path) = asked {
        return Ok((path.display().to_string(), policy_file::cases(path)?));
    }
    let beside = file.path.with_file_name("cases.toml");
    if let (false, Some(inside)) = (file.is_document, &file.cases) {
        return Ok((
            format!("{}: {}", file.path.display(), component::CASES),
            inside.clone(),
        ));
    }
    match policy_file::beside(&file.path)? {
        Some(text) => Ok((beside.display().to_string(), text)),
        None => bail!(
            "`{}` has no cases; write `{}`, or name them by `--cases`",
            file.path.display(),
            beside.display()
        ),
    }
}

fn count(reports: &[Report], which: impl Fn(&Verdict) -> bool) -> usize {
    reports
        .iter()
        .flat_map(|report| &report.verdicts)
        .filter(|one| which(one))
        .count()
}

fn page(reports: &[Report], failed: usize) -> Page {
    let mut page = Page::default();
    for report in reports {
        page.put(Ink::Strong, &report.policy).end();
        for verdict in &report.verdicts {
            let (ink, mark) = if verdict.faults.is_empty() {
                (Ink::Good, "  ✓ ")
            } else {
                (Ink::Bad, "  ✗ ")
            };
            page.put(ink, mark).text(&verdict.name).end();
            for fault in &verdict.faults {
                page.text("      ").text(fault).end();
            }
        }
        page.end();
    }
    let passed = count(reports, |_| true) - failed;
    let ink = if failed == 0 { Ink::Good } else { Ink::Bad };
    page.put(ink, format!("{passed} passed, {failed} failed"))
        .end();
    page
}

fn to_json(reports: &[Report], failed: usize) -> Value {
    let policies: Vec<_> = reports
        .iter()
        .map(|report| {
            let cases: Vec<_> = report
                .verdicts
                .iter()
                .map(|one| json!({ "name": one.name, "passed": one.faults.is_empty(), "faults": one.faults }))
                .collect();
            json!({ "policy": report.policy, "cases": cases })
        })
        .collect();
    json!({ "passed": count(reports, |_| true) - failed, "failed": failed, "policies": policies })
}
