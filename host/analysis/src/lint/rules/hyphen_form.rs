//! Ids that are none: joined to a name by a hyphen.

use std::collections::BTreeSet;
use std::ops::Range;

use claimbound_issuers::{Kind, Model};
use claimbound_language::engine::model::{Literal, Source, Test};
use claimbound_language::{Operator, Pattern, Placed, Subject, SubjectTable};

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::shape::{self, Piece};
use crate::texts::Texts;

pub(super) static RULE: Rule = Rule {
    name: "hyphen-form",
    severity: Severity::Error,
    summary: "What looks like an id behind a hyphen is a part of a name that anybody can register.",
    why: "\
An early announcement of subjects with ids joined them by a hyphen: \
`repo:octo-org-123456/octo-repo-456789:…`. A name may end in a hyphen and digits, so that such a subject \
says nothing of ids: it is the subject of an account that is called `octo-org-123456`, and anybody can \
register that name. The form was superseded by one with `@`, which no name may hold. A policy that was \
written for it trusts nobody that its author knows, and whoever takes the names.

It is decided for models with a form that writes a name and its id with `@` between them. A subject is found \
whose every name ends in a hyphen and digits where that form has an id, be it written out or a pattern all \
of whose texts do; and so is a name in a table whose digits are the very id that is asked for beside it, or \
where every name ends so and no id is asked for. Where an id is asked for, other digits are of the name, and \
so is one name that ends in digits among others, or a number of fewer than four.",
    fix: "\
Write the ids behind `@` (`repo:octo-org@123456/octo-repo@456789:…`), or give them in a table, which \
understands the forms with and without them: `owner = { name = \"octo-org\", id = \"123456\" }`.",
    controls: &[
        Control::Nhi6,
        Control::PrAa02,
        Control::PrAa04,
        Control::FederatedIdentifier,
        Control::TrustAgreement,
    ],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
    accepted: &[
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:octo-org@123456/octo-repo@456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "octo-org", id = "123456" }
repository = { name = "octo-org/octo-repo", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# a name that ends in digits, with an id that is another
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/site-2027", id = "456789" }
ref = "refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# one name ends in digits, the other does not
[issuer.server]
model = "github-actions"
url = "https://github.acme.example/_services/token"

[trust.main]
issuer = "server"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:platform/site-2027:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# both names end in digits, and the ids are others
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:acme-2019/site-2027:ref:refs/heads/main"
claims = { repository_owner_id = "123456", repository_id = "456789" }
"#,
        ),
        Sample::of(
            r#"
# numbers of teams and services, in a pattern
[issuer.server]
model = "github-actions"
url = "https://github.acme.example/_services/token"

[trust.main]
issuer = "server"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = { glob = "repo:team-1/service-2:environment:*" }
"#,
        ),
        Sample::of(
            r#"
# numbers of teams and services
[issuer.server]
model = "github-actions"
url = "https://github.acme.example/_services/token"

[trust.main]
issuer = "server"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:team-1/service-2:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
# this issuer never writes ids into the subject
[issuer.cluster]
model = "kubernetes"
url = "https://oidc.acme.example/clusters/production-eu-1"

[trust.deployer]
issuer = "cluster"
audience = "https://registry.acme.example"
token_lifetime = "1h"
subject = "system:serviceaccount:release-1:deployer-2"
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
danger = "the ids stand in the subject"
subject = "repo:octo-org-123456/octo-repo-456789:ref:refs/heads/main"
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids stand in the subject"
subject = { glob = "repo:octo-org-123456/octo-repo-456789:environment:*" }
"#,
        ),
        Sample::of(
            r#"
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme-123456", id = "123456" }
any = ["repository", "ref"]
"#,
        ),
        Sample::of(
            r#"
# the very ids stand beside them
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
subject = "repo:octo-org-123456/octo-repo-456789:ref:refs/heads/main"
claims = { repository_owner_id = "123456", repository_id = "456789" }
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
subject = { owner = "acme-123456", repository = "acme-123456/infra-456789", ref = "refs/heads/main" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

/// A part that holds a name, and the part behind `@` that holds its id.
type Pair<'m> = (&'m str, &'m str);

fn check(review: &Review<'_>) -> Vec<Finding> {
    let pairs = review.by_issuer(|issuer| pairs(&issuer.model));
    let found = review.statements.iter().filter_map(|stated| {
        let pairs = pairs.get(stated.issuer.url.as_str())?;
        let pairs = Some(pairs).filter(|pairs| !pairs.is_empty())?;
        let place = match &stated.written.subject.as_ref()?.value {
            Subject::Table(table) => in_table(
                &stated.issuer.model,
                pairs,
                table,
                claimed_ids(stated).as_ref(),
            )?,
            Subject::Literal(_) | Subject::Whole(_) => {
                in_text(review, stated, pairs).then(|| stated.subject_place())?
            }
        };
        let message = format!(
            "statement `{}` takes the digits behind a hyphen for an id, and they are of the name",
            stated.name()
        );
        let finding = Finding::new(&RULE, place, message)
            .of_statement(stated.name())
            .label("anybody can register a name that ends so");
        Some(finding)
    });
    found.collect()
}

/// The pairs of a model, each once.
fn pairs(model: &Model) -> Vec<Pair<'_>> {
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for template in model.forms().iter().filter_map(|form| form.template()) {
        let pieces = shape::pieces(template);
        for window in pieces.windows(3) {
            let [Piece::Part(name), Piece::Literal(between), Piece::Part(id)] = window else {
                continue;
            };
            let known = model.part(name).zip(model.part(id));
            let pair = known.map(|(name, id)| (name.name(), id.name()));
            pairs.extend(pair.filter(|pair| between == "@" && !pairs.contains(pair)));
        }
    }
    pairs
}

/// The fewest digits that are taken for an id where no id is asked for beside them:
/// shorter numbers are mostly of the name.
const FEWEST: usize = 4;

/// The digits behind the last hyphen of a name, if they are all that is there.
fn digits(name: &str) -> Option<&str> {
    let (before, digits) = name.rsplit_once('-')?;
    let is_id = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_id && !before.is_empty()).then_some(digits)
}

/// Whether a name ends in what stands for an id, of those that are asked for beside
/// it; none are asked for where there are none.
fn is_hyphened(name: &str, asked: Option<&BTreeSet<&str>>) -> bool {
    digits(name).is_some_and(|digits| match asked {
        Some(ids) => ids.contains(digits),
        None => digits.len() >= FEWEST,
    })
}

/// The ids that a statement asks for under `claims`; none where it asks for none.
fn claimed_ids<'p>(stated: &Stated<'p>) -> Option<BTreeSet<&'p str>> {
    let model = &stated.issuer.model;
    let conditions = stated.written.claims.iter();
    let asked = conditions.filter(|one| model.kind_of_id(&one.path.value).is_some());
    let mut asked = asked.peekable();
    asked.peek()?;
    Some(asked.flat_map(|one| pinned(Some(&one.operator))).collect())
}

