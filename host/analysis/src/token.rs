//! From what was found of a token to the token itself.

use std::collections::BTreeMap;

use claimbound_issuers::Model;
use claimbound_language::{Example as Token, NativeKey, NativeRequest};
use serde_json::{Map, Value as Json};

use crate::naming::Found;
use crate::values::Example;
use crate::variable::Variable;

/// When tokens are presented where nothing is asked of the time:
/// 2026-11-23T10:00:00Z, a Monday, in seconds since 1970.
pub(crate) const USUAL_TIME: u64 = 1_795_428_000;
/// How long they live where nothing is asked of it, in seconds.
pub(crate) const USUAL_LIFETIME: u64 = 300;
/// Whom they are for where nothing is asked of it.
pub(crate) const USUAL_AUDIENCE: &str = "https://service.example";

/// The token, and the circumstances in which it is presented; none where what was
/// found is of no token: it has expired, or has one audience and two.
pub fn token(found: &Found, issuer: &str, model: &Model) -> Option<Token> {
    let value = |variable: &Variable| {
        let mut found = found.iter();
        found
            .find(|(one, _)| one == variable)
            .map(|(_, value)| value)
    };
    let text = |variable: &Variable| match value(variable) {
        Some(Example::Value(Json::String(text))) => Some(text.clone()),
        Some(Example::Value(_) | Example::Absent) | None => None,
    };
    let number = |variable: &Variable| match value(variable) {
        Some(Example::Value(Json::Number(number))) => number.as_u64(),
        Some(Example::Value(_) | Example::Absent) | None => None,
    };
    let now = number(&Variable::Now).unwrap_or(USUAL_TIME);
    let is_issued = [Variable::Lifetime, Variable::Age]
        .iter()
        .all(|variable| value(variable) != Some(&Example::Absent));
    let age = number(&Variable::Age).unwrap_or(0);
    let lifetime = number(&Variable::Lifetime).unwrap_or(USUAL_LIFETIME);
    // What has neither age nor lifetime is alive where it is issued in the future,
    // as clocks differ.
    let ahead = u64::from(age == 0 && lifetime == 0);
    let since = now.checked_add(ahead)?.checked_sub(age)?;
    let ends = since.checked_add(lifetime)?;
    if ends <= now {
        return None;
    }
    let audience = text(&Variable::AudienceOfRoute).unwrap_or_else(|| USUAL_AUDIENCE.to_owned());
    let mut claims = Map::new();
    for (variable, value) in found {
        if let (Variable::Claim(path), Example::Value(value)) = (variable, value) {
            put(&mut claims, path, value.clone())?;
        }
    }
    let registered = [
        ("iss", Some(Json::from(issuer))),
        ("sub", text(&Variable::Subject).map(Json::from)),
        (
            "aud",
            Some(listed(
                value(&Variable::Audience),
                &audience,
                value(&Variable::SoleAudience),
            )?),
        ),
        ("iat", is_issued.then(|| Json::from(since))),
        ("exp", Some(Json::from(ends))),
        ("jti", Some(Json::from("example"))),
    ];
    for (name, said) in registered {
        // A statement may ask for a token id of its own, or for none.
        let is_asked_for = value(&Variable::Claim(vec![name.to_owned()])).is_some();
        if let Some(said) = said.filter(|_| !is_asked_for) {
            claims.insert(name.to_owned(), said);
        }
    }
    let algorithm = text(&Variable::KeyAlgorithm);
    let algorithm = algorithm.or_else(|| model.algorithms().first().cloned())?;
    let mut key = NativeKey::of(&algorithm);
    if let Some(key_type) = text(&Variable::KeyType) {
        key.key_type = key_type;
    }
    if let Some(bits) = number(&Variable::KeyBits) {
        key.bits = u32::try_from(bits).ok()?;
    }
    if let Some(thumbprint) = text(&Variable::KeyThumbprint) {
        key.thumbprint = thumbprint;
    }
    let attributes = found
        .iter()
        .filter_map(|(variable, value)| match (variable, value) {
            (Variable::Attribute(name), Example::Value(Json::String(text))) => {
                Some((name.clone(), text.clone()))
            }
            _ => None,
        });
    Some(Token {
        form: text(&Variable::Form).unwrap_or_default(),
        claims,
        key,
        request: NativeRequest {
            now,
            audience,
            attributes: attributes.collect::<BTreeMap<_, _>>(),
        },
        longest_lifetime: None,
    })
}

/// `aud`, of which one element is a text and several are a list; none where it
/// would have to be both.
fn listed(found: Option<&Example>, usual: &str, sole: Option<&Example>) -> Option<Json> {
    let mut audiences = match found {
        Some(Example::Value(Json::Array(items))) => items.clone(),
        Some(Example::Value(_) | Example::Absent) | None => vec![Json::from(usual)],
    };
    // A token that does not name its route's audience comes before no policy.
    if !audiences.iter().any(|one| one == usual) {
        audiences.push(Json::from(usual));
    }
    let is_sole = sole != Some(&Example::Value(Json::Bool(false)));
    if !is_sole && audiences.len() < 2 {
        audiences.push(Json::from("https://another.example"));
    }
    match audiences.as_slice() {
        [one] => Some(one.clone()),
        _ if sole == Some(&Example::Value(Json::Bool(true))) => None,
        _ => Some(Json::from(audiences)),
    }
}

/// Puts a value at a path; none where something else stands in the way.
fn put(claims: &mut Map<String, Json>, path: &[String], value: Json) -> Option<()> {
    let (last, before) = path.split_last()?;
    let mut at = claims;
    for name in before {
        let next = at
            .entry(name.clone())
            .or_insert_with(|| Json::Object(Map::new()));
        at = next.as_object_mut()?;
    }
    at.insert(last.clone(), value);
    Some(())
}
