//! Subjects: what a statement says of them, read by the issuer's naming model.

use claimbound_engine::Code;
use claimbound_engine::model::{Condition, Literal, Source, Test};
use claimbound_issuers::{ClaimType, Field, Form, Kind, Model, Need, Part, SubjectError};

use crate::condition::{Stance, Target, folds_other};
use crate::diagnostic::{Sink, did_you_mean};
use crate::document::{Subject, SubjectField, SubjectTable};
use crate::encoded::needs_plain;
use crate::fields::{Placed, listed};
use crate::forms;
use crate::names::{self, spelled_in};
use crate::operator::Operator;
use crate::pattern::At;
use crate::places::Places;
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
    /// The kinds whose ids each of its whole subjects carries.
    pub(crate) carried: Vec<String>,
}

/// Compiles a subject; none where there were findings.
pub(crate) fn lower(
    model: &Model,
    subject: &Placed<Subject>,
    stance: Stance,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<Lowered> {
    match &subject.value {
        Subject::Literal(text) => {
            let literal = Literal::Text(text.clone());
            let operator = Operator::Equals(Placed::new(literal, &subject.place));
            whole(model, &operator, &subject.place, stance, places, sink)
        }
        Subject::Whole(operator) => whole(model, operator, &subject.place, stance, places, sink),
        Subject::Table(table) => lower_table(model, table, &subject.place, stance, places, sink),
    }
}

fn whole(
    model: &Model,
    operator: &Operator,
    place: &Place,
    stance: Stance,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<Lowered> {
    let mut forms: Vec<String> = Vec::new();
    let mut immutable = true;
    let mut carried: Vec<String> = Vec::new();
    if let Some(literals) = operator.pinned() {
        for (index, literal) in literals.iter().enumerate() {
            let subject = literal_subject(model, literal, sink)?;
            let ids = ids_among(model, subject.parts());
            if index == 0 {
                carried = ids;
            } else {
                carried.retain(|kind| ids.contains(kind));
            }
            if stance == Stance::Forbid {
                warn_other_shapes(model, subject.form(), &literal.place, sink);
            }
            immutable &= subject.is_immutable();
            let form = subject.form().name().to_owned();
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
        folds: model.names().iter().any(Kind::folds_case),
        at: separator(model),
        encode: &str::to_owned,
    };
    let operator = Placed::new(operator.clone(), place);
    let condition = target.compile(&operator, stance, places, sink)?;
    Some(Lowered {
        conditions: vec![condition],
        pinned: Vec::new(),
        forms,
        immutable,
        carried,
    })
}

/// The kinds whose ids stand among `parts`, of a subject or of an issuer's URL.
pub(crate) fn ids_among<'p>(
    model: &Model,
    parts: impl Iterator<Item = (&'p str, &'p str)>,
) -> Vec<String> {
    let filled: Vec<&str> = parts
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, _)| name)
        .collect();
    let holds = |kind: &Kind, name: &str| {
        let forms = model.forms().iter();
        let mut parts = forms.filter_map(|form| model.id_part(kind, form));
        let claim = model.part(name).and_then(Part::claim);
        parts.any(|part| part.name() == name) || claim.is_some() && claim == kind.id_claim()
    };
    let kinds = model.names().iter();
    let with_id = kinds.filter(|kind| kind.id_need() != Need::None);
    with_id
        .filter(|kind| filled.iter().any(|name| holds(kind, name)))
        .map(|kind| kind.name().to_owned())
        .collect()
}

