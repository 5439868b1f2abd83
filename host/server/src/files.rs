//! The files of a configuration: how they are read, and what they look like, to
//! tell that one has changed.

use std::collections::BTreeMap;
use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::config::{Config, Fetch, Keys};

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("can't be read: {0}")]
    Io(#[from] io::Error),
    /// A folder, a pipe or a device: reading it might never end.
    #[error("is no file")]
    NoFile,
    #[error("has more than {0} bytes")]
    TooLong(u64),
    #[error("is no text in UTF-8")]
    NoText,
}

/// A whole file of at most so many bytes.
pub(crate) fn read(path: &Path, longest: u64) -> Result<Vec<u8>, ReadError> {
    let mut options = OpenOptions::new();
    // A pipe would be waited for.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = options.read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(ReadError::NoFile);
    }
    let mut bytes = Vec::new();
    file.take(longest.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(ReadError::TooLong(longest));
    }
    Ok(bytes)
}

/// As [`read`], of text.
pub(crate) fn read_text(path: &Path, longest: u64) -> Result<String, ReadError> {
    String::from_utf8(read(path, longest)?).map_err(|_| ReadError::NoText)
}

/// Files, and the state in which each was seen: none where there was no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen(BTreeMap<PathBuf, Option<Mark>>);

impl Seen {
    /// Looks at the configuration's own file: before it is read, so that what is
    /// written meanwhile counts as a change.
    pub(crate) fn file(path: &Path) -> Self {
        Self(BTreeMap::from([(path.to_owned(), Mark::of(path))]))
    }

    /// The same with the files that a configuration names and that are read with
    /// it: before they are.
    #[must_use]
    pub(crate) fn with(mut self, config: &Config, folder: &Path) -> Self {
        let policies = config
            .route
            .values()
            .filter_map(|route| route.policy.as_ref());
        let fetches = config
            .issuer
            .values()
            .filter_map(|issuer| fetch(&issuer.keys));
        let authorities = fetches.filter_map(|fetch| fetch.ca.as_ref());
        let stores = config.store.values().flat_map(|store| {
            let keys = store.key.values().map(|key| &key.file);
            keys.chain(store.ca.as_ref())
        });
        for path in policies.chain(authorities).chain(stores) {
            let path = folder.join(path);
            let mark = Mark::of(&path);
            self.0.entry(path).or_insert(mark);
        }
        self
    }

    /// The same files as they are now.
    #[must_use]
    pub(crate) fn again(&self) -> Self {
        let paths = self.0.keys();
        Self(paths.map(|path| (path.clone(), Mark::of(path))).collect())
    }

    /// What was seen, with what was seen of the same files later in its place.
    pub(crate) fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }
}

/// How an issuer's keys are fetched, where they are. Files of keys are looked
/// after where they are used.
fn fetch(keys: &Keys) -> Option<&Fetch> {
    match keys {
        Keys::Discovery(discovery) => Some(&discovery.fetch),
        Keys::Url(url) => Some(&url.fetch),
        Keys::File(_) | Keys::Inline(_) => None,
    }
}

/// What tells two states of a file apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Mark {
    /// Of the file behind all links: a folder that is mounted anew changes it.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::from)
    }

    /// Of a file that was looked at without following a link.
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap,
        clippy::cast_lossless,
        reason = "which of these it is differs by system"
    )]
    pub(crate) fn of_stat(found: &rustix::fs::Stat) -> Self {
        Self {
            device: found.st_dev as u64,
            inode: found.st_ino as u64,
            length: found.st_size as u64,
            modified: (found.st_mtime as i64, found.st_mtime_nsec as i64),
            changed: (found.st_ctime as i64, found.st_ctime_nsec as i64),
        }
    }
}

impl From<&Metadata> for Mark {
    fn from(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_might_never_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for path in [&*pipe, folder.path(), Path::new("/dev/zero")] {
            let read = read(path, 16);
            assert!(matches!(read, Err(ReadError::NoFile)), "{path:?}: {read:?}");
        }
        let file = folder.path().join("file");
        std::fs::write(&file, [b'x'; 17]).unwrap();
        assert!(matches!(read(&file, 16), Err(ReadError::TooLong(16))));
        assert_eq!(read_text(&file, 17).unwrap().len(), 17);
        std::fs::write(&file, [0xff]).unwrap();
        assert!(matches!(read_text(&file, 16), Err(ReadError::NoText)));
    }
}
