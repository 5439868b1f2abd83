//! Requests to one registry: on its own host with who one is, elsewhere without.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use reqwest::{Certificate, Method, Response, StatusCode, Url, redirect};

use super::super::bounds::Bounds;
use super::super::error::StoreError;
use super::body;
use super::challenge::Challenge;
use super::credentials::{Credential, Credentials};
use super::token;
use crate::told::{cause, shown, told};

/// Most redirects that one question follows.
const MOST_REDIRECTS: usize = 5;
/// Longest URL that a registry may send one to, in bytes: those of storage are
/// signed, and have about 2 KiB.
const LONGEST_URL: usize = 16 << 10;

/// A registry that is asked.
pub(super) struct Client {
    http: reqwest::Client,
    origin: Url,
    credentials: Credentials,
    /// What was shown last for each scope, and taken.
    passes: Mutex<BTreeMap<Scope, HeaderValue>>,
    bounds: Bounds,
}

/// What a question is about, as a token is limited to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Pull(String),
    Push(String),
    /// The list of all repositories.
    Catalog,
}

/// A question.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) scope: Scope,
    pub(super) accept: Option<&'static str>,
    pub(super) body: Option<(&'static str, Bytes)>,
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pull(repository) => write!(formatter, "repository:{repository}:pull"),
            Self::Push(repository) => write!(formatter, "repository:{repository}:pull,push"),
            Self::Catalog => formatter.write_str("registry:catalog:*"),
        }
    }
}

impl Client {
    /// # Errors
    /// [`StoreError::Path`] where the authorities are no certificates.
    pub(super) fn new(
        origin: &Url,
        roots: Option<&[u8]>,
        credentials: Credentials,
        bounds: Bounds,
    ) -> Result<Self, StoreError> {
        let failed = |cause: String| StoreError::path(origin.as_str(), cause);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("claimbound/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .referer(false)
            .redirect(redirect::Policy::none())
            .connect_timeout(bounds.idle())
            .timeout(bounds.whole());
        if let Some(pem) = roots {
            let roots = Certificate::from_pem_bundle(pem).map_err(|error| failed(told(error)))?;
            if roots.is_empty() {
                return Err(failed(
                    "the file of authorities holds no certificate in PEM".to_owned(),
                ));
            }
            builder = builder.tls_certs_only(roots);
        }
        Ok(Self {
            http: builder.build().map_err(|error| failed(told(error)))?,
            origin: origin.clone(),
            credentials,
            passes: Mutex::default(),
            bounds,
        })
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// A place of the registry; the path begins with no `/`.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.origin.clone();
        url.set_path(path);
        url
    }

    /// Where an answer leads, which came from `from`.
    ///
    /// # Errors
    /// Where it is nowhere, or a place that others can read along.
    pub(super) fn led(&self, from: &Url, headers: &HeaderMap) -> Result<Url, StoreError> {
        let failed = |cause: &str| StoreError::unreachable(shown(from), cause);
        let value = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let value = value.ok_or_else(|| failed("it leads on to no place"))?;
        if value.len() > LONGEST_URL {
            return Err(failed("it leads on to a place with a name of over 16 KiB"));
        }
        let url = from
            .join(value)
            .map_err(|_| failed("it leads on to what is no URL"))?;
        let is_beside = url.scheme() == "http"
            && self.origin.scheme() == "http"
            && url.host_str() == self.origin.host_str();
        if url.scheme() == "https" || is_beside {
            Ok(url)
        } else {
            Err(failed("it leads on to a place without TLS"))
        }
    }

    /// Asks, says who one is where that is asked for, and follows redirects of
    /// what only reads.
    ///
    /// # Errors
    /// Where there is no answer. One with another status than was hoped for is
    /// an answer.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Response, StoreError> {
        let response = self.follow(ask).await?;
        let is_ours = response.url().origin() == self.origin.origin();
        if response.status() != StatusCode::UNAUTHORIZED || !is_ours {
            return Ok(response);
        }
        match self.pass(ask, response.headers()).await? {
            Some(pass) => {
                self.passes().insert(ask.scope.clone(), pass);
                self.follow(ask).await
            }
            None => Ok(response),
        }
    }

