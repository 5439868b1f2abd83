//! Machines of the organisation's own.

use claimbound_issuers::Role;

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

pub(super) static RULE: Rule = Rule {
    name: "self-hosted-runner",
    severity: Severity::Note,
    summary: "A statement accepts tokens of jobs that run on machines of the organisation's own.",
    why: "\
A machine that the issuer lends is new for each job. One of the organisation's own is mostly not: what a \
job leaves behind (a process, a changed tool, a file in a cache) meets the next job, which may be the one \
that deploys, and whoever else has access to the machine meets its token. A job of any workflow that the \
machine takes is enough.

It is decided from the naming model, which lists the values of a claim that mean such a machine. The \
example is a token of such a job that the statement accepts. Models that say nothing of machines are left \
alone.",
    fix: "\
Ask for a machine of the issuer's: `runner_environment = \"github-hosted\"` at GitHub, `\"gitlab-hosted\"` \
at GitLab. Where a machine of one's own is meant, let it take one job and end, and suppress the finding \
with that reason.",
    controls: &[Control::Nhi8, Control::PrAa05, Control::CicdSec5],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { runner_environment = "github-hosted" }

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# every statement is spared by a forbid
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"

[forbid.own-machines]
issuer = "github"
claims = { runner_environment = "self-hosted" }
"#,
        ),
        Sample::of(
            r#"
# nothing is said of machines here
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://registry.acme.example"
token_lifetime = "1h"

[trust.deployer.subject]
namespace = "release"
service-account = { name = "release/deployer", id = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718" }
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

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { runner_environment = { present = true } }
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[issuer.gitlab]
model = "gitlab"

[trust.infra]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
claims = { ref_protected = "true" }

[trust.infra.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
ref_type = "branch"
ref = "main"
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let found = review.trusts().filter_map(|(stated, _)| {
        let claims = stated.issuer.model.claims().iter();
        let runners = claims.filter(|claim| claim.role() == Some(Role::Runner));
        let mut runners = runners.filter(|claim| claim.risky().next().is_some());
        let (claim, token) = runners.find_map(|claim| {
            let token = review.token(&RULE, stated, |budget| {
                let path = claim.path().iter().map(ToString::to_string).collect();
                let own = Texts::of(claim.risky(), false, budget)?;
                Ok(vec![(Variable::Claim(path), Values::of_texts(own))])
            })?;
            Some((claim, token))
        })?;
        let message = format!(
            "statement `{}` accepts jobs on machines of the organisation's own",
            stated.name()
        );
        let label = format!("leaves `{}` open", claim.path().join("."));
        let finding = Finding::new(&RULE, &stated.written.name.place, message)
            .of_statement(stated.name())
            .label(label)
            .shown_by(token);
        Some(finding)
    });
    found.collect()
}
