//! From an allow to an access token (RFC 9068): never more than the policy
//! grants, the route's ceiling allows, the target takes and the caller asks for.

use std::collections::BTreeSet;

use claimbound::grant::REGISTERED_CLAIMS;
use claimbound::json::{Document, Limits};
use claimbound::outcome::Allowed;
use serde_json::{Value, json};

use super::ExchangeError;
use super::answer::Response;
use super::keys::{SigningKeys, random};
use super::request::TokenRequest;
use super::target::Target;

/// The claim that says whose token was exchanged.
const ORIGIN: &str = "claimbound";

/// What an access token says.
#[derive(Debug)]
pub(super) struct AccessToken {
    /// A JSON object.
    claims: String,
    /// In seconds.
    lifetime: u64,
    scope: Option<String>,
    /// RFC 9449 §6.1: the token is bound to a key, and wants proofs by it.
    dpop: bool,
}

impl AccessToken {
    /// The token for this request to this target, as of `now`.
    pub(super) fn new(
        issuer: &str,
        target: &Target,
        request: &TokenRequest,
        allowed: &Allowed,
        now: u64,
    ) -> Result<Self, ExchangeError> {
        let ends = allowed
            .ends_at
            .min(now.saturating_add(target.longest_lifetime));
        // RFC 7519 §4.1.4: `exp` is exclusive. What was allowed has ended since.
        if ends <= now {
            return Err(ExchangeError::Ended);
        }
        let alias = target.aliases.get(&allowed.issuer);
        let alias = alias.ok_or(ExchangeError::Unavailable)?;
        // Two issuers may have one subject; no alias has a colon.
        let subject = format!("{alias}:{}", allowed.subject);
        let scope = scope(request, target, allowed)?;
        let mut claims = Members::default();
        claims.text("iss", issuer);
        claims.text("sub", &subject);
        claims.text("aud", &target.audience);
        claims.json("exp", &ends.to_string());
        claims.json("iat", &now.to_string());
        claims.text(
            "jti",
            &random::<16>().map_err(|_| ExchangeError::Unavailable)?,
        );
        // RFC 9068 §2.2, RFC 8693 §4.3: no client but the workload itself.
        claims.text("client_id", &subject);
        if let Some(scope) = &scope {
            claims.text("scope", scope);
        }
        let roles = narrowed(&allowed.grant.roles, target.roles.as_ref());
        if !roles.is_empty() {
            claims.json("roles", &json!(roles).to_string());
        }
        // Whatever the caller showed here, the token is bound as the subject
        // token was, or not at all.
        let confirmation = confirmation(allowed)?;
        if let Some(confirmation) = &confirmation {
            claims.json("cnf", confirmation.text());
        }
        let origin = json!({ "issuer": allowed.issuer, "subject": allowed.subject });
        claims.json(ORIGIN, &origin.to_string());
        claims.extend(allowed)?;
        Ok(Self {
            claims: claims.end(),
            lifetime: ends - now,
            scope,
            dpop: confirmation.is_some_and(|cnf| cnf.get(&["jkt"]).is_some()),
        })
    }

    /// The answer that holds it, signed (RFC 8693 §2.2.1).
    pub(super) fn response(
        &self,
        request: &TokenRequest,
        keys: &SigningKeys,
        now: u64,
    ) -> Result<Response, ExchangeError> {
        let token = keys.sign(&self.claims, now);
        let mut body = json!({
            "access_token": token.map_err(|_| ExchangeError::Unavailable)?,
            "issued_token_type": request.issued_type.as_str(),
            "token_type": if self.dpop { "DPoP" } else { "Bearer" },
            "expires_in": self.lifetime,
        });
        // RFC 8693 §2.2.1: needed where it is not what was asked for, which is
        // granted as a whole or not at all.
        if let (None, Some(scope), Some(members)) =
            (&request.scope, &self.scope, body.as_object_mut())
        {
            members.insert("scope".into(), scope.clone().into());
        }
        Ok(Response {
            status: 200,
            body: body.to_string(),
            retry_after: None,
        })
    }
}

/// What is granted of these, each once.
fn narrowed<'a>(granted: &'a [String], taken: Option<&BTreeSet<String>>) -> BTreeSet<&'a str> {
    let taken = |name: &&String| taken.is_none_or(|taken| taken.contains(*name));
    granted.iter().filter(taken).map(String::as_str).collect()
}

/// The scopes of the token: those asked for, all of which must be granted, or
/// all that are.
fn scope(
    request: &TokenRequest,
    target: &Target,
    allowed: &Allowed,
) -> Result<Option<String>, ExchangeError> {
    let granted = narrowed(&allowed.grant.scopes, target.scopes.as_ref());
    let scopes = match &request.scope {
        None => granted,
        Some(wanted) if wanted.iter().all(|scope| granted.contains(&**scope)) => {
            wanted.iter().map(String::as_str).collect()
        }
        Some(_) => return Err(ExchangeError::ScopeNotGranted),
    };
    let scopes: Vec<_> = scopes.into_iter().collect();
    Ok((!scopes.is_empty()).then(|| scopes.join(" ")))
}

/// The subject token's `cnf`, which is an object (RFC 7800 §3.1).
fn confirmation(allowed: &Allowed) -> Result<Option<Document>, ExchangeError> {
    let parse = |text: &String| Document::parse(text.clone(), &Limits::TOKEN);
    let parsed = allowed.confirmation.as_ref().map(parse).transpose();
    parsed.map_err(|_| ExchangeError::Unavailable)
}

/// A JSON object in the making. Values are taken over as text, so that no
/// number changes.
#[derive(Default)]
struct Members {
    text: String,
}

impl Members {
    fn text(&mut self, name: &str, value: &str) {
        self.json(name, &Value::from(value).to_string());
    }

    fn json(&mut self, name: &str, value: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        self.text.push_str(&Value::from(name).to_string());
        self.text.push(':');
        self.text.push_str(value);
    }

    /// Adds the extra claims of the grant. The ceiling has refused registered
    /// ones; none stands in for ours even so.
    fn extend(&mut self, allowed: &Allowed) -> Result<(), ExchangeError> {
        let Some(claims) = &allowed.grant.claims else {
            return Ok(());
        };
        let claims = Document::parse(claims.clone(), &Limits::TOKEN)
            .map_err(|_| ExchangeError::Unavailable)?;
        for (name, value) in claims.members() {
            if name == ORIGIN || REGISTERED_CLAIMS.contains(&name) {
                return Err(ExchangeError::Unavailable);
            }
            self.json(name, value.json());
        }
        Ok(())
    }

    fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}
