//! An issuer and where its keys are.

use std::path::PathBuf;

use claimbound::models::Model;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{SecretSource, Span};

/// An issuer whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its naming model, such as `github-actions` or `kubernetes`.
    pub model: String,
    /// Its URL, byte for byte as tokens carry it in `iss`; needed where the
    /// model has no single one.
    pub url: Option<String>,
    /// The algorithms that its tokens may use, in place of the model's.
    pub algorithms: Option<Vec<String>>,
    /// The token types (`typ`) that are taken, in place of the model's; the
    /// empty one stands for a token without a type.
    pub token_types: Option<Vec<String>>,
    /// The longest lifetime of its tokens, in place of the model's and of
    /// 24 hours.
    pub longest_lifetime: Option<Span>,
    /// Where its keys are: by discovery, unless it is said.
    #[serde(default)]
    pub keys: Keys,
}

impl Issuer {
    /// Its URL: its own, or the one that its model has; none where neither says.
    pub(crate) fn url_by<'a>(&'a self, model: &'a Model) -> Option<&'a str> {
        self.url.as_deref().or(model.default_issuer())
    }
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Keys {
    /// Found by OpenID Connect Discovery: the document at the issuer's URL and
    /// `/.well-known/openid-configuration` names the key set.
    Discovery(Discovery),
    /// Fetched from a URL of its own.
    Url(KeyUrl),
    /// In a file, which is read again when it changes.
    File(KeyFile),
    /// In the configuration itself.
    Inline(InlineKeys),
}

impl Default for Keys {
    fn default() -> Self {
        Self::Discovery(Discovery::default())
    }
}

/// Keys found by discovery.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// The discovery document, where it is not at its usual place: a cluster's
    /// API server seen from inside, for example. Its `issuer` is the issuer's
    /// URL all the same.
    pub document: Option<String>,
    /// The key set, in place of the `jwks_uri` that the document names.
    pub jwks_uri: Option<String>,
    /// How they are fetched.
    #[serde(default)]
    pub fetch: Fetch,
}

/// Keys fetched from a URL.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyUrl {
    /// The URL of the key set: HTTPS.
    pub url: String,
    /// The form of what is there.
    #[serde(default)]
    pub form: Form,
    /// How they are fetched.
    #[serde(default)]
    pub fetch: Fetch,
}

/// Keys in a file.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    /// The file: a JWK set, or a SPIFFE bundle.
    pub path: PathBuf,
    /// The form of what is there.
    #[serde(default)]
    pub form: Form,
}

/// Keys in the configuration itself.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InlineKeys {
    /// The keys (RFC 7517 §4).
    pub keys: Vec<serde_json::Value>,
}

/// The form of a key set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A JWK set (RFC 7517 §5).
    #[default]
    Jwks,
    /// A SPIFFE trust bundle: of its keys, those for JWT-SVIDs count.
    Spiffe,
}

/// How keys are fetched.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// Certificates (PEM) of the authorities that the server's certificate is
    /// checked by, in place of the system's.
    pub ca: Option<PathBuf>,
    /// A bearer token that the server wants, such as that of a pod's service
    /// account; read again at every fetch.
    pub bearer: Option<SecretSource>,
    /// How often they are fetched: 1 hour, unless the server's `max-age` is
    /// shorter.
    pub every: Option<Span>,
    /// The age past which a set is not trusted, whether or not the issuer is
    /// up: 24 hours.
    pub maximum_age: Option<Span>,
    /// How long one fetch may take: 10 seconds.
    pub timeout: Option<Span>,
    /// Whether `http://` is taken where the host is a loopback address: for
    /// tests, since whatever listens there then says which keys are trusted.
    #[serde(default)]
    pub insecure_loopback: bool,
}
