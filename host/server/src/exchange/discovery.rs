//! Where the token endpoint, the keys and the documents that name them are.

use claimbound::key::Algorithm;
use serde_json::{Value, json};

use super::request::GRANT;
use crate::config::SigningAlgorithm;

/// The paths that are served, as callers know them: those of the issuer's URL
/// included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The token endpoint.
    pub token: String,
    /// The key set.
    pub jwks: String,
    /// The discovery document, at the places of RFC 8414 §3.1 and of OpenID
    /// Connect Discovery §4.
    pub documents: [String; 2],
}

impl Paths {
    /// The paths of an issuer.
    pub(super) fn of(issuer: &str) -> Self {
        let rest = issuer.strip_prefix("https://").unwrap_or_default();
        let path = rest.find('/').and_then(|at| rest.get(at..));
        let path = path.unwrap_or_default();
        Self {
            token: format!("{path}/token"),
            jwks: format!("{path}/jwks"),
            documents: [
                format!("/.well-known/oauth-authorization-server{path}"),
                format!("{path}/.well-known/openid-configuration"),
            ],
        }
    }
}

/// The URL of the token endpoint.
pub(super) fn token_endpoint(issuer: &str) -> String {
    format!("{issuer}/token")
}

/// The discovery document (RFC 8414 §2), with what OpenID Connect Discovery §3
/// requires, for whoever reads that one alone; `proofs` are the algorithms that
/// `DPoP` proofs may use, where any can be checked.
pub(super) fn document(
    issuer: &str,
    algorithms: &[SigningAlgorithm],
    proofs: Option<&[Algorithm]>,
) -> Value {
    let signed: Vec<_> = algorithms.iter().map(|one| one.as_str()).collect();
    let mut document = json!({
        "issuer": issuer,
        "token_endpoint": token_endpoint(issuer),
        "jwks_uri": format!("{issuer}/jwks"),
        "grant_types_supported": [GRANT],
        // Nothing is authorised by a browser here.
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": signed,
    });
    if let (Some(proofs), Some(members)) = (proofs, document.as_object_mut()) {
        let proofs: Vec<_> = proofs.iter().map(|one| one.as_str()).collect();
        // RFC 9449 §5.1.
        members.insert("dpop_signing_alg_values_supported".into(), proofs.into());
    }
    document
}
