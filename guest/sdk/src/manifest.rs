//! What a policy is and what it reads.

use crate::contract::exports::claimbound::policy::decide as wire;

/// What a policy is and what it reads: the host gives it no more than that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    name: String,
    version: String,
    pub(crate) claims: Vec<Vec<String>>,
    pub(crate) parts: Vec<String>,
    pub(crate) names: Vec<String>,
    attributes: Vec<String>,
    published_keys: bool,
    obligations: Vec<String>,
}

impl Manifest {
    /// A policy of this name and version (Semantic Versioning 2.0.0) that reads
    /// no claim yet.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            ..Self::default()
        }
    }

    /// It reads the claim at this path: one name, or several for a nested one.
    #[must_use]
    pub fn claim<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> Self {
        self.claims.push(path.into_iter().map(Into::into).collect());
        self
    }

    /// It reads this part of the subject, by the naming model's name for it.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.parts.push(part.into());
        self
    }

    /// It reads the name of this kind, for example `repository`.
    #[must_use]
    pub fn name(mut self, kind: impl Into<String>) -> Self {
        self.names.push(kind.into());
        self
    }

    /// It reads this attribute of the request.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>) -> Self {
        self.attributes.push(name.into());
        self
    }

    /// It reads the issuer's whole key set.
    #[must_use]
    pub fn published_keys(mut self) -> Self {
        self.published_keys = true;
        self
    }

    /// It may ask for obligations of this kind: `bind`, `use-once`, `prove`, or
    /// one of its own.
    #[must_use]
    pub fn obligation(mut self, kind: impl Into<String>) -> Self {
        self.obligations.push(kind.into());
        self
    }

    pub(crate) fn into_contract(self) -> wire::Manifest {
        wire::Manifest {
            name: self.name,
            version: self.version,
            document: None,
            claims: Some(self.claims),
            parts: self.parts,
            names: self.names,
            attributes: self.attributes,
            published_keys: self.published_keys,
            obligations: self.obligations,
        }
    }
}
