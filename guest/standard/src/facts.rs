//! The contract's input as the facts that a program asks for.

use claimbound_engine::{Facts, Key, Name, Value};

use crate::contract::claimbound::policy::types::{self, Input};

/// What the host gave.
pub(crate) struct Given<'a>(pub(crate) &'a Input);

impl Facts for Given<'_> {
    fn issuer(&self) -> &str {
        &self.0.token.issuer
    }

    fn subject(&self) -> &str {
        &self.0.token.subject
    }

    fn form(&self) -> &str {
        &self.0.token.workload.form
    }

    fn audience(&self) -> &[String] {
        &self.0.token.audience
    }

    fn issued_at(&self) -> Option<u64> {
        self.0.token.issued_at
    }

    fn expires_at(&self) -> u64 {
        self.0.token.expires_at
    }

    fn claim(&self, index: usize) -> Value<'_> {
        match self.0.token.claims.get(index) {
            None | Some(types::Value::Absent) => Value::Absent,
            Some(types::Value::Null) => Value::Null,
            Some(types::Value::Boolean(boolean)) => Value::Boolean(*boolean),
            Some(types::Value::Integer(integer)) => Value::Integer(*integer),
            Some(types::Value::Number(text)) => Value::Number(text),
            Some(types::Value::Text(text)) => Value::Text(text),
            Some(types::Value::Texts(texts)) => Value::Texts(texts),
            Some(types::Value::Json(text)) => Value::Json(text),
        }
    }

    fn part(&self, index: usize) -> Option<&str> {
        self.0.token.workload.parts.get(index)?.as_deref()
    }

    fn name(&self, index: usize) -> Option<Name<'_>> {
        let name = self.0.token.workload.names.get(index)?.as_ref()?;
        Some(Name {
            name: &name.name,
            id: name.id.as_deref(),
            parent: name.parent.as_deref(),
        })
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.0
            .request
            .attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.as_str())
    }

    fn key(&self) -> Key<'_> {
        let key = &self.0.verified_by;
        Key {
            key_type: &key.key_type,
            algorithm: &key.algorithm,
            bits: key.bits,
            thumbprint: &key.thumbprint,
        }
    }

    fn now(&self) -> u64 {
        self.0.request.now
    }

    fn route_audience(&self) -> &str {
        &self.0.request.audience
    }
}
