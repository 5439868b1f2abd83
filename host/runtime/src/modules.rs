//! Policy modules: what they are called, what is said of them, and whose word
//! is taken for it.
//!
//! A *statement* says what a module is, an *index* which versions of one name
//! there are, a *comparison* how two versions differ. Each is a document whose
//! exact bytes are signed, as `cosign sign-blob` signs them. An [`Authority`]
//! is the keys that a host trusts; what it finds signed by the right one is
//! [`Vouched`], and a module of which that holds is a [`Release`]. Nothing else
//! makes one, but [`danger`](crate::danger).
//!
//! ```
//! use claimbound::modules::{Authority, Form, KeyAlgorithm, Role, Signed, SigningKey};
//! use claimbound::modules::{Contract, Digest, Statement, TrustedKey};
//!
//! let key = SigningKey::generate(KeyAlgorithm::P256)?;
//! let statement = Statement {
//!     id: "acme-deploy@1.4.0".parse()?,
//!     digest: Digest::of(b"the component"),
//!     contract: Contract::served(),
//!     time: 1_795_802_400,
//!     document: None,
//! };
//! let document = statement.to_bytes();
//! let signatures = vec![key.sign(&document, Form::Bundle)?];
//!
//! let authority = Authority::new([TrustedKey {
//!     name: "release".to_owned(),
//!     key: key.public().clone(),
//!     modules: vec!["acme-deploy".parse()?],
//!     roles: vec![Role::Module],
//! }])?;
//! let signed = Signed { document, signatures };
//! let vouched = authority.statement(&signed, statement.id.name())?;
//! assert_eq!(vouched.document(), &statement);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod bundle;
mod comparison;
mod contract;
mod digest;
mod document;
mod id;
mod index;
mod name;
mod pem;
mod provenance;
mod public_key;
mod range;
mod release;
mod role;
mod signature;
mod signing_key;
mod statement;
#[cfg(test)]
mod tests;
mod untrusted;
mod version;
mod vouched;

pub use semver::{Version, VersionReq};

pub use authority::{
    Authority, AuthorityError, MOST_KEYS, MOST_LOOKED_AT, MOST_SIGNATURES, TrustedKey,
};
pub use comparison::{Compared, Comparison, Relation};
pub use contract::Contract;
pub use digest::{Digest, DigestError};
pub use document::{DocumentError, DocumentKind};
pub use id::{IdError, ModuleId};
pub(crate) use index::LAST_SERIAL;
pub use index::{Index, IndexError, Listed, MOST_VERSIONS};
pub use name::{ModuleName, NameError};
pub use provenance::{Provenance, ProvenanceError};
pub use public_key::{KeyAlgorithm, PublicKey, UnusableKey};
pub use range::is_empty as is_empty_range;
pub use release::{MOST_COMPARISONS, PassedOver, Published, Refused, Release};
pub use role::Role;
pub use signature::{Form, Signature, SignatureError, Signed};
pub use signing_key::SigningKey;
pub use statement::Statement;
pub use untrusted::Untrusted;
pub use version::{VersionError, parse as parse_version};
pub use vouched::{Signer, Vouched};
