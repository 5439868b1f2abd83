//! The simple model: a policy document's meaning, read off its JSON value and
//! told in the plainest way. It shares no parser, no table and no code with the
//! product; where the two differ, one of them is wrong.

mod shape;
mod subject;
mod table;
mod value;
mod when;

use serde_json::{Map, Value};

use self::subject::Workload;
use self::value::Held;
pub(super) use self::value::{glob, numbers};
use super::token::Token;

/// What is decided, and by which statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Allow(String),
    Forbidden(String),
    Deny,
}

/// What is known of one token when statements are asked about it.
struct Facts<'t> {
    token: &'t Token,
    workload: &'t Workload,
    /// Of the document's model, in its words.
    model: &'t str,
    trusts: bool,
}

impl Facts<'_> {
    fn claim(&self, path: &[String]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter()
            .try_fold(self.token.claims.get(first)?, |value, name| value.get(name))
    }

    fn attribute(&self, name: &str) -> Option<Value> {
        let value = self.token.request.attributes.get(name)?;
        Some(Value::from(value.clone()))
    }
}

/// Decides a token by a document.
pub(crate) fn decide(document: &Value, token: &Token) -> Answer {
    let Some((alias, model)) = issuer(document, token) else {
        return Answer::Deny;
    };
    if !when::admits(token) {
        return Answer::Deny;
    }
    let Some(workload) = subject::identify(model, token) else {
        return Answer::Deny;
    };
    let facts = |trusts| Facts {
        token,
        workload: &workload,
        model,
        trusts,
    };
    for (name, statement) in statements(document, "forbid", alias) {
        if asked(statement, &facts(false))
            .iter()
            .all(|held| *held != Some(false))
        {
            return Answer::Forbidden(name.clone());
        }
    }
    for (name, statement) in statements(document, "trust", alias) {
        let facts = facts(true);
        let bounds = when::bounds(statement, token);
        let asked = asked(statement, &facts);
        if bounds && asked.iter().all(|held| *held == Some(true)) {
            return Answer::Allow(name.clone());
        }
    }
    Answer::Deny
}

/// For how many seconds at most a trust statement that accepts a token grants.
pub(crate) fn longest(document: &Value, statement: &str, token: &Token) -> Option<u32> {
    let statement = document["trust"][statement].as_object().unwrap();
    when::longest(statement, token)
}

/// What the document calls the token's issuer, and the model that reads it.
fn issuer<'d>(document: &'d Value, token: &Token) -> Option<(&'d str, &'d str)> {
    let url = token.claims.get("iss")?;
    let issuers = document["issuer"].as_object()?;
    let (alias, issuer) = issuers.iter().find(|(_, issuer)| issuer["url"] == *url)?;
    Some((alias, issuer["model"].as_str()?))
}

fn statements<'d>(
    document: &'d Value,
    kind: &str,
    alias: &str,
) -> impl Iterator<Item = (&'d String, &'d Map<String, Value>)> {
    let all = document[kind].as_object().into_iter().flatten();
    all.filter(move |(_, statement)| statement["issuer"] == alias)
        .filter_map(|(name, statement)| Some((name, statement.as_object()?)))
}

/// How subject, claims and key of a statement are met.
fn asked(statement: &Map<String, Value>, facts: &Facts<'_>) -> Vec<Held> {
    let mut held = Vec::new();
    if let Some(subject) = statement.get("subject") {
        held.extend(table::subject(subject, facts));
    }
    for (path, operator) in conditions(statement) {
        let fold = subject::folding_claim(facts.model, &path);
        held.push(value::claim(&path, &operator, fold, facts));
    }
    if let Some(key) = statement.get("key") {
        held.extend(self::key(key, facts));
    }
    held
}

/// Each condition on a claim: its path and its operator.
fn conditions(statement: &Map<String, Value>) -> Vec<(Vec<String>, Value)> {
    let claims = statement.get("claims").and_then(Value::as_object);
    let claims = claims.into_iter().flatten();
    let mut conditions: Vec<_> = claims
        .map(|(name, operator)| (vec![name.clone()], operator.clone()))
        .collect();
    for nested in statement
        .get("nested")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let mut operator = nested.as_object().unwrap().clone();
        let path = operator.remove("path").unwrap();
        let path = serde_json::from_value(path).unwrap();
        conditions.push((path, Value::Object(operator)));
    }
    conditions
}

fn key(asked: &Value, facts: &Facts<'_>) -> Vec<Held> {
    let key = &facts.token.key;
    let among = |name: &str, value: &str| {
        let list = asked.get(name)?.as_array()?;
        Some(Some(list.iter().any(|one| one == value)))
    };
    let bits = asked.get("at_least_bits").and_then(Value::as_u64);
    [
        among("thumbprints", &key.thumbprint),
        among("algorithms", &key.algorithm),
        bits.map(|bits| Some(u64::from(key.bits) >= bits)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
