//! The threads that decide: bounded, with a queue that is bounded too.
//!
//! A decision takes some ten microseconds of a processor, and may then wait for
//! the ledger and the record. So there are more threads than processors, and
//! few sandboxes: threads of one share it, and most of them wait. Of those that
//! don't, there are as many as there are processors: more would take turns, and
//! that costs a good part of a decision. Whoever asks on a thread of its own
//! computes besides.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};

use claimbound::waiting;

/// What a thread does; it is told which sandbox is its own, or that there is no
/// place for it.
type Job = Box<dyn FnOnce(Result<usize, Busy>) + Send>;

/// Threads that decide.
pub(crate) struct Evaluators {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Shared {
    queue: Mutex<Queue>,
    most: usize,
    /// How many threads compute at once, but for those that have just waited.
    at_once: usize,
    panics: AtomicU64,
}

/// What waits: jobs, and threads without one.
///
/// No more threads are woken than there is need for: one at a time, which wakes
/// the next if it leaves jobs behind. Where some wait for the ledger or the
/// record, others come in for them, and where those go on, somebody has a rest
/// after the job.
#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// The one that slept last is woken first: its memory is the warmest.
    idle: Vec<Sleeper>,
    /// How many threads compute: all but the idle and those that wait.
    running: usize,
    /// Whether a thread was woken that has not looked yet.
    is_waking: bool,
    is_closed: bool,
}

/// A thread without a job.
struct Sleeper {
    number: usize,
    thread: Thread,
}

/// Too many jobs wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Evaluators {
    /// Starts `threads` threads, of which `at_once` compute, which share `shards`
    /// sandboxes in turn, and take at most `queue` jobs in advance.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn start(
        shards: usize,
        threads: usize,
        at_once: usize,
        queue: usize,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            most: queue,
            at_once: at_once.max(1),
            panics: AtomicU64::new(0),
        });
        let mut evaluators = Self {
            shared: Arc::clone(&shared),
            threads: Vec::with_capacity(threads),
        };
        for number in 0..threads {
            let shared = Arc::clone(&shared);
            let sandbox = number % shards.max(1);
            let thread = thread::Builder::new()
                .name(format!("claimbound-{number}"))
                .spawn(move || shared.work(number, sandbox))?;
            evaluators.threads.push(thread);
        }
        Ok(evaluators)
    }

    /// Gives the next free thread something to do. Where too much waits already
    /// the job is told so at once, on this thread.
    pub(crate) fn submit(&self, job: impl FnOnce(Result<usize, Busy>) + Send + 'static) {
        let mut queue = self.shared.queue();
        if queue.is_closed || queue.jobs.len() >= self.shared.most {
            drop(queue);
            return job(Err(Busy));
        }
        queue.jobs.push_back(Box::new(job));
        self.shared.wake(queue);
    }

    /// How many jobs may wait.
    pub(crate) fn most(&self) -> usize {
        self.shared.most
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.queue().jobs.len()
    }

    /// How many jobs ended in a panic.
    pub(crate) fn panics(&self) -> u64 {
        self.shared.panics.load(Ordering::Relaxed)
    }
}

impl Queue {
    /// A thread that is to be woken; none where there is nothing to do, where one
    /// is waking that has yet to look, or where enough of them compute.
    fn wake(&mut self, at_once: usize) -> Option<Thread> {
        if self.jobs.is_empty() || self.is_waking || self.running >= at_once {
            return None;
        }
        let sleeper = self.idle.pop()?;
        self.is_waking = true;
        self.running += 1;
        Some(sleeper.thread)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No job runs under the lock: what it holds is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes a thread where one is needed.
    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        let woken = queue.wake(self.at_once);
        drop(queue);
        // Outside the lock, which it needs first of all.
        if let Some(thread) = woken {
            thread.unpark();
        }
    }

