//! Revocations: tokens that are refused although nothing else is wrong.

use std::collections::HashMap;
use std::fmt;

use claimbound_issuers::Model;

use super::name::{IdentityError, check_text};
use crate::clock::date;
use crate::floor::Admissible;
use crate::reason::{Code, Reason, clip};
use crate::{base64url, hexadecimal};

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// The token with this `jti` of this issuer.
    TokenId {
        /// The issuer's URL.
        issuer: String,
        /// The `jti` (RFC 7519 §4.1.7).
        id: String,
    },
    /// The token whose signed part has this digest.
    Token {
        /// The SHA-256 of the JWS signing input (RFC 7515 §5.1), 64 lower-case
        /// hexadecimal digits.
        digest: String,
    },
    /// Every token of a subject.
    Subject {
        /// The issuer's URL.
        issuer: String,
        /// The `sub`.
        subject: String,
        /// The subject in whatever shape, as [`Model::subject_key`] has it;
        /// empty where no model read it, so that it is this text alone.
        key: String,
    },
    /// Every token that a key signed.
    Key {
        /// The issuer whose key it is; none for whoever's.
        issuer: Option<String>,
        /// The key's RFC 7638 thumbprint.
        thumbprint: String,
    },
    /// Every token of an issuer.
    Issuer {
        /// The issuer's URL.
        issuer: String,
    },
}

/// Something that no token could have, so that revoking it would revoke nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no digest.
    #[error(
        "`{text}` is no digest: {DIGEST} hexadecimal digits, with or without `sha256:` before them"
    )]
    Digest {
        /// The text, cut to a bounded length.
        text: String,
    },
    /// It is no thumbprint.
    #[error("`{text}` is no thumbprint: {THUMBPRINT} characters of base64url")]
    Thumbprint {
        /// The text, cut to a bounded length.
        text: String,
    },
    /// The issuer's naming model reads no such subject.
    #[error("`{subject}` is no subject by naming model `{model}`: {fault}")]
    Subject {
        /// The subject, cut to a bounded length.
        subject: String,
        /// The model's name.
        model: String,
        /// Why.
        fault: String,
    },
}

/// Characters of an RFC 7638 thumbprint by SHA-256, in base64url.
const THUMBPRINT: usize = 43;

/// Hexadecimal digits of a SHA-256 digest.
const DIGEST: usize = 64;

