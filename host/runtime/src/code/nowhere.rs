//! The folder of machine code where no system says whose a folder is: none.

use std::path::Path;

use super::{CodeCacheError, NotKept, Unused};

/// A folder that can't be.
pub(super) enum Folder {}

impl Folder {
    pub(super) fn open(_: &Path) -> Result<Self, CodeCacheError> {
        Err(CodeCacheError::Unsupported)
    }

    pub(super) fn path(&self) -> &Path {
        match *self {}
    }

    pub(super) fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, Unused> {
        match *self {}
    }

    pub(super) fn replace(&self, _: &str, _: &[u8]) -> Result<(), NotKept> {
        match *self {}
    }
}
