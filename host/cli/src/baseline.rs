//! A baseline: findings that were there when a policy came under review.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::input;
use crate::report::{Remark, Review, Standing};

/// The format of the file.
const FORMAT: u32 = 1;

/// Findings that do not count, by what stays the same of them.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    known: BTreeSet<String>,
    findings: Vec<Line>,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    claimbound_baseline: u32,
    findings: Vec<Line>,
}

/// One finding: the fingerprint counts, the rest is for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    policy: String,
    rule: String,
    statement: Option<String>,
    fingerprint: String,
}

impl Baseline {
    /// Reads a baseline.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = input::file_text(path)?;
        let name = path.display();
        let file: File =
            serde_json::from_str(&text).with_context(|| format!("`{name}` is no baseline"))?;
        if file.claimbound_baseline != FORMAT {
            bail!(
                "`{name}` is a baseline of format {}, and this release reads {FORMAT}",
                file.claimbound_baseline
            );
        }
        let known = file.findings.iter().map(|line| line.fingerprint.clone());
        Ok(Self {
            known: known.collect(),
            findings: file.findings,
        })
    }

    /// The findings that count today, but for those that keep a document from being
    /// reviewed: nothing is known behind them.
    pub(crate) fn of(reviews: &[Review]) -> Self {
        let lines = reviews.iter().flat_map(|review| {
            let open = review.remarks.iter();
            let open = open.filter(|remark| remark.standing == Standing::Open);
            let open = open.filter(|remark| !remark.ends_review());
            open.map(|remark| Line {
                policy: review.file.clone(),
                rule: remark.rule.to_owned(),
                statement: remark.statement.clone(),
                fingerprint: remark.fingerprint.clone(),
            })
        });
        let findings: BTreeSet<Line> = lines.collect();
        let known = findings.iter().map(|line| line.fingerprint.clone());
        Self {
            known: known.collect(),
            findings: findings.into_iter().collect(),
        }
    }

    /// Has a finding not count that was there.
    pub(crate) fn hold(&self, remark: &mut Remark) {
        let is_known = self.known.contains(&remark.fingerprint);
        if is_known && remark.standing == Standing::Open && !remark.ends_review() {
            remark.standing = Standing::Known;
        }
    }

    /// The file's text.
    pub(crate) fn to_text(&self) -> String {
        let file = File {
            claimbound_baseline: FORMAT,
            findings: self.findings.clone(),
        };
        format!("{:#}\n", serde_json::json!(file))
    }
}
