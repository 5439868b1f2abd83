//! An issuer and where its keys are.

use std::fmt;
use std::path::PathBuf;

use claimbound::models::Model;
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(tag = "from", rename_all = "lowercase")]
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

/// What `from` says.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Origin {
    Discovery,
    Url,
    File,
    Inline,
}

/// By hand, for serde's own way with a tag sets everything aside first, and a
/// fault in it would have no place. The reader gives the tag first.
impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Keys", &[TAG], ByTag)
    }
}

/// The key that says where keys are from.
const TAG: &str = "from";

struct ByTag;

impl<'de> Visitor<'de> for ByTag {
    type Value = Keys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table with `from`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Keys, A::Error> {
        match table.next_key::<String>()? {
            Some(key) if key == TAG => {
                let from = table.next_value::<Origin>()?;
                from.read(MapAccessDeserializer::new(table))
            }
            Some(first) => later(first, table),
            None => Err(A::Error::missing_field(TAG)),
        }
    }
}

/// A table whose tag comes later, from a reader that keeps an order of its own.
fn later<'de, A: MapAccess<'de>>(first: String, mut table: A) -> Result<Keys, A::Error> {
    let mut whole = toml::Table::from_iter([(first, table.next_value()?)]);
    while let Some((key, value)) = table.next_entry()? {
        whole.insert(key, value);
    }
    let from = whole.remove(TAG);
    let from = from.ok_or_else(|| A::Error::missing_field(TAG))?;
    let read = Origin::deserialize(from).and_then(|from| from.read(whole));
    read.map_err(A::Error::custom)
}

impl Origin {
    /// The keys that the rest of the table says.
    fn read<'de, D: Deserializer<'de>>(self, rest: D) -> Result<Keys, D::Error> {
        match self {
            Self::Discovery => Discovery::deserialize(rest).map(Keys::Discovery),
            Self::Url => KeyUrl::deserialize(rest).map(Keys::Url),
            Self::File => KeyFile::deserialize(rest).map(Keys::File),
            Self::Inline => InlineKeys::deserialize(rest).map(Keys::Inline),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_keys_are_from_may_stand_anywhere() {
        let first = r#"{ "from": "url", "form": "spiffe", "url": "https://a.example" }"#;
        let last = r#"{ "form": "spiffe", "url": "https://a.example", "from": "url" }"#;
        let read = |text: &str| serde_json::from_str::<Keys>(text);
        let keys = read(first).unwrap();
        assert!(matches!(&keys, Keys::Url(url) if url.form == Form::Spiffe));
        assert_eq!(read(last).unwrap(), keys);
        for wrong in [
            "{}",
            r#"{ "url": "https://a.example" }"#,
            r#"{ "url": "https://a.example", "from": "url", "path": "a" }"#,
            r#"{ "path": "a", "from": "nowhere" }"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
