//! Contradictions: a claim and a field of the subject that it repeats, asked for
//! values that no token has together.

use claimbound_engine::model::Literal;
use claimbound_issuers::{Field, Model, Part};

use crate::diagnostic::Sink;
use crate::document::{ClaimCondition, Statement, Subject, SubjectField};
use crate::fields::{Placed, listed};
use crate::names::spelled_in;
use crate::operator::Operator;
use crate::rule::Rule;

/// What a subject's table asks of a value that a claim repeats.
struct Asked<'s> {
    /// Such as `subject.repository.id`.
    label: String,
    operator: &'s Operator,
    /// The part that it is spelled in.
    part: Option<&'s Part>,
    /// Whether subject and claim agree in any ASCII case.
    folds: bool,
}

impl Asked<'_> {
    /// Whether a subject that says `one` and a claim that says `other` agree:
    /// two values may be spelled alike in a subject.
    fn agree(&self, one: &Literal, other: &Literal) -> bool {
        let (Literal::Text(one), Literal::Text(other)) = (one, other) else {
            return one == other;
        };
        let spelled = |text| match self.part {
            Some(part) => part.encode(text),
            None => text.into(),
        };
        let (one, other) = (spelled(one.as_str()), spelled(other.as_str()));
        one == other || self.folds && one.eq_ignore_ascii_case(&other)
    }
}

/// Refuses the claims of a trust that contradict its subject: what repeats a
/// field has its value, or the token drifts and is denied before any policy.
///
/// Only values that are given one by one are compared, not patterns. A forbid
/// is left alone, since it also applies where a claim is absent.
pub(crate) fn check(model: &Model, statement: &Statement, sink: &mut Sink) {
    let Some(Subject::Table(table)) = statement.subject.as_ref().map(|one| &one.value) else {
        return;
    };
    for condition in &statement.claims {
        for field in &table.fields {
            if let Some(asked) = repeated(model, field, condition) {
                compare(&asked, condition, sink);
            }
        }
    }
}

/// What `field` asks of the value that the claim of `condition` repeats.
fn repeated<'s>(
    model: &'s Model,
    field: &'s SubjectField,
    condition: &ClaimCondition,
) -> Option<Asked<'s>> {
    let is_at = |path: Option<&[Box<str>]>| {
        path.is_some_and(|path| {
            let names = path.iter().map(|name| &**name);
            names.eq(condition.path.value.iter())
        })
    };
    let name = &field.name.value;
    match model.field(name)? {
        Field::Name(kind) if is_at(kind.id_claim()) => Some(Asked {
            label: format!("subject.{name}.id"),
            operator: &field.id.as_ref()?.value,
            part: None,
            folds: false,
        }),
        Field::Name(kind) if is_at(kind.claim()) => Some(Asked {
            label: format!("subject.{name}"),
            operator: &field.value.as_ref()?.value,
            part: spelled_in(model, kind),
            folds: kind.folds_case(),
        }),
        Field::Part(part) if is_at(part.claim()) => Some(Asked {
            label: format!("subject.{name}"),
            operator: &field.value.as_ref()?.value,
            part: Some(part),
            folds: false,
        }),
        Field::Name(_) | Field::Part(_) => None,
    }
}

fn compare(asked: &Asked<'_>, condition: &ClaimCondition, sink: &mut Sink) {
    let (Some(wanted), Some(given)) = (asked.operator.pinned(), condition.operator.value.pinned())
    else {
        return;
    };
    let is_wanted = |given: &Placed<Literal>| {
        let mut wanted = wanted.iter();
        wanted.any(|one| asked.agree(&one.value, &given.value))
    };
    if given.iter().any(is_wanted) {
        return;
    }
    let message = format!(
        "`{}` repeats `{}`, which is asked to be another",
        condition.label(),
        asked.label
    );
    let values: Vec<&str> = wanted.iter().filter_map(|one| text(&one.value)).collect();
    sink.error(Rule::NeverMatches, &condition.operator.place, message)
        .expected(listed(&values))
        .hint("ask for it once, in the subject");
}

fn text(literal: &Literal) -> Option<&str> {
    match literal {
        Literal::Text(text) => Some(text),
        Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
    }
}
