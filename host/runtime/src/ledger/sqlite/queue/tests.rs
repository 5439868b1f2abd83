use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::{Sqlite, connection};
use super::*;
use crate::ledger::store::{Spent, Transaction};

const WAIT: Duration = Duration::from_secs(20);

/// A file and the queue of those who write it.
struct Stand {
    settings: Sqlite,
    queue: Queue,
    /// Most pages that the file may have; none for any number.
    pages: Option<u32>,
}

impl Stand {
    fn new(folder: &tempfile::TempDir, wait: Duration, pages: Option<u32>) -> Self {
        let settings = Sqlite::at(folder.path().join("ledger.db")).or_new();
        connection::create(&settings).unwrap();
        Self {
            settings,
            queue: Queue::new(wait),
            pages,
        }
    }

    fn open(&self) -> Result<Writer, StoreError> {
        let (connection, _) = connection::open(&self.settings)?;
        if let Some(pages) = self.pages {
            connection
                .pragma_update(None, "max_page_count", pages)
                .unwrap();
        }
        Ok(Writer {
            epoch: 0,
            connection,
        })
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.queue.transact(0, || self.open(), work)
    }

    /// Marks a number of tokens, and says whether that was kept.
    fn spend(&self, first: u32, count: u32, finish: Finish) -> Result<(), StoreError> {
        self.transact(&mut |tables| {
            for number in first..first + count {
                assert!(tables.spend(&mark(number))?, "{number} is marked once");
            }
            Ok(finish)
        })
    }

    fn spent(&self) -> Vec<u32> {
        let mut found = Vec::new();
        let writer = self.open().unwrap();
        let mut tables = Tables {
            connection: &writer.connection,
            epoch: 0,
        };
        let mut each = |spent: Spent| {
            found.push(u32::from_be_bytes(spent.digest[..4].try_into().unwrap()));
            Ok(())
        };
        tables.spent(&mut each).unwrap();
        found
    }
}

fn mark(number: u32) -> Spent {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    Spent {
        digest,
        until: 1_795_428_000,
    }
}

/// Lets so many threads do something at once, each with its number.
fn at_once(threads: u32, work: impl Fn(u32) + Sync) {
    let start = Barrier::new(usize::try_from(threads).unwrap());
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (start, work) = (&start, &work);
            scope.spawn(move || {
                start.wait();
                work(number);
            });
        }
    });
}

#[test]
fn who_gives_up_takes_nothing_of_the_others_along() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::new(&folder, WAIT, None);
    at_once(8, |number| {
        for turn in 0..20 {
            let first = (number * 20 + turn) * 2;
            match turn % 3 {
                0 => stand.spend(first, 2, Finish::Commit).unwrap(),
                1 => stand.spend(first, 2, Finish::Abort).unwrap(),
                _ => {
                    let refused = stand.transact(&mut |tables| {
                        tables.spend(&mark(first))?;
                        Err(StoreError::damaged("a test"))
                    });
                    assert_eq!(refused, Err(StoreError::damaged("a test")));
                }
            }
        }
    });
    let kept = (0..160).filter(|number| number % 20 % 3 == 0);
    let expected: Vec<u32> = kept.flat_map(|one| [one * 2, one * 2 + 1]).collect();
    assert_eq!(stand.spent(), expected);
}

#[test]
fn who_is_answered_is_there_where_the_disk_fills_up() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::new(&folder, WAIT, Some(40));
    let kept = Mutex::new(Vec::new());
    let full = AtomicU32::new(0);
    at_once(8, |number| {
        for turn in 0..40 {
            let first = (number * 40 + turn) * 10;
            match stand.spend(first, 10, Finish::Commit) {
                Ok(()) => kept.lock().unwrap().extend(first..first + 10),
                Err(error) => {
                    assert!(
                        matches!(error.kind, StoreFailure::Full | StoreFailure::Unreachable),
                        "{error:?}"
                    );
                    full.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    let mut kept = kept.into_inner().unwrap();
    kept.sort_unstable();
    assert!(full.into_inner() > 0 && !kept.is_empty());
    assert_eq!(stand.spent(), kept);
}

#[test]
fn who_panics_at_work_leaves_the_desk_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::new(&folder, WAIT, None);
    let panicked = std::thread::scope(|scope| {
        let bad = scope.spawn(|| stand.transact(&mut |_| panic!("a test")));
        bad.join().is_err()
    });
    assert!(panicked);
    stand.spend(1, 1, Finish::Commit).unwrap();
    assert_eq!(stand.spent(), [1]);
}

#[test]
fn nobody_waits_longer_than_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let stand = Stand::new(&folder, Duration::from_millis(50), None);
    let (holds, held) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let done = stand.transact(&mut |_| {
                holds.wait();
                held.wait();
                Ok(Finish::Abort)
            });
            done.unwrap();
        });
        holds.wait();
        let refused = stand.spend(1, 1, Finish::Commit).unwrap_err();
        assert_eq!(refused.kind, StoreFailure::Busy);
        held.wait();
    });
    stand.spend(1, 1, Finish::Commit).unwrap();
}

#[test]
fn an_open_transaction_is_never_left_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let next = AtomicU32::new(0);
    // Whoever waits gives up at about the time when it would be its turn, and
    // nobody comes after them who could pick up what was left.
    for wait in [20, 50, 100, 200] {
        let stand = Stand::new(&folder, Duration::from_micros(wait), None);
        for _ in 0..1_500 {
            at_once(3, |_| {
                let own = next.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = stand.spend(own, 1, Finish::Commit) {
                    assert_eq!(error.kind, StoreFailure::Busy, "{error:?}");
                }
            });
        }
    }
    assert_eq!(next.into_inner(), 4 * 1_500 * 3);
}
