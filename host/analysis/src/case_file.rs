//! A case file, written: what [`parse_cases`] reads back as the same cases.

use std::fmt::Write as _;

use claimbound_language::{Compiled, DerivedToken, Expected, NativeKey, date, parse_cases};
use serde_json::{Map, Value as Json};

use crate::tried::Tried;

/// Cases whose tokens are told apart from that of the first.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The statement that they are about, whose name their token has.
    pub(crate) statement: String,
    pub(crate) cases: Vec<Tried>,
}

/// The file of these cases.
pub(crate) fn written(groups: &[Group], compiled: &Compiled) -> String {
    let mut file = String::new();
    let groups = groups.iter().filter_map(|group| {
        let first = group.cases.first()?;
        Some((group, &first.token))
    });
    for (group, first) in groups.clone() {
        // Writing to a string can't fail, here and below.
        let _ = writeln!(file, "[token.{}.claims]", key(&group.statement));
        for (name, value) in &first.claims {
            if let Some(value) = toml(value) {
                let _ = writeln!(file, "{} = {value}", key(name));
            }
        }
        file.push('\n');
    }
    for (group, first) in groups {
        for case in &group.cases {
            write_case(&mut file, &group.statement, first, case, compiled);
        }
    }
    file
}

/// Whether a case, beside the first of its group, is the same when it is read back.
pub(crate) fn holds(group: &Group, case: &Tried, compiled: &Compiled) -> bool {
    let first = group.cases.first().cloned();
    let group = Group {
        statement: group.statement.clone(),
        cases: first.into_iter().chain([case.clone()]).collect(),
    };
    let text = written(std::slice::from_ref(&group), compiled);
    let Ok(cases) = parse_cases("generated", &text) else {
        return false;
    };
    let is_well = cases.check(compiled).is_ok();
    let read = Tried::of(&cases, compiled);
    let is_same = |one: &Tried, read: &Tried| {
        let (claims, others) = (&one.token.claims, &read.token.claims);
        claims == others
            && one.token.key == read.token.key
            && one.token.request == read.token.request
            && one.name == read.name
            && read.passes(compiled)
    };
    is_well
        && read.is_ok_and(|read| {
            let pairs = group.cases.iter().zip(&read);
            read.len() == group.cases.len() && pairs.clone().all(|(one, read)| is_same(one, read))
        })
}

fn write_case(
    file: &mut String,
    token: &str,
    first: &DerivedToken,
    case: &Tried,
    compiled: &Compiled,
) {
    let mut line = |key: &str, value: String| {
        let _ = writeln!(file, "{key} = {value}");
    };
    line("[[case]]\nname", quoted(&case.name));
    line("token", quoted(token));
    let difference = Difference::of(&first.claims, &case.token.claims);
    if !difference.with.is_empty() {
        line("with", table(&difference.with));
    }
    if !difference.without.is_empty() {
        let paths = difference.without.iter().map(|path| match path.as_slice() {
            [name] => quoted(name),
            path => list(path),
        });
        line(
            "without",
            format!("[{}]", paths.collect::<Vec<_>>().join(", ")),
        );
    }
    let request = &case.token.request;
    if first.claims.get("iat").and_then(Json::as_u64) != Some(request.now) {
        line("at", date(request.now));
    }
    if audience(first) != Some(request.audience.as_str()) {
        line("audience", quoted(&request.audience));
    }
    if !request.attributes.is_empty() {
        let attributes = request.attributes.iter();
        let attributes = attributes.map(|(name, value)| (name.clone(), Json::from(value.clone())));
        line("attributes", table(&attributes.collect()));
    }
    let changes = key_changes(first, &case.token.key, compiled);
    if !changes.is_empty() {
        line("key", table(&changes));
    }
    match &case.expected {
        Expected::Allow { statement, .. } => line("allow", quoted(&statement.value)),
        Expected::Deny {
            code,
            claim,
            statement,
        } => {
            line("deny", quoted(&code.value));
            if let Some(claim) = claim {
                line("claim", list(claim));
            }
            if let Some(statement) = statement {
                line("statement", quoted(statement));
            }
        }
    }
    file.push('\n');
}

/// The audience that a case of this token has by itself.
fn audience(token: &DerivedToken) -> Option<&str> {
    let audience = token.claims.get("aud")?;
    let first = audience.as_array().and_then(|list| list.first());
    first.unwrap_or(audience).as_str()
}

