//! Production behind nothing that anybody guards.

use std::fmt;

use claimbound_issuers::{Model, Role, Subject as Parsed};
use claimbound_language::Trust;

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::openness::{Narrowing, left_open};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::variable::Variable;

pub(super) static RULE: Rule = Rule {
    name: "unprotected-production",
    severity: Severity::Warning,
    summary: "A grant for production has neither an environment nor a protected branch before it.",
    why: "\
Production is what a second pair of eyes should stand before. At a forge those eyes are an environment with \
reviewers, or a branch that nobody pushes to alone. A statement that gives out a production role for a \
branch that anybody may push to, or for any run of a repository, has no such person in it. The name of a \
branch is not its protection: `main` is as open as any other until somebody protects it.

What is for production is told by the word `prod` or `production` in a role, in a scope, in the audience, \
in the statement's name or in the environment. Whether it is guarded is decided from the naming model: the \
statement goes on accepting tokens while the environments that are found are taken away, and asks for no \
claim that says that the branch or the environment is protected. Where an issuer knows neither \
environments nor protection, a branch is enough; where it knows nothing of branches, nothing is said. \
Whether an environment is protected can't be seen from a token of GitHub's: that an environment stands for \
its rules is an assumption, and the forge's settings have to be looked at.",
    fix: "\
Name the environment (`environment = \"production\"`), and restrict at the forge who may deploy to it; or \
ask that the branch be protected: `ref_protected = \"true\"` at GitHub and GitLab, \
`environment_protected = \"true\"` at GitLab. If it is not production that the word means, suppress the \
finding and say so.",
    controls: &[
        Control::Nhi5,
        Control::Nhi8,
        Control::PrAa05,
        Control::Tenet3,
        Control::CicdSec1,
        Control::CicdSec5,
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
grant = { roles = ["production-deployer"] }

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example/production"
token_lifetime = "5m"
claims = { ref_protected = "true" }
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# products, and nothing of production
[trust.products]
issuer = "github"
audience = "https://products.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/products@456789:ref:refs/heads/main"
grant = { roles = ["reproducer"] }
"#,
        ),
        Sample::of(
            r#"
[issuer.gitlab]
model = "gitlab"

[trust.production]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
claims = { environment_protected = "true" }

[trust.production.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
ref_type = "branch"
ref = "main"
"#,
        ),
        Sample::of(
            r#"
# nothing but a branch can be asked for
[issuer.buildkite]
model = "buildkite"

[trust.production]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.production.subject]
organization = { name = "acme", id = "0184990a-4c19-4a7c-8c5a-4a3c7b0e8f01" }
pipeline = { name = "acme/deploy", id = "0184990a-4c19-4a7c-8c5a-4a3c7b0e8f02" }
ref = "refs/heads/main"
any = ["commit", "step"]
"#,
        ),
        Sample::of(
            r#"
# nothing is known of branches here
[issuer.mesh]
model = "spiffe"
url = "https://spire.acme.example"

[trust.production]
issuer = "mesh"
audience = "spiffe://acme.example/payments/ledger"
token_lifetime = "5m"
subject = "spiffe://acme.example/production/ledger-writer"
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
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
grant = { roles = ["production-deployer"] }
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example/prod"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
any = ["ref"]
"#,
        ),
        Sample::of(
            r#"
# whoever names an environment names one that begins so
[trust.deploy]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.deploy.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = { glob = "prod-*" }
"#,
        ),
        Sample::of(
            r#"
[issuer.gitlab]
model = "gitlab"

[trust.main]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
grant = { scopes = ["prod.write"] }

[trust.main.subject]
namespace = { name = "acme/platform", id = "123456" }
project = { name = "acme/platform/infra", id = "456789" }
ref_type = "branch"
ref = "main"
"#,
        ),
        Sample::of(
            r#"
[issuer.buildkite]
model = "buildkite"

[trust.production]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.production.subject]
organization = { name = "acme", id = "0184990a-4c19-4a7c-8c5a-4a3c7b0e8f01" }
pipeline = { name = "acme/deploy", id = "0184990a-4c19-4a7c-8c5a-4a3c7b0e8f02" }
any = ["ref", "commit", "step"]
"#,
        ),
    ],
    check: Check::Policy(check),
};

