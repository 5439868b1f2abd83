//! Keys that a command is told to trust for one name.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use claimbound::modules::{Authority, ModuleName, PublicKey, Role, TrustedKey};

use crate::input;

/// An authority of the keys in these files, for one name and all but what a wider
/// version needs; each key is called as its file.
pub(crate) fn authority(files: &[PathBuf], name: &ModuleName) -> anyhow::Result<Authority> {
    let keys = files.iter().map(|path| {
        let key = public_key(path)?;
        Ok(trusted(path.display().to_string(), key, name))
    });
    of(keys.collect::<anyhow::Result<Vec<_>>>()?)
}

pub(crate) fn of(keys: Vec<TrustedKey>) -> anyhow::Result<Authority> {
    Ok(Authority::new(keys)?)
}

pub(crate) fn trusted(called: String, key: PublicKey, name: &ModuleName) -> TrustedKey {
    TrustedKey {
        name: called,
        key,
        modules: vec![name.clone()],
        roles: vec![Role::Module, Role::Index, Role::Comparison],
    }
}

/// The public key in a file.
pub(crate) fn public_key(path: &Path) -> anyhow::Result<PublicKey> {
    let text = input::file_text(path)?;
    PublicKey::from_pem(&text).with_context(|| format!("`{}`", path.display()))
}
