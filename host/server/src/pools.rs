//! Sandboxes and threads, twice: for small policies, and for scripts.
//!
//! A script brings the engine of its language: megabytes of code, a memory to
//! match, and it takes ten times as long. So it has sandboxes of its own, whose
//! engine, addresses and instances no small policy shares, and threads of its
//! own, of which at most half as many compute as there are processors: a script
//! gone wrong keeps nobody else waiting.

use std::sync::OnceLock;

use claimbound::code::CodeCache;
use claimbound::sandbox::{Limits, LimitsError, Sandbox};

use crate::bounds::within;
use crate::config::{ConfigError, SandboxConfig, ScriptsConfig, Span};
use crate::evaluators::Evaluators;

/// The most sandboxes, and the most threads of all of them.
const MOST_SHARDS: usize = 256;
const MOST_THREADS: usize = 1000;
/// The most decisions that may wait for a thread.
const LONGEST_QUEUE: usize = 1 << 20;

/// Whose sandboxes and threads a policy has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    /// Those of small policies.
    Small,
    /// Those of scripts.
    Scripts,
}

/// The sandboxes of all policies.
pub(crate) struct Pools {
    small: Shards,
    scripts: Shards,
}

/// Sandboxes that are alike, made when the first policy needs them.
struct Shards {
    /// Where the configuration speaks of them.
    at: &'static str,
    size: Size,
    limits: Limits,
    cache: Option<CodeCache>,
    made: OnceLock<Vec<Sandbox>>,
}

/// How many there are of what.
#[derive(Clone, Copy)]
struct Size {
    shards: usize,
    /// Of all shards.
    threads: usize,
    queue: usize,
    /// How many threads compute at once.
    at_once: usize,
}

/// What a configuration says of one kind.
struct Asked {
    shards: Option<usize>,
    threads: Option<usize>,
    queue: Option<usize>,
    deadline: Option<Span>,
    memory: Option<usize>,
    component: Option<usize>,
}

/// The threads that decide, of each pool.
pub(crate) struct Threads {
    small: Evaluators,
    scripts: Evaluators,
}

impl Pools {
    /// Those that a configuration asks for.
    ///
    /// # Errors
    /// A number out of its bounds, and where it stands.
    pub(crate) fn new(
        config: &SandboxConfig,
        cache: Option<CodeCache>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            small: small(config, cache.clone())?,
            scripts: scripts(&config.scripts, cache)?,
        })
    }

    /// Whose sandboxes a component belongs in.
    pub(crate) fn of(&self, component: &[u8]) -> Pool {
        if component.len() > self.small.limits.component() {
            Pool::Scripts
        } else {
            Pool::Small
        }
    }

    /// The most bytes that a component may have.
    pub(crate) fn largest(&self) -> usize {
        let (small, scripts) = (&self.small.limits, &self.scripts.limits);
        small.component().max(scripts.component())
    }

    /// What a decision may take in the sandboxes of a pool.
    pub(crate) const fn limits(&self, pool: Pool) -> &Limits {
        match pool {
            Pool::Small => &self.small.limits,
            Pool::Scripts => &self.scripts.limits,
        }
    }

    /// The sandboxes of a pool.
    ///
    /// # Errors
    /// This machine can't run one.
    pub(crate) fn sandboxes(&self, pool: Pool) -> Result<&[Sandbox], ConfigError> {
        match pool {
            Pool::Small => self.small.sandboxes(),
            Pool::Scripts => self.scripts.sandboxes(),
        }
    }

    /// Starts the threads of both.
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn start_threads(&self) -> Result<Threads, ConfigError> {
        Ok(Threads {
            small: self.small.start()?,
            scripts: self.scripts.start()?,
        })
    }
}

fn small(config: &SandboxConfig, cache: Option<CodeCache>) -> Result<Shards, ConfigError> {
    let asked = Asked {
        shards: config.shards,
        threads: config.threads,
        queue: config.queue,
        deadline: config.deadline,
        memory: config.memory,
        component: config.component,
    };
    let processors = processors();
    let shards = asked.shards.unwrap_or(processors.min(MOST_SHARDS));
    let size = Size {
        shards,
        threads: usual_threads(shards, 16),
        queue: 1024,
        at_once: processors,
    };
    let limits = Limits::default().with_component(Limits::SMALL);
    Shards::new("sandbox", size, limits, asked, cache)
}

