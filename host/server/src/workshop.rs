//! Where policies are compiled and tried: on threads that let all others come
//! first, so that decisions go on as before.

use std::sync::Arc;

use claimbound::code::CodeCache;
use claimbound::outcome::HostError;
use claimbound::policy::{Policy, PolicyError};
use claimbound::sandbox::{Limits, Sandbox};

use crate::config::ConfigError;
use crate::pools::Pool;

/// How many instances a sandbox has that decides for nobody: one for each of two
/// policies that are compared.
const IN_TRIAL: u32 = 2;

/// The threads, and what sandboxes are made of.
pub(crate) struct Workshop {
    threads: rayon::ThreadPool,
    cache: Option<CodeCache>,
}

/// A policy in every sandbox that serves policies of its size.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) pool: Pool,
    pub(crate) policies: Arc<[Arc<Policy>]>,
}

/// Why a component is not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// It is no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Its sandboxes can't be had.
    #[error(transparent)]
    Sandbox(#[from] ConfigError),
}

impl Workshop {
    /// Starts as many threads.
    ///
    /// # Errors
    /// Where the system gives none.
    pub(crate) fn open(threads: usize, cache: Option<CodeCache>) -> Result<Self, String> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|number| format!("claimbound-make-{number}"))
            .start_handler(|_| idle_this_thread())
            .build();
        let threads = threads.map_err(|error| error.to_string())?;
        Ok(Self { threads, cache })
    }

    /// Compiles a component for each of these sandboxes.
    pub(crate) fn load(
        &self,
        component: &[u8],
        sandboxes: &[Sandbox],
    ) -> Result<Arc<[Arc<Policy>]>, PolicyError> {
        self.work(|| {
            let loaded = sandboxes.iter();
            let loaded = loaded.map(|sandbox| Policy::load(sandbox, component).map(Arc::new));
            loaded.collect()
        })
    }

    /// A sandbox like these, apart from all that serve.
    pub(crate) fn apart(&self, limits: &Limits) -> Result<Sandbox, HostError> {
        let limits = limits
            .clone()
            .with_concurrent(IN_TRIAL)
            .unwrap_or_else(|_| limits.clone());
        let sandbox = Sandbox::new(limits)?;
        Ok(match &self.cache {
            Some(cache) => sandbox.with_code_cache(cache.clone()),
            None => sandbox,
        })
    }

    /// Does something there, and waits for it.
    pub(crate) fn work<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.threads.install(work)
    }
}

/// The lowest priority that there is.
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;

/// Lets every other thread come before this one, where the system knows how: on
/// Linux a thread has a priority of its own (setpriority(2)).
pub(crate) fn idle_this_thread() {
    #[cfg(target_os = "linux")]
    {
        let thread = rustix::thread::gettid();
        // Without it the same is done, at the price of others.
        let _ = rustix::process::setpriority_process(Some(thread), LOWEST);
    }
}
