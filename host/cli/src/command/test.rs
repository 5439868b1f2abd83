//! `test`: runs case files on documents, on the components built from them and on any
//! other, and says how much they prove.

mod coverage;
mod generate;
mod mutation;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound_analysis::{Coverage, Mutation};
use serde_json::{Value, json};

use crate::alone::Alone;
use crate::code_cache;
use crate::console::{self, Console, Progress, Status, Written};
use crate::found::Found;
use crate::page::{Ink, Page};
use crate::policies::{self, Wanted};
use crate::policy_file::PolicyFile;
use crate::redact::redacted;
use crate::report::junit::{self, Suite};
use crate::trial::{Trial, Verdict};

/// Run case files on a policy: on its document and on the component built from it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound test                       every policy.toml with a cases.toml below here
  claimbound test policies/deploy
  claimbound test policy.toml --cases more-cases.toml
  claimbound test deploy.wasm           the cases inside it, or beside it
  claimbound test script.wasm --cases cases.toml
                                        any component, in whatever language it is written
  claimbound test --code-cache ~/.cache/claimbound --code-key code.key
  claimbound test --coverage            which statements and conditions no case has seen
  claimbound test --min-mutation 100    in CI: some case notices each condition that is weakened
  claimbound test --generate policy.toml > boundary.toml
                                        tokens just inside and just outside each condition

A policy is decided twice, and both must say what a case expects: the document, decided natively, and the
component, in its sandbox. A component without a verified document is decided in its sandbox alone, by cases
whose tokens are written out.

A mutant is the policy with one condition dropped or loosened, or one forbid dropped or tightened.
One that decides every token as the policy does is not counted. Of one that no case notices, a
token is shown that it decides otherwise: make a case of it.

Exit status: 0 all passed, 1 some failed, or fewer mutants were noticed than have to be, 2 a policy
or its cases can't be read.")]
pub(crate) struct Arguments {
    /// Documents, components, or folders to search; by default this folder.
    #[arg(value_name = "POLICY")]
    policies: Vec<PathBuf>,

    /// The cases to run; by default those beside each policy, or inside it.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,

    /// Say which statements decided no case, and which conditions were not seen both to
    /// hold and not to.
    #[arg(long)]
    coverage: bool,

    /// Drop or loosen each condition in turn, and say whether a case notices.
    #[arg(long)]
    mutation: bool,

    /// How many percent of the mutants of each policy have to be noticed; implies
    /// `--mutation`.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_mutation: Option<u8>,

    /// Print a case file for one policy: for each condition of each trust, tokens just
    /// inside and just outside. No cases are needed, and none are run.
    #[arg(long, conflicts_with_all = ["cases", "coverage", "mutation", "min_mutation"])]
    generate: bool,

    #[command(flatten)]
    code_cache: code_cache::Arguments,
}

/// What became of one policy's cases.
struct Report {
    policy: String,
    verdicts: Vec<Verdict>,
    coverage: Option<Coverage>,
    mutation: Option<Mutation>,
    /// How many percent of the mutants have to be noticed.
    least: Option<u8>,
    notes: Vec<String>,
}

impl Report {
    fn is_good(&self) -> bool {
        let passed = self.verdicts.iter().all(|one| one.faults.is_empty());
        passed && self.is_mutated_enough()
    }

    fn is_mutated_enough(&self) -> bool {
        let both = self.mutation.as_ref().zip(self.least);
        both.is_none_or(|(mutation, least)| mutation::reaches(mutation, least))
    }
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    if arguments.generate {
        return generate::run(&arguments.policies, &arguments.code_cache, console);
    }
    let policies = policies::found(&arguments.policies, Wanted::WithCases)?;
    let mut reports = Vec::new();
    let progress = Progress::of(policies.len());
    for (number, policy) in policies.iter().enumerate() {
        progress.at(number + 1, &policy.to_string_lossy());
        reports.push(arguments.report(policy)?);
    }
    drop(progress);
    let failed = count(&reports, |verdict| !verdict.faults.is_empty());
    if console.written() == Written::Junit {
        console::write_raw(junit(&reports)?.as_bytes())?;
    } else {
        console.answer(|| page(&reports, failed), || to_json(&reports, failed))?;
    }
    for report in &reports {
        super::check::notes(&report.notes);
    }
    let is_good = reports.iter().all(Report::is_good);
    Ok(if is_good { Status::Yes } else { Status::No })
}

