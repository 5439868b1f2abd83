//! Names whose case differs, or can't be.

use std::collections::HashMap;
use std::ops::Range;

use claimbound_issuers::{Field, Kind, Model};
use claimbound_language::{Operator, Subject};

use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::mention::{What, compared, mentions, text};
use crate::shape::pieces;

pub(super) static RULE: Rule = Rule {
    name: "name-case",
    severity: Severity::Warning,
    summary: "A name is written in another case than elsewhere, or in a case that no token has.",
    why: "\
Some issuers compare names without case: `Acme` and `acme` are one account, but tokens spell it in one way \
only, mostly as it was typed when it was made. A trust compares byte for byte, so that one of two \
spellings lets nobody in, or lets in only tokens of before a rename. Forbids, `none_of` and the ledger take \
such names without case, which makes the two look alike in some places and not in others.

It is decided from the naming model. Names of a kind that the issuer compares without case are held \
against each other over the whole document, issuer by issuer: in the subject, in claims, and in subjects that \
are written out. And where the model says that names of a kind hold no capitals at all, such as the trust \
domain of a SPIFFE ID, a name or a glob with a capital is found too: no token has it.",
    fix: "\
Write the name as tokens spell it, which `claimbound token decode` shows, and in the same way everywhere.",
    controls: &[Control::PrAa01, Control::IdRa01, Control::FederatedIdentifier],
    references: &[],
    accepted: &[
        Sample::of(
            r#"
# capitals, but the same everywhere
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { repository = "Acme/Infra" }
subject = "repo:Acme@123456/Infra@456789:ref:refs/heads/main"

[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.production.subject]
owner = { name = "Acme", id = "123456" }
repository = { name = "Acme/Infra", id = "456789" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
# two pipelines: this issuer is not known to compare without case
[issuer.buildkite]
model = "buildkite"

[trust.infra]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { organization_id = "0186c5a1-2f10-4a44-9c2b-7d1e6b0d5a11" }
subject = { organization = "acme-inc", pipeline = "acme-inc/infra", ref = "refs/heads/main", any = ["commit", "step"] }

[trust.other]
issuer = "buildkite"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { organization_id = "0186c5a1-2f10-4a44-9c2b-7d1e6b0d5a11" }
subject = { organization = "acme-inc", pipeline = "acme-inc/Infra", ref = "refs/heads/main", any = ["commit", "step"] }
"#,
        ),
        Sample::of(
            r#"
# the path of a workload may have capitals, its trust domain has none here
[issuer.domain]
model = "spiffe"
url = "https://spire.acme.example"

[trust.ledger]
issuer = "domain"
audience = "spiffe://acme.example/payments/ledger"
token_lifetime = "5m"
subject = "spiffe://acme.example/Payments/ledger-writer"

[forbid.tests]
issuer = "domain"
subject = { trust-domain = { glob = "*.test.acme.example" } }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# the forbid means it, the trust does not find it
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { glob = "acme/*" }
ref = "refs/heads/main"

[trust.infra]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:Acme@123456/infra@456789:environment:production"
"#,
        ),
        Sample::of(
            r#"
# the claim is written otherwise than the subject
[issuer.gitlab]
model = "gitlab"

[trust.main]
issuer = "gitlab"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { namespace = { name = "acme/platform", id = "123456" }, project = { name = "acme/platform/infra", id = "456789" }, ref_type = "branch", ref = "main" }

[forbid.archive]
issuer = "gitlab"
claims = { project_path = ["Acme/Platform/Infra", "acme/platform/old"] }
"#,
        ),
        Sample::of(
            r#"
# a trust domain has no capitals
[issuer.domain]
model = "spiffe"
url = "https://spire.acme.example"

[trust.ledger]
issuer = "domain"
audience = "spiffe://acme.example/payments/ledger"
token_lifetime = "5m"
subject = "spiffe://acme.example/payments/ledger-writer"

[forbid.tests]
issuer = "domain"
subject = { trust-domain = { glob = "*.Test.acme.example" } }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let mut known = HashMap::new();
    let mut found = Vec::new();
    for stated in &review.statements {
        found.extend(spelt_otherwise(stated, &mut known));
        found.extend(capitals(stated));
    }
    found
}

/// A name of a kind of an issuer, without case.
type Folded = (String, String, String);

/// How a name was written first, and by which statement.
struct First {
    name: String,
    statement: String,
}

/// The names that a statement writes otherwise than they were written before.
fn spelt_otherwise(stated: &Stated<'_>, known: &mut HashMap<Folded, First>) -> Vec<Finding> {
    let mentions = mentions(stated.written, &stated.issuer.model).into_iter();
    let names = mentions.filter(|one| one.what == What::Name && one.kind.folds_case());
    let mut found = Vec::new();
    for mention in names {
        for (name, place) in mention.texts {
            let (url, kind) = (stated.issuer.url.clone(), mention.kind.name());
            let folded = (url, kind.to_owned(), name.to_ascii_lowercase());
            let first = known.entry(folded).or_insert_with(|| First {
                name: name.clone(),
                statement: stated.name().to_owned(),
            });
            if first.name != name {
                found.push(otherwise(stated, mention.kind, first, (&name, place)));
            }
        }
    }
    found
}

fn otherwise(
    stated: &Stated<'_>,
    kind: &Kind,
    first: &First,
    (name, place): (&str, &Range<usize>),
) -> Finding {
    let message = format!(
        "`{name}` and `{}` of statement `{}` are one `{}` to the issuer, which compares without case",
        first.name,
        first.statement,
        kind.name()
    );
    Finding::new(&RULE, place, message)
        .of_statement(stated.name())
        .label("is written otherwise before")
}

/// The names and globs of a statement that have capitals where no token has any.
fn capitals(stated: &Stated<'_>) -> Vec<Finding> {
    let Some(Subject::Table(table)) = stated.written.subject.as_ref().map(|one| &one.value) else {
        return Vec::new();
    };
    let model = &stated.issuer.model;
    let mut found = Vec::new();
    for field in &table.fields {
        let (Some(Field::Name(kind)), Some(asked)) = (model.field(&field.name.value), &field.value)
        else {
            continue;
        };
        if may_be_capital(model, kind) {
            continue;
        }
        let texts = texts(&asked.value);
        let mut texts = texts.iter().filter(|text| has_capital(text));
        if let Some(text) = texts.next() {
            let message = format!("`{text}` has capitals, and no `{}` has any", kind.name());
            let finding = Finding::new(&RULE, &asked.place, message)
                .of_statement(stated.name())
                .label("is in no token");
            found.push(finding);
        }
    }
    found
}

/// Whether a name of a kind can have a capital letter.
fn may_be_capital(model: &Model, kind: &Kind) -> bool {
    let pieces: Vec<_> = kind.templates().flat_map(pieces).collect();
    let mut parts = pieces.iter().filter_map(|piece| piece.part());
    // A name that no template writes stands in a claim, and may be anything.
    pieces.is_empty()
        || parts.any(|part| {
            let part = model.part(part);
            part.is_none_or(|part| ('A'..='Z').any(|one| part.allows(one)))
        })
}

fn has_capital(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// The texts, or the glob, that an operator compares with.
fn texts(operator: &Operator) -> Vec<&str> {
    if let Operator::Glob(glob) = operator {
        return vec![&glob.value];
    }
    let (literals, _) = compared(operator);
    literals
        .iter()
        .filter_map(text)
        .map(|(text, _)| text)
        .collect()
}
