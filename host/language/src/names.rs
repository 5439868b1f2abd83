//! Names: what the kinds of a subject's table are called, checked by the
//! templates that write them.

use std::collections::BTreeSet;

use claimbound_engine::model::Literal;
use claimbound_issuers::{Form, Kind, Model, Part};

use crate::diagnostic::Sink;
use crate::document::{SubjectField, SubjectTable};
use crate::fields::listed;
use crate::operator::Operator;
use crate::reprint::split;
use crate::rule::Rule;

/// Refuses a name that no template of its kind can write, such as a repository
/// without its owner.
pub(crate) fn check_values(
    model: &Model,
    forms: &[&Form],
    kind: &Kind,
    field: &SubjectField,
    sink: &mut Sink,
) {
    if templates_in(model, forms, kind).next().is_none() {
        return;
    }
    let pinned = field.value.as_ref().and_then(|one| one.value.pinned());
    for literal in pinned.unwrap_or_default() {
        if let Literal::Text(text) = &literal.value
            && parts_of_name(model, forms, kind, text).is_none()
        {
            let templates: Vec<&str> = templates_in(model, forms, kind).collect();
            let message = format!("`{text}` can't be the name of a `{}`", kind.name());
            sink.error(Rule::NeverMatches, &literal.place, message)
                .expected(format!("a name such as {}", listed(&templates)));
        }
    }
}

/// The templates of a kind that subjects of one of `forms` can fill.
fn templates_in<'m>(
    model: &'m Model,
    forms: &[&Form],
    kind: &'m Kind,
) -> impl Iterator<Item = &'m str> {
    let parts: BTreeSet<String> = forms
        .iter()
        .flat_map(|form| model.parts_of(form))
        .map(|part| format!("{{{}}}", part.name()))
        .collect();
    kind.templates().filter(move |template| {
        let filled = parts.iter().filter(|part| template.contains(part.as_str()));
        filled.count() == template.matches('{').count()
    })
}

/// The parts that a name says, plain.
fn parts_of_name(
    model: &Model,
    forms: &[&Form],
    kind: &Kind,
    name: &str,
) -> Option<Vec<(String, String)>> {
    templates_in(model, forms, kind)
        .filter_map(|template| split(template, name))
        .find(|parts| {
            parts.iter().all(|(part, value)| {
                model
                    .part(part)
                    .is_some_and(|part| part.accepts(&part.encode(value)))
            })
        })
}

/// Refuses names that contradict each other: an owner, and a repository of
/// another one.
pub(crate) fn check_agreement(
    model: &Model,
    forms: &[&Form],
    table: &SubjectTable,
    sink: &mut Sink,
) {
    let mut known: Vec<(String, String, &str)> = Vec::new();
    for field in &table.fields {
        let Some(Operator::Equals(literal)) = field.value.as_ref().map(|one| &one.value) else {
            continue;
        };
        let (Literal::Text(text), Some(kind)) = (&literal.value, model.kind(&field.name.value))
        else {
            continue;
        };
        for (part, value) in parts_of_name(model, forms, kind, text).unwrap_or_default() {
            let other = known
                .iter()
                .find(|(one, own, _)| *one == part && *own != value);
            if let Some((_, _, other)) = other {
                let message = format!("`{other}` and `{}` contradict each other", kind.name());
                sink.error(Rule::NeverMatches, &literal.place, message)
                    .expected(format!("names that agree about `{part}`"));
            }
            known.push((part, value, kind.name()));
        }
    }
}

/// The part whose encoding the names of `kind` have in a subject; none where
/// they stand in a claim alone.
pub(crate) fn spelled_in<'m>(model: &'m Model, kind: &Kind) -> Option<&'m Part> {
    let part = kind.templates().find_map(first_part)?;
    model.part(part)
}

/// The name of the first part of a template such as `{owner}/{repo}`.
fn first_part(template: &str) -> Option<&str> {
    let (_, rest) = template.split_once('{')?;
    rest.split_once('}').map(|(part, _)| part)
}
