//! The policies that arguments mean: files themselves, and those below folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// How deep folders are searched.
const DEEPEST: usize = 64;
/// The most policies below one path.
const MOST: usize = 10_000;

/// What counts as a policy below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Every `policy.toml`.
    All,
    /// One with a `cases.toml` beside it.
    WithCases,
}

impl Wanted {
    fn is_in(self, folder: &Path) -> bool {
        let has = |name: &str| folder.join(name).is_file();
        has("policy.toml") && (self == Self::All || has("cases.toml"))
    }

    const fn words(self) -> &'static str {
        match self {
            Self::All => "`policy.toml`",
            Self::WithCases => "`policy.toml` with a `cases.toml` beside it",
        }
    }
}

/// The policies that these paths mean, each once; without any path, those below
/// this folder.
pub(crate) fn found(paths: &[PathBuf], wanted: Wanted) -> anyhow::Result<BTreeSet<PathBuf>> {
    let here = [PathBuf::from(".")];
    let given = if paths.is_empty() { &here } else { paths };
    let mut found = BTreeSet::new();
    for path in given {
        search(path, wanted, &mut found)?;
    }
    Ok(found)
}

/// Adds the policies that a path means: a file itself, a folder's all.
fn search(path: &Path, wanted: Wanted, found: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    if !path.is_dir() {
        found.insert(path.to_owned());
        return Ok(());
    }
    let mut below = BTreeSet::new();
    walk(path, wanted, 0, &mut below)?;
    if below.is_empty() {
        bail!("no {} is below `{}`", wanted.words(), path.display());
    }
    found.append(&mut below);
    Ok(())
}

fn walk(
    folder: &Path,
    wanted: Wanted,
    depth: usize,
    found: &mut BTreeSet<PathBuf>,
) -> anyhow::Result<()> {
    if depth > DEEPEST {
        bail!("folder `{}` is more than {DEEPEST} deep", folder.display());
    }
    if wanted.is_in(folder) {
        found.insert(folder.join("policy.toml"));
    }
    if found.len() > MOST {
        bail!("more than {MOST} policies are below one path");
    }
    let unreadable = || format!("folder `{}` can't be read", folder.display());
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // Links are not followed: they may lead in circles.
        if !hidden && entry.file_type().with_context(unreadable)?.is_dir() {
            walk(&entry.path(), wanted, depth + 1, found)?;
        }
    }
    Ok(())
}
