//! Facts about a token that no host has checked: anything at all.

use claimbound_engine::{Facts, Key, Name, Value};

use crate::input::Bytes;

/// One fact of several kinds, owned.
enum Owned {
    Absent,
    Null,
    Boolean(bool),
    Integer(i64),
    Number(String),
    Text(String),
    Texts(Vec<String>),
    Json(String),
}

/// Facts that the fuzzer chose; lists repeat where a program asks for more.
pub struct Chosen {
    issuer: String,
    audience: Vec<String>,
    texts: Vec<String>,
    values: Vec<Owned>,
    issued_at: Option<u64>,
    expires_at: u64,
    now: u64,
}

impl Chosen {
    /// Reads facts; `issuer` is the one that the program knows, which the
    /// fuzzer may leave in place.
    pub fn read(bytes: &mut Bytes<'_>, issuer: &str) -> Self {
        let flags = bytes.byte();
        let time = |bytes: &mut Bytes<'_>| match bytes.byte() {
            0 => u64::MAX,
            shift @ 1..64 => 1_u64 << shift,
            other => 1_795_428_000 + u64::from(other),
        };
        Self {
            issuer: if flags & 1 == 0 {
                issuer.to_owned()
            } else {
                bytes.text()
            },
            audience: (0..flags >> 1 & 3).map(|_| bytes.text()).collect(),
            texts: (0..4).map(|_| bytes.text()).collect(),
            values: (0..8).map(|_| owned(bytes)).collect(),
            issued_at: (flags & 8 == 0).then(|| time(bytes)),
            expires_at: time(bytes),
            now: time(bytes),
        }
    }

    fn text(&self, index: usize) -> Option<&str> {
        let text = self.texts.get(index % 5)?;
        Some(text)
    }
}

fn owned(bytes: &mut Bytes<'_>) -> Owned {
    match bytes.byte() % 8 {
        0 => Owned::Text(bytes.text()),
        1 => Owned::Null,
        2 => Owned::Boolean(bytes.byte() % 2 == 1),
        3 => Owned::Integer(i64::from(bytes.short().cast_signed())),
        4 => Owned::Number(bytes.text()),
        5 => Owned::Texts((0..bytes.byte() % 4).map(|_| bytes.text()).collect()),
        6 => Owned::Json(bytes.text()),
        _ => Owned::Absent,
    }
}

impl Facts for Chosen {
    fn issuer(&self) -> &str {
        &self.issuer
    }
    fn subject(&self) -> &str {
        self.text(0).unwrap_or_default()
    }
    fn form(&self) -> &str {
        self.text(1).unwrap_or_default()
    }
    fn audience(&self) -> &[String] {
        &self.audience
    }
    fn issued_at(&self) -> Option<u64> {
        self.issued_at
    }
    fn expires_at(&self) -> u64 {
        self.expires_at
    }
    fn claim(&self, index: usize) -> Value<'_> {
        match &self.values[index % self.values.len()] {
            Owned::Absent => Value::Absent,
            Owned::Null => Value::Null,
            Owned::Boolean(boolean) => Value::Boolean(*boolean),
            Owned::Integer(integer) => Value::Integer(*integer),
            Owned::Number(text) => Value::Number(text),
            Owned::Text(text) => Value::Text(text),
            Owned::Texts(texts) => Value::Texts(texts),
            Owned::Json(text) => Value::Json(text),
        }
    }
    fn part(&self, index: usize) -> Option<&str> {
        self.text(index)
    }
    fn name(&self, index: usize) -> Option<Name<'_>> {
        Some(Name {
            name: self.text(index)?,
            id: self.text(index + 1),
            parent: self.text(index + 2),
        })
    }
    fn attribute(&self, name: &str) -> Option<&str> {
        self.text(name.len())
    }
    fn key(&self) -> Key<'_> {
        Key {
            key_type: "RSA",
            algorithm: self.text(2).unwrap_or_default(),
            bits: 2048,
            thumbprint: self.text(3).unwrap_or_default(),
        }
    }
    fn now(&self) -> u64 {
        self.now
    }
    fn route_audience(&self) -> &str {
        self.audience.first().map_or("", String::as_str)
    }
}
