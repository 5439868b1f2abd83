//! What is written to a folder: whole before it shows, by one writer at a time.
//!
//! A version is written to a folder of another name, synced, and renamed. A file
//! beside what is there is written so too. What a writer leaves that was stopped
//! begins with a dot, is read by nobody, and is taken away by the next one.

use std::time::Duration;

use claimbound::modules::{
    Comparison, Digest, Index, ModuleId, ModuleName, Published, Signed, Statement,
};

use super::super::bounds;
use super::super::edition;
use super::super::error::StoreError;
use super::super::registry::same_component;
use super::super::signatures;
use super::directory::{self, Lock};
use super::{Folder, MOST_FILES, Place, failed, layout};

/// How often a lock is tried that another writer holds, and how long between.
const TRIES: usize = 100;
const BETWEEN: Duration = Duration::from_millis(100);

impl Folder {
    pub(crate) fn push(
        &self,
        id: &ModuleId,
        statement: &Statement,
        published: &Published,
    ) -> Result<(), StoreError> {
        let (name, _lock) = self.locked(id.name())?;
        let version = id.version().to_string();
        match name.folder(&version)? {
            Some(there) => self.add(id, statement, &there, published),
            None => name.publish(&version, published),
        }
    }

    pub(crate) fn push_index(
        &self,
        name: &ModuleName,
        index: &Index,
        given: &Signed,
    ) -> Result<(), StoreError> {
        let (folder, _lock) = self.locked(name)?;
        let there = folder.signed(layout::INDEX, bounds::INDEX)?;
        edition::follows(index, given, there.as_ref())?;
        match there.filter(|there| there.document == given.document) {
            Some(there) => folder.add(layout::INDEX, given, Some(&there)),
            None => folder.replace(layout::INDEX, given),
        }
    }

    pub(crate) fn push_comparison(&self, id: &ModuleId, given: &Signed) -> Result<(), StoreError> {
        let (name, _lock) = self.locked(id.name())?;
        let version = name.folder(&id.version().to_string())?;
        let version = version.ok_or_else(|| StoreError::absent(format!("module `{id}`")))?;
        version.sweep()?;
        version.compare(given)
    }

    /// The folder of a name, made where there is none, for one writer.
    fn locked(&self, name: &ModuleName) -> Result<(Place, Lock), StoreError> {
        directory::make(&self.path).map_err(|error| failed(&self.path, &error))?;
        let root = self.root()?;
        let folder = root.made(name.as_str())?;
        root.sync()?;
        let lock = folder.lock()?;
        folder.sweep()?;
        Ok((folder, lock))
    }

    /// Adds to a version that is there what it lacks.
    fn add(
        &self,
        id: &ModuleId,
        statement: &Statement,
        there: &Place,
        published: &Published,
    ) -> Result<(), StoreError> {
        let component = there.read(layout::COMPONENT, self.bounds.component())?;
        let component = component.ok_or_else(|| {
            let cause = format!("`{}` has no `{}`", there.path.display(), layout::COMPONENT);
            StoreError::conflict(format!("a folder of `{id}`"), cause)
        })?;
        same_component(id, statement.digest, Digest::of(&component))?;
        there.sweep()?;
        let known = there.signed(layout::STATEMENT, bounds::DOCUMENT)?;
        let known: Vec<_> = known.into_iter().collect();
        for given in &published.statements {
            let same = signatures::only("the statement", given, &known)?;
            there.add(layout::STATEMENT, given, same)?;
        }
        for comparison in &published.comparisons {
            there.compare(comparison)?;
        }
        match &published.provenance {
            Some(provenance) => there.trace(provenance),
            None => Ok(()),
        }
    }
}

impl Place {
    /// A version that is not there yet.
    fn publish(&self, version: &str, published: &Published) -> Result<(), StoreError> {
        let unfinished = format!("{}{version}", layout::UNFINISHED);
        let folder = self.made(&unfinished)?;
        folder.write(layout::COMPONENT, &published.component)?;
        for statement in &published.statements {
            folder.lay(layout::STATEMENT, statement)?;
        }
        for comparison in &published.comparisons {
            folder.lay(&compared(comparison)?, comparison)?;
        }
        if let Some(provenance) = &published.provenance {
            folder.write(layout::PROVENANCE, provenance)?;
        }
        folder.sync()?;
        self.rename(&unfinished, version)?;
        self.sync()
    }

    /// Writes a document and its signatures where nobody looks yet.
    fn lay(&self, document: &str, signed: &Signed) -> Result<(), StoreError> {
        for signature in &signed.signatures {
            let name = self.free(document, signature.form())?;
            self.write(&name, signature.as_bytes())?;
        }
        self.write(document, &signed.document)
    }

