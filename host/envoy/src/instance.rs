//! The host of a configuration, which filters share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use claimbound::clock::SystemClock;
use claimbound_server::config::ConfigError;
use claimbound_server::{Embedded, Host, OwnedEnvironment};

use crate::abi::{Level, log};

/// A host that filters of one file share for as long as one of them is there,
/// whatever listener they are in: a ledger and a record are of one process.
pub(crate) struct Instance {
    host: Host,
    /// None once this goes.
    embedded: Option<Arc<Embedded>>,
}

/// The hosts that there are.
static KNOWN: Mutex<Option<HashMap<PathBuf, Weak<Embedded>>>> = Mutex::new(None);

fn known() -> MutexGuard<'static, Option<HashMap<PathBuf, Weak<Embedded>>>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Instance {
    /// The host of a configuration.
    ///
    /// # Errors
    /// The first thing that can't be used.
    pub(crate) fn of(config: &Path) -> Result<Self, ConfigError> {
        crate::lines::begin();
        let mut known = known();
        let known = known.get_or_insert_default();
        let running = known.get(config).and_then(Weak::upgrade);
        let embedded = if let Some(embedded) = running {
            embedded
        } else {
            let clock = Arc::new(SystemClock);
            let started = Arc::new(Embedded::start(config, environment(), clock)?);
            known.insert(config.to_owned(), Arc::downgrade(&started));
            started
        };
        Ok(Self {
            host: embedded.host().clone(),
            embedded: Some(embedded),
        })
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }
}

impl Drop for Instance {
    /// Whoever needs the same configuration again waits until the last of those
    /// before has let go of its record.
    fn drop(&mut self) {
        let _known = known();
        self.embedded.take();
    }
}

/// The routes of a configuration, all of which can be used: what it takes to
/// validate one, next to a process that serves it.
///
/// # Errors
/// The first thing that can't be used.
pub(crate) fn check(config: &Path) -> Result<Vec<String>, ConfigError> {
    let checked = Embedded::check(config, &environment(), Arc::new(SystemClock))?;
    for warning in checked.warnings {
        log(Level::Warning, &format!("claimbound: {warning}"));
    }
    Ok(checked.routes.into_iter().map(|(name, _)| name).collect())
}

/// Where secrets may stand: Envoy's own environment.
fn environment() -> OwnedEnvironment {
    Arc::new(|name| std::env::var(name).ok())
}
