//! The folder of machine code: whose it is, and how its files are read and
//! replaced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{CodeCacheError, NotKept, Unused, sweep};

/// Permission to write, of the group and of others.
const OTHERS_WRITE: u32 = 0o022;

/// A folder that belongs to this process's user and that nobody else may write
/// to.
pub(super) struct Folder {
    /// Absolute, so that it stays the same folder wherever the process goes.
    path: PathBuf,
}

impl Folder {
    /// The folder at this path, made where it is absent.
    pub(super) fn open(path: &Path) -> Result<Self, CodeCacheError> {
        let unusable = |cause| CodeCacheError::Unusable {
            folder: path.to_owned(),
            cause,
        };
        let folder = Self {
            path: std::path::absolute(path).map_err(unusable)?,
        };
        match DirBuilder::new().mode(0o700).create(&folder.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(unusable(error));
            }
            Ok(()) | Err(_) => {}
        }
        folder.check()?;
        Ok(folder)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses what is no such folder, or is one no longer.
    fn check(&self) -> Result<(), CodeCacheError> {
        let folder = self.path.clone();
        let found = fs::symlink_metadata(&folder)
            .and_then(|metadata| Ok((metadata, user()?)))
            .map_err(|cause| CodeCacheError::Unusable {
                folder: folder.clone(),
                cause,
            });
        let (metadata, user) = found?;
        let mode = metadata.mode() & 0o7777;
        if metadata.is_symlink() {
            Err(CodeCacheError::Symlink { folder })
        } else if !metadata.is_dir() {
            Err(CodeCacheError::NotAFolder { folder })
        } else if metadata.uid() != user {
            Err(CodeCacheError::Owner {
                folder,
                owner: metadata.uid(),
                user,
            })
        } else if mode & OTHERS_WRITE != 0 {
            Err(CodeCacheError::Writable { folder, mode })
        } else {
            Ok(())
        }
    }

    /// The bytes of a file, read into memory; at most `longest`.
    ///
    /// # Errors
    /// Why it is not to be used; none of its bytes was looked at.
    pub(super) fn read(&self, name: &str, longest: u64) -> Result<Vec<u8>, Unused> {
        self.check()
            .map_err(|error| Unused::Folder(error.to_string()))?;
        let unreadable = |error: io::Error| Unused::Unreadable(error.to_string());
        let file = opened(&self.path.join(name))?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Unused::NotAFile);
        }
        if metadata.uid() != user().map_err(unreadable)? {
            return Err(Unused::Owner);
        }
        if metadata.mode() & OTHERS_WRITE != 0 {
            return Err(Unused::Writable);
        }
        let bytes = metadata.len();
        if bytes > longest {
            return Err(Unused::TooLarge { bytes, longest });
        }
        let mut entry = Vec::new();
        let room = usize::try_from(bytes).unwrap_or(usize::MAX);
        entry
            .try_reserve_exact(room)
            .map_err(|error| Unused::Unreadable(error.to_string()))?;
        // A file that grows meanwhile is cut, and no longer authentic.
        file.take(bytes)
            .read_to_end(&mut entry)
            .map_err(unreadable)?;
        Ok(entry)
    }

    /// Writes a file by writing another and renaming it, so that whoever reads
    /// meanwhile sees the old one or the new one; takes away what is too much.
    ///
    /// # Errors
    /// Why it could not; what was there is still there.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), NotKept> {
        self.check()
            .map_err(|error| NotKept::Folder(error.to_string()))?;
        let failed = |error: io::Error| NotKept::Unwritable(error.to_string());
        let leftover = self.path.join(sweep::leftover(name, random()?));
        let written = write(&leftover, bytes)
            .and_then(|written| fs::rename(&leftover, self.path.join(name)).map(|()| written));
        match written {
            Ok(now) => {
                sweep::sweep(&self.path, name, now);
                Ok(())
            }
            Err(error) => {
                // What stays behind is swept when it is old.
                let _ = fs::remove_file(&leftover);
                Err(failed(error))
            }
        }
    }
}

/// Opens a file to read, without following a link, without waiting for whoever
/// writes to a pipe, and without taking a terminal.
fn opened(path: &Path) -> Result<File, Unused> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(file.into()),
        Err(Errno::NOENT) => Err(Unused::Absent),
        // FreeBSD has another word for it.
        Err(Errno::LOOP | Errno::MLINK) => Err(Unused::Symlink),
        // A socket, or a device that is not there.
        Err(Errno::NXIO) => Err(Unused::NotAFile),
        Err(error) => Err(Unused::Unreadable(io::Error::from(error).to_string())),
    }
}

/// Writes a new file of this user's alone; when it was written, by the clock of
/// its file system.
fn write(path: &Path, bytes: &[u8]) -> io::Result<std::time::SystemTime> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    file.metadata()?.modified()
}

fn random() -> Result<u64, NotKept> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes)
        .map_err(|_| NotKept::Unwritable("the system gives no random numbers".to_owned()))?;
    Ok(u64::from_le_bytes(bytes))
}

/// The user that this process acts as: a new pipe belongs to it (POSIX,
/// `pipe`), and the standard library has no other word for it.
fn user() -> io::Result<u32> {
    let (pipe, _) = io::pipe()?;
    Ok(File::from(OwnedFd::from(pipe)).metadata()?.uid())
}
