//! Where a policy's machine code came from, and why not from the folder.

/// Where the machine code of a loaded policy came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was compiled; its sandbox keeps no machine code.
    Compiled,
    /// It was read from the folder, and was authentic.
    Cached,
    /// It was compiled, because the folder had nothing to be used.
    Missed {
        /// Why not.
        why: Unused,
        /// Whether it stands in the folder now.
        kept: Result<(), NotKept>,
    },
}

/// Why an entry was not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unused {
    /// There is none.
    #[error("there is no entry")]
    Absent,
    /// The folder is no longer one that may be used.
    #[error("{0}")]
    Folder(String),
    /// It is a symbolic link.
    #[error("the entry is a symbolic link")]
    Symlink,
    /// It is a folder, a pipe, a socket or a device.
    #[error("the entry is no regular file")]
    NotAFile,
    /// It belongs to another user.
    #[error("the entry belongs to another user")]
    Owner,
    /// Group or others may write to it.
    #[error("the entry may be written to by its group or by others")]
    Writable,
    /// It is longer than an entry of this component may be.
    #[error("the entry has {bytes} bytes, more than the {longest} that it may have")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The longest that it may be.
        longest: u64,
    },
    /// It can't be read.
    #[error("the entry can't be read: {0}")]
    Unreadable(String),
    /// It ends too early.
    #[error("the entry is truncated")]
    Truncated,
    /// It was not sealed with this key, or was altered since.
    #[error("the entry is not authentic")]
    NotAuthentic,
    /// Another release of claimbound made it.
    #[error("the entry is of another release")]
    OtherRelease,
    /// It is for another engine: another version, processor or configuration.
    #[error("the entry is for another engine")]
    OtherEngine,
    /// It is the code of another component.
    #[error("the entry is of another component")]
    OtherComponent,
    /// It is authentic, and the engine does not take it.
    #[error("the engine does not take the entry: {0}")]
    Refused(String),
}

/// Why machine code could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotKept {
    /// The folder is no longer one that may be used.
    #[error("{0}")]
    Folder(String),
    /// The engine does not give it out.
    #[error("the engine does not give it out: {0}")]
    Unserialised(String),
    /// It is longer than would be read back.
    #[error("its {bytes} bytes are more than the {longest} that an entry may have")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The longest that it may be.
        longest: u64,
    },
    /// It can't be written.
    #[error("it can't be written: {0}")]
    Unwritable(String),
}
