//! Operators: what a condition asks of a value.

use claimbound_engine::model::Literal;

use crate::diagnostic::{Sink, did_you_mean};
use crate::fields::{Placed, check_name, list, listed, number, text, texts};
use crate::rule::Rule;
use crate::tree::{Entry, Node, Place, Value};

/// What a condition asks of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Operator {
    /// Equal to this, and of the same JSON type.
    Equals(Placed<Literal>),
    /// Equal to one of these.
    AnyOf(Vec<Placed<Literal>>),
    /// Equal to none of these.
    NoneOf(Vec<Placed<Literal>>),
    /// A text that the glob matches as a whole.
    Glob(Placed<String>),
    /// A text that the regular expression matches as a whole.
    Regex(Placed<String>),
    /// A number at least this.
    AtLeast(Placed<String>),
    /// A number at most this.
    AtMost(Placed<String>),
    /// A list with this text in it.
    Contains(Placed<String>),
    /// A list with each of these texts in it.
    AllOf(Vec<Placed<String>>),
    /// There, whatever it is.
    Present,
    /// Not there.
    Absent,
    /// Equal to the claim at this path.
    SameAs(Placed<Vec<String>>),
    /// Equal to this attribute of the request.
    Attribute(Placed<String>),
}

/// The operators' names, in the order of the reference page.
pub(crate) const NAMES: [&str; 13] = [
    "equals",
    "any_of",
    "none_of",
    "glob",
    "regex",
    "at_least",
    "at_most",
    "contains",
    "all_of",
    "present",
    "absent",
    "same_as",
    "attribute",
];

/// What is meant by a table that is no condition, more often than not.
const ELSEWHERE: &str =
    "a claim whose name has a dot is written in quotes; one inside another stands under `nested`";

/// The most values of one list.
const MOST_VALUES: usize = 10_000;

impl Operator {
    /// The operator's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Equals(_) => "equals",
            Self::AnyOf(_) => "any_of",
            Self::NoneOf(_) => "none_of",
            Self::Glob(_) => "glob",
            Self::Regex(_) => "regex",
            Self::AtLeast(_) => "at_least",
            Self::AtMost(_) => "at_most",
            Self::Contains(_) => "contains",
            Self::AllOf(_) => "all_of",
            Self::Present => "present",
            Self::Absent => "absent",
            Self::SameAs(_) => "same_as",
            Self::Attribute(_) => "attribute",
        }
    }

    /// The values that it asks for equality with one of, if it does.
    pub fn pinned(&self) -> Option<&[Placed<Literal>]> {
        match self {
            Self::Equals(literal) => Some(core::slice::from_ref(literal)),
            Self::AnyOf(literals) => Some(literals),
            Self::NoneOf(_)
            | Self::Glob(_)
            | Self::Regex(_)
            | Self::AtLeast(_)
            | Self::AtMost(_)
            | Self::Contains(_)
            | Self::AllOf(_)
            | Self::Present
            | Self::Absent
            | Self::SameAs(_)
            | Self::Attribute(_) => None,
        }
    }

    /// The values that it keeps out, if it does.
    pub(crate) fn kept_out(&self) -> &[Placed<Literal>] {
        if let Self::NoneOf(literals) = self {
            return literals;
        }
        &[]
    }

    /// The values that it compares with, whichever way.
    pub(crate) fn literals(&self) -> &[Placed<Literal>] {
        self.pinned().unwrap_or_else(|| self.kept_out())
    }

    /// The texts that it asks a list for.
    pub(crate) fn elements(&self) -> Vec<String> {
        if let Self::Contains(text) = self {
            return vec![text.value.clone()];
        }
        if let Self::AllOf(texts) = self {
            return texts.iter().map(|one| one.value.clone()).collect();
        }
        Vec::new()
    }

    /// What it asks for, as a reason shows it.
    pub fn expected(&self) -> String {
        match self {
            Self::Equals(literal) => shown(&literal.value),
            Self::AnyOf(literals) | Self::NoneOf(literals) => {
                let all: Vec<_> = literals.iter().map(|one| shown(&one.value)).collect();
                all.join(", ")
            }
            Self::Glob(text) | Self::Regex(text) | Self::Contains(text) => text.value.clone(),
            Self::AtLeast(number) | Self::AtMost(number) => number.value.clone(),
            Self::AllOf(texts) => {
                let all: Vec<_> = texts.iter().map(|one| one.value.as_str()).collect();
                all.join(", ")
            }
            Self::Present => "present".to_owned(),
            Self::Absent => "absent".to_owned(),
            Self::SameAs(path) => format!("claims.{}", path.value.join(".")),
            Self::Attribute(name) => format!("attribute {}", name.value),
        }
    }
}

/// A literal as a reason shows it.
fn shown(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Boolean(boolean) => boolean.to_string(),
        Literal::Number(text) | Literal::Text(text) => text.clone(),
    }
}

/// The JSON type of a literal, in words.
pub(crate) const fn kind(literal: &Literal) -> &'static str {
    match literal {
        Literal::Null => "null",
        Literal::Boolean(_) => "a boolean",
        Literal::Number(_) => "a number",
        Literal::Text(_) => "a string",
    }
}

