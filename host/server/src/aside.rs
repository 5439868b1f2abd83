//! Waiting where one may not.

use std::panic::resume_unwind;
use std::thread;

/// Does something on a thread of its own, and waits for it: a thread that is of
/// some runtime may neither wait for another runtime nor end one.
pub(crate) fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("claimbound-start".to_owned());
        let thread = thread.spawn_scoped(scope, work)?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}
