//! What was measured, as the page of benchmarks has it and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::denial::Denial;
use crate::figure::{Figure, grouped};
use crate::instance::Instance;
use crate::loading::Loading;
use crate::machine::Machine;
use crate::policies::Policies;
use crate::statements::Statements;
use crate::threads::Threads;

/// One promise about cost, and what became of it.
pub(crate) struct Budget {
    name: String,
    bound: Figure,
    /// Whether the bound is the least; else it is the most.
    least: bool,
    measured: Figure,
}

impl Budget {
    pub(crate) fn at_most(name: &str, bound: Figure, measured: Figure) -> Self {
        Self {
            name: name.to_owned(),
            bound,
            least: false,
            measured,
        }
    }

    pub(crate) fn at_least(name: &str, bound: Figure, measured: Figure) -> Self {
        Self {
            least: true,
            ..Self::at_most(name, bound, measured)
        }
    }

    fn met(&self) -> bool {
        if self.least {
            self.measured >= self.bound
        } else {
            self.measured <= self.bound
        }
    }

    fn row(&self) -> Vec<String> {
        let word = if self.least { "at least" } else { "at most" };
        let met = if self.met() { "met" } else { "**not met**" };
        vec![
            self.name.clone(),
            format!("{word} {}", self.bound),
            self.measured.to_string(),
            met.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "bound": self.bound.json(),
            "bound_is": if self.least { "least" } else { "most" },
            "measured": self.measured.json(),
            "met": self.met(),
        })
    }
}

/// A table in Markdown; all columns but the first are of numbers.
pub(crate) fn table(titles: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|---|", titles.join(" | "));
    text.push_str(&"--:|".repeat(titles.len().saturating_sub(1)));
    text.push('\n');
    for row in rows {
        // Writing to a string can't fail.
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Everything that a report says.
pub(crate) struct Report {
    pub(crate) statements: Statements,
    pub(crate) threads: Threads,
    pub(crate) policies: Policies,
    pub(crate) denial: Denial,
    pub(crate) loading: Loading,
    pub(crate) instance: Instance,
    pub(crate) machine: Machine,
    /// How much was measured, in hundredths of what is usual.
    pub(crate) scale: usize,
}

impl Report {
    fn budgets(&self) -> Vec<Budget> {
        let mut budgets = self.statements.budgets();
        budgets.extend(self.policies.budgets());
        budgets.extend(self.denial.budgets());
        budgets.extend(self.threads.budgets());
        budgets.extend(self.loading.budgets());
        budgets
    }

    /// The tables and what they were measured on, in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let rows = self.budgets();
        let rows = rows.iter().map(Budget::row);
        let parts = [
            table(&["budget", "bound", "measured", ""], rows),
            self.statements.markdown(),
            self.policies.markdown(),
            self.threads.markdown(),
            self.denial.markdown(),
            self.loading.markdown(),
            self.instance.markdown(),
        ];
        let scale = match self.scale {
            100 => String::new(),
            scale => format!(" A run of {scale} hundredths of the usual rounds."),
        };
        let build = if cfg!(debug_assertions) {
            " This build is not optimised: the figures say little."
        } else {
            ""
        };
        format!(
            "<!-- printed by tests/benches/budgets: the command stands above -->\n\n{}\n\
             Times are p50 / p99 where there are two; ratios are of medians. Tokens of {} bytes, RS256.{scale}{build} \
             Measured on {}\n\n\
             <!-- end of what tests/benches/budgets printed -->\n",
            parts.join("\n"),
            grouped(self.denial.token_bytes() as u64),
            self.machine.describe(),
        )
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "budgets": self.budgets().iter().map(Budget::json).collect::<Vec<_>>(),
            "statements": self.statements.json(),
            "policies": self.policies.json(),
            "threads": self.threads.json(),
            "denial": self.denial.json(),
            "loading": self.loading.json(),
            "instance": self.instance.json(),
            "token_bytes": self.denial.token_bytes(),
            "optimised": !cfg!(debug_assertions),
            "scale": self.scale,
            "machine": self.machine.json(),
        })
    }
}