impl Target {
    /// The token whose signed part has the digest that is written so: as the
    /// record has it, or the digits alone, in either case.
    ///
    /// # Errors
    /// [`TargetError::Digest`].
    pub fn by_digest(text: &str) -> Result<Self, TargetError> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let digest = digits.to_ascii_lowercase();
        if is_digest(&digest) {
            Ok(Self::Token { digest })
        } else {
            Err(TargetError::Digest { text: clip(text) })
        }
    }

    /// The key with this RFC 7638 thumbprint, of this issuer or of whoever.
    ///
    /// # Errors
    /// [`TargetError::Thumbprint`].
    pub fn by_thumbprint(issuer: Option<&str>, text: &str) -> Result<Self, TargetError> {
        let bytes = base64url::decode(text.as_bytes());
        if bytes.is_none_or(|bytes| bytes.len() != DIGEST / 2) {
            return Err(TargetError::Thumbprint { text: clip(text) });
        }
        Ok(Self::Key {
            issuer: issuer.map(str::to_owned),
            thumbprint: text.to_owned(),
        })
    }

    /// A subject that an issuer of this model can make, in every shape.
    ///
    /// # Errors
    /// [`TargetError::Subject`].
    pub fn by_subject(issuer: &str, model: &Model, subject: &str) -> Result<Self, TargetError> {
        match model.parse_subject(subject) {
            Ok(_) => Ok(Self::subject(issuer, Some(model), subject)),
            Err(error) => Err(TargetError::Subject {
                subject: clip(subject),
                model: model.name().to_owned(),
                fault: error.to_string(),
            }),
        }
    }

    /// A subject of an issuer, in every shape that its model knows.
    pub fn subject(issuer: &str, model: Option<&Model>, subject: &str) -> Self {
        let key = model.and_then(|model| {
            let parsed = model.parse_subject(subject).ok()?;
            Some(model.subject_key(parsed.parts()))
        });
        Self::Subject {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            key: key.unwrap_or_default(),
        }
    }

    /// The token whose signed part has this digest: see
    /// [`Decoded::digest`](crate::token::Decoded::digest).
    pub fn token(digest: &[u8; 32]) -> Self {
        Self::Token {
            digest: hexadecimal::encode("", digest),
        }
    }

    /// What kind of thing it is, as it is written.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TokenId { .. } => "token-id",
            Self::Token { .. } => "token",
            Self::Subject { .. } => "subject",
            Self::Key { .. } => "key",
            Self::Issuer { .. } => "issuer",
        }
    }

    /// The issuer; none where it is whoever's.
    pub fn issuer(&self) -> Option<&str> {
        match self {
            Self::TokenId { issuer, .. }
            | Self::Subject { issuer, .. }
            | Self::Issuer { issuer } => Some(issuer),
            Self::Key { issuer, .. } => issuer.as_deref(),
            Self::Token { .. } => None,
        }
    }

    /// What tells it apart from others of its kind and issuer; empty for an
    /// issuer.
    pub fn value(&self) -> &str {
        match self {
            Self::TokenId { id, .. } => id,
            Self::Token { digest } => digest,
            Self::Subject { subject, .. } => subject,
            Self::Key { thumbprint, .. } => thumbprint,
            Self::Issuer { .. } => "",
        }
    }

    /// Whether the two are one thing, whatever a model made of it.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.kind() == other.kind()
            && self.issuer() == other.issuer()
            && self.value() == other.value()
    }

    /// Whether what is revoked by this bars the other as well: they are one
    /// thing, or one subject in two shapes.
    pub(super) fn holds_for(&self, other: &Self) -> bool {
        let is_shape =
            !self.key().is_empty() && self.issuer() == other.issuer() && self.key() == other.key();
        is_shape || self.is(other)
    }

    /// The subject in whatever shape; empty for all else.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Subject { key, .. } => key,
            Self::TokenId { .. } | Self::Token { .. } | Self::Key { .. } | Self::Issuer { .. } => {
                ""
            }
        }
    }

    /// The target that is written so, if there is one.
    pub(super) fn read(kind: &str, issuer: &str, value: &str, key: &str) -> Option<Self> {
        let target = match kind {
            "token-id" => Self::TokenId {
                issuer: issuer.to_owned(),
                id: value.to_owned(),
            },
            "token" if issuer.is_empty() => Self::Token {
                digest: value.to_owned(),
            },
            "subject" => Self::Subject {
                issuer: issuer.to_owned(),
                subject: value.to_owned(),
                key: key.to_owned(),
            },
            "key" => Self::Key {
                issuer: (!issuer.is_empty()).then(|| issuer.to_owned()),
                thumbprint: value.to_owned(),
            },
            "issuer" if value.is_empty() => Self::Issuer {
                issuer: issuer.to_owned(),
            },
            _ => return None,
        };
        (target.check().is_ok() && target.key() == key).then_some(target)
    }

    /// Refuses what no token could have.
    pub(super) fn check(&self) -> Result<(), IdentityError> {
        match self {
            Self::Key { .. } | Self::Token { .. } => {}
            Self::TokenId { issuer, .. }
            | Self::Subject { issuer, .. }
            | Self::Issuer { issuer } => {
                check_text(issuer)?;
            }
        }
        match self {
            Self::Issuer { .. } => Ok(()),
            Self::Token { digest } if !is_digest(digest) => {
                Err(IdentityError::Text { text: clip(digest) })
            }
            Self::TokenId { .. } | Self::Token { .. } | Self::Subject { .. } | Self::Key { .. } => {
                check_text(self.value())
            }
        }
    }
}

impl fmt::Display for Target {
    /// In one line, for people; a digest as the record writes it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Token { digest } => write!(formatter, "{kind} sha256:{digest}"),
            Self::Issuer { issuer } => write!(formatter, "{kind} {issuer}"),
            Self::TokenId { .. } | Self::Subject { .. } | Self::Key { .. } => {
                write!(formatter, "{kind} {}", self.value())?;
                match self.issuer() {
                    Some(issuer) => write!(formatter, " of {issuer}"),
                    None => Ok(()),
                }
            }
        }
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == DIGEST
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Something revoked, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What.
    pub target: Target,
    /// Since when, in seconds since 1970.
    pub at: u64,
    /// Until when, in seconds since 1970, exclusive; none for ever.
    pub until: Option<u64>,
    /// Who revoked it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Revocation {
    /// Whether it holds at `now`.
    ///
    /// It holds at once, also on a host whose clock is behind the operator's.
    pub fn holds(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// All revocations, as decisions look them up.
#[derive(Debug, Default)]
pub(super) struct Revocations {
    by_target: HashMap<Lookup, Revocation>,
    has_tokens: bool,
    has_subjects: bool,
}

/// What a revocation is found by.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Lookup {
    kind: &'static str,
    issuer: Option<String>,
    value: String,
}

