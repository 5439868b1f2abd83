//! Questions that took more steps than they may.

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "undecided",
    severity: Severity::Warning,
    summary: "A rule could not be decided for a statement.",
    why: "\
Rules that speak of all tokens that a statement accepts compute with sets of tokens. Each question may \
take so many steps (`--steps`), and a few things are not followed. Where the answer is not known, it is \
not guessed: the statement may well have the fault that the rule looks for.",
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

fn check(review: &Review<'_>, _: &[Finding]) -> Vec<Finding> {
    let undecided = review.undecided();
    let of = |stated: &crate::lint::review::Stated<'_>| {
        let own = undecided
            .iter()
            .filter(|one| one.statement.name == stated.written.name);
        let mut rules: Vec<String> = own.map(|one| format!("`{}`", one.rule)).collect();
        rules.dedup();
        (!rules.is_empty()).then(|| {
            let message = format!(
                "not known for statement `{}`: {}",
                stated.name(),
                rules.join(", ")
            );
            Finding::new(&RULE, &stated.written.name.place, message).of_statement(stated.name())
        })
    };
    review.statements.iter().filter_map(of).collect()
}
