//! Why a key can't be used.

use crate::json::JsonError;
use crate::reason::clip;

/// A public key that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not strict JSON.
    #[error("the key is not strict JSON: {0}")]
    Json(JsonError),
    /// The text is not one PEM block of a public key.
    #[error("the key is no PEM public key: {fault}")]
    Pem {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A member is missing, of another type, or can't be what it says.
    #[error("member `{member}` {fault}")]
    Malformed {
        /// The member's name.
        member: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The key's type or curve is none that signs tokens here.
    #[error("{member} `{value}` verifies nothing here")]
    Unknown {
        /// `kty` or `crv`.
        member: &'static str,
        /// What it says, cut to a bounded length.
        value: String,
    },
    /// The key is sound in form, but not one to verify a token with.
    #[error("{reason}")]
    Unfit {
        /// Why, in one sentence.
        reason: String,
    },
}

impl KeyError {
    pub(super) fn malformed(member: &'static str, fault: &'static str) -> Self {
        Self::Malformed { member, fault }
    }

    pub(super) fn unknown(member: &'static str, value: &str) -> Self {
        Self::Unknown {
            member,
            value: clip(value),
        }
    }

    pub(super) fn unfit(reason: impl Into<String>) -> Self {
        Self::Unfit {
            reason: reason.into(),
        }
    }
}
