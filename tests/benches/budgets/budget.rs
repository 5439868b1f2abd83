//! One promise about cost, and tables of what was measured.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::figure::Figure;

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

    pub(crate) fn met(&self) -> bool {
        if self.least {
            self.measured >= self.bound
        } else {
            self.measured <= self.bound
        }
    }

    pub(crate) fn row(&self) -> Vec<String> {
        let word = if self.least { "at least" } else { "at most" };
        let met = if self.met() { "met" } else { "**not met**" };
        vec![
            self.name.clone(),
            format!("{word} {}", self.bound),
            self.measured.to_string(),
            met.to_owned(),
        ]
    }

    pub(crate) fn json(&self) -> Value {
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
