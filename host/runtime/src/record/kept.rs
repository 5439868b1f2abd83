//! What a line keeps, by choice, so that its decision can be derived again:
//! the claims that were read, and what they were held to.

use std::collections::HashSet;

use claimbound_issuers::{IssuerMatch, Model, Subject};
use serde::{Deserialize, Serialize};

use crate::floor::Floor;
use crate::grant::Ceiling;
use crate::json::Node;
use crate::policy::{Manifest, Request};
use crate::token::{Claims, TokenTypes};
use crate::verify::Verified;

/// The registered claims that the host reads (RFC 7519 §4.1).
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// All it takes to derive a decision again, up to its obligations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The claims that the host or the policy reads, as the text of a JSON
    /// object: each value byte for byte as it was signed.
    pub claims: String,
    /// What the policy reads, as its manifest says.
    pub reads: Reads,
    /// The header's `typ`.
    pub token_type: Option<String>,
    /// The key that verified the token.
    pub key: KeptKey,
    /// The issuer's naming model.
    pub model: String,
    /// The longest lifetime of the issuer's tokens, in seconds.
    pub longest_lifetime: u64,
    /// The token types that were taken, by the route or else from the issuer.
    pub token_types: TokenTypes,
    /// The route's audience.
    pub audience: String,
    /// The route's leeway, in seconds.
    pub leeway: u64,
    /// The route's ceiling.
    pub ceiling: Ceiling,
    /// The request's attributes that the policy reads.
    pub attributes: Vec<(String, String)>,
}

/// What a policy reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    /// The paths of claims; none: the whole payload.
    pub claims: Option<Vec<Vec<String>>>,
    /// The names of attributes.
    pub attributes: Vec<String>,
    /// Whether it reads the issuer's published keys, which are not kept.
    pub published_keys: bool,
}

/// A key as a policy is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptKey {
    /// Its `kid`.
    pub id: Option<String>,
    /// Its type as a JWK writes it.
    #[serde(rename = "type")]
    pub key_type: String,
    /// The algorithm of the signature.
    pub algorithm: String,
    /// Its size in bits.
    pub bits: u32,
    /// Its RFC 7638 thumbprint.
    pub thumbprint: String,
}

impl Kept {
    pub(crate) fn new(
        token: &Verified,
        manifest: &Manifest,
        floor: &Floor,
        ceiling: &Ceiling,
        request: &Request,
    ) -> Self {
        let issuer = token.issuer();
        let reads = Reads::of(manifest);
        let attributes = request.attributes.iter();
        let is_read = |(name, _): &&(String, String)| reads.attributes.contains(name);
        Self {
            claims: selected(
                token.claims(),
                reads.claims.as_deref(),
                of_host(issuer.model(), issuer.url(), token.subject()),
            ),
            token_type: token.header().token_type().map(ToOwned::to_owned),
            key: KeptKey::of(token),
            model: issuer.model().name().to_owned(),
            longest_lifetime: issuer.longest_lifetime(),
            token_types: floor.token_types_of(issuer).clone(),
            audience: floor.audience().to_owned(),
            leeway: floor.leeway(),
            ceiling: ceiling.clone(),
            attributes: attributes.filter(is_read).cloned().collect(),
            reads,
        }
    }
}

impl Reads {
    fn of(manifest: &Manifest) -> Self {
        Self {
            claims: manifest.claims.clone(),
            attributes: manifest.attributes.clone(),
            published_keys: manifest.published_keys,
        }
    }
}

/// The claims that are kept of one token.
pub(super) struct KeptPaths<'a>(Option<Vec<Vec<&'a str>>>);

impl<'a> KeptPaths<'a> {
    pub(super) fn new(reads: &'a Reads, model: &'a Model, issuer: &str, subject: &str) -> Self {
        let own = reads.claims.as_deref();
        let own = own.map(|paths| paths.iter().map(|path| borrowed(path)));
        Self(own.map(|own| own.chain(of_host(model, issuer, subject)).collect()))
    }

