//! The record's files on a disk that may be full, slow or broken.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::chain::Head;
use super::checkpoint;
use super::error::RecordError;
use super::files::FileName;
use super::line::LONGEST;

/// How many lines may follow a checkpoint before the next is due.
pub(super) const CHECKPOINT_EVERY: u64 = 1000;

/// The operations on files that a record needs, so that tests can have each of
/// them fail.
pub(super) trait Files: Send {
    /// Opens a file that is appended to; makes it where it is absent, if asked.
    fn open(&self, path: &Path, make: bool) -> io::Result<Box<dyn Handle>>;

    /// Replaces a file by another of its name, whole, and durably.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file.
pub(super) trait Handle: Send {
    /// Its length in bytes; an error where its name is gone.
    fn length(&self) -> io::Result<u64>;

    /// Writes at the end, and gives how many of the bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts it to this length.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Its last bytes, at most `most`.
    fn tail(&mut self, most: u64) -> io::Result<Vec<u8>>;
}

/// The operating system's files.
pub(super) struct System;

impl Files for System {
    fn open(&self, path: &Path, make: bool) -> io::Result<Box<dyn Handle>> {
        let mut options = private();
        let file = options.read(true).append(true).create(make).open(path)?;
        Ok(Box::new(file))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = path.with_file_name(name);
        let mut file = private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        path.parent()
            .map_or(Ok(()), |folder| self.sync_folder(folder))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Only Unix has folders that are synced through a handle.
        if cfg!(unix) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

/// Options of files that only this user reads.
fn private() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Handle for File {
    fn length(&self) -> io::Result<u64> {
        let metadata = self.metadata()?;
        #[cfg(unix)]
        if std::os::unix::fs::MetadataExt::nlink(&metadata) == 0 {
            return Err(io::Error::other("it was deleted"));
        }
        Ok(metadata.len())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn tail(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let length = self.metadata()?.len();
        self.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut bytes = Vec::new();
        self.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Where a record's files are, and when a new one is begun.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    pub(super) checkpoint: PathBuf,
    /// The length past which a file gets no further group, in bytes.
    pub(super) rotate_at: u64,
    /// Whether each group is made durable before it is acknowledged.
    pub(super) syncs: bool,
}

/// The record's files, and the end of what was written to them.
pub(super) struct Disk {
    files: Box<dyn Files>,
    place: Place,
    current: Option<Current>,
    end: Head,
    /// The line that the checkpoint knows.
    checkpointed: u64,
    /// Whether something written may not be on disk yet.
    unsynced: bool,
}

/// How far lines get without waiting for the disk itself: until they are made
/// durable at once, or what is there is looked after, or a file or a checkpoint is
/// due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prospect {
    /// How many bytes; none where no line gets anywhere.
    room: u64,
    /// The number of the line at which they wait at the latest.
    due: u64,
}

impl Prospect {
    /// Whether lines of this length, the last of them of this number, wait.
    pub(super) fn waits(self, length: u64, last: u64) -> bool {
        length > self.room || last >= self.due
    }

    /// What is left behind lines of this length.
    pub(super) fn behind(self, length: u64) -> Self {
        Self {
            room: self.room.saturating_sub(length),
            ..self
        }
    }
}

struct Current {
    path: PathBuf,
    handle: Box<dyn Handle>,
    /// How much of it is good, in bytes.
    good: u64,
    /// Whether what follows, or what is on disk, is not known: a write or a
    /// sync failed.
    doubtful: bool,
}

impl Disk {
    pub(super) fn new(files: Box<dyn Files>, place: Place, end: Head, checkpointed: u64) -> Self {
        Self {
            files,
            place,
            current: None,
            end,
            checkpointed,
            unsynced: false,
        }
    }

    /// The end of what was written.
    pub(super) fn end(&self) -> Head {
        self.end
    }

    /// Whether something written may not be on disk yet.
    pub(super) fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// How far lines get that are written from here on without waiting for the
    /// disk itself.
    pub(super) fn prospect(&self) -> Prospect {
        let current = self.current.as_ref();
        let at_hand = current.filter(|current| !current.doubtful && !self.place.syncs);
        Prospect {
            room: at_hand.map_or(0, |current| {
                self.place.rotate_at.saturating_sub(current.good)
            }),
            due: self.checkpointed.saturating_add(CHECKPOINT_EVERY),
        }
    }

    /// Keeps what is to be cut off in a file beside.
    pub(super) fn put_aside(&self, name: &str, bytes: &[u8]) -> Result<(), RecordError> {
        let path = self.place.folder.join(name);
        let kept = self.files.replace(&path, bytes);
        kept.map_err(RecordError::io(&path, "written"))
    }

    /// Goes on with a file, of which so many bytes are good; the rest is cut
    /// off.
    pub(super) fn go_on(&mut self, name: FileName, good: u64) -> Result<(), RecordError> {
        let path = self.place.folder.join(name.to_string());
        let handle = self.files.open(&path, false);
        let mut current = Current {
            handle: handle.map_err(RecordError::io(&path, "opened"))?,
            path,
            good,
            doubtful: true,
        };
        current.settle(&*self.files, self.end)?;
        self.current = Some(current);
        Ok(())
    }

    /// Writes lines, all or none, which end the chain at `end`.
    pub(super) fn write(&mut self, lines: &[u8], end: Head) -> Result<(), RecordError> {
        let files = &*self.files;
        if let Some(current) = &mut self.current {
            current.settle(files, self.end)?;
        }
        self.begin_file_if_due(lines.len() as u64)?;
        // INVARIANT: a file was begun.
        let current = self.current.as_mut();
        let current = current.ok_or_else(|| changed(&self.place.folder))?;
        current.append(lines, self.place.syncs)?;
        self.end = end;
        self.unsynced = !self.place.syncs;
        if end.count.saturating_sub(self.checkpointed) >= CHECKPOINT_EVERY {
            // The lines are written; the next group tries again.
            let _ = self.checkpoint();
        }
        Ok(())
    }

    /// Makes all that was written durable.
    pub(super) fn sync(&mut self) -> Result<(), RecordError> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        current.settle(&*self.files, self.end)?;
        if self.unsynced {
            current.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Writes down where the record ends, once that is durable.
    pub(super) fn checkpoint(&mut self) -> Result<(), RecordError> {
        self.sync()?;
        if self.checkpointed == self.end.count {
            return Ok(());
        }
        let path = &self.place.checkpoint;
        let replaced = self
            .files
            .replace(path, checkpoint::text(self.end).as_bytes());
        replaced.map_err(RecordError::io(path, "written"))?;
        self.checkpointed = self.end.count;
        Ok(())
    }

    /// Begins the first file, or the next one where the group of this length
    /// has no room in the last.
    fn begin_file_if_due(&mut self, length: u64) -> Result<(), RecordError> {
        let has_room = |current: &Current| {
            current.good == 0 || current.good.saturating_add(length) <= self.place.rotate_at
        };
        if self.current.as_ref().is_some_and(has_room) {
            return Ok(());
        }
        // Nothing is ever synced in a file that was left.
        self.sync()?;
        let name = FileName::beginning_with(self.end.count.saturating_add(1));
        let path = self.place.folder.join(name.to_string());
        let handle = self.files.open(&path, true);
        let handle = handle.map_err(RecordError::io(&path, "made"))?;
        let length = handle.length().map_err(RecordError::io(&path, "read"))?;
        if length != 0 {
            return Err(RecordError::Misnamed { path });
        }
        let folder = &self.place.folder;
        let synced = self.files.sync_folder(folder);
        synced.map_err(RecordError::io(folder, "synced"))?;
        self.current = Some(Current {
            path,
            handle,
            good: 0,
            doubtful: false,
        });
        // Cutting whole files off shows at once.
        let _ = self.checkpoint();
        Ok(())
    }
}

impl Current {
    /// Writes at the end, all or nothing.
    fn append(&mut self, lines: &[u8], syncs: bool) -> Result<(), RecordError> {
        // INVARIANT: only this process writes to the file, which it has locked.
        let length = self.handle.length();
        if length.map_err(RecordError::io(&self.path, "written"))? != self.good {
            self.doubtful = true;
            return Err(changed(&self.path));
        }
        let written = self.write(lines);
        if let Err(cause) = written {
            self.doubtful = self.handle.truncate(self.good).is_err();
            return Err(RecordError::io(&self.path, "written")(cause));
        }
        let good = self.good;
        self.good = good.saturating_add(lines.len() as u64);
        if syncs && let Err(error) = self.sync() {
            self.good = good;
            // At best: the next write looks after it.
            let _ = self.handle.truncate(good);
            return Err(error);
        }
        Ok(())
    }

    fn write(&mut self, mut lines: &[u8]) -> io::Result<()> {
        while !lines.is_empty() {
            match self.handle.write(lines) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => lines = lines.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), RecordError> {
        let synced = self.handle.sync();
        self.doubtful |= synced.is_err();
        synced.map_err(RecordError::io(&self.path, "synced"))
    }

    /// After a failure, opens the file anew, cuts off what was not
    /// acknowledged, and looks whether the line at the end of the chain is
    /// still there: an error of a sync is reported once, and what it lost is
    /// not written again.
    fn settle(&mut self, files: &dyn Files, end: Head) -> Result<(), RecordError> {
        if !self.doubtful {
            return Ok(());
        }
        let handle = files.open(&self.path, false);
        self.handle = handle.map_err(RecordError::io(&self.path, "opened"))?;
        let length = self.handle.length();
        let length = length.map_err(RecordError::io(&self.path, "read"))?;
        if length < self.good {
            return Err(changed(&self.path));
        }
        if length > self.good {
            let cut = self.handle.truncate(self.good);
            cut.map_err(RecordError::io(&self.path, "cut"))?;
        }
        let tail = self.handle.tail(LONGEST as u64);
        let tail = tail.map_err(RecordError::io(&self.path, "read"))?;
        if self.good > 0 && !ends_with(&tail, end) {
            return Err(changed(&self.path));
        }
        let synced = self.handle.sync();
        synced.map_err(RecordError::io(&self.path, "synced"))?;
        self.doubtful = false;
        Ok(())
    }
}

/// Whether the last line of a file is the last of the chain.
fn ends_with(tail: &[u8], end: Head) -> bool {
    let Some(line) = tail.strip_suffix(b"\n") else {
        return false;
    };
    let start = memchr::memrchr(b'\n', line).map_or(0, |at| at + 1);
    super::Hash::of(line.get(start..).unwrap_or_default()) == end.head
}

fn changed(path: &Path) -> RecordError {
    RecordError::Changed {
        path: path.to_owned(),
    }
}
