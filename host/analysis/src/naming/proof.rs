//! Proof that what was found is a token of a block.

use claimbound_issuers::{Model, Workload};
use claimbound_language::{DecodedClaims, Example as Token, claim_at};
use serde_json::Value as Json;

use super::Found;
use crate::block::Block;
use crate::token::token;
use crate::values::Example;
use crate::variable::Variable;

/// Whether what was found makes a token that the model reads, and that is in the
/// block.
pub(super) fn is_in(found: &Found, block: &Block, url: &str, model: &Model) -> bool {
    let Some(token) = token(found, url, model) else {
        return false;
    };
    let subject = token.claims.get("sub").and_then(Json::as_str);
    let claims = DecodedClaims(&token.claims);
    let workload = subject.and_then(|subject| model.identify(url, subject, &claims).ok());
    workload.is_some_and(|workload| block.contains(&|one| value_of(one, &token, &workload)))
}

/// What a token has for a variable.
pub(super) fn value_of(variable: &Variable, token: &Token, workload: &Workload) -> Example {
    let text =
        |text: Option<&str>| text.map_or(Example::Absent, |text| Example::Value(Json::from(text)));
    let is = |value: Json| Example::Value(value);
    let claim = |name: &str| token.claims.get(name);
    let date = |name: &str| claim(name).and_then(Json::as_u64);
    let since_issued = |end: Option<u64>| {
        let issued = end.zip(date("iat"));
        issued.map_or(Example::Absent, |(end, issued)| {
            is(Json::from(end.saturating_sub(issued)))
        })
    };
    match variable {
        Variable::Issuer => text(claim("iss").and_then(Json::as_str)),
        Variable::Subject => text(claim("sub").and_then(Json::as_str)),
        Variable::Form => text(Some(&workload.form)),
        Variable::Part(part) => text(workload.part(part)),
        Variable::Claim(path) => {
            let found = claim_at(&token.claims, path).cloned();
            found.map_or(Example::Absent, is)
        }
        Variable::Name(kind) => text(workload.name(kind).map(|name| name.name.as_str())),
        Variable::Id(kind) => text(workload.name(kind).and_then(|name| name.id.as_deref())),
        Variable::Parent(kind) => text(workload.name(kind).and_then(|name| name.parent.as_deref())),
        Variable::Audience => is(Json::from(audiences(token))),
        Variable::SoleAudience => is(Json::from(audiences(token).len() == 1)),
        Variable::AudienceOfRoute => text(Some(&token.request.audience)),
        Variable::KeyType => text(Some(&token.key.key_type)),
        Variable::KeyAlgorithm => text(Some(&token.key.algorithm)),
        Variable::KeyBits => is(Json::from(token.key.bits)),
        Variable::KeyThumbprint => text(Some(&token.key.thumbprint)),
        Variable::Attribute(name) => text(token.request.attributes.get(name).map(String::as_str)),
        Variable::Lifetime => since_issued(date("exp")),
        Variable::Age => since_issued(Some(token.request.now)),
        Variable::Now => is(Json::from(token.request.now)),
    }
}

/// The values of `aud`, which is one text or a list.
fn audiences(token: &Token) -> Vec<Json> {
    match token.claims.get("aud") {
        Some(Json::Array(list)) => list.clone(),
        other => other.cloned().into_iter().collect(),
    }
}
