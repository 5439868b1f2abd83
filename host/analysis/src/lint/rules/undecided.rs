//! Questions that took more steps than they may.

use std::collections::BTreeMap;

use crate::lint::ALL;
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity, listed};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(in crate::lint) static RULE: Rule = Rule {
    name: "undecided",
    severity: Severity::Warning,
    summary: "A rule could not be decided for some statement.",
    why: "\
Rules that speak of all tokens that a statement accepts compute with sets of tokens. Each question may \
take so many steps (`--steps`), and a few things are not followed. Where the answer is not known, it is \
not guessed: the statement may well have the fault that the rule looks for. It weighs as much as what the rule finds, and it can't be suppressed.",
    fix: "\
Raise `--steps`, or make the statement simpler: fewer and shorter patterns, a `subject` table in place \
of a pattern over the whole subject, fewer statements about one issuer in one policy.",
    controls: &[Control::IdRa01],
    references: &[],
    accepted: &[Sample::of(
        r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
"#,
    )],
    refused: &[Sample::within(
        r#"
# looked at for ten steps
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        10,
    )],
    check: Check::Findings(check),
};

/// One finding for each rule, at the first statement of which it is not known.
fn check(review: &Review<'_>, _: &[Finding]) -> Vec<Finding> {
    let undecided = review.undecided();
    let mut rules: BTreeMap<&'static str, BTreeMap<usize, &str>> = BTreeMap::new();
    for one in undecided.iter() {
        let name = &one.statement.name;
        let statements = rules.entry(one.rule).or_default();
        statements.insert(name.place.start, &name.value);
    }
    let found = rules.into_iter().filter_map(|(rule, statements)| {
        let (start, first) = statements.first_key_value()?;
        let place = *start..start + first.len();
        let message = format!("`{rule}` is not known for {}", listed(statements.values()));
        let gravest = ALL.iter().find(|one| one.name == rule)?.severity;
        let finding = Finding::new(&RULE, &place, message).about(rule);
        Some(finding.of_severity(gravest))
    });
    found.collect()
}
