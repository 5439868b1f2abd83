//! What the files of a configuration look like, to tell that one has changed.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::config::{Config, Fetch, Keys};

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
        let policies = config.route.values().map(|route| &route.policy);
        let fetches = config
            .issuer
            .values()
            .filter_map(|issuer| fetch(&issuer.keys));
        let authorities = fetches.filter_map(|fetch| fetch.ca.as_ref());
        for path in policies.chain(authorities) {
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
struct Mark {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Mark {
    /// Of the file behind all links: a folder that is mounted anew changes it.
    fn of(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().as_ref().map(Self::from)
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
