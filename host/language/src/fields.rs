//! Reading a table of the document: each key once, by the type that it takes,
//! and whatever is left over is a finding.

use crate::diagnostic::{Sink, did_you_mean};
use crate::rule::Rule;
use crate::tree::{Entry, Node, Place, Table, Value};

/// A value that was read, with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// The bytes of the text that it was read from.
    pub place: Place,
}

impl<T> Placed<T> {
    pub(crate) fn new(value: T, place: &Place) -> Self {
        Self {
            value,
            place: place.clone(),
        }
    }
}

/// The most bytes of a name.
const LONGEST_NAME: usize = 256;

/// A table while it is read: what it is called in findings and what it takes.
pub(crate) struct Fields<'t> {
    pub(crate) table: &'t Table,
    pub(crate) place: &'t Place,
    /// Such as `a trust statement`.
    what: &'static str,
}

impl<'t> Fields<'t> {
    /// Begins to read `table`; keys outside `known` are findings at once.
    pub(crate) fn new(
        table: &'t Table,
        place: &'t Place,
        what: &'static str,
        known: &[&str],
        sink: &mut Sink,
    ) -> Self {
        for entry in &table.entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let message = format!("`{}` is not a key of {what}", entry.key);
            let hint = did_you_mean(&entry.key, known.iter().copied());
            let finding = sink.error(Rule::UnknownKey, &entry.key_place, message);
            finding.expected(format!("one of {}", listed(known)));
            finding.hint = hint;
        }
        Self { table, place, what }
    }

    /// The entry of `key`, if it is there.
    pub(crate) fn entry(&self, key: &str) -> Option<&'t Entry> {
        self.table.get(key)
    }

    pub(crate) fn node(&self, key: &str) -> Option<&'t Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry of `key`, which has to be there.
    pub(crate) fn required(&self, key: &str, sink: &mut Sink) -> Option<&'t Entry> {
        let entry = self.entry(key);
        if entry.is_none() {
            let message = format!("{} needs `{key}`", self.what);
            sink.error(Rule::MissingKey, self.place, message);
        }
        entry
    }

    pub(crate) fn text(&self, key: &str, sink: &mut Sink) -> Option<Placed<String>> {
        text(self.node(key)?, sink)
    }

    pub(crate) fn boolean(&self, key: &str, sink: &mut Sink) -> Option<Placed<bool>> {
        let node = self.node(key)?;
        let Value::Boolean(boolean) = &node.value else {
            return mistyped(node, "`true` or `false`", sink);
        };
        Some(Placed::new(*boolean, &node.place))
    }

    pub(crate) fn texts(&self, key: &str, sink: &mut Sink) -> Option<Vec<Placed<String>>> {
        texts(self.node(key)?, sink)
    }

    pub(crate) fn table_of(&self, key: &str, sink: &mut Sink) -> Option<(&'t Table, &'t Place)> {
        let node = self.node(key)?;
        Some((table(node, sink)?, &node.place))
    }
}

/// Names in backticks, for a finding; the first dozen of them.
pub(crate) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(24)
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    let more = if names.len() > 24 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// Adds the finding that a node has another type.
pub(crate) fn mistyped<T>(node: &Node, expected: &str, sink: &mut Sink) -> Option<T> {
    let message = format!("{} does not fit here", node.kind());
    sink.error(Rule::Type, &node.place, message)
        .expected(format!("expected {expected}"));
    None
}

pub(crate) fn text(node: &Node, sink: &mut Sink) -> Option<Placed<String>> {
    let Value::Text(text) = &node.value else {
        return mistyped(node, "a string", sink);
    };
    Some(Placed::new(text.clone(), &node.place))
}

pub(crate) fn list<'t>(node: &'t Node, sink: &mut Sink) -> Option<&'t [Node]> {
    let Value::List(list) = &node.value else {
        return mistyped(node, "a list", sink);
    };
    Some(list)
}

pub(crate) fn table<'t>(node: &'t Node, sink: &mut Sink) -> Option<&'t Table> {
    let Value::Table(table) = &node.value else {
        return mistyped(node, "a table", sink);
    };
    Some(table)
}

pub(crate) fn texts(node: &Node, sink: &mut Sink) -> Option<Vec<Placed<String>>> {
    let list = list(node, sink)?;
    Some(list.iter().filter_map(|one| text(one, sink)).collect())
}

/// A number's text.
pub(crate) fn number(node: &Node, sink: &mut Sink) -> Option<Placed<String>> {
    let Value::Number(number) = &node.value else {
        return mistyped(node, "a number", sink);
    };
    Some(Placed::new(number.clone(), &node.place))
}

/// Checks that `name` is a name: not empty, at most 256 bytes, no control
/// characters, no spaces around it.
pub(crate) fn check_name(name: &str, place: &Place, what: &str, sink: &mut Sink) -> bool {
    let wrong = if name.is_empty() {
        "is empty".to_owned()
    } else if name.len() > LONGEST_NAME {
        format!("is longer than {LONGEST_NAME} bytes")
    } else if name.chars().any(is_hostile) {
        "holds a control character".to_owned()
    } else if name.trim() != name {
        "has spaces around it".to_owned()
    } else {
        return true;
    };
    sink.error(Rule::Name, place, format!("{what} {wrong}"));
    false
}

/// Control characters, and those that turn text around on a screen.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}')
}
