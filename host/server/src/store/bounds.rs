//! How much a store may give, and for how long it is waited for.

use std::time::Duration;

use claimbound::modules::{DocumentKind, MOST_COMPARISONS, MOST_SIGNATURES, MOST_VERSIONS};

use super::error::StoreError;

/// Largest index, in bytes.
pub(super) const INDEX: u64 = DocumentKind::Index.longest() as u64;
/// Largest statement or comparison, in bytes.
pub(super) const DOCUMENT: u64 = DocumentKind::Statement.longest() as u64;
/// Largest provenance, in bytes: it lists what a build was made of.
pub(super) const PROVENANCE: u64 = 1 << 20;
/// Largest signature, in bytes: a bundle with a certificate has about 8 KiB.
pub(super) const SIGNATURE: u64 = 64 << 10;
/// Most signatures on one document.
pub(super) const SIGNATURES: usize = MOST_SIGNATURES;
/// Most comparisons of one version.
pub(super) const COMPARISONS: usize = MOST_COMPARISONS;
/// Most versions that are listed: as many as an index holds.
pub(super) const VERSIONS: usize = MOST_VERSIONS;
/// Most names that are listed.
pub(super) const NAMES: usize = 10_000;

/// Largest component that may be asked for, in bytes.
const LARGEST_COMPONENT: u64 = 64 << 20;

/// What one operation on a store may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    component: u64,
    idle: Duration,
    whole: Duration,
}

impl Default for Bounds {
    /// Components of up to 64 MiB, 30 seconds of silence, and 5 minutes in all.
    fn default() -> Self {
        Self {
            component: LARGEST_COMPONENT,
            idle: Duration::from_secs(30),
            whole: Duration::from_mins(5),
        }
    }
}

impl Bounds {
    /// The same with components of at most so many bytes; more than 64 MiB
    /// stands for 64 MiB.
    #[must_use]
    pub fn with_component(mut self, bytes: u64) -> Self {
        self.component = bytes.min(LARGEST_COMPONENT);
        self
    }

    /// The same with a registry that may say nothing for `idle`, and that has
    /// `whole` for one operation however fast it is.
    #[must_use]
    pub fn with_patience(mut self, idle: Duration, whole: Duration) -> Self {
        self.idle = idle;
        self.whole = whole;
        self
    }

    /// Largest component, in bytes.
    pub fn component(&self) -> u64 {
        self.component
    }

    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    pub(super) fn whole(&self) -> Duration {
        self.whole
    }
}

/// Refuses a list that is longer than anybody reads.
pub(super) fn at_most(most: usize, found: usize, what: &str) -> Result<(), StoreError> {
    if found <= most {
        return Ok(());
    }
    let cause = format!("it has more than {most} entries");
    Err(StoreError::malformed(what, cause))
}
