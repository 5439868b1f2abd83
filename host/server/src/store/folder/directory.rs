//! An open folder of a store, in which no name leads out of it.
//!
//! Every step opens one name, without a slash, below a folder that is open, and
//! follows no link: so nothing in a store leads out of it, on any kernel and
//! whoever changes it meanwhile.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::files::{Mark, ReadError};

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
/// A pipe would be waited for, and a terminal become ours.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
const NEW: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// Less what the user's mask takes.
const FILE_MODE: Mode = Mode::from_raw_mode(0o644);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o755);

/// A folder that is open.
pub(super) struct Directory(OwnedFd);

/// A file that was read, and is still open: while it is, no other one gets its
/// place on the disk, and with it its mark.
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    pub(super) mark: Mark,
    _file: File,
}

/// Held while one writes; whoever reads holds nothing.
pub(super) struct Lock {
    _file: OwnedFd,
}

impl Directory {
    /// The store's own folder, whose path may lead through links; none where
    /// there is none.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        there(rustix::fs::open(path, FOLDER, Mode::empty())).map(|found| found.map(Self))
    }

    /// A folder in it; none where there is none.
    pub(super) fn folder(&self, name: &str) -> io::Result<Option<Self>> {
        let flags = FOLDER.union(OFlags::NOFOLLOW);
        let found = there(rustix::fs::openat(
            &self.0,
            plain(name)?,
            flags,
            Mode::empty(),
        ));
        found.map(|found| found.map(Self)).map_err(no_link)
    }

    /// A folder in it, which is made where there is none.
    pub(super) fn made(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.0, plain(name)?, FOLDER_MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let made = self.folder(name)?;
        made.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// A whole file in it, of at most so many bytes; none where there is none.
    pub(super) fn read(&self, name: &str, longest: u64) -> Result<Option<Held>, ReadError> {
        let Some(mut file) = self.file(name)? else {
            return Ok(None);
        };
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(ReadError::NoFile);
        }
        let mut bytes = Vec::new();
        (&mut file)
            .take(longest.saturating_add(1))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > longest {
            return Err(ReadError::TooLong(longest));
        }
        Ok(Some(Held {
            bytes,
            mark: Mark::from(&found),
            _file: file,
        }))
    }

    fn file(&self, name: &str) -> io::Result<Option<File>> {
        let opened = there(rustix::fs::openat(
            &self.0,
            plain(name)?,
            FILE,
            Mode::empty(),
        ));
        opened.map(|found| found.map(File::from)).map_err(no_link)
    }

    /// How a file or folder in it looks; none where there is none.
    pub(super) fn mark(&self, name: &str) -> io::Result<Option<Mark>> {
        let looked = rustix::fs::statat(&self.0, plain(name)?, AtFlags::SYMLINK_NOFOLLOW);
        there(looked).map(|found| found.as_ref().map(Mark::of_stat))
    }

    /// What is in it, by name and sorted, less what begins with a dot and what
    /// is no text.
    ///
    /// # Errors
    /// Where there is more than `most`.
    pub(super) fn names(&self, most: usize) -> io::Result<Vec<String>> {
        let mut names = self.all(most)?;
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        Ok(names)
    }

    fn all(&self, most: usize) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            if matches!(name, "." | "..") {
                continue;
            }
            if names.len() == most {
                return Err(io::Error::other(format!("it holds more than {most} files")));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }

    /// Writes a file that is not there yet, and waits until the disk has it.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        fuse::step()?;
        let opened = rustix::fs::openat(&self.0, plain(name)?, NEW, FILE_MODE)?;
        let mut file = File::from(opened);
        let (half, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(half)?;
        fuse::step()?;
        file.write_all(rest)?;
        file.sync_all()
    }

    /// Gives a file or folder another name, at once; a file of that name is
    /// replaced, a folder is not.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fuse::step()?;
        rustix::fs::renameat(&self.0, plain(from)?, &self.0, plain(to)?)?;
        fuse::step()
    }

    /// Takes a file away, where it is.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fuse::step()?;
        let removed = rustix::fs::unlinkat(&self.0, plain(name)?, AtFlags::empty());
        there(removed).map(|_| ())
    }

    /// Takes away what a writer left that was stopped: files and folders whose
    /// name begins so.
    pub(super) fn sweep(&self, prefix: &str, most: usize) -> io::Result<()> {
        for name in self.all(most)? {
            if !name.starts_with(prefix) {
                continue;
            }
            if let Ok(Some(folder)) = self.folder(&name) {
                for file in folder.all(most)? {
                    folder.remove(&file)?;
                }
                there(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR))?;
            } else {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Waits until the disk has its names.
    pub(super) fn sync(&self) -> io::Result<()> {
        fuse::step()?;
        Ok(rustix::fs::fsync(&self.0)?)
    }

    /// Takes the lock of this name; none where another writer has it.
    pub(super) fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        let flags = OFlags::RDWR
            .union(OFlags::CREATE)
            .union(OFlags::NOFOLLOW)
            .union(OFlags::NONBLOCK)
            .union(OFlags::CLOEXEC);
        let file = rustix::fs::openat(&self.0, plain(name)?, flags, FILE_MODE)?;
        match rustix::fs::flock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes the store's own folder, where there is none.
pub(super) fn make(path: &Path) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// INVARIANT: what is opened below a folder is in it. Names and versions have
/// none of these by their types; this holds for all.
fn plain(name: &str) -> io::Result<&str> {
    if name.is_empty() || name.contains(['/', '\0']) || matches!(name, "." | "..") {
        return Err(io::Error::other("it is no name of a file"));
    }
    Ok(name)
}

fn there<T>(found: rustix::io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What kernels say of a link that is not followed, in words.
fn no_link(error: io::Error) -> io::Error {
    let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
    if is(Errno::LOOP) || is(Errno::MLINK) || is(Errno::NOTDIR) {
        io::Error::other("it is a link, which is not followed inside a store, or no folder")
    } else {
        error
    }
}

/// Stops a writer between two steps, as a power cut does: in tests of this crate.
#[cfg(test)]
pub(super) mod fuse {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// So many steps succeed; all after them fail.
    pub(crate) fn set(left: Option<usize>) {
        LEFT.set(left);
    }

    pub(super) fn step() -> io::Result<()> {
        match LEFT.get() {
            Some(0) => Err(io::Error::other("the power is cut")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

#[cfg(not(test))]
mod fuse {
    #[expect(clippy::unnecessary_wraps, reason = "tests stop a writer here")]
    pub(super) const fn step() -> std::io::Result<()> {
        Ok(())
    }
}
