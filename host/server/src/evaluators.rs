//! The threads that decide: bounded, with a queue that is bounded too.
//!
//! A decision takes some ten microseconds of a processor, and may then wait for
//! the ledger and the record. So there are more threads than processors, and
//! few sandboxes: threads of one share it, and most of them wait.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};

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
    panics: AtomicU64,
}

/// What waits: jobs, and threads without one.
///
/// A switch of threads costs a good part of a decision, so no more of them are
/// woken than there is need for: one at a time, which wakes the next if it
/// leaves jobs behind. While threads that run keep up nobody else is woken;
/// where they wait for the ledger or the record, others come in one by one.
#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// The one that slept last is woken first: its memory is the warmest.
    idle: Vec<Sleeper>,
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
    /// Starts `threads` threads, which share `shards` sandboxes in turn, and
    /// take at most `queue` jobs in advance.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn start(shards: usize, threads: usize, queue: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            most: queue,
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
        let woken = queue.wake();
        drop(queue);
        // Outside the lock, which it needs first of all.
        if let Some(thread) = woken {
            thread.unpark();
        }
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
    /// A thread that is to be woken; none where one is waking that has yet to
    /// look, or all of them have a job.
    fn wake(&mut self) -> Option<Thread> {
        if self.is_waking {
            return None;
        }
        let sleeper = self.idle.pop()?;
        self.is_waking = true;
        Some(sleeper.thread)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No job runs under the lock: what it holds is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what there is to do until there will be no more.
    fn work(&self, number: usize, shard: usize) {
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
            if let Some(job) = queue.jobs.pop_front() {
                let leaves_some = !queue.jobs.is_empty();
                let woken = leaves_some.then(|| queue.wake()).flatten();
                drop(queue);
                if let Some(thread) = woken {
                    thread.unpark();
                }
                return Some(job);
            }
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

impl Drop for Evaluators {
    /// Waits for what was begun and for what waits.
    fn drop(&mut self) {
        {
            let mut queue = self.shared.queue();
            queue.is_closed = true;
            for sleeper in queue.idle.drain(..) {
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
        let evaluators = Evaluators::start(1, 1, 1).unwrap();
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
    fn threads_take_sandboxes_in_turn_and_finish_what_waits() {
        let (sender, receiver) = mpsc::channel();
        let evaluators = Evaluators::start(2, 4, 64).unwrap();
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
