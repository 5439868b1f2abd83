//! One fetch of a key set: over HTTPS, from one host, of bounded size and time.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claimbound::clock::Clock;
use claimbound::key::KeySetError;
use reqwest::header::{
    ACCEPT, AGE, AUTHORIZATION, CACHE_CONTROL, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use reqwest::{Certificate, Client, Response, StatusCode, Url, redirect};
use serde::{Deserialize, Serialize};

use super::source::{Fetched, Place, fetchable, limits};
use crate::config::SecretError;
use crate::told::{shown, told};

/// Largest discovery document, in bytes: published ones have less than 10 KiB.
const LARGEST_DOCUMENT: usize = 64 * 1024;
/// Longest validator that is kept, in bytes.
const LONGEST_VALIDATOR: usize = 1024;
/// Most redirects that are followed, all on the same host.
const MOST_REDIRECTS: usize = 3;
/// How long the place that a discovery document names is used, in seconds.
const DOCUMENT_AGE: u64 = 24 * 60 * 60;

/// Whoever publishes an issuer's keys.
pub(super) trait Origin: Send + Sync + 'static {
    /// Fetches the set, unless it is the one that `held` names.
    fn fetch(
        &self,
        held: Option<&Validators>,
    ) -> impl Future<Output = Result<Answer, Fault>> + Send;
}

/// What a fetch gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The set that is held is the present one (RFC 9110 §15.4.5).
    Unchanged {
        /// For how long, as the server has it.
        max_age: Option<Duration>,
    },
    /// A set, not yet parsed.
    Set {
        text: Vec<u8>,
        validators: Validators,
        max_age: Option<Duration>,
    },
}

/// What tells one version of a set from another (RFC 9110 §8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Validators {
    /// Where the set was, to which the rest belongs.
    pub(super) url: String,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
}

