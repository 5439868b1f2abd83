//! What a review came to, and the formats in which it is written.

mod about;
mod github;
mod human;
mod json;
pub(crate) mod junit;
mod markdown;
mod path;
mod sarif;
mod suites;

use std::ops::Range;

use claimbound_analysis::lint::{Severity, fingerprint};
use claimbound_language::{Diagnostics, Document, Example};

use crate::console::{self, Written};
use crate::findings::counted;

/// What was found in one policy.
#[derive(Debug)]
pub(crate) struct Review {
    /// The path of the policy, as it was given.
    pub(crate) file: String,
    /// The document's text, into which places point.
    pub(crate) text: String,
    /// The findings, in the order of their places.
    pub(crate) remarks: Vec<Remark>,
    /// The rules that it was held to: none where it does not compile.
    pub(crate) rules: Vec<&'static str>,
}

/// One finding.
#[derive(Clone, Debug)]
pub(crate) struct Remark {
    /// The rule, such as `takeover` or, of the compiler's, `document.tenant`.
    pub(crate) rule: &'static str,
    /// How much it matters.
    pub(crate) severity: Severity,
    /// The rule of which it says that it is undecided.
    pub(crate) about: Option<&'static str>,
    /// The statement that it speaks of; none where it is the whole document.
    pub(crate) statement: Option<String>,
    /// What is wrong, in one sentence.
    pub(crate) message: String,
    /// What stands beside the underline; may be empty.
    pub(crate) label: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// The bytes of the text that it speaks of.
    pub(crate) place: Range<usize>,
    /// A token that shows it.
    pub(crate) example: Option<Example>,
    /// What stays the same of it while the document around it changes.
    pub(crate) fingerprint: String,
    /// Whether it counts.
    pub(crate) standing: Standing,
}

/// Whether a finding counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does.
    Open,
    /// The document suppresses it, for this reason.
    Suppressed(String),
    /// It was there when the baseline was written.
    Known,
}

impl Remark {
    /// Whether it is what a rule found, or says that the rule is undecided.
    pub(crate) fn is_of(&self, rule: &str) -> bool {
        self.rule == rule || self.about == Some(rule)
    }

    /// Whether it keeps every rule from being asked: the document does not compile.
    pub(crate) fn ends_review(&self) -> bool {
        self.rule.starts_with("document.") && self.severity == Severity::Error
    }
}

impl Review {
    /// The findings that count.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Remark> {
        let remarks = self.remarks.iter();
        remarks.filter(|remark| remark.standing == Standing::Open)
    }

    /// The lines of a place and its columns in characters, all from 1; the end is
    /// exclusive.
    pub(crate) fn lines(&self, place: &Range<usize>) -> Lines {
        let at = |byte| claimbound_language::position(&self.text, byte);
        Lines {
            start: at(place.start),
            end: at(place.end),
        }
    }
}

/// Where a place begins and ends: line and column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) start: (usize, usize),
    pub(crate) end: (usize, usize),
}

/// How many findings count, of each severity, and how many do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) notes: usize,
    pub(crate) suppressed: usize,
    pub(crate) known: usize,
}

impl Counts {
    pub(crate) fn of(reviews: &[Review]) -> Self {
        let mut counts = Self::default();
        for remark in reviews.iter().flat_map(|review| &review.remarks) {
            let count = match (&remark.standing, remark.severity) {
                (Standing::Suppressed(_), _) => &mut counts.suppressed,
                (Standing::Known, _) => &mut counts.known,
                (Standing::Open, Severity::Error) => &mut counts.errors,
                (Standing::Open, Severity::Warning) => &mut counts.warnings,
                (Standing::Open, Severity::Note) => &mut counts.notes,
            };
            *count += 1;
        }
        counts
    }
}

/// How many policies were looked at, and what was found, in a few words.
fn summary(reviews: &[Review]) -> String {
    let counts = Counts::of(reviews);
    let policies = match reviews.len() {
        1 => "1 policy".to_owned(),
        many => format!("{many} policies"),
    };
    let mut parts = vec![
        counted(counts.errors, "error"),
        counted(counts.warnings, "warning"),
        counted(counts.notes, "note"),
    ];
    if counts.suppressed > 0 {
        parts.push(format!("{} suppressed", counts.suppressed));
    }
    if counts.known > 0 {
        parts.push(format!("{} known from the baseline", counts.known));
    }
    format!("{policies}: {}", parts.join(", "))
}

/// How findings are told of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// What they were held against.
    pub(crate) against: Against,
    /// From which severity on one is a failure; none where none is.
    pub(crate) least: Option<Severity>,
}

/// What the findings were held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// Nothing: all of them count.
    Nothing,
    /// A baseline.
    Baseline,
}

/// Writes reviews to standard output.
pub(crate) fn write(reviews: &[Review], terms: Terms, written: Written) -> anyhow::Result<()> {
    match written {
        Written::Human => console::write_page(&human::page(reviews)),
        Written::Json => console::write_json(&format!("{:#}", json::of(reviews))),
        // These redact each text that they quote, and stay whole around it.
        Written::Sarif => console::write_made(&format!("{:#}", sarif::of(reviews, terms.against))),
        Written::Github => console::write_raw(github::text(reviews).as_bytes()),
        Written::Markdown => console::write_raw(markdown::text(reviews).as_bytes()),
        Written::Junit => {
            let xml = junit::xml("claimbound lint", &suites::of(reviews, terms.least))?;
            console::write_raw(xml.as_bytes())
        }
    }
}

/// The compiler's findings, as those of a review. `policy` is its name, or its path where
/// it has none; `document` is there where it compiles.
pub(crate) fn remarks_of(
    findings: &Diagnostics,
    policy: &str,
    document: Option<&Document>,
) -> Vec<Remark> {
    use claimbound_language::Severity as Theirs;
    let one = |finding: &claimbound_language::Diagnostic| {
        let spoken_of = findings.text().get(finding.place.clone());
        let statement = document.and_then(|document| document.statement_at(finding.place.start));
        let statement = statement.map(|one| one.name.value.clone());
        let severity = match finding.severity {
            Theirs::Error => Severity::Error,
            Theirs::Warning => Severity::Warning,
        };
        let about = [
            policy,
            statement.as_deref().unwrap_or_default(),
            spoken_of.unwrap_or_default(),
        ];
        Remark {
            rule: finding.code(),
            severity,
            about: None,
            message: finding.message.clone(),
            label: finding.label.clone(),
            hint: finding.hint.clone(),
            place: finding.place.clone(),
            example: None,
            fingerprint: fingerprint([finding.code(), ""], severity, about),
            standing: Standing::Open,
            statement,
        }
    };
    findings.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error about the first byte.
    pub(super) fn remark(message: &str) -> Remark {
        Remark {
            rule: "takeover",
            severity: Severity::Error,
            about: None,
            statement: None,
            message: message.to_owned(),
            label: String::new(),
            hint: None,
            place: 0..1,
            example: None,
            fingerprint: "sha256:00".to_owned(),
            standing: Standing::Open,
        }
    }

    pub(super) fn review(file: &str, text: &str, remarks: Vec<Remark>) -> Review {
        Review {
            file: file.to_owned(),
            text: text.to_owned(),
            remarks,
            rules: claimbound_analysis::lint::ALL
                .iter()
                .map(|rule| rule.name)
                .collect(),
        }
    }

    #[test]
    fn columns_are_counted_in_characters() {
        let review = review("p.toml", "a\nüb\n", Vec::new());
        let lines = review.lines(&(4..5));
        assert_eq!((lines.start, lines.end), ((2, 2), (2, 3)));
    }
}
