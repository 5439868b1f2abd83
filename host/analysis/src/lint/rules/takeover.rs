//! Names that anybody can register and that the policy takes.

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "takeover",
    severity: Severity::Error,
    summary: "Somebody outside the organisation gets an accepted token by registering a name.",
    why: "\
An issuer that signs for everyone signs for strangers. A stranger chooses the name of an account and of \
what is in it, and with it the branch, the environment, the workflow and the audience of their own \
tokens; what they can't choose is the id that the issuer gives out. A statement that takes names which \
nobody has registered yet, and asks for no id, is open to whoever registers one.

It is decided from the naming model of the issuer: every id that the policy knows is taken away, and \
every name that it writes out; if tokens are left, and go on being left while the names of those found are \
taken away as well, then a stranger has one. The example is such a token.",
    fix: "\
Pin the tenant by its id (`owner = { name = \"acme\", id = \"123456\" }`), and write names out in place \
of patterns.",
    controls: &[
        Control::Nhi6,
        Control::PrAa02,
        Control::PrAa04,
        Control::TrustAgreement,
        Control::CicdSec2,
    ],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
    accepted: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { glob = "acme/service-*" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# names can be inherited, which another rule tells of, but they are two
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "moved to ids next quarter"
subject = { any_of = ["repo:acme/infra:ref:refs/heads/main", "repo:acme/web:ref:refs/heads/main"] }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "all of our organisations begin with acme"
subject = { glob = "repo:acme*/infra:ref:refs/heads/main" }
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the workflow is ours"
subject = { ref = "refs/heads/main", any = ["owner", "repository"] }
claims = { job_workflow_ref = "acme/infra/.github/workflows/deploy.yml@refs/heads/main" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is of one lifetime, and the question is asked of any"
)]
fn check(review: &Review<'_>) -> Vec<Finding> {
    let found = review.trusts().filter_map(|(stated, _)| {
        let token = review.outsider(&RULE, stated, |outsider, steps| outsider.registers(steps))?;
        let message = format!(
            "somebody outside gets a token that statement `{}` accepts, by registering a name",
            stated.name()
        );
        let finding = Finding::new(&RULE, stated.subject_place(), message)
            .of_statement(stated.name())
            .label("takes names that nobody holds yet")
            .shown_by(token);
        Some(finding)
    });
    found.collect()
}