impl Lookup {
    fn new(kind: &'static str, issuer: Option<&str>, value: &str) -> Self {
        Self {
            kind,
            issuer: issuer.map(str::to_owned),
            value: value.to_owned(),
        }
    }
}

/// The kind under which a subject is found in whatever shape.
const SHAPELESS: &str = "subject-key";

impl Revocations {
    /// Adds one.
    pub(super) fn add(&mut self, revocation: Revocation) {
        let target = &revocation.target;
        self.has_tokens |= matches!(target, Target::Token { .. });
        self.has_subjects |= matches!(target, Target::Subject { .. });
        let lookup = Lookup::new(target.kind(), target.issuer(), target.value());
        if !target.key().is_empty() {
            let shapeless = Lookup::new(SHAPELESS, target.issuer(), target.key());
            self.keep(shapeless, revocation.clone());
        }
        self.keep(lookup, revocation);
    }

    /// Keeps whichever lasts longer: two subjects may have one key.
    fn keep(&mut self, lookup: Lookup, revocation: Revocation) {
        let end = |one: &Revocation| one.until.unwrap_or(u64::MAX);
        match self.by_target.get(&lookup) {
            Some(known) if end(known) >= end(&revocation) => {}
            Some(_) | None => {
                self.by_target.insert(lookup, revocation);
            }
        }
    }

    /// Why a token is refused, if it is.
    pub(super) fn refuse(&self, token: &Admissible) -> Option<Reason> {
        if self.by_target.is_empty() {
            return None;
        }
        let verified = token.token();
        let issuer = verified.issuer().url();
        let thumbprint = verified.verified_by().thumbprint();
        let find = |kind, issuer: Option<&str>, value: &str| {
            let found = self.by_target.get(&Lookup::new(kind, issuer, value));
            found.filter(|revocation| revocation.holds(token.now()))
        };
        let by_key =
            || find("key", Some(issuer), thumbprint).or_else(|| find("key", None, thumbprint));
        let by_subject = || {
            let subject = || find("subject", Some(issuer), verified.subject());
            let shapeless = || find(SHAPELESS, Some(issuer), &subject_key(token));
            self.has_subjects
                .then(|| subject().or_else(shapeless))
                .flatten()
        };
        let by_id = || find("token-id", Some(issuer), verified.token_id()?);
        let by_digest = || {
            let digest = || hexadecimal::encode("", &verified.digest());
            self.has_tokens
                .then(|| find("token", None, &digest()))
                .flatten()
        };
        let found = find("issuer", Some(issuer), "")
            .or_else(by_key)
            .or_else(by_subject)
            .or_else(by_id)
            .or_else(by_digest)?;
        Some(words(found, token))
    }
}

/// The subject of a token in whatever shape.
fn subject_key(token: &Admissible) -> String {
    let workload = token.workload();
    let parts = workload.parts.iter();
    let model = token.token().issuer().model();
    model.subject_key(parts.map(|(name, value)| (&**name, value.as_str())))
}

fn words(revocation: &Revocation, token: &Admissible) -> Reason {
    let verified = token.token();
    let (code, what, claim) = match &revocation.target {
        Target::TokenId { .. } | Target::Token { .. } => {
            (Code::RevokedToken, "this token was", "jti")
        }
        Target::Subject { .. } => (Code::RevokedSubject, "tokens of this subject were", "sub"),
        Target::Key { .. } => (Code::RevokedKey, "the key that signed this token was", ""),
        Target::Issuer { .. } => (Code::RevokedIssuer, "tokens of this issuer were", "iss"),
    };
    let until = revocation
        .until
        .map_or_else(String::new, |until| format!(", until {}", date(until)));
    let message = format!(
        "{what} revoked on {} by {}{until}: {}",
        date(revocation.at),
        clip(&revocation.by),
        clip(&revocation.reason),
    );
    let found = match &revocation.target {
        Target::TokenId { .. } => verified.token_id().unwrap_or_default(),
        Target::Token { digest } => digest,
        Target::Subject { .. } => verified.subject(),
        Target::Key { thumbprint, .. } => thumbprint,
        Target::Issuer { issuer } => issuer,
    };
    let claim = [claim].into_iter().filter(|claim| !claim.is_empty());
    Reason::new(code, message).about(claim).found(found)
}
