//! Machine code on disk, only by choice: what a component was compiled to is
//! kept in a folder of the program's own, so that it is compiled once.
//!
//! A folder on disk is no place to trust: whoever could put machine code into
//! a policy's place would be the host. So an entry is authenticated by a key
//! that is kept elsewhere, read whole into memory before anything looks at it,
//! and used only if it was made by this release, for this engine and for this
//! component. Whatever is wrong with an entry, the component is compiled anew
//! and [`Origin`] says why; a folder that can't be read or written never fails
//! a load. Who can write to the folder and lacks the key can cost time, and
//! nothing else.
//!
//! ```no_run
//! use claimbound::code::{CodeCache, CodeKey};
//! use claimbound::policy::Policy;
//! use claimbound::sandbox::{Limits, Sandbox};
//!
//! let secret: [u8; 32] = std::fs::read("/etc/claimbound/code.key")?
//!     .try_into()
//!     .map_err(|_| "a key has 32 bytes")?;
//! let cache = CodeCache::open("/var/cache/claimbound", CodeKey::new(&secret))?;
//! let sandbox = Sandbox::new(Limits::default())?.with_code_cache(cache);
//! let policy = Policy::load(&sandbox, &std::fs::read("policy.wasm")?)?;
//! println!("{:?}", policy.origin());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod engine;
mod entry;
#[cfg(unix)]
mod folder;
#[cfg(not(unix))]
#[path = "code/nowhere.rs"]
mod folder;
mod key;
mod native;
mod origin;
mod shelf;
#[cfg(unix)]
mod sweep;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use key::CodeKey;
pub use origin::{NotKept, Origin, Unused};
pub(crate) use shelf::{Code, Shelf};

use folder::Folder;

/// A folder of machine code and the key that authenticates it. Cheap to clone;
/// sandboxes, threads and processes may share one folder.
///
/// After each entry that is written it holds at most 2,048 entries and 1 GiB,
/// past which the oldest go; files that are not its own stay untouched and
/// count for nothing.
#[derive(Clone)]
pub struct CodeCache {
    folder: Arc<Folder>,
    key: Arc<CodeKey>,
}

/// A folder in which no machine code can be kept.
#[derive(Debug, thiserror::Error)]
pub enum CodeCacheError {
    /// It can't be made or looked at.
    #[error("folder `{}` can't be used: {cause}", .folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// It is a link, which may lead elsewhere tomorrow.
    #[error("`{}` is a symbolic link, where a folder is needed", .folder.display())]
    Symlink {
        /// The link.
        folder: PathBuf,
    },
    /// It is something else.
    #[error("`{}` is no folder", .folder.display())]
    NotAFolder {
        /// What was named.
        folder: PathBuf,
    },
    /// It belongs to another user.
    #[error(
        "folder `{}` belongs to user {owner}, and this program runs as user {user}",
        .folder.display()
    )]
    Owner {
        /// The folder.
        folder: PathBuf,
        /// The user that it belongs to.
        owner: u32,
        /// The user that this process acts as.
        user: u32,
    },
    /// Others may write to it.
    #[error(
        "folder `{}` may be written to by its group or by others (mode {mode:03o})",
        .folder.display()
    )]
    Writable {
        /// The folder.
        folder: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Whose a folder is can't be told on this system.
    #[error("machine code is kept only on Unix")]
    Unsupported,
}

impl CodeCache {
    /// The machine code in `folder`, authenticated by `key`.
    ///
    /// The folder is made for its user alone (mode 0700) where it is absent;
    /// its parent has to be there. Keep the key elsewhere: not in the folder,
    /// nor in what is backed up or shared with it.
    ///
    /// # Errors
    /// [`CodeCacheError`] where the folder is a symbolic link or no folder,
    /// belongs to another user, may be written to by others, or can't be made.
    pub fn open(folder: impl AsRef<Path>, key: CodeKey) -> Result<Self, CodeCacheError> {
        Ok(Self {
            folder: Arc::new(Folder::open(folder.as_ref())?),
            key: Arc::new(key),
        })
    }
}

impl fmt::Debug for CodeCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CodeCache")
            .field("folder", &self.folder.path())
            .field("key", &self.key)
            .finish()
    }
}
