//! Mentions: the names and ids that a statement writes out.

use std::collections::BTreeSet;
use std::ops::Range;

use claimbound_issuers::{Field, Kind, Model, Part};
use claimbound_language::engine::model::Literal;
use claimbound_language::{Operator, Placed, Statement, Subject};

use crate::shape;

/// Names, or ids, of one kind that stand in one place of a statement.
pub(crate) struct Mention<'p> {
    pub(crate) kind: &'p Kind,
    pub(crate) what: What,
    /// How its author would name the place.
    pub(crate) label: String,
    /// The texts, each with the bytes of the document where it stands.
    pub(crate) texts: Vec<(String, &'p Range<usize>)>,
    /// Whether a token has to have one of them; else they may be left out, or are
    /// one of several things to have.
    pub(crate) is_pinned: bool,
}

/// What of a kind is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Name,
    Id,
}

/// A name and the id behind it, as a statement writes them.
pub(crate) struct Identity<'p> {
    pub(crate) kind: &'p Kind,
    pub(crate) name: String,
    pub(crate) id: String,
    /// Where the one of the two stands that says more, the id.
    pub(crate) place: &'p Range<usize>,
}

/// What a statement about an issuer of this model mentions.
pub(crate) fn mentions<'p>(statement: &'p Statement, model: &'p Model) -> Vec<Mention<'p>> {
    let mut found = Vec::new();
    match statement.subject.as_ref().map(|subject| &subject.value) {
        None => {}
        Some(Subject::Literal(_) | Subject::Whole(_)) => {
            found.extend(of_subjects(&subjects(statement), model));
        }
        Some(Subject::Table(table)) => {
            for field in &table.fields {
                let label = format!("subject.{}", field.name.value);
                let value = field.value.as_ref();
                let id = field.id.as_ref();
                match model.field(&field.name.value) {
                    None => {}
                    Some(Field::Name(kind)) => {
                        found.extend(value.and_then(|one| of(kind, What::Name, &label, one)));
                        let label = format!("{label}.id");
                        found.extend(id.and_then(|one| of(kind, What::Id, &label, one)));
                    }
                    Some(Field::Part(part)) => {
                        let kinds = kinds_of_part(model, part.name());
                        let mentions =
                            kinds.filter_map(|(kind, what)| of(kind, what, &label, value?));
                        found.extend(mentions);
                    }
                }
            }
        }
    }
    for condition in &statement.claims {
        let label = condition.label();
        let kinds = kinds_of_claim(model, &condition.path.value).into_iter();
        found.extend(kinds.filter_map(|(kind, what)| of(kind, what, &label, &condition.operator)));
    }
    found
}

/// The names whose ids a statement about an issuer of this model writes beside
/// them: one of each, or both in one subject.
pub(crate) fn identities<'p>(statement: &'p Statement, model: &'p Model) -> Vec<Identity<'p>> {
    let mut found = Vec::new();
    for (text, place) in subjects(statement) {
        for (kind, name, id) in said(text, model) {
            if let (Some(name), Some(id)) = (name, id) {
                found.push(Identity {
                    kind,
                    name,
                    id,
                    place,
                });
            }
        }
    }
    let mentions = mentions(statement, model);
    for kind in model.names() {
        let of = |what| sole(&mentions, kind, what);
        if let (Some((name, _)), Some((id, place))) = (of(What::Name), of(What::Id)) {
            found.push(Identity {
                kind,
                name,
                id,
                place,
            });
        }
    }
    found
}

/// The one text of a kind that is asked for.
fn sole<'p>(
    mentions: &[Mention<'p>],
    kind: &Kind,
    what: What,
) -> Option<(String, &'p Range<usize>)> {
    let own = mentions.iter().filter(|one| one.is_about(kind, what));
    let texts: Vec<&(String, &Range<usize>)> = own.flat_map(|one| &one.texts).collect();
    let different: BTreeSet<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
    let first = texts.first().filter(|_| different.len() == 1)?;
    Some((first.0.clone(), first.1))
}

impl Mention<'_> {
    /// Whether it asks for a text of this.
    pub(crate) fn is_about(&self, kind: &Kind, what: What) -> bool {
        self.is_pinned && self.kind.name() == kind.name() && self.what == what
    }
}

/// What an operator compares a kind with; none where it compares with no text.
fn of<'p>(
    kind: &'p Kind,
    what: What,
    label: &str,
    operator: &'p Placed<Operator>,
) -> Option<Mention<'p>> {
    let (literals, is_pinned) = compared(&operator.value);
    let texts: Vec<_> = literals.iter().filter_map(text).collect();
    (!texts.is_empty()).then(|| Mention {
        kind,
        what,
        label: label.to_owned(),
        texts: texts
            .into_iter()
            .map(|(text, place)| (text.to_owned(), place))
            .collect(),
        is_pinned,
    })
}

