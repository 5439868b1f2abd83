//! Finds the end of a record that is to be continued.
//!
//! Only the last file is read. A crash may have left a line half written there:
//! what follows the last good line was never acknowledged.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::chain::Head;
use super::entry::Entry;
use super::error::RecordError;
use super::files::{self, FileName};
use super::line::front;
use super::reader::{Lines, Raw};

/// The most bytes that are taken off the end of a record, 16 MiB: what many
/// threads may have had in one group.
const MOST_DAMAGE: u64 = 16 * 1024 * 1024;

/// The end of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) end: Head,
    /// The file that goes on, and how much of it is good, in bytes.
    pub(super) current: Option<(FileName, u64)>,
    /// What follows the good part of that file, and was never acknowledged.
    pub(super) damage: Vec<u8>,
}

/// The checkpoint of a record that is opened.
pub(super) struct Known {
    pub(super) path: PathBuf,
    pub(super) head: Option<Head>,
}

impl Known {
    /// Compares a line of the record with the one that the checkpoint knows.
    fn check(&self, found: Head) -> Result<(), RecordError> {
        match self.head {
            Some(known) if known.count == found.count && known != found => {
                Err(RecordError::Altered {
                    checkpoint: self.path.clone(),
                    known,
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_end(&self, found: Head) -> Result<(), RecordError> {
        match self.head {
            Some(known) if known.count > found.count => Err(RecordError::Cut {
                checkpoint: self.path.clone(),
                found,
                known,
            }),
            Some(_) | None => self.check(found),
        }
    }
}

/// What was taken off the end of a record before, of which no line tells yet:
/// the process ended in between.
pub(super) fn left_over(folder: &Path, end: Head) -> Result<Vec<u8>, RecordError> {
    let path = folder.join(FileName::damaged(end.count.saturating_add(1)));
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    let file = files::open(&path)?;
    // Twice: what was left over, and what was left of that.
    let read = file.take(2 * MOST_DAMAGE).read_to_end(&mut bytes);
    read.map_err(RecordError::io(&path, "read"))?;
    Ok(bytes)
}

/// Looks for the end of the record in `folder`; nothing is changed.
pub(super) fn look(folder: &Path, known: &Known) -> Result<Opened, RecordError> {
    let names = files::list(folder)?;
    let Some((last, before)) = names.split_last() else {
        known.check_end(Head::GENESIS)?;
        return Ok(Opened {
            end: Head::GENESIS,
            current: None,
            damage: Vec::new(),
        });
    };
    let walk = Walk::of(folder, *last, known)?;
    let end = match (walk.end, before.last()) {
        (Some(end), _) => end,
        // A file is begun with its first line; a crash leaves it without.
        (None, Some(previous)) => {
            let path = folder.join(previous.to_string());
            let damaged = RecordError::Misnamed { path };
            let previous = Walk::of(folder, *previous, known)?;
            let is_whole = previous.good == previous.length;
            previous.end.filter(|_| is_whole).ok_or(damaged)?
        }
        (None, None) => Head::GENESIS,
    };
    if walk.end.is_none() && last.first() != end.count.saturating_add(1) {
        return Err(RecordError::Misnamed { path: walk.path });
    }
    known.check_end(end)?;
    Ok(Opened {
        end,
        current: Some((*last, walk.good)),
        damage: walk.damage()?,
    })
}

/// The good lines of a file.
struct Walk {
    path: PathBuf,
    file: File,
    /// The last of them; none where there is none.
    end: Option<Head>,
    /// Their lines, and their bytes.
    lines: u64,
    good: u64,
    /// The file's bytes.
    length: u64,
}

impl Walk {
    fn of(folder: &Path, name: FileName, known: &Known) -> Result<Self, RecordError> {
        let path = folder.join(name.to_string());
        let file = files::open(&path)?;
        let metadata = file.metadata().map_err(RecordError::io(&path, "read"))?;
        let mut walk = Self {
            length: metadata.len(),
            path,
            file,
            end: None,
            lines: 0,
            good: 0,
        };
        walk.walk(name, known)?;
        Ok(walk)
    }

    fn walk(&mut self, name: FileName, known: &Known) -> Result<(), RecordError> {
        let file = self.file.try_clone();
        let mut lines = Lines::new(file.map_err(RecordError::io(&self.path, "read"))?);
        let mut last = Vec::new();
        let mut before = (None, 0, 0);
        let unreadable = RecordError::io(&self.path, "read");
        let read = loop {
            let raw = match lines.next() {
                Ok(Some(raw)) => raw,
                other => break other.map(|_| ()),
            };
            let Raw::Whole(line) = raw else {
                break Ok(());
            };
            let end = match self.end {
                None => first(line, name),
                Some(end) => is_next(line, end).then_some(end),
            };
            let Some(end) = end else {
                break Ok(());
            };
            if self.end.is_none() {
                known.check(end)?;
            }
            before = (self.end, self.lines, self.good);
            let end = end.then(line);
            known.check(end)?;
            self.end = Some(end);
            self.lines += 1;
            self.good += raw.length();
            last.clear();
            last.extend_from_slice(line);
        };
        read.map_err(unreadable)?;
        // Each line but the last is vouched for by the one that follows.
        if self.end.is_some() && Entry::parse(&last).is_err() {
            (self.end, self.lines, self.good) = before;
        }
        Ok(())
    }

    /// What follows the good lines.
    fn damage(mut self) -> Result<Vec<u8>, RecordError> {
        let bytes = self.length.saturating_sub(self.good);
        if bytes > MOST_DAMAGE {
            return Err(RecordError::Damaged {
                path: self.path,
                line: self.lines + 1,
                bytes,
            });
        }
        let mut damage = Vec::new();
        self.file
            .seek(SeekFrom::Start(self.good))
            .and_then(|_| self.file.take(bytes).read_to_end(&mut damage))
            .map_err(RecordError::io(&self.path, "read"))?;
        Ok(damage)
    }
}

/// The end of the chain before a file, as its first line says.
fn first(line: &[u8], name: FileName) -> Option<Head> {
    let entry = Entry::parse(line).ok()?;
    let end = Head {
        count: entry.seq.checked_sub(1)?,
        head: entry.prev,
    };
    let begins = end.count > 0 || end == Head::GENESIS;
    (begins && entry.seq == name.first()).then_some(end)
}

/// Whether a line begins as the one that follows `end` does, and ends as any.
fn is_next(line: &[u8], end: Head) -> bool {
    line.starts_with(front(end).as_bytes()) && line.ends_with(b"}")
}
