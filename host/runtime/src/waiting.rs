//! Threads that wait.
//!
//! A decision computes, and now and then it waits: for the disk or the server of
//! the ledger, for the disk of the record. Who decides on threads of its own
//! learns here when one of them waits, so that another one computes meanwhile,
//! and no more of them at once than there are processors.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;

/// Is told, on the thread itself, when it waits. Both must be quick, and must not
/// decide anything.
pub trait Observer: Send + Sync {
    /// The thread waits from here on.
    fn begins(&self);

    /// The thread goes on. It is told whatever became of the waiting, a panic
    /// included, once for each time that it began.
    fn ends(&self);
}

thread_local! {
    static OBSERVER: OnceCell<Arc<dyn Observer>> = const { OnceCell::new() };
    static WAITS: Cell<bool> = const { Cell::new(false) };
}

/// Has `observer` told of this thread, until its end. Who came first stays.
pub fn observe_this_thread(observer: Arc<dyn Observer>) {
    OBSERVER.with(|own| {
        let _ = own.set(observer);
    });
}

/// Does what may wait. Inside another of these it is one waiting with it.
///
/// The library's own stores do so; a [`Record`](crate::record::Record) of
/// somebody else's should.
pub fn during<T>(wait: impl FnOnce() -> T) -> T {
    if WAITS.get() {
        return wait();
    }
    let observer = OBSERVER.with(|own| own.get().cloned());
    let _waiting = observer.map(Waiting::begin);
    wait()
}

struct Waiting(Arc<dyn Observer>);

impl Waiting {
    fn begin(observer: Arc<dyn Observer>) -> Self {
        WAITS.set(true);
        observer.begins();
        Self(observer)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITS.set(false);
        self.0.ends();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicI32, Ordering};

    #[derive(Default)]
    struct Counts {
        now: AtomicI32,
        begun: AtomicI32,
    }

    impl Observer for Counts {
        fn begins(&self) {
            self.now.fetch_add(1, Ordering::Relaxed);
            self.begun.fetch_add(1, Ordering::Relaxed);
        }

        fn ends(&self) {
            self.now.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn waiting_is_told_once_and_its_end_always() {
        let counts = Arc::new(Counts::default());
        observe_this_thread(Arc::clone(&counts) as Arc<dyn Observer>);
        let now = || counts.now.load(Ordering::Relaxed);
        during(|| {
            assert_eq!(now(), 1);
            during(|| assert_eq!(now(), 1));
            assert_eq!(now(), 1);
        });
        assert_eq!(now(), 0);
        let broken = catch_unwind(AssertUnwindSafe(|| during(|| panic!("on purpose"))));
        assert!(broken.is_err());
        assert_eq!(now(), 0);
        during(|| assert_eq!(now(), 1));
        assert_eq!(counts.begun.load(Ordering::Relaxed), 3);
        std::thread::spawn(|| during(|| ())).join().unwrap();
        assert_eq!(counts.begun.load(Ordering::Relaxed), 3);
    }
}
