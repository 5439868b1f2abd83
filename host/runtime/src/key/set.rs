//! A JWK set (RFC 7517 §5): an issuer's keys at one moment.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::KeyError;
use super::{Algorithm, Key, jwk};
use crate::clock::date;
use crate::json::{Document, JsonError, Limits, Value};
use crate::outcome::HostError;
use crate::reason::{HostCode, clip};

/// What a key set may cost before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Longest text, in bytes, inclusive.
    pub bytes: usize,
    /// Most keys, usable or not, inclusive.
    pub keys: usize,
}

impl Default for SetLimits {
    /// 512 KiB and 128 keys: the largest published sets have about thirty
    /// keys with their certificates.
    fn default() -> Self {
        Self {
            bytes: 512 * 1024,
            keys: 128,
        }
    }
}

/// The keys of one issuer, of one generation.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<Key>>,
    skipped: Vec<Skipped>,
    generation: u64,
    trust: Trust,
}

/// For how long a set is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trust {
    /// For as long as it is there.
    #[default]
    Always,
    /// Until then, in seconds since 1970, exclusive.
    Until(u64),
    /// Not at all: it stands for one that is yet to come.
    Awaited,
}

/// What form a published set has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// RFC 7517 §5.
    Jwks,
    /// SPIFFE's Trust Domain and Bundle specification §4.
    Spiffe,
}

/// A key of the set that verifies nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its place in the set, from zero.
    pub index: usize,
    /// Its `kid`.
    pub id: Option<String>,
    /// Why.
    pub why: KeyError,
}

/// A set that can't be used, not even in part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The text is not strict JSON.
    #[error("the key set is not strict JSON: {0}")]
    Json(JsonError),
    /// There is no `keys`, or it is no list of objects.
    #[error("member `keys` is not a list of keys")]
    NoKeys,
    /// The set holds more keys than the limit.
    #[error("the key set holds {count} keys, more than {limit}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Two keys have the same `kid`, so it names neither (RFC 7517 §4.5).
    #[error("key {index} repeats the `kid` `{id}`")]
    DuplicateId {
        /// The later key's place in the set, from zero.
        index: usize,
        /// The `kid`, cut to a bounded length.
        id: String,
    },
    /// A key of a known type is malformed.
    #[error("key {index}, `kid` `{id}`: {source}")]
    Key {
        /// The key's place in the set, from zero.
        index: usize,
        /// Its `kid`, cut to a bounded length; empty where it has none.
        id: String,
        /// What is wrong with it.
        source: KeyError,
    },
}

impl KeySet {
    /// Parses a published set.
    ///
    /// Keys of unknown types, for other uses, or too weak are skipped and
    /// reported; a malformed one of a known type refuses the set, and so does
    /// a repeated `kid`.
    pub fn parse(json: impl Into<Vec<u8>>, limits: &SetLimits) -> Result<Self, KeySetError> {
        Self::parse_as(Form::Jwks, json.into(), limits)
    }

    /// Parses a SPIFFE trust bundle: only keys whose `use` is `jwt-svid` count
    /// (SPIFFE Trust Domain and Bundle §4.2.2); the others, those of X.509-SVIDs
    /// and those without a `use`, are skipped.
    pub fn parse_spiffe(json: impl Into<Vec<u8>>, limits: &SetLimits) -> Result<Self, KeySetError> {
        Self::parse_as(Form::Spiffe, json.into(), limits)
    }

    fn parse_as(form: Form, json: Vec<u8>, limits: &SetLimits) -> Result<Self, KeySetError> {
        let limits_of_text = Limits {
            bytes: limits.bytes,
            ..Limits::FILE
        };
        let document = Document::parse(json, &limits_of_text).map_err(KeySetError::Json)?;
        let Value::List(items) = document.value(&["keys"]) else {
            return Err(KeySetError::NoKeys);
        };
        let count = items.clone().count();
        if count > limits.keys {
            return Err(KeySetError::TooMany {
                count,
                limit: limits.keys,
            });
        }
        let (mut set, mut ids) = (Self::default(), HashSet::new());
        for (index, node) in items.enumerate() {
            if !matches!(node.value(), Value::Object(_)) {
                return Err(KeySetError::NoKeys);
            }
            let id = jwk::id(node).map_err(|source| KeySetError::Key {
                index,
                id: String::new(),
                source,
            })?;
            if let Some(id) = id.filter(|id| !ids.insert(*id)) {
                return Err(KeySetError::DuplicateId {
                    index,
                    id: clip(id),
                });
            }
            let key = match form {
                Form::Jwks => jwk::from_node(node),
                Form::Spiffe => jwk::from_bundle(node),
            };
            set.add(index, id, key)?;
        }
        Ok(set)
    }

