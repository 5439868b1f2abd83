//! Reads a record line by line, in bounded memory, whatever stands in it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use super::error::RecordError;
use super::files::{self, FileName};
use super::line::LONGEST;

/// What stands between two line feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    /// A line, without its line feed.
    Whole(&'a [u8]),
    /// What follows the last line feed.
    Torn(&'a [u8]),
    /// More bytes than any line has; they are skipped.
    TooLong(u64),
}

impl Raw<'_> {
    /// How many bytes it takes in its file.
    pub(super) fn length(self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64 + 1,
            Self::Torn(bytes) => bytes.len() as u64,
            Self::TooLong(bytes) => bytes,
        }
    }
}

/// The lines of one file.
pub(super) struct Lines<R> {
    from: BufReader<R>,
    buffer: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from: BufReader::with_capacity(LONGEST, from),
            buffer: Vec::new(),
        }
    }

    /// The next line; none at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Raw<'_>>> {
        self.buffer.clear();
        let most = LONGEST as u64;
        let mut bounded = self.from.by_ref().take(most);
        let length = bounded.read_until(b'\n', &mut self.buffer)?;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            return Ok(Some(Raw::Whole(&self.buffer)));
        }
        if length == LONGEST {
            let rest = skip_line(&mut self.from)?;
            return Ok(Some(Raw::TooLong(most + rest)));
        }
        Ok((length > 0).then_some(Raw::Torn(&self.buffer)))
    }
}

/// Skips to the byte after the next line feed; gives how many bytes that was.
fn skip_line(from: &mut BufReader<impl Read>) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let bytes = from.fill_buf()?;
        let (length, is_end) = match memchr::memchr(b'\n', bytes) {
            Some(at) => (at + 1, true),
            None => (bytes.len(), bytes.is_empty()),
        };
        from.consume(length);
        skipped += length as u64;
        if is_end {
            return Ok(skipped);
        }
    }
}

/// A line of a record, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The file.
    pub file: FileName,
    /// Its line in that file, from one.
    pub number: u64,
    /// What it is.
    pub text: Text<'a>,
}

/// What stands on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// A whole line, without its line feed.
    Whole(&'a [u8]),
    /// What follows the last line feed of a file.
    Torn,
    /// A line of this many bytes, which no line has; they are skipped.
    TooLong(u64),
}

/// Reads the lines of a record in the order of its files' names.
pub struct Reader {
    folder: PathBuf,
    names: Vec<FileName>,
    /// How many of them have been opened.
    opened: usize,
    current: Option<Current>,
}

struct Current {
    name: FileName,
    lines: Lines<File>,
    /// Lines read so far.
    number: u64,
}

impl Reader {
    /// A reader of the record in `folder`.
    ///
    /// # Errors
    /// A folder that can't be read, or [`RecordError::NoRecord`].
    pub fn open(folder: &Path) -> Result<Self, RecordError> {
        let none = || RecordError::NoRecord {
            folder: folder.to_owned(),
        };
        if folder.is_file() {
            return Err(none());
        }
        let names = files::list(folder)?;
        // A record without lines has been opened all the same.
        if names.is_empty() && !folder.join(files::LOCK).exists() {
            return Err(none());
        }
        Ok(Self {
            folder: folder.to_owned(),
            names,
            opened: 0,
            current: None,
        })
    }

    /// How many files the record has.
    pub fn files(&self) -> usize {
        self.names.len()
    }

    /// How many of them have been begun.
    pub fn begun(&self) -> usize {
        self.opened
    }

    /// The next line; none at the end of the record.
    ///
    /// # Errors
    /// A file that can't be read, or is none.
    pub fn read(&mut self) -> Result<Option<Line<'_>>, RecordError> {
        // In two steps, because a line borrows from the reader.
        while self.current_is_done()? {
            let Some(name) = self.names.get(self.opened).copied() else {
                return Ok(None);
            };
            let file = files::open(&self.folder.join(name.to_string()))?;
            self.opened += 1;
            self.current = Some(Current {
                name,
                lines: Lines::new(file),
                number: 0,
            });
        }
        self.current.as_mut().map_or(Ok(None), |current| {
            let path = self.folder.join(current.name.to_string());
            current.next().map_err(RecordError::io(&path, "read"))
        })
    }

    fn current_is_done(&mut self) -> Result<bool, RecordError> {
        let Some(current) = &mut self.current else {
            return Ok(true);
        };
        let path = self.folder.join(current.name.to_string());
        let bytes = current.lines.from.fill_buf();
        bytes
            .map(<[u8]>::is_empty)
            .map_err(RecordError::io(&path, "read"))
    }
}

impl Current {
    fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.number += 1;
        let (file, number) = (self.name, self.number);
        let text = self.lines.next()?.map(|raw| match raw {
            Raw::Whole(bytes) => Text::Whole(bytes),
            Raw::Torn(_) => Text::Torn,
            Raw::TooLong(bytes) => Text::TooLong(bytes),
        });
        Ok(text.map(|text| Line { file, number, text }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_torn_or_too_long() {
        let mut text = b"one\n\n".to_vec();
        text.extend(vec![b'x'; LONGEST - 1]);
        text.push(b'\n');
        text.extend(vec![b'y'; 3 * LONGEST]);
        text.extend(b"\nlast");
        let mut lines = Lines::new(text.as_slice());
        let mut told = Vec::new();
        let mut length = 0;
        while let Some(raw) = lines.next().unwrap() {
            length += raw.length();
            told.push(match raw {
                Raw::Whole(bytes) => format!("whole {}", bytes.len()),
                Raw::Torn(bytes) => format!("torn {}", bytes.len()),
                Raw::TooLong(bytes) => format!("too long {bytes}"),
            });
        }
        assert_eq!(
            told,
            [
                "whole 3",
                "whole 0",
                "whole 65535",
                "too long 196609",
                "torn 4"
            ]
        );
        assert_eq!(length, text.len() as u64);
    }
}
