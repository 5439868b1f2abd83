//! Where an issuer's keys come from, checked once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use claimbound::key::{KeyError, KeySet, KeySetError, SetLimits};
use claimbound::models::Model;
use reqwest::Url;

use super::copy::Copies;
use crate::config::{
    ConfigError, Discovery, Environment, Fetch, Form, Issuer, Keys, Secret, SecretError,
    SecretSource,
};
use crate::files;

/// Longest URL that is fetched, in bytes: as that of an issuer.
const LONGEST_URL: usize = 2048;
/// Largest file of authorities, in bytes: a system's whole store has about
/// 220 KiB.
const LARGEST_CA: u64 = 1 << 20;

/// Usual time between two fetches.
const EVERY: Duration = Duration::from_hours(1);
/// Shortest time between two scheduled fetches, whatever a server asks for.
pub(super) const SHORTEST_EVERY: Duration = Duration::from_secs(30);
/// Usual age past which a set is not trusted.
const MAXIMUM_AGE: Duration = Duration::from_hours(24);
/// Least of these: two of the shortest intervals.
const SHORTEST_AGE: Duration = Duration::from_mins(1);
/// Greatest of these: a withdrawn key is refused within a month.
const LONGEST_AGE: Duration = Duration::from_hours(31 * 24);
/// Usual time that one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Greatest of these.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(1);

/// Where an issuer's keys come from: a configuration's
/// [`Keys`](crate::config::Keys), checked.
///
/// Two are equal where they fetch alike, down to the authorities that a file
/// held when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub(super) kind: Kind,
    pub(super) copies: Option<Arc<Copies>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Fetched(Box<Fetched>),
    File { path: PathBuf, form: Form },
    Inline(Vec<u8>),
}

/// Keys that are fetched, and how.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fetched {
    pub(super) issuer: String,
    pub(super) place: Place,
    pub(super) form: Form,
    pub(super) pace: Pace,
    pub(super) roots: Option<Vec<u8>>,
    pub(super) bearer: Option<Bearer>,
    pub(super) insecure_loopback: bool,
}

/// Where a fetch begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A discovery document, and the key set in place of the one it names.
    Discovery { document: Url, jwks: Option<Url> },
    /// The key set itself.
    Set(Url),
}

/// When keys are fetched, and for how long they are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) every: Duration,
    pub(super) maximum_age: Duration,
    pub(super) timeout: Duration,
}

/// A bearer token: one of the environment, which stays, or in a file, which is
/// read at every fetch.
#[derive(Clone)]
pub(super) enum Bearer {
    Fixed(Secret),
    File { from: SecretSource, folder: PathBuf },
}

impl Source {
    /// Checks where the keys of the issuer called `alias` are. A path that is
    /// not absolute starts at `folder`.
    ///
    /// Keys in the configuration, and in a file, are parsed here for the first
    /// time; nothing is fetched.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where a URL is not HTTPS, holds a user or a
    /// fragment, or has more than 2048 bytes; `every` is not from 30 seconds to
    /// `maximum_age`, `maximum_age` not from 1 minute to 31 days, or `timeout`
    /// not from above zero to 1 minute; or a file, a secret or a key set can't
    /// be used.
    pub fn of(
        alias: &str,
        issuer: &Issuer,
        model: &Model,
        folder: &Path,
        environment: Environment<'_>,
    ) -> Result<Self, ConfigError> {
        let at = format!("issuer.{alias}.keys");
        let url = issuer.url_by(model).ok_or_else(|| {
            ConfigError::at(
                format!("issuer.{alias}.url"),
                format!("model `{}` has no single issuer: say which", model.name()),
            )
        })?;
        let checks = Checks {
            at: &at,
            folder,
            environment,
        };
        let kind = match &issuer.keys {
            Keys::Discovery(discovery) => {
                let place = checks.discovery(url, discovery)?;
                checks.fetched(url, place, Form::Jwks, &discovery.fetch)?
            }
            Keys::Url(keys) => {
                let place = Place::Set(checks.url("url", &keys.url, &keys.fetch)?);
                checks.fetched(url, place, keys.form, &keys.fetch)?
            }
            Keys::File(file) => {
                let path = folder.join(&file.path);
                let at = || format!("{at}.path");
                let text = read(&path, limits().bytes as u64)
                    .map_err(|error| ConfigError::at(at(), error))?;
                parse(file.form, text).map_err(|error| ConfigError::at(at(), error))?;
                Kind::File {
                    path,
                    form: file.form,
                }
            }
            Keys::Inline(inline) => {
                let text = serde_json::json!({ "keys": inline.keys }).to_string();
                let text = text.into_bytes();
                parse(Form::Jwks, text.clone())
                    .map_err(|error| inline_fault(&format!("{at}.keys"), &error))?;
                Kind::Inline(text)
            }
        };
        Ok(Self { kind, copies: None })
    }

