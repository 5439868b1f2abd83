//! How far a long transfer is.

use std::fmt;
use std::sync::Arc;

/// A transfer under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer<'a> {
    /// What is moved.
    pub what: &'a str,
    /// How much of it has arrived, in bytes.
    pub done: u64,
    /// How much there is, in bytes.
    pub total: u64,
}

/// Whoever is told how far transfers are.
#[derive(Clone, Default)]
pub struct Watcher(Option<Arc<Told>>);

type Told = dyn Fn(Transfer<'_>) + Send + Sync;

impl Watcher {
    /// Tells a function, often.
    pub fn new(told: impl Fn(Transfer<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    pub(super) fn of<'a>(&'a self, what: &'a str, total: u64) -> Watched<'a> {
        Watched {
            watcher: Some(self),
            what,
            total,
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watcher(…)")
    }
}

/// One transfer, and who is told of it.
pub(super) struct Watched<'a> {
    watcher: Option<&'a Watcher>,
    what: &'a str,
    total: u64,
}

impl Watched<'_> {
    /// A transfer that is too short to be told of.
    pub(super) const NOBODY: Self = Self {
        watcher: None,
        what: "",
        total: 0,
    };

    pub(super) fn has(&self, done: u64) {
        if let Some(told) = self.watcher.and_then(|watcher| watcher.0.as_ref()) {
            told(Transfer {
                what: self.what,
                done,
                total: self.total,
            });
        }
    }
}
