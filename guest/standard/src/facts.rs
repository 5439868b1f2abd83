//! The contract's input as the facts that a program asks for.

use std::borrow::Cow;

use claimbound_engine::{Facts, Key, Name, Value};

use crate::contract::claimbound::policy::types::{self, Input};

/// What the host gave, borrowed from it.
pub(crate) struct Given<'a> {
    pub(crate) now: u64,
    pub(crate) expires_at: u64,
    pub(crate) issued_at: Option<u64>,
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) form: &'a str,
    pub(crate) audience: Cow<'a, [String]>,
    pub(crate) parts: Vec<Option<&'a str>>,
    pub(crate) names: Vec<Option<Name<'a>>>,
    pub(crate) claims: Vec<Claim<'a>>,
    pub(crate) key: Key<'a>,
    pub(crate) route_audience: &'a str,
    pub(crate) attributes: Vec<(&'a str, &'a str)>,
}

/// A claim; a list of texts is owned where the host gave it packed.
pub(crate) enum Claim<'a> {
    Plain(Value<'a>),
    Texts(Vec<String>),
}

impl<'a> Given<'a> {
    /// A typed input.
    pub(crate) fn of(input: &'a Input) -> Self {
        let (token, key) = (&input.token, &input.verified_by);
        let name = |name: &'a types::BoundName| Name {
            name: &name.name,
            id: name.id.as_deref(),
            parent: name.parent.as_deref(),
        };
        Self {
            now: input.request.now,
            expires_at: token.expires_at,
            issued_at: token.issued_at,
            issuer: &token.issuer,
            subject: &token.subject,
            form: &token.workload.form,
            audience: Cow::Borrowed(&token.audience),
            parts: token.workload.parts.iter().map(Option::as_deref).collect(),
            names: token
                .workload
                .names
                .iter()
                .map(|one| one.as_ref().map(name))
                .collect(),
            claims: token.claims.iter().map(value).map(Claim::Plain).collect(),
            key: Key {
                key_type: &key.key_type,
                algorithm: &key.algorithm,
                bits: key.bits,
                thumbprint: &key.thumbprint,
            },
            route_audience: &input.request.audience,
            attributes: input
                .request
                .attributes
                .iter()
                .map(|attribute| (&*attribute.name, &*attribute.value))
                .collect(),
        }
    }
}

fn value(value: &types::Value) -> Value<'_> {
    match value {
        types::Value::Absent => Value::Absent,
        types::Value::Null => Value::Null,
        types::Value::Boolean(boolean) => Value::Boolean(*boolean),
        types::Value::Integer(integer) => Value::Integer(*integer),
        types::Value::Number(text) => Value::Number(text),
        types::Value::Text(text) => Value::Text(text),
        types::Value::Texts(texts) => Value::Texts(texts),
        types::Value::Json(text) => Value::Json(text),
    }
}

impl Facts for Given<'_> {
    fn issuer(&self) -> &str {
        self.issuer
    }

    fn subject(&self) -> &str {
        self.subject
    }

    fn form(&self) -> &str {
        self.form
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
        match self.claims.get(index) {
            None => Value::Absent,
            Some(Claim::Plain(value)) => *value,
            Some(Claim::Texts(texts)) => Value::Texts(texts),
        }
    }

    fn part(&self, index: usize) -> Option<&str> {
        self.parts.get(index).copied().flatten()
    }

    fn name(&self, index: usize) -> Option<Name<'_>> {
        self.names.get(index).copied().flatten()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| *value)
    }

    fn key(&self) -> Key<'_> {
        self.key
    }

    fn now(&self) -> u64 {
        self.now
    }

    fn route_audience(&self) -> &str {
        self.route_audience
    }
}