    /// The same source, of which a copy of what was fetched is kept, so that a
    /// restart needs no issuer to be up.
    #[must_use]
    pub fn with_copies(self, copies: Arc<Copies>) -> Self {
        Self {
            copies: Some(copies),
            ..self
        }
    }

    /// Whether the keys are fetched, so that there may be none yet.
    pub fn is_fetched(&self) -> bool {
        matches!(self.kind, Kind::Fetched(_))
    }
}

/// What the checks of one issuer share.
struct Checks<'a> {
    at: &'a str,
    folder: &'a Path,
    environment: Environment<'a>,
}

impl Checks<'_> {
    fn error(&self, key: &str, fault: impl fmt::Display) -> ConfigError {
        ConfigError::at(format!("{}.{key}", self.at), fault)
    }

    fn discovery(&self, issuer: &str, discovery: &Discovery) -> Result<Place, ConfigError> {
        let jwks = discovery.jwks_uri.as_deref();
        let jwks = jwks.map(|url| self.url("jwks_uri", url, &discovery.fetch));
        let usual = || {
            // OpenID Connect Discovery 1.0 §4: one slash at the end goes.
            let base = issuer.strip_suffix('/').unwrap_or(issuer);
            format!("{base}/.well-known/openid-configuration")
        };
        let document = discovery.document.clone().unwrap_or_else(usual);
        let document = self.url("document", &document, &discovery.fetch)?;
        // §3: an issuer has neither query nor fragment.
        if discovery.document.is_none() && document.query().is_some() {
            let fault = "the issuer's URL has a query, so its document's place is unsaid";
            return Err(self.error("document", fault));
        }
        Ok(Place::Discovery {
            document,
            jwks: jwks.transpose()?,
        })
    }

    fn url(&self, key: &str, url: &str, fetch: &Fetch) -> Result<Url, ConfigError> {
        fetchable(url, fetch.insecure_loopback).map_err(|fault| self.error(key, fault))
    }

    fn fetched(
        &self,
        issuer: &str,
        place: Place,
        form: Form,
        fetch: &Fetch,
    ) -> Result<Kind, ConfigError> {
        let roots = fetch.ca.as_ref().map(|path| {
            let path = self.folder.join(path);
            let at = || format!("{}.fetch.ca", self.at);
            read(&path, LARGEST_CA).map_err(|error| ConfigError::at(at(), error))
        });
        let bearer = fetch.bearer.as_ref().map(|from| {
            Bearer::of(from, self.folder, self.environment)
                .map_err(|error| self.error("fetch.bearer", error))
        });
        let fetched = Fetched {
            issuer: issuer.to_owned(),
            place,
            form,
            pace: self.pace(fetch)?,
            roots: roots.transpose()?,
            bearer: bearer.transpose()?,
            insecure_loopback: fetch.insecure_loopback,
        };
        // What could not be built then would never be fetched.
        super::origin::client(&fetched).map_err(|error| self.error("fetch", error))?;
        Ok(Kind::Fetched(Box::new(fetched)))
    }

    fn pace(&self, fetch: &Fetch) -> Result<Pace, ConfigError> {
        let maximum_age = fetch.maximum_age.map_or(MAXIMUM_AGE, |span| span.0);
        if !(SHORTEST_AGE..=LONGEST_AGE).contains(&maximum_age) {
            return Err(self.error("fetch.maximum_age", "it is not from `1m` to `744h`"));
        }
        // A set is asked for twice, at least, before it ceases to be trusted.
        let usual = || EVERY.min(maximum_age / 2);
        let every = fetch.every.map_or_else(usual, |span| span.0);
        if !(SHORTEST_EVERY..=maximum_age).contains(&every) {
            return Err(self.error("fetch.every", "it is not from `30s` to `maximum_age`"));
        }
        let timeout = fetch.timeout.map_or(TIMEOUT, |span| span.0);
        if timeout.is_zero() || timeout > LONGEST_TIMEOUT {
            return Err(self.error("fetch.timeout", "it is not above zero and at most `1m`"));
        }
        // A set is asked for ahead of the end of its trust.
        let every = every.min(maximum_age.saturating_sub(maximum_age / 10));
        Ok(Pace {
            every,
            maximum_age,
            timeout,
        })
    }
}

