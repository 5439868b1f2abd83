//! `bench`: how long a decision takes here, and what that is measured by.

mod cases;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use claimbound::key::Algorithm;
use claimbound::policy::Policy;
use claimbound_language::{Compiled, Example};
use serde_json::{Map, Value, json};

use crate::bench::{CLAIMS, POLICY, Sorted, Stage, Times};
use crate::component;
use crate::console::{Console, Progress, Status};
use crate::nearest::did_you_mean;
use crate::page::{Cell, Ink, Page};
use crate::policy_file::PolicyFile;

/// What is signed by where nobody says otherwise: one of each family.
const USUAL: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

/// How wide a histogram's longest bar is, in characters.
const BAR: usize = 40;

/// Measure what a decision costs on this machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound bench
  claimbound bench --policy policy.toml --statement production
  claimbound bench --algorithm ES256 --iterations 100000
  claimbound bench --format json
  claimbound bench --policy script.wasm --cases cases.toml

A throwaway issuer signs a token that the statement accepts. On this one token are timed, in turn:

  decision       the component's answer in a fresh instance, from decoded claims
  native         the same program's answer without a sandbox, from the same claims
  native JSON    the same, with the claims it declares read from JSON text
  signature      checking the signature
  jsonwebtoken   that library's own decode of the token
  whole          from the token's bytes to the outcome, without ledger and record

and two ratios, of the medians (p50) and of the 99th percentiles (p99): decision / native JSON,
whose p50 is to be at most 1.5, and whole / jsonwebtoken, whose p50 is to be at most 1.

For a component without a verified document, in whatever language, no token can be made. Timed are
its answers to the tokens of its cases: those inside it, beside it, or named by --cases.

Times are wall-clock. For figures that mean something run an optimised build on a quiet machine.

Exit status: 0 measured, 2 something can't be.")]
pub(crate) struct Arguments {
    /// A policy document, a component with a verified one, or a folder with a
    /// `policy.toml`; by default one with ten conditions on a token of GitHub
    /// Actions.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The statement that the token is made for; by default the first that
    /// trusts.
    #[arg(long, value_name = "NAME", requires = "policy")]
    statement: Option<String>,

    /// An algorithm to sign by; may be given several times. By default `RS256`,
    /// `ES256` and `EdDSA`, or what the statement asks of its key.
    #[arg(long, value_name = "NAME", value_parser = super::token::verify::algorithm)]
    algorithm: Vec<Algorithm>,

    /// The cases whose tokens are decided, for a component without a verified
    /// document; by default those inside it, or beside it.
    #[arg(long, value_name = "FILE", requires = "policy", conflicts_with_all = ["statement", "algorithm"])]
    cases: Option<PathBuf>,

    /// How often each thing is done.
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    iterations: u32,
}

/// What was measured with one algorithm.
struct Report {
    algorithm: Algorithm,
    token_bytes: usize,
    times: Times,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let file = match &arguments.policy {
        Some(path) => PolicyFile::open(path)?,
        None => PolicyFile::of_document(Path::new("policy.toml"), POLICY, None)?,
    };
    let Some(compiled) = file.compiled() else {
        return cases::run(arguments, &file, console);
    };
    if let Some(cases) = &arguments.cases {
        bail!(
            "`--cases {}`: from the document of `{}` tokens are made; cases are for a component \
             without one",
            cases.display(),
            file.path.display()
        );
    }
    let statement = statement(compiled, arguments.statement.as_deref())?;
    let mut example = compiled
        .example(statement)
        .map_err(|error| anyhow!(error))?;
    if arguments.policy.is_none() {
        fill(&mut example)?;
    }
    let policy = Arc::new(Policy::load(
        &component::sandbox(&file.component)?,
        &file.component,
    )?);
    let iterations = usize::try_from(arguments.iterations)?;
    let algorithms = algorithms(compiled, statement, &arguments.algorithm);
    let progress = Progress::of(iterations * algorithms.len());
    let mut reports: Vec<Report> = Vec::new();
    for algorithm in algorithms {
        let stage = Stage::new(compiled, &policy, &example, algorithm)
            .with_context(|| format!("`{algorithm}`"))?;
        let before = iterations * reports.len();
        let times = Times::take(&stage, iterations, |done| {
            progress.at(before + done, algorithm.as_str());
        })?;
        reports.push(Report {
            algorithm,
            token_bytes: stage.token_bytes(),
            times,
        });
    }
    drop(progress);
    console.answer(
        || page(&reports, compiled, statement, iterations),
        || Value::Array(reports.iter().map(|one| to_json(one, iterations)).collect()),
    )?;
    Ok(Status::Yes)
}

