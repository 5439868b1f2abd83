//! Reads a program's claims straight from a payload's bytes: what a careful
//! native check would do, and the measure that the sandbox is held to.
//!
//! Nothing is built for what nobody asked for, and texts without escapes stay
//! where they are. The workload is taken from the host, as in the other two
//! measures. It is no reader for tokens that matter: numbers that are no integers
//! go through floats, and of duplicate members the last one counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::facts::{Claim, Read, Registered};

/// A claim that is wanted: its place in the program's list, and its path from
/// here on.
type Wanted<'p> = (usize, &'p [String]);

/// Reads the claims that a program lists from a payload.
pub(super) struct Reader<'p> {
    wanted: Vec<Wanted<'p>>,
}

impl<'p> Reader<'p> {
    /// A reader of these paths.
    pub(super) fn of(paths: &'p [Vec<String>]) -> Self {
        let wanted = paths.iter().map(Vec::as_slice).enumerate();
        Self {
            wanted: wanted.collect(),
        }
    }

    /// Reads a payload.
    pub(super) fn read<'a>(&self, payload: &'a [u8]) -> serde_json::Result<Read<'a>> {
        let mut read = Read {
            registered: Registered::default(),
            claims: vec![Claim::Absent; self.wanted.len()],
        };
        let mut source = serde_json::Deserializer::from_slice(payload);
        source.deserialize_map(Payload {
            wanted: &self.wanted,
            read: &mut read,
        })?;
        source.end()?;
        Ok(read)
    }
}

/// The payload itself.
struct Payload<'r, 'p, 'a> {
    wanted: &'r [Wanted<'p>],
    read: &'r mut Read<'a>,
}

impl<'a> Visitor<'a> for Payload<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of claims")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let Read { registered, claims } = self.read;
        while let Some(Text(name)) = map.next_key_seed(TextSeed)? {
            if !matches!(name.as_ref(), "iss" | "sub" | "aud" | "iat" | "exp") {
                member(&mut map, &name, self.wanted, claims)?;
                continue;
            }
            let claim = map.next_value_seed(ClaimSeed)?;
            if !take(registered, &name, &claim) {
                return Err(M::Error::custom("a registered claim is of another type"));
            }
            let wanted = self
                .wanted
                .iter()
                .find(|(_, path)| *path == [name.as_ref()]);
            if let Some(place) = wanted.and_then(|(index, _)| claims.get_mut(*index)) {
                *place = claim;
            }
        }
        Ok(())
    }
}

/// Takes up a registered claim; false where it is of another type.
fn take<'a>(registered: &mut Registered<'a>, name: &str, claim: &Claim<'a>) -> bool {
    match (name, claim) {
        ("iss", Claim::Text(text)) => registered.issuer.clone_from(text),
        ("sub", Claim::Text(text)) => registered.subject.clone_from(text),
        ("aud", Claim::Text(text)) => registered.audience = vec![text.to_string()],
        ("aud", Claim::Texts(texts)) => registered.audience.clone_from(texts),
        ("iat", Claim::Integer(date)) => registered.issued_at = u64::try_from(*date).ok(),
        ("exp", Claim::Integer(date)) => {
            registered.expires_at = u64::try_from(*date).unwrap_or_default();
        }
        _ => return false,
    }
    true
}

/// Reads the value of a member if a path begins with its name.
fn member<'a, M: MapAccess<'a>>(
    map: &mut M,
    name: &str,
    wanted: &[Wanted<'_>],
    claims: &mut [Claim<'a>],
) -> Result<(), M::Error> {
    let begins = |(_, path): &&Wanted<'_>| path.first().is_some_and(|first| first == name);
    let mut begun = wanted.iter().filter(begins);
    let Some((index, path)) = begun.next() else {
        return map.next_value::<IgnoredAny>().map(drop);
    };
    if let (1, None, Some(claim)) = (path.len(), begun.next(), claims.get_mut(*index)) {
        *claim = map.next_value_seed(ClaimSeed)?;
        return Ok(());
    }
    let inner: Vec<_> = wanted
        .iter()
        .filter(begins)
        .filter_map(|(index, path)| Some((*index, path.get(1..)?)))
        .collect();
    if inner.iter().any(|(_, path)| path.is_empty()) {
        return whole(&map.next_value()?, &inner, claims).map_err(M::Error::custom);
    }
    map.next_value_seed(Inner {
        wanted: &inner,
        claims,
    })
}

/// Takes what is wanted from a value that is wanted as a whole as well.
fn whole(value: &Json, wanted: &[Wanted<'_>], claims: &mut [Claim<'_>]) -> serde_json::Result<()> {
    for (index, path) in wanted {
        let found = path.iter().try_fold(value, |value, name| value.get(name));
        if let (Some(found), Some(claim)) = (found, claims.get_mut(*index)) {
            *claim = ClaimSeed.deserialize(found.clone())?;
        }
    }
    Ok(())
}

/// An object inside the payload.
struct Inner<'r, 'p, 'a> {
    wanted: &'r [Wanted<'p>],
    claims: &'r mut [Claim<'a>],
}

impl<'a> DeserializeSeed<'a> for Inner<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

/// A path that goes on where there is no object ends nowhere.
impl<'a> Visitor<'a> for Inner<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, items: S) -> Result<(), S::Error> {
        IgnoredAny.visit_seq(items).map(drop)
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Text(name)) = map.next_key_seed(TextSeed)? {
            member(&mut map, &name, self.wanted, self.claims)?;
        }
        Ok(())
    }
}