impl Arguments {
    fn report(&self, path: &Path) -> anyhow::Result<Report> {
        let file = PolicyFile::open(path)?;
        let policy = path.display().to_string();
        let sandbox = self.code_cache.sandbox(&file.component)?;
        match Found::of(&file, self.cases.as_deref())? {
            Found::Text(name, text) if file.compiled().is_some() => {
                let trial = Trial::new(&sandbox, file, &name, &text)?;
                self.tried(policy, &trial)
            }
            alone @ (Found::Text(..) | Found::Checks(_)) => {
                let alone = Alone::new(&sandbox, file, alone.alone()?)?;
                self.alone(policy, &alone)
            }
        }
    }

    fn tried(&self, policy: String, trial: &Trial) -> anyhow::Result<Report> {
        let mutates = self.mutation || self.min_mutation.is_some();
        Ok(Report {
            notes: trial.notes(),
            verdicts: trial.run().collect::<anyhow::Result<_>>()?,
            coverage: self.coverage.then(|| covered(trial)).transpose()?,
            mutation: mutates.then(|| mutation::run(&policy, trial)).transpose()?,
            least: self.min_mutation,
            policy,
        })
    }

    /// What conditions there are, only a document says.
    fn alone(&self, policy: String, alone: &Alone) -> anyhow::Result<Report> {
        let asked = [
            ("--coverage", self.coverage),
            ("--mutation", self.mutation),
            ("--min-mutation", self.min_mutation.is_some()),
        ];
        if let Some((option, _)) = asked.iter().find(|(_, is_asked)| *is_asked) {
            bail!("`{option}` needs a policy document, and `{policy}` has no verified one");
        }
        Ok(Report {
            notes: alone.notes(),
            verdicts: alone.run().collect(),
            coverage: None,
            mutation: None,
            least: None,
            policy,
        })
    }
}

fn covered(trial: &Trial) -> anyhow::Result<Coverage> {
    let coverage = claimbound_analysis::coverage(trial.compiled()?, &trial.tried()?);
    coverage.context("the program can't be read")
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
        if let Some(coverage) = &report.coverage {
            coverage::show(&mut page, coverage);
            page.end();
        }
        if let Some(mutation) = &report.mutation {
            mutation::show(&mut page, mutation, report.least);
            page.end();
        }
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
            let mut policy = json!({ "policy": report.policy, "cases": cases });
            if let Some(members) = policy.as_object_mut() {
                members.extend(proved(report));
            }
            policy
        })
        .collect();
    json!({ "passed": count(reports, |_| true) - failed, "failed": failed, "policies": policies })
}

/// What the cases prove, as far as that was asked for.
fn proved(report: &Report) -> impl Iterator<Item = (String, Value)> {
    let coverage = report.coverage.as_ref();
    let coverage = coverage.map(|one| ("coverage".to_owned(), coverage::to_json(one)));
    let mutation = report.mutation.as_ref();
    let mutation = mutation.map(|one| {
        let json = mutation::to_json(one, report.least);
        ("mutation".to_owned(), json)
    });
    coverage.into_iter().chain(mutation)
}

/// The reports as `JUnit` has them: a policy is a suite. How many mutants have to be
/// noticed is one more test of it, where that was asked for.
fn junit(reports: &[Report]) -> anyhow::Result<String> {
    let suites = reports.iter().map(|report| {
        let cases = report.verdicts.iter().map(|one| junit::Case {
            name: redacted(&one.name),
            faults: one.faults.iter().map(|fault| redacted(fault)).collect(),
        });
        Suite {
            name: report.policy.clone(),
            cases: cases.chain(mutation_case(report)).collect(),
        }
    });
    junit::xml("claimbound test", &suites.collect::<Vec<_>>())
}

fn mutation_case(report: &Report) -> Option<junit::Case> {
    let (mutation, least) = report.mutation.as_ref().zip(report.least)?;
    let is_enough = mutation::reaches(mutation, least);
    let survivors = mutation.survivors.iter();
    let faults = survivors.map(|one| format!("not noticed: {}", mutation::words(&one.mutant)));
    let untried = (mutation.untried > 0).then(|| format!("{} were not tried", mutation.untried));
    let faults = faults.map(|fault| redacted(&fault)).chain(untried);
    Some(junit::Case {
        name: format!("at least {least} % of the mutants are noticed"),
        faults: faults.filter(|_| !is_enough).collect(),
    })
}
