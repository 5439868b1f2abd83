//! A verified token, as a policy reads it.

use crate::contract::claimbound::policy::types as wire;
use crate::manifest::Manifest;

/// A verified token with its request.
///
/// Claims, parts and names are asked for by name; what the manifest does not
/// declare is not there.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    input: &'a wire::Input,
    manifest: &'a Manifest,
}

/// The value of a claim.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// The token has no such claim, or the manifest does not declare it.
    Absent,
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Boolean(bool),
    /// A number without fraction or exponent that fits 64 bits.
    Integer(i64),
    /// Any other number, as its text.
    Number(&'a str),
    /// A string.
    Text(&'a str),
    /// An array of strings.
    Texts(&'a [String]),
    /// Any other array, or an object, as JSON text.
    Json(&'a str),
}

impl<'a> Value<'a> {
    /// The text, where it is one.
    pub const fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent
            | Self::Null
            | Self::Boolean(_)
            | Self::Integer(_)
            | Self::Number(_)
            | Self::Texts(_)
            | Self::Json(_) => None,
        }
    }

    /// The integer, where it is one.
    pub const fn integer(self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(integer),
            Self::Absent
            | Self::Null
            | Self::Boolean(_)
            | Self::Number(_)
            | Self::Text(_)
            | Self::Texts(_)
            | Self::Json(_) => None,
        }
    }

    /// Whether the token has no such claim.
    pub const fn is_absent(self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// A name of the workload with the identity behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The name.
    pub name: &'a str,
    /// The immutable id, where the issuer has one.
    pub id: Option<&'a str>,
    /// The parent's id, or its name where it has no id.
    pub parent: Option<&'a str>,
}

/// A public key of the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// Its `kid`.
    pub id: Option<&'a str>,
    /// `RSA`, `EC` or `OKP`.
    pub key_type: &'a str,
    /// The algorithm that it verifies.
    pub algorithm: &'a str,
    /// Its size in bits.
    pub bits: u32,
    /// Its RFC 7638 thumbprint.
    pub thumbprint: &'a str,
}

fn key(key: &wire::Key) -> Key<'_> {
    Key {
        id: key.id.as_deref(),
        key_type: &key.key_type,
        algorithm: &key.algorithm,
        bits: key.bits,
        thumbprint: &key.thumbprint,
    }
}

impl<'a> Token<'a> {
    pub(crate) fn new(input: &'a wire::Input, manifest: &'a Manifest) -> Self {
        Self { input, manifest }
    }

    /// `iss`.
    pub fn issuer(&self) -> &'a str {
        &self.input.token.issuer
    }

    /// `sub`, raw.
    pub fn subject(&self) -> &'a str {
        &self.input.token.subject
    }

    /// `aud`, one element or more.
    pub fn audience(&self) -> &'a [String] {
        &self.input.token.audience
    }

    /// `jti`.
    pub fn token_id(&self) -> Option<&'a str> {
        self.input.token.token_id.as_deref()
    }

    /// `iat`, in seconds since 1970.
    pub fn issued_at(&self) -> Option<u64> {
        self.input.token.issued_at
    }

    /// `exp`, in seconds since 1970, exclusive.
    pub fn expires_at(&self) -> u64 {
        self.input.token.expires_at
    }

    /// The naming model that read the subject, and the subject's form.
    pub fn model(&self) -> (&'a str, &'a str) {
        let workload = &self.input.token.workload;
        (&workload.model, &workload.form)
    }

    /// The claim at this path.
    pub fn claim<S: AsRef<str>>(&self, path: impl IntoIterator<Item = S>) -> Value<'a> {
        let path: Vec<S> = path.into_iter().collect();
        let is = |declared: &Vec<String>| {
            declared
                .iter()
                .map(String::as_str)
                .eq(path.iter().map(AsRef::as_ref))
        };
        let place = self.manifest.claims.iter().position(is);
        match place.and_then(|place| self.input.token.claims.get(place)) {
            None | Some(wire::Value::Absent) => Value::Absent,
            Some(wire::Value::Null) => Value::Null,
            Some(wire::Value::Boolean(boolean)) => Value::Boolean(*boolean),
            Some(wire::Value::Integer(integer)) => Value::Integer(*integer),
            Some(wire::Value::Number(text)) => Value::Number(text),
            Some(wire::Value::Text(text)) => Value::Text(text),
            Some(wire::Value::Texts(texts)) => Value::Texts(texts),
            Some(wire::Value::Json(text)) => Value::Json(text),
        }
    }

    /// The part of the subject, where this subject's form has it.
    pub fn part(&self, part: &str) -> Option<&'a str> {
        let place = self.manifest.parts.iter().position(|one| one == part)?;
        self.input.token.workload.parts.get(place)?.as_deref()
    }

    /// The name of this kind, with the identity behind it.
    pub fn name(&self, kind: &str) -> Option<Name<'a>> {
        let place = self.manifest.names.iter().position(|one| one == kind)?;
        let name = self.input.token.workload.names.get(place)?.as_ref()?;
        Some(Name {
            name: &name.name,
            id: name.id.as_deref(),
            parent: name.parent.as_deref(),
        })
    }

    /// The attribute of the request, where the route knows it.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        let attributes = &self.input.request.attributes;
        let found = attributes.iter().find(|attribute| attribute.name == name)?;
        Some(&found.value)
    }

    /// The time of the decision, in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.input.request.now
    }

    /// The audience of the route.
    pub fn route_audience(&self) -> &'a str {
        &self.input.request.audience
    }

    /// The key that verified the signature.
    pub fn verified_by(&self) -> Key<'a> {
        key(&self.input.verified_by)
    }

    /// The issuer's whole key set, where the manifest asks for it.
    pub fn published(&self) -> impl Iterator<Item = Key<'a>> {
        self.input.published.iter().map(key)
    }
}
