//! A token of a case file: what it begins with, and what is changed of it.

use serde_json::{Map, Value as Json};

use super::change::{self, Change};
use super::known::TokenIssuer;
use crate::diagnostic::Sink;
use crate::fields::{Fields, Placed, check_name, table};
use crate::rule::Rule;
use crate::tree::Entry;

const TOKEN_KEYS: [&str; 8] = [
    "like", "issuer", "model", "audience", "form", "subject", "claims", "without",
];
/// What a token says that is like none of a document's.
const WHOLE_KEYS: [&str; 3] = ["issuer", "model", "audience"];

/// How a token is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenRecipe {
    /// The trust statement that accepts the token that it begins with.
    pub like: Option<Placed<String>>,
    /// The issuer of a token that is written out; one that has neither is its
    /// claims alone.
    pub issuer: Option<TokenIssuer>,
    /// The audience of a token that is written out.
    pub audience: Option<String>,
    /// What is changed of it.
    pub change: Change,
}

pub(super) fn read(entry: &Entry, sink: &mut Sink) -> Option<(Placed<String>, TokenRecipe)> {
    check_name(&entry.key, &entry.key_place, "the token's name", sink).then_some(())?;
    let table = table(&entry.node, sink)?;
    let fields = Fields::new(table, &entry.key_place, "a token", &TOKEN_KEYS, sink);
    let like = fields.text("like", sink);
    let like = match like {
        None => None,
        Some(like) => Some(statement_of(&like, sink)?),
    };
    let claims = fields
        .node("claims")
        .and_then(|node| change::object(node, sink));
    if like.is_none() && claims.is_none() {
        sink.error(
            Rule::MissingKey,
            &entry.key_place,
            "a token needs `like` or `claims`",
        );
        return None;
    }
    let name = Placed::new(entry.key.clone(), &entry.key_place);
    let is_whole = check_whole(&fields, like.is_some(), claims.as_ref(), &name, sink)?;
    let issuer = if is_whole {
        Some(TokenIssuer::read(&fields, &name, sink)?)
    } else {
        None
    };
    let recipe = TokenRecipe {
        like,
        issuer,
        audience: fields.text("audience", sink).map(|one| one.value),
        change: change::read(&fields, claims, sink),
    };
    Some((name, recipe))
}

/// Whether a token names its issuer, and so is made of what it says alone. None
/// where it says too much, or too little.
fn check_whole(
    fields: &Fields<'_>,
    is_like: bool,
    claims: Option<&Map<String, Json>>,
    name: &Placed<String>,
    sink: &mut Sink,
) -> Option<bool> {
    let is_whole = ["issuer", "model"]
        .iter()
        .any(|key| fields.entry(key).is_some());
    let (with, misplaced): (_, &[&str]) = match (is_like, is_whole) {
        (true, _) => ("like", &WHOLE_KEYS),
        (false, true) => ("issuer", &["form", "subject"]),
        (false, false) => ("claims", &["audience"]),
    };
    let errors = sink.errors();
    for entry in misplaced.iter().filter_map(|key| fields.entry(key)) {
        let message = format!("`{}` says nothing beside `{with}`", entry.key);
        sink.error(Rule::Case, &entry.key_place, message);
    }
    let has_audience =
        fields.entry("audience").is_some() || claims.is_some_and(|one| one.contains_key("aud"));
    if is_whole && !is_like && !has_audience {
        let message = format!("token `{}` needs `audience`", name.value);
        sink.error(Rule::MissingKey, &name.place, message);
    }
    (sink.errors() == errors).then_some(is_whole)
}

fn statement_of(like: &Placed<String>, sink: &mut Sink) -> Option<Placed<String>> {
    let name = like.value.strip_prefix("trust.");
    if name.is_none() {
        sink.error(
            Rule::Case,
            &like.place,
            format!("`{}` is no trust statement", like.value),
        )
        .expected("`trust.` and the name of a statement");
    }
    Some(Placed::new(name?.to_owned(), &like.place))
}
