//! Subjects: what a statement says of them, read by the issuer's naming model.

use std::collections::BTreeSet;

use claimbound_engine::Code;
use claimbound_engine::model::{Condition, Literal, Source, Test};
use claimbound_issuers::{
    ClaimType, Field, Form, Kind as NameKind, Model, Need, Part, SubjectError,
};

use crate::condition::{Kind, Target};
use crate::diagnostic::{Sink, did_you_mean};
use crate::document::{Subject, SubjectField, SubjectTable};
use crate::fields::{Placed, listed};
use crate::operator::Operator;
use crate::pattern::At;
use crate::places::Places;
use crate::reprint::split;
use crate::rule::Rule;
use crate::tree::Place;

/// What a statement's subject says, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lowered {
    /// Its conditions, the most selective first.
    pub(crate) conditions: Vec<Condition>,
    /// The kinds whose ids it pins.
    pub(crate) pinned: Vec<String>,
    /// The forms that it accepts; for a pattern, every form.
    pub(crate) forms: Vec<String>,
    /// Whether it is one subject that is one identity for ever.
    pub(crate) immutable: bool,
}

/// Compiles a subject; none where there were findings.
pub(crate) fn lower(
    model: &Model,
    subject: &Placed<Subject>,
    effect: Kind,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<Lowered> {
    match &subject.value {
        Subject::Literal(text) => {
            let literal = Literal::Text(text.clone());
            let operator = Operator::Equals(Placed::new(literal, &subject.place));
            whole(model, &operator, &subject.place, effect, places, sink)
        }
        Subject::Whole(operator) => whole(model, operator, &subject.place, effect, places, sink),
        Subject::Table(table) => lower_table(model, table, &subject.place, effect, places, sink),
    }
}

fn whole(
    model: &Model,
    operator: &Operator,
    place: &Place,
    effect: Kind,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<Lowered> {
    let mut immutable = true;
    let mut forms: Vec<String> = Vec::new();
    if let Some(literals) = operator.pinned() {
        for literal in literals {
            let form = literal_subject(model, literal, &mut immutable, sink)?;
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    } else {
        immutable = false;
        forms.extend(model.forms().iter().map(|form| form.name().to_owned()));
    }
    let target = Target {
        label: "subject".to_owned(),
        claim: vec!["sub".to_owned()],
        source: Source::Subject,
        code: Code::SubjectMismatch,
        json: Some(ClaimType::Text),
        folds: model.names().iter().any(NameKind::folds_case),
        at: separator(model),
        encode: &str::to_owned,
    };
    let operator = Placed::new(operator.clone(), place);
    let condition = target.compile(&operator, effect, places, sink)?;
    Some(Lowered {
        conditions: vec![condition],
        pinned: Vec::new(),
        forms,
        immutable,
    })
}

/// Whether `@` means something in this model's subjects: it stands between a
/// name and its id.
fn separator(model: &Model) -> At {
    let separates = model
        .forms()
        .iter()
        .flat_map(Form::segments)
        .any(|template| template.contains("}@{"));
    if separates { At::Separates } else { At::Plain }
}

/// Checks that some token can have this subject; the name of its form.
fn literal_subject(
    model: &Model,
    literal: &Placed<Literal>,
    immutable: &mut bool,
    sink: &mut Sink,
) -> Option<String> {
    let Literal::Text(text) = &literal.value else {
        sink.error(
            Rule::NeverMatches,
            &literal.place,
            "a subject is always a string",
        );
        return None;
    };
    match model.parse_subject(text) {
        Ok(subject) => {
            *immutable &= subject.is_immutable();
            Some(subject.form().name().to_owned())
        }
        Err(error) => {
            let rule = match error {
                SubjectError::Ambiguous { .. } => Rule::Subject,
                SubjectError::Unrecognised { .. } | SubjectError::TooLong { .. } => {
                    Rule::NeverMatches
                }
            };
            sink.error(rule, &literal.place, error.to_string())
                .expected(format!("a subject such as {}", templates(model)));
            None
        }
    }
}

fn templates(model: &Model) -> String {
    let all: Vec<&str> = model.forms().iter().filter_map(Form::template).collect();
    listed(&all)
}

fn lower_table(
    model: &Model,
    table: &SubjectTable,
    place: &Place,
    effect: Kind,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<Lowered> {
    let errors = sink.errors();
    check_names(model, table, sink);
    if table.fields.is_empty() {
        sink.error(Rule::Subject, place, "the subject says nothing")
            .expected(format!("one of {}", listed(&field_names(model))));
    }
    if sink.errors() > errors {
        return None;
    }
    let forms = match effect {
        Kind::Trust => accepted(model, table, place, sink)?,
        Kind::Forbid => spoken_of(model, table, place, sink)?,
    };
    let mut conditions = Conditions::default();
    for field in &table.fields {
        match model.field(&field.name.value)? {
            Field::Name(kind) => {
                if let Some(name) = &field.value {
                    check_name_values(model, &forms, kind, &name.value, sink);
                }
                conditions.name(model, kind, field, effect, places, sink);
            }
            Field::Part(part) => conditions.part(part, field, effect, places, sink),
        }
    }
    check_agreement(model, &forms, table, sink);
    if sink.errors() > errors {
        return None;
    }
    let names: Vec<String> = forms.iter().map(|form| form.name().to_owned()).collect();
    let mut all = conditions.ids;
    all.extend(conditions.names);
    if forms.len() < model.forms().len() {
        all.push(form_condition(&names));
    }
    all.extend(conditions.parts);
    if effect == Kind::Trust {
        all.extend(nothing_else(model, &forms, &covered(model, table), places));
    }
    Some(Lowered {
        conditions: all,
        pinned: conditions.pinned,
        forms: names,
        immutable: false,
    })
}

/// The names of the raw parts that a table's fields and `any` cover.
fn covered(model: &Model, table: &SubjectTable) -> Vec<String> {
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

fn field_names(model: &Model) -> Vec<&str> {
    model.fields().map(|field| field.name()).collect()
}

fn check_names(model: &Model, table: &SubjectTable, sink: &mut Sink) {
    let known = field_names(model);
    for field in &table.fields {
        if known.contains(&field.name.value.as_str()) {
            continue;
        }
        let message = format!(
            "`{}` is not a part of a `{}` subject",
            field.name.value,
            model.name()
        );
        let hint = unknown_field(model, &field.name.value, &known);
        let finding = sink.error(Rule::Subject, &field.name.place, message);
        finding.expected(format!("one of {}", listed(&known)));
        finding.hint = hint;
    }
    for name in &table.any {
        let own = table
            .fields
            .iter()
            .any(|field| field.name.value == name.value);
        if own {
            let message = format!("`{}` is both asked for and left open", name.value);
            sink.error(Rule::Subject, &name.place, message);
        } else if !known.contains(&name.value.as_str()) && model.part(&name.value).is_none() {
            let message = format!(
                "`{}` is not a part of a `{}` subject",
                name.value,
                model.name()
            );
            let hint = did_you_mean(&name.value, known.iter().copied());
            let finding = sink.error(Rule::Subject, &name.place, message);
            finding.expected(format!("one of {}", listed(&known)));
            finding.hint = hint;
        }
    }
}

fn unknown_field(model: &Model, name: &str, known: &[&str]) -> Option<String> {
    if model.claim(&[name]).is_some() {
        return Some(format!("`{name}` is a claim: ask for it under `claims`"));
    }
    did_you_mean(name, known.iter().copied())
}

/// The forms that a trust's table accepts: those whose parts it covers, all of
/// them and nothing else.
fn accepted<'m>(
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
    let forms = model.forms_with(&fields, &any);
    // A subject whose parts an organisation chooses fits almost any table. It
    // is accepted only where the table names something that no other subject
    // has, so that everybody else's statements stay short.
    let in_fixed = |name: &&str| {
        model.field(name).is_some_and(|field| {
            model
                .forms()
                .iter()
                .any(|form| !form.is_custom() && !model.covered(form, field).is_empty())
        })
    };
    let chosen = fields.iter().chain(&any).any(|name| !in_fixed(name));
    let forms: Vec<&Form> = forms
        .into_iter()
        .filter(|form| chosen || !form.is_custom())
        .collect();
    if !forms.is_empty() {
        return Some(forms);
    }
    report_left_out(model, table, place, sink);
    None
}

/// The finding that a table fits no form: what is left out, or what no form
/// has together.
fn report_left_out(model: &Model, table: &SubjectTable, place: &Place, sink: &mut Sink) {
    let covered = covered(model, table);
    let is_left_out = |form: &Form, field: &Field<'_>| {
        let parts = model.covered(form, *field);
        !parts.is_empty()
            && parts
                .iter()
                .any(|part| !covered.iter().any(|one| one == part.name()))
    };
    let has_all = |form: &&Form| {
        table.fields.iter().all(|field| {
            model.field(&field.name.value).is_none_or(|field| {
                !model.covered(form, field).is_empty()
                    || model
                        .forms()
                        .iter()
                        .all(|form| model.covered(form, field).is_empty())
            })
        })
    };
    let mut missing: Vec<(String, Vec<&str>)> = Vec::new();
    for form in model
        .forms()
        .iter()
        .filter(|form| !form.is_custom())
        .filter(has_all)
    {
        let left: Vec<&str> = model
            .fields_of(form)
            .filter(|field| is_left_out(form, field))
            .map(|field| field.name())
            .collect();
        if !missing.iter().any(|(_, known)| *known == left) {
            missing.push((form.name().to_owned(), left));
        }
    }
    if missing.is_empty() {
        let names: Vec<&str> = table
            .fields
            .iter()
            .map(|field| field.name.value.as_str())
            .collect();
        let message = format!(
            "no `{}` subject has {} together",
            model.name(),
            listed(&names)
        );
        sink.error(Rule::Subject, place, message)
            .hint("ask for what the subject does not say under `claims`");
        return;
    }
    let fewest = missing
        .iter()
        .map(|(_, left)| left.len())
        .min()
        .unwrap_or(0);
    missing.retain(|(_, left)| left.len() == fewest);
    let choices: Vec<String> = missing
        .iter()
        .map(|(form, left)| format!("{} (form `{form}`)", listed(left)))
        .collect();
    let fitting = choices.join(" or ");
    sink.error(
        Rule::Subject,
        place,
        format!("the subject leaves out {fitting}"),
    )
    .expected("every part of a subject has to be named")
    .hint(format!(
        "name it, or leave it open deliberately with `any = [\"{}\"]`",
        missing
            .iter()
            .flat_map(|(_, left)| left.iter().copied())
            .next()
            .unwrap_or("…")
    ));
}

/// The forms that a forbid's table speaks of: those that can have every part
/// that it names. Names are asked of any form, for they may be in a claim.
fn spoken_of<'m>(
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

/// A subject whose parts an organisation chooses may have parts that the
/// statement does not name: it must not.
fn nothing_else(
    model: &Model,
    forms: &[&Form],
    covered: &[String],
    places: &mut Places,
) -> Vec<Condition> {
    let mut open: Vec<&str> = forms
        .iter()
        .filter(|form| form.is_custom())
        .flat_map(|form| model.parts_of(form))
        .map(Part::name)
        .filter(|part| !covered.iter().any(|one| one == part))
        .collect();
    open.sort_unstable();
    open.dedup();
    open.into_iter()
        .map(|part| Condition {
            label: format!("subject.{part}"),
            claim: vec!["sub".to_owned()],
            source: places.part(part),
            test: Test::Absent,
            fold: false,
            code: Code::SubjectMismatch,
            expected: "absent".to_owned(),
        })
        .collect()
}

fn form_condition(names: &[String]) -> Condition {
    let literals = names.iter().cloned().map(Literal::Text).collect();
    Condition {
        label: "subject form".to_owned(),
        claim: vec!["sub".to_owned()],
        source: Source::Form,
        test: Test::AnyOf(literals),
        fold: false,
        code: Code::SubjectMismatch,
        expected: names.join(", "),
    }
}

/// The conditions of a table by what they look at.
#[derive(Default)]
struct Conditions {
    ids: Vec<Condition>,
    names: Vec<Condition>,
    parts: Vec<Condition>,
    pinned: Vec<String>,
}

impl Conditions {
    fn name(
        &mut self,
        model: &Model,
        kind: &NameKind,
        field: &SubjectField,
        effect: Kind,
        places: &mut Places,
        sink: &mut Sink,
    ) {
        let sub = || vec!["sub".to_owned()];
        let path = |claim: Option<&[Box<str>]>| {
            claim.map_or_else(sub, |path| path.iter().map(ToString::to_string).collect())
        };
        let label = format!("subject.{}", field.name.value);
        if let Some(id) = &field.id {
            if kind.id_need() == Need::None {
                let message = format!("a `{}` of `{}` has no id", kind.name(), model.name());
                sink.error(Rule::NeverMatches, &id.place, message);
                return;
            }
            let target = Target {
                label: format!("{label}.id"),
                claim: path(kind.id_claim()),
                source: places.name_id(kind.name()),
                code: Code::SubjectMismatch,
                json: Some(ClaimType::Text),
                folds: false,
                at: At::Plain,
                encode: &str::to_owned,
            };
            self.ids.extend(target.compile(id, effect, places, sink));
            if id.value.pinned().is_some() {
                self.pinned.push(kind.name().to_owned());
            }
        }
        if let Some(name) = &field.value {
            let part = kind
                .templates()
                .find_map(first_part)
                .and_then(|part| model.part(part));
            let encode = |value: &str| {
                part.map_or_else(|| value.to_owned(), |part| part.encode(value).into_owned())
            };
            let target = Target {
                label: match field.id {
                    Some(_) => format!("{label}.name"),
                    None => label,
                },
                claim: if part.is_some() {
                    sub()
                } else {
                    path(kind.claim())
                },
                source: places.name(kind.name()),
                code: Code::SubjectMismatch,
                json: Some(ClaimType::Text),
                folds: kind.folds_case(),
                at: At::Plain,
                encode: &encode,
            };
            self.names
                .extend(target.compile(name, effect, places, sink));
        }
    }

    fn part(
        &mut self,
        part: &Part,
        field: &SubjectField,
        effect: Kind,
        places: &mut Places,
        sink: &mut Sink,
    ) {
        if let Some(id) = &field.id {
            let message = format!("`{}` has no id", part.name());
            sink.error(Rule::NeverMatches, &id.place, message)
                .hint("write its value alone");
            return;
        }
        let Some(value) = &field.value else { return };
        for literal in value.value.literals() {
            if let Literal::Text(text) = &literal.value
                && !part.accepts(&part.encode(text))
            {
                let message = format!("`{}` can't be a value of `{}`", text, part.name());
                sink.error(Rule::NeverMatches, &literal.place, message)
                    .expected(part.documentation());
            }
        }
        let encode = |value: &str| part.encode(value).into_owned();
        let target = Target {
            label: format!("subject.{}", field.name.value),
            claim: vec!["sub".to_owned()],
            source: places.part(part.name()),
            code: Code::SubjectMismatch,
            json: Some(ClaimType::Text),
            folds: false,
            at: At::Plain,
            encode: &encode,
        };
        self.parts
            .extend(target.compile(value, effect, places, sink));
    }
}

/// Refuses a name that no template of its kind can write, such as a repository
/// without its owner.
fn check_name_values(
    model: &Model,
    forms: &[&Form],
    kind: &NameKind,
    operator: &Operator,
    sink: &mut Sink,
) {
    if templates_in(model, forms, kind).next().is_none() {
        return;
    }
    for literal in operator.pinned().unwrap_or_default() {
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
    kind: &'m NameKind,
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
    kind: &NameKind,
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
fn check_agreement(model: &Model, forms: &[&Form], table: &SubjectTable, sink: &mut Sink) {
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

/// The name of the first part of a template such as `{owner}/{repo}`.
fn first_part(template: &str) -> Option<&str> {
    let (_, rest) = template.split_once('{')?;
    rest.split_once('}').map(|(part, _)| part)
}
