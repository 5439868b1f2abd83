//! Whose word is taken, for which names and for what.

use super::comparison::Comparison;
use super::digest::Digest;
use super::document::{DocumentError, DocumentKind};
use super::index::Index;
use super::name::ModuleName;
use super::provenance::{Envelope, Provenance};
use super::public_key::PublicKey;
use super::role::Role;
use super::signature::Signed;
use super::statement::Statement;
use super::untrusted::Untrusted;
use super::vouched::{Signer, Vouched};

/// Most signatures that are published with one document at a time.
pub const MOST_SIGNATURES: usize = 16;
/// Most signatures that are looked at for one module, on all of its documents:
/// what whoever may write to a store attached as well. Each is tried by each key
/// at most twice.
pub const MOST_LOOKED_AT: usize = 128 * MOST_SIGNATURES;
/// Most keys of an authority.
pub const MOST_KEYS: usize = 64;

/// Most keys, and most names of one key, that are told in a message.
const MOST_TOLD: usize = 8;

/// A key whose word is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// What it is called where it is configured.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// The modules that it may sign for.
    pub modules: Vec<ModuleName>,
    /// What it may sign for them.
    pub roles: Vec<Role>,
}

/// The keys that a host trusts, each for names and roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    keys: Vec<TrustedKey>,
}

/// Keys that can't stand beside each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// There are too many.
    #[error("there are more than {MOST_KEYS} keys")]
    TooMany,
    /// Two have one name.
    #[error("there are two keys `{0}`")]
    Name(String),
    /// Two are the same, and would count as two.
    #[error("key `{second}` is the same as key `{first}`; give it once, with all that it signs")]
    Same {
        /// The name of the first.
        first: String,
        /// The name of the second.
        second: String,
    },
    /// One signs nothing.
    #[error("key `{0}` signs nothing: it has no module, or no role")]
    Idle(String),
}

impl Authority {
    /// An authority of these keys.
    ///
    /// # Errors
    /// [`AuthorityError`] where two have one name or are the same, one signs
    /// nothing, or there are too many.
    pub fn new(keys: impl IntoIterator<Item = TrustedKey>) -> Result<Self, AuthorityError> {
        let mut authority = Self::default();
        for key in keys {
            authority.add(key)?;
        }
        Ok(authority)
    }

    fn add(&mut self, key: TrustedKey) -> Result<(), AuthorityError> {
        if self.keys.len() == MOST_KEYS {
            return Err(AuthorityError::TooMany);
        }
        if key.modules.is_empty() || key.roles.is_empty() {
            return Err(AuthorityError::Idle(key.name));
        }
        for known in &self.keys {
            if known.name == key.name {
                return Err(AuthorityError::Name(key.name));
            }
            if known.key == key.key {
                return Err(AuthorityError::Same {
                    first: known.name.clone(),
                    second: key.name,
                });
            }
        }
        self.keys.push(key);
        Ok(())
    }

    /// Its keys.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// Takes a statement about a version of `name`.
    ///
    /// # Errors
    /// [`Untrusted`] where no key for it signed these bytes, or they are
    /// something else.
    pub fn statement(
        &self,
        signed: &Signed,
        name: &ModuleName,
    ) -> Result<Vouched<Statement>, Untrusted> {
        self.vouch(signed, name)
    }

    /// Takes an index of the versions of `name`. Whether it is the newest, and
    /// not expired, is for the caller to say.
    ///
    /// # Errors
    /// As [`Self::statement`].
    pub fn index(&self, signed: &Signed, name: &ModuleName) -> Result<Vouched<Index>, Untrusted> {
        self.vouch(signed, name)
    }

    /// Takes a comparison of two versions of `name`. Where the new one lets in
    /// more, ask [`Vouched::counts_if_wider`] too.
    ///
    /// # Errors
    /// As [`Self::statement`].
    pub fn comparison(
        &self,
        signed: &Signed,
        name: &ModuleName,
    ) -> Result<Vouched<Comparison>, Untrusted> {
        self.vouch(signed, name)
    }

    /// Takes an attestation of where a component came from, signed by a key for
    /// modules of `name`: an envelope (DSSE), bare or in a bundle.
    ///
    /// # Errors
    /// As [`Self::statement`], and where it is about another component.
    pub fn provenance(
        &self,
        bytes: &[u8],
        name: &ModuleName,
        component: &Digest,
    ) -> Result<Vouched<Provenance>, Untrusted> {
        let envelope = Envelope::parse(bytes)?;
        let known = self.keys_that(name, |key| envelope.is_by(key));
        let signers = self.entitled(&known, name, Role::Module)?;
        Ok(Vouched::new(envelope.about(component)?, signers))
    }

    fn vouch<T: Vouchable>(
        &self,
        signed: &Signed,
        name: &ModuleName,
    ) -> Result<Vouched<T>, Untrusted> {
        signed.check()?;
        let known = self.keys_that(name, |key| signed.is_by(key));
        let signers = self.entitled(&known, name, Role::of(T::KIND))?;
        // Read only now: what nobody vouches for reaches no parser.
        let document = T::read(&signed.document)?;
        if document.name() != name {
            return Err(Untrusted::Name {
                asked: name.clone(),
                found: document.name().clone(),
            });
        }
        Ok(Vouched::new(document, signers))
    }