/// Warns that a forbidden subject has another shape, which is not forbidden.
fn warn_other_shapes(model: &Model, form: &Form, place: &Place, sink: &mut Sink) {
    let fields = |form: &Form| -> Vec<String> {
        let fields = model.fields_of(form);
        fields.map(|field| field.name().to_owned()).collect()
    };
    let own = fields(form);
    let others: Vec<&str> = model
        .forms()
        .iter()
        .filter(|other| other.name() != form.name() && !other.is_custom())
        .filter(|other| !form.is_custom() && fields(other) == own)
        .filter_map(Form::template)
        .collect();
    if others.is_empty() {
        return;
    }
    let message = "the same job can have a subject of another shape, which is not forbidden";
    sink.warning(Rule::OtherShape, place, message)
        .expected(format!("also {}", listed(&others)))
        .hint("name its parts in a table, which understands every shape");
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

/// Reads a subject that some token can have.
fn literal_subject<'m>(
    model: &'m Model,
    literal: &'m Placed<Literal>,
    sink: &mut Sink,
) -> Option<claimbound_issuers::Subject<'m>> {
    let Literal::Text(text) = &literal.value else {
        sink.error(
            Rule::NeverMatches,
            &literal.place,
            "a subject is always a string",
        );
        return None;
    };
    match model.parse_subject(text) {
        Ok(subject) => Some(subject),
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
    stance: Stance,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<Lowered> {
    let errors = sink.errors();
    check_names(model, table, place, sink);
    if sink.errors() > errors {
        return None;
    }
    let forms = match stance {
        Stance::Trust => forms::accepted(model, table, place, sink)?,
        Stance::Forbid => forms::spoken_of(model, table, place, sink)?,
    };
    let mut asked = Conditions::default();
    for field in &table.fields {
        match model.field(&field.name.value)? {
            Field::Name(kind) => {
                names::check_values(model, &forms, kind, field, sink);
                asked.id(model, kind, field, stance, places, sink);
                asked.name(model, kind, field, stance, places, sink);
            }
            Field::Part(part) => asked.part(model, part, field, stance, places, sink),
        }
    }
    names::check_agreement(model, &forms, table, sink);
    if sink.errors() > errors {
        return None;
    }
    let names: Vec<String> = forms.iter().map(|form| form.name().to_owned()).collect();
    let mut conditions = asked.ids;
    conditions.extend(asked.names);
    if forms.len() < model.forms().len() {
        conditions.push(form_condition(&names));
    }
    conditions.extend(asked.parts);
    if stance == Stance::Trust {
        let covered = forms::covered(model, table);
        conditions.extend(nothing_else(model, &forms, &covered, places));
    }
    Some(Lowered {
        conditions,
        pinned: asked.pinned,
        forms: names,
        immutable: false,
        carried: Vec::new(),
    })
}

fn field_names(model: &Model) -> Vec<&str> {
    model.fields().map(|field| field.name()).collect()
}

fn check_names(model: &Model, table: &SubjectTable, place: &Place, sink: &mut Sink) {
    let known = field_names(model);
    if table.fields.is_empty() {
        sink.error(Rule::Subject, place, "the subject says nothing")
            .expected(format!("one of {}", listed(&known)));
    }
    for field in &table.fields {
        let name = &field.name;
        if !known.contains(&name.value.as_str()) {
            let hint = unknown_field(model, &name.value, &known);
            report_unknown(model, name, &known, hint, sink);
        }
    }
    for name in &table.any {
        let mut fields = table.fields.iter();
        if fields.any(|field| field.name.value == name.value) {
            let message = format!("`{}` is both asked for and left open", name.value);
            sink.error(Rule::Subject, &name.place, message);
        } else if !known.contains(&name.value.as_str()) && model.part(&name.value).is_none() {
            let hint = did_you_mean(&name.value, known.iter().copied());
            report_unknown(model, name, &known, hint, sink);
        }
    }
}

fn report_unknown(
    model: &Model,
    name: &Placed<String>,
    known: &[&str],
    hint: Option<String>,
    sink: &mut Sink,
) {
    let message = format!(
        "`{}` is not a part of a `{}` subject",
        name.value,
        model.name()
    );
    let finding = sink.error(Rule::Subject, &name.place, message);
    finding.expected(format!("one of {}", listed(known)));
    finding.hint = hint;
}

fn unknown_field(model: &Model, name: &str, known: &[&str]) -> Option<String> {
    if model.claim(&[name]).is_some() {
        return Some(format!("`{name}` is a claim: ask for it under `claims`"));
    }
    did_you_mean(name, known.iter().copied())
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

/// The path that reasons speak of: a claim's, or the subject's where there is none.
fn claim_or_subject(claim: Option<&[Box<str>]>) -> Vec<String> {
    match claim {
        Some(path) => path.iter().map(ToString::to_string).collect(),
        None => vec!["sub".to_owned()],
    }
}

/// The claim that repeats what a subject encodes: it has the value as people
/// write it, and no token comes so far whose claim says another. Where a token
/// lacks it nothing is known, which trusts nothing and stops no forbid.
fn repeated(
    label: String,
    claim: Option<&[Box<str>]>,
    folds: bool,
    operator: &Placed<Operator>,
    places: &mut Places,
    sink: &mut Sink,
) -> Option<Target<'static>> {
    let Some(claim) = claim else {
        let message = format!(
            "`{label}` is encoded in the subject, so `{}` can't read it",
            operator.value.name()
        );
        sink.error(Rule::Subject, &operator.place, message)
            .hint("write its values one by one, as a list");
        return None;
    };
    let claim = claim_or_subject(Some(claim));
    Some(Target {
        label,
        source: places.claim(&claim),
        claim,
        code: Code::SubjectMismatch,
        json: Some(ClaimType::Text),
        folds,
        at: At::Plain,
        encode: &str::to_owned,
    })
}

fn present(label: &str, part: &Part, places: &mut Places) -> Condition {
    Condition {
        label: label.to_owned(),
        claim: vec!["sub".to_owned()],
        source: places.part(part.name()),
        test: Test::Present,
        fold: false,
        code: Code::SubjectMismatch,
        expected: "present".to_owned(),
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
    fn id(
        &mut self,
        model: &Model,
        kind: &Kind,
        field: &SubjectField,
        stance: Stance,
        places: &mut Places,
        sink: &mut Sink,
    ) {
        let Some(id) = &field.id else { return };
        if kind.id_need() == Need::None {
            let message = format!("a `{}` of `{}` has no id", kind.name(), model.name());
            sink.error(Rule::NeverMatches, &id.place, message);
            return;
        }
        let target = Target {
            label: format!("subject.{}.id", field.name.value),
            claim: claim_or_subject(kind.id_claim()),
            source: places.name_id(kind.name()),
            code: Code::SubjectMismatch,
            json: Some(ClaimType::Text),
            folds: false,
            at: At::Plain,
            encode: &str::to_owned,
        };
        self.ids.extend(target.compile(id, stance, places, sink));
        if id.value.pinned().is_some() {
            self.pinned.push(kind.name().to_owned());
        }
    }

    fn name(
        &mut self,
        model: &Model,
        kind: &Kind,
        field: &SubjectField,
        stance: Stance,
        places: &mut Places,
        sink: &mut Sink,
    ) {
        let Some(name) = &field.value else { return };
        let part = spelled_in(model, kind);
        let encode = |value: &str| match part {
            Some(part) => part.encode(value).into_owned(),
            None => value.to_owned(),
        };
        let suffix = if field.id.is_some() { ".name" } else { "" };
        let label = format!("subject.{}{suffix}", field.name.value);
        if needs_plain(&name.value) && part.is_some_and(|part| places.is_encoded(model, part)) {
            let plain = repeated(label, kind.claim(), kind.folds_case(), name, places, sink);
            let condition = plain.and_then(|target| target.compile(name, stance, places, sink));
            self.names.extend(condition);
            return;
        }
        let target = Target {
            label,
            claim: claim_or_subject(kind.claim().filter(|_| part.is_none())),
            source: places.name(kind.name()),
            code: Code::SubjectMismatch,
            json: Some(ClaimType::Text),
            folds: kind.folds_case(),
            at: At::Plain,
            encode: &encode,
        };
        self.names
            .extend(target.compile(name, stance, places, sink));
    }

    fn part(
        &mut self,
        model: &Model,
        part: &Part,
        field: &SubjectField,
        stance: Stance,
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
        let label = format!("subject.{}", field.name.value);
        if needs_plain(&value.value) && places.is_encoded(model, part) {
            if stance == Stance::Trust {
                // The claim may say what the subject leaves out.
                self.parts.push(present(&label, part, places));
            }
            let folds = folds_other(model, &value.value);
            let plain = repeated(label, part.claim(), folds, value, places, sink);
            let condition = plain.and_then(|target| target.compile(value, stance, places, sink));
            self.parts.extend(condition);
            return;
        }
        let encode = |value: &str| part.encode(value).into_owned();
        let target = Target {
            label,
            claim: vec!["sub".to_owned()],
            source: places.part(part.name()),
            code: Code::SubjectMismatch,
            json: Some(ClaimType::Text),
            folds: folds_other(model, &value.value),
            at: At::Plain,
            encode: &encode,
        };
        self.parts
            .extend(target.compile(value, stance, places, sink));
    }
}
