//! Code of a fork under the identity of a project.

use claimbound_issuers::{Chooser, ClaimRule, Model, Role};

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::openness::{Narrowing, left_open};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

pub(super) static RULE: Rule = Rule {
    name: "fork-code",
    severity: Severity::Warning,
    summary: "A statement accepts tokens wherever the code that runs comes from.",
    why: "\
A fork's code can run under the project's own identity. At CircleCI, where secrets are passed to builds of \
forked pull requests, the token names the organisation and the project that were forked, and only \
`vcs-origin` says whose code it is. At GitLab, a member who runs the pipeline of a fork's merge request \
runs the fork's code in the parent project, and `job_project_id` says where a job ran (since 18.3). A \
statement that does not ask is open to whoever can fork.

It is decided from the naming model, which knows the claims that say where code comes from: the statement \
accepts a token in which they name somebody else's repository, or are not there. Where the model also \
knows what starts such a run, only tokens of those runs count, so a statement that takes pushes alone is \
left alone. The example is such a token. At Buildkite nothing in a token says that a build is of a fork, \
and where third-party forks are built the branch has the name that they give it: that is a note.",
    fix: "\
Ask for the origin: `\"oidc.circleci.com/vcs-origin\" = \"github.com/acme/infra\"` at CircleCI, \
`job_project_id = \"456789\"` at GitLab. At GitLab it also helps to say what may have started the pipeline: \
`pipeline_source = [\"push\", \"web\"]`. At Buildkite leave forks unbuilt in the pipeline's settings, and suppress \
the note with that for its reason.",
    controls: &[
        Control::Nhi3,
        Control::Nhi6,
        Control::GvSc07,
        Control::CicdSec1,
        Control::CicdSec4,
    ],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
# several repositories, all of acme's account
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"

[trust.main]
issuer = "circleci"
audience = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"
token_lifetime = "1h"
claims = { "oidc.circleci.com/vcs-origin" = { glob = "github.com/acme/*" } }

[trust.main.subject]
organization = { name = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90", id = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90" }
project = { name = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607", id = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607" }
any = ["user"]
"#,
        ),
        Sample::of(
            r#"
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"

[trust.main]
issuer = "circleci"
audience = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"
token_lifetime = "1h"

[trust.main.subject]
organization = { name = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90", id = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90" }
project = { name = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607", id = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607" }
any = ["user"]

[trust.main.claims]
"oidc.circleci.com/vcs-origin" = "github.com/acme/infra"
"oidc.circleci.com/vcs-ref" = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# any repository of the organisation is meant, and no fork outside
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"

[trust.main]
issuer = "circleci"
audience = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"
token_lifetime = "1h"

[trust.main.subject]
organization = { name = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90", id = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90" }
project = { name = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607", id = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607" }
vcs_origin = { glob = "github.com/acme/*" }
vcs_ref = "refs/heads/main"
any = ["user"]
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
claims = { job_project_id = "456789" }

[trust.infra.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
ref_type = "branch"
ref = "main"
"#,
        ),
        Sample::of(
            r#"
# pushes of the project's own
[issuer.gitlab]
model = "gitlab"

[trust.infra]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
claims = { pipeline_source = "push" }

[trust.infra.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
ref_type = "branch"
ref = "main"
"#,
        ),
    ],
    refused: &[
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
ref = "refs/heads/main"
any = ["commit", "step"]
"#,
        ),
        Sample::of(
            r#"
# whoever registers an account that begins with acme forks from there
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"

[trust.main]
issuer = "circleci"
audience = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"
token_lifetime = "1h"
claims = { "oidc.circleci.com/vcs-origin" = { glob = "github.com/acme*/infra" } }

[trust.main.subject]
organization = { name = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90", id = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90" }
project = { name = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607", id = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607" }
any = ["user"]
"#,
        ),
        Sample::of(
            r#"
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"

[trust.main]
issuer = "circleci"
audience = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"
token_lifetime = "1h"
claims = { "oidc.circleci.com/vcs-ref" = "refs/heads/main" }

[trust.main.subject]
organization = { name = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90", id = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90" }
project = { name = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607", id = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607" }
any = ["user"]
"#,
        ),
        Sample::of(
            r#"
# asks for the branch in the subject, and for any origin
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"

[trust.main]
issuer = "circleci"
audience = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"
token_lifetime = "1h"

[trust.main.subject]
organization = { name = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90", id = "3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90" }
project = { name = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607", id = "7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607" }
vcs_ref = "refs/heads/main"
any = ["user", "vcs_origin"]
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
ref = "main"
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
claims = { job_project_id = { none_of = ["999999"] }, pipeline_source = ["push", "merge_request_event"] }

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
        let model = &stated.issuer.model;
        match claims_of(model, Role::Origin).next() {
            Some(origin) => of_origin(review, stated, origin),
            None => claims_of(model, Role::Branch)
                .find(|branch| branch.chooser() == Chooser::Outsider)
                .map(|branch| unseen(stated, branch)),
        }
    });
    found.collect()
}

/// What there is to say where tokens say whose code it is.
fn of_origin<'p>(review: &Review<'p>, stated: &Stated<'p>, origin: &ClaimRule) -> Option<Finding> {
    let model = &stated.issuer.model;
    let origins = Narrowing::by_roles(model, &[Role::Origin]);
    let of_forks = review.computed(&RULE, stated, |budget| of_forks(model, budget))?;
    let token = left_open(review, &RULE, stated, &origins, &of_forks)?;
    let message = format!(
        "statement `{}` accepts runs of code that comes from a fork",
        stated.name()
    );
    let finding = Finding::new(&RULE, &stated.written.name.place, message)
        .of_statement(stated.name())
        .label("says nothing of where the code comes from")
        .hint(format!("ask for `{}`", origin.path().join(".")))
        .shown_by(token);
    Some(finding)
}

/// What there is to say where nothing in a token does, and a fork chooses the branch.
fn unseen(stated: &Stated<'_>, branch: &ClaimRule) -> Finding {
    let message = format!(
        "no token tells statement `{}` of a fork, which chooses `{}`",
        stated.name(),
        branch.path().join(".")
    );
    Finding::new(&RULE, &stated.written.name.place, message)
        .of_statement(stated.name())
        .of_severity(Severity::Note)
        .label("takes it that forks are not built")
}

fn claims_of(model: &Model, role: Role) -> impl Iterator<Item = &ClaimRule> {
    let claims = model.claims().iter();
    claims.filter(move |claim| claim.role() == Some(role))
}

/// What there is of runs that a fork can have, where the model says so.
fn of_forks(model: &Model, budget: &Budget) -> Result<Vec<(Variable, Values)>, Exceeded> {
    let path = |claim: &ClaimRule| claim.path().iter().map(ToString::to_string).collect();
    let triggers = claims_of(model, Role::Trigger).filter(|claim| claim.risky().next().is_some());
    let bounds = triggers.map(|claim| {
        let risky = Texts::of(claim.risky(), false, budget)?;
        Ok((Variable::Claim(path(claim)), Values::of_texts(risky)))
    });
    bounds.collect()
}
