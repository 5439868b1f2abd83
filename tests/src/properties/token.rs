//! Tokens near what a document accepts: one that it accepts, changed.

use claimbound_language::{Compiled, NativeKey, NativeRequest};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use super::world::{ATTRIBUTES, AUDIENCES, NUMBERS, THUMBPRINTS, WORLDS, World};

/// When usual tokens are decided: 2026-11-23T10:00:00Z, a Monday.
const NOW: u64 = 1_795_428_000;

/// A token and the circumstances in which it is decided.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) claims: Map<String, Value>,
    pub(crate) key: NativeKey,
    pub(crate) request: NativeRequest,
}

impl Token {
    /// The token with this claim, in the place of the one that it had.
    pub(crate) fn with(&self, name: &str, value: Value) -> Self {
        let mut token = self.clone();
        token.claims.insert(name.to_owned(), value);
        token
    }

    /// The token, decided at `now`.
    pub(crate) fn at(&self, now: u64) -> Self {
        let mut token = self.clone();
        token.request.now = now;
        token
    }

    /// The token with every occurrence of a text in its claims replaced, and
    /// nothing else.
    pub(crate) fn renamed(&self, from: &str, to: &str) -> Self {
        let mut token = self.clone();
        for value in token.claims.values_mut() {
            replace(value, from, to);
        }
        token
    }
}

fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) => *text = text.replace(from, to),
        Value::Array(list) => list.iter_mut().for_each(|one| replace(one, from, to)),
        Value::Object(members) => members.values_mut().for_each(|one| replace(one, from, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What tokens are made of.
pub(crate) struct Bases {
    /// Tokens that the document accepts, one for each form of each trust that an
    /// example is found for.
    accepted: Vec<Token>,
    /// Usual ones of its issuers, in every form.
    usual: Vec<Token>,
}

pub(crate) fn bases(compiled: &Compiled) -> Bases {
    let mut accepted = Vec::new();
    for statement in compiled.statements.iter().filter(|one| one.trusts) {
        for form in compiled.example_forms(&statement.name).unwrap() {
            if let Ok(example) = compiled.example_in(&statement.name, &form) {
                accepted.push(Token {
                    claims: example.claims,
                    key: example.key,
                    request: example.request,
                });
            }
        }
    }
    let mut usual = Vec::new();
    for world in &WORLDS {
        if compiled.issuer(world.url).is_some() {
            let tokens = world.subjects.iter().map(|one| self::usual(world, one));
            usual.extend(tokens);
        }
    }
    Bases { accepted, usual }
}

/// A usual token of an issuer.
fn usual(world: &World, subject: &str) -> Token {
    let registered = json!({
        "iss": world.url,
        "sub": subject,
        "aud": AUDIENCES[0],
        "iat": NOW - 5,
        "nbf": NOW - 5,
        "exp": NOW + 80,
        "jti": "one",
    });
    let mut claims = registered.as_object().unwrap().clone();
    claims.extend(serde_json::from_str::<Map<_, _>>(world.usual).unwrap());
    Token {
        claims,
        key: NativeKey::of(world.algorithms[0]),
        request: NativeRequest {
            now: NOW,
            audience: AUDIENCES[0].to_owned(),
            attributes: [("run".to_owned(), "infra".to_owned())].into(),
        },
    }
}

/// One token of [`bases`] and what is done to it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    near: bool,
    base: Index,
    changes: Vec<Change>,
}

impl Plan {
    pub(crate) fn token(&self, bases: &Bases) -> Token {
        let near = self.near && !bases.accepted.is_empty();
        let bases = if near { &bases.accepted } else { &bases.usual };
        let mut token = self.base.get(bases).clone();
        for change in &self.changes {
            change.apply(&mut token);
        }
        token
    }
}

/// How one token is made; a third are left as they are, or nearly.
pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let changes = prop_oneof![
        2 => prop::collection::vec(change(), 0..=1),
        1 => prop::collection::vec(change(), 1..=4),
    ];
    let near = prop::bool::weighted(0.7);
    (near, any::<Index>(), changes).prop_map(|(near, base, changes)| Plan {
        near,
        base,
        changes,
    })
}

