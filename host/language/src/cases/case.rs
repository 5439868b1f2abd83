//! One case: a token, its circumstances, and what the policy has to say.

use std::collections::BTreeMap;

use super::change::{self, Change};
use super::expected::{self, Expected};
use super::key::{self, KeyChange};
use crate::diagnostic::Sink;
use crate::fields::{Fields, Placed, check_name, table, text};
use crate::time;
use crate::tree::Node;

const CASE_KEYS: [&str; 15] = [
    "name",
    "token",
    "form",
    "subject",
    "with",
    "without",
    "at",
    "audience",
    "attributes",
    "key",
    "allow",
    "grant",
    "deny",
    "claim",
    "statement",
];

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name, unique in the file.
    pub name: Placed<String>,
    /// The name of its token.
    pub token: Placed<String>,
    /// What is changed of the token.
    pub change: Change,
    /// When it is decided, in seconds since 1970.
    pub at: Option<u64>,
    /// The audience of the route; none means the token's own.
    pub audience: Option<String>,
    /// The request's attributes.
    pub attributes: BTreeMap<String, String>,
    /// What is changed of the key.
    pub key: KeyChange,
    /// What the policy has to say.
    pub expected: Expected,
}

pub(super) fn read(node: &Node, sink: &mut Sink) -> Option<Case> {
    let table = table(node, sink)?;
    let fields = Fields::new(table, &node.place, "a case", &CASE_KEYS, sink);
    let name = text(&fields.required("name", sink)?.node, sink)?;
    check_name(&name.value, &name.place, "the case's name", sink).then_some(())?;
    let token = text(&fields.required("token", sink)?.node, sink)?;
    let with = fields
        .node("with")
        .and_then(|node| change::object(node, sink));
    Some(Case {
        change: change::read(&fields, with, sink),
        at: fields
            .node("at")
            .and_then(|node| time::read(node, sink))
            .map(|at| at.value),
        audience: fields.text("audience", sink).map(|one| one.value),
        attributes: attributes(&fields, sink),
        key: key::read(&fields, sink),
        expected: expected::read(&fields, &name, sink)?,
        name,
        token,
    })
}

fn attributes(fields: &Fields<'_>, sink: &mut Sink) -> BTreeMap<String, String> {
    let Some((table, _)) = fields.table_of("attributes", sink) else {
        return BTreeMap::new();
    };
    let entries = table.entries.iter();
    entries
        .filter_map(|entry| Some((entry.key.clone(), text(&entry.node, sink)?.value)))
        .collect()
}
