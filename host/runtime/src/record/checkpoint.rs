//! A checkpoint: the end of a record as it once was, kept apart from it.
//!
//! Whoever cuts lines off the end of a record leaves a chain that is whole.
//! The checkpoint still knows the line that was there. It lags behind the
//! record and is never ahead of what is on disk.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::chain::Head;
use super::error::RecordError;

/// Longest checkpoint that is read, in bytes; one takes about a hundred.
const LONGEST: u64 = 4096;

/// Where a record's checkpoint is unless it is told: beside its folder, whose
/// name it has, and ends in `.checkpoint`.
pub fn beside(folder: &Path) -> PathBuf {
    // What ends in `/.` has no name of its own.
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".checkpoint");
    folder.with_file_name(name)
}

/// Reads a checkpoint; none where there is no such file.
///
/// # Errors
/// One that can't be read, or is none.
pub fn read(path: &Path) -> Result<Option<Head>, RecordError> {
    // Asked first: a pipe would never answer.
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(RecordError::io(path, "read"))?,
    };
    if !metadata.is_file() {
        return Err(RecordError::NotAFile {
            path: path.to_owned(),
        });
    }
    let file = fs::File::open(path).map_err(RecordError::io(path, "read"))?;
    let mut text = String::new();
    file.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(RecordError::io(path, "read"))?;
    let head = serde_json::from_str(&text).map_err(|error| RecordError::Checkpoint {
        path: path.to_owned(),
        detail: error.to_string(),
    })?;
    Ok(Some(head))
}

/// A checkpoint's text.
pub(super) fn text(end: Head) -> String {
    format!("{{\"count\":{},\"head\":\"{}\"}}\n", end.count, end.head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_is_written_and_nothing_else_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("record/"));
        assert_eq!(path, folder.path().join("record.checkpoint"));
        assert!(read(&path).unwrap().is_none());
        let end = Head::GENESIS.then(b"{}");
        fs::write(&path, text(end)).unwrap();
        assert_eq!(read(&path).unwrap(), Some(end));
        fs::write(&path, "{}").unwrap();
        assert!(matches!(read(&path), Err(RecordError::Checkpoint { .. })));
    }
}