/// Reads a condition: a bare value, a list, or a table with one operator.
pub(crate) fn read(node: &Node, sink: &mut Sink) -> Option<Operator> {
    match &node.value {
        Value::List(_) => literals(node, sink).map(Operator::AnyOf),
        Value::Table(table) => match table.entries.as_slice() {
            [entry] => named(entry, sink),
            [] => nothing(&node.place, sink),
            [_, second, ..] => {
                sink.error(
                    Rule::Value,
                    &second.key_place,
                    "a condition has exactly one operator",
                )
                .hint("write a second condition for the same claim under `nested`");
                None
            }
        },
        Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::Datetime(_) => literal(node, sink).map(Operator::Equals),
    }
}

fn nothing(place: &Place, sink: &mut Sink) -> Option<Operator> {
    sink.error(Rule::Value, place, "a condition has exactly one operator")
        .expected(format!("one of {}", listed(&NAMES)));
    None
}

/// Reads an operator with its operand.
pub(crate) fn named(entry: &Entry, sink: &mut Sink) -> Option<Operator> {
    let node = &entry.node;
    Some(match entry.key.as_str() {
        "equals" => Operator::Equals(literal(node, sink)?),
        "any_of" => Operator::AnyOf(literals(node, sink)?),
        "none_of" => Operator::NoneOf(literals(node, sink)?),
        "glob" => Operator::Glob(text(node, sink)?),
        "regex" => Operator::Regex(text(node, sink)?),
        "at_least" => Operator::AtLeast(number(node, sink)?),
        "at_most" => Operator::AtMost(number(node, sink)?),
        "contains" => Operator::Contains(text(node, sink)?),
        "all_of" => {
            let list = texts(node, sink)?;
            check_count(list.len(), &node.place, sink)?;
            Operator::AllOf(list)
        }
        "present" => {
            only_true(node, "absent", sink)?;
            Operator::Present
        }
        "absent" => {
            only_true(node, "present", sink)?;
            Operator::Absent
        }
        "same_as" => Operator::SameAs(path(node, sink)?),
        "attribute" => {
            let name = text(node, sink)?;
            check_name(&name.value, &name.place, "the attribute's name", sink).then_some(())?;
            Operator::Attribute(name)
        }
        other => {
            let message = format!("`{other}` is no operator");
            let finding = sink.error(Rule::UnknownKey, &entry.key_place, message);
            finding.expected(format!("one of {}", listed(&NAMES)));
            finding.hint = did_you_mean(other, NAMES).or_else(|| Some(ELSEWHERE.to_owned()));
            return None;
        }
    })
}

fn only_true(node: &Node, opposite: &str, sink: &mut Sink) -> Option<()> {
    if node.value == Value::Boolean(true) {
        return Some(());
    }
    sink.error(Rule::Value, &node.place, "this operator takes `true` only")
        .hint(format!("write `{{ {opposite} = true }}` for the contrary"));
    None
}

/// A path of claims: a name, or a list of names, outermost first.
pub(crate) fn path(node: &Node, sink: &mut Sink) -> Option<Placed<Vec<String>>> {
    let names = match &node.value {
        Value::Text(name) => vec![name.clone()],
        Value::List(_) => texts(node, sink)?
            .into_iter()
            .map(|one| one.value)
            .collect(),
        Value::Null
        | Value::Boolean(_)
        | Value::Number(_)
        | Value::Datetime(_)
        | Value::Table(_) => {
            return crate::fields::mistyped(node, "a name or a list of names", sink);
        }
    };
    if names.is_empty() || names.len() > 16 {
        sink.error(Rule::Value, &node.place, "a path has 1 to 16 names");
        return None;
    }
    let mut well = true;
    for name in &names {
        well &= check_name(name, &node.place, "a claim's name", sink);
    }
    well.then(|| Placed::new(names, &node.place))
}

fn check_count(count: usize, place: &Place, sink: &mut Sink) -> Option<()> {
    if count == 0 {
        sink.error(
            Rule::Value,
            place,
            "the list is empty, so nothing could match",
        );
        return None;
    }
    if count > MOST_VALUES {
        let message = format!("the list has {count} values");
        sink.error(Rule::Size, place, message)
            .expected(format!("at most {MOST_VALUES}"));
        return None;
    }
    Some(())
}

fn literals(node: &Node, sink: &mut Sink) -> Option<Vec<Placed<Literal>>> {
    let list = list(node, sink)?;
    check_count(list.len(), &node.place, sink)?;
    list.iter().map(|one| literal(one, sink)).collect()
}

fn literal(node: &Node, sink: &mut Sink) -> Option<Placed<Literal>> {
    let literal = match &node.value {
        Value::Null => Literal::Null,
        Value::Boolean(boolean) => Literal::Boolean(*boolean),
        Value::Number(number) => Literal::Number(number.clone()),
        Value::Text(text) => Literal::Text(text.clone()),
        Value::Datetime(_) | Value::List(_) | Value::Table(_) => {
            return crate::fields::mistyped(node, "a string, a number or a boolean", sink);
        }
    };
    Some(Placed::new(literal, &node.place))
}