    /// Does what there is to do until there will be no more.
    fn work(self: Arc<Self>, number: usize, shard: usize) {
        waiting::observe_this_thread(Arc::clone(&self) as Arc<dyn waiting::Observer>);
        self.queue().running += 1;
        while let Some(job) = self.next(number) {
            // Whoever waits for the answer sees that there will be none.
            if catch_unwind(AssertUnwindSafe(|| job(Ok(shard)))).is_err() {
                self.panics.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The next job, once there is one; none where there will be none.
    fn next(&self, number: usize) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            // One too many leaves what there is to the others.
            if (queue.running <= self.at_once || queue.is_closed)
                && let Some(job) = queue.jobs.pop_front()
            {
                self.wake(queue);
                return Some(job);
            }
            queue.running -= 1;
            if queue.is_closed {
                return None;
            }
            queue.idle.push(Sleeper {
                number,
                thread: thread::current(),
            });
            while queue.idle.iter().any(|sleeper| sleeper.number == number) {
                drop(queue);
                // It may return without a reason.
                thread::park();
                queue = self.queue();
            }
            queue.is_waking = false;
        }
    }
}

impl waiting::Observer for Shared {
    fn begins(&self) {
        let mut queue = self.queue();
        queue.running -= 1;
        self.wake(queue);
    }

    fn ends(&self) {
        self.queue().running += 1;
    }
}

impl Drop for Evaluators {
    /// Waits for what was begun and for what waits.
    fn drop(&mut self) {
        {
            let mut queue = self.shared.queue();
            queue.is_closed = true;
            let idle = std::mem::take(&mut queue.idle);
            queue.running += idle.len();
            for sleeper in idle {
                sleeper.thread.unpark();
            }
        }
        let own = thread::current().id();
        for thread in self.threads.drain(..) {
            // The last handle may go inside a job.
            if thread.thread().id() != own {
                let _ = thread.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn one_job_too_many_is_refused_and_a_panic_costs_no_thread() {
        let evaluators = Evaluators::start(1, 1, 1, 1).unwrap();
        evaluators.submit(|_| panic!("on purpose"));
        while evaluators.panics() == 0 {
            thread::yield_now();
        }
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        evaluators.submit(move |_| {
            begun.send(()).unwrap();
            let _ = released.recv();
        });
        has_begun.recv().unwrap();
        let (sender, told) = mpsc::channel();
        for _ in 0..2 {
            let sender = sender.clone();
            evaluators.submit(move |place| sender.send(place).unwrap());
        }
        assert_eq!(told.recv(), Ok(Err(Busy)), "the second, at once");
        drop(release);
        assert_eq!(told.recv(), Ok(Ok(0)), "the first, in its turn");
    }

    #[test]
    fn no_more_compute_at_once_than_may() {
        let evaluators = Evaluators::start(1, 8, 2, 64).unwrap();
        let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        for _ in 0..64 {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            evaluators.submit(move |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::sleep(std::time::Duration::from_millis(1));
                now.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while evaluators.waiting() > 0 {
            thread::yield_now();
        }
        assert!(most.load(Ordering::SeqCst) <= 2);
    }

    #[test]
    fn others_compute_for_those_that_wait() {
        let evaluators = Evaluators::start(1, 4, 1, 8).unwrap();
        let mut tell = None;
        let (last, over) = mpsc::channel();
        // Each waits for the one that comes after it.
        for _ in 0..3 {
            let (sender, receiver) = mpsc::channel::<()>();
            let (next, last) = (tell.replace(sender), last.clone());
            evaluators.submit(move |_| {
                let _ = waiting::during(|| receiver.recv());
                drop(next);
                last.send(()).unwrap();
            });
        }
        evaluators.submit(move |_| drop(tell));
        assert_eq!(over.iter().take(3).count(), 3);
    }

    #[test]
    fn threads_take_sandboxes_in_turn_and_finish_what_waits() {
        let (sender, receiver) = mpsc::channel();
        let evaluators = Evaluators::start(2, 4, 4, 64).unwrap();
        for _ in 0..64 {
            let sender = sender.clone();
            evaluators.submit(move |shard| sender.send(shard).unwrap());
        }
        drop((evaluators, sender));
        let shards: Vec<_> = receiver.iter().collect();
        assert_eq!(shards.len(), 64);
        assert!(
            shards
                .iter()
                .all(|shard| *shard == Ok(0) || *shard == Ok(1))
        );
    }
}
