//! `lint`: what a reviewer would say of a policy, rule by rule.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use claimbound_analysis::Budget;
use claimbound_analysis::lint::{self, Finding, Severity};
use claimbound_language::{Cases, Compiled};

use crate::baseline::Baseline;
use crate::component::{Carried, Kind, Origin};
use crate::console::{Console, Progress, Status};
use crate::nearest::did_you_mean;
use crate::policies::{self, Wanted};
use crate::policy_file;
use crate::report::{self, Against, Remark, Review, Standing, Terms};
use crate::{input, output};

/// Say what a policy really accepts and who could take it over, rule by rule.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound lint                                 every policy.toml below here
  claimbound lint policies/deploy
  claimbound lint deploy.wasm                     the document inside it
  claimbound lint --fail-on error
  claimbound lint --format sarif > lint.sarif     for code scanning
  claimbound lint --format github                 annotations, in GitHub Actions
  claimbound lint --write-baseline lint.json      what there is today ...
  claimbound lint --baseline lint.json            ... does not count any more

Each rule has a page: `claimbound explain RULE`. A finding that is meant to be is suppressed in the
policy, with a reason:

  [[suppress]]
  rule = \"generic-audience\"
  statement = \"deploy\"
  reason = \"the vendor's product knows no other\"

Exit status: 0 nothing at or above `--fail-on`, 1 something, 2 a file can't be read.")]
pub(crate) struct Arguments {
    /// Documents, components that carry one, or folders to search; by default this
    /// folder.
    #[arg(value_name = "POLICY")]
    policies: Vec<PathBuf>,

    /// From which severity on a finding makes the exit status 1.
    #[arg(long, value_enum, default_value_t = FailOn::Warning, value_name = "SEVERITY")]
    fail_on: FailOn,

    /// Only this rule; may be given several times.
    #[arg(long, value_name = "RULE", value_parser = known_rule)]
    rule: Vec<String>,

    /// Findings that stand in this file do not count.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write what is found to this file, to be a baseline.
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,

    /// How many steps each question about a statement may take.
    #[arg(long, default_value_t = Budget::USUAL, value_name = "STEPS")]
    steps: u64,
}

/// From where on findings count as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Any finding.
    Note,
    /// Warnings and errors.
    Warning,
    /// Errors.
    Error,
    /// None.
    Never,
}

impl FailOn {
    /// The least severity of a failure.
    const fn least(self) -> Option<Severity> {
        match self {
            Self::Note => Some(Severity::Note),
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
            Self::Never => None,
        }
    }
}

/// The name of a rule, of the linter's or the compiler's.
pub(crate) fn known_rule(name: &str) -> Result<String, String> {
    let compilers = claimbound_language::Rule::ALL
        .iter()
        .map(|rule| rule.code());
    let all = lint::ALL.iter().map(|rule| rule.name).chain(compilers);
    let all: Vec<&str> = all.collect();
    if all.contains(&name) {
        return Ok(name.to_owned());
    }
    let near = did_you_mean(name, &all);
    Err(if near.is_empty() {
        format!("there is no such rule; there are {}", all.join(", "))
    } else {
        format!("there is no such rule{near}")
    })
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let baseline = arguments.baseline.as_deref().map(Baseline::read);
    let baseline = baseline.transpose()?.unwrap_or_default();
    let policies = policies::found(&arguments.policies, Wanted::All)?;
    let mut reviews = reviewed(&policies, arguments)?;
    for remark in reviews.iter_mut().flat_map(|review| &mut review.remarks) {
        baseline.hold(remark);
    }
    if let Some(path) = &arguments.write_baseline {
        if path.exists() {
            // Nothing but a baseline is written over.
            Baseline::read(path)?;
        }
        let written = Baseline::of(&reviews);
        output::replace(path, written.to_text().as_bytes())?;
        for remark in reviews.iter_mut().flat_map(|review| &mut review.remarks) {
            written.hold(remark);
        }
    }
    let against = match (&arguments.baseline, &arguments.write_baseline) {
        (None, None) => Against::Nothing,
        (Some(_), _) | (_, Some(_)) => Against::Baseline,
    };
    let terms = Terms {
        against,
        least: arguments.fail_on.least(),
    };
    report::write(&reviews, terms, console.written())?;
    let mut open = reviews.iter().flat_map(Review::open);
    let fails = open.any(|remark| terms.least.is_some_and(|least| remark.severity >= least));
    Ok(if fails { Status::No } else { Status::Yes })
}

