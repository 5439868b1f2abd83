//! A folder as a store.
//!
//! The store's own path may lead through links; nothing inside is followed. Who
//! reads holds no lock: a version's folder appears whole, and an index is written
//! after the signatures on it.

mod directory;
mod layout;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::path::{Path, PathBuf};

use claimbound::modules::{
    Digest, ModuleId, ModuleName, Published, Signature, Signed, Version, parse_version,
};

use super::bounds::{self, Bounds};
use super::error::StoreError;
use super::registry::hold;
use super::signatures;
use crate::files::ReadError;
use directory::{Directory, Held};

/// Most files of one name: a folder for each version, an index and signatures.
const MOST_FILES: usize = bounds::VERSIONS + 100;
/// Most files of one version: documents, and the signatures on each.
const MOST_BESIDE: usize = (bounds::COMPARISONS + 2) * (bounds::SIGNATURES + 1);
/// How often a document that is just being replaced is read again.
const ATTEMPTS: usize = 8;

/// A folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    bounds: Bounds,
}

/// An open folder, and what it is called.
struct Place {
    directory: Directory,
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf, bounds: Bounds) -> Self {
        Self { path, bounds }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    fn root(&self) -> Result<Place, StoreError> {
        let opened = Directory::open(&self.path).map_err(|error| failed(&self.path, &error))?;
        let directory = opened.ok_or_else(|| {
            StoreError::unreachable(self.path.to_string_lossy(), "there is no such folder")
        })?;
        Ok(Place {
            directory,
            path: self.path.clone(),
        })
    }

    pub(super) fn index(&self, name: &ModuleName) -> Result<Option<Signed>, StoreError> {
        match self.root()?.folder(name.as_str())? {
            Some(folder) => folder.signed(layout::INDEX, bounds::INDEX),
            None => Ok(None),
        }
    }

    pub(super) fn names(&self) -> Result<Vec<ModuleName>, StoreError> {
        let root = self.root()?;
        let names = root.names(bounds::NAMES)?.into_iter();
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    pub(super) fn versions(&self, name: &ModuleName) -> Result<Vec<Version>, StoreError> {
        let Some(folder) = self.root()?.folder(name.as_str())? else {
            return Ok(Vec::new());
        };
        let names = folder.names(MOST_FILES)?.into_iter();
        let mut versions: Vec<_> = names.filter_map(|name| parse_version(&name).ok()).collect();
        versions.sort();
        Ok(versions)
    }

    pub(super) fn fetch(
        &self,
        id: &ModuleId,
        promised: Option<&Digest>,
    ) -> Result<Published, StoreError> {
        let absent = || StoreError::absent(format!("module `{id}`"));
        let name = self.root()?.folder(id.name().as_str())?;
        let version = name.ok_or_else(absent)?.folder(&id.version().to_string())?;
        let version = version.ok_or_else(absent)?;
        let longest = self.bounds.component();
        let component = version.read(layout::COMPONENT, longest)?;
        let component = component.ok_or_else(absent)?;
        let what = format!("module `{id}`");
        hold(&what, promised, Digest::of(&component))?;
        let statement = version.signed(layout::STATEMENT, bounds::DOCUMENT)?;
        Ok(Published {
            statements: vec![
                statement.ok_or_else(|| StoreError::absent(format!("statement of `{id}`")))?,
            ],
            comparisons: version.comparisons()?,
            provenance: version.read(layout::PROVENANCE, bounds::PROVENANCE)?,
            component,
        })
    }
}

impl Place {
    fn folder(&self, name: &str) -> Result<Option<Self>, StoreError> {
        let path = self.path.join(name);
        let opened = self.directory.folder(name);
        let opened = opened.map_err(|error| failed(&path, &error))?;
        Ok(opened.map(|directory| Self { directory, path }))
    }

    fn names(&self, most: usize) -> Result<Vec<String>, StoreError> {
        let names = self.directory.names(most);
        names.map_err(|error| failed(&self.path, &error))
    }

    fn marked(&self, name: &str) -> Result<Option<(String, crate::files::Mark)>, StoreError> {
        let mark = self.directory.mark(name);
        let mark = mark.map_err(|error| failed(&self.path.join(name), &error))?;
        Ok(mark.map(|mark| (name.to_owned(), mark)))
    }

    fn read(&self, name: &str, longest: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let held = self.hold(name, longest)?;
        Ok(held.map(|held| held.bytes))
    }

    fn hold(&self, name: &str, longest: u64) -> Result<Option<Held>, StoreError> {
        let path = self.path.join(name);
        self.directory
            .read(name, longest)
            .map_err(|error| match error {
                ReadError::Io(error) => failed(&path, &error),
                ReadError::TooLong(limit) => StoreError::TooLarge {
                    what: format!("`{}`", path.display()),
                    limit,
                },
                ReadError::NoFile | ReadError::NoText => {
                    StoreError::path(path.to_string_lossy(), "it is no file")
                }
            })
    }

    /// A document with the signatures on it, as they were at one moment; none
    /// where it is not there.
    fn signed(&self, document: &str, longest: u64) -> Result<Option<Signed>, StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(held) = self.hold(document, longest)? else {
                return Ok(None);
            };
            // Signatures are written before the document that they are on, and
            // those on the one before it are taken away after it.
            let signatures = self.signatures(document)?;
            let now = self.marked(document)?;
            if now.is_some_and(|(_, now)| now == held.mark) {
                return Ok(Some(Signed {
                    document: held.bytes,
                    signatures,
                }));
            }
        }
        let place = self.path.join(document);
        Err(StoreError::unreachable(
            place.to_string_lossy(),
            "it changes all the time",
        ))
    }

    fn signatures(&self, document: &str) -> Result<Vec<Signature>, StoreError> {
        let names = self.names(MOST_FILES)?.into_iter();
        let names: Vec<_> = names
            .filter(|name| layout::is_signature(document, name))
            .collect();
        let what = format!("`{}`", self.path.join(document).display());
        // While one document takes another's place there are those on both.
        signatures::count(&what, names.len() / 2)?;
        let mut read = Vec::new();
        for name in names {
            // One that is gone was on the document before.
            if let Some(bytes) = self.read(&name, bounds::SIGNATURE)? {
                read.push(signatures::parse(&what, &bytes)?);
            }
        }
        Ok(read)
    }

    fn comparisons(&self) -> Result<Vec<Signed>, StoreError> {
        let names = self.names(MOST_BESIDE)?.into_iter();
        let names: Vec<_> = names
            .filter(|name| layout::compared(name).is_some())
            .collect();
        let what = format!("`{}`", self.path.display());
        bounds::at_most(bounds::COMPARISONS, names.len(), &what)?;
        let read = names.iter().map(|name| self.signed(name, bounds::DOCUMENT));
        Ok(read
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }
}

/// What an error of the operating system is.
fn failed(path: &Path, error: &io::Error) -> StoreError {
    use io::ErrorKind::{Other, PermissionDenied, ReadOnlyFilesystem};
    let place = path.to_string_lossy();
    let kind = error.kind();
    if matches!(kind, PermissionDenied | ReadOnlyFilesystem) {
        StoreError::Refused {
            place: place.into_owned(),
            cause: error.to_string(),
        }
    } else if kind == Other {
        StoreError::path(place, error)
    } else {
        StoreError::unreachable(place, error)
    }
}
