//! How long something takes: by the system's own clock, whatever time decisions are
//! made by.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time since some moment; it never goes back.
pub(crate) fn now() -> Duration {
    time_of(ClockId::Monotonic)
}

/// How long ago that was.
pub(crate) fn since(moment: Duration) -> Duration {
    now().saturating_sub(moment)
}

/// How long this thread has had a processor. Where there are more threads than
/// processors, the time in between is nobody's fault.
pub(crate) fn processor_time() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}
