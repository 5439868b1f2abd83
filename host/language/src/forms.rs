//! Forms: which shapes of a subject a table speaks of.

use claimbound_issuers::{Field, Form, Model};

use crate::diagnostic::Sink;
use crate::document::SubjectTable;
use crate::fields::listed;
use crate::rule::Rule;
use crate::tree::Place;

/// The forms that a trust's table accepts: those whose parts it covers, all of
/// them and nothing else.
pub(crate) fn accepted<'m>(
    model: &'m Model,
    table: &SubjectTable,
    place: &Place,
    sink: &mut Sink,
) -> Option<Vec<&'m Form>> {
    let fields: Vec<&str> = table
        .fields
        .iter()
        .map(|field| field.name.value.as_str())
        .collect();
    let any: Vec<&str> = table.any.iter().map(|name| name.value.as_str()).collect();
    // A subject whose parts an organisation chooses fits almost any table. It
    // is accepted only where the table names something that no other subject
    // has, so that everybody else's statements stay short.
    let asks_for_chosen = fields
        .iter()
        .chain(&any)
        .any(|name| is_only_chosen(model, name));
    let forms: Vec<&Form> = model
        .forms_with(&fields, &any)
        .into_iter()
        .filter(|form| asks_for_chosen || !form.is_custom())
        .collect();
    if !forms.is_empty() {
        return Some(forms);
    }
    report_left_out(model, table, place, sink);
    None
}

/// Whether only subjects that an organisation composes have `name`, a field or
/// a raw part. What stands in a claim alone is in no subject at all.
fn is_only_chosen(model: &Model, name: &str) -> bool {
    let has = |form: &Form| match model.field(name) {
        Some(field) => !model.covered(form, field).is_empty(),
        None => model.parts_of(form).any(|part| part.name() == name),
    };
    let (chosen, fixed): (Vec<&Form>, Vec<&Form>) =
        model.forms().iter().partition(|form| form.is_custom());
    chosen.into_iter().any(has) && !fixed.into_iter().any(has)
}

/// The finding that a table fits no form: what is left out, or what no form
/// has together.
fn report_left_out(model: &Model, table: &SubjectTable, place: &Place, sink: &mut Sink) {
    let left_out = LeftOut::fewest(model, table);
    let Some(first) = left_out.first() else {
        report_not_together(model, table, place, sink);
        return;
    };
    let choices: Vec<String> = left_out
        .iter()
        .map(|one| format!("{} (form `{}`)", listed(&one.fields), one.form))
        .collect();
    let message = format!("the subject leaves out {}", choices.join(" or "));
    let name = first.fields.first().unwrap_or(&"…");
    sink.error(Rule::Subject, place, message)
        .expected("every part of a subject has to be named")
        .hint(format!(
            "name it, or leave it open deliberately with `any = [\"{name}\"]`"
        ));
}

fn report_not_together(model: &Model, table: &SubjectTable, place: &Place, sink: &mut Sink) {
    let fields = table.fields.iter();
    let names: Vec<&str> = fields.map(|field| field.name.value.as_str()).collect();
    let message = format!(
        "no `{}` subject has {} together",
        model.name(),
        listed(&names)
    );
    sink.error(Rule::Subject, place, message)
        .hint("ask for what the subject does not say under `claims`");
}

/// What a table would have to name for its subjects to have a form.
struct LeftOut<'m> {
    form: &'m str,
    fields: Vec<&'m str>,
}

impl<'m> LeftOut<'m> {
    /// Of the forms that have all that the table names, those that it is the
    /// fewest fields away from; of several that lack the same, the first.
    fn fewest(model: &'m Model, table: &SubjectTable) -> Vec<Self> {
        let covered = covered(model, table);
        let forms = model.forms().iter();
        let fixed = forms.filter(|form| !form.is_custom() && has_all(model, form, table));
        let mut all: Vec<Self> = Vec::new();
        for form in fixed {
            let one = Self::of(model, form, &covered);
            if !all.iter().any(|known| known.fields == one.fields) {
                all.push(one);
            }
        }
        let fewest = all.iter().map(|one| one.fields.len()).min();
        all.retain(|one| Some(one.fields.len()) == fewest);
        all
    }

    fn of(model: &'m Model, form: &'m Form, covered: &[String]) -> Self {
        let is_left_out = |field: &Field<'_>| {
            let mut parts = model.covered(form, *field).into_iter();
            parts.any(|part| !covered.iter().any(|one| one == part.name()))
        };
        let fields = model.fields_of(form).filter(is_left_out);
        Self {
            form: form.name(),
            fields: fields.map(|field| field.name()).collect(),
        }
    }
}

/// Whether subjects of `form` have all that the table names, but for what no
/// subject has.
fn has_all(model: &Model, form: &Form, table: &SubjectTable) -> bool {
    let has = |form: &Form, field| !model.covered(form, field).is_empty();
    let mut fields = table
        .fields
        .iter()
        .filter_map(|field| model.field(&field.name.value));
    fields.all(|field| has(form, field) || !model.forms().iter().any(|form| has(form, field)))
}

/// The forms that a forbid's table speaks of: those that can have every part
/// that it names. Names are asked of any form, for they may be in a claim.
pub(crate) fn spoken_of<'m>(
    model: &'m Model,
    table: &SubjectTable,
    place: &Place,
    sink: &mut Sink,
) -> Option<Vec<&'m Form>> {
    let parts: Vec<Field<'_>> = table
        .fields
        .iter()
        .filter_map(|field| model.field(&field.name.value))
        .filter(|field| matches!(field, Field::Part(_)))
        .collect();
    let has_all = |form: &&Form| {
        parts
            .iter()
            .all(|field| !model.covered(form, *field).is_empty())
    };
    let forms: Vec<&Form> = model.forms().iter().filter(has_all).collect();
    if forms.is_empty() {
        report_left_out(model, table, place, sink);
        return None;
    }
    Some(forms)
}

/// The names of the raw parts that a table's fields and `any` cover.
pub(crate) fn covered(model: &Model, table: &SubjectTable) -> Vec<String> {
    let mut covered: Vec<String> = Vec::new();
    let fields = table.fields.iter().map(|field| &field.name.value);
    for name in fields.chain(table.any.iter().map(|name| &name.value)) {
        covered.push(name.clone());
        if let Some(field) = model.field(name) {
            let parts = model
                .forms()
                .iter()
                .flat_map(|form| model.covered(form, field));
            covered.extend(parts.map(|part| part.name().to_owned()));
        }
    }
    covered
}