/// A text, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

struct TextSeed;

impl<'a> DeserializeSeed<'a> for TextSeed {
    type Value = Text<'a>;

    fn deserialize<D: Deserializer<'a>>(self, source: D) -> Result<Text<'a>, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for TextSeed {
    type Value = Text<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Text<'a>, E> {
        Ok(Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
        Ok(Text(text.to_owned().into()))
    }
}

/// A claim of any type.
struct ClaimSeed;

impl<'a> DeserializeSeed<'a> for ClaimSeed {
    type Value = Claim<'a>;

    fn deserialize<D: Deserializer<'a>>(self, source: D) -> Result<Claim<'a>, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for ClaimSeed {
    type Value = Claim<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a claim")
    }

    fn visit_unit<E>(self) -> Result<Claim<'a>, E> {
        Ok(Claim::Null)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Claim<'a>, E> {
        Ok(Claim::Boolean(boolean))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Claim<'a>, E> {
        Ok(Claim::Integer(integer))
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Claim<'a>, E> {
        Ok(i64::try_from(integer).map_or_else(
            |_| Claim::Number(integer.to_string().into()),
            Claim::Integer,
        ))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Claim<'a>, E> {
        Ok(Claim::Number(Json::from(number).to_string().into()))
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Claim<'a>, E> {
        Ok(Claim::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Claim<'a>, E> {
        Ok(Claim::Text(text.to_owned().into()))
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut items: S) -> Result<Claim<'a>, S::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Json>()? {
            list.push(item);
        }
        let texts: Option<Vec<_>> = list
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect();
        Ok(texts.map_or_else(
            || Claim::Json(Json::Array(list).to_string().into()),
            Claim::Texts,
        ))
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Claim<'a>, M::Error> {
        let mut object = serde_json::Map::new();
        while let Some((name, value)) = map.next_entry()? {
            object.insert(name, value);
        }
        Ok(Claim::Json(Json::Object(object).to_string().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&[&str]]) -> Vec<Vec<String>> {
        paths
            .iter()
            .map(|path| path.iter().map(|name| (*name).to_owned()).collect())
            .collect()
    }

    #[test]
    fn what_is_wanted_is_read_and_nothing_else() {
        let paths = paths(&[&["ref"], &["k.io", "pod", "uid"], &["n"], &["gone"], &["l"]]);
        let payload = br#"{"iss":"i","sub":"s\u0041","aud":"a","x":[{"ref":1}],
            "k.io":{"pod":{"name":"p","uid":"u"},"ref":"no"},"ref":"main","n":7,
            "l":["a","b"],"iat":1,"exp":2}"#;
        let read = Reader::of(&paths).read(payload).unwrap();
        assert_eq!(read.registered.subject, "sA");
        assert_eq!(read.registered.audience, ["a"]);
        assert_eq!(
            read.claims,
            [
                Claim::Text("main".into()),
                Claim::Text("u".into()),
                Claim::Integer(7),
                Claim::Absent,
                Claim::Texts(vec!["a".into(), "b".into()]),
            ]
        );
    }

    #[test]
    fn a_claim_that_is_wanted_as_a_whole_and_in_parts_is_both() {
        let paths = paths(&[&["a"], &["a", "b"], &["a", "b", "c"], &["a", "d"]]);
        let reader = Reader::of(&paths);
        let read = reader.read(br#"{"a":{"b":{"c":1}}}"#).unwrap();
        assert_eq!(
            read.claims,
            [
                Claim::Json(r#"{"b":{"c":1}}"#.into()),
                Claim::Json(r#"{"c":1}"#.into()),
                Claim::Integer(1),
                Claim::Absent,
            ]
        );
        let read = reader.read(br#"{"a":true}"#).unwrap();
        assert_eq!(read.claims[0], Claim::Boolean(true));
        assert_eq!(read.claims[1..], [const { Claim::Absent }; 3]);
    }

    #[test]
    fn a_path_ends_where_there_is_no_object() {
        let paths = paths(&[&["a", "b"], &["a", "c"]]);
        for value in [
            "null",
            "true",
            "-1",
            "1",
            "1.5",
            "\"b\"",
            "[{\"b\":1}]",
            "{}",
        ] {
            let payload = format!("{{\"a\":{value}}}");
            let read = Reader::of(&paths).read(payload.as_bytes()).unwrap();
            assert_eq!(read.claims, [Claim::Absent, Claim::Absent], "{value}");
        }
    }

    #[test]
    fn a_registered_claim_may_be_wanted_as_well() {
        let paths = paths(&[&["sub"], &["exp"], &["aud"]]);
        let read = Reader::of(&paths)
            .read(br#"{"sub":"s","exp":2,"aud":"a"}"#)
            .unwrap();
        assert_eq!(
            read.claims,
            [
                Claim::Text("s".into()),
                Claim::Integer(2),
                Claim::Text("a".into())
            ]
        );
        assert_eq!(read.registered.expires_at, 2);
    }

    #[test]
    fn what_is_no_payload_is_an_error() {
        for payload in ["", "[]", "{\"exp\":\"soon\"}", "{} {}", "{\"sub\":1}"] {
            assert!(
                Reader::of(&[]).read(payload.as_bytes()).is_err(),
                "{payload}"
            );
        }
    }
}
