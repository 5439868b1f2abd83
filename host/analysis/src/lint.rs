//! Lint: what a reviewer would say of a policy, rule by rule.
//!
//! Each rule is one file in `rules`: what it looks for, why that matters, how it is
//! mended, which controls it serves, and samples with and without the fault. Its
//! [page](Rule::page) is made of that.

mod control;
mod finding;
mod openness;
mod page;
mod regex;
mod review;
mod rule;
mod rules;
#[cfg(test)]
mod tests;
mod written;

use claimbound_language::{Cases, Compiled, Suppression};

use crate::budget::Together;

pub use control::Control;
pub use finding::{Finding, Severity, fingerprint};
pub use rule::{Rule, Sample};
pub use rules::ALL;

use review::Review;
use rule::Check;

/// How many questions about a policy may take all the steps that one may: a policy
/// that is written to keep its reviewer busy is undecided after some seconds.
const QUESTIONS: u64 = 8;

/// The rule of this name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.name == name).copied()
}

/// Holds a policy to every rule. Findings stand in the order of the document;
/// those that it suppresses are among them, with the reason.
///
/// `cases` are those that stand beside the policy; without them, nothing is said of
/// what they cover. `steps` bounds each question that is asked of sets of tokens, and
/// eight times as many bound all of them; where that does not reach, the rule
/// `undecided` says so.
pub fn lint(policy: &Compiled, cases: Option<&Cases>, steps: u64) -> Vec<Finding> {
    held_to(ALL, policy, cases, steps)
}

/// Holds a policy to one rule; where it is not decided, the rule `undecided` says so.
pub fn lint_by(
    rule: &'static Rule,
    policy: &Compiled,
    cases: Option<&Cases>,
    steps: u64,
) -> Vec<Finding> {
    let one = [rule, &rules::undecided::RULE];
    let rules = match rule.check {
        Check::Policy(_) => &one[..],
        // It is about what the others find.
        Check::Findings(_) => ALL,
    };
    let mut findings = held_to(rules, policy, cases, steps);
    findings.retain(|finding| finding.is_of(rule.name));
    findings
}

fn held_to(
    rules: &[&'static Rule],
    policy: &Compiled,
    cases: Option<&Cases>,
    steps: u64,
) -> Vec<Finding> {
    let _together = Together::new(steps.saturating_mul(QUESTIONS));
    let review = Review::new(policy, cases, steps);
    let mut findings = Vec::new();
    for rule in rules {
        if let Check::Policy(check) = rule.check {
            findings.extend(check(&review));
        }
    }
    for finding in &mut findings {
        finding.suppressed = suppression(policy, finding).map(|one| one.reason.value.clone());
    }
    for rule in rules {
        if let Check::Findings(check) = rule.check {
            let more = check(&review, &findings);
            findings.extend(more);
        }
    }
    findings.sort_by(|one, other| {
        let place = |finding: &Finding| (finding.place.start, finding.place.end);
        place(one)
            .cmp(&place(other))
            .then_with(|| other.severity().cmp(&one.severity()))
            .then_with(|| one.rule.name.cmp(other.rule.name))
    });
    findings
}

/// What keeps a rule from speaking of a statement.
fn suppression<'p>(policy: &'p Compiled, finding: &Finding) -> Option<&'p Suppression> {
    let mut suppressions = policy.document.suppressions.iter();
    suppressions.find(|one| one.is_about(finding.rule.name, finding.statement.as_deref()))
}