    /// Whether what stands at `path` is kept, if anything does.
    pub(super) fn contains<S: AsRef<str>>(&self, path: &[S]) -> bool {
        let is_inside = |kept: &Vec<&str>| {
            path.len() >= kept.len() && kept.iter().zip(path).all(|(a, b)| *a == b.as_ref())
        };
        let paths = self.0.as_ref();
        paths.is_none_or(|paths| paths.iter().any(is_inside))
    }
}

impl KeptKey {
    fn of(token: &Verified) -> Self {
        let key = token.verified_by();
        Self {
            id: key.id().map(ToOwned::to_owned),
            key_type: key.key_type().to_owned(),
            algorithm: key.algorithm().to_string(),
            bits: key.bits(),
            thumbprint: key.thumbprint().to_owned(),
        }
    }
}

fn borrowed<S: AsRef<str>>(path: &[S]) -> Vec<&str> {
    path.iter().map(AsRef::as_ref).collect()
}

/// The claims that the floor and the naming model read of a token: of those
/// that repeat a part, the ones whose part this subject or issuer has.
fn of_host<'a>(model: &'a Model, issuer: &str, subject: &str) -> Vec<Vec<&'a str>> {
    let own = model.parse_subject(subject);
    let own: Vec<_> = own.iter().flat_map(Subject::parts).collect();
    let issuers = model.issuer(issuer);
    let issuers = issuers.iter().flat_map(IssuerMatch::parts);
    let present: HashSet<_> = own.iter().chain(issuers).map(|(name, _)| *name).collect();
    let parts = model.parts().iter();
    let parts = parts.filter(|part| present.contains(part.name()));
    let names = model.names().iter();
    let names = names.flat_map(|kind| kind.claim().into_iter().chain(kind.id_claim()));
    let paths = parts.filter_map(|part| part.claim()).chain(names);
    let registered = REGISTERED.iter().map(|name| vec![*name]);
    registered.chain(paths.map(|path| borrowed(path))).collect()
}

/// The claims that are read, as a JSON object in the order of the payload; all
/// of the payload where the policy reads all of it.
fn selected(token: &Claims, read: Option<&[Vec<String>]>, of_host: Vec<Vec<&str>>) -> String {
    let Some(read) = read else {
        return token.text().to_owned();
    };
    let own = read.iter().map(|path| borrowed(path));
    let paths: Vec<_> = own.chain(of_host).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    object(token.members(), &paths)
}

/// The members that the paths lead to or through.
fn object<'a>(members: impl Iterator<Item = (&'a str, Node<'a>)>, paths: &[&[&str]]) -> String {
    let mut text = String::from("{");
    for (name, node) in members {
        let inside: Vec<_> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter(|(first, _)| **first == name)
            .map(|(_, rest)| rest)
            .collect();
        let value = match inside.as_slice() {
            [] => continue,
            // The claim itself, or a value that has nothing inside.
            rest if rest.iter().any(|path| path.is_empty()) => node.json().to_owned(),
            rest => object(node.members(), rest),
        };
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&serde_json::Value::from(name).to_string());
        text.push(':');
        text.push_str(&value);
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Limits;

    #[test]
    fn what_is_read_is_kept_byte_for_byte_and_where_it_stood() {
        let model = claimbound_issuers::Registry::standard()
            .get("oidc")
            .unwrap();
        let text = r#"{"a":1.50e400,"b":{"c":{"d":"\u0041", "x":1},"y":2},"e":[1 ,2],"sub":"s","z":0,"n\"m":true,"t":"text"}"#;
        let claims = Claims::parse(text, &Limits::TOKEN).unwrap();
        let path = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let read = [
            path(&["a"]),
            path(&["b", "c", "d"]),
            path(&["e"]),
            path(&["n\"m"]),
            path(&["t", "inside"]),
            path(&["absent"]),
        ];
        assert_eq!(
            selected(&claims, Some(&read), of_host(model, "", "s")),
            r#"{"a":1.50e400,"b":{"c":{"d":"\u0041"}},"e":[1 ,2],"sub":"s","n\"m":true,"t":{}}"#
        );
        assert_eq!(selected(&claims, None, Vec::new()), text);
    }
}
