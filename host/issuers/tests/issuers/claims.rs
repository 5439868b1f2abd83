//! A JSON object as a token's claims.

use std::sync::Arc;

use claimbound_issuers::{Claims, Found, Model, Refusal, Registry, Workload};
use serde_json::Value;

pub(crate) struct Json(pub(crate) Value);

impl Claims for Json {
    fn claim(&self, path: &[Box<str>]) -> Found<'_> {
        let mut value = &self.0;
        for name in path {
            match value.get(&**name) {
                Some(inner) => value = inner,
                None => return Found::Absent,
            }
        }
        match value {
            Value::String(text) => Found::Text(text),
            Value::Null => Found::Other("null"),
            Value::Bool(_) => Found::Other("boolean"),
            Value::Number(_) => Found::Other("number"),
            Value::Array(_) => Found::Other("array"),
            Value::Object(_) => Found::Other("object"),
        }
    }
}

pub(crate) fn model(name: &str) -> Arc<Model> {
    Arc::clone(
        Registry::standard()
            .get(name)
            .expect("a model of that name"),
    )
}

/// Identifies a token at the model's default issuer.
pub(crate) fn identify(name: &str, subject: &str, claims: Value) -> Result<Workload, Refusal> {
    let model = model(name);
    let issuer = model
        .default_issuer()
        .unwrap_or("https://issuer.example")
        .to_owned();
    model.identify(&issuer, subject, &Json(claims))
}

/// The names of a workload as (kind, name, id, parent).
pub(crate) fn names(workload: &Workload) -> Vec<(&str, &str, Option<&str>, Option<&str>)> {
    workload
        .names
        .iter()
        .map(|name| {
            (
                &*name.kind,
                &*name.name,
                name.id.as_deref(),
                name.parent.as_deref(),
            )
        })
        .collect()
}

/// The parts of a workload.
pub(crate) fn parts(workload: &Workload) -> Vec<(&str, &str)> {
    workload
        .parts
        .iter()
        .map(|(part, value)| (&**part, value.as_str()))
        .collect()
}
