//! Alternations that take less with them than they seem to.

use claimbound_issuers::{Form, Kind, Model, Part};

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::regex;
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::lint::written::{Syntax, Written, is_path, kind_of};
use crate::shape::{self, Piece};
use crate::texts::Texts;
use crate::variable::Variable;

/// What a whole ref of Git begins with; a claim has whole refs or short ones, and
/// not now these, now those.
const REF: &str = "refs/";

pub(super) static RULE: Rule = Rule {
    name: "loose-alternation",
    severity: Severity::Error,
    summary: "An alternation splits the whole expression where a part of it was meant.",
    why: "\
`|` binds weaker than anything else in a regular expression. `refs/heads/main|release` is \
`refs/heads/main` or `release`, and not one of two branches. Elsewhere this is a well-known hole: \
`^a|b$` means \"begins with a, or ends with b\", and whoever ends a name with `b` is in. Here \
every expression has to match the whole value and takes no `^` and no `$`, so an alternative that \
got loose matches nothing instead, or something that nobody meant: the policy does not do what it \
says, and the same text is a hole wherever it is copied to.

An expression whose `|` stands in no group is found if some of its alternatives can be what is \
asked, and others can't. For the whole subject, that is a subject of one of the issuer's published \
forms; for names and parts, a text of their shape. Where the naming model knows no shape, it is \
found if some alternatives name a whole ref of Git (`refs/…`) and others don't.",
    fix: "\
Put what varies into a group: `refs/heads/(main|release)`. Where whole values are alternatives, \
write a list: `ref = [\"refs/heads/main\", \"refs/heads/release\"]`.",
    controls: &[
        Control::Nhi6,
        Control::PrAa04,
        Control::PrAa05,
        Control::CicdSec5,
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
repository = { regex = "acme/infra|acme/web" }
ref = { regex = "refs/heads/(main|release)|refs/tags/v[0-9]+" }
"#,
        ),
        Sample::of(
            r#"
# each alternative is a whole subject
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { regex = "repo:acme/infra:ref:refs/heads/main|repo:acme/infra:environment:(staging|production)" }
"#,
        ),
        Sample::of(
            r#"
# short refs, each of them whole
[issuer.forge]
model = "gitlab"
url = "https://gitlab.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"

[trust.main.subject]
namespace = { name = "platform", id = "12" }
project = { name = "platform/infra", id = "345" }
ref_type = "branch"
ref = { regex = "main|release/[0-9]+" }
"#,
        ),
    ],
    refused: &[
        Sample::of(
            r#"
# `release` is no ref
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
ref = { regex = "refs/heads/main|release" }
"#,
        ),
        Sample::of(
            r#"
# the beginning is of the first alternative, the end is of the last
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
danger = "the ids are not known yet"
subject = { regex = "repo:acme/infra:environment:staging|production" }
"#,
        ),
        Sample::of(
            r#"
# `web` is no repository
[trust.main]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.main.subject]
owner = { name = "acme", id = "123456" }
repository = { regex = "acme/infra|web" }
ref = "refs/heads/main"
"#,
        ),
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

[trust.main.claims]
job_workflow_ref = { regex = 'acme/ci/\.github/workflows/build\.yml|deploy\.yml@refs/heads/main' }
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
subject = { regex = "system:serviceaccount:release:deployer|publisher" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (stated, _) in review.trusts() {
        for written in Written::all(stated) {
            if written.syntax == Syntax::Regex && written.text.value.contains('|') {
                found.extend(fault(review, stated, &written));
            }
        }
    }
    found
}

fn fault<'p>(review: &Review<'p>, stated: &Stated<'p>, written: &Written<'_>) -> Option<Finding> {
    let alternatives = regex::alternatives(&written.text.value);
    (!alternatives.is_empty()).then_some(())?;
    let loose = review.computed(&RULE, stated, |budget| {
        loose(&stated.issuer.model, written, &alternatives, budget)
    })??;
    let message = format!(
        "alternative `{}` in statement `{}` stands for the whole value, and can't be one",
        loose,
        stated.name()
    );
    let finding = Finding::new(&RULE, &written.text.place, message)
        .of_statement(stated.name())
        .label("`|` splits all of it");
    Some(finding)
}

/// The first alternative that can't be what is asked, where others can.
fn loose(
    model: &Model,
    written: &Written<'_>,
    alternatives: &[String],
    budget: &Budget,
) -> Result<Option<String>, Exceeded> {
    let possible = possible(model, &written.about, budget)?;
    let mut fit = Vec::with_capacity(alternatives.len());
    for alternative in alternatives {
        fit.push(match &possible {
            Some(possible) => {
                let texts = written.reading(alternative, budget)?;
                !texts.and(possible, budget)?.is_empty()
            }
            None => alternative.replace('\\', "").contains(REF),
        });
    }
    if !fit.contains(&true) {
        return Ok(None);
    }
    let mut fit = alternatives.iter().zip(fit);
    Ok(fit
        .find(|(_, fits)| !fits)
        .map(|(alternative, _)| alternative.clone()))
}

/// The texts that what is asked can be; none where that is not known.
fn possible(model: &Model, about: &Variable, budget: &Budget) -> Result<Option<Texts>, Exceeded> {
    if *about == Variable::Subject {
        let templates = model.forms().iter().filter_map(Form::template);
        return of_templates(model, templates, budget);
    }
    if let Some(kind) = kind_of(model, about) {
        return of_templates(model, usual_templates(model, kind), budget);
    }
    let part = if let Variable::Part(name) = about {
        model.part(name)
    } else {
        let mut parts = model.parts().iter();
        parts.find(|part| is_repeated_by(part, about))
    };
    part.map(|part| shape::texts(part, budget)).transpose()
}

/// Whether a claim repeats a part as the subject spells it.
fn is_repeated_by(part: &Part, about: &Variable) -> bool {
    let Variable::Claim(path) = about else {
        return false;
    };
    is_path(part.claim(), path) && part.encoded_characters().next().is_none()
}

/// The templates of a kind that subjects of published forms fill.
fn usual_templates<'m>(model: &'m Model, kind: &'m Kind) -> impl Iterator<Item = &'m str> {
    let is_usual = |name: &str| {
        let mut forms = model.forms().iter().filter(|form| !form.is_custom());
        forms.any(|form| model.parts_of(form).any(|part| part.name() == name))
    };
    kind.templates().filter(move |template| {
        let pieces = shape::pieces(template);
        pieces.iter().filter_map(Piece::part).all(is_usual)
    })
}

fn of_templates<'m>(
    model: &'m Model,
    templates: impl Iterator<Item = &'m str>,
    budget: &Budget,
) -> Result<Option<Texts>, Exceeded> {
    let mut all = None;
    for template in templates {
        let mut whole = Texts::one("", budget)?;
        for texts in shape::texts_of(model, &shape::pieces(template), budget)? {
            whole = whole.then(&texts, budget)?;
        }
        all = Some(match all {
            None => whole,
            Some(others) => whole.or(&others, budget)?,
        });
    }
    Ok(all)
}
