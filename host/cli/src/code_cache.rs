//! The folder of machine code, where one is named, and the key of what is in it.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::code::{CodeCache, CodeKey, Origin, Unused};
use claimbound::policy::Policy;
use claimbound::sandbox::Sandbox;
use zeroize::Zeroizing;

use crate::input::Source;
use crate::{artifact, component};

/// How much of a key's file is read, in bytes: what is longer is something else,
/// and long enough to be named.
const LONGEST: usize = 64 * 1024;
/// Permissions that no key's file may give: all to others, writing to its group.
/// A secret that is mounted for a group is often one that the group may read.
#[cfg(unix)]
const TOO_OPEN: u32 = 0o027;

/// The arguments of commands that run a policy.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// Keep machine code in this folder, so that a component is compiled once.
    /// It is made where it is absent, and must belong to this user alone.
    #[arg(long, value_name = "FOLDER", requires = "code_key")]
    code_cache: Option<PathBuf>,

    /// The key that authenticates what is in that folder: 64 hexadecimal digits
    /// in a file elsewhere, as `openssl rand -hex 32` writes them.
    #[arg(long, value_name = "FILE", requires = "code_cache")]
    code_key: Option<PathBuf>,
}

impl Arguments {
    /// A sandbox for a component, with the folder if one is named.
    pub(crate) fn sandbox(&self, component: &[u8]) -> anyhow::Result<Sandbox> {
        let sandbox = component::sandbox(component)?;
        let (Some(folder), Some(path)) = (&self.code_cache, &self.code_key) else {
            return Ok(sandbox);
        };
        if is_inside(path, folder) {
            bail!(
                "`{}` is inside the folder that it is the key of; keep it elsewhere",
                path.display()
            );
        }
        let (key, metadata) = key(path)?;
        let cache = CodeCache::open(folder, key).context("`--code-cache`")?;
        #[cfg(unix)]
        check_owner(path, &metadata, folder)?;
        Ok(sandbox.with_code_cache(cache))
    }
}

/// Whether the key is in the folder, by whatever path. A folder that is not
/// there yet has nothing inside.
fn is_inside(key: &Path, folder: &Path) -> bool {
    match (key.canonicalize(), folder.canonicalize()) {
        (Ok(key), Ok(folder)) => key.starts_with(folder),
        (Ok(_) | Err(_), _) => false,
    }
}

/// A key, and of what file.
fn key(path: &Path) -> anyhow::Result<(CodeKey, Metadata)> {
    let source = Source::File(path.to_owned());
    let file = File::open(path).with_context(|| format!("{source} can't be read"))?;
    let metadata = file
        .metadata()
        .with_context(|| format!("{source} can't be read"))?;
    if metadata.is_dir() {
        bail!("{source} is a folder, not a file");
    }
    #[cfg(unix)]
    check_mode(&metadata, &source)?;
    // Room for all of it at once: what a vector leaves behind as it grows would
    // not be wiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    file.take(LONGEST as u64)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{source} can't be read"))?;
    if let Some(key) = CodeKey::from_digits(bytes.trim_ascii()) {
        return Ok((key, metadata));
    }
    let text = String::from_utf8_lossy(&bytes);
    artifact::refuse(&source, &text, "a key of machine code")?;
    bail!(
        "{source} is no key of 64 hexadecimal digits; make one by `(umask 077; openssl rand -hex 32 > FILE)`"
    )
}

/// Refuses a key that is open to others.
#[cfg(unix)]
fn check_mode(metadata: &Metadata, source: &Source) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = metadata.mode() & 0o7777;
    if mode & TOO_OPEN != 0 {
        bail!(
            "{source} may be read by others, or written to by them or its group (mode {mode:03o}); close it by `chmod 600`"
        );
    }
    Ok(())
}

/// Refuses a key that another user has: it is this one's, or root's, who mounts
/// secrets for others. The folder is this user's, or would not have been opened.
#[cfg(unix)]
fn check_owner(path: &Path, key: &Metadata, folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let user = folder.metadata().context("`--code-cache`")?.uid();
    let owner = key.uid();
    if owner != user && owner != 0 {
        bail!(
            "`{}` belongs to user {owner}, who could make machine code with it; use a key of this user's own",
            path.display()
        );
    }
    Ok(())
}

/// What is worth knowing of where a policy's code came from, in a sentence.
pub(crate) fn notes(path: &Path, policy: &Policy) -> Vec<String> {
    let name = path.display();
    let Origin::Missed { why, kept } = policy.origin() else {
        return Vec::new();
    };
    let unused = (*why != Unused::Absent)
        .then(|| format!("the machine code kept for `{name}` was not used: {why}"));
    let lost = kept.as_ref().err();
    let lost = lost.map(|lost| format!("the machine code of `{name}` was not kept: {lost}"));
    unused.into_iter().chain(lost).collect()
}