/// The statement that is asked for, or the first that trusts.
fn statement<'a>(compiled: &'a Compiled, asked: Option<&str>) -> anyhow::Result<&'a str> {
    let trusts = compiled.statements.iter().filter(|one| one.trusts);
    let names: Vec<_> = trusts.map(|one| one.name.as_str()).collect();
    let Some(asked) = asked else {
        let first = names.first().copied();
        return first.context("the document trusts nobody, so that no token can be made");
    };
    let found = names.iter().copied().find(|name| *name == asked);
    found.with_context(|| {
        let meant = did_you_mean(asked, &names);
        let names = names.join("`, `");
        format!("`--statement`: no statement `{asked}` trusts{meant}; there is `{names}`")
    })
}

/// What is asked for, each once; else the usual ones, or those that the
/// statement asks of its key.
fn algorithms(compiled: &Compiled, statement: &str, asked: &[Algorithm]) -> Vec<Algorithm> {
    let mut chosen = asked.to_vec();
    if chosen.is_empty() {
        let key = compiled
            .statement(statement)
            .and_then(|one| one.key.as_ref());
        let names = key.into_iter().flat_map(|key| &key.algorithms);
        chosen.extend(names.filter_map(|name| Algorithm::parse(&name.value)));
    }
    if chosen.is_empty() {
        chosen.extend(USUAL);
    }
    let mut seen = BTreeSet::new();
    chosen.retain(|algorithm| seen.insert(algorithm.as_str()));
    chosen
}

/// Gives an example what a usual token of its issuer says besides.
fn fill(example: &mut Example) -> anyhow::Result<()> {
    let usual: Map<String, Value> = serde_json::from_str(CLAIMS)?;
    for (name, value) in usual {
        example.claims.insert(name, value);
    }
    Ok(())
}

/// Everything that was timed: its name in JSON, for people, and its times.
fn measures(times: &Times) -> [(&'static str, &'static str, &Sorted); 6] {
    [
        ("decision_ns", "decision", &times.decision),
        ("native_ns", "native", &times.native),
        ("native_json_ns", "native JSON", &times.native_json),
        ("signature_ns", "signature", &times.signature),
        ("jsonwebtoken_ns", "jsonwebtoken", &times.jsonwebtoken),
        ("whole_ns", "whole", &times.whole),
    ]
}

/// A ratio of two of them: its name in JSON, for people, and the most that it
/// is to be.
struct Ratio<'a> {
    name: &'static str,
    title: &'static str,
    of: &'a Sorted,
    over: &'a Sorted,
    budget: f64,
}

fn ratios(times: &Times) -> [Ratio<'_>; 2] {
    [
        Ratio {
            name: "decision_over_native_json",
            title: "decision / native JSON",
            of: &times.decision,
            over: &times.native_json,
            budget: 1.5,
        },
        Ratio {
            name: "whole_over_jsonwebtoken",
            title: "whole / jsonwebtoken",
            of: &times.whole,
            over: &times.jsonwebtoken,
            budget: 1.0,
        },
    ]
}

