//! A case's token, as it is made.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::known::{Known, TokenIssuer};
use super::token::TokenRecipe;
use crate::compile::IssuerSummary;
use crate::example::{Example, USUAL_LIFETIME, USUAL_TIME};
use crate::native::{NativeKey, NativeRequest, claim_at};

/// A case's token and circumstances, ready to be decided.
#[derive(Clone, Debug, PartialEq)]
pub struct DerivedToken {
    /// Its claims.
    pub claims: Map<String, Json>,
    /// The key that verified it.
    pub key: NativeKey,
    /// When and where it is decided.
    pub request: NativeRequest,
}

/// The value at a path of a derived token, for those who show it.
impl DerivedToken {
    /// The value at `path`.
    pub fn claim<S: AsRef<str>>(&self, path: &[S]) -> Option<&Json> {
        claim_at(&self.claims, path)
    }
}

/// The token that a recipe begins with.
pub(super) fn base(known: Known<'_>, recipe: &TokenRecipe) -> Result<DerivedToken, String> {
    if let Some(issuer) = &recipe.issuer {
        return Ok(whole(known, issuer, recipe));
    }
    let Some(like) = &recipe.like else {
        return Ok(bare(known, &recipe.change.with));
    };
    let compiled = known
        .compiled
        .ok_or_else(|| format!("there is no document with statement `{}`", like.value))?;
    let form = recipe.change.form.as_ref().map(|form| form.value.as_str());
    let accepted = compiled.example_forms(&like.value)?;
    let example = match form.filter(|form| accepted.iter().any(|one| one == form)) {
        Some(form) => compiled.example_in(&like.value, form)?,
        None => compiled.example(&like.value)?,
    };
    let Example {
        claims,
        key,
        request,
        ..
    } = example;
    Ok(DerivedToken {
        claims,
        key,
        request,
    })
}

/// A token of what it says alone, issued at the usual time for the usual while;
/// its claims come first, and what they leave out of the registered ones follows.
fn whole(known: Known<'_>, issuer: &TokenIssuer, recipe: &TokenRecipe) -> DerivedToken {
    let mut claims = recipe.change.with.clone();
    let own = audience_of(&claims).map(str::to_owned);
    let audience = recipe.audience.clone().or(own).unwrap_or_default();
    let registered = [
        ("iss", Json::from(issuer.url.value.clone())),
        ("aud", Json::from(audience.clone())),
        ("iat", Json::from(USUAL_TIME)),
        ("nbf", Json::from(USUAL_TIME)),
        ("exp", Json::from(USUAL_TIME + USUAL_LIFETIME)),
        ("jti", Json::from("example")),
    ];
    for (name, value) in registered {
        claims.entry(name).or_insert(value);
    }
    DerivedToken {
        claims,
        key: key_of(known.of(recipe).as_ref()),
        request: NativeRequest {
            now: USUAL_TIME,
            audience,
            attributes: BTreeMap::new(),
        },
    }
}

/// A token of nothing but its claims, decided when it was issued.
fn bare(known: Known<'_>, claims: &Map<String, Json>) -> DerivedToken {
    let url = claims.get("iss").and_then(Json::as_str);
    let issuer = url.and_then(|url| known.find(url));
    DerivedToken {
        claims: claims.clone(),
        key: key_of(issuer.as_ref()),
        request: NativeRequest {
            now: claims.get("iat").and_then(Json::as_u64).unwrap_or(0),
            audience: audience_of(claims).unwrap_or_default().to_owned(),
            attributes: BTreeMap::new(),
        },
    }
}

/// The audience, or the first of several.
fn audience_of(claims: &Map<String, Json>) -> Option<&str> {
    let audience = claims.get("aud")?;
    let first = audience.as_array().and_then(|list| list.first());
    first.unwrap_or(audience).as_str()
}

/// The key that an issuer's tokens are usually signed with.
fn key_of(issuer: Option<&IssuerSummary>) -> NativeKey {
    let algorithm = issuer.and_then(|issuer| issuer.model.algorithms().first());
    NativeKey::of(algorithm.map_or("RS256", String::as_str))
}

/// Moves the token's times, as if it had been issued `at` that moment; those
/// that its recipe sets stay.
pub(super) fn issue_at(token: &mut DerivedToken, at: u64, set: &Map<String, Json>) {
    let before = token.request.now;
    for name in ["iat", "nbf", "exp"] {
        if set.contains_key(name) {
            continue;
        }
        if let Some(moment) = token.claims.get(name).and_then(Json::as_u64) {
            let moved = at.saturating_add(moment.saturating_sub(before));
            token.claims.insert(name.to_owned(), Json::from(moved));
        }
    }
}
