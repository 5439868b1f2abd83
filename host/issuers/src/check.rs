//! The checks of a model that need no more than the table at hand.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::claim::{ClaimType, Role};
use crate::document::{self, Document, Text};
use crate::form::Segment;
use crate::issuer::IssuerForm;
use crate::model::{Model, Tokens};
use crate::part::Encoding;

/// Most entries in any one list of a model.
const MAX_ENTRIES: usize = 256;
/// Longest name of anything in a model, in bytes.
const MAX_NAME: usize = 64;
/// What a model may allow: the asymmetric algorithms of RFC 7518 §3.1 and RFC 8037 §3.1.
const ALGORITHMS: [&str; 10] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];
/// Types of token that are proofs or notices and never grant access
/// (RFC 9449 §4.2, OpenID Connect Back-Channel Logout §2.4, RFC 8417 §2.3).
const REFUSED_TYPES: [&str; 3] = ["dpop+jwt", "logout+jwt", "secevent+jwt"];

/// What is wrong, and with which bytes.
pub(crate) type Fault = (Range<usize>, String);

/// The fault of the text `at`.
pub(crate) fn fault<T>(at: &Text, message: String) -> Result<T, Fault> {
    Err((at.span(), message))
}

pub(crate) fn check_sizes(document: &Document) -> Result<(), Fault> {
    let lists = [
        ("issuers", document.issuers.len()),
        ("parts", document.parts.len()),
        ("forms", document.forms.len()),
        ("kinds", document.kinds.len()),
        ("claims", document.claims.len()),
    ];
    let inner = document
        .forms
        .iter()
        .map(|form| ("segments", form.segments.len() + form.claims.len()));
    for (what, count) in lists.into_iter().chain(inner) {
        if count > MAX_ENTRIES {
            return fault(
                &document.name,
                format!("there are more than {MAX_ENTRIES} {what}"),
            );
        }
    }
    if document.forms.is_empty() {
        return fault(&document.name, "a model has at least one [[form]]".into());
    }
    Ok(())
}

pub(crate) fn tokens(tokens: &document::Tokens) -> Result<Tokens, Fault> {
    for algorithm in &tokens.algorithms {
        if !ALGORITHMS.contains(&algorithm.get_ref().as_str()) {
            let message = format!("`{}` is no algorithm that is allowed", algorithm.get_ref());
            return fault(algorithm, message);
        }
    }
    for name in &tokens.types {
        let refused = REFUSED_TYPES
            .iter()
            .any(|other| name.get_ref().eq_ignore_ascii_case(other));
        if refused || name.get_ref().is_empty() {
            return fault(
                name,
                format!("`{}` is no type of token to accept", name.get_ref()),
            );
        }
    }
    if tokens.algorithms.is_empty() || (tokens.types.is_empty() && !tokens.absent_type) {
        return Err((0..0, "[tokens] allows no algorithm or no type".into()));
    }
    let texts = |list: &[Text]| list.iter().map(|text| text.get_ref().clone()).collect();
    Ok(Tokens {
        algorithms: texts(&tokens.algorithms),
        types: texts(&tokens.types),
        absent_type: tokens.absent_type,
        longest_lifetime: tokens.longest_lifetime,
        usual_lifetime: tokens.usual_lifetime,
        unique_id: tokens.unique_id,
    })
}

pub(crate) fn encoding(table: &BTreeMap<Text, String>) -> Result<Encoding, Fault> {
    let mut pairs = Vec::new();
    for (from, to) in table {
        let mut characters = from.get_ref().chars();
        let (Some(character), None) = (characters.next(), characters.next()) else {
            return fault(from, "an encoding replaces one character".into());
        };
        if to.is_empty() || to.contains(character) {
            return fault(from, "an encoding must make the character disappear".into());
        }
        pairs.push((character, to.as_str().into()));
    }
    Ok(Encoding(pairs.into()))
}

/// Lower-case letters, digits, `_` and `-`, so that names read alike everywhere.
pub(crate) fn check_name(name: &Text) -> Result<(), Fault> {
    let text = name.get_ref();
    let is_legal =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if text.is_empty() || text.len() > MAX_NAME || !text.bytes().all(is_legal) {
        let message =
            format!("`{text}` is no name: 1 to {MAX_NAME} lower-case letters, digits, `_` and `-`");
        return fault(name, message);
    }
    Ok(())
}

/// Values that are a risk are told of texts that say what started a run or where.
pub(crate) fn check_risky(claim: &document::Claim) -> Result<(), Fault> {
    let Some(first) = claim.risky.first() else {
        return Ok(());
    };
    if claim.risky.len() > MAX_ENTRIES {
        return fault(
            first,
            format!("there are more than {MAX_ENTRIES} values in `risky`"),
        );
    }
    match (claim.role, claim.json) {
        (Some(Role::Trigger | Role::Runner), ClaimType::Text) => Ok(()),
        _ => fault(
            first,
            "only a text whose role is `trigger` or `runner` has values in `risky`".into(),
        ),
    }
}

pub(crate) fn is_claim_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 256 && !name.chars().any(char::is_control)
}

pub(crate) fn check_issuer(form: &IssuerForm, url: &Text) -> Result<(), Fault> {
    let text = url.get_ref();
    let Some(rest) = text.strip_prefix("https://") else {
        return fault(url, "an issuer is an https URL".into());
    };
    if rest.contains(['@', '?', '#', '\\', ' ']) || !rest.is_ascii() {
        return fault(
            url,
            "an issuer has no user, query, fragment, space or backslash".into(),
        );
    }
    let host = rest.split('/').next().unwrap_or("");
    if host.is_empty() || host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return fault(url, "an issuer has a host in lower case".into());
    }
    if !form.template.is_certain() {
        return fault(url, "a part may hold the character that ends it".into());
    }
    if form.default && !form.is_exact() {
        return fault(url, "the default issuer has no parts".into());
    }
    Ok(())
}

pub(crate) fn add_segment(
    segments: &mut Vec<Segment>,
    segment: Segment,
    separator: char,
    at: &Text,
) -> Result<(), Fault> {
    let ends = |byte: u8| {
        segment
            .template
            .last_set()
            .is_some_and(|set| set.holds(byte))
    };
    if !segment.template.is_certain() || separator.is_ascii() && ends(separator as u8) {
        let message = "a part may hold the character that ends it; exclude that character";
        return fault(at, message.into());
    }
    if segment.template.leading_literal().is_empty() {
        return fault(at, "a segment begins with a literal".into());
    }
    if segments
        .iter()
        .any(|other| other.template.text() == segment.template.text())
    {
        return fault(
            at,
            format!("segment `{}` is listed twice", segment.template.text()),
        );
    }
    segments.push(segment);
    Ok(())
}

/// Kinds and parts share the names that a policy's subject may use.
pub(crate) fn check_fields(model: &Model, kinds: &[document::Kind]) -> Result<(), Fault> {
    for (kind, at) in model.kinds.iter().zip(kinds) {
        let Some(index) = model
            .parts
            .iter()
            .position(|part| part.name() == kind.name())
        else {
            continue;
        };
        if !model.covers(kind).any(|part| part == index) {
            let message = format!("kind `{0}` doesn't name the part `{0}`", kind.name());
            return fault(&at.name, message);
        }
    }
    Ok(())
}
