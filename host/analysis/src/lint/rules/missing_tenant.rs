//! A shared issuer without a tenant.

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "missing-tenant",
    severity: Severity::Error,
    summary: "A statement trusts an issuer that signs for everyone, and no id says whose tokens are meant.",
    why: "\
GitHub, GitLab.com, Buildkite, HCP Terraform and Google sign for all their customers with the same keys. \
What separates customers is a claim that names the tenant, and only its id is never given to somebody \
else. Such a statement does not compile without `danger`, which takes the risk on record; this finding \
keeps the risk in sight of whoever reviews the policy.",
    fix: "\
Give the tenant's id and take `danger` out: `owner = { name = \"acme\", id = \"123456\" }` at GitHub, \
`namespace` at GitLab, `organization` at Buildkite and HCP Terraform. If the risk is meant, suppress the \
finding with a reason.",
    controls: &[
        Control::Nhi6,
        Control::PrAa02,
        Control::PrAa04,
        Control::Tenet4,
        Control::TrustAgreement,
        Control::CicdSec2,
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
    refused: &[Sample::of(
        r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { owner = "acme", repository = "acme/infra", ref = "refs/heads/main" }
"#,
    )],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    // A statement that names its tenant and says `danger` all the same has a
    // warning of the compiler's; all others that say it name none.
    let is_idle = |place: &std::ops::Range<usize>| {
        let mut warnings = review.policy.warnings.iter();
        warnings.any(|warning| warning.place == *place)
    };
    let found = review.trusts().filter_map(|(stated, trust)| {
        let danger = trust.danger.as_ref().filter(|one| !is_idle(&one.place))?;
        let message = format!(
            "`{}` signs for everyone, and statement `{}` names no tenant by an immutable id",
            stated.issuer.url,
            stated.name()
        );
        let finding = Finding::new(&RULE, &danger.place, message)
            .of_statement(stated.name())
            .label("takes the risk on record");
        Some(finding)
    });
    found.collect()
}
