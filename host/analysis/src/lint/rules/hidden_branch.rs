//! Environments that hide the branch.

use claimbound_issuers::{Form, Model, Role};

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
    name: "hidden-branch",
    severity: Severity::Warning,
    summary: "An environment takes the place of the branch in the subject, and nothing asks for the branch.",
    why: "\
A job that names an environment has a subject that says the environment and not the branch: \
`repo:acme/infra:environment:production`. Which branches may deploy to an environment is a setting of the \
forge, and without it every branch may: whoever can push one writes `environment: production` into its \
workflow. A token does not say whether the environment is protected, so a policy that rests on it alone \
rests on an assumption.

It is decided from the naming model: the statement accepts a form of the subject that has an environment \
and no branch, and goes on accepting tokens of it while the branches and the refs of files that are found \
are taken away, and where a claim would say that the branch or the environment is protected, it does not \
ask for it. The example is a token of another branch.",
    fix: "\
Ask for the branch beside the environment: `claims = { ref = \"refs/heads/main\" }` at GitHub, \
`branchName = \"main\"` at Bitbucket; or for `ref_protected = \"true\"`, or for the file at a guarded ref \
(`job_workflow_ref`). Where the environment's own rules are the boundary that is meant, suppress the \
finding and say so.",
    controls: &[
        Control::Nhi5,
        Control::Nhi8,
        Control::PrAa05,
        Control::CicdSec1,
        Control::CicdSec4,
    ],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { ref = "refs/heads/main" }

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { ref_protected = "true" }
subject = "repo:acme@123456/infra@456789:environment:production"
"#,
        ),
        Sample::of(
            r#"
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { job_workflow_ref = "acme/infra/.github/workflows/deploy.yml@refs/heads/main" }

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
# the subject says the branch
[issuer.gitlab]
model = "gitlab"

[trust.production]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
claims = { environment = "production" }

[trust.production.subject]
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
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { ref = { glob = "refs/heads/**" } }
subject = "repo:acme@123456/infra@456789:environment:production"
"#,
        ),
        Sample::of(
            r#"
# the file of whatever branch it is
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { job_workflow_ref = { glob = "acme/infra/.github/workflows/deploy.yml@refs/heads/**" } }

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
[issuer.bitbucket]
model = "bitbucket"
url = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"

[trust.production]
issuer = "bitbucket"
audience = "ari:cloud:bitbucket::workspace/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"
token_lifetime = "1h"

[trust.production.subject]
repository = "{7f8a3b14-2d5c-4e6f-9a01-b2c3d4e5f607}"
environment = "{9b0c1d2e-3f40-4a5b-8c6d-7e8f90a1b2c3}"
any = ["step"]
"#,
        ),
    ],
    check: Check::Policy(check),
};

/// A branch that nobody reviewed, for an example.
const ANOTHER: &str = "refs/heads/another";

fn check(review: &Review<'_>) -> Vec<Finding> {
    let all = review.by_issuer(|issuer| (hiding(&issuer.model), narrowing(&issuer.model)));
    let found = review.trusts().filter_map(|(stated, _)| {
        let (forms, all) = all.get(stated.issuer.url.as_str())?;
        let forms = Some(forms).filter(|forms| !forms.is_empty())?;
        let named = review.computed(&RULE, stated, |budget| Texts::of(forms, false, budget))?;
        let of_forms = (Variable::Form, Values::of_texts(named));
        let token = left_open(review, &RULE, stated, all, std::slice::from_ref(&of_forms))?;
        let shown = review.token(&RULE, stated, |budget| of_another(stated, of_forms, budget));
        let message = format!(
            "statement `{}` accepts any branch that may deploy to its environment",
            stated.name()
        );
        let finding = Finding::new(&RULE, stated.subject_place(), message)
            .of_statement(stated.name())
            .label("says the environment, and not the branch")
            .shown_by(shown.unwrap_or(token));
        Some(finding)
    });
    found.collect()
}

/// The forms that say an environment, and no branch.
fn hiding(model: &Model) -> Vec<&str> {
    let says = |form: &Form, role| {
        let mut parts = model.parts_of(form);
        parts.any(|part| model.role_of_part(part) == Some(role))
    };
    let forms = model.forms().iter().filter(|form| !form.is_custom());
    let forms = forms.filter(|form| says(form, Role::Environment) && !says(form, Role::Branch));
    forms.map(Form::name).collect()
}

fn narrowing(model: &Model) -> Vec<Narrowing> {
    let roles = [
        Role::Branch,
        Role::BranchProtection,
        Role::EnvironmentProtection,
        Role::Workflow,
    ];
    Narrowing::by_roles(model, &roles)
}

/// Tokens of another branch, where the statement takes it.
fn of_another(
    stated: &Stated<'_>,
    of_forms: (Variable, Values),
    budget: &Budget,
) -> Result<Vec<(Variable, Values)>, Exceeded> {
    let another = Values::of_texts(Texts::one(ANOTHER, budget)?);
    let claims = Narrowing::by_roles(&stated.issuer.model, &[Role::Branch]);
    let claims = claims.into_iter().filter(Narrowing::is_claim);
    let claims = claims.map(|one| (one.variable(), another.clone()));
    Ok(claims.chain([of_forms]).collect())
}