/// Whether a subject that is not a table has the form.
fn in_text<'p>(review: &Review<'p>, stated: &Stated<'p>, pairs: &[Pair<'_>]) -> bool {
    let model = &stated.issuer.model;
    let asked = claimed_ids(stated);
    if let Some(written) = stated.subjects() {
        let has_form = |text: &&str| {
            let subject = model.parse_subject(text).ok();
            subject.is_some_and(|subject| {
                let parts: Vec<(&str, &str)> = subject.parts().collect();
                all_hyphened(&parts, pairs, asked.as_ref())
            })
        };
        return written.iter().any(has_form);
    }
    if asked.is_some() {
        return false;
    }
    let of_form = review.ask_alone(&RULE, stated, |_, steps| {
        let budget = Budget::new(steps);
        is_pattern_of(stated, pairs, &budget)
    });
    of_form.unwrap_or(false)
}

/// Whether every name of a subject ends in digits, and no id is among its parts.
fn all_hyphened(
    parts: &[(&str, &str)],
    pairs: &[Pair<'_>],
    asked: Option<&BTreeSet<&str>>,
) -> bool {
    let value = |part| parts.iter().find(|(name, _)| *name == part);
    let mut names = pairs.iter().filter_map(|(name, _)| value(*name)).peekable();
    let has_id = pairs.iter().any(|(_, id)| value(*id).is_some());
    !has_id && names.peek().is_some() && names.all(|(_, name)| is_hyphened(name, asked))
}

/// Whether all texts of a pattern are of the form.
fn is_pattern_of(
    stated: &Stated<'_>,
    pairs: &[Pair<'_>],
    budget: &Budget,
) -> Result<bool, Exceeded> {
    let mut conditions = stated.compiled.conditions.iter();
    let pattern = conditions.find_map(|one| match (&one.source, &one.test) {
        (Source::Subject, Test::Matches(automaton)) => Some(automaton),
        _ => None,
    });
    let Some(pattern) = pattern else {
        return Ok(false);
    };
    let texts = Texts::accepted(pattern, budget)?;
    let mut hyphened = Texts::none();
    for form in stated.issuer.model.forms() {
        let pieces = shape::pieces(form.template().unwrap_or_default());
        if let Some(start) = start_of(&pieces, &stated.issuer.model, pairs, budget)? {
            hyphened = hyphened.or(&start.then(&Texts::all(), budget)?, budget)?;
        }
    }
    texts.is_within(&hyphened, budget)
}

/// The texts of a template up to its last id, with hyphens in place of `@`; none
/// where it has no id.
fn start_of(
    pieces: &[Piece],
    model: &Model,
    pairs: &[Pair<'_>],
    budget: &Budget,
) -> Result<Option<Texts>, Exceeded> {
    let is_id = |piece: &Piece| {
        let part = piece.part();
        pairs.iter().any(|(_, id)| part == Some(id))
    };
    let Some(last) = pieces.iter().rposition(is_id) else {
        return Ok(None);
    };
    // INVARIANT: this is a small pattern.
    let long = Pattern::regex(&format!(".{{{FEWEST},}}")).map_err(|_| Exceeded)?;
    let long = Texts::accepted(&long.automaton, budget)?;
    let mut start = Texts::one("", budget)?;
    for piece in pieces.iter().take(last + 1) {
        let next = match piece {
            Piece::Literal(text) if text == "@" => Texts::one("-", budget)?,
            Piece::Literal(text) => Texts::one(text, budget)?,
            Piece::Part(name) => match model.part(name) {
                Some(part) if is_id(piece) => shape::texts(part, budget)?.and(&long, budget)?,
                Some(part) => shape::texts(part, budget)?,
                None => Texts::none(),
            },
        };
        start = start.then(&next, budget)?;
    }
    Ok(Some(start))
}

/// A field of a table, with what it asks of the names and ids of a pair.
struct Named<'p> {
    place: &'p Range<usize>,
    /// What stands for the name.
    names: Vec<String>,
    /// The ids that it asks for.
    ids: BTreeSet<&'p str>,
    asks_for_id: bool,
}

/// The place of a name in a table that takes its end for an id.
fn in_table<'p>(
    model: &Model,
    pairs: &[Pair<'_>],
    table: &'p SubjectTable,
    claimed: Option<&BTreeSet<&'p str>>,
) -> Option<&'p Range<usize>> {
    let named = pairs.iter().filter_map(|pair| named(model, *pair, table));
    let named: Vec<Named<'p>> = named.collect();
    let repeats = |one: &&Named<'_>| {
        let mut all = one.names.iter();
        all.any(|name| {
            is_hyphened(name, Some(&one.ids))
                || claimed.is_some_and(|ids| is_hyphened(name, Some(ids)))
        })
    };
    if let Some(found) = named.iter().find(repeats) {
        return Some(found.place);
    }
    let is_bare = |one: &Named<'_>| {
        let mut all = one.names.iter();
        claimed.is_none()
            && !one.asks_for_id
            && !one.names.is_empty()
            && all.all(|name| is_hyphened(name, None))
    };
    let first = named.first()?;
    (named.len() == pairs.len() && named.iter().all(is_bare)).then_some(first.place)
}

