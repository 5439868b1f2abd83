//! The thread that moves bytes to and from the server, and how others wait for
//! it: each for a bounded time, from whatever thread they are on.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::failure::Failure;
use crate::ledger::store::{StoreError, StoreFailure};
use crate::waiting;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Driver {
    handle: Handle,
    /// Never sent: the thread waits for its end.
    _stop: oneshot::Sender<()>,
}

impl Driver {
    /// Starts the thread.
    pub(super) fn start() -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| cannot_start(&error))?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // An error says that the other end is gone, which is what ends this.
            let _ = runtime.block_on(stopped);
            // A name that is still being looked up is waited for by nobody.
            runtime.shutdown_background();
        };
        thread::Builder::new()
            .name("claimbound-pg".to_owned())
            .spawn(run)
            .map_err(|error| cannot_start(&error))?;
        Ok(Self {
            handle,
            _stop: stop,
        })
    }

    /// Runs `task` on the thread until it ends, or the thread does.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }

    /// Waits for `future`, for at most `limit`.
    ///
    /// The caller's own thread polls it, so this works in a thread of another
    /// runtime, too, which it blocks.
    pub(super) fn wait<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let _entered = self.handle.enter();
        match waiting::during(|| park_on(tokio::time::timeout(limit, future))) {
            Ok(result) => result,
            Err(_) => Err(Failure::late(limit)),
        }
    }
}

fn cannot_start(error: &std::io::Error) -> StoreError {
    StoreError::new(
        StoreFailure::Unreachable,
        format!("no thread for the ledger's connections can be started: {error}"),
    )
}

/// Wakes a thread that has parked.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls `future` on this thread and sleeps in between.
fn park_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_longer_than_their_limit() {
        let driver = Driver::start().unwrap();
        let never = std::future::pending::<Result<(), Failure>>();
        let failure = driver.wait(Duration::from_millis(5), never).unwrap_err();
        assert_eq!(failure.error.kind, StoreFailure::Unreachable);
    }

    #[test]
    fn a_thread_of_another_runtime_may_wait_too() {
        let driver = Driver::start().unwrap();
        let other = Builder::new_current_thread().build().unwrap();
        let answer = other.block_on(async {
            driver.wait(Duration::from_secs(5), async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(7)
            })
        });
        assert_eq!(answer.unwrap(), 7);
    }
}
