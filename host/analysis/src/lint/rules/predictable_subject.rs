//! Subjects that can be written down beforehand.

use claimbound_issuers::{ClaimRule, Form, Kind, Need, Part};
use claimbound_language::engine::model::Test;

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

pub(super) static RULE: Rule = Rule {
    name: "predictable-subject",
    severity: Severity::Warning,
    summary: "A subject is made of public names alone, and no id is asked for.",
    why: "\
`repo:acme/infra:ref:refs/heads/main` can be written down by anybody who has read the repository's page. \
Whoever gets the names, after a rename or a deletion, gets the subject. An id is no secret either; it helps \
because the issuer gives it out once.

It is decided from the naming model: the issuer has ids for some of the names in the subject, the statement \
asks for none of them and for no other immutable claim, and it accepts a form of the subject whose parts \
can all be told beforehand. Subjects of issuers without ids, such as SPIFFE IDs, are not found; neither are \
those with a random part, such as a UUID. The example is a token that the statement accepts.",
    fix: "\
Give an id with each name: `owner = { name = \"acme\", id = \"123456\" }` at GitHub, `project` and \
`namespace` at GitLab, `service-account` in Kubernetes (its uid). `claimbound token decode` shows the ids of \
a real token.",
    controls: &[
        Control::Nhi1,
        Control::PrAa02,
        Control::PrAa04,
        Control::FederatedIdentifier,
    ],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
    accepted: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme@123456/infra@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# the ids stand under claims
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme/infra:ref:refs/heads/main"
claims = { repository_owner_id = "123456", repository_id = "456789" }
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
# there are no ids to ask for
[issuer.mesh]
model = "spiffe"
url = "https://spire.acme.example"

[trust.writer]
issuer = "mesh"
audience = "spiffe://acme.example/payments/ledger"
token_lifetime = "5m"
subject = "spiffe://acme.example/payments/ledger-writer"
"#,
        ),
        Sample::of(
            r#"
# the organisation is pinned by the issuer, and the rest has no ids
[issuer.azure]
model = "azure-devops"
url = "https://vstoken.dev.azure.com/3c1d9a52-7b4e-4f60-8a19-5d2e6f7b8c90"

[trust.deploy]
issuer = "azure"
audience = "api://AzureADTokenExchange"
token_lifetime = "1h"
subject = "sc://acme/infra/production"
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
danger = "the ids are not known yet"
subject = "repo:acme/infra:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[issuer.server]
model = "github-actions"
url = "https://github.acme.example/_services/token"

[trust.main]
issuer = "server"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { owner = "platform", repository = "platform/infra", ref = "refs/heads/main" }
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
        Sample::of(
            r#"
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = "system:serviceaccount:release:deployer"
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let found = review.trusts().filter_map(|(stated, _)| {
        let forms = predictable(stated);
        if forms.is_empty() || asks_for_id(review, stated) {
            return None;
        }
        let token = review.token(&RULE, stated, |budget| {
            let named = Texts::of(&forms, false, budget)?;
            Ok(vec![(Variable::Form, Values::of_texts(named))])
        })?;
        let message = format!(
            "the subjects of statement `{}` can be told beforehand, and it asks for no id",
            stated.name()
        );
        let finding = Finding::new(&RULE, stated.subject_place(), message)
            .of_statement(stated.name())
            .label("public names, and nothing that is given out once")
            .shown_by(token);
        Some(finding)
    });
    found.collect()
}

/// Whether the statement asks for anything that is never given to anything else.
fn asks_for_id(review: &Review<'_>, stated: &Stated<'_>) -> bool {
    let model = &stated.issuer.model;
    let is_id = |variable| match variable {
        Variable::Id(_) => true,
        Variable::Claim(path) => model.claim(&path).is_some_and(ClaimRule::is_immutable),
        Variable::Part(part) => {
            let mut kinds = model.names().iter();
            kinds.any(|kind| model.id_parts(kind).any(|one| one.name() == part))
        }
        Variable::Issuer
        | Variable::Subject
        | Variable::Form
        | Variable::Name(_)
        | Variable::Parent(_)
        | Variable::Audience
        | Variable::SoleAudience
        | Variable::AudienceOfRoute
        | Variable::KeyType
        | Variable::KeyAlgorithm
        | Variable::KeyBits
        | Variable::KeyThumbprint
        | Variable::Attribute(_)
        | Variable::Lifetime
        | Variable::Age
        | Variable::Now => false,
    };
    let conditions = stated.compiled.conditions.iter();
    let conditions = conditions.filter(|one| one.test != Test::Absent);
    let mut variables =
        conditions.filter_map(|one| Variable::of(one.source, &review.policy.program));
    variables.any(is_id)
}

/// The forms whose parts can all be told beforehand, whose subjects hold no id, and
/// whose names have ids that the issuer's URL does not give.
fn predictable<'p>(stated: &Stated<'p>) -> Vec<&'p str> {
    let model = &stated.issuer.model;
    let found = model.issuer(&stated.issuer.url);
    let url: Vec<&str> = found
        .as_ref()
        .map(|found| found.parts().iter().map(|(name, _)| *name).collect())
        .unwrap_or_default();
    let is_open = |kind: &&Kind| {
        let mut parts = model.id_parts(kind);
        kind.id_need() != Need::None && !parts.any(|part| url.contains(&part.name()))
    };
    let offers = |form: &Form| {
        let mut kinds = model.names().iter().filter(is_open);
        kinds.any(|kind| kind.is_named_in(form))
    };
    let holds_no_id = |form: &Form| {
        let mut kinds = model.names().iter();
        kinds.all(|kind| model.id_part(kind, form).is_none())
    };
    let forms = model.forms().iter().filter(|form| !form.is_custom());
    let forms = forms.filter(|form| model.parts_of(form).all(Part::is_predictable));
    let forms = forms.filter(|form| holds_no_id(form) && offers(form));
    forms.map(Form::name).collect()
}
