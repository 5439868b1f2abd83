//! Copies on disk of what was fetched, so that a restart needs no issuer.
//!
//! A copy says which keys are trusted, as a configuration does. It is used only
//! where nobody but this process's user could have written it, and is parsed
//! like an answer from the network.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use claimbound::policy;
use serde::{Deserialize, Serialize};

use super::origin::Validators;
use super::source::{Fetched, limits, read};
use crate::config::{ConfigError, Form};

/// What a copy has beyond the set itself, in bytes: URLs, validators, names;
/// and a set's text is at most doubled as a JSON string, since control
/// characters are refused in it.
const LARGEST_REST: u64 = 64 * 1024;

/// Counts the files in which this process has begun a copy.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// The folder of the copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copies {
    folder: PathBuf,
}

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Copy {
    /// The format: 1.
    pub(super) claimbound: u32,
    pub(super) issuer: String,
    /// Where the fetch began.
    pub(super) from: String,
    pub(super) form: Kept,
    /// The SHA-256 of the authorities that its server was checked by, as
    /// [`authorities`] has it.
    pub(super) authorities: String,
    /// When it was fetched, in seconds since 1970.
    pub(super) fetched: u64,
    pub(super) validators: Validators,
    /// The set, as it was sent.
    pub(super) set: String,
}

/// A set's form, as a copy has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kept {
    Jwks,
    Spiffe,
}

impl From<Form> for Kept {
    fn from(form: Form) -> Self {
        match form {
            Form::Jwks => Self::Jwks,
            Form::Spiffe => Self::Spiffe,
        }
    }
}

impl Copy {
    /// Whether it is of what is fetched so: a set that another authority vouched
    /// for is not trusted any more once that authority is not.
    fn is_of(&self, source: &Fetched) -> bool {
        self.issuer == source.issuer
            && self.from == source.place.begins_at()
            && self.form == source.form.into()
            && self.authorities == authorities(source)
    }
}

/// The authorities of a source: `system`, or the SHA-256 of their file.
pub(super) fn authorities(source: &Fetched) -> String {
    let own = source.roots.as_ref();
    own.map_or_else(|| "system".to_owned(), |pem| hexadecimal(pem))
}

/// The SHA-256 in hexadecimal.
fn hexadecimal(bytes: &[u8]) -> String {
    policy::digest(bytes)
        .trim_start_matches("sha256:")
        .to_owned()
}

/// The name of an issuer's copy.
fn name_of(issuer: &str) -> String {
    format!("keys-{}.json", hexadecimal(issuer.as_bytes()))
}

impl Copies {
    /// The copies in the folder at `state`, which is made for this process's
    /// user alone where it is absent.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] where it can't be made, is no folder, belongs to
    /// another user, or others may write to it.
    pub fn open(state: &Path) -> Result<Self, ConfigError> {
        let invalid = |fault: String| ConfigError::at("state", fault);
        let shown = state.display();
        let folder = std::path::absolute(state)
            .map_err(|error| invalid(format!("`{shown}` can't be used: {error}")))?;
        match make(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(invalid(format!("`{shown}` can't be made: {error}")));
            }
            Ok(()) | Err(_) => {}
        }
        let metadata = fs::symlink_metadata(&folder)
            .map_err(|error| invalid(format!("`{shown}` can't be used: {error}")))?;
        if !metadata.is_dir() {
            return Err(invalid(format!("`{shown}` is no folder")));
        }
        owned(&metadata).map_err(|fault| invalid(format!("`{shown}` {fault}")))?;
        Ok(Self { folder })
    }

    /// Where copies of modules are: a folder in this one, which is of this user
    /// alone.
    pub(crate) fn modules(&self) -> PathBuf {
        self.folder.join("modules")
    }

    /// The copy of an issuer's set; none where there is none.
    ///
    /// # Errors
    /// Why it is not to be used.
    pub(super) fn load(&self, source: &Fetched) -> Result<Option<Copy>, String> {
        let folder = fs::symlink_metadata(&self.folder).map_err(|error| error.to_string())?;
        owned(&folder).map_err(|fault| format!("its folder {fault}"))?;
        let path = self.folder.join(name_of(&source.issuer));
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(|error| error.to_string())?,
        };
        if !metadata.is_file() {
            return Err("it is no file".to_owned());
        }
        // INVARIANT: the folder is this user's, so that nobody else puts
        // another file in its place between this and its reading.
        owned(&metadata).map_err(str::to_owned)?;
        let text = read(&path, limits().bytes as u64 * 2 + LARGEST_REST)?;
        let copy: Copy = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if copy.claimbound != 1 {
            return Err("it has another format".to_owned());
        }
        if !copy.is_of(source) {
            return Err("it is of another issuer, place, form or authority".to_owned());
        }
        Ok(Some(copy))
    }

    /// Puts a copy in place of the last one, whole or not at all.
    pub(super) fn save(&self, copy: &Copy) -> io::Result<()> {
        let folder = fs::symlink_metadata(&self.folder)?;
        owned(&folder).map_err(io::Error::other)?;
        let name = name_of(&copy.issuer);
        let path = self.folder.join(&name);
        // Several issuers of a configuration may have one URL.
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let draft = self.folder.join(format!(".{name}.{number}.new"));
        // One that a process left which was killed.
        let _ = fs::remove_file(&draft);
        let mut file = private().open(&draft)?;
        let text = serde_json::to_vec(copy).map_err(io::Error::other)?;
        file.write_all(&text)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&draft, &path)?;
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(())
    }
}

fn make(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// How a file is made: for this process's user alone, and never through a link.
fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

/// # Errors
/// Whether somebody else could have written it.
fn owned(metadata: &fs::Metadata) -> Result<(), &'static str> {
    /// Permission to write, of the group and of others.
    const OTHERS_WRITE: u32 = 0o022;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        Err("belongs to another user")
    } else if metadata.mode() & OTHERS_WRITE != 0 {
        Err("may be written by others than its owner")
    } else {
        Ok(())
    }
}
