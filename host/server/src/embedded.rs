//! A host inside another program: all of a server but its listeners.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use claimbound::clock::Clock;
use tokio::runtime::{Builder, Runtime};

use crate::aside::aside;
use crate::config::{Address, ConfigError};
use crate::host::Host;
use crate::reload::OwnedEnvironment;
use crate::server::{self, Checked, Listeners, Server};

/// Threads that fetch keys, look at files and answer operators; decisions have
/// threads of their own.
const WORKERS: usize = 2;

/// A host inside another program, with all that a [`Server`] does for it: keys
/// are fetched, decisions recorded, changed files taken up, and `[monitor]` and
/// `[admin]` answered. `[listen]` is not: whoever embeds a host asks it directly.
///
/// It has a runtime of its own, so that it may be started and dropped anywhere,
/// inside another runtime too; both wait. When it is dropped, decisions that have
/// begun are finished, for as long as the configuration's `drain` says; the
/// record is closed, and clones of the [`Host`] have no route any more.
///
/// ```no_run
/// use std::sync::Arc;
/// use claimbound::clock::SystemClock;
/// use claimbound_server::Embedded;
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let environment = Arc::new(|name: &str| std::env::var(name).ok());
/// let embedded = Embedded::start("claimbound.toml".as_ref(), environment, Arc::new(SystemClock))?;
/// assert!(embedded.host().route("deploy").is_some());
/// # Ok(())
/// # }
/// ```
pub struct Embedded {
    host: Host,
    listening: Vec<(String, Address)>,
    /// None once it ends.
    running: Option<(Server, Runtime)>,
}

impl Embedded {
    /// Opens everything that the configuration names, and begins to decide.
    ///
    /// # Errors
    /// The first thing that can't be used or had; nothing runs then.
    pub fn start(
        path: &Path,
        environment: OwnedEnvironment,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("claimbound-io")
            .enable_all()
            .build()
            .map_err(|error| ConfigError::at("start", error))?;
        let open = || {
            let opened = Server::open(path, environment, clock, Listeners::OfOperators);
            let server = runtime.block_on(opened)?;
            Ok((server, runtime))
        };
        let (server, runtime) =
            aside(open).unwrap_or_else(|error| Err(ConfigError::at("start", error)))?;
        Ok(Self {
            host: server.host().clone(),
            listening: server.listening().to_vec(),
            running: Some((server, runtime)),
        })
    }

    /// Looks at everything that a configuration names, as
    /// [`server::check`](crate::server::check) does, but needs no listener.
    ///
    /// # Errors
    /// The first thing that can't be used.
    pub fn check(
        path: &Path,
        environment: &OwnedEnvironment,
        clock: Arc<dyn Clock>,
    ) -> Result<Checked, ConfigError> {
        server::look(path, environment, clock, Listeners::OfOperators)
    }

    /// The host that decides.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Where `monitor` and `admin` listen, by these names.
    pub fn listening(&self) -> &[(String, Address)] {
        &self.listening
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some((server, runtime)) = self.running.take() {
            // Without a thread it ends as it would with its process.
            let _ = aside(move || runtime.block_on(server.drain()));
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Embedded")
            .field("host", &self.host)
            .field("listening", &self.listening)
            .finish_non_exhaustive()
    }
}
