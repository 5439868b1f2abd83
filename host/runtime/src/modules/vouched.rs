//! What somebody vouches for whose word is taken.

use super::comparison::Comparison;
use super::role::Role;

/// A key that signed, as its host knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The key's name.
    pub key: String,
    /// What it may sign for this name.
    pub roles: Vec<Role>,
}

impl Signer {
    fn may(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// A document that was signed by keys which may sign it. Only an
/// [`Authority`](super::Authority) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched<T> {
    document: T,
    signers: Vec<Signer>,
}

impl<T> Vouched<T> {
    pub(super) const fn new(document: T, signers: Vec<Signer>) -> Self {
        Self { document, signers }
    }

    /// What is vouched for.
    pub const fn document(&self) -> &T {
        &self.document
    }

    /// The same, without who vouches.
    pub fn into_document(self) -> T {
        self.document
    }

    /// Who vouches: each key once, however often it signed.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }
}

impl Vouched<Comparison> {
    /// Whether it counts although the new version lets in more: signed by a key
    /// for comparisons, and by another one for `wider`.
    pub fn counts_if_wider(&self) -> bool {
        // INVARIANT: no two keys of an authority are the same.
        let first = self.signers.iter().filter(|one| one.may(Role::Comparison));
        let second = |first: &Signer| {
            let mut others = self.signers.iter().filter(|other| other.key != first.key);
            others.any(|other| other.may(Role::Wider))
        };
        first.into_iter().any(second)
    }
}
