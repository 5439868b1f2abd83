//! Subjects that two different claim sets make.

use std::ops::Range;

use claimbound_issuers::{Field, Form, Model, Part};
use claimbound_language::engine::model::{Condition, Source, Test};
use claimbound_language::{ClaimCondition, Operator, Subject};

use crate::budget::{Budget, Exceeded};
use crate::lint::control::Control;
use crate::lint::finding::{Finding, Severity};
use crate::lint::review::{Review, Stated};
use crate::lint::rule::{Check, Rule, Sample};
use crate::mention::text;
use crate::shape::{self, Piece};
use crate::texts::Texts;
use crate::variable::Variable;

pub(super) static RULE: Rule = Rule {
    name: "ambiguous-subject",
    severity: Severity::Error,
    summary: "Two different sets of claims make a subject that the statement asks for.",
    why: "\
A subject is one line made of several values. Where a value may hold what separates it from the next, or \
what an encoded character looks like, two jobs have the same subject, and nobody can say which is meant. \
A host refuses such a token (`subject.ambiguous`), so that the statement does not do what it says: it takes \
no token that is meant, or seems to take some that no host lets in. Other verifiers of the same tokens may \
take the one for the other.

Two things are found. First, a value asked of a part, of a name or of the claim that repeats it, that holds \
what the issuer writes in place of another character: GitHub writes `:` as `%3A`, so that the environment \
`eu%3Aprod` has the subject of `eu:prod`. Second, a pattern that reaches over what stands between two parts, \
in subjects that the naming model knows to split in several ways: CircleCI adds origin and ref as they are, \
and a branch may be called `x/vcs-ref/refs/heads/main`. It is decided by the texts that the pattern accepts. \
A whole subject that reads in two ways does not compile in the first place.",
    fix: "\
Write the value as people do; it is encoded the issuer's way before it is compared. In a pattern, use `*`, \
which crosses no `/`, where `**` is not needed, or write the values out one by one.",
    controls: &[Control::PrAa04, Control::FederatedIdentifier, Control::Tenet4],
    references: &["RFC 8725 section 3.8 (Validate Issuer and Subject)"],
    accepted: &[
        Sample::of(
            r#"
# a colon, which is encoded before it is compared
[trust.production]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"

[trust.production.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "eu:prod"
"#,
        ),
        Sample::of(
            r#"
# this issuer encodes nothing
[issuer.forge]
model = "gitlab"
url = "https://git.acme.example"

[trust.main]
issuer = "forge"
audience = "https://cloud.acme.example"
token_lifetime = "1h"
subject = { namespace = { name = "acme", id = "123456" }, project = { name = "acme/infra", id = "456789" }, ref_type = "branch", ref = "fix%3Amain" }
"#,
        ),
        Sample::of(
            r#"
# one segment, in which no `/vcs-ref/` fits
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"

[trust.deploy]
issuer = "circleci"
audience = "2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"
token_lifetime = "1h"

[trust.deploy.subject]
organization = { id = "2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411" }
project = { id = "9d4e2b70-13ac-4f68-b1d7-6e8c0a5f2233" }
vcs_origin = { glob = "github.com/acme/*" }
vcs_ref = "refs/heads/main"
any = ["user"]
"#,
        ),
        Sample::of(
            r#"
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"

[trust.deploy]
issuer = "circleci"
audience = "2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"
token_lifetime = "1h"
subject = { glob = "org/2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411/project/9d4e2b70-13ac-4f68-b1d7-6e8c0a5f2233/user/*/vcs-origin/github.com/acme/*/vcs-ref/refs/heads/*" }
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
environment = "eu%3Aprod"
"#,
        ),
        Sample::of(
            r#"
# in the claim that repeats the part
[trust.release]
issuer = "github"
audience = "https://cloud.acme.example"
token_lifetime = "5m"
claims = { ref = { glob = "refs/heads/release%3A*" } }

[trust.release.subject]
owner = { name = "acme", id = "123456" }
repository = { name = "acme/infra", id = "456789" }
environment = "production"
"#,
        ),
        Sample::of(
            r#"
# a branch of any name, also one with `/vcs-ref/` in it
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"

[trust.deploy]
issuer = "circleci"
audience = "2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"
token_lifetime = "1h"

[trust.deploy.subject]
organization = { id = "2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411" }
project = { id = "9d4e2b70-13ac-4f68-b1d7-6e8c0a5f2233" }
vcs_origin = "github.com/acme/infra"
vcs_ref = { glob = "refs/heads/**" }
any = ["user"]
"#,
        ),
        Sample::of(
            r#"
[issuer.circleci]
model = "circleci"
url = "https://oidc.circleci.com/org/2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"

[trust.deploy]
issuer = "circleci"
audience = "2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411"
token_lifetime = "1h"
subject = { glob = "org/2a6c1f3e-7b90-4d15-8c2e-5f0d9b7a4411/project/9d4e2b70-13ac-4f68-b1d7-6e8c0a5f2233/user/*/vcs-origin/github.com/acme/**/vcs-ref/refs/heads/main" }
"#,
        ),
    ],
    check: Check::Policy(check),
};

fn check(review: &Review<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for stated in &review.statements {
        found.extend(encoded(stated));
        if stated.grant().is_some() {
            found.extend(open(review, stated));
        }
    }
    found
}

/// The values of a statement that read as what an issuer writes for others.
fn encoded(stated: &Stated<'_>) -> Vec<Finding> {
    let asked = asked(stated);
    let found = asked.into_iter().filter_map(|(parts, operator)| {
        let mut texts = written(operator).into_iter();
        let read = |text: &str| parts.iter().find_map(|part| decoded(part, text));
        texts.find_map(|(text, place)| Some(misread(stated, text, &read(text)?, place)))
    });
    found.collect()
}

fn misread(stated: &Stated<'_>, text: &str, decoded: &str, place: &Range<usize>) -> Finding {
    let message = format!(
        "`{text}` is how `{decoded}` stands in a subject, so that nobody can tell the two apart"
    );
    Finding::new(&RULE, place, message)
        .of_statement(stated.name())
        .label("reads in two ways")
        .hint(format!("write `{decoded}` if that is meant"))
}

/// What is asked of the parts of subjects, with the parts.
fn asked<'p>(stated: &Stated<'p>) -> Vec<(Vec<&'p Part>, &'p Operator)> {
    let model: &'p Model = &stated.issuer.model;
    let mut asked = Vec::new();
    if let Some(Subject::Table(table)) = stated.written.subject.as_ref().map(|one| &one.value) {
        for field in &table.fields {
            if let (Some(of), Some(value)) = (model.field(&field.name.value), &field.value) {
                asked.push((parts_of(model, of), &value.value));
            }
        }
    }
    for condition in &stated.written.claims {
        let parts = model.parts().iter();
        let parts = parts.filter(|part| repeats(condition, part));
        asked.push((parts.collect(), &condition.operator.value));
    }
    asked
}