    async fn follow(&self, ask: &Ask) -> Result<Response, StoreError> {
        let mut url = ask.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.once(ask, &url).await?;
            let reads = matches!(ask.method, Method::GET | Method::HEAD);
            if !(reads && is_redirect(response.status())) {
                return Ok(response);
            }
            url = self.led(&url, response.headers())?;
        }
        Err(StoreError::unreachable(
            shown(&ask.url),
            "it redirects too often",
        ))
    }

    /// One request. Who one is goes to the registry itself alone.
    async fn once(&self, ask: &Ask, url: &Url) -> Result<Response, StoreError> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = ask.accept {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        let pass = self.passes().get(&ask.scope).cloned();
        if let Some(pass) = pass.filter(|_| url.origin() == self.origin.origin()) {
            headers.insert(AUTHORIZATION, pass);
        }
        let mut request = self.http.request(ask.method.clone(), url.clone());
        if let Some((kind, bytes)) = &ask.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            request = request.body(bytes.clone());
        }
        // What is sent may take long, and is waited for as long as the whole.
        let patience = match &ask.body {
            Some(_) => self.bounds.whole(),
            None => self.bounds.idle(),
        };
        self.send(request.headers(headers), url, patience).await
    }

    /// What to show for a challenge; none where nothing that is known would do.
    async fn pass(&self, ask: &Ask, asked: &HeaderMap) -> Result<Option<HeaderValue>, StoreError> {
        let challenge =
            Challenge::of(asked, &self.origin).map_err(|cause| Self::refused(&ask.url, cause))?;
        let credential = self.credentials.of(&self.origin).await?;
        match (challenge, credential) {
            (Some(Challenge::Basic), Some(Credential::Password { user, password })) => {
                Ok(Some(token::basic(&user, &password)))
            }
            (Some(Challenge::Bearer { realm, service }), credential) => {
                let service = service.as_deref();
                let wanted = token::Wanted {
                    realm,
                    service,
                    scope: &ask.scope,
                };
                token::bearer(self, &wanted, credential.as_ref())
                    .await
                    .map(Some)
            }
            (Some(Challenge::Basic), Some(Credential::Identity(_)) | None) | (None, _) => Ok(None),
        }
    }

    /// Sends a request as it is: no redirect is followed, nobody authenticated.
    pub(super) async fn send(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
        patience: Duration,
    ) -> Result<Response, StoreError> {
        let failed = |cause: String| StoreError::unreachable(shown(url), cause);
        match tokio::time::timeout(patience, request.send()).await {
            Ok(sent) => sent.map_err(|error| failed(cause(error))),
            Err(_) => Err(failed(format!("it said nothing for {patience:?}"))),
        }
    }

    /// Begins a request to a place that the registry named.
    pub(super) fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        self.http.request(method, url)
    }

    pub(super) fn refused(url: &Url, cause: impl Into<String>) -> StoreError {
        StoreError::Refused {
            place: shown(url),
            cause: cause.into(),
        }
    }

    fn passes(&self) -> MutexGuard<'_, BTreeMap<Scope, HeaderValue>> {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why an answer is not the one that was hoped for.
    pub(super) async fn unwelcome(&self, response: Response) -> StoreError {
        let (url, status) = (response.url().clone(), response.status());
        let code = body::code(response, &self.bounds).await;
        let code = code.map_or_else(String::new, |code| format!(" ({code})"));
        let said = format!("it answered with status {}{code}", status.as_u16());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::refused(&url, said),
            _ => StoreError::unreachable(shown(&url), said),
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    )
}

/// A header of an answer as text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