/// Reviews each policy, on as many threads as there are processors; in their order.
fn reviewed(policies: &BTreeSet<PathBuf>, arguments: &Arguments) -> anyhow::Result<Vec<Review>> {
    let progress = Progress::of(policies.len());
    let next = AtomicUsize::new(0);
    let policies: Vec<&PathBuf> = policies.iter().collect();
    let work = || {
        let mut own = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = policies.get(number) else {
                return own;
            };
            progress.at(number + 1, &path.to_string_lossy());
            own.push((number, review(path, arguments)));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut all: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(policies.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let mut all = work();
        for other in others {
            match other.join() {
                Ok(own) => all.extend(own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, review)| review).collect()
}

/// Reviews one policy. A document that does not compile is a finding, not a failure:
/// the others are looked at all the same.
fn review(path: &Path, arguments: &Arguments) -> anyhow::Result<Review> {
    let path = policy_file::in_folder(path)?;
    let bytes = input::file(&path, input::COMPONENT)?;
    let name = path.display().to_string();
    let (text, cases) = match Kind::of(&bytes) {
        Kind::Other => {
            let text = policy_file::document(bytes, &path)?;
            (text, policy_file::beside(&path)?)
        }
        Kind::Component | Kind::Module => carried(&name, &bytes)?,
    };
    let (mut remarks, does_compile) = match claimbound_language::compile(&name, &text) {
        Err(findings) => (report::remarks_of(&findings, &name, None), false),
        Ok(compiled) => {
            let cases = cases.map(|cases| read_cases(&name, &cases, &compiled));
            let cases = cases.transpose()?;
            let remarks = remarks(&compiled, cases.as_ref(), &text, arguments.steps);
            (remarks, true)
        }
    };
    let is_asked =
        |rule: &str| arguments.rule.is_empty() || arguments.rule.iter().any(|one| one == rule);
    // What keeps a rule from an answer is told of, whatever was asked.
    remarks.retain(|remark| {
        is_asked(remark.rule) || remark.about.is_some_and(is_asked) || remark.ends_review()
    });
    let rules = lint::ALL.iter().map(|rule| rule.name);
    Ok(Review {
        file: name,
        text,
        remarks,
        rules: rules
            .filter(|rule| does_compile && is_asked(rule))
            .collect(),
    })
}

/// The document and the cases inside a component.
fn carried(name: &str, component: &[u8]) -> anyhow::Result<(String, Option<String>)> {
    let carried = Carried::read(name, component)?;
    match (carried.origin, carried.document) {
        (Origin::Verified(_), Some(document)) => Ok((document, carried.cases)),
        (Origin::Unverified(why), _) => {
            anyhow::bail!("`{name}` can't be reviewed: its document is unverified ({why})")
        }
        (Origin::None | Origin::Verified(_), _) => {
            anyhow::bail!("`{name}` can't be reviewed: it carries no document")
        }
    }
}

fn read_cases(name: &str, text: &str, compiled: &Compiled) -> anyhow::Result<Cases> {
    let cases = claimbound_language::parse_cases(&format!("the cases of {name}"), text)?;
    cases.check(compiled)?;
    Ok(cases)
}

fn remarks(compiled: &Compiled, cases: Option<&Cases>, text: &str, steps: u64) -> Vec<Remark> {
    let policy = &compiled.document.name.value;
    let mut remarks = report::remarks_of(&compiled.warnings, policy, Some(&compiled.document));
    for remark in &mut remarks {
        let mut suppressions = compiled.document.suppressions.iter();
        let own = suppressions.find(|one| one.is_about(remark.rule, remark.statement.as_deref()));
        if let Some(suppression) = own {
            remark.standing = Standing::Suppressed(suppression.reason.value.clone());
        }
    }
    let findings = lint::lint(compiled, cases, steps).into_iter();
    remarks.extend(findings.map(|finding| remark(finding, policy, text)));
    remarks.sort_by_key(|remark| remark.place.start);
    remarks
}

fn remark(finding: Finding, policy: &str, text: &str) -> Remark {
    Remark {
        rule: finding.rule.name,
        about: finding.about,
        severity: finding.severity(),
        fingerprint: finding.fingerprint(policy, text),
        standing: match finding.suppressed {
            Some(reason) => Standing::Suppressed(reason),
            None => Standing::Open,
        },
        statement: finding.statement,
        message: finding.message,
        label: finding.label,
        hint: finding.hint,
        place: finding.place,
        example: finding.example,
    }
}