/// Why there is no set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Network(String),
    #[error("it took longer than {0:?}")]
    TimedOut(Duration),
    #[error("`{url}` answered with status {status}")]
    Status { url: String, status: u16 },
    #[error("`{url}` answered with more than {limit} bytes")]
    TooLarge { url: String, limit: usize },
    #[error("`{url}` is no discovery document: {cause}")]
    Document { url: String, cause: String },
    #[error("the discovery document is of issuer `{found}`, not `{expected}`")]
    OtherIssuer { expected: String, found: String },
    #[error("the `jwks_uri` of the discovery document can't be used: {0}")]
    Place(String),
    #[error("it is said to be unchanged, and none is held")]
    Unheld,
    #[error(transparent)]
    Bearer(#[from] SecretError),
    #[error(transparent)]
    Set(#[from] KeySetError),
}

/// A client that trusts the authorities of one issuer, asks no proxy, keeps no
/// cookie, and stays on the host that it is sent to.
pub(super) fn client(fetched: &Fetched) -> Result<Client, String> {
    let stays = redirect::Policy::custom(|attempt| {
        let origin = attempt.previous().first().map(Url::origin);
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("it redirects too often")
        } else if origin == Some(attempt.url().origin()) {
            attempt.follow()
        } else {
            attempt.error("it redirects to another host")
        }
    });
    let mut builder = Client::builder()
        .user_agent(concat!("claimbound/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .referer(false)
        .redirect(stays)
        .https_only(!fetched.insecure_loopback)
        .connect_timeout(fetched.pace.timeout)
        .timeout(fetched.pace.timeout);
    if let Some(pem) = &fetched.roots {
        let roots = Certificate::from_pem_bundle(pem).map_err(told)?;
        if roots.is_empty() {
            return Err("the file of authorities holds no certificate in PEM".to_owned());
        }
        builder = builder.tls_certs_only(roots);
    }
    builder.build().map_err(told)
}

/// An issuer over HTTPS.
pub(super) struct Https {
    source: Fetched,
    client: Client,
    clock: Arc<dyn Clock>,
    /// The place that the discovery document named, and when.
    named: Mutex<Option<(Url, u64)>>,
}

impl Https {
    pub(super) fn new(source: Fetched, clock: Arc<dyn Clock>) -> Result<Self, Fault> {
        Ok(Self {
            client: client(&source).map_err(Fault::Network)?,
            source,
            clock,
            named: Mutex::new(None),
        })
    }

    async fn set(&self, held: Option<&Validators>) -> Result<Answer, Fault> {
        let url = self.place().await?;
        let held = held.filter(|held| held.url == url.as_str());
        let mut conditions = HeaderMap::new();
        let accepted = "application/jwk-set+json, application/json";
        conditions.insert(ACCEPT, HeaderValue::from_static(accepted));
        // RFC 9110 §13.1.3: a tag comes before a date.
        let (name, value) = match held {
            Some(Validators {
                etag: Some(etag), ..
            }) => (IF_NONE_MATCH, Some(etag)),
            Some(held) => (IF_MODIFIED_SINCE, held.last_modified.as_ref()),
            None => (IF_MODIFIED_SINCE, None),
        };
        let value = value.and_then(|value| HeaderValue::from_str(value).ok());
        let is_conditional = value.is_some();
        if let Some(value) = value {
            conditions.insert(name, value);
        }
        let response = self.ask(&url, conditions).await?;
        let max_age = max_age(response.headers());
        // Nobody else may say that nothing has changed.
        if response.status() == StatusCode::NOT_MODIFIED && is_conditional {
            return Ok(Answer::Unchanged { max_age });
        }
        let validators = Validators {
            url: url.to_string(),
            etag: text(response.headers(), &ETAG),
            last_modified: text(response.headers(), &LAST_MODIFIED),
        };
        Ok(Answer::Set {
            text: body(response, &url, limits().bytes).await?,
            validators,
            max_age,
        })
    }

    /// Where the set is.
    async fn place(&self) -> Result<Url, Fault> {
        let (document, jwks) = match &self.source.place {
            Place::Set(url) => return Ok(url.clone()),
            Place::Discovery { document, jwks } => (document, jwks.as_ref()),
        };
        let now = self.clock.now();
        let named = self.named().clone();
        if let Some((url, since)) = named
            && now.checked_sub(since).is_some_and(|age| age < DOCUMENT_AGE)
        {
            return Ok(url);
        }
        let url = self.named_by(document, jwks).await?;
        *self.named() = Some((url.clone(), now));
        Ok(url)
    }

    fn named(&self) -> std::sync::MutexGuard<'_, Option<(Url, u64)>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place that a discovery document names, or the one said in its
    /// stead; the document is the issuer's either way.
    async fn named_by(&self, document: &Url, said: Option<&Url>) -> Result<Url, Fault> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
            jwks_uri: String,
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.ask(document, headers).await?;
        let text = body(response, document, LARGEST_DOCUMENT).await?;
        let parsed: Document = serde_json::from_slice(&text).map_err(|error| Fault::Document {
            url: shown(document),
            cause: error.to_string(),
        })?;
        // OpenID Connect Discovery 1.0 §4.3.
        if parsed.issuer != self.source.issuer {
            return Err(Fault::OtherIssuer {
                expected: self.source.issuer.clone(),
                found: parsed.issuer.chars().take(256).collect(),
            });
        }
        match said {
            Some(url) => Ok(url.clone()),
            None => {
                fetchable(&parsed.jwks_uri, self.source.insecure_loopback).map_err(Fault::Place)
            }
        }
    }

    /// # Errors
    /// Where there is no answer, or one that is neither 200 nor 304.
    async fn ask(&self, url: &Url, mut headers: HeaderMap) -> Result<Response, Fault> {
        if let Some(bearer) = &self.source.bearer
            && self.is_said(url)
        {
            let bearer = bearer.read()?;
            let value = HeaderValue::from_str(&format!("Bearer {}", bearer.expose()));
            let mut value = value
                .map_err(|_| Fault::Network("the bearer token is no header's value".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let sent = self.client.get(url.clone()).headers(headers).send().await;
        let response = sent.map_err(|error| Fault::Network(told(error)))?;
        match response.status() {
            StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(response),
            status => Err(Fault::Status {
                url: shown(url),
                status: status.as_u16(),
            }),
        }
    }

    /// Whether the configuration said this host: another that a document names
    /// is shown no bearer token.
    fn is_said(&self, url: &Url) -> bool {
        let is_same = |said: &Url| said.origin() == url.origin();
        match &self.source.place {
            Place::Set(said) => is_same(said),
            Place::Discovery { document, jwks } => {
                is_same(document) || jwks.as_ref().is_some_and(is_same)
            }
        }
    }
}

impl Origin for Https {
    async fn fetch(&self, held: Option<&Validators>) -> Result<Answer, Fault> {
        let answer = self.set(held).await;
        if answer.is_err() {
            // The set may have moved.
            *self.named() = None;
        }
        answer
    }
}

/// A body of at most `limit` bytes; what is longer is never held.
async fn body(mut response: Response, url: &Url, limit: usize) -> Result<Vec<u8>, Fault> {
    let too_large = || Fault::TooLarge {
        url: shown(url),
        limit,
    };
    if response.status() != StatusCode::OK {
        return Err(Fault::Status {
            url: shown(url),
            status: response.status().as_u16(),
        });
    }
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let cut = |error: reqwest::Error| Fault::Network(told(error));
    while let Some(chunk) = response.chunk().await.map_err(cut)? {
        if chunk.len() > limit - bytes.len() {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A validator, where it is text of a bounded length.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (value.len() <= LONGEST_VALIDATOR).then(|| value.to_owned())
}

/// How long an answer stays fresh: its `max-age` less its `Age` (RFC 9111
/// §4.2). Other directives don't count: keys are kept whatever they say.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL);
    let directives = values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let seconds = directives.filter_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let is_age = name.trim().eq_ignore_ascii_case("max-age");
        is_age.then(|| value.trim().trim_matches('"').parse().ok())?
    });
    let longest: u64 = seconds.min()?;
    let age = headers.get(AGE).and_then(|value| value.to_str().ok());
    let age = age.and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    Some(Duration::from_secs(longest.saturating_sub(age)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_the_least_max_age_less_the_age() {
        let read = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter();
            let pairs = pairs.map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            max_age(&pairs.collect()).map(|span| span.as_secs())
        };
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[(CACHE_CONTROL, "no-store")]), None);
        assert_eq!(read(&[(CACHE_CONTROL, "max-age=x")]), None);
        assert_eq!(
            read(&[(CACHE_CONTROL, "max-age=18446744073709551616")]),
            None
        );
        assert_eq!(read(&[(CACHE_CONTROL, "public, Max-Age=300")]), Some(300));
        assert_eq!(
            read(&[(CACHE_CONTROL, "max-age=300, max-age=60")]),
            Some(60)
        );
        assert_eq!(
            read(&[(CACHE_CONTROL, "max-age=300"), (AGE, "100")]),
            Some(200)
        );
        assert_eq!(
            read(&[(CACHE_CONTROL, "max-age=300"), (AGE, "400")]),
            Some(0)
        );
    }
}
