//! What a policy is told about a token: only what its manifest asks for.

use std::sync::Arc;

use crate::contract::claimbound::policy::types as wire;
use crate::floor::Admissible;
use crate::json::{Node, Value};
use crate::key::{Key, KeySet};
use crate::policy::Manifest;
use crate::proof::Possession;

/// The circumstances of a decision, each from a source that the route trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Attributes by name, such as `environment`.
    pub attributes: Vec<(String, String)>,
    /// What the caller showed beside the token; no policy sees it.
    pub possession: Possession,
}

impl Request {
    /// A request with these attributes, whose caller showed nothing beside its
    /// token.
    pub fn with_attributes(attributes: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            attributes: attributes.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// What the input's lists borrow from, kept for as long as it is used.
pub(super) struct Lists<'a> {
    /// Each claim that is a list of texts, in the order of the manifest.
    claims: Vec<Vec<&'a str>>,
    audience: Vec<&'a str>,
    /// The issuer's keys, where the manifest wants them.
    published: Option<Arc<KeySet>>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(manifest: &Manifest, token: &'a Admissible) -> Self {
        let claims = token.token().claims();
        let lists = manifest.claims.iter().flatten().filter_map(|path| {
            let texts = claims.get(path)?.texts()?;
            Some(texts.collect())
        });
        Self {
            claims: lists.collect(),
            audience: token.token().audience().collect(),
            published: manifest
                .published_keys
                .then(|| token.token().issuer().keys()),
        }
    }
}

/// The pieces of the input that are lists of records.
pub(super) struct Parts<'a> {
    token: &'a Admissible,
    now: u64,
    audience: &'a [&'a str],
    claims: Vec<wire::Value<'a>>,
    payload: Option<&'a str>,
    subject: Vec<Option<&'a str>>,
    names: Vec<Option<wire::BoundName<'a>>>,
    attributes: Vec<wire::Pair<'a>>,
    published: Vec<wire::Key<'a>>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(
        manifest: &Manifest,
        token: &'a Admissible,
        request: &'a Request,
        now: u64,
        lists: &'a Lists<'a>,
    ) -> Self {
        let mut texts = lists.claims.iter();
        let claims = token.token().claims();
        let workload = token.workload();
        let names = manifest.names.iter().map(|kind| {
            workload.name(kind).map(|name| wire::BoundName {
                name: &name.name,
                id: name.id.as_deref(),
                parent: name.parent.as_deref(),
            })
        });
        let asked = |(name, _): &&(String, String)| manifest.attributes.contains(name);
        let attributes = request.attributes.iter().filter(asked);
        Self {
            token,
            now,
            audience: &lists.audience,
            claims: manifest
                .claims
                .iter()
                .flatten()
                .map(|path| value(claims.get(path), &mut texts))
                .collect(),
            payload: manifest.claims.is_none().then(|| claims.text()),
            subject: manifest
                .parts
                .iter()
                .map(|part| workload.part(part))
                .collect(),
            names: names.collect(),
            attributes: attributes
                .map(|(name, value)| wire::Pair { name, value })
                .collect(),
            published: lists
                .published
                .iter()
                .flat_map(|keys| keys.keys())
                .map(|key| published(key))
                .collect(),
        }
    }

    /// The whole input, borrowed from the token.
    pub(super) fn input(&'a self) -> wire::Input<'a> {
        let token = self.token.token();
        let workload = self.token.workload();
        let key = token.verified_by();
        wire::Input {
            token: wire::Token {
                issuer: token.issuer().url(),
                subject: token.subject(),
                audience: self.audience,
                token_type: token.header().token_type(),
                algorithm: token.header().algorithm().as_str(),
                token_id: token.token_id(),
                issued_at: token.issued_at(),
                not_before: token.not_before(),
                expires_at: self.token.expires_at(),
                workload: wire::Workload {
                    model: &workload.model,
                    form: &workload.form,
                    parts: &self.subject,
                    names: &self.names,
                },
                claims: &self.claims,
                payload: self.payload,
            },
            verified_by: wire::Key {
                id: key.id(),
                key_type: key.key_type(),
                algorithm: key.algorithm().as_str(),
                bits: key.bits(),
                thumbprint: key.thumbprint(),
            },
            published: &self.published,
            request: wire::Request {
                now: self.now,
                audience: self.token.audience(),
                attributes: &self.attributes,
            },
        }
    }
}

/// A published key.
fn published(key: &Key) -> wire::Key<'_> {
    wire::Key {
        id: key.id(),
        key_type: key.key_type().as_str(),
        algorithm: key.usual_algorithm(),
        bits: key.bits(),
        thumbprint: key.thumbprint(),
    }
}

/// A claim as the contract has it; `lists` holds its texts where it is a list
/// of texts, in the order of the manifest.
fn value<'a>(
    node: Option<Node<'a>>,
    lists: &mut std::slice::Iter<'a, Vec<&'a str>>,
) -> wire::Value<'a> {
    let Some(node) = node else {
        return wire::Value::Absent;
    };
    match node.value() {
        Value::Absent => wire::Value::Absent,
        Value::Null => wire::Value::Null,
        Value::Boolean(boolean) => wire::Value::Boolean(boolean),
        Value::Integer(integer) => wire::Value::Integer(integer),
        Value::Number(text) => wire::Value::Number(text),
        Value::Text(text) => wire::Value::Text(text),
        Value::List(_) if node.texts().is_some() => {
            wire::Value::Texts(lists.next().map_or(&[], Vec::as_slice))
        }
        Value::List(_) | Value::Object(_) => wire::Value::Json(node.json()),
    }
}
