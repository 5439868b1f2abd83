//! The files of a record, by the numbers of their first lines.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;

use super::error::RecordError;

/// How the names of files end.
const ENDING: &str = ".jsonl";
/// Digits of the number, so that names are in the order of their lines.
const DIGITS: usize = 20;

/// The name of a file: the number of its first line in 20 digits, and `.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileName(u64);

impl FileName {
    /// The name of a file that begins with the line of this number.
    pub(super) const fn beginning_with(seq: u64) -> Self {
        Self(seq)
    }

    /// The number of its first line.
    pub const fn first(self) -> u64 {
        self.0
    }

    /// Reads a name; none where it is not that of a record's file.
    pub fn parse(name: &str) -> Option<Self> {
        let digits = name.strip_suffix(ENDING)?;
        let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok().map(Self)).flatten()
    }

    /// The name of the file beside it that keeps what was taken off its end.
    pub(super) fn damaged(seq: u64) -> String {
        format!("{seq:020}.damaged")
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:020}{ENDING}", self.0)
    }
}

/// The record's files in `folder`, in the order of their lines.
pub(super) fn list(folder: &Path) -> Result<Vec<FileName>, RecordError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(RecordError::io(folder, "read"))? {
        let entry = entry.map_err(RecordError::io(folder, "read"))?;
        names.extend(entry.file_name().to_str().and_then(FileName::parse));
    }
    names.sort_unstable();
    Ok(names)
}

/// The name of the file whose lock says that a folder is written to.
pub(super) const LOCK: &str = "lock";

/// Opens a file of the record; a link or a pipe of its name is none.
pub(super) fn open(path: &Path) -> Result<File, RecordError> {
    let named = fs::symlink_metadata(path).map_err(RecordError::io(path, "read"))?;
    if !named.is_file() {
        return Err(RecordError::NotAFile {
            path: path.to_owned(),
        });
    }
    File::open(path).map_err(RecordError::io(path, "read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let name = FileName::beginning_with(65);
        assert_eq!(name.to_string(), "00000000000000000065.jsonl");
        assert_eq!(FileName::parse(&name.to_string()), Some(name));
        for other in [
            "65.jsonl",
            "00000000000000000065.json",
            "+0000000000000000065.jsonl",
            "99999999999999999999.jsonl",
            "lock",
        ] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
