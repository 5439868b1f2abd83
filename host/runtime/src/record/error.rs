//! Why a record can't be opened or read.

use std::io;
use std::path::PathBuf;

use super::chain::Head;

/// A record that can't be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system refused.
    #[error("`{}` can't be {what}: {cause}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was to be done, such as `read`.
        what: &'static str,
        /// Why it was not.
        cause: io::Error,
    },
    /// There is no record: the folder is none, or nobody ever wrote one there.
    #[error("`{}` is no folder of a record", .folder.display())]
    NoRecord {
        /// Where it would be.
        folder: PathBuf,
    },
    /// Another process, or another part of this one, writes to it.
    #[error("`{}` is written to by another process", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of the record is a link, a folder or anything but a file.
    #[error("`{}` is no regular file", .path.display())]
    NotAFile {
        /// Where it is.
        path: PathBuf,
    },
    /// The last file is not named after the line that it begins with, or would
    /// begin with.
    #[error("`{}` does not begin with the line that its name says", .path.display())]
    Misnamed {
        /// Where it is.
        path: PathBuf,
    },
    /// The record ends before the line that its checkpoint knows.
    #[error(
        "the record ends at line {}, and its checkpoint `{}` knows line {}: lines were cut, or the checkpoint is another record's",
        .found.count, .checkpoint.display(), .known.count
    )]
    Cut {
        /// Where the checkpoint is.
        checkpoint: PathBuf,
        /// The end as it was found.
        found: Head,
        /// The end as the checkpoint has it.
        known: Head,
    },
    /// The line that the checkpoint knows is another one.
    #[error(
        "line {} of the record is not the one that its checkpoint `{}` knows: the record was altered, or the checkpoint is another record's",
        .known.count, .checkpoint.display()
    )]
    Altered {
        /// Where the checkpoint is.
        checkpoint: PathBuf,
        /// The end as the checkpoint has it.
        known: Head,
    },
    /// The checkpoint is none.
    #[error("`{}` is no checkpoint: {detail}", .path.display())]
    Checkpoint {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Somebody else changed the file that is written to.
    #[error("`{}` was changed by somebody else", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The end of the record is damaged beyond what a crash leaves.
    #[error("`{}` is damaged from line {line} on, in more bytes than a crash leaves: {bytes}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line of the file, from one.
        line: u64,
        /// How many bytes follow.
        bytes: u64,
    },
    /// The thread that syncs can't be started.
    #[error("the thread that syncs the record can't be started: {cause}")]
    Thread {
        /// Why not.
        cause: io::Error,
    },
    /// A line could not be written.
    #[error("{0}")]
    NotWritten(#[from] crate::outcome::HostError),
}

impl RecordError {
    pub(super) fn io(path: &std::path::Path, what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io {
            path: path.to_owned(),
            what,
            cause,
        }
    }
}
