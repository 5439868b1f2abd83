//! One JWK: its public half, strictly, and what it may verify (RFC 7517 §4).

use super::algorithm::Algorithm;
use super::error::KeyError;
use super::material::Material;
use super::{Key, KeyType};
use crate::base64url;
use crate::json::{Document, Limits, Node, Value};
use crate::reason::clip;

/// Longest `kid` of a key, in bytes.
const LONGEST_ID: usize = 1024;

type Parsed<T> = Result<T, KeyError>;

pub(super) fn from_json(json: Vec<u8>) -> Parsed<Key> {
    let document = Document::parse(json, &Limits::FILE).map_err(KeyError::Json)?;
    from_node(document.root())
}

/// Reads a key. What tells signing keys from others is read first, so that a
/// key for something else is never called malformed.
pub(super) fn from_node(jwk: Node<'_>) -> Parsed<Key> {
    let id = id(jwk)?;
    let kind = kind(jwk)?;
    refuse_other_uses(jwk)?;
    let bound = bound_algorithm(jwk)?;
    let material = match kind {
        KeyType::Rsa => Material::rsa(integer(jwk, "n")?, integer(jwk, "e")?)?,
        KeyType::Ec => ec(jwk)?,
        KeyType::Okp => okp(jwk)?,
    };
    material.into_key(id, bound)
}

/// Reads a key of a SPIFFE bundle, in which what a key is for is always said
/// (SPIFFE Trust Domain and Bundle §4.2.2).
pub(super) fn from_bundle(jwk: Node<'_>) -> Parsed<Key> {
    match text(jwk, "use")? {
        Some("jwt-svid") => from_node(jwk),
        Some(other) => Err(KeyError::unfit(format!(
            "its `use` is `{}`, not `jwt-svid`",
            clip(other)
        ))),
        None => Err(KeyError::unfit("its `use` is absent, not `jwt-svid`")),
    }
}

/// The `kid` (RFC 7517 §4.5).
pub(super) fn id(jwk: Node<'_>) -> Parsed<Option<&str>> {
    match text(jwk, "kid")? {
        Some(id) if id.len() > LONGEST_ID => {
            Err(KeyError::malformed("kid", "is longer than 1024 bytes"))
        }
        id => Ok(id),
    }
}

fn kind(jwk: Node<'_>) -> Parsed<KeyType> {
    match required(jwk, "kty")? {
        "RSA" => Ok(KeyType::Rsa),
        "EC" => Ok(KeyType::Ec),
        "OKP" => Ok(KeyType::Okp),
        other => Err(KeyError::unknown("kty", other)),
    }
}

// RFC 7517 §4.2 and §4.3
fn refuse_other_uses(jwk: Node<'_>) -> Parsed<()> {
    // SPIFFE's JWT-SVID specification §4 has its own word for keys that sign
    // tokens.
    let signs = |purpose: &str| matches!(purpose, "sig" | "jwt-svid");
    if let Some(other) = text(jwk, "use")?.filter(|purpose| !signs(purpose)) {
        let why = format!("its `use` is `{}`, not `sig`", clip(other));
        return Err(KeyError::unfit(why));
    }
    let Some(operations) = jwk.get("key_ops") else {
        return Ok(());
    };
    let Value::List(items) = operations.value() else {
        return Err(KeyError::malformed("key_ops", "is not a list"));
    };
    let mut verifies = false;
    for item in items {
        let operation = item.text();
        let operation = operation
            .ok_or_else(|| KeyError::malformed("key_ops", "holds something that is no string"))?;
        verifies |= operation == "verify";
    }
    if verifies {
        Ok(())
    } else {
        Err(KeyError::unfit("its `key_ops` don't include `verify`"))
    }
}

/// The `alg` that the key is bound to (RFC 7517 §4.4).
fn bound_algorithm(jwk: Node<'_>) -> Parsed<Option<Algorithm>> {
    let Some(name) = text(jwk, "alg")? else {
        return Ok(None);
    };
    let unknown = || {
        KeyError::unfit(format!(
            "its `alg` is `{}`, which verifies nothing here",
            clip(name)
        ))
    };
    Algorithm::parse(name).map(Some).ok_or_else(unknown)
}

// RFC 7518 §6.2.1
fn ec(jwk: Node<'_>) -> Parsed<Material> {
    let name = required(jwk, "crv")?;
    let curve = Algorithm::curves().find(|curve| curve.name == name);
    let curve = curve.ok_or_else(|| KeyError::unknown("crv", name))?;
    let (x, y) = (
        coordinate(jwk, "x", curve.bytes)?,
        coordinate(jwk, "y", curve.bytes)?,
    );
    Ok(Material::ec(curve, &x, &y))
}

// RFC 8037 §2
fn okp(jwk: Node<'_>) -> Parsed<Material> {
    match required(jwk, "crv")? {
        "Ed25519" => Ok(Material::ed25519(coordinate(jwk, "x", 32)?)),
        other => Err(KeyError::unknown("crv", other)),
    }
}

fn text<'a>(jwk: Node<'a>, member: &'static str) -> Parsed<Option<&'a str>> {
    let Some(node) = jwk.get(member) else {
        return Ok(None);
    };
    node.text()
        .map(Some)
        .ok_or_else(|| KeyError::malformed(member, "is not a string"))
}

fn required<'a>(jwk: Node<'a>, member: &'static str) -> Parsed<&'a str> {
    text(jwk, member)?.ok_or_else(|| KeyError::malformed(member, "is missing"))
}

fn octets(jwk: Node<'_>, member: &'static str) -> Parsed<Vec<u8>> {
    let text = required(jwk, member)?;
    let malformed = || KeyError::malformed(member, "is not base64url without padding");
    base64url::decode(text.as_bytes()).ok_or_else(malformed)
}

/// A positive integer in as few octets as it needs (RFC 7518 §2).
fn integer(jwk: Node<'_>, member: &'static str) -> Parsed<Vec<u8>> {
    let octets = octets(jwk, member)?;
    match octets.first() {
        None => Err(KeyError::malformed(member, "is empty")),
        Some(0) => Err(KeyError::malformed(member, "starts with a zero octet")),
        Some(_) => Ok(octets),
    }
}

fn coordinate(jwk: Node<'_>, member: &'static str, length: usize) -> Parsed<Vec<u8>> {
    let octets = octets(jwk, member)?;
    if octets.len() == length {
        return Ok(octets);
    }
    Err(KeyError::malformed(
        member,
        "has not the length of the curve's coordinates",
    ))
}