/// A URL that may be fetched.
///
/// # Errors
/// What is wrong with it; it is not repeated, for it may hold a password, or be
/// a secret at the wrong place.
pub(super) fn fetchable(url: &str, insecure_loopback: bool) -> Result<Url, String> {
    if url.len() > LONGEST_URL {
        return Err(format!("it has more than {LONGEST_URL} bytes"));
    }
    let parsed = Url::parse(url).map_err(|error| format!("it is no URL: {error}"))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err("it holds a user, as no URL that is fetched does".to_owned());
    }
    if parsed.fragment().is_some() {
        return Err("it has a fragment".to_owned());
    }
    match parsed.scheme() {
        "https" => Ok(parsed),
        "http" if insecure_loopback && is_loopback(&parsed) => Ok(parsed),
        _ => Err("it is not an `https://` URL".to_owned()),
    }
}

/// Whether the host is a loopback address. A name is none, whatever it
/// resolves to.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse()
        .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// A key set in one of its forms.
pub(super) fn parse(form: Form, text: Vec<u8>) -> Result<KeySet, KeySetError> {
    match form {
        Form::Jwks => KeySet::parse(text, &limits()),
        Form::Spiffe => KeySet::parse_spiffe(text, &limits()),
    }
}

/// What is wrong with keys that stand in the configuration, without what they
/// say.
fn inline_fault(at: &str, error: &KeySetError) -> ConfigError {
    match error {
        KeySetError::Json(_) => ConfigError::at(at, "it is not strict JSON"),
        KeySetError::NoKeys | KeySetError::TooMany { .. } => ConfigError::at(at, error),
        KeySetError::DuplicateId { index, .. } => {
            ConfigError::at(format!("{at}[{index}].kid"), "another key has it too")
        }
        KeySetError::Key { index, source, .. } => {
            let at = format!("{at}[{index}]");
            match source {
                KeyError::Malformed { member, fault } => {
                    ConfigError::at(format!("{at}.{member}"), fault)
                }
                KeyError::Unknown { member, .. } => {
                    ConfigError::at(format!("{at}.{member}"), "it verifies nothing here")
                }
                KeyError::Json(_) | KeyError::Pem { .. } | KeyError::Unfit { .. } => {
                    ConfigError::at(at, "it is no key to verify tokens with")
                }
            }
        }
    }
}

/// What a key set may cost.
pub(super) fn limits() -> SetLimits {
    SetLimits::default()
}

/// A whole file of at most so many bytes.
pub(super) fn read(path: &Path, longest: u64) -> Result<Vec<u8>, String> {
    files::read(path, longest).map_err(|error| format!("`{}` {error}", path.display()))
}

impl Bearer {
    fn of(
        from: &SecretSource,
        folder: &Path,
        environment: Environment<'_>,
    ) -> Result<Self, SecretError> {
        match from {
            SecretSource::Environment(_) => from.read(folder, environment).map(Self::Fixed),
            // It may come later, as a pod's does.
            SecretSource::File(_) => Ok(Self::File {
                from: from.clone(),
                folder: folder.to_owned(),
            }),
        }
    }

    pub(super) fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Fixed(secret) => Ok(secret.clone()),
            Self::File { from, folder } => from.read(folder, &|_| None),
        }
    }
}

impl PartialEq for Bearer {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fixed(one), Self::Fixed(other)) => one.is(other.expose().as_bytes()),
            (
                Self::File { from, folder },
                Self::File {
                    from: other,
                    folder: other_folder,
                },
            ) => from == other && folder == other_folder,
            (Self::Fixed(_), Self::File { .. }) | (Self::File { .. }, Self::Fixed(_)) => false,
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(_) => formatter.write_str("Bearer(…)"),
            Self::File { from, .. } => write!(formatter, "Bearer({from})"),
        }
    }
}

impl Place {
    /// Where a fetch begins, as a copy on disk says it.
    pub(super) fn begins_at(&self) -> &str {
        match self {
            Self::Discovery {
                jwks: Some(url), ..
            }
            | Self::Set(url) => url.as_str(),
            Self::Discovery { document, .. } => document.as_str(),
        }
    }
}