/// The parts that a field of a subject is written in.
fn parts_of<'p>(model: &'p Model, field: Field<'p>) -> Vec<&'p Part> {
    match field {
        Field::Part(part) => vec![part],
        Field::Name(kind) => {
            let pieces = kind.templates().flat_map(shape::pieces);
            pieces
                .filter_map(|piece| model.part(piece.part()?))
                .collect()
        }
    }
}

/// Whether a condition is on the claim that repeats a part.
fn repeats(condition: &ClaimCondition, part: &Part) -> bool {
    part.claim()
        .is_some_and(|path| is_path(path, &condition.path.value))
}

fn is_path(path: &[Box<str>], names: &[String]) -> bool {
    path.iter().map(|name| &**name).eq(names)
}

/// The texts of an operator, and the text of its glob.
fn written(operator: &Operator) -> Vec<(&str, &Range<usize>)> {
    if let Operator::Glob(glob) = operator {
        return vec![(&glob.value, &glob.place)];
    }
    let literals = operator.pinned().unwrap_or_default();
    literals.iter().filter_map(text).collect()
}

/// What a text would be the spelling of, if it reads as one.
fn decoded(part: &Part, text: &str) -> Option<String> {
    part.encoded_characters().find_map(|character| {
        let plain = character.to_string();
        let spelt = part.encode(&plain);
        // A part that can't hold the spelling never has it.
        let is_read = text.contains(&*spelt) && spelt.chars().all(|one| part.allows(one));
        is_read.then(|| text.replace(&*spelt, &plain))
    })
}

/// What stands between two parts that may both hold it.
struct Between<'m> {
    form: &'m Form,
    /// The place of the part before it among the form's pieces.
    at: usize,
    parts: [&'m Part; 2],
    text: String,
}

