//! Keys that sign modules, and the signatures beside a document.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::modules::{Form, MOST_SIGNATURES, PublicKey, Signature, SigningKey};
use zeroize::Zeroizing;

use crate::artifact;
use crate::input::{self, Source};

/// Longest file of a signature that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// A private key in PEM. Nothing of the text is repeated in an error.
pub(crate) fn signing_key(source: &Source) -> anyhow::Result<SigningKey> {
    let text = Zeroizing::new(source.text()?);
    artifact::refuse_token(source, &text, "a private key")?;
    SigningKey::from_pem(&text).with_context(|| format!("`--key` {source}"))
}

/// A public key in PEM.
pub(crate) fn public_key(source: &Source) -> anyhow::Result<PublicKey> {
    let text = Zeroizing::new(source.text()?);
    artifact::refuse_token(source, &text, "a public key")?;
    PublicKey::from_pem(&text).with_context(|| source.to_string())
}

/// Where a document's signatures of that form may stand: `FILE.sig`, then
/// `FILE.1.sig` and so on.
pub(crate) fn places(document: &Path, form: Form) -> impl Iterator<Item = PathBuf> {
    let place = move |number: usize| {
        let mut path = document.as_os_str().to_owned();
        if number > 0 {
            path.push(format!(".{number}"));
        }
        path.push(format!(".{}", form.extension()));
        PathBuf::from(path)
    };
    (0..MOST_SIGNATURES).map(place)
}

/// The files beside a document that should hold its signatures.
pub(crate) fn beside(document: &Path) -> Vec<PathBuf> {
    let all = Form::ALL.into_iter();
    all.flat_map(|form| places(document, form))
        .filter(|path| path.is_file())
        .collect()
}

/// Removes the signatures beside a document, which becomes another.
pub(crate) fn remove(document: &Path) -> anyhow::Result<()> {
    for path in beside(document) {
        let removed = std::fs::remove_file(&path);
        removed.with_context(|| format!("`{}` can't be removed", path.display()))?;
    }
    Ok(())
}

/// Where a signature by this key belongs: where one by it stands, or nothing.
pub(crate) fn place(
    path: &Path,
    document: &[u8],
    form: Form,
    key: &PublicKey,
) -> anyhow::Result<PathBuf> {
    for place in places(path, form) {
        if place.symlink_metadata().is_err() || is_by(&place, document, key) {
            return Ok(place);
        }
    }
    bail!(
        "`{}` has {MOST_SIGNATURES} signatures already",
        path.display()
    )
}

fn is_by(place: &Path, document: &[u8], key: &PublicKey) -> bool {
    let bytes = input::file(place, LONGEST).ok();
    let signature = bytes.and_then(|bytes| Signature::parse(&bytes).ok());
    signature.is_some_and(|signature| signature.is_by(key, document))
}

/// The bytes of a file that should hold a signature.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = input::file(path, LONGEST)?;
    // A bundle looks like other things too; a key or a token is none.
    if let Ok(text) = std::str::from_utf8(&bytes)
        && !text.trim_start().starts_with('{')
    {
        artifact::refuse(&Source::File(path.to_owned()), text, "a signature")?;
    }
    Ok(bytes)
}
