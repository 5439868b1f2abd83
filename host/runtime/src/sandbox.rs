//! Where policies run: an engine, a pool of instances, and a clock that stops
//! what takes too long.
//!
//! Every decision gets an instance of its own, from a pool whose slots are
//! reset between two uses. It has a deadline, a limit of memory, and nothing to
//! call: a policy imports nothing.

mod limits;
mod meter;
mod ticker;

use std::sync::Arc;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
};

pub use limits::{Limits, LimitsError};
pub(crate) use meter::Meter;
use ticker::Ticker;

use crate::code::{CodeCache, Shelf};
use crate::outcome::HostError;
use crate::reason::HostCode;

/// How much of a memory's or a table's touched part stays mapped between two
/// uses, in bytes. Zeroing it is cheaper than mapping it anew.
const KEEP_RESIDENT: usize = 1024 * 1024;

/// What lifting an answer may cost, in the engine's units of about a byte: an
/// answer is a few kilobytes, and it is copied outside the deadline.
const ANSWER: usize = 256 * 1024;

/// An engine and its pool. Cheap to clone; policies keep the one that they were
/// loaded into.
///
/// For the highest rate give each worker thread a sandbox of its own, and load
/// each policy into all of them: a pool that is shared costs its users time at
/// every decision. A [`CodeCache`] that they share compiles a policy once.
///
/// ```no_run
/// use claimbound::code::CodeCache;
/// use claimbound::policy::Policy;
/// use claimbound::sandbox::{Limits, Sandbox};
///
/// fn worker(cache: CodeCache, component: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
///     let sandbox = Sandbox::new(Limits::default())?.with_code_cache(cache);
///     let policy = Policy::load(&sandbox, component)?;
///     // A `Gate` around it, and this thread's share of the requests.
///     # drop(policy);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
    limits: Limits,
    ticker: Arc<Ticker>,
    shelf: Option<Arc<Shelf>>,
}

impl Sandbox {
    /// A sandbox with these limits.
    ///
    /// # Errors
    /// [`HostCode::Configuration`] where this machine can't run one.
    pub fn new(limits: Limits) -> Result<Self, HostError> {
        let unusable = |error: wasmtime::Error| {
            HostError::new(
                HostCode::Configuration,
                format!("this machine can't run a sandbox: {error:#}"),
            )
        };
        let engine = Engine::new(&config(&limits)).map_err(unusable)?;
        let ticker = Ticker::start(&engine).map_err(|error| unusable(error.into()))?;
        Ok(Self {
            engine,
            limits,
            ticker: Arc::new(ticker),
            shelf: None,
        })
    }

    /// The same sandbox, which keeps the machine code of the policies that are
    /// loaded into it.
    #[must_use]
    pub fn with_code_cache(mut self, cache: CodeCache) -> Self {
        self.shelf = Some(Arc::new(Shelf::new(cache, &self.engine)));
        self
    }

    /// The limits of a decision in this sandbox.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The machine code that is kept for this sandbox, if any is.
    pub(crate) fn shelf(&self) -> Option<&Shelf> {
        self.shelf.as_deref()
    }

    /// A store for one call, its limits set before anything runs in it.
    pub(crate) fn store(&self) -> Store<Meter> {
        let mut store = Store::new(&self.engine, Meter::new(&self.limits));
        store.limiter(|meter| meter);
        store.set_epoch_deadline(self.ticker.ticks(self.limits.deadline()));
        store.set_hostcall_fuel(ANSWER);
        store
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sandbox")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What one component may consist of, beside its core instances.
const MOST_MEMORIES: usize = 2;
const MOST_TABLES: usize = 4;

fn config(limits: &Limits) -> Config {
    let concurrent = limits.concurrent();
    let many = |each: usize| {
        u32::try_from(each)
            .unwrap_or(u32::MAX)
            .saturating_mul(concurrent)
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(concurrent)
        .total_core_instances(many(limits.core_instances()))
        .total_memories(many(MOST_MEMORIES))
        .total_tables(many(MOST_TABLES))
        .max_core_instances_per_component(u32::try_from(limits.core_instances()).unwrap_or(u32::MAX))
        .max_memories_per_component(u32::try_from(MOST_MEMORIES).unwrap_or(u32::MAX))
        .max_tables_per_component(u32::try_from(MOST_TABLES).unwrap_or(u32::MAX))
        .max_memory_size(limits.memory())
        .table_elements(limits.table_elements())
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        // A decision touches a few pages; the kernel says which, where it can
        // (Linux 6.7 and later).
        .pagemap_scan(Enabled::Auto)
        // By default a hundred: with more policies in turn, each decision would
        // first map another policy's memory, at the price of two decisions.
        .max_unused_warm_slots(many(MOST_TABLES));
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .memory_init_cow(true)
        // The same input gives the same decision, on every machine.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_component_model(true);
    config
}
