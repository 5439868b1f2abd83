//! A rule: what is looked for, why, how it is mended, and samples of it.

use crate::budget::Budget;
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;

/// One rule of the linter.
#[derive(Debug)]
pub struct Rule {
    /// Its name, stable across releases: lower-case words joined by hyphens.
    pub name: &'static str,
    /// How much its findings matter.
    pub severity: Severity,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// Why that matters, and how it is decided: Markdown, in paragraphs.
    pub why: &'static str,
    /// How it is mended: Markdown, in paragraphs.
    pub fix: &'static str,
    /// The controls that it serves.
    pub controls: &'static [Control],
    /// What it rests on besides, such as a section of an RFC; Markdown.
    pub references: &'static [&'static str],
    /// Policies in which it finds nothing.
    pub accepted: &'static [Sample],
    /// Policies in which it finds something.
    pub refused: &'static [Sample],
    /// What looks for it.
    pub(crate) check: Check,
}

/// What looks for the fault of a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// It looks at the policy.
    Policy(fn(&Review<'_>) -> Vec<Finding>),
    /// It looks at what the other rules came to.
    Findings(fn(&Review<'_>, &[Finding]) -> Vec<Finding>),
}

/// A policy, as the page of a rule shows it.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// A document, or what follows its first lines: the format and the name of the
    /// policy and, where it has no issuer, [`Sample::ISSUER`].
    pub document: &'static str,
    /// The cases beside it.
    pub cases: Option<&'static str>,
    /// How many steps each question about it may take.
    pub steps: u64,
}

impl Sample {
    /// The issuer of samples that name none of their own.
    pub const ISSUER: &'static str = "[issuer.github]\nmodel = \"github-actions\"\n";

    /// A policy without cases.
    pub(crate) const fn of(document: &'static str) -> Self {
        Self {
            document,
            cases: None,
            steps: Budget::USUAL,
        }
    }

    /// A policy that is looked at for so many steps only.
    pub(crate) const fn within(document: &'static str, steps: u64) -> Self {
        Self {
            document,
            cases: None,
            steps,
        }
    }

    /// A policy with cases beside it.
    pub(crate) const fn with_cases(document: &'static str, cases: &'static str) -> Self {
        Self {
            document,
            cases: Some(cases),
            steps: Budget::USUAL,
        }
    }

    /// The whole document.
    pub fn text(&self) -> String {
        let issuer = if self.document.contains("[issuer.") {
            ""
        } else {
            Self::ISSUER
        };
        let head = "claimbound = 1\npolicy = { name = \"sample\", version = \"1.0.0\" }\n";
        format!("{head}\n{issuer}\n{}", self.document.trim_start())
    }
}