#[derive(Clone, Debug)]
enum Change {
    Drop(Index),
    Set(Index, Value),
    Add(&'static str, Value),
    Case(Index, bool),
    Append(Index, Value),
    Rename(&'static str, &'static str),
    Move(i64),
    Later(&'static str, i64),
    Fraction(&'static str),
    Route(&'static str),
    Audience(Value),
    Subject(&'static str),
    Key(NativeKey),
    Attribute(&'static str, Option<&'static str>),
}

fn change() -> impl Strategy<Value = Change> {
    let subjects: Vec<&str> = WORLDS
        .iter()
        .flat_map(|world| world.subjects)
        .copied()
        .collect();
    let times = || select(vec!["exp", "iat", "nbf"]);
    prop_oneof![
        2 => any::<Index>().prop_map(Change::Drop),
        2 => (any::<Index>(), value()).prop_map(|(at, value)| Change::Set(at, value)),
        3 => (select(vec!["team", "labels", "groups", "act"]), value())
            .prop_map(|(name, value)| Change::Add(name, value)),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(at, upper)| Change::Case(at, upper)),
        2 => (any::<Index>(), value()).prop_map(|(at, value)| Change::Append(at, value)),
        3 => (word(), word()).prop_map(|(from, to)| Change::Rename(from, to)),
        1 => any_shift().prop_map(Change::Move),
        1 => (times(), any_shift()).prop_map(|(name, by)| Change::Later(name, by)),
        1 => times().prop_map(Change::Fraction),
        1 => select(&AUDIENCES[..]).prop_map(Change::Route),
        1 => audience().prop_map(Change::Audience),
        2 => select(subjects).prop_map(Change::Subject),
        1 => key().prop_map(Change::Key),
        2 => (select(&ATTRIBUTES[..]), prop::option::of(word()))
            .prop_map(|(name, value)| Change::Attribute(name, value)),
    ]
}

/// Seconds: a little, hours, days, half years, and far past every horizon.
pub(crate) fn any_shift() -> impl Strategy<Value = i64> {
    prop_oneof![
        2 => -100_i64..100,
        2 => -86_400_i64..86_400,
        2 => -15_000_000_i64..15_000_000,
        1 => -300_000_000_i64..600_000_000,
    ]
}

fn word() -> impl Strategy<Value = &'static str> {
    let mut words = vec![
        "acme",
        "ACME",
        "evil",
        "infra",
        "Infra",
        "site",
        "main",
        "Main",
        "prod",
        "production",
        "a:b",
        "a%3Ab",
        "1",
        "2",
        "10",
        "7",
        "agent",
        "ci",
        "robot",
        "refs/heads/main",
        "push",
        "pull_request",
        "environment",
        "deploy",
        "",
        "é",
        "/",
        ":",
    ];
    for world in &WORLDS {
        words.extend(world.claims.iter().flat_map(|claim| claim.values));
        words.extend(world.fields.iter().flat_map(|field| field.values));
    }
    select(words)
}

fn value() -> impl Strategy<Value = Value> {
    let number = select(&NUMBERS[..]).prop_map(|text| serde_json::from_str(text).unwrap());
    prop_oneof![
        5 => word().prop_map(Value::from),
        2 => prop::collection::vec(word(), 0..4).prop_map(Value::from),
        2 => number,
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => word().prop_map(|word| json!({ "sub": word, "more": [word, 1] })),
        1 => Just(json!([1, "a"])),
    ]
}

fn audience() -> impl Strategy<Value = Value> {
    let one = || select(vec![AUDIENCES[0], AUDIENCES[1], "https://else.example"]);
    prop_oneof![
        one().prop_map(Value::from),
        prop::collection::vec(one(), 0..3).prop_map(Value::from),
    ]
}

fn key() -> impl Strategy<Value = NativeKey> {
    let algorithms = select(vec!["RS256", "RS512", "ES256", "EdDSA", "PS512"]);
    let bits = select(vec![None, Some(2047), Some(3072), Some(4096)]);
    (algorithms, bits, select(&THUMBPRINTS[..])).prop_map(|(algorithm, bits, thumbprint)| {
        let mut key = NativeKey::of(algorithm);
        key.bits = bits.unwrap_or(key.bits);
        thumbprint.clone_into(&mut key.thumbprint);
        key
    })
}

/// The paths of every claim, and of every member of an object in one.
fn paths(claims: &Map<String, Value>) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (name, value) in claims {
        paths.push(vec![name.clone()]);
        if let Value::Object(members) = value {
            for mut inner in self::paths(members) {
                inner.insert(0, name.clone());
                paths.push(inner);
            }
        }
    }
    paths
}

/// The claim at one of the paths.
fn place(claims: &mut Map<String, Value>, at: Index) -> Option<&mut Value> {
    let paths = paths(claims);
    let path = at.get(paths.get(..).filter(|all| !all.is_empty())?);
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(claims.get_mut(first)?, |value, name| value.get_mut(name))
}

fn drop_at(claims: &mut Map<String, Value>, at: Index) {
    let paths = paths(claims);
    if paths.is_empty() {
        return;
    }
    let (last, outer) = at.get(&paths).split_last().unwrap();
    let mut members = claims;
    for name in outer {
        members = members[name].as_object_mut().unwrap();
    }
    members.remove(last);
}

fn shifted(now: u64, by: i64) -> u64 {
    now.saturating_add_signed(by)
}

impl Change {
    fn apply(&self, token: &mut Token) {
        let claims = &mut token.claims;
        match self {
            Self::Drop(at) => drop_at(claims, *at),
            Self::Set(at, value) => {
                if let Some(place) = place(claims, *at) {
                    place.clone_from(value);
                }
            }
            Self::Add(name, value) => _ = claims.insert((*name).to_owned(), value.clone()),
            Self::Case(at, upper) => {
                if let Some(Value::String(text)) = place(claims, *at) {
                    *text = recased(text, *upper);
                }
            }
            Self::Append(at, value) => match place(claims, *at) {
                Some(Value::Array(list)) => list.push(value.clone()),
                Some(other) => *other = json!([other.take(), value]),
                None => {}
            },
            Self::Rename(from, to) if !from.is_empty() => *token = token.renamed(from, to),
            Self::Rename(..) => {}
            Self::Move(by) => {
                token.request.now = shifted(token.request.now, *by);
                for name in ["iat", "nbf", "exp"] {
                    later(claims, name, *by);
                }
            }
            Self::Later("now", by) => token.request.now = shifted(token.request.now, *by),
            Self::Later(name, by) => later(claims, name, *by),
            Self::Fraction(name) => {
                if let Some(seconds) = claims.get(*name).and_then(Value::as_u64) {
                    let half = format!("{seconds}.5");
                    claims.insert((*name).to_owned(), serde_json::from_str(&half).unwrap());
                }
            }
            Self::Route(audience) => (*audience).clone_into(&mut token.request.audience),
            Self::Audience(value) => _ = claims.insert("aud".to_owned(), value.clone()),
            Self::Subject(subject) => _ = claims.insert("sub".to_owned(), json!(subject)),
            Self::Key(key) => token.key = key.clone(),
            Self::Attribute(name, None) => _ = token.request.attributes.remove(*name),
            Self::Attribute(name, Some(value)) => {
                let attributes = &mut token.request.attributes;
                attributes.insert((*name).to_owned(), (*value).to_owned());
            }
        }
    }
}

fn later(claims: &mut Map<String, Value>, name: &str, by: i64) {
    if let Some(seconds) = claims.get(name).and_then(Value::as_u64) {
        claims.insert(name.to_owned(), json!(shifted(seconds, by)));
    }
}

pub(crate) fn recased(text: &str, upper: bool) -> String {
    if upper {
        text.to_ascii_uppercase()
    } else {
        text.to_ascii_lowercase()
    }
}