    /// Adds signatures, and after them the document where it is not there.
    fn add(
        &self,
        document: &str,
        given: &Signed,
        there: Option<&Signed>,
    ) -> Result<(), StoreError> {
        let known = there.map_or(&[][..], |there| &there.signatures);
        let fresh = signatures::fresh(&given.signatures, known);
        signatures::count(document, known.len() + fresh.len())?;
        for signature in fresh {
            let name = self.free(document, signature.form())?;
            self.put(&name, signature.as_bytes())?;
        }
        if there.is_none() {
            self.put(document, &given.document)?;
        }
        self.sync()
    }

    /// Puts a document in the place of another: its signatures before it, and
    /// those on the other away after it.
    fn replace(&self, document: &str, given: &Signed) -> Result<(), StoreError> {
        let names = self.names(MOST_FILES)?.into_iter();
        let old: Vec<_> = names
            .filter(|name| layout::is_signature(document, name))
            .collect();
        for signature in &given.signatures {
            let name = self.free(document, signature.form())?;
            self.put(&name, signature.as_bytes())?;
        }
        self.sync()?;
        self.put(document, &given.document)?;
        self.sync()?;
        for name in old {
            let removed = self.directory.remove(&name);
            removed.map_err(|error| failed(&self.path.join(&name), &error))?;
        }
        self.sync()
    }

    fn compare(&self, given: &Signed) -> Result<(), StoreError> {
        let name = compared(given)?;
        let known = self.signed(&name, bounds::DOCUMENT)?;
        let known: Vec<_> = known.into_iter().collect();
        let same = signatures::only(&format!("`{name}`"), given, &known)?;
        self.add(&name, given, same)
    }

    fn trace(&self, provenance: &[u8]) -> Result<(), StoreError> {
        match self.read(layout::PROVENANCE, bounds::PROVENANCE)? {
            None => {
                self.put(layout::PROVENANCE, provenance)?;
                self.sync()
            }
            Some(there) if there == provenance => Ok(()),
            Some(_) => Err(StoreError::conflict(
                "the provenance",
                "a version was made once; leave this one out",
            )),
        }
    }

    /// A name for a signature that no file has.
    fn free(&self, document: &str, form: claimbound::modules::Form) -> Result<String, StoreError> {
        let mut names = (0..1000).map(|number| layout::signature(document, number, form));
        let is_free = |name: &String| matches!(self.marked(name), Ok(None));
        let found = names.find(is_free);
        found.ok_or_else(|| StoreError::malformed(document, "it has too many signatures"))
    }

    /// Writes a file whole, and then gives it its name.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let unfinished = format!("{}{name}", layout::UNFINISHED);
        self.write(&unfinished, bytes)?;
        self.rename(&unfinished, name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.directory.write(name, bytes);
        written.map_err(|error| failed(&self.path.join(name), &error))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StoreError> {
        let renamed = self.directory.rename(from, to);
        renamed.map_err(|error| failed(&self.path.join(to), &error))
    }

    fn made(&self, name: &str) -> Result<Self, StoreError> {
        let path = self.path.join(name);
        let made = self.directory.made(name);
        let directory = made.map_err(|error| failed(&path, &error))?;
        Ok(Self { directory, path })
    }

    fn sync(&self) -> Result<(), StoreError> {
        let synced = self.directory.sync();
        synced.map_err(|error| failed(&self.path, &error))
    }

    fn sweep(&self) -> Result<(), StoreError> {
        let swept = self.directory.sweep(layout::UNFINISHED, MOST_FILES);
        swept.map_err(|error| failed(&self.path, &error))
    }

    fn lock(&self) -> Result<Lock, StoreError> {
        for _ in 0..TRIES {
            let lock = self.directory.lock(layout::LOCK);
            let lock = lock.map_err(|error| failed(&self.path.join(layout::LOCK), &error))?;
            if let Some(lock) = lock {
                return Ok(lock);
            }
            std::thread::sleep(BETWEEN);
        }
        let place = self.path.to_string_lossy();
        Err(StoreError::unreachable(
            place,
            "another writer holds its lock for too long",
        ))
    }
}

/// What the file of a comparison is called.
fn compared(signed: &Signed) -> Result<String, StoreError> {
    let read = Comparison::parse(&signed.document);
    let read = read.map_err(|error| StoreError::malformed("a comparison", error))?;
    let name = layout::comparison(&read.old.version);
    match layout::compared(&name) {
        Some(_) => Ok(name),
        None => Err(StoreError::path(name, "it would be taken for a signature")),
    }
}
