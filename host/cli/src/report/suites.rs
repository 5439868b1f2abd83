//! A review as tests: each policy is a suite, and each rule a test of it.

use claimbound_analysis::lint::Severity;

use crate::redact::quoting;
use crate::report::junit::{Case, Suite};
use crate::report::{Remark, Review};

/// The suites. A rule that was asked fails by what counts and is of this severity or a
/// graver one, and where it is undecided; the compiler's findings are tests where there
/// are any.
pub(super) fn of(reviews: &[Review], least: Option<Severity>) -> Vec<Suite> {
    let suites = reviews.iter().map(|review| suite(review, least));
    suites.collect()
}

fn suite(review: &Review, least: Option<Severity>) -> Suite {
    let mut rules = review.rules.clone();
    for remark in review.open() {
        if !rules.contains(&remark.rule) {
            rules.push(remark.rule);
        }
    }
    let cases = rules.into_iter().map(|rule| case(review, rule, least));
    Suite {
        name: review.file.clone(),
        cases: cases.collect(),
    }
}

fn case(review: &Review, rule: &str, least: Option<Severity>) -> Case {
    let own = review.open().filter(|remark| remark.is_of(rule));
    let graver = own.filter(|remark| least.is_some_and(|least| remark.severity >= least));
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
        let mut undecided = remark("not known");
        undecided.rule = "undecided";
        undecided.about = Some("overlap");
        let all = vec![remark("open"), known, note, compilers, undecided];
        let suites = of(&[review("p.toml", "a = 1", all)], Some(Severity::Warning));
        let failed = suites[0].cases.iter().filter(|one| !one.faults.is_empty());
        let failed: Vec<_> = failed.map(|one| (&*one.name, &*one.faults[0])).collect();
        let expected = [
            ("overlap", "p.toml:1:1: error: not known"),
            ("takeover", "p.toml:1:1: error: open"),
            ("undecided", "p.toml:1:1: error: not known"),
            ("document.unknown-key", "p.toml:1:1: error: no such key"),
        ];
        assert_eq!(failed, expected);
        let all = claimbound_analysis::lint::ALL.len();
        assert_eq!(suites[0].cases.len(), all + 1);
    }
}
