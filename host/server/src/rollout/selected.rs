//! The version that decides on a route.

use std::fmt;
use std::sync::Arc;

use claimbound::modules::{Digest, ModuleId, Version};

use crate::workshop::Loaded;

/// A version that decides on a route, or is about to.
#[derive(Clone)]
pub(crate) struct Selected {
    pub(crate) id: ModuleId,
    pub(crate) digest: Digest,
    /// The keys that vouch for it; none where nobody has signed it.
    pub(crate) keys: Vec<String>,
    /// The serial of the index that lists it; none where there was no index.
    pub(crate) serial: Option<u64>,
    /// The version that it was compared with, where that was asked for.
    pub(crate) after: Option<Version>,
    pub(crate) component: Arc<[u8]>,
    pub(crate) loaded: Loaded,
}

impl Selected {
    pub(crate) const fn version(&self) -> &Version {
        self.id.version()
    }
}

impl fmt::Debug for Selected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Selected")
            .field("id", &self.id)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
