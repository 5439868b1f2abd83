//! Patterns where an id stands.

use std::ops::Range;

use claimbound_issuers::{Class, Kind, Model, Need, Part};
use claimbound_language::Operator;

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Shown, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::lint::written::{Asked, Written, id_of, kind_of};
use crate::shape;
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// How many ids an author means at most by a pattern: past these, it takes whatever
/// the issuer gives out.
const MEANT: usize = 64;

pub(super) static RULE: Rule = Rule {
    name: "wildcard-in-id",
    severity: Severity::Error,
    summary: "A pattern, or only that something is there, is asked of an id.",
    why: "\
An id is what tells the identity that is trusted from whoever holds its name next. Ids are given \
out in turn or by chance: those that look alike belong to strangers, so a pattern over ids means \
nobody in particular, and `repo:acme@*/infra@*:…` asks for ids and takes any. It also looks like a \
binding to whoever reads the policy.

It is decided by sets. An id is looked at where a condition names it, by the subject's table or by \
its claim, or where a pattern over the whole subject matches only subjects that have it. The fault \
is there if more than 64 ids fit, and if the statement accepts a token with one that the policy \
does not write out. A list of ids, written as a pattern or not, is fine, and so is the exclusion \
of some (`none_of`).",
    fix: "\
Write the id out, or a list of ids: `owner = { name = \"acme\", id = \"123456\" }`. `claimbound \
token decode` shows those of a real token. Where every repository of an owner is meant, pin the \
owner's id and leave the repository open by `any`.",
    controls: &[
        Control::Nhi1,
        Control::Nhi6,
        Control::PrAa02,
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

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = { glob = "acme/service-*" }, id = { regex = "456789|456790" } }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# pinned elsewhere, and some are kept out
[issuer.gitlab]
model = "gitlab"

[trust.main]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"

[trust.main.subject]
namespace = { name = "acme", id = "123456" }
project = { name = "acme/infra", id = { none_of = ["456789"] } }
ref_type = "branch"
ref = "main"

[trust.main.claims]
namespace_id = { present = true }
"#,
        ),
        Sample::of(
            r#"
# a pattern over subjects with ids and without asks for none
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { glob = "repo:acme**:ref:refs/heads/main" }
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
repository = { name = "acme/infra", id = { glob = "*" } }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the owner's id begins with 12"

[trust.main.subject]
owner = { name = "acme", id = { regex = "12.*" } }
repository = "acme/infra"
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { glob = "repo:acme@*/infra@*:ref:refs/heads/main" }
"#,
        ),
        Sample::of(
            r#"
# there is one, whichever
[issuer.builds]
model = "buildkite"

[trust.main]
issuer = "builds"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"

[trust.main.subject]
organization = "acme"
pipeline = "acme/deploy"
ref = "refs/heads/main"
any = ["commit", "step"]

[trust.main.claims]
organization_id = { present = true }
"#,
        ),
        Sample::of(
            r#"
# a name that is an id
[issuer.circle]
model = "circleci"
url = "https://oidc.circleci.com"

[trust.main]
issuer = "circle"
audience = "https://cloud.acme.example"
token_lifetime = "1h"

[trust.main.subject]
organization = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718"
project = { glob = "51b6e0c4-*-*-*-*" }
vcs_origin = "github.com/acme/infra"
vcs_ref = "refs/heads/main"
any = ["user"]

[trust.main.claims]
"oidc.circleci.com/org-id" = "3f2b8a90-6c1d-4e0b-9a57-d1c4e5f60718"
"#,
        ),
        Sample::of(
            r#"
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://registry.acme.example"
token_lifetime = "1h"

[trust.deployer.subject]
namespace = "release"
service-account = { name = "release/deployer", id = { glob = "3f2b8a90-*" } }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (stated, _) in review.trusts() {
        found.extend(named(review, stated));
        found.extend(in_subject(review, stated));
    }
    found
}

/// What is asked of ids by conditions of their own.
fn named<'p>(review: &Review<'p>, stated: &Stated<'p>) -> Vec<Finding> {
    let asked = Asked::all(stated);
    let found = asked.iter().filter_map(|asked| {
        let model = &stated.issuer.model;
        let kind = id_of(model, &asked.about).or_else(|| named_by_id(model, &asked.about))?;
        let is_open = match asked.pattern(stated) {
            Some(written) => review.computed(&RULE, stated, |budget| {
                is_wide(&written.texts(budget)?, budget)
            })?,
            None => *asked.operator == Operator::Present,
        };
        is_open.then_some(())?;
        finding(review, stated, kind, asked.place)
    });
    found.collect()
}