/// Where the subjects of a model may split in several ways.
fn between(model: &Model) -> Vec<Between<'_>> {
    let mut found = Vec::new();
    for form in model.forms() {
        let pieces = form.template().map(shape::pieces).unwrap_or_default();
        for (at, three) in pieces.windows(3).enumerate() {
            let [Piece::Part(one), Piece::Literal(text), Piece::Part(other)] = three else {
                continue;
            };
            let (Some(one), Some(other)) = (model.part(one), model.part(other)) else {
                continue;
            };
            let holds = |part: &Part| text.chars().all(|character| part.allows(character));
            if holds(one) && holds(other) {
                found.push(Between {
                    form,
                    at,
                    parts: [one, other],
                    text: text.clone(),
                });
            }
        }
    }
    found
}

/// The patterns of a trust that reach over what stands between two parts.
fn open<'p>(review: &Review<'p>, stated: &Stated<'p>) -> Vec<Finding> {
    let between = between(&stated.issuer.model);
    let mut found = Vec::new();
    for condition in &stated.compiled.conditions {
        let reached = between.iter().find(|between| {
            let reaches = review.computed(&RULE, stated, |budget| {
                reaches(review, stated, condition, between, budget)
            });
            reaches == Some(true)
        });
        found.extend(reached.map(|between| reaching(stated, condition, between)));
    }
    found
}

fn reaching(stated: &Stated<'_>, condition: &Condition, between: &Between<'_>) -> Finding {
    let [one, other] = between.parts.map(Part::name);
    let message = format!(
        "the pattern of `{}` accepts `{}`, which stands between `{one}` and `{other}` in a subject",
        condition.label, between.text
    );
    Finding::new(&RULE, place(stated, condition), message)
        .of_statement(stated.name())
        .label("accepts what no host lets in")
}

/// Whether a condition accepts a value, or a subject, that splits in two ways there.
fn reaches(
    review: &Review<'_>,
    stated: &Stated<'_>,
    condition: &Condition,
    between: &Between<'_>,
    budget: &Budget,
) -> Result<bool, Exceeded> {
    let Test::Matches(automaton) = &condition.test else {
        return Ok(false);
    };
    let is_whole = condition.source == Source::Subject;
    if !is_whole && !is_of(review, condition, between.parts) {
        return Ok(false);
    }
    let accepted = Texts::accepted(automaton, budget)?;
    let twofold = if is_whole {
        twofold(&stated.issuer.model, between, budget)?
    } else {
        let text = Texts::one(&between.text, budget)?;
        Texts::all()
            .then(&text, budget)?
            .then(&Texts::all(), budget)?
    };
    Ok(!accepted.and(&twofold, budget)?.is_empty())
}

/// Whether a condition is on one of these parts, or on the claim that repeats it.
fn is_of(review: &Review<'_>, condition: &Condition, parts: [&Part; 2]) -> bool {
    match Variable::of(condition.source, &review.policy.program) {
        Some(Variable::Part(name)) => parts.iter().any(|part| part.name() == name),
        Some(Variable::Claim(path)) => parts.iter().any(|part| {
            let claim = part.claim();
            claim.is_some_and(|claim| is_path(claim, &path))
        }),
        Some(_) | None => false,
    }
}

/// The subjects in which the text between two parts stands twice.
fn twofold(model: &Model, between: &Between<'_>, budget: &Budget) -> Result<Texts, Exceeded> {
    let pieces = between.form.template().map(shape::pieces);
    let mut all = Texts::one("", budget)?;
    for (at, piece) in pieces.unwrap_or_default().iter().enumerate() {
        let texts = match piece {
            Piece::Literal(text) => Texts::one(text, budget)?,
            Piece::Part(name) => {
                let part = model.part(name).ok_or(Exceeded)?;
                shape::texts(part, budget)?
            }
        };
        all = all.then(&texts, budget)?;
        if at == between.at {
            all = all.then(&Texts::one(&between.text, budget)?, budget)?;
            all = all.then(&texts, budget)?;
        }
    }
    Ok(all)
}

/// Where a condition was written.
fn place<'p>(stated: &Stated<'p>, condition: &Condition) -> &'p Range<usize> {
    let mut claims = stated.written.claims.iter();
    if let Some(claim) = claims.find(|claim| claim.label() == condition.label) {
        return &claim.operator.place;
    }
    let subject = stated.written.subject.as_ref().map(|one| &one.value);
    if let Some(Subject::Table(table)) = subject {
        let name = condition.label.strip_prefix("subject.");
        let mut fields = table.fields.iter();
        let field = fields.find(|field| Some(field.name.value.as_str()) == name);
        return field.map_or(stated.subject_place(), |field| &field.place);
    }
    stated.subject_place()
}
