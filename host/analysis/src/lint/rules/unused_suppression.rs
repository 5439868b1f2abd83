//! Suppressions of what is not there.

use claimbound_language::Diagnostic;

use crate::lint::ALL;
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "unused-suppression",
    severity: Severity::Warning,
    summary: "A suppression keeps nothing from being said.",
    why: "\
A suppression is an answer to a finding. Where the finding is gone, or the rule never had that name, the \
answer stands in wait for the next fault of its kind and hides it.",
    fix: "Take the suppression out, or give it the name of the rule and of the statement that it is about.",
    controls: &[Control::IdRa01],
    references: &[],
    accepted: &[Sample::of(
        r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "a public mirror: whoever builds it may read from it"
subject = { ref = "refs/heads/main", any = ["owner", "repository"] }

[[suppress]]
rule = "missing-tenant"
statement = "main"
reason = "the mirror is public"
"#,
    )],
    refused: &[Sample::of(
        r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"

[[suppress]]
rule = "missing-tenant"
statement = "main"
reason = "there was a wildcard here once"
"#,
    )],
    check: Check::Findings(check),
};

fn check(review: &Review<'_>, findings: &[Finding]) -> Vec<Finding> {
    let suppressions = review.policy.document.suppressions.iter();
    let unused = suppressions.filter_map(|one| {
        let rule = one.rule.value.as_str();
        let is_meant =
            |finding: &Finding| one.is_about(finding.rule.name, finding.statement.as_deref());
        let document = &review.policy.document;
        let is_warned_of = |warning: &Diagnostic| {
            let spoken_of = document.statement_at(warning.place.start);
            one.is_about(warning.code(), spoken_of.map(|one| one.name.value.as_str()))
        };
        if findings.iter().any(is_meant) || review.policy.warnings.iter().any(is_warned_of) {
            return None;
        }
        let compilers = claimbound_language::Rule::ALL.map(claimbound_language::Rule::code);
        let own = ALL.iter().find(|known| known.name == rule);
        let message = match own.map(|known| known.check) {
            Some(Check::Findings(_)) => format!("`{rule}` can't be suppressed"),
            None if !compilers.contains(&rule) => format!("there is no rule `{rule}`"),
            Some(Check::Policy(_)) | None => {
                format!("`{rule}` finds nothing here that could be suppressed")
            }
        };
        Some(Finding::new(&RULE, &one.rule.place, message))
    });
    unused.collect()
}
