//! The folder of signing keys: whose it is, and how its files are read, made
//! and taken away.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::{KeysError, random};

/// Permissions of the group and of others; none may be there.
const OTHERS: u32 = 0o077;
/// The longest key file, in bytes; ours have some 300.
const LONGEST: u64 = 8 << 10;
/// The most keys that are read.
pub(super) const MOST: usize = 64;
/// The file that whoever changes the folder holds a lock on.
const LOCK: &str = ".lock";
/// How the name of a file begins that is still being written.
const UNFINISHED: &str = ".new-";
/// How the name of a key's file ends; before it stands the key's id.
const END: &str = ".key";

/// A folder that belongs to this process's user, and that nobody else may even
/// look into.
#[derive(Debug)]
pub(super) struct Folder {
    /// Absolute, so that it stays the same folder wherever the process goes.
    path: PathBuf,
}

/// The right to change the folder, held until this is dropped or the process
/// ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// A key's file: the key's id by its name, and what is in it.
pub(super) struct KeyText {
    pub(super) id: String,
    pub(super) text: Zeroizing<String>,
}

impl Folder {
    /// The folder at this path, made where it is absent; the folder above it
    /// is there.
    pub(super) fn open(path: &Path) -> Result<Self, KeysError> {
        let path = std::path::absolute(path).map_err(|error| failed(path, &error))?;
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(&path, &error));
            }
            Ok(()) | Err(_) => {}
        }
        let folder = Self { path };
        folder.check()?;
        Ok(folder)
    }

    /// The folder at this path; none where it is absent and could be made.
    pub(super) fn there(path: &Path) -> Result<Option<Self>, KeysError> {
        let path = std::path::absolute(path).map_err(|error| failed(path, &error))?;
        let folder = Self { path };
        match fs::symlink_metadata(&folder.path) {
            Ok(_) => {
                folder.check()?;
                // It may be another user's.
                folder.file(LOCK)?;
                Ok(Some(folder))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let above = folder.path.parent().unwrap_or(&folder.path);
                match fs::metadata(above).map(|above| above.is_dir()) {
                    Ok(true) => Ok(None),
                    Ok(false) => Err(failed(above, &io::ErrorKind::NotADirectory.into())),
                    Err(error) => Err(failed(above, &error)),
                }
            }
            Err(error) => Err(failed(&folder.path, &error)),
        }
    }

    /// Waits for the right to change the folder.
    pub(super) fn lock(&self) -> Result<Lock, KeysError> {
        let file = self.lock_file()?;
        file.lock().map_err(|error| self.failed(LOCK, &error))?;
        Ok(Lock { _file: file })
    }

    /// The right to change the folder; none while another process has it.
    pub(super) fn try_lock(&self) -> Result<Option<Lock>, KeysError> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(self.failed(LOCK, &error)),
        }
    }

    /// The files of all keys, in the order of their names.
    pub(super) fn read(&self) -> Result<Vec<KeyText>, KeysError> {
        self.check()?;
        let mut names = self.names()?;
        names.retain(|name| name.ends_with(END) && !name.starts_with('.'));
        names.sort();
        if names.len() > MOST {
            return Err(self.too_many());
        }
        let mut texts = Vec::new();
        for name in names {
            // One that another process took away meanwhile is no key any more.
            let Some(text) = self.file(&name)? else {
                continue;
            };
            let id = name.strip_suffix(END).unwrap_or(&name).to_owned();
            texts.push(KeyText { id, text });
        }
        Ok(texts)
    }

    pub(super) fn too_many(&self) -> KeysError {
        KeysError::TooMany {
            folder: self.path.clone(),
            most: MOST,
        }
    }

    /// Adds a key's file: whole, or not at all.
    pub(super) fn add(&self, _: &Lock, id: &str, text: &str) -> Result<(), KeysError> {
        self.check()?;
        let name = format!("{id}{END}");
        let unfinished = self.path.join(format!("{UNFINISHED}{}", random::<8>()?));
        write(&unfinished, text.as_bytes())
            .and_then(|()| fs::rename(&unfinished, self.path.join(&name)))
            .and_then(|()| self.sync())
            .map_err(|error| self.failed(&name, &error))
    }

    /// Takes a key's file away.
    pub(super) fn remove(&self, _: &Lock, id: &str) -> Result<(), KeysError> {
        let name = format!("{id}{END}");
        fs::remove_file(self.path.join(&name))
            .and_then(|()| self.sync())
            .map_err(|error| self.failed(&name, &error))
    }

    /// Takes away what a process that was killed left unfinished.
    pub(super) fn sweep(&self, _: &Lock) -> Result<(), KeysError> {
        for name in self.names()? {
            if name.starts_with(UNFINISHED) {
                let removed = fs::remove_file(self.path.join(&name));
                removed.map_err(|error| self.failed(&name, &error))?;
            }
        }
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, KeysError> {
        let listed = || -> io::Result<Vec<String>> {
            let names = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name()));
            let names: Vec<_> = names.collect::<io::Result<_>>()?;
            // No name of ours is anything but ASCII.
            Ok(names
                .into_iter()
                .filter_map(|name| name.into_string().ok())
                .collect())
        };
        listed().map_err(|error| failed(&self.path, &error))
    }

    /// A key's text; none where it is absent.
    fn file(&self, name: &str) -> Result<Option<Zeroizing<String>>, KeysError> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::open(self.path.join(name), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.failed(name, &error.into())),
        };
        self.check_file(name, &file)?;
        let mut text = Zeroizing::new(String::with_capacity(1024));
        let read = file.take(LONGEST + 1).read_to_string(&mut text);
        read.map_err(|error| self.failed(name, &error))?;
        if text.len() as u64 > LONGEST {
            return Err(self.refused(name, format!("has more than {LONGEST} bytes")));
        }
        Ok(Some(text))
    }

    fn check_file(&self, name: &str, file: &File) -> Result<(), KeysError> {
        let metadata = file.metadata().map_err(|error| self.failed(name, &error))?;
        if !metadata.is_file() {
            return Err(self.refused(name, "is no file"));
        }
        owned(&metadata).map_err(|fault| self.refused(name, fault))
    }

    /// Refuses what is no such folder, or is one no longer.
    fn check(&self) -> Result<(), KeysError> {
        let metadata =
            fs::symlink_metadata(&self.path).map_err(|error| failed(&self.path, &error))?;
        let fault = if metadata.is_symlink() {
            Err("is a symbolic link, not a folder".to_owned())
        } else if !metadata.is_dir() {
            Err("is no folder".to_owned())
        } else {
            owned(&metadata)
        };
        fault.map_err(|fault| KeysError::Unsafe {
            path: self.path.clone(),
            fault,
        })
    }

    fn lock_file(&self) -> Result<File, KeysError> {
        self.check()?;
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(self.path.join(LOCK), flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| self.failed(LOCK, &error.into()))?;
        let file = File::from(file);
        self.check_file(LOCK, &file)?;
        Ok(file)
    }

    /// Makes what was added and taken away last.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn failed(&self, name: &str, error: &io::Error) -> KeysError {
        failed(&self.path.join(name), error)
    }

    fn refused(&self, name: &str, fault: impl Into<String>) -> KeysError {
        KeysError::Unsafe {
            path: self.path.join(name),
            fault: fault.into(),
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> KeysError {
    KeysError::Disk {
        path: path.to_owned(),
        cause: error.to_string(),
    }
}

/// Whether it belongs to this user, and nobody else may do anything with it.
fn owned(metadata: &fs::Metadata) -> Result<(), String> {
    let user = geteuid().as_raw();
    let mode = metadata.mode() & 0o7777;
    if metadata.uid() != user {
        let owner = metadata.uid();
        Err(format!(
            "belongs to user {owner}, and this program runs as {user}"
        ))
    } else if mode & OTHERS != 0 {
        Err(format!(
            "has mode {mode:o}, and is to be for its user alone (`chmod go-rwx`)"
        ))
    } else {
        Ok(())
    }
}

/// Writes a new file of this user's alone.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
