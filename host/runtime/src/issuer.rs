//! An issuer that is trusted to say who its workloads are.
//!
//! Issuers are told apart byte for byte: no pattern, no normalisation, no
//! forgiven slash. An issuer's keys are its own; they never verify another's
//! token, whatever its `kid`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use claimbound_issuers::Model;

use crate::key::{Algorithm, KeySet};
use crate::reason::{Code, Reason, Refusal, clip};
use crate::token::{TokenTypes, TokenTypesError};

/// Longest lifetime of a token, in seconds, unless an issuer's settings raise it.
pub const LONGEST_LIFETIME: u64 = 24 * 60 * 60;

/// Longest issuer URL, in bytes: browsers' and registries' usual bound.
const LONGEST_URL: usize = 2048;

/// Whether an issuer could have this URL: one with a scheme, as those of every
/// naming model, without white space or control characters.
pub fn is_url(text: &str) -> bool {
    let has_scheme = text
        .split_once("://")
        .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    has_scheme && is_clean(text)
}

fn is_clean(url: &str) -> bool {
    let unclean = |character: char| character.is_whitespace() || character.is_control();
    (1..=LONGEST_URL).contains(&url.len()) && !url.chars().any(unclean)
}

/// A configured issuer: its URL, its naming model, its keys.
///
/// Its keys are replaced while it is in use; all else is fixed.
pub struct Issuer {
    url: Box<str>,
    model: Arc<Model>,
    keys: RwLock<Arc<KeySet>>,
    algorithms: Vec<Algorithm>,
    token_types: TokenTypes,
    longest_lifetime: u64,
}

/// What a configuration says about an issuer beyond its naming model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Algorithms that its tokens may use, in place of the model's.
    pub algorithms: Option<Vec<Algorithm>>,
    /// Token types that are taken, in place of the model's.
    pub token_types: Option<TokenTypes>,
    /// Longest lifetime in seconds, inclusive, in place of the model's and of
    /// [`LONGEST_LIFETIME`].
    pub longest_lifetime: Option<u64>,
}

/// An issuer that can't be configured so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// The URL is empty, too long, or has white space or control characters.
    #[error(
        "`{url}` is no issuer: one has 1 to 2048 bytes without white space or control characters"
    )]
    Url {
        /// The URL, cut to a bounded length.
        url: String,
    },
    /// Two issuers have the same URL.
    #[error("issuer `{url}` is configured twice")]
    Duplicate {
        /// The URL, cut to a bounded length.
        url: String,
    },
    /// No algorithm is left.
    #[error("issuer `{url}` allows no signature algorithm")]
    NoAlgorithm {
        /// The issuer's URL.
        url: String,
    },
    /// The naming model names an algorithm that nothing here verifies.
    #[error("naming model `{model}` names algorithm `{algorithm}`, which nothing here verifies")]
    Algorithm {
        /// The model's name.
        model: String,
        /// The algorithm, cut to a bounded length.
        algorithm: String,
    },
    /// The naming model's token types can't be used.
    #[error("naming model `{model}`: {source}")]
    TokenTypes {
        /// The model's name.
        model: String,
        /// What is wrong with them.
        source: TokenTypesError,
    },
    /// No token could ever be short enough.
    #[error("issuer `{url}` has a longest lifetime of zero seconds")]
    NoLifetime {
        /// The issuer's URL.
        url: String,
    },
}

impl Issuer {
    /// Configures an issuer; what `settings` leave out, the model says.
    ///
    /// The URL need not be one of the model's forms: a private installation
    /// has its own, and is given its model by name.
    pub fn new(
        url: impl Into<Box<str>>,
        model: Arc<Model>,
        keys: KeySet,
        settings: Settings,
    ) -> Result<Self, IssuerError> {
        let url = url.into();
        if !is_clean(&url) {
            return Err(IssuerError::Url { url: clip(&url) });
        }
        let algorithms = settings
            .algorithms
            .map_or_else(|| model_algorithms(&model), Ok)?;
        if algorithms.is_empty() {
            return Err(IssuerError::NoAlgorithm { url: url.into() });
        }
        let token_types = settings
            .token_types
            .map_or_else(|| model_types(&model), Ok)?;
        let usual = model.longest_lifetime().map_or(LONGEST_LIFETIME, u64::from);
        let longest_lifetime = settings
            .longest_lifetime
            .unwrap_or(usual.min(LONGEST_LIFETIME));
        if longest_lifetime == 0 {
            return Err(IssuerError::NoLifetime { url: url.into() });
        }
        let keys = RwLock::new(Arc::new(keys));
        Ok(Self {
            url,
            model,
            keys,
            algorithms,
            token_types,
            longest_lifetime,
        })
    }

