//! A decision on record beside what a policy says of the same token now.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use claimbound::outcome::{HostError, Outcome};
use claimbound::policy::Policy;
use claimbound::reason::Reason;
use claimbound::record::{Decision, NotDerived, Verdict};
use serde_json::{Value, json};

use crate::component;
use crate::console::Status;
use crate::page::{Ink, Page};
use crate::policy_file::PolicyFile;
use crate::time;

/// The most comparisons that are shown; the others are counted.
const MOST: usize = 1000;

/// What was said of a token before its obligations, then or now.
#[derive(Clone, Debug)]
pub(super) struct Said {
    verdict: Verdict,
    statement: Option<String>,
    reasons: Vec<Reason>,
    error: Option<HostError>,
}

impl Said {
    /// What the policy and the ceiling said, as the record has it.
    pub(super) fn then(decision: &Decision) -> Self {
        let verdict = decision.before_obligations();
        // What was refused later says nothing about the policy.
        let is_policys = verdict == decision.outcome;
        Self {
            verdict,
            statement: decision.statement.clone(),
            reasons: decision
                .reasons
                .iter()
                .filter(|_| is_policys)
                .cloned()
                .collect(),
            error: decision.error.clone().filter(|_| is_policys),
        }
    }

    /// What they say now.
    pub(super) fn now(outcome: &Outcome) -> Self {
        let verdict = Verdict::from(outcome);
        let (statement, reasons, error) = match outcome {
            Outcome::Allow(allowed) => (Some(allowed.statement.clone()), Vec::new(), None),
            Outcome::Deny(denied) => (None, denied.reasons.clone(), None),
            Outcome::Error(error) => (None, Vec::new(), Some(error.clone())),
        };
        Self {
            verdict,
            statement,
            reasons,
            error,
        }
    }

    fn json(&self) -> Value {
        json!({
            "outcome": self.verdict,
            "statement": self.statement,
            "reasons": self.reasons,
            "error": self.error,
        })
    }

    fn show(&self, page: &mut Page, label: &str) {
        let ink = match self.verdict {
            Verdict::Allow => Ink::Good,
            Verdict::Deny => Ink::Bad,
            Verdict::Error => Ink::Warn,
        };
        page.put(Ink::Faint, format!("    {label:<10} "));
        page.put(ink, self.verdict.as_str());
        if let Some(statement) = &self.statement {
            page.text(format!(" by statement {statement}"));
        }
        if let Some(error) = &self.error {
            page.text(format!(" {error}"));
        }
        page.end();
        for reason in &self.reasons {
            let claim = reason.claim.join(" › ");
            let claim = if claim.is_empty() {
                claim
            } else {
                format!(" {claim}")
            };
            page.put(Ink::Faint, format!("    {:<10} ", ""));
            page.put(Ink::Strong, reason.code.as_str()).text(claim);
            page.put(Ink::Faint, format!("  {}", reason.message)).end();
        }
    }
}

/// A decision of which a policy says something else now.
pub(super) struct Difference {
    seq: u64,
    time: u64,
    route: String,
    subject: String,
    then: Said,
    now: Said,
}

impl Difference {
    fn json(&self) -> Value {
        json!({
            "seq": self.seq,
            "time": self.time,
            "route": self.route,
            "subject": self.subject,
            "recorded": self.then.json(),
            "now": self.now.json(),
        })
    }

    fn show(&self, page: &mut Page) {
        page.put(Ink::Strong, format!("  line {}", self.seq));
        page.put(
            Ink::Faint,
            format!("  {}  {}", time::date(self.time), self.route),
        );
        page.text(format!("  {}", self.subject)).end();
        self.then.show(page, "recorded");
        self.now.show(page, "now");
    }
}

/// What came of comparing.
#[derive(Default)]
pub(super) struct Tally {
    /// Decisions of which the same is said.
    pub(super) same: u64,
    /// The first of those of which something else is said.
    pub(super) different: Vec<Difference>,
    /// The others.
    pub(super) more: u64,
    /// How many there are of each pair of outcomes.
    pub(super) pairs: BTreeMap<(&'static str, &'static str), u64>,
    /// Why the others can't be compared, and how many.
    pub(super) not_derived: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn differs(&mut self, seq: u64, decision: &Decision, outcome: &Outcome) {
        let (then, now) = (Said::then(decision), Said::now(outcome));
        let pair = (then.verdict.as_str(), now.verdict.as_str());
        *self.pairs.entry(pair).or_default() += 1;
        if self.different.len() >= MOST {
            self.more += 1;
            return;
        }
        self.different.push(Difference {
            seq,
            time: decision.time,
            route: decision.route.clone(),
            subject: decision.subject.clone(),
            then,
            now,
        });
    }

    pub(super) fn not_derived(&mut self, why: &NotDerived) {
        self.left_out(why.to_string());
    }

    pub(super) fn left_out(&mut self, why: String) {
        // A record may hold whatever somebody wrote into it.
        let is_listed = self.not_derived.len() < MOST || self.not_derived.contains_key(&why);
        let why = if is_listed {
            why
        } else {
            "for other reasons".to_owned()
        };
        *self.not_derived.entry(why).or_default() += 1;
    }

    /// How many decisions differ.
    pub(super) fn differences(&self) -> u64 {
        self.different.len() as u64 + self.more
    }

    /// Adds the differences and what was left out.
    pub(super) fn show(&self, page: &mut Page) {
        for difference in &self.different {
            difference.show(page);
        }
        if self.more > 0 {
            page.put(Ink::Faint, format!("  and {} more", self.more))
                .end();
        }
        for (why, count) in &self.not_derived {
            page.put(Ink::Warn, format!("  {count} left out"))
                .text(": ");
            page.text(why).end();
        }
    }

    /// What it comes to; where nothing was compared, nothing is said.
    pub(super) fn status(&self) -> Status {
        if self.differences() > 0 {
            Status::No
        } else if self.same == 0 {
            Status::Unanswered
        } else {
            Status::Yes
        }
    }

    /// The members that every comparison has.
    pub(super) fn json(&self, different: &str) -> Value {
        let left_out = self.not_derived.iter();
        let left_out = left_out.map(|(why, count)| json!({ "why": why, "count": count }));
        let pairs = self.pairs.iter();
        let pairs = pairs
            .map(|((then, now), count)| json!({ "recorded": then, "now": now, "count": count }));
        let all: Vec<_> = self.different.iter().map(Difference::json).collect();
        json!({
            "same": self.same,
            different: all,
            "more": self.more,
            "changes": pairs.collect::<Vec<_>>(),
            "left_out": left_out.collect::<Vec<_>>(),
        })
    }
}

/// Loads a policy, a document or a component.
pub(super) fn policy(path: &Path) -> anyhow::Result<Arc<Policy>> {
    let file = PolicyFile::open(path)?;
    let policy = Policy::load(&component::sandbox(&file.component)?, &file.component);
    let policy = policy.with_context(|| format!("`{}`", file.path.display()))?;
    Ok(Arc::new(policy))
}
