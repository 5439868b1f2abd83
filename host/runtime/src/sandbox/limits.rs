//! What one decision may take.

use std::time::Duration;

/// The limits of a decision, and of how many run at once.
///
/// ```
/// use std::time::Duration;
/// use claimbound::sandbox::Limits;
///
/// let limits = Limits::default().with_deadline(Duration::from_millis(10))?;
/// assert_eq!(limits.deadline(), Duration::from_millis(10));
/// # Ok::<(), claimbound::sandbox::LimitsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    deadline: Duration,
    memory: usize,
    concurrent: u32,
    component: usize,
    core_instances: usize,
}

/// Limits that no decision could be made under, or that are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A deadline outside 1 ms to 10 s.
    #[error("a deadline of {0:?} is outside 1 ms to 10 s")]
    Deadline(Duration),
    /// A memory limit outside 1 MiB to 1 GiB.
    #[error("a memory limit of {0} bytes is outside 1 MiB to 1 GiB")]
    Memory(usize),
    /// A number of instances outside 1 to 1,000.
    #[error("{0} instances at once are outside 1 to 1,000")]
    Concurrent(u32),
    /// A component's size outside 1 KiB to 64 MiB.
    #[error("a component of {0} bytes is outside 1 KiB to 64 MiB")]
    Component(usize),
}

impl Default for Limits {
    /// 50 ms, 16 MiB, 64 instances: a decision takes some 10 µs and well
    /// under 1 MiB, so that only a policy gone wrong meets them. Components of
    /// at most 16 MiB: a built document has some 110 KiB beside its
    /// program, an engine of JavaScript some 12 MiB. For such ones there are
    /// [`Limits::scripts`].
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(50),
            memory: 16 << 20,
            concurrent: 64,
            component: 16 << 20,
            core_instances: 16,
        }
    }
}

impl Limits {
    /// Largest component of a small policy, in bytes: one that is built of a
    /// document has some 110 KiB beside its program and its cases, one in Rust or C
    /// less, and no engine of scripts fits. A host gives a larger one the limits of
    /// [`Limits::scripts`], unless it is told otherwise.
    pub const SMALL: usize = 1 << 20;

    /// Limits for components that bring an engine of scripts: 100 ms, 64 MiB, 8
    /// instances, and components of at most 32 MiB of up to 64 core instances.
    /// JavaScript comes to 12 MiB and starts with a memory of 9, Python to 18 and
    /// 12, in 38 core instances, one for each of its libraries.
    pub const fn scripts() -> Self {
        Self {
            deadline: Duration::from_millis(100),
            memory: 64 << 20,
            concurrent: 8,
            component: 32 << 20,
            core_instances: 64,
        }
    }

    /// The same limits with another deadline, from 1 ms to 10 s inclusive.
    ///
    /// # Errors
    /// [`LimitsError::Deadline`] outside these.
    pub fn with_deadline(mut self, deadline: Duration) -> Result<Self, LimitsError> {
        if !(Duration::from_millis(1)..=Duration::from_secs(10)).contains(&deadline) {
            return Err(LimitsError::Deadline(deadline));
        }
        self.deadline = deadline;
        Ok(self)
    }

    /// The same limits with another limit of memory in bytes, from 1 MiB to
    /// 1 GiB inclusive. A policy's own size counts.
    ///
    /// # Errors
    /// [`LimitsError::Memory`] outside these.
    pub fn with_memory(mut self, memory: usize) -> Result<Self, LimitsError> {
        if !(1 << 20..=1 << 30).contains(&memory) {
            return Err(LimitsError::Memory(memory));
        }
        self.memory = memory;
        Ok(self)
    }

    /// The same limits with another number of instances at once, from 1 to
    /// 1,000 inclusive; one more is `host.busy`.
    ///
    /// Each has a place for two memories, which stays ready for the policy that
    /// it served last. Where more policies take turns than there are places, a
    /// decision first maps its policy's memory anew: allow as many instances as
    /// policies are in use. A place takes some 8 GiB of addresses, and of memory
    /// what its policy has touched, up to 1 MiB for each of the two.
    ///
    /// # Errors
    /// [`LimitsError::Concurrent`] outside these.
    pub fn with_concurrent(mut self, concurrent: u32) -> Result<Self, LimitsError> {
        if !(1..=1_000).contains(&concurrent) {
            return Err(LimitsError::Concurrent(concurrent));
        }
        self.concurrent = concurrent;
        Ok(self)
    }

    /// The same limits with another size of a component in bytes, from 1 KiB to
    /// 64 MiB inclusive. Compiling takes time and memory in proportion to it,
    /// and no deadline ends it.
    ///
    /// # Errors
    /// [`LimitsError::Component`] outside these.
    pub fn with_component(mut self, component: usize) -> Result<Self, LimitsError> {
        if !(1 << 10..=64 << 20).contains(&component) {
            return Err(LimitsError::Component(component));
        }
        self.component = component;
        Ok(self)
    }

    /// How long a decision may take.
    pub const fn deadline(&self) -> Duration {
        self.deadline
    }

    /// How much memory an instance may have, in bytes.
    pub const fn memory(&self) -> usize {
        self.memory
    }

    /// How large a component may be, in bytes.
    pub const fn component(&self) -> usize {
        self.component
    }

    /// How many instances there may be at once.
    pub const fn concurrent(&self) -> u32 {
        self.concurrent
    }

    /// How many core instances one component may have.
    pub(crate) const fn core_instances(&self) -> usize {
        self.core_instances
    }

    /// How many functions a table may hold: enough for an engine of scripts.
    #[expect(
        clippy::unused_self,
        reason = "one limit of several, not yet to be set"
    )]
    pub(crate) const fn table_elements(&self) -> usize {
        20_000
    }
}