    /// Configures an issuer whose keys are yet to be fetched. Until
    /// [`replace_keys`](Self::replace_keys) its tokens are neither accepted nor
    /// denied: [`HostCode::Keys`](crate::reason::HostCode::Keys).
    pub fn awaiting_keys(
        url: impl Into<Box<str>>,
        model: Arc<Model>,
        settings: Settings,
    ) -> Result<Self, IssuerError> {
        Self::new(url, model, KeySet::awaited(), settings)
    }

    /// The issuer's URL, as its tokens carry it in `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The naming model of its subjects.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The algorithms that its tokens may use; never empty.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The token types that are taken from it, unless a route says others.
    pub fn token_types(&self) -> &TokenTypes {
        &self.token_types
    }

    /// Longest lifetime of its tokens, in seconds, inclusive.
    pub fn longest_lifetime(&self) -> u64 {
        self.longest_lifetime
    }

    /// The keys of this moment.
    pub fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up a new set of keys whole, as the next generation, which it returns.
    pub fn replace_keys(&self, keys: KeySet) -> u64 {
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let generation = current.generation().saturating_add(1);
        *current = Arc::new(keys.at_generation(generation));
        generation
    }

    /// Trusts the set of this moment until that one, in seconds since 1970,
    /// exclusive: it was asked for again and has not changed. Its generation
    /// stays.
    pub fn trust_keys_until(&self, seconds_since_1970: u64) {
        let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let keys = KeySet::clone(&current);
        *current = Arc::new(keys.trusted_until(seconds_since_1970));
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Issuer");
        fields
            .field("url", &self.url)
            .field("model", &self.model.name())
            .finish_non_exhaustive()
    }
}

fn model_algorithms(model: &Model) -> Result<Vec<Algorithm>, IssuerError> {
    let parse = |name: &String| {
        let unknown = || IssuerError::Algorithm {
            model: model.name().to_owned(),
            algorithm: clip(name),
        };
        Algorithm::parse(name).ok_or_else(unknown)
    };
    model.algorithms().iter().map(parse).collect()
}

fn model_types(model: &Model) -> Result<TokenTypes, IssuerError> {
    let types = TokenTypes::new(model.absent_type(), model.token_types());
    types.map_err(|source| IssuerError::TokenTypes {
        model: model.name().to_owned(),
        source,
    })
}

/// The issuers that a route takes tokens from.
#[derive(Clone, Debug, Default)]
pub struct Issuers {
    by_url: HashMap<Box<str>, Arc<Issuer>>,
    /// A few of the URLs, for the operator who reads a refusal.
    expected: Arc<str>,
}

impl Issuers {
    /// Gathers issuers, no two with the same URL.
    pub fn new(issuers: impl IntoIterator<Item = Arc<Issuer>>) -> Result<Self, IssuerError> {
        let mut by_url = HashMap::new();
        for issuer in issuers {
            if let Some(other) = by_url.insert(issuer.url.clone(), issuer) {
                return Err(IssuerError::Duplicate {
                    url: clip(other.url()),
                });
            }
        }
        let expected = few(&by_url).into();
        Ok(Self { by_url, expected })
    }

    /// The issuer with that URL, byte for byte.
    ///
    /// # Errors
    /// A refusal: `issuer.unknown`.
    pub fn find(&self, url: &str) -> Result<&Arc<Issuer>, Refusal> {
        self.by_url.get(url).ok_or_else(|| {
            let message = format!("issuer `{}` is not configured here", clip(url));
            let reason = Reason::new(Code::IssuerUnknown, message).about(["iss"]);
            reason.expected(&*self.expected).found(url).into()
        })
    }

    /// The issuers, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.by_url.values()
    }
}

/// The first eight URLs in their order, and whether there are more.
fn few(by_url: &HashMap<Box<str>, Arc<Issuer>>) -> String {
    let mut urls: Vec<_> = by_url.keys().map(|url| &**url).collect();
    urls.sort_unstable();
    let more = if urls.len() > 8 { ", …" } else { "" };
    urls.truncate(8);
    format!("{}{more}", urls.join(", "))
}
