//! Threads that wait.
//!
//! A decision computes, and now and then it waits: for the disk or the server of
//! the ledger, for the disk of the record. Who decides on threads of its own
//! learns here when one of them waits, so that another one computes meanwhile,
//! and no more of them at once than there are processors.
//!
//! Who has no threads of its own, or does without them as long as it can, decides
//! on one that must not wait: [`without`] gives up where a decision would have to.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::sync::Arc;

use crate::outcome::HostError;
use crate::reason::HostCode;

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
    static PATIENCE: Cell<Patience> = const { Cell::new(Patience::Waits) };
}

/// What a thread does where it would have to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Waits,
    GivesUp,
    /// It was asked to, and has.
    GaveUp,
}

/// Does `work` unless it has to wait: none, where somebody in it was told so by
/// [`ask`]. Of a [`Gate`](crate::gate::Gate)'s decision nothing has had an effect
/// then, and it may be made again where it may wait.
///
/// # Panics
/// Whatever panics in `work`.
///
/// ```
/// use claimbound::waiting;
///
/// let waits = || waiting::ask().map(|()| waiting::during(|| 6 * 7));
/// assert_eq!(waits().ok(), Some(42));
/// assert!(waiting::without(waits).is_none());
/// assert_eq!(waiting::without(|| 6 * 7), Some(42));
/// ```
pub fn without<T>(work: impl FnOnce() -> T) -> Option<T> {
    let barred = Bars(PATIENCE.replace(Patience::GivesUp));
    let done = work();
    let has_given_up = PATIENCE.get() == Patience::GaveUp;
    drop(barred);
    (!has_given_up).then_some(done)
}

/// Asks whether this thread may wait, before anything is done that can't be done
/// twice. Whoever is told that it may not fails, in whatever words; nobody reads
/// them.
///
/// A [`Record`](crate::record::Record) or a [`Commit`](crate::obligation::Commit) of
/// somebody else's that does not ask is waited for.
///
/// # Errors
/// [`Barred`] inside [`without`].
pub fn ask() -> Result<(), Barred> {
    if PATIENCE.get() == Patience::Waits {
        return Ok(());
    }
    PATIENCE.set(Patience::GaveUp);
    Err(Barred)
}

/// Whether somebody was told no by [`ask`], so that whatever comes of this is
/// thrown away: it must not have an effect any more.
pub fn has_given_up() -> bool {
    PATIENCE.get() == Patience::GaveUp
}

/// Whether [`ask`] would be told no. Nothing is given up by this.
pub fn is_barred() -> bool {
    PATIENCE.get() != Patience::Waits
}

/// The thread must not wait: [`ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barred;

impl fmt::Display for Barred {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the decision would have to wait, on a thread that must not")
    }
}

impl std::error::Error for Barred {}

impl From<Barred> for HostError {
    fn from(barred: Barred) -> Self {
        Self::new(HostCode::Busy, barred.to_string())
    }
}

/// The thread must not wait until this is dropped; then as before.
struct Bars(Patience);

impl Drop for Bars {
    fn drop(&mut self) {
        PATIENCE.set(self.0);
    }
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
    fn who_must_not_wait_gives_up_where_it_would_have_to() {
        assert_eq!((ask(), is_barred()), (Ok(()), false));
        assert_eq!(without(|| 1), Some(1));
        assert_eq!(without(is_barred), Some(true), "looking gives nothing up");
        assert_eq!(without(ask), None);
        assert_eq!(without(|| (ask(), 1).1), None, "whatever it comes to");
        assert_eq!(without(|| without(ask)), Some(None), "each for itself");
        assert_eq!(without(|| (without(ask), ask()).0), None);
        assert_eq!(without(|| (without(ask), has_given_up()).1), Some(false));
        let mut seen = Vec::new();
        let given_up = without(|| {
            seen.push(has_given_up());
            let _ = ask();
            seen.push(has_given_up());
        });
        assert_eq!(
            (given_up, seen, has_given_up()),
            (None, vec![false, true], false)
        );
        let broken = catch_unwind(AssertUnwindSafe(|| without(|| panic!("on purpose"))));
        assert!(broken.is_err());
        assert_eq!((ask(), is_barred()), (Ok(()), false));
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
