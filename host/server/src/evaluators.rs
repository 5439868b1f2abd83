//! The threads that decide: bounded, with a queue that is bounded too.
//!
//! A decision takes some ten microseconds of a processor, and may then wait for
//! the ledger and the record. So there are more threads than processors, and
//! few sandboxes: threads of one share it, and most of them wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError};

/// What a thread does; it is told which sandbox is its own, or that there is no
/// place for it.
type Job = Box<dyn FnOnce(Result<usize, Busy>) + Send>;

/// Threads that decide.
pub(crate) struct Evaluators {
    /// None once they are told to stop.
    queue: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    panics: Arc<AtomicU64>,
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
        let (sender, receiver) = crossbeam_channel::bounded::<Job>(queue);
        let panics = Arc::new(AtomicU64::new(0));
        let threads = (0..threads).map(|number| {
            let (receiver, panics) = (receiver.clone(), Arc::clone(&panics));
            let shard = number % shards.max(1);
            std::thread::Builder::new()
                .name(format!("claimbound-{number}"))
                .spawn(move || work(&receiver, shard, &panics))
        });
        Ok(Self {
            queue: Some(sender),
            threads: threads.collect::<std::io::Result<_>>()?,
            panics,
        })
    }

    /// Gives the next free thread something to do. Where too much waits already
    /// the job is told so at once, on this thread.
    pub(crate) fn submit(&self, job: impl FnOnce(Result<usize, Busy>) + Send + 'static) {
        let job: Job = Box::new(job);
        let refused = match &self.queue {
            Some(queue) => queue.try_send(job).map_err(TrySendError::into_inner),
            None => Err(job),
        };
        if let Err(job) = refused {
            job(Err(Busy));
        }
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Sender::len)
    }

    /// How many jobs ended in a panic.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

fn work(queue: &Receiver<Job>, shard: usize, panics: &AtomicU64) {
    while let Ok(job) = queue.recv() {
        // Whoever waits for the answer sees that there will be none.
        if catch_unwind(AssertUnwindSafe(|| job(Ok(shard)))).is_err() {
            panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Evaluators {
    /// Waits for what was begun and for what waits.
    fn drop(&mut self) {
        self.queue = None;
        let own = std::thread::current().id();
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
            std::thread::yield_now();
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
