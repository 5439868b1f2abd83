//! What is measured on a component alone: its answers to the tokens of its cases.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use claimbound::policy::Policy;
use serde_json::{Value, json};

use super::{Arguments, heading, microseconds, not_optimised, row};
use crate::bench::{CaseStage, CaseTimes};
use crate::component;
use crate::console::{Console, Progress, Status};
use crate::found::Found;
use crate::page::{Cell, Ink, Page};
use crate::policy_file::PolicyFile;

pub(super) fn run(
    arguments: &Arguments,
    file: &PolicyFile,
    console: Console,
) -> anyhow::Result<Status> {
    let name = file.path.display();
    let asked = [
        ("--statement", arguments.statement.is_some()),
        ("--algorithm", !arguments.algorithm.is_empty()),
    ];
    if let Some((option, _)) = asked.iter().find(|(_, is_asked)| *is_asked) {
        bail!("`{option}` needs a policy document, and `{name}` has no verified one");
    }
    let checks = Found::of(file, arguments.cases.as_deref())?.alone()?;
    let sandbox = component::sandbox(&file.component)?;
    let policy = Policy::load(&sandbox, &file.component).with_context(|| format!("`{name}`"))?;
    let policy = Arc::new(policy);
    let iterations = usize::try_from(arguments.iterations)?;
    let stage = CaseStage::new(&policy, &checks).with_context(|| format!("`{name}`"))?;
    let progress = Progress::of(iterations);
    let times = stage.take(iterations, |done| progress.at(done, "decision"))?;
    drop(progress);
    let left_out = checks.len() - stage.len();
    console.answer(
        || page(&policy, &times, iterations, left_out),
        || to_json(&times, iterations),
    )?;
    Ok(Status::Yes)
}

fn to_json(times: &[CaseTimes], iterations: usize) -> Value {
    let reports = times.iter().map(|one| {
        json!({
            "case": one.name,
            "outcome": outcome(one),
            "iterations": iterations,
            "optimised": !cfg!(debug_assertions),
            "decision_ns": {
                "p50": one.decision.percentile(50),
                "p99": one.decision.percentile(99),
            },
        })
    });
    Value::Array(reports.collect())
}

fn outcome(times: &CaseTimes) -> &'static str {
    if times.allows { "allow" } else { "deny" }
}

fn page(policy: &Policy, times: &[CaseTimes], iterations: usize, left_out: usize) -> Page {
    let mut page = Page::default();
    let id = policy.id();
    page.put(Ink::Strong, &id.name)
        .text(format!(
            " {}, its answers to its cases; each {iterations} times",
            id.version
        ))
        .end();
    not_optimised(&mut page);
    page.end();
    let mut rows = vec![heading(["p50", "p99"])];
    for one in times {
        let figures = [50, 99].map(|percent| microseconds(one.decision.percentile(percent)));
        rows.push(row(&one.name, &figures, Cell::plain(outcome(one))));
    }
    page.table(2, &rows);
    if left_out > 0 {
        let cases = if left_out == 1 {
            "case is"
        } else {
            "cases are"
        };
        page.end()
            .put(
                Ink::Faint,
                format!("{left_out} {cases} left out: the host decides without the policy."),
            )
            .end();
    }
    page
}