    /// A set of one key.
    pub fn of(key: Key) -> Self {
        Self {
            keys: vec![Arc::new(key)],
            ..Self::default()
        }
    }

    fn add(
        &mut self,
        index: usize,
        id: Option<&str>,
        key: Result<Key, KeyError>,
    ) -> Result<(), KeySetError> {
        match key {
            Ok(key) => self.keys.push(Arc::new(key)),
            Err(why @ (KeyError::Unknown { .. } | KeyError::Unfit { .. })) => {
                self.skipped.push(Skipped {
                    index,
                    id: id.map(str::to_owned),
                    why,
                });
            }
            Err(
                source @ (KeyError::Json(_) | KeyError::Pem { .. } | KeyError::Malformed { .. }),
            ) => {
                return Err(KeySetError::Key {
                    index,
                    id: clip(id.unwrap_or_default()),
                    source,
                });
            }
        }
        Ok(())
    }

    /// The same set, counted as that generation of its issuer's keys.
    #[must_use]
    pub fn at_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }

    /// The same set, trusted until that moment in seconds since 1970,
    /// exclusive. A set is trusted for as long as it is there unless this is
    /// said: one in a file is as good as the file.
    ///
    /// Past it [`Decoded::verify`](crate::token::Decoded::verify) gives
    /// [`HostCode::Keys`], neither an allow nor a denial.
    #[must_use]
    pub fn trusted_until(self, seconds_since_1970: u64) -> Self {
        let trust = match self.trust {
            Trust::Always | Trust::Until(_) => Trust::Until(seconds_since_1970),
            // What never came is not there by being trusted.
            Trust::Awaited => Trust::Awaited,
        };
        Self { trust, ..self }
    }

    /// What stands for a set that is yet to come; unlike an empty one, which
    /// says that the issuer has no keys.
    pub(crate) fn awaited() -> Self {
        Self {
            trust: Trust::Awaited,
            ..Self::default()
        }
    }

    /// When the set ceases to be trusted, in seconds since 1970, exclusive; none
    /// where it never does, or where none was ever there.
    pub fn end_of_trust(&self) -> Option<u64> {
        match self.trust {
            Trust::Until(end) => Some(end),
            Trust::Always | Trust::Awaited => None,
        }
    }

    /// Whether the set is there, and not too old to be trusted, at `now` in
    /// seconds since 1970.
    pub fn is_trusted_at(&self, now: u64) -> bool {
        match self.trust {
            Trust::Always => true,
            Trust::Until(end) => now < end,
            Trust::Awaited => false,
        }
    }

    /// # Errors
    /// [`HostCode::Keys`] where the set of `issuer` is not trusted at `now`.
    pub(crate) fn trusted_at(&self, now: u64, issuer: &str) -> Result<(), HostError> {
        if self.is_trusted_at(now) {
            return Ok(());
        }
        Err(match self.end_of_trust() {
            Some(end) => too_old(issuer, end),
            None => HostError::new(
                HostCode::Keys,
                format!(
                    "the keys of issuer `{}` have not been had yet",
                    clip(issuer)
                ),
            ),
        })
    }

    /// Which of its issuer's sets this is; higher is later.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The usable keys, in the order of the set.
    pub fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }

    /// The usable key with that `kid`.
    pub fn key(&self, id: &str) -> Option<&Arc<Key>> {
        self.keys.iter().find(|key| key.id() == Some(id))
    }

    /// The usable keys that may verify that algorithm, in the order of the set.
    pub fn compatible(&self, algorithm: Algorithm) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.iter().filter(move |key| key.allows(algorithm))
    }

    /// The keys that verify nothing here, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// What says that the keys of `issuer` were trusted until `end` and are asked
/// later.
pub(crate) fn too_old(issuer: &str, end: u64) -> HostError {
    let message = format!(
        "the keys of issuer `{}` are too old: they were trusted until {}",
        clip(issuer),
        date(end)
    );
    HostError::new(HostCode::Keys, message)
}
