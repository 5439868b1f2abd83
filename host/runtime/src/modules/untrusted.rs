//! Why nobody's word stands behind a document.

use super::authority::MOST_LOOKED_AT;
use super::document::DocumentError;
use super::name::ModuleName;
use super::provenance::ProvenanceError;
use super::role::Role;

/// Why a document is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Nobody signed it.
    #[error("it has no signature")]
    Unsigned,
    /// There are more signatures than are looked at.
    #[error("it has {found} signatures, where at most {MOST_LOOKED_AT} are looked at")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// What came with it is on another document.
    #[error("its signatures are on another document: their bundles name another digest")]
    Elsewhere,
    /// No known key made one of its signatures on these bytes.
    #[error("no known key signed it")]
    Stranger,
    /// None of the keys that are known may sign it, whoever did.
    #[error("no known key signed it, and none may sign `{role}` of `{name}`; {known}")]
    NoKey {
        /// The role that it takes.
        role: Role,
        /// The name that was asked for.
        name: ModuleName,
        /// Which keys are known, with what each may sign, in words.
        known: String,
    },
    /// A known key did, but its word is not taken for this name.
    #[error("key `{key}` signed it, which is not one for `{name}`")]
    NotForName {
        /// The key's name.
        key: String,
        /// The name that was asked for.
        name: ModuleName,
    },
    /// A key for this name did, but its word is not taken for this.
    #[error("key `{key}` signed it, whose `signs` has no `{role}`")]
    NotForRole {
        /// The key's name.
        key: String,
        /// The role that it has not.
        role: Role,
    },
    /// What was signed is not the document it should be.
    #[error("what was signed is not the document that it should be: {0}")]
    Document(#[from] DocumentError),
    /// What was signed is about another module.
    #[error("what was signed is about `{found}`, not about `{asked}`")]
    Name {
        /// The name that was asked for.
        asked: ModuleName,
        /// The name that was signed.
        found: ModuleName,
    },
    /// What was signed is no attestation about the component.
    #[error("what was signed is no attestation about the component: {0}")]
    Provenance(#[from] ProvenanceError),
}

impl Untrusted {
    /// Whether no known key signed it: anybody can have made it.
    pub(super) const fn is_nobody_s(&self) -> bool {
        match self {
            Self::Unsigned
            | Self::TooMany { .. }
            | Self::Elsewhere
            | Self::Stranger
            | Self::NoKey { .. } => true,
            Self::NotForName { .. }
            | Self::NotForRole { .. }
            | Self::Document(_)
            | Self::Name { .. }
            | Self::Provenance(_) => false,
        }
    }
}
