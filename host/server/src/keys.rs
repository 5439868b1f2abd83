//! Issuers' keys, kept fresh while they are used.
//!
//! Every issuer whose keys are fetched has one task, and all its fetches are
//! made there, one after the other: on a schedule, ahead of the end of trust;
//! and when a token names a key that the set lacks, at most once in a
//! cool-down. What a token holds says neither where nor what is fetched.
//!
//! While an issuer is down its last set is served, until that set's maximum
//! age. That end is a property of the set, which a decision asks with its own
//! time ([`KeySet::trusted_until`](claimbound::key::KeySet::trusted_until)), so
//! that it holds even where nothing here runs any more.

mod copy;
mod file;
mod origin;
mod source;
mod supply;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use claimbound::clock::Clock;
use claimbound::issuer::Issuer;
use claimbound::key::KeySet;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

pub use copy::Copies;
pub use source::Source;

use self::origin::Https;
use self::source::{Fetched, Kind, parse};
use self::supply::{Shared, Supply};
use crate::config::Form;

/// An issuer and where its keys come from.
#[derive(Debug)]
pub struct Spec {
    /// What the configuration calls it.
    pub alias: String,
    /// The issuer, made by
    /// [`Issuer::awaiting_keys`](claimbound::issuer::Issuer::awaiting_keys).
    pub issuer: Arc<Issuer>,
    /// Where its keys come from.
    pub source: Source,
}

/// How one issuer's keys are doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What the configuration calls the issuer.
    pub alias: String,
    /// Its URL.
    pub issuer: String,
    /// Whether its keys are fetched.
    pub is_fetched: bool,
    /// Whether its set is there and not too old.
    pub is_trusted: bool,
    /// Age of the set in seconds, from its fetch; none where it was not
    /// fetched.
    pub age: Option<u64>,
    /// Which of the issuer's sets this is.
    pub generation: u64,
    /// How many keys verify tokens.
    pub keys: usize,
    /// Fetches, or readings of a file, that gave a set or said that it is
    /// unchanged.
    pub succeeded: u64,
    /// Those that failed.
    pub failed: u64,
    /// How often a key was asked for that the set lacked.
    pub unknown_keys: u64,
    /// Why the last one failed; none where it did not.
    pub last_error: Option<String>,
}

impl Status {
    /// Whether a token could be verified now.
    pub fn verifies(&self) -> bool {
        self.is_trusted && self.keys > 0
    }
}

/// The issuers of a configuration, supplied with keys for as long as this, or
/// one renewed from it, is there.
pub struct Keyring {
    entries: Vec<Arc<Entry>>,
    clock: Arc<dyn Clock>,
}

struct Entry {
    alias: String,
    source: Source,
    shared: Arc<Shared>,
    /// Ends the task with the entry.
    _task: Option<AbortOnDropHandle<()>>,
}

impl Keyring {
    /// Supplies issuers with keys: those that are at hand at once, from the
    /// configuration, files, and copies on disk; the others as soon as they are
    /// fetched, by tasks on `runtime`.
    ///
    /// `clock` is the one that decisions are made by.
    pub fn start(specs: Vec<Spec>, runtime: &Handle, clock: Arc<dyn Clock>) -> Self {
        Self::supply(&[], specs, runtime, clock)
    }

    /// The keyring of a changed configuration. An issuer that is configured as
    /// before goes on as it is, whatever `specs` made of it anew: use
    /// [`issuer`](Self::issuer) for the one that has the keys. One whose keys
    /// come from where they did starts with the keys it had.
    #[must_use]
    pub fn renew(previous: &Self, specs: Vec<Spec>, runtime: &Handle) -> Self {
        let clock = Arc::clone(&previous.clock);
        Self::supply(&previous.entries, specs, runtime, clock)
    }

    /// A keyring of no issuer.
    pub fn none(clock: Arc<dyn Clock>) -> Self {
        Self {
            entries: Vec::new(),
            clock,
        }
    }

    fn supply(
        previous: &[Arc<Entry>],
        specs: Vec<Spec>,
        runtime: &Handle,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let supplied = |spec: Spec| {
            let before = previous.iter().find(|entry| {
                entry.source == spec.source && entry.shared.issuer.url() == spec.issuer.url()
            });
            if let Some(before) = before {
                if before.alias == spec.alias && is_alike(&before.shared.issuer, &spec.issuer) {
                    return Arc::clone(before);
                }
                let keys = before.shared.issuer.keys();
                if spec.source.is_fetched() && keys.is_trusted_at(clock.now()) {
                    spec.issuer.replace_keys(KeySet::clone(&keys));
                }
            }
            Arc::new(Entry::start(spec, runtime, &clock))
        };
        Self {
            entries: specs.into_iter().map(supplied).collect(),
            clock,
        }
    }

