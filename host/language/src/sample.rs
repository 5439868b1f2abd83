//! Sample values: what an operator accepts, and what it is known to refuse.

use claimbound_engine::model::Literal;
use claimbound_issuers::ClaimType;
use serde_json::Value as Json;

use crate::fields::Placed;
use crate::operator::Operator;
use crate::pattern::{self, At, Pattern};

/// A text that `operator` accepts and `wanted` too.
pub(crate) fn example_text(operator: &Operator, wanted: &dyn Fn(&str) -> bool) -> Option<String> {
    if let Some(literals) = operator.pinned() {
        return literals.iter().find_map(|one| match &one.value {
            Literal::Text(text) if wanted(text) => Some(text.clone()),
            Literal::Text(_) | Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
        });
    }
    let invented = || {
        ["example", "main", "1001", "a/b", "a"]
            .into_iter()
            .map(str::to_owned)
    };
    match operator {
        Operator::Glob(glob) => {
            let pattern = Pattern::glob(&glob.value, At::Plain).ok()?;
            pattern::example(&pattern.automaton, wanted)
        }
        Operator::Regex(regex) => {
            let pattern = Pattern::regex(&regex.value).ok()?;
            pattern::example(&pattern.automaton, wanted)
        }
        Operator::NoneOf(literals) => invented().find(|text| {
            let same = |literal: &Literal| matches!(literal, Literal::Text(one) if one == text);
            wanted(text) && !literals.iter().any(|one| same(&one.value))
        }),
        Operator::Present => invented().find(|text| wanted(text)),
        Operator::Equals(_)
        | Operator::AnyOf(_)
        | Operator::AtLeast(_)
        | Operator::AtMost(_)
        | Operator::Contains(_)
        | Operator::AllOf(_)
        | Operator::Absent
        | Operator::SameAs(_)
        | Operator::Attribute(_) => None,
    }
}

/// A value that every one of `others` accepts, `operator` among them.
pub(crate) fn value(
    operator: &Operator,
    others: &[&Operator],
    json: Option<ClaimType>,
) -> Option<Json> {
    let accepted = |text: &str| others.iter().all(|one| accepts_text(one, text));
    let number = |text: &str| {
        serde_json::from_str::<serde_json::Number>(text)
            .ok()
            .map(Json::Number)
    };
    match operator {
        Operator::Equals(_) | Operator::AnyOf(_) => {
            let literals = operator.pinned().unwrap_or_default();
            literals.iter().find_map(|one| match &one.value {
                Literal::Text(text) => accepted(text).then(|| Json::from(text.clone())),
                Literal::Number(text) => number(text),
                Literal::Boolean(boolean) => Some(Json::from(*boolean)),
                Literal::Null => Some(Json::Null),
            })
        }
        Operator::AtLeast(bound) | Operator::AtMost(bound) => number(&bound.value),
        Operator::Contains(_) | Operator::AllOf(_) => Some(Json::from(
            others
                .iter()
                .flat_map(|one| one.elements())
                .collect::<Vec<_>>(),
        )),
        Operator::Present | Operator::NoneOf(_) => match json {
            Some(ClaimType::Boolean) => Some(Json::from(!refuses_true(operator))),
            Some(ClaimType::Integer | ClaimType::Number) => Some(Json::from(1001)),
            Some(ClaimType::Texts) => Some(Json::from(vec!["example"])),
            Some(ClaimType::Text | ClaimType::Json) | None => none_of(operator, &accepted),
        },
        Operator::Glob(_) | Operator::Regex(_) => example_text(operator, &accepted).map(Json::from),
        Operator::Absent | Operator::SameAs(_) | Operator::Attribute(_) => None,
    }
}

/// A value that is known to meet none of `operators`; none where the claim is
/// best left out.
pub(crate) fn refuting(operators: &[&Operator], json: Option<ClaimType>) -> Option<Json> {
    if operators.iter().all(|one| matches!(one, Operator::Present)) {
        return None;
    }
    let literals = operators.iter().flat_map(|one| one.literals());
    let (mut numbers, mut booleans) = (false, Vec::new());
    for literal in literals {
        match &literal.value {
            Literal::Number(_) => numbers = true,
            Literal::Boolean(boolean) => booleans.push(*boolean),
            Literal::Null | Literal::Text(_) => {}
        }
    }
    let lists = |one: &&Operator| matches!(one, Operator::Contains(_) | Operator::AllOf(_));
    let bounds = |one: &&Operator| matches!(one, Operator::AtLeast(_) | Operator::AtMost(_));
    match json {
        Some(ClaimType::Texts) => Some(Json::from(vec!["example"])),
        _ if operators.iter().any(lists) => Some(Json::from(vec!["example"])),
        _ if operators
            .iter()
            .any(|one| matches!(one, Operator::AtLeast(_))) =>
        {
            Some(Json::from(i64::MIN))
        }
        _ if operators.iter().any(bounds) => Some(Json::from(i64::MAX)),
        _ if !booleans.is_empty() => Some(Json::from(!booleans.contains(&true))),
        _ if numbers => Some(Json::from(1_234_567)),
        Some(ClaimType::Boolean) => Some(Json::from(false)),
        Some(ClaimType::Integer | ClaimType::Number) => Some(Json::from(1_234_567)),
        Some(ClaimType::Text | ClaimType::Json) | None => refuting_text(operators),
    }
}

fn refuting_text(operators: &[&Operator]) -> Option<Json> {
    let kept_out = operators.iter().flat_map(|one| one.kept_out());
    let own = kept_out.filter_map(|one| match &one.value {
        Literal::Text(text) => Some(text.as_str()),
        Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
    });
    let usual = ["example", "other", "a/b:c", "1"];
    own.chain(usual)
        .find(|text| operators.iter().all(|one| !accepts_text(one, text)))
        .map(Json::from)
}

fn refuses_true(operator: &Operator) -> bool {
    let is_true = |one: &Placed<Literal>| one.value == Literal::Boolean(true);
    operator.kept_out().iter().any(is_true)
}

/// A value of the type that a `none_of` compares with, and none of its own.
fn none_of(operator: &Operator, accepted: &dyn Fn(&str) -> bool) -> Option<Json> {
    if let Operator::NoneOf(literals) = operator
        && literals
            .iter()
            .all(|one| matches!(one.value, Literal::Number(_)))
    {
        return Some(Json::from(1_234_567));
    }
    example_text(operator, accepted).map(Json::from)
}

/// Whether `operator` takes this text, as far as it speaks of texts.
fn accepts_text(operator: &Operator, text: &str) -> bool {
    let among = |literals: &[Placed<Literal>]| {
        literals
            .iter()
            .any(|one| matches!(&one.value, Literal::Text(own) if own == text))
    };
    match operator {
        Operator::Equals(_) | Operator::AnyOf(_) => operator.pinned().is_none_or(among),
        Operator::NoneOf(literals) => !among(literals),
        Operator::Glob(glob) => {
            Pattern::glob(&glob.value, At::Plain).is_ok_and(|pattern| pattern.matches(text))
        }
        Operator::Regex(regex) => {
            Pattern::regex(&regex.value).is_ok_and(|pattern| pattern.matches(text))
        }
        Operator::AtLeast(_)
        | Operator::AtMost(_)
        | Operator::Contains(_)
        | Operator::AllOf(_)
        | Operator::Present
        | Operator::Absent
        | Operator::SameAs(_)
        | Operator::Attribute(_) => true,
    }
}
