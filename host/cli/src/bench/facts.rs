//! What a program is told natively, borrowed from where the host has it.

use std::borrow::Cow;

use claimbound::floor::Admissible;
use claimbound::json::{Node, Value as Json};
use claimbound::policy::Request;
use claimbound_language::engine::model::Program;
use claimbound_language::engine::{Facts, Key, Name, Value};

/// The value of a claim, with as little copied as may be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Claim<'a> {
    #[default]
    Absent,
    Null,
    Boolean(bool),
    Integer(i64),
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    Texts(Vec<String>),
    Json(Cow<'a, str>),
}

/// The claims that every token has, whatever the program asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Registered<'a> {
    pub(super) issuer: Cow<'a, str>,
    pub(super) subject: Cow<'a, str>,
    pub(super) audience: Vec<String>,
    pub(super) issued_at: Option<u64>,
    pub(super) expires_at: u64,
}

/// The claims that a program reads: the same that a sandboxed one is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Read<'a> {
    pub(super) registered: Registered<'a>,
    /// In the order of the program's list.
    pub(super) claims: Vec<Claim<'a>>,
}

impl<'a> Read<'a> {
    /// Those of a token that the host has decoded.
    pub(super) fn of(program: &Program, token: &'a Admissible) -> Self {
        let verified = token.token();
        let claims = verified.claims();
        Self {
            registered: Registered {
                issuer: verified.issuer().url().into(),
                subject: verified.subject().into(),
                audience: verified.audience().map(str::to_owned).collect(),
                issued_at: verified.issued_at(),
                expires_at: token.expires_at(),
            },
            claims: program
                .claims
                .iter()
                .map(|path| claims.get(path).map_or(Claim::Absent, claim))
                .collect(),
        }
    }
}

fn claim(node: Node<'_>) -> Claim<'_> {
    if let Some(texts) = node.texts() {
        return Claim::Texts(texts.map(str::to_owned).collect());
    }
    match node.value() {
        Json::Absent => Claim::Absent,
        Json::Null => Claim::Null,
        Json::Boolean(boolean) => Claim::Boolean(boolean),
        Json::Integer(integer) => Claim::Integer(integer),
        Json::Number(text) => Claim::Number(text.into()),
        Json::Text(text) => Claim::Text(text.into()),
        Json::List(_) | Json::Object(_) => Claim::Json(node.json().into()),
    }
}

/// The whole of what a program may ask.
pub(super) struct Told<'a> {
    read: Read<'a>,
    token: &'a Admissible,
    request: &'a Request,
    parts: Vec<Option<&'a str>>,
    names: Vec<Option<Name<'a>>>,
}

impl<'a> Told<'a> {
    /// The claims that were read, the workload and key of `token`, and the
    /// request that it comes with.
    pub(super) fn new(
        program: &Program,
        read: Read<'a>,
        token: &'a Admissible,
        request: &'a Request,
    ) -> Self {
        let workload = token.workload();
        let name = |kind: &String| {
            workload.name(kind).map(|name| Name {
                name: &name.name,
                id: name.id.as_deref(),
                parent: name.parent.as_deref(),
            })
        };
        Self {
            read,
            token,
            request,
            parts: program
                .parts
                .iter()
                .map(|part| workload.part(part))
                .collect(),
            names: program.names.iter().map(name).collect(),
        }
    }
}

impl Facts for Told<'_> {
    fn issuer(&self) -> &str {
        &self.read.registered.issuer
    }

    fn subject(&self) -> &str {
        &self.read.registered.subject
    }

    fn form(&self) -> &str {
        &self.token.workload().form
    }

    fn audience(&self) -> &[String] {
        &self.read.registered.audience
    }

    fn issued_at(&self) -> Option<u64> {
        self.read.registered.issued_at
    }

    fn expires_at(&self) -> u64 {
        self.read.registered.expires_at
    }

    fn claim(&self, index: usize) -> Value<'_> {
        match self.read.claims.get(index) {
            None | Some(Claim::Absent) => Value::Absent,
            Some(Claim::Null) => Value::Null,
            Some(Claim::Boolean(boolean)) => Value::Boolean(*boolean),
            Some(Claim::Integer(integer)) => Value::Integer(*integer),
            Some(Claim::Number(text)) => Value::Number(text),
            Some(Claim::Text(text)) => Value::Text(text),
            Some(Claim::Texts(texts)) => Value::Texts(texts),
            Some(Claim::Json(text)) => Value::Json(text),
        }
    }

    fn part(&self, index: usize) -> Option<&str> {
        self.parts.get(index).copied().flatten()
    }

    fn name(&self, index: usize) -> Option<Name<'_>> {
        self.names.get(index).copied().flatten()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.request.attributes.iter();
        let found = attributes.find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    fn key(&self) -> Key<'_> {
        let key = self.token.token().verified_by();
        Key {
            key_type: key.key_type(),
            algorithm: key.algorithm().as_str(),
            bits: key.bits(),
            thumbprint: key.thumbprint(),
        }
    }

    fn now(&self) -> u64 {
        self.token.now()
    }

    fn route_audience(&self) -> &str {
        self.token.audience()
    }
}
