//! What was measured, as the page of benchmarks has it and as JSON.

use serde_json::{Value, json};

use crate::budget::{Budget, table};
use crate::denial::Denial;
use crate::figure::grouped;
use crate::instance::Instance;
use crate::loading::Loading;
use crate::machine::Machine;
use crate::policies::Policies;
use crate::statements::Statements;
use crate::threads::Threads;

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
