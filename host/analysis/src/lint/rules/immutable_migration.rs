//! Policies that end when the forge writes ids into its subjects.

use claimbound_issuers::{Form, Model};
use claimbound_language::Example as Token;
use claimbound_language::engine::Decision;

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::region::Region;
use crate::takeover::accepted;
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

pub(super) static RULE: Rule = Rule {
    name: "immutable-migration",
    severity: Severity::Warning,
    summary: "A statement stops working when the issuer puts ids into its subjects.",
    why: "\
GitHub writes `repo:acme@123456/infra@456789:ref:refs/heads/main` for repositories that were created, \
renamed or transferred since 2026-07-15, and for those that opted in; for the others it still writes \
`repo:acme/infra:ref:refs/heads/main`. A rename, a transfer or an opt-in moves a repository from one form to \
the other. A policy that knows the older one only refuses every token from then on, in the \
middle of somebody's deployment.

It is decided from the naming model: the statement accepts a token of one form, accepts none of the form \
with the same parts and ids beside them, and no other statement of the policy accepts that token in the \
other form. Only issuers that sign for everyone are looked at: an Enterprise Server goes on writing names. \
The example is a token that is accepted today.",
    fix: "\
Name the parts in a table, which understands both forms: `subject = { owner = { name = \"acme\", id = \
\"123456\" }, repository = { name = \"acme/infra\", id = \"456789\" }, ref = \"refs/heads/main\" }`. Or list \
both: `any_of = [\"repo:acme/infra:…\", \"repo:acme@123456/infra@456789:…\"]`.",
    controls: &[
        Control::PrAa01,
        Control::FederatedIdentifier,
        Control::GvSc07,
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
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { repository_owner_id = "123456", repository_id = "456789" }
subject = { any_of = ["repo:acme/infra:ref:refs/heads/main", "repo:acme@123456/infra@456789:ref:refs/heads/main"] }
"#,
        ),
        Sample::of(
            r#"
# a statement for each form
[trust.names]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { repository_owner_id = "123456", repository_id = "456789" }
subject = "repo:acme/infra:ref:refs/heads/main"

[trust.ids]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# an Enterprise Server stays with names
[issuer.server]
model = "github-actions"
url = "https://github.acme.example/_services/token"

[trust.main]
issuer = "server"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { repository_owner_id = "12", repository_id = "345" }
subject = "repo:platform/infra:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# the path and the id of a project are two choices
[issuer.gitlab]
model = "gitlab"

[trust.infra]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
claims = { namespace_id = "123456", project_id = "456789" }
subject = "project_path:acme/platform/infra:ref_type:branch:ref:main"
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
claims = { repository_owner_id = "123456", repository_id = "456789" }
subject = "repo:acme/infra:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { repository_owner_id = "123456" }
subject = { glob = "repo:acme/*:environment:production" }
"#,
        ),
        Sample::of(
            r#"
# one of the two lines has both forms
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { repository_owner_id = "123456", repository_id = "456789" }
subject = { any_of = [
    "repo:acme/infra:ref:refs/heads/main",
    "repo:acme@123456/infra@456789:ref:refs/heads/main",
    "repo:acme/infra:environment:production",
] }
"#,
        ),
    ],
    check: Check::Policy(check),
};

/// A form, and the form of the same parts with ids beside them.
type Pair<'m> = (&'m Form, &'m Form);

fn check(review: &Review<'_>) -> Vec<Finding> {
    let pairs = review.by_issuer(|issuer| pairs(&issuer.model));
    let shared = review.trusts().filter(|(stated, _)| stated.issuer.shared);
    let found = shared.filter_map(|(stated, _)| {
        let pairs = pairs.get(stated.issuer.url.as_str())?;
        let (token, form) = pairs.iter().find_map(|pair| {
            let found = review.ask(&RULE, stated, |region, steps| {
                left_behind(review, stated, region, *pair, steps)
            });
            Some((found.flatten()?, pair.1))
        })?;
        let message = format!(
            "statement `{}` accepts no token of form `{}`, to which the issuer may move",
            stated.name(),
            form.name()
        );
        let template = form.template().unwrap_or_default();
        let finding = Finding::new(&RULE, stated.subject_place(), message)
            .of_statement(stated.name())
            .label("subjects without ids only")
            .hint(format!("understand `{template}` as well"))
            .shown_by(token);
        Some(finding)
    });
    found.collect()
}

/// Each form for which there is one with the same parts and ids.
fn pairs(model: &Model) -> Vec<Pair<'_>> {
    let fixed = || model.forms().iter().filter(|form| !form.is_custom());
    let all = fixed().flat_map(|form| fixed().map(move |other| (form, other)));
    all.filter(|(form, other)| adds_ids(model, form, other))
        .collect()
}

/// Whether a form has the parts of another, and ids besides.
fn adds_ids(model: &Model, form: &Form, other: &Form) -> bool {
    let has = |form: &Form, name: &str| model.parts_of(form).any(|part| part.name() == name);
    let is_id = |name: &str| {
        let mut kinds = model.names().iter();
        kinds.any(|kind| model.id_parts(kind).any(|part| part.name() == name))
    };
    let mut more = model.parts_of(other);
    let mut more = more
        .by_ref()
        .filter(|part| !has(form, part.name()))
        .peekable();
    more.peek().is_some()
        && more.all(|part| is_id(part.name()))
        && model.parts_of(form).all(|part| has(other, part.name()))
}

/// A token of the first form that is accepted, where none of the second is.
fn left_behind(
    review: &Review<'_>,
    stated: &Stated<'_>,
    region: &Region,
    (form, other): Pair<'_>,
    steps: u64,
) -> Result<Option<Token>, Exceeded> {
    let find = |form: &Form| {
        let budget = Budget::new(steps);
        let named = Values::of_texts(Texts::one(form.name(), &budget)?);
        let bounds = [(Variable::Form, named)];
        let (policy, issuer) = (review.policy, stated.issuer);
        accepted(policy, issuer, stated.name(), region, &bounds, &budget)
    };
    let Some(token) = find(form)? else {
        return Ok(None);
    };
    let is_followed = find(other)?.is_some() || is_accepted(review, stated, &token, other);
    Ok((!is_followed).then_some(token))
}

/// Whether some statement accepts the token with a subject of another form.
fn is_accepted(review: &Review<'_>, stated: &Stated<'_>, token: &Token, form: &Form) -> bool {
    let policy = review.policy;
    let Some(subject) = moved(review, &stated.issuer.model, token, form) else {
        return false;
    };
    let mut claims = token.claims.clone();
    claims.insert("sub".to_owned(), subject.into());
    let decided = policy.decide(&claims, &token.key, &token.request);
    decided.is_ok_and(|verdict| match verdict.decision {
        Decision::Allow { .. } => true,
        Decision::Deny { .. } => false,
    })
}

/// The subject that a token has in another form.
fn moved(review: &Review<'_>, model: &Model, token: &Token, form: &Form) -> Option<String> {
    let policy = review.policy;
    let decided = policy.decide(&token.claims, &token.key, &token.request);
    let workload = decided.ok()?.workload?;
    let value = |part: &str| {
        let mut kinds = model.names().iter();
        let kind = kinds.find(|kind| model.id_parts(kind).any(|one| one.name() == part));
        let id = kind.and_then(|kind| workload.name(kind.name())?.id.as_deref());
        workload.part(part).or(id)
    };
    let parts = model.parts_of(form);
    let parts: Option<Vec<(&str, &str)>> = parts
        .map(|part| Some((part.name(), value(part.name())?)))
        .collect();
    model.print_subject(form.name(), &parts?).ok()
}