/// What a table says of a pair; none where it names nothing of it.
fn named<'p>(model: &Model, (name, id): Pair<'_>, table: &'p SubjectTable) -> Option<Named<'p>> {
    let mut kinds = model.names().iter();
    let kind = kinds.find(|kind| model.id_parts(kind).any(|part| part.name() == id))?;
    let mut fields = table.fields.iter();
    let field = fields.find(|field| field.name.value == kind.name())?;
    let names = pinned(field.value.as_ref()).filter_map(|text| last_part(model, kind, text, name));
    Some(Named {
        place: &field.place,
        names: names.collect(),
        ids: pinned(field.id.as_ref()).collect(),
        asks_for_id: field.id.is_some(),
    })
}

/// The texts that an operator asks for equality with one of.
fn pinned(operator: Option<&Placed<Operator>>) -> impl Iterator<Item = &str> {
    let literals = operator.and_then(|one| one.value.pinned());
    literals
        .into_iter()
        .flatten()
        .filter_map(|one| match &one.value {
            Literal::Text(text) => Some(text.as_str()),
            Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
        })
}

/// What stands for a part in a name of a kind.
fn last_part(model: &Model, kind: &Kind, text: &str, part: &str) -> Option<String> {
    let mut forms = model.forms().iter();
    forms.find_map(|form| {
        let values = model.split_name(kind, form, text)?;
        let found = values.into_iter().find(|(name, _)| *name == part);
        found.map(|(_, value)| value.to_owned())
    })
}