fn scripts(config: &ScriptsConfig, cache: Option<CodeCache>) -> Result<Shards, ConfigError> {
    let asked = Asked {
        shards: config.shards,
        threads: config.threads,
        queue: config.queue,
        deadline: config.deadline,
        memory: config.memory,
        component: config.component,
    };
    let shards = asked.shards.unwrap_or(1);
    let size = Size {
        shards,
        threads: usual_threads(shards, 8),
        queue: 256,
        at_once: processors().div_ceil(2),
    };
    // As many as there are threads will do: nobody else decides in these.
    let limits = Limits::scripts().with_concurrent(1);
    Shards::new("sandbox.scripts", size, limits, asked, cache)
}

fn usual_threads(shards: usize, each: usize) -> usize {
    shards.saturating_mul(each).min(MOST_THREADS)
}

impl Shards {
    /// Those that are asked for: where nothing is said, of the usual size and
    /// with the usual limits.
    fn new(
        at: &'static str,
        usual: Size,
        limits: Result<Limits, LimitsError>,
        asked: Asked,
        cache: Option<CodeCache>,
    ) -> Result<Self, ConfigError> {
        let limits = limits.map_err(|error| ConfigError::at(at, error))?;
        let size = Size {
            threads: asked.threads.unwrap_or(usual.threads),
            queue: asked.queue.unwrap_or(usual.queue),
            ..usual
        };
        size.check(at)?;
        Ok(Self {
            at,
            size,
            limits: asked.limits(at, limits, size)?,
            cache,
            made: OnceLock::new(),
        })
    }

    fn sandboxes(&self) -> Result<&[Sandbox], ConfigError> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let made = (0..self.size.shards).map(|_| self.sandbox());
        let made = made.collect::<Result<_, ConfigError>>()?;
        Ok(self.made.get_or_init(|| made))
    }

    fn sandbox(&self) -> Result<Sandbox, ConfigError> {
        let sandbox = Sandbox::new(self.limits.clone());
        let sandbox = sandbox.map_err(|error| ConfigError::at(self.at, error.message))?;
        Ok(match &self.cache {
            Some(cache) => sandbox.with_code_cache(cache.clone()),
            None => sandbox,
        })
    }

    fn start(&self) -> Result<Evaluators, ConfigError> {
        let size = self.size;
        let started = Evaluators::start(size.shards, size.threads, size.at_once, size.queue);
        started.map_err(|error| ConfigError::at(format!("{}.threads", self.at), error))
    }
}

impl Size {
    fn check(self, at: &str) -> Result<(), ConfigError> {
        let at = |what: &str| format!("{at}.{what}");
        within(&at("shards"), self.shards, [1, MOST_SHARDS])?;
        within(&at("threads"), self.threads, [1, MOST_THREADS])?;
        within(&at("queue"), self.queue, [1, LONGEST_QUEUE])
    }
}

impl Asked {
    /// The usual limits, with these in their place, and an instance for each
    /// thread of a sandbox.
    fn limits(self, at: &str, usual: Limits, size: Size) -> Result<Limits, ConfigError> {
        let fault =
            |what: &'static str| move |error| ConfigError::at(format!("{at}.{what}"), error);
        let mut limits = usual;
        if let Some(deadline) = self.deadline {
            let deadline = limits.with_deadline(deadline.0);
            limits = deadline.map_err(fault("deadline"))?;
        }
        if let Some(memory) = self.memory {
            limits = limits.with_memory(memory).map_err(fault("memory"))?;
        }
        if let Some(component) = self.component {
            let component = limits.with_component(component);
            limits = component.map_err(fault("component"))?;
        }
        // Each thread decides one token at a time. Whoever asks on a thread of its own
        // leaves it to these where there is no place.
        let each = u32::try_from(size.threads.div_ceil(size.shards)).unwrap_or(u32::MAX);
        let concurrent = each.max(limits.concurrent());
        limits.with_concurrent(concurrent).map_err(fault("threads"))
    }
}

impl Threads {
    /// Those that decide by the policies of a pool.
    pub(crate) const fn of(&self, pool: Pool) -> &Evaluators {
        match pool {
            Pool::Small => &self.small,
            Pool::Scripts => &self.scripts,
        }
    }

    /// How many decisions wait for one.
    pub(crate) fn waiting(&self) -> usize {
        self.small.waiting() + self.scripts.waiting()
    }

    /// How many decisions ended in a panic.
    pub(crate) fn panics(&self) -> u64 {
        self.small.panics() + self.scripts.panics()
    }
}

/// How many processors this process may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
