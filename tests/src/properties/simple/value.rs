//! Operators on values, by their description in the reference.

use std::cmp::Ordering;

use serde_json::Value;

use super::Facts;
use super::subject::folding_claim;

/// Whether a condition holds; none where that is unknown.
pub(super) type Held = Option<bool>;

/// A condition on the claim at `path`.
pub(super) fn claim(path: &[String], operator: &Value, folds: bool, facts: &Facts<'_>) -> Held {
    let value = facts.claim(path).cloned();
    holds(operator, value.as_ref(), folds, false, facts)
}

/// Whether `operator` holds of a value. `folds` says that the issuer compares
/// such names in any case, `at` that a star does not cross an `@`.
pub(super) fn holds(
    operator: &Value,
    value: Option<&Value>,
    folds: bool,
    at: bool,
    facts: &Facts<'_>,
) -> Held {
    let (name, operand) = named(operator);
    // Whether one or the other is such a name, its case tells nothing apart.
    let folds = folds || name == "same_as" && folding_claim(facts.model, &path(&operand));
    let fold = folds && (!facts.trusts || name == "none_of");
    match name.as_str() {
        "present" => return Some(value.is_some()),
        "absent" => return Some(value.is_none()),
        _ => {}
    }
    let value = value?;
    match name.as_str() {
        "equals" => among(value, std::slice::from_ref(&operand), fold),
        "any_of" => among(value, operand.as_array()?, fold),
        "none_of" => among(value, operand.as_array()?, fold).map(|held| !held),
        "glob" => {
            let pattern: Vec<char> = operand.as_str()?.chars().collect();
            let text: Vec<char> = value.as_str()?.chars().collect();
            Some(glob(&pattern, &text, fold, at))
        }
        "regex" => {
            let whole = format!("^(?:{})$", operand.as_str()?);
            let regex = regex::RegexBuilder::new(&whole)
                .case_insensitive(fold)
                .build();
            Some(regex.unwrap().is_match(value.as_str()?))
        }
        "at_least" => compared(value, &operand).map(Ordering::is_ge),
        "at_most" => compared(value, &operand).map(Ordering::is_le),
        "contains" => contains(value, std::slice::from_ref(&operand)),
        "all_of" => contains(value, operand.as_array()?),
        "same_as" => same(value, facts.claim(&path(&operand))?, fold),
        "attribute" => same(value, &facts.attribute(operand.as_str()?)?, fold),
        other => panic!("`{other}` is no operator"),
    }
}

fn named(operator: &Value) -> (String, Value) {
    match operator {
        Value::Object(table) => {
            let (name, operand) = table.iter().next().unwrap();
            (name.clone(), operand.clone())
        }
        Value::Array(_) => ("any_of".to_owned(), operator.clone()),
        _ => ("equals".to_owned(), operator.clone()),
    }
}

fn path(operand: &Value) -> Vec<String> {
    match operand {
        Value::String(name) => vec![name.clone()],
        list => serde_json::from_value(list.clone()).unwrap(),
    }
}

/// Equality with one of `literals`; unknown where none is of the value's type.
fn among(value: &Value, literals: &[Value], fold: bool) -> Held {
    let known: Vec<bool> = literals
        .iter()
        .filter_map(|literal| scalar(value, literal, fold))
        .collect();
    (!known.is_empty()).then(|| known.contains(&true))
}

/// Equality of two scalars of one type, null among them.
fn scalar(one: &Value, other: &Value, fold: bool) -> Held {
    match (one, other) {
        (Value::Null, Value::Null) => Some(true),
        _ => same(one, other, fold),
    }
}

/// Equality of two texts, booleans or numbers.
fn same(one: &Value, other: &Value, fold: bool) -> Held {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Some(one == other),
        (Value::Number(_), Value::Number(_)) => compared(one, other).map(Ordering::is_eq),
        (Value::String(one), Value::String(other)) if fold => Some(one.eq_ignore_ascii_case(other)),
        (Value::String(one), Value::String(other)) => Some(one == other),
        _ => None,
    }
}

fn contains(value: &Value, wanted: &[Value]) -> Held {
    let list = value.as_array()?;
    let texts = list.iter().all(Value::is_string);
    texts.then(|| wanted.iter().all(|one| list.contains(one)))
}

/// Compares two numbers by their digits.
fn compared(one: &Value, other: &Value) -> Option<Ordering> {
    let (Value::Number(one), Value::Number(other)) = (one, other) else {
        return None;
    };
    Some(numbers(&one.to_string(), &other.to_string()))
}

/// Compares two JSON numbers written with fewer than 60 digits on either side
/// of the point.
pub(in super::super) fn numbers(one: &str, other: &str) -> Ordering {
    let (one_negative, one) = digits(one);
    let (other_negative, other) = digits(other);
    match (one_negative, other_negative) {
        (false, false) => one.cmp(&other),
        (true, true) => other.cmp(&one),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// The sign of a number, and its digits with the point in a fixed place.
fn digits(text: &str) -> (bool, String) {
    const PLACES: i64 = 60;
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let text = text.to_ascii_lowercase();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = i64::try_from(whole.len()).unwrap() + exponent;
    let mut fixed = vec!['0'; usize::try_from(2 * PLACES).unwrap()];
    for (place, digit) in (0_i64..).zip(whole.chars().chain(fraction.chars())) {
        let place = usize::try_from(place + PLACES - point);
        match place.ok().and_then(|place| fixed.get_mut(place)) {
            Some(cell) => *cell = digit,
            None => assert_eq!(digit, '0', "`{text}` is too long for this model"),
        }
    }
    let zero = fixed.iter().all(|digit| *digit == '0');
    (negative && !zero, fixed.into_iter().collect())
}

/// A glob by its definition, trying every length of every star.
pub(in super::super) fn glob(pattern: &[char], text: &[char], fold: bool, at: bool) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => {
            let crosses = rest.first() == Some(&'*');
            let mut rest = rest;
            while let ['*', after @ ..] = rest {
                rest = after;
            }
            let stays = |one: &char| crosses || !(['/', ':'].contains(one) || at && *one == '@');
            let longest = text.iter().take_while(|one| stays(one)).count();
            (0..=longest).any(|taken| glob(rest, &text[taken..], fold, at))
        }
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => match text {
            [first, after @ ..] => {
                let same = first == literal || fold && first.eq_ignore_ascii_case(literal);
                same && glob(rest, after, fold, at)
            }
            [] => false,
        },
    }
}
