//! Tokens for whoever can push a branch.

use claimbound_issuers::{Model, Role};

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::openness::{Narrowing, left_open};
use crate::lint::review::Review;
use crate::lint::rule::{Check, Rule, Sample};

pub(super) static RULE: Rule = Rule {
    name: "open-branch",
    severity: Severity::Warning,
    summary: "Whoever can push a branch, or has the nearest such right, gets an accepted token.",
    why: "\
Ids say whose repository it is, not which of its runs. A contributor pushes a branch, changes the workflow \
on it, and has a token with the right ids that nobody has reviewed. What narrows the runs is the branch, \
the environment, the file that says what the job does, or a claim that says that branch or environment is \
protected. In Kubernetes, whoever may create a pod chooses which service account of the namespace it is.

It is decided from the naming model, which says what of a run an insider chooses: the statement goes on \
accepting tokens while the values of the branch, the environment, the file and the service account that \
are found are taken away, all of them at once. A pattern such as `refs/heads/release/**` goes on, too: \
whoever can push a branch can push one of that name, unless it is protected. Of a file its \
repository counts, and the ref behind the `@`; of an environment its name, unless tokens say whether it is \
protected. Models of which nothing like that is known are left alone. The example is such a token.",
    fix: "\
Name the branch, and ask that it be protected where the token says so: `ref = \"refs/heads/main\"` with \
`ref_protected = \"true\"` at GitHub and GitLab. Or name an environment whose branches are restricted, or \
the file at a guarded ref (`job_workflow_ref`). In Kubernetes name the service account with its uid.",
    controls: &[
        Control::Nhi5,
        Control::PrAa05,
        Control::Tenet3,
        Control::CicdSec1,
        Control::CicdSec4,
        Control::CicdSec5,
    ],
    references: &[],
    accepted: &[
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
# whichever branch it is, it is protected
[trust.releases]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { ref_protected = "true" }

[trust.releases.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = { glob = "refs/heads/release/**" }
"#,
        ),
        Sample::of(
            r#"
# any branch, but what runs is a file of main
[trust.shared-workflow]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { job_workflow_ref = { glob = "acme/workflows/.github/workflows/*.yml@refs/heads/main" } }

[trust.shared-workflow.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
any = ["ref"]
"#,
        ),
        Sample::of(
            r#"
# two branches, which come to an end
[trust.written-out]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.written-out.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = { regex = "refs/heads/(main|next)" }
"#,
        ),
        Sample::of(
            r#"
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
        Sample::of(
            r#"
# nothing is known of what an insider chooses here
[issuer.mesh]
model = "spiffe"
url = "https://spire.acme.example"

[trust.writers]
issuer = "mesh"
audience = "spiffe://acme.example/payments/ledger"
token_lifetime = "5m"
subject = { glob = "spiffe://acme.example/payments/*" }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# a file of main, and of whoever has an account that begins with acme
[trust.shared-workflow]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { job_workflow_ref = { glob = "acme*/workflows/.github/workflows/deploy.yml@refs/heads/main" } }

[trust.shared-workflow.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
any = ["ref"]
"#,
        ),
        Sample::of(
            r#"
[trust.infra]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.infra.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
any = ["ref"]
"#,
        ),
        Sample::of(
            r#"
[trust.releases]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.releases.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = { glob = "refs/heads/release/**" }
"#,
        ),
        Sample::of(
            r#"
# the file of any branch is whatever that branch says
[trust.file]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { job_workflow_ref = { glob = "acme/infra/.github/workflows/deploy.yml@**" } }

[trust.file.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
any = ["ref"]
"#,
        ),
        Sample::of(
            r#"
# anybody who may open a pull request of a branch
[trust.review]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/infra@456789:pull_request"
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

[trust.infra.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
ref_type = "branch"
any = ["ref"]
"#,
        ),
        Sample::of(
            r#"
# an environment that any branch may name: whether it is protected is not asked
[issuer.gitlab]
model = "gitlab"

[trust.infra]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
claims = { environment = "production", environment_protected = "false" }

[trust.infra.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
any = ["ref", "ref_type"]
"#,
        ),
        Sample::of(
            r#"
[issuer.buildkite]
model = "buildkite"

[trust.deploy]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.deploy.subject]
organization = { name = "acme", id = "0184990a-4c19-4a7c-8c5a-4a3c7b0e8f01" }
pipeline = { name = "acme/deploy", id = "0184990a-4c19-4a7c-8c5a-4a3c7b0e8f02" }
step = "deploy"
any = ["ref", "commit"]
"#,
        ),
        Sample::of(
            r#"
# any service account of the namespace
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.release]
issuer = "cluster"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = { glob = "system:serviceaccount:release:*" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

/// What narrows the runs of a project, of the things that an insider chooses. Where
/// tokens say whether an environment is protected, its name alone is anybody's.
pub(super) fn narrowing(model: &Model) -> Vec<Narrowing> {
    let mut roles = vec![
        Role::Branch,
        Role::BranchProtection,
        Role::EnvironmentProtection,
        Role::Workflow,
    ];
    let mut claims = model.claims().iter();
    if claims.all(|claim| claim.role() != Some(Role::EnvironmentProtection)) {
        roles.push(Role::Environment);
    }
    let mut all = Narrowing::by_roles(model, &roles);
    all.extend(Narrowing::by_chosen_names(model));
    all
}

fn check(review: &Review<'_>) -> Vec<Finding> {
    let all = review.by_issuer(|issuer| narrowing(&issuer.model));
    let found = review.trusts().filter_map(|(stated, _)| {
        let all = all.get(stated.issuer.url.as_str())?;
        let token = left_open(review, &RULE, stated, all, &[])?;
        let message = format!(
            "whoever {} gets a token that statement `{}` accepts",
            means(&stated.issuer.model),
            stated.name()
        );
        let finding = Finding::new(&RULE, stated.subject_place(), message)
            .of_statement(stated.name())
            .label("nothing that an insider chooses is bound")
            .shown_by(token);
        Some(finding)
    });
    found.collect()
}

/// What an insider does to have another value there.
fn means(model: &Model) -> &'static str {
    let mut claims = model.claims().iter();
    if claims.any(|claim| claim.role() == Some(Role::Branch)) {
        "can push a branch"
    } else {
        "can choose such a name"
    }
}
