//! Names that somebody else may hold tomorrow.

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "reusable-name",
    severity: Severity::Warning,
    summary: "A statement trusts a name without the id behind it.",
    why: "\
Names of accounts, repositories, projects and pipelines are given up by renames and deletions, and then \
anybody may take them. The id is never given twice. A statement that asks for no id accepts whoever holds \
the name, on the policy's own word; only a host's ledger then tells the new holder from the old one, and \
it has nothing to compare with where the name is new to it.

It is decided from the naming model: the statement still accepts a token when every id in it is one that \
the policy does not know. The example is such a token.",
    fix: "\
Give the id with the name: `repository = { name = \"acme/infra\", id = \"456789\" }`. `claimbound token \
decode` shows the ids of a real token, and `claimbound new --from-token` writes them out.",
    controls: &[
        Control::Nhi1,
        Control::PrAa01,
        Control::PrAa02,
        Control::FederatedIdentifier,
    ],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
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
    refused: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { owner = "acme", repository = "acme/infra", ref = "refs/heads/main" }
"#,
        ),
        Sample::of(
            r#"
[issuer.forge]
model = "gitlab"
url = "https://git.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = "project_path:platform/infra:ref_type:branch:ref:main"
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let found = review.trusts().filter_map(|(stated, _)| {
        let token = review.outsider(&RULE, stated, |outsider, steps| {
            match outsider.registers(steps)? {
                Some(_) => Ok(None),
                None => outsider.inherits(steps),
            }
        })?;
        let message = format!(
            "statement `{}` accepts whoever holds these names next",
            stated.name()
        );
        let finding = Finding::new(&RULE, stated.subject_place(), message)
            .of_statement(stated.name())
            .label("no id stands behind these names")
            .shown_by(token);
        Some(finding)
    });
    found.collect()
}
