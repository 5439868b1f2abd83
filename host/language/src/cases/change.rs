//! What is changed of a token, and how that is done.

use serde_json::{Map, Value as Json};

use super::known::Known;
use crate::compile::IssuerSummary;
use crate::diagnostic::Sink;
use crate::fields::{Fields, Placed, list, table, text};
use crate::grant;
use crate::operator;
use crate::reprint::{self, Rewrite};
use crate::tree::{Entry, Node, Value};

/// What is changed of a token, in this order: form and subject, with every claim
/// that repeats them; single claims; claims that are taken out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// The form of its subject.
    pub form: Option<Placed<String>>,
    /// Names and parts of its subject.
    pub subject: Vec<SubjectChange>,
    /// Claims that are set; a table changes the members that it names.
    pub with: Map<String, Json>,
    /// Paths of claims that are taken out.
    pub without: Vec<Vec<String>>,
}

/// One name or part of a subject that is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectChange {
    /// A kind of name, or a part.
    pub field: Placed<String>,
    /// Its new name or value.
    pub value: Option<String>,
    /// The new id behind the name.
    pub id: Option<String>,
}

pub(super) fn object(node: &Node, sink: &mut Sink) -> Option<Map<String, Json>> {
    table(node, sink)?;
    match grant::json(node, sink)? {
        Json::Object(object) => Some(object),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
    }
}

pub(super) fn read(
    fields: &Fields<'_>,
    with: Option<Map<String, Json>>,
    sink: &mut Sink,
) -> Change {
    let without = fields.node("without").and_then(|node| list(node, sink));
    Change {
        form: fields.text("form", sink),
        subject: fields
            .table_of("subject", sink)
            .map(|(table, _)| {
                table
                    .entries
                    .iter()
                    .filter_map(|one| subject(one, sink))
                    .collect()
            })
            .unwrap_or_default(),
        with: with.unwrap_or_default(),
        without: without
            .unwrap_or_default()
            .iter()
            .filter_map(|node| Some(operator::path(node, sink)?.value))
            .collect(),
    }
}

fn subject(entry: &Entry, sink: &mut Sink) -> Option<SubjectChange> {
    let (value, id) = match &entry.node.value {
        Value::Table(table) => {
            let place = &entry.node.place;
            let fields = Fields::new(table, place, "a name", &["name", "id"], sink);
            (fields.text("name", sink), fields.text("id", sink))
        }
        Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Datetime(_)
        | Value::List(_) => (Some(text(&entry.node, sink)?), None),
    };
    Some(SubjectChange {
        field: Placed::new(entry.key.clone(), &entry.key_place),
        value: value.map(|one| one.value),
        id: id.map(|one| one.value),
    })
}

pub(super) fn apply(
    known: Known<'_>,
    claims: &mut Map<String, Json>,
    change: &Change,
) -> Result<(), String> {
    if change.form.is_some() || !change.subject.is_empty() {
        let url = claims.get("iss").and_then(Json::as_str).unwrap_or_default();
        let issuer = known.find(url).ok_or_else(|| known.unknown(url))?;
        reprint(&issuer, claims, change)?;
    }
    merge(claims, &change.with);
    for path in &change.without {
        remove(claims, path);
    }
    Ok(())
}

/// Sets members; a table changes the members that it names.
fn merge(claims: &mut Map<String, Json>, with: &Map<String, Json>) {
    for (name, value) in with {
        match (claims.get_mut(name), value) {
            (Some(Json::Object(inner)), Json::Object(value)) => merge(inner, value),
            _ => {
                claims.insert(name.clone(), value.clone());
            }
        }
    }
}

fn remove(claims: &mut Map<String, Json>, path: &[String]) {
    match path {
        [] => {}
        [name] => {
            claims.remove(name);
        }
        [name, rest @ ..] => {
            if let Some(Json::Object(inner)) = claims.get_mut(name) {
                remove(inner, rest);
            }
        }
    }
}

/// Writes the subject anew, with every claim that repeats something of it.
fn reprint(
    issuer: &IssuerSummary,
    claims: &mut Map<String, Json>,
    change: &Change,
) -> Result<(), String> {
    let model = &issuer.model;
    let before = claims
        .get("sub")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let parsed = model
        .parse_subject(&before)
        .map_err(|error| error.to_string())?;
    let name = change
        .form
        .as_ref()
        .map_or(parsed.form().name(), |form| form.value.as_str());
    let form = model
        .form(name)
        .ok_or_else(|| format!("`{}` has no form `{name}`", model.name()))?;
    let parts = parsed.parts();
    let mut rewrite = Rewrite {
        issuer,
        form,
        parts: parts
            .filter_map(|(name, raw)| {
                Some((name.to_owned(), reprint::decode(model.part(name)?, raw)))
            })
            .collect(),
        ids: reprint::ids_of(model, claims),
    };
    for one in &change.subject {
        rewrite.change(one, claims)?;
    }
    let Rewrite { mut parts, ids, .. } = rewrite;
    reprint::complete(model, form, claims, &ids, &mut parts);
    let subject = reprint::print(model, form, &parts)
        .ok_or_else(|| format!("the changes make no subject of form `{name}`"))?;
    for (part, _) in parsed.parts() {
        if let Some(path) = reprint::claim_of_gone(model, form, part) {
            remove(claims, &path);
        }
    }
    reprint::repeat(claims, issuer, &subject, &ids)?;
    claims.insert("sub".to_owned(), Json::from(subject));
    Ok(())
}