    /// Of the keys that signed, those that may sign for this name, if one of them
    /// has the role.
    fn entitled(
        &self,
        known: &[&TrustedKey],
        name: &ModuleName,
        role: Role,
    ) -> Result<Vec<Signer>, Untrusted> {
        if known.is_empty() && !self.keys.iter().any(|key| key.may(role, name)) {
            return Err(Untrusted::NoKey {
                role,
                name: name.clone(),
                known: self.told(),
            });
        }
        entitled(known, name, role)
    }

    /// Why a document is not taken, with the keys where the fault is that none of
    /// them signed it.
    pub fn explain(&self, why: &Untrusted) -> String {
        match why {
            Untrusted::Stranger => format!("{why}; {}", self.told()),
            Untrusted::Unsigned
            | Untrusted::TooMany { .. }
            | Untrusted::Elsewhere
            | Untrusted::NoKey { .. }
            | Untrusted::NotForName { .. }
            | Untrusted::NotForRole { .. }
            | Untrusted::Document(_)
            | Untrusted::Name { .. }
            | Untrusted::Provenance(_) => why.to_string(),
        }
    }

    /// The keys with what each may sign, and for which names: the first of them,
    /// where there are many.
    pub fn told(&self) -> String {
        let keys = self.keys.iter().take(MOST_TOLD).map(TrustedKey::told);
        let keys: Vec<_> = keys.collect();
        match self.keys.len().saturating_sub(keys.len()) {
            _ if keys.is_empty() => "no key is known".to_owned(),
            0 => format!("known: {}", keys.join("; ")),
            more => format!("known: {}; and {more} more", keys.join("; ")),
        }
    }

    /// A document with the signatures that count, as it can be published again: one
    /// by each key for the name, of at most 16.
    pub(super) fn counted(&self, mut signed: Signed, name: &ModuleName) -> Signed {
        let (keys, _) = self.entitled_and_others(name);
        let counted = keys.iter().filter_map(|key| signed.one_by(&key.key));
        signed.signatures = counted.take(MOST_SIGNATURES).cloned().collect();
        signed
    }

    /// The known keys of which that holds, each once: those for the name or, where
    /// it holds of none, others, which have no say and tell why.
    fn keys_that(
        &self,
        name: &ModuleName,
        signed: impl Fn(&PublicKey) -> bool,
    ) -> Vec<&TrustedKey> {
        let (mut entitled, mut others) = self.entitled_and_others(name);
        entitled.retain(|key| signed(&key.key));
        if entitled.is_empty() {
            others.retain(|key| signed(&key.key));
            return others;
        }
        entitled
    }

    /// The keys for a name, and all others.
    fn entitled_and_others(&self, name: &ModuleName) -> (Vec<&TrustedKey>, Vec<&TrustedKey>) {
        let keys = self.keys.iter();
        keys.partition(|key| key.modules.contains(name))
    }
}

impl TrustedKey {
    fn may(&self, role: Role, name: &ModuleName) -> bool {
        self.roles.contains(&role) && self.modules.contains(name)
    }

    /// The key with what it may sign, and for which names.
    fn told(&self) -> String {
        let roles: Vec<_> = self.roles.iter().map(|role| role.as_str()).collect();
        let names = self.modules.iter().take(MOST_TOLD).map(ModuleName::as_str);
        let names: Vec<_> = names.collect();
        let more = if names.len() < self.modules.len() {
            " and others"
        } else {
            ""
        };
        let (roles, names) = (roles.join("`, `"), names.join("`, `"));
        format!("`{}`, for `{roles}` of `{names}`{more}", self.name)
    }
}

fn entitled(
    known: &[&TrustedKey],
    name: &ModuleName,
    role: Role,
) -> Result<Vec<Signer>, Untrusted> {
    let Some(first) = known.first() else {
        return Err(Untrusted::Stranger);
    };
    let signers: Vec<_> = known
        .iter()
        .filter(|key| key.modules.contains(name))
        .map(|key| Signer {
            key: key.name.clone(),
            roles: key.roles.clone(),
        })
        .collect();
    let Some(named) = signers.first() else {
        return Err(Untrusted::NotForName {
            key: first.name.clone(),
            name: name.clone(),
        });
    };
    if !signers.iter().any(|signer| signer.roles.contains(&role)) {
        let key = named.key.clone();
        return Err(Untrusted::NotForRole { key, role });
    }
    Ok(signers)
}

/// A document that keys vouch for.
trait Vouchable: Sized {
    const KIND: DocumentKind;

    fn read(bytes: &[u8]) -> Result<Self, DocumentError>;

    fn name(&self) -> &ModuleName;
}

impl Vouchable for Statement {
    const KIND: DocumentKind = DocumentKind::Statement;

    fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::parse(bytes)
    }

    fn name(&self) -> &ModuleName {
        self.id.name()
    }
}

impl Vouchable for Index {
    const KIND: DocumentKind = DocumentKind::Index;

    fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::parse(bytes)
    }

    fn name(&self) -> &ModuleName {
        self.name()
    }
}

impl Vouchable for Comparison {
    const KIND: DocumentKind = DocumentKind::Comparison;

    fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        Self::parse(bytes)
    }

    fn name(&self) -> &ModuleName {
        &self.name
    }
}
