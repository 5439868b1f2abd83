//! What an instance has taken, held to its limits.

use wasmtime::{ResourceLimiter, Result, bail};

use super::{Limits, MOST_MEMORIES, MOST_TABLES};

/// The limiter of one store, which remembers that it had to refuse.
#[derive(Debug)]
pub(crate) struct Meter {
    memory: usize,
    table_elements: usize,
    core_instances: usize,
    refused: bool,
}

impl Meter {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            memory: limits.memory(),
            table_elements: limits.table_elements(),
            core_instances: limits.core_instances(),
            refused: false,
        }
    }

    /// Whether the instance asked for more than it may have.
    pub(crate) const fn refused(&self) -> bool {
        self.refused
    }

    /// Refuses by a trap, so that no policy can go on and answer regardless.
    fn hold(&mut self, desired: usize, most: usize) -> Result<bool> {
        if desired > most {
            self.refused = true;
            bail!("{desired} are more than the {most} that an instance may have");
        }
        Ok(true)
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.hold(desired, self.memory)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.refused = true;
        Err(error)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        self.hold(desired, self.table_elements)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> Result<()> {
        self.refused = true;
        Err(error)
    }

    fn instances(&self) -> usize {
        self.core_instances
    }

    fn tables(&self) -> usize {
        MOST_TABLES
    }

    fn memories(&self) -> usize {
        MOST_MEMORIES
    }
}