/// What a key has otherwise than the one that a case of this token has by itself.
fn key_changes(token: &DerivedToken, key: &NativeKey, compiled: &Compiled) -> Map<String, Json> {
    let issuer = token.claims.get("iss").and_then(Json::as_str);
    let issuer = issuer.and_then(|url| compiled.issuer(url));
    let usual = issuer.and_then(|issuer| issuer.model.algorithms().first());
    let usual = NativeKey::of(usual.map_or("RS256", String::as_str));
    let mut changes = Map::new();
    let mut add = |name: &str, value: Json| drop(changes.insert(name.to_owned(), value));
    let mut own = usual.clone();
    if key.algorithm != usual.algorithm {
        add("algorithm", Json::from(key.algorithm.clone()));
        own = NativeKey::of(&key.algorithm);
    }
    if key.key_type != own.key_type {
        add("type", Json::from(key.key_type.clone()));
    }
    if key.bits != own.bits {
        add("bits", Json::from(key.bits));
    }
    if key.thumbprint != usual.thumbprint {
        add("thumbprint", Json::from(key.thumbprint.clone()));
    }
    changes
}

/// How claims differ from others.
#[derive(Default)]
struct Difference {
    with: Map<String, Json>,
    without: Vec<Vec<String>>,
}

impl Difference {
    fn of(first: &Map<String, Json>, other: &Map<String, Json>) -> Self {
        let mut difference = Self::default();
        for (name, value) in other {
            match (first.get(name), value) {
                (Some(same), value) if same == value => {}
                (Some(Json::Object(inner)), Json::Object(value)) => {
                    let inner = Self::of(inner, value);
                    if !inner.with.is_empty() {
                        difference
                            .with
                            .insert(name.clone(), Json::Object(inner.with));
                    }
                    let paths = inner.without.into_iter();
                    let paths = paths.map(|path| [vec![name.clone()], path].concat());
                    difference.without.extend(paths);
                }
                (Some(_) | None, value) => {
                    difference.with.insert(name.clone(), value.clone());
                }
            }
        }
        let gone = first.keys().filter(|name| !other.contains_key(*name));
        difference
            .without
            .extend(gone.map(|name| vec![name.clone()]));
        difference
    }
}

/// A value of TOML; none where it has no such value, as it has no null.
fn toml(value: &Json) -> Option<String> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(boolean) => boolean.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => quoted(text),
        Json::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(toml).collect();
            format!("[{}]", items?.join(", "))
        }
        Json::Object(members) => table(members),
    })
}

/// A table on one line.
fn table(members: &Map<String, Json>) -> String {
    if members.is_empty() {
        return "{}".to_owned();
    }
    let members = members
        .iter()
        .filter_map(|(name, value)| Some(format!("{} = {}", key(name), toml(value)?)));
    format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    format!("[{}]", names.join(", "))
}

fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A text in quotes. What is neither printable ASCII nor a letter or a digit is
/// escaped, so that no terminal obeys it and no reader is misled.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' | '…' => quoted.push(character),
            letter if letter.is_alphanumeric() => quoted.push(letter),
            other => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(other));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_a_text_holds_is_read_back() {
        for text in [
            "",
            "a\"b\\c",
            "\u{7f}\n\u{1b}[2J",
            "é ✓ \u{202e} \u{10ffff}",
        ] {
            let line = format!("{} = {}", key(text), quoted(text));
            assert!(
                line.chars()
                    .all(|one| one.is_alphanumeric() || (' '..='~').contains(&one))
            );
            let claims = format!(
                "[token.t.claims]\n{line}\n[[case]]\nname = \"a\"\ntoken = \"t\"\ndeny = \"claim.absent\""
            );
            let cases = parse_cases("cases.toml", &claims).unwrap();
            let (_, recipe) = &cases.tokens[0];
            assert_eq!(
                Json::Object(recipe.change.with.clone()),
                json!({ text: text })
            );
        }
    }

    #[test]
    fn what_differs_is_what_is_changed() {
        let of = |value: Json| value.as_object().unwrap().clone();
        let first = of(json!({ "a": 1, "b": { "c": 1, "d": { "e": 1 } }, "f": [1] }));
        let other = of(json!({ "a": 1, "b": { "c": 2, "d": {} }, "g": null }));
        let difference = Difference::of(&first, &other);
        assert_eq!(
            Json::Object(difference.with),
            json!({ "b": { "c": 2 }, "g": null })
        );
        assert_eq!(difference.without, [vec!["b", "d", "e"], vec!["f"]]);
    }
}
