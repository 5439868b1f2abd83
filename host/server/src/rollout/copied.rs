//! What is copied of a registry, so that a restart does not need it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use claimbound::modules::{Digest, ModuleName, Signed};
use tokio::runtime::Handle;
use tracing::warn;

use crate::store::Store;

/// A folder of what a route took from a registry.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) store: Store,
    /// The digest of the edition of the index that was copied last.
    edition: Mutex<Option<Digest>>,
}

impl Copied {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            edition: Mutex::default(),
        }
    }

    /// Keeps a copy of an edition that was not copied last.
    pub(crate) fn keep(&self, runtime: &Handle, name: &ModuleName, signed: &Signed) {
        let digest = Digest::of(&signed.document);
        if *self.edition() == Some(digest) {
            return;
        }
        match runtime.block_on(self.store.push_index(name, signed)) {
            Ok(()) => *self.edition() = Some(digest),
            Err(error) => warn!(module = name.as_str(), %error, "an index is not copied"),
        }
    }

    fn edition(&self) -> MutexGuard<'_, Option<Digest>> {
        self.edition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