/// What a pattern over the whole subject asks of ids.
fn in_subject<'p>(review: &Review<'p>, stated: &Stated<'p>) -> Vec<Finding> {
    let model = &stated.issuer.model;
    let written = Written::all(stated);
    let whole = written.iter().find(|one| one.about == Variable::Subject);
    let found = whole.into_iter().flat_map(|written| {
        let kinds = model
            .names()
            .iter()
            .filter(|kind| has_other_id(model, kind));
        kinds.filter_map(|kind| {
            let is_open = review.computed(&RULE, stated, |budget| {
                takes_any_id(model, kind, &written.texts(budget)?, budget)
            })?;
            is_open.then_some(())?;
            finding(review, stated, kind, &written.text.place)
        })
    });
    found.take(1).collect()
}

fn finding<'p>(
    review: &Review<'p>,
    stated: &Stated<'p>,
    kind: &Kind,
    place: &Range<usize>,
) -> Option<Finding> {
    let known = &stated.known;
    let shown = review.shows(stated, |budget| {
        let written = Texts::of(known.ids(kind.name()), false, budget)?;
        let others = Values::of_texts(written.complement(budget)?);
        Ok(vec![(Variable::Id(kind.name().to_owned()), others)])
    });
    let message = format!(
        "statement `{}` asks for an id of `{}` and takes any that looks alike",
        stated.name(),
        kind.name()
    );
    let finding = Finding::new(&RULE, place, message)
        .of_statement(stated.name())
        .label("binds to nobody in particular");
    match shown {
        Shown::Never => None,
        Shown::By(token) => Some(finding.shown_by(*token)),
        Shown::Perhaps => Some(finding),
    }
}

/// The kind whose name a variable is, where its names are ids that the issuer makes up.
fn named_by_id<'m>(model: &'m Model, about: &Variable) -> Option<&'m Kind> {
    let kind = kind_of(model, about)?;
    let is_made_up = |part: &Part| match part.class() {
        Class::Uuid | Class::BracedUuid | Class::Digits => true,
        Class::Any
        | Class::Slug
        | Class::Hex
        | Class::Base64url
        | Class::Segment
        | Class::Path
        | Class::UrlPath
        | Class::Host => false,
    };
    let is_id = model.id_parts(kind).any(is_made_up) && !has_other_id(model, kind);
    is_id.then_some(kind)
}

/// Whether names of this kind have an id in the subject that is not the name itself.
fn has_other_id(model: &Model, kind: &Kind) -> bool {
    let mut parts = model.id_parts(kind);
    let is_name = |part: &Part| {
        let alone = format!("{{{}}}", part.name());
        kind.templates().any(|template| template == alone)
    };
    kind.id_need() != Need::None && parts.any(|part| !is_name(part))
}

/// Whether every subject of these has an id of the kind, and more than are meant fit.
fn takes_any_id(
    model: &Model,
    kind: &Kind,
    subjects: &Texts,
    budget: &Budget,
) -> Result<bool, Exceeded> {
    let mut is_open = false;
    for form in model.forms() {
        let Some(template) = form.template() else {
            continue;
        };
        let pieces = shape::pieces(template);
        let ways = subjects.split(&shape::texts_of(model, &pieces, budget)?, budget)?;
        let id = model.id_part(kind, form).map(Part::name);
        let place = pieces
            .iter()
            .position(|piece| piece.part().is_some_and(|one| Some(one) == id));
        let Some(place) = place else {
            if ways.is_empty() {
                continue;
            }
            return Ok(false);
        };
        for ids in ways.iter().filter_map(|way| way.get(place)) {
            is_open |= is_wide(ids, budget)?;
        }
    }
    Ok(is_open)
}

/// Whether there are more of them than an author means by a pattern.
fn is_wide(ids: &Texts, budget: &Budget) -> Result<bool, Exceeded> {
    let mut left = ids.clone();
    for _ in 0..=MEANT {
        let Some(id) = left.example() else {
            return Ok(false);
        };
        left = left.minus(&Texts::one(&id, budget)?, budget)?;
    }
    Ok(true)
}
