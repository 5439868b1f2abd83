//! A review as tests: each policy is a suite, and each rule a test of it.

use claimbound_analysis::lint::{ALL, Severity};

use crate::redact::quoting;
use crate::report::junit::{Case, Suite};
use crate::report::{Remark, Review};

/// The suites. A rule fails by what counts and is more than a note; the compiler's
/// findings are tests where there are any.
pub(super) fn of(reviews: &[Review]) -> Vec<Suite> {
    reviews.iter().map(suite).collect()
}

fn suite(review: &Review) -> Suite {
    let mut rules: Vec<&str> = ALL.iter().map(|rule| rule.name).collect();
    for remark in review.open() {
        if !rules.contains(&remark.rule) {
            rules.push(remark.rule);
        }
    }
    Suite {
        name: review.file.clone(),
        cases: rules.into_iter().map(|rule| case(review, rule)).collect(),
    }
}

fn case(review: &Review, rule: &str) -> Case {
    let own = review.open().filter(|remark| remark.rule == rule);
    let graver = own.filter(|remark| remark.severity > Severity::Note);
    Case {
        name: rule.to_owned(),
        faults: graver.map(|remark| fault(review, remark)).collect(),
    }
}

/// What was found and where, in one line.
fn fault(review: &Review, remark: &Remark) -> String {
    let (line, column) = review.lines(&remark.place).start;
    let message = quoting(&remark.message, &review.text);
    format!(
        "{}:{line}:{column}: {}: {message}",
        review.file, remark.severity
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{remark, review};
    use super::*;
    use crate::report::Standing;

    #[test]
    fn a_rule_fails_by_what_counts_and_the_others_pass() {
        let mut known = remark("known");
        known.rule = "reusable-name";
        known.standing = Standing::Known;
        let mut note = remark("a note");
        note.rule = "self-hosted-runner";
        note.severity = Severity::Note;
        let mut compilers = remark("no such key");
        compilers.rule = "document.unknown-key";
        let all = vec![remark("open"), known, note, compilers];
        let suites = of(&[review("p.toml", "a = 1", all)]);
        let failed = suites[0].cases.iter().filter(|one| !one.faults.is_empty());
        let failed: Vec<_> = failed.map(|one| (&*one.name, &*one.faults[0])).collect();
        let expected = [
            ("takeover", "p.toml:1:1: error: open"),
            ("document.unknown-key", "p.toml:1:1: error: no such key"),
        ];
        assert_eq!(failed, expected);
        assert_eq!(suites[0].cases.len(), ALL.len() + 1);
    }
}
