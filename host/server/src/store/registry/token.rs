//! What is shown to a registry: a password, or a token that was got for one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::error::StoreError;
use super::super::transfer::Watched;
use super::body;
use super::client::{Client, Scope};
use super::credentials::Credential;
use super::hidden::Hidden;
use crate::config::Secret;
use crate::told::shown;

/// Largest answer with a token, in bytes.
const LARGEST: u64 = 128 << 10;
const WHAT: &str = "the answer with a token";

/// A token that is asked for.
pub(super) struct Wanted<'a> {
    pub(super) realm: Url,
    pub(super) service: Option<&'a str>,
    pub(super) scope: &'a Scope,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<Hidden>,
    access_token: Option<Hidden>,
}

/// A user and a password (RFC 7617).
pub(super) fn basic(user: &str, password: &Secret) -> HeaderValue {
    let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
    let pair = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    secret(&format!("Basic {}", pair.as_str())).unwrap_or(HeaderValue::from_static("Basic"))
}

/// A token for whoever one is, or for anybody.
///
/// # Errors
/// Where the place that gives tokens gives none.
pub(super) async fn bearer(
    client: &Client,
    wanted: &Wanted<'_>,
    credential: Option<&Credential>,
) -> Result<HeaderValue, StoreError> {
    let request = match credential {
        Some(Credential::Identity(identity)) => exchange(client, wanted, identity),
        Some(Credential::Password { user, password }) => {
            let pass = basic(user, password);
            question(client, wanted).header(reqwest::header::AUTHORIZATION, pass)
        }
        None => question(client, wanted),
    };
    let response = client
        .send(request, &wanted.realm, client.bounds().idle())
        .await?;
    if response.status() != StatusCode::OK {
        let said = format!(
            "it gives no token, by status {}",
            response.status().as_u16()
        );
        return Err(match response.status().as_u16() {
            400..=403 => Client::refused(&wanted.realm, said),
            _ => StoreError::unreachable(shown(&wanted.realm), said),
        });
    }
    let limits = body::Wanted {
        what: WHAT,
        limit: LARGEST,
    };
    let text = body::read(response, &limits, client.bounds(), &Watched::NOBODY).await?;
    let answer: Answer = body::parse(&Zeroizing::new(text), WHAT)?;
    let token = answer.token.or(answer.access_token);
    let token = token.filter(|token| !token.expose().is_empty());
    let token = token.ok_or_else(|| StoreError::malformed(WHAT, "it holds none"))?;
    secret(&format!("Bearer {}", token.expose()))
        .ok_or_else(|| StoreError::malformed(WHAT, "the token is no header's value"))
}

/// Docker's token protocol: a question whose answer is a token.
fn question(client: &Client, wanted: &Wanted<'_>) -> reqwest::RequestBuilder {
    let mut url = wanted.realm.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = wanted.service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", &wanted.scope.to_string());
    }
    client.request(Method::GET, url)
}

/// Its other form: an identity token goes for one that says who may do what.
fn exchange(client: &Client, wanted: &Wanted<'_>, identity: &Secret) -> reqwest::RequestBuilder {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    form.append_pair("client_id", "claimbound");
    form.append_pair("service", wanted.service.unwrap_or_default());
    form.append_pair("scope", &wanted.scope.to_string());
    form.append_pair("refresh_token", identity.expose());
    client
        .request(Method::POST, wanted.realm.clone())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form.finish())
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