/// The literals that an operator compares with, and whether it asks for one of them.
pub(crate) fn compared(operator: &Operator) -> (&[Placed<Literal>], bool) {
    if let Operator::NoneOf(literals) = operator {
        return (literals, false);
    }
    let pinned = operator.pinned();
    (pinned.unwrap_or_default(), pinned.is_some())
}

/// The text of a literal, if it is one, and where it stands.
pub(crate) fn text(literal: &Placed<Literal>) -> Option<(&str, &Range<usize>)> {
    match &literal.value {
        Literal::Text(text) => Some((text, &literal.place)),
        Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
    }
}

/// The whole subjects that a statement writes out.
fn subjects(statement: &Statement) -> Vec<(&str, &Range<usize>)> {
    let Some(subject) = &statement.subject else {
        return Vec::new();
    };
    match &subject.value {
        Subject::Literal(text) => vec![(text, &subject.place)],
        Subject::Whole(operator) => {
            let literals = operator.pinned().unwrap_or_default();
            literals.iter().filter_map(text).collect()
        }
        Subject::Table(_) => Vec::new(),
    }
}

/// What whole subjects, one of which a token has, say of each kind.
fn of_subjects<'p>(subjects: &[(&str, &'p Range<usize>)], model: &'p Model) -> Vec<Mention<'p>> {
    let mut found = Vec::new();
    let all: Vec<_> = subjects.iter().map(|(text, _)| said(text, model)).collect();
    for (at, kind) in model.names().iter().enumerate() {
        for what in [What::Name, What::Id] {
            let texts = all.iter().zip(subjects).filter_map(|(said, (_, place))| {
                let (_, name, id) = said.get(at)?;
                let text = match what {
                    What::Name => name,
                    What::Id => id,
                };
                Some((text.clone()?, *place))
            });
            let texts: Vec<_> = texts.collect();
            found.push(Mention {
                kind,
                what,
                label: "subject".to_owned(),
                is_pinned: !texts.is_empty() && texts.len() == subjects.len(),
                texts,
            });
        }
    }
    found
}

/// Of each kind of a model, in its order, the name and the id that a subject says.
pub(crate) fn said<'m>(
    subject: &str,
    model: &'m Model,
) -> Vec<(&'m Kind, Option<String>, Option<String>)> {
    let Ok(subject) = model.parse_subject(subject) else {
        return Vec::new();
    };
    let parts: Vec<(&str, &str)> = subject.parts().collect();
    let of_kind = |kind: &'m Kind| {
        let mut templates = kind.templates().map(shape::pieces);
        let name = templates.find_map(|pieces| shape::print(&pieces, &parts));
        let mut ids = model.id_parts(kind);
        let id = ids.find_map(|part| subject.part(part.name()));
        (kind, name, id.map(str::to_owned))
    };
    model.names().iter().map(of_kind).collect()
}

/// The kinds of which a part is the whole name, or the id.
pub(crate) fn kinds_of_part<'m>(
    model: &'m Model,
    part: &str,
) -> impl Iterator<Item = (&'m Kind, What)> {
    let alone = format!("{{{part}}}");
    let part = part.to_owned();
    model.names().iter().flat_map(move |kind| {
        let is_name = kind.templates().any(|template| template == alone);
        let is_id = model.id_parts(kind).any(|one| one.name() == part);
        let name = is_name.then_some((kind, What::Name));
        name.into_iter().chain(is_id.then_some((kind, What::Id)))
    })
}

/// The kinds of which a claim holds the whole name, or the id.
pub(crate) fn kinds_of_claim<'m>(model: &'m Model, path: &[String]) -> Vec<(&'m Kind, What)> {
    let is_here = |claim: Option<&[Box<str>]>| {
        claim.is_some_and(|claim| claim.iter().map(|name| &**name).eq(path.iter()))
    };
    let named = model.names().iter().filter(|kind| is_here(kind.claim()));
    let behind = model.names().iter().filter(|kind| is_here(kind.id_claim()));
    let parts = model.parts().iter().filter(|part| is_here(part.claim()));
    let by_part = parts.flat_map(|part: &Part| kinds_of_part(model, part.name()));
    let mut found: Vec<(&Kind, What)> = Vec::new();
    let all = named.map(|kind| (kind, What::Name));
    for one in all
        .chain(behind.map(|kind| (kind, What::Id)))
        .chain(by_part)
    {
        let mut known = found.iter();
        if !known.any(|(kind, what)| kind.name() == one.0.name() && *what == one.1) {
            found.push(one);
        }
    }
    found
}