impl Ratio<'_> {
    /// The ratio of the two times at this percentile.
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_precision_loss,
        reason = "a figure for people, of times far below 2^52 ns"
    )]
    fn at(&self, percent: usize) -> f64 {
        let over = self.over.percentile(percent).max(1);
        (self.of.percentile(percent) as f64 / over as f64 * 1000.0).round() / 1000.0
    }

    /// Whether the median is within the budget.
    fn verdict(&self) -> Cell {
        let (ink, sign) = if self.at(50) <= self.budget {
            (Ink::Good, '✓')
        } else {
            (Ink::Warn, '✗')
        };
        Cell::new(ink, format!("{sign} p50 at most {}", self.budget))
    }
}

fn to_json(report: &Report, iterations: usize) -> Value {
    let mut json = json!({
        "algorithm": report.algorithm.as_str(),
        "token_bytes": report.token_bytes,
        "iterations": iterations,
        "optimised": !cfg!(debug_assertions),
    });
    if let Some(members) = json.as_object_mut() {
        for (name, _, samples) in measures(&report.times) {
            let value = json!({ "p50": samples.percentile(50), "p99": samples.percentile(99) });
            members.insert(name.to_owned(), value);
        }
        for ratio in ratios(&report.times) {
            let value = json!({ "p50": ratio.at(50), "p99": ratio.at(99), "budget": ratio.budget });
            members.insert(ratio.name.to_owned(), value);
        }
    }
    json
}

fn page(reports: &[Report], compiled: &Compiled, statement: &str, iterations: usize) -> Page {
    let mut page = Page::default();
    page.put(Ink::Strong, &compiled.program.name)
        .text(format!(
            " {}, statement `{statement}`; each {iterations} times",
            compiled.program.version
        ))
        .end();
    not_optimised(&mut page);
    for report in reports {
        page.end()
            .put(Ink::Strong, report.algorithm.as_str())
            .text(format!(", a token of {} bytes", report.token_bytes))
            .end();
        let mut rows = vec![heading(["p50", "p99"])];
        for (_, title, samples) in measures(&report.times) {
            let times = [50, 99].map(|percent| microseconds(samples.percentile(percent)));
            rows.push(row(title, &times, Cell::plain("")));
        }
        for ratio in ratios(&report.times) {
            let times = [50, 99].map(|percent| format!("{:8.2}   ", ratio.at(percent)));
            rows.push(row(ratio.title, &times, ratio.verdict()));
        }
        page.table(2, &rows);
        histogram(&mut page, "decision", &report.times.decision);
        histogram(&mut page, "whole", &report.times.whole);
    }
    page
}

fn not_optimised(page: &mut Page) {
    if cfg!(debug_assertions) {
        page.put(Ink::Warn, "This build is not optimised: ")
            .text("the figures say little.")
            .end();
    }
}

fn heading(titles: [&str; 2]) -> Vec<Cell> {
    let titles = titles.map(|title| Cell::new(Ink::Faint, format!("{title:>8}")));
    [Cell::plain("")].into_iter().chain(titles).collect()
}

fn row(title: &str, times: &[String], last: Cell) -> Vec<Cell> {
    let mut cells = vec![Cell::plain(title)];
    cells.extend(times.iter().map(Cell::plain));
    cells.push(last);
    cells
}

#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "a figure for people, of times far below 2^52 ns"
)]
fn microseconds(nanoseconds: u64) -> String {
    format!("{:8.2} µs", nanoseconds as f64 / 1000.0)
}

fn histogram(page: &mut Page, title: &str, samples: &Sorted) {
    let buckets = samples.histogram();
    let most = buckets.iter().map(|one| one.count).max().unwrap_or(1);
    page.end()
        .put(
            Ink::Faint,
            format!("  {title}, how often from each time on"),
        )
        .end();
    let rows: Vec<_> = buckets
        .iter()
        .map(|bucket| {
            let bar = "█".repeat((bucket.count * BAR).div_ceil(most.max(1)));
            vec![
                Cell::plain(microseconds(bucket.from)),
                Cell::new(Ink::Good, bar),
                Cell::plain(bucket.count.to_string()),
            ]
        })
        .collect();
    page.table(2, &rows);
}