/// What says that a statement is for production, and the text in which it does.
struct Sign<'p> {
    what: &'static str,
    text: &'p str,
}

impl fmt::Display for Sign<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "its {} `{}`", self.what, self.text)
    }
}

fn check(review: &Review<'_>) -> Vec<Finding> {
    let guards = review.by_issuer(|issuer| guards(&issuer.model));
    let found = review.trusts().filter_map(|(stated, trust)| {
        let sign = sign(review, stated, trust)?;
        let guards = guards.get(stated.issuer.url.as_str())?;
        let token = left_open(review, &RULE, stated, guards, &[])?;
        let message = format!(
            "statement `{}` is for production by {sign}, and nothing guarded stands before it",
            stated.name()
        );
        let mut finding = Finding::new(&RULE, &stated.written.name.place, message)
            .of_statement(stated.name())
            .label("neither an environment nor a protected branch")
            .shown_by(token);
        finding.hint = hint(&stated.issuer.model);
        Some(finding)
    });
    found.collect()
}

/// What guards production at an issuer: environments, or their protection where tokens
/// say it, and that of branches; where there is nothing like that, the branch.
fn guards(model: &Model) -> Vec<Narrowing> {
    let mut roles = vec![Role::EnvironmentProtection, Role::BranchProtection];
    let mut claims = model.claims().iter();
    if claims.all(|claim| claim.role() != Some(Role::EnvironmentProtection)) {
        roles.push(Role::Environment);
    }
    let guards = Narrowing::by_roles(model, &roles);
    if guards.is_empty() {
        return Narrowing::by_roles(model, &[Role::Branch]);
    }
    guards
}

fn hint(model: &Model) -> Option<String> {
    let mut claims = model.claims().iter();
    let protection = claims.find(|claim| claim.role() == Some(Role::BranchProtection))?;
    let name = protection.path().join(".");
    Some(format!(
        "ask for `{name} = \"true\"`, or for an environment"
    ))
}

/// The first sign that a statement is for production.
fn sign<'p>(review: &Review<'_>, stated: &Stated<'p>, trust: &'p Trust) -> Option<Sign<'p>> {
    let grant = stated.grant();
    let roles = grant.into_iter().flat_map(|grant| &grant.roles);
    let scopes = grant.into_iter().flat_map(|grant| &grant.scopes);
    let sign = |what| move |text| Sign { what, text };
    let roles = roles.map(String::as_str).map(sign("role"));
    let scopes = scopes.map(String::as_str).map(sign("scope"));
    let audience = trust.audience.iter().map(|one| one.value.as_str());
    let audience = audience.map(sign("audience"));
    let environments = environments(review, stated);
    let environments = environments.into_iter().map(sign("environment"));
    let mut all = roles
        .chain(scopes)
        .chain(audience)
        .chain([sign("name")(stated.name())])
        .chain(environments);
    all.find(|sign| is_production(sign.text))
}

/// What a statement asks of the environment, each condition as people read it.
fn environments<'p>(review: &Review<'_>, stated: &Stated<'p>) -> Vec<&'p str> {
    let model = &stated.issuer.model;
    let own = Narrowing::by_roles(model, &[Role::Environment]);
    let is_own = |variable: &Variable| own.iter().any(|one| one.variable() == *variable);
    let conditions = stated.compiled.conditions.iter();
    let asked = conditions.filter(|condition| {
        let variable = Variable::of(condition.source, &review.policy.program);
        variable.is_some_and(|variable| is_own(&variable))
    });
    let asked = asked.map(|condition| condition.expected.as_str());
    let written = stated.subjects().unwrap_or_default();
    let written = written.into_iter().flat_map(|text| {
        let subject = model.parse_subject(text).ok();
        let parts: Vec<(&str, &str)> = subject.iter().flat_map(Parsed::parts).collect();
        let parts = parts.into_iter();
        parts.filter_map(|(part, value)| is_own(&Variable::Part(part.to_owned())).then_some(value))
    });
    asked.chain(written).collect()
}

/// Whether one of its words is `prod` or `production`.
fn is_production(text: &str) -> bool {
    let mut words = text.split(|character: char| !character.is_alphanumeric());
    words.any(|word| {
        ["prod", "production"]
            .iter()
            .any(|one| word.eq_ignore_ascii_case(one))
    })
}
