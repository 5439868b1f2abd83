//! Grants: what an accepted token may do.

use crate::diagnostic::Sink;
use crate::duration;
use crate::fields::{Fields, Placed, check_name, list, table, text};
use crate::rule::Rule;
use crate::tree::{Node, Place, Table, Value};

pub(crate) const KEYS: [&str; 5] = ["roles", "scopes", "max_ttl", "claims", "obligations"];
const OBLIGATION_KEYS: [&str; 2] = ["kind", "parameters"];

/// Claims that a host writes itself: those of RFC 7519 §4.1, and those by which
/// access tokens say who they are for and whose they are (RFC 8693 §4,
/// RFC 9068 §2.2, RFC 7800 §3.1).
pub const NEVER_GRANTED: [&str; 21] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "nonce",
    "client_id",
    "scope",
    "groups",
    "roles",
    "entitlements",
    "act",
    "may_act",
    "cnf",
    "sid",
];

/// What a statement grants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant {
    /// Names of roles.
    pub roles: Vec<Placed<String>>,
    /// OAuth scopes.
    pub scopes: Vec<Placed<String>>,
    /// The longest that what is granted may last, in seconds.
    pub max_ttl: Option<Placed<u64>>,
    /// Extra claims.
    pub claims: Option<serde_json::Map<String, serde_json::Value>>,
    /// Obligations of other kinds: their kind, and their parameters as JSON text.
    pub obligations: Vec<(String, String)>,
}

/// Reads a grant.
pub(crate) fn read(table: &Table, place: &Place, sink: &mut Sink) -> Grant {
    let fields = Fields::new(table, place, "a grant", &KEYS, sink);
    let max_ttl = fields
        .node("max_ttl")
        .and_then(|node| duration::read(node, sink));
    if let Some(ttl) = max_ttl
        .as_ref()
        .filter(|ttl| u32::try_from(ttl.value).is_err())
    {
        sink.error(Rule::Grant, &ttl.place, "what is granted lasts too long");
    }
    let scopes = names(&fields, "scopes", "a scope", sink);
    for scope in &scopes {
        if scope.value.contains([' ', '"', '\\']) {
            sink.error(
                Rule::Grant,
                &scope.place,
                format!("`{}` is no scope", scope.value),
            )
            .expected("one scope of RFC 6749 §3.3, without spaces, quotes and backslashes");
        }
    }
    Grant {
        roles: names(&fields, "roles", "a role", sink),
        scopes,
        max_ttl,
        claims: fields.node("claims").and_then(|node| claims(node, sink)),
        obligations: obligations(&fields, sink),
    }
}

fn names(fields: &Fields<'_>, key: &str, what: &str, sink: &mut Sink) -> Vec<Placed<String>> {
    let names = fields.texts(key, sink).unwrap_or_default();
    for name in &names {
        check_name(&name.value, &name.place, what, sink);
    }
    names
}

fn claims(node: &Node, sink: &mut Sink) -> Option<serde_json::Map<String, serde_json::Value>> {
    let table = table(node, sink)?;
    for entry in &table.entries {
        check_name(&entry.key, &entry.key_place, "a claim's name", sink);
        if NEVER_GRANTED.contains(&entry.key.as_str()) {
            let message = format!("no policy grants the registered claim `{}`", entry.key);
            sink.error(Rule::Grant, &entry.key_place, message)
                .hint("the host writes it; use `roles`, `scopes`, or a claim of your own");
        }
    }
    json_table(table, sink)
}

fn json_table(
    table: &Table,
    sink: &mut Sink,
) -> Option<serde_json::Map<String, serde_json::Value>> {
    table
        .entries
        .iter()
        .map(|entry| Some((entry.key.clone(), json(&entry.node, sink)?)))
        .collect()
}

/// The value as JSON.
pub(crate) fn json(node: &Node, sink: &mut Sink) -> Option<serde_json::Value> {
    Some(match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(boolean) => serde_json::Value::Bool(*boolean),
        Value::Text(text) | Value::Datetime(text) => serde_json::Value::String(text.clone()),
        Value::Number(number) => {
            let Ok(number) = serde_json::from_str::<serde_json::Number>(number) else {
                sink.error(
                    Rule::Value,
                    &node.place,
                    format!("`{number}` is out of range"),
                );
                return None;
            };
            serde_json::Value::Number(number)
        }
        Value::List(list) => serde_json::Value::Array(
            list.iter()
                .map(|one| json(one, sink))
                .collect::<Option<_>>()?,
        ),
        Value::Table(table) => serde_json::Value::Object(json_table(table, sink)?),
    })
}

fn obligations(fields: &Fields<'_>, sink: &mut Sink) -> Vec<(String, String)> {
    let Some(all) = fields.node("obligations").and_then(|node| list(node, sink)) else {
        return Vec::new();
    };
    all.iter()
        .filter_map(|node| obligation(node, sink))
        .collect()
}

fn obligation(node: &Node, sink: &mut Sink) -> Option<(String, String)> {
    let table = table(node, sink)?;
    let fields = Fields::new(table, &node.place, "an obligation", &OBLIGATION_KEYS, sink);
    let kind = text(&fields.required("kind", sink)?.node, sink)?;
    check_name(&kind.value, &kind.place, "the obligation's kind", sink).then_some(())?;
    let own = match kind.value.as_str() {
        "bind" => Some("`identity`"),
        "use-once" => Some("`single_use`"),
        "prove" => Some("`proof`"),
        _ => None,
    };
    if let Some(own) = own {
        let message = format!("`{}` has a key of its own", kind.value);
        sink.error(Rule::Grant, &kind.place, message)
            .hint(format!("write {own} in the statement"));
        return None;
    }
    let parameters = match fields.table_of("parameters", sink) {
        Some((table, _)) => json_table(table, sink)?,
        None => serde_json::Map::new(),
    };
    Some((
        kind.value,
        serde_json::Value::Object(parameters).to_string(),
    ))
}