    /// The issuer of that name.
    pub fn issuer(&self, alias: &str) -> Option<&Arc<Issuer>> {
        let entry = self.entries.iter().find(|entry| entry.alias == alias);
        entry.map(|entry| &entry.shared.issuer)
    }

    /// Has the keys of an issuer fetched, because a token names one that its
    /// set lacks, and waits: at most as long as one fetch may take. A fetch
    /// that is under way will do; within 10 seconds of one that was asked for
    /// so, and where keys are not fetched, nothing happens.
    pub async fn unknown_key(&self, issuer_url: &str) {
        for entry in &self.entries {
            if entry.source.is_fetched() && entry.shared.issuer.url() == issuer_url {
                entry.shared.unknown_key().await;
            }
        }
    }

    /// Whether every issuer has a set that is trusted now.
    pub fn ready(&self) -> bool {
        let now = self.clock.now();
        let mut entries = self.entries.iter();
        entries.all(|entry| entry.shared.issuer.keys().is_trusted_at(now))
    }

    /// How each issuer's keys are doing, in the order they were given.
    pub fn status(&self) -> Vec<Status> {
        let now = self.clock.now();
        self.entries.iter().map(|entry| entry.status(now)).collect()
    }
}

/// Whether two issuers take the same tokens, given the same keys.
fn is_alike(one: &Issuer, other: &Issuer) -> bool {
    one.url() == other.url()
        && Arc::ptr_eq(one.model(), other.model())
        && one.algorithms() == other.algorithms()
        && one.token_types() == other.token_types()
        && one.longest_lifetime() == other.longest_lifetime()
}

impl Entry {
    fn start(spec: Spec, runtime: &Handle, clock: &Arc<dyn Clock>) -> Self {
        let patience = match &spec.source.kind {
            Kind::Fetched(fetched) => fetched.pace.timeout,
            Kind::File { .. } | Kind::Inline(_) => Duration::ZERO,
        };
        let shared = Arc::new(Shared::new(spec.issuer, patience));
        let task = match &spec.source.kind {
            Kind::Fetched(fetched) => fetching(&shared, fetched, &spec.source, runtime, clock),
            Kind::File { path, form } => {
                let mut file = file::Watched::new(path.clone(), *form);
                file.look(&shared);
                let shared = Arc::clone(&shared);
                Some(runtime.spawn(file.watch(shared)))
            }
            Kind::Inline(text) => {
                match parse(Form::Jwks, text.clone()) {
                    Ok(set) => drop(shared.issuer.replace_keys(set)),
                    Err(error) => shared.tell(|tally| tally.last_error = Some(error.to_string())),
                }
                None
            }
        };
        Self {
            alias: spec.alias,
            source: spec.source,
            shared,
            _task: task.map(AbortOnDropHandle::new),
        }
    }

    fn status(&self, now: u64) -> Status {
        let issuer = &self.shared.issuer;
        let keys = issuer.keys();
        let tally = self.shared.tally();
        Status {
            alias: self.alias.clone(),
            issuer: issuer.url().to_owned(),
            is_fetched: self.source.is_fetched(),
            is_trusted: keys.is_trusted_at(now),
            age: tally.fetched_at.map(|at| now.saturating_sub(at)),
            generation: keys.generation(),
            keys: keys.keys().len(),
            succeeded: tally.succeeded,
            failed: tally.failed,
            unknown_keys: tally.unknown,
            last_error: tally.last_error,
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Keyring");
        fields
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Entry");
        fields
            .field("alias", &self.alias)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Starts the task of an issuer whose keys are fetched.
fn fetching(
    shared: &Arc<Shared>,
    fetched: &Fetched,
    source: &Source,
    runtime: &Handle,
    clock: &Arc<dyn Clock>,
) -> Option<tokio::task::JoinHandle<()>> {
    let origin = match Https::new(fetched.clone(), Arc::clone(clock)) {
        Ok(origin) => origin,
        Err(fault) => {
            shared.tell(|tally| tally.last_error = Some(fault.to_string()));
            return None;
        }
    };
    let copies = source.copies.clone();
    let mut supply = Supply::new(
        Arc::clone(shared),
        fetched.clone(),
        origin,
        copies,
        Arc::clone(clock),
    );
    let first = supply.warm();
    Some(runtime.spawn(async move { supply.run(first).await }))
}
