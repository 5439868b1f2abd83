//! Keys that a command is told to trust for one name.

use claimbound::modules::{Authority, ModuleName, PublicKey, Refused, Role, TrustedKey, Untrusted};

use crate::input::Source;
use crate::signatures;

/// An authority of these keys, for one name and all but what a wider version needs;
/// each key is called as its source is spelled.
pub(crate) fn authority(sources: &[Source], name: &ModuleName) -> anyhow::Result<Authority> {
    let keys = sources.iter().map(|source| {
        let key = signatures::public_key(source)?;
        Ok(trusted(source, key, name))
    });
    of(keys.collect::<anyhow::Result<Vec<_>>>()?)
}

pub(crate) fn of(keys: Vec<TrustedKey>) -> anyhow::Result<Authority> {
    Ok(Authority::new(keys)?)
}

pub(crate) fn trusted(source: &Source, key: PublicKey, name: &ModuleName) -> TrustedKey {
    TrustedKey {
        name: source.spelling(),
        key,
        modules: vec![name.clone()],
        roles: Role::USUAL.to_vec(),
    }
}

/// Why a version is not taken, as [`Authority::explain`] tells of a document.
pub(crate) fn told_of_release(authority: &Authority, refused: &Refused) -> String {
    match refused {
        Refused::Untrusted(Untrusted::Stranger) => format!("{refused}; {}", authority.told()),
        Refused::Unstated
        | Refused::Untrusted(_)
        | Refused::Statement(_)
        | Refused::OtherModule { .. }
        | Refused::OtherComponent { .. }
        | Refused::Contract(_)
        | Refused::Yanked(_)
        | Refused::TooManyComparisons(_)
        | Refused::TooManySignatures(_) => refused.to_string(),
    }
}
