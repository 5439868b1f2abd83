//! The ledger in a file: SQLite inside the process.
//!
//! One connection writes, for all who write at once; the others read, each what
//! the last commit left. The file is in WAL mode, so that readers wait for
//! nobody, and every commit is synced before it counts, so that a kill or a power cut at any moment loses
//! nothing that was answered for.

mod connection;
mod queue;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::store::{AsOf, Finish, Older, Store, StoreError, StoreFailure, Transaction, Work};
use crate::waiting;
use connection::{FileId, failed};
use queue::{Queue, Writer};
use tables::Tables;

/// How long a decision waits for others who write, unless settings say another.
const WAIT: Duration = Duration::from_secs(2);

/// Most connections that are kept for reading.
const MOST_READERS: usize = 16;

/// Where a ledger's file is, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sqlite {
    path: PathBuf,
    create: bool,
    reads: bool,
    durability: Durability,
    wait: Duration,
}

/// What a commit survives once it has been answered for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A kill of the process and a power cut: every commit is synced.
    #[default]
    PowerCut,
    /// A kill of the process alone: a power cut may undo the last commits, and
    /// with them uses of tokens, revocations and approvals. The file stays whole.
    Kill,
}

impl Sqlite {
    /// A ledger that is there already.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            create: false,
            reads: false,
            durability: Durability::default(),
            wait: WAIT,
        }
    }

    /// The same, made where it is absent: readable by this user alone.
    #[must_use]
    pub fn or_new(self) -> Self {
        Self {
            create: true,
            ..self
        }
    }

    /// The same, of which nothing is written: an older release's file is read as it
    /// is, and stays so; what a host that was killed left beside it, SQLite brings into
    /// it. What is tried there is undone as ever.
    #[must_use]
    pub fn to_read(self) -> Self {
        Self {
            reads: true,
            ..self
        }
    }

    /// The same with another durability.
    #[must_use]
    pub fn with_durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// The same, waiting this long for others who write before it gives up.
    #[must_use]
    pub fn with_wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The file in use.
#[derive(Debug)]
pub(super) struct File {
    settings: Sqlite,
    open: Mutex<Open>,
    writers: Queue,
    older: Option<Older>,
}

/// What is open for reading, and of which file.
#[derive(Debug)]
struct Open {
    file: FileId,
    /// Moves on when the file is another one, or was of no use.
    epoch: u64,
    readers: Vec<Reader>,
}

/// A connection that reads, and the generation that it last read.
#[derive(Debug)]
struct Reader {
    epoch: u64,
    connection: Connection,
    /// SQLite's `data_version`, and the ledger's generation at that time.
    seen: Option<(i64, u64)>,
}

impl File {
    /// Opens the file; makes it, where settings say so.
    pub(super) fn open(settings: &Sqlite) -> Result<Self, StoreError> {
        if settings.create {
            connection::create(settings)?;
        }
        let (connection, file) = connection::open(settings)?;
        Ok(Self {
            // It never comes into being by itself again: a ledger that is gone
            // is no empty one.
            settings: Sqlite {
                create: false,
                ..settings.clone()
            },
            open: Mutex::new(Open {
                file,
                epoch: 0,
                readers: Vec::new(),
            }),
            writers: Queue::new(settings.wait),
            older: connection::older(&connection)?,
        })
    }

    /// The file that is at the path now. Where it is another one than before,
    /// everything that is open, or was read, belongs to a file that nobody else
    /// sees.
    fn file(&self) -> Result<(FileId, u64), StoreError> {
        let file = FileId::of(&self.settings.path)?;
        let mut open = self.lock();
        if open.file != file {
            open.file = file;
            open.turn_over();
        }
        Ok((file, open.epoch))
    }

    /// Reads by a connection of its own.
    fn read<T>(
        &self,
        look: impl FnOnce(&mut Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (file, epoch) = self.file()?;
        let idle = self.lock().take(epoch);
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.new_reader(file, epoch)?,
        };
        let result = look(&mut reader);
        match &result {
            Ok(_) => self.lock().put(reader),
            Err(error) => self.failed(error),
        }
        result
    }

    /// What failed may have read, or be, something else the next time.
    fn failed(&self, error: &StoreError) {
        if error.kind != StoreFailure::Busy {
            self.lock().turn_over();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_reader(&self, file: FileId, epoch: u64) -> Result<Reader, StoreError> {
        waiting::ask()?;
        let (connection, opened) = connection::open(&self.settings)?;
        if opened != file {
            return Err(self.replaced());
        }
        Ok(Reader {
            epoch,
            connection,
            seen: None,
        })
    }

    /// Refuses to keep anything where the file is only read.
    fn kept(&self, finish: Finish) -> Result<Finish, StoreError> {
        if finish == Finish::Commit && self.settings.reads {
            let path = self.settings.path.display();
            let message = format!("the ledger `{path}` is only read here; nothing is written");
            return Err(StoreError::new(StoreFailure::Forbidden, message));
        }
        Ok(finish)
    }

    fn replaced(&self) -> StoreError {
        StoreError::new(
            StoreFailure::Unreachable,
            format!(
                "the ledger `{}` was replaced while it was opened",
                self.settings.path.display()
            ),
        )
    }
}

impl Open {
    fn turn_over(&mut self) {
        self.epoch += 1;
        self.readers.clear();
    }

    fn take(&mut self, epoch: u64) -> Option<Reader> {
        (self.epoch == epoch).then(|| self.readers.pop()).flatten()
    }

    fn put(&mut self, reader: Reader) {
        if self.epoch == reader.epoch && self.readers.len() < MOST_READERS {
            self.readers.push(reader);
        }
    }
}

impl Store for File {
    fn transact(&self, work: &mut Work<'_>) -> Result<(), StoreError> {
        waiting::ask()?;
        let (file, epoch) = self.file()?;
        let open = || {
            let (connection, opened) = connection::open(&self.settings)?;
            if opened != file {
                return Err(self.replaced());
            }
            Ok(Writer { epoch, connection })
        };
        let mut work = |tables: &mut dyn Transaction| self.kept(work(tables)?);
        let done = waiting::during(|| self.writers.transact(epoch, open, &mut work));
        if let Err(error) = &done {
            self.failed(error);
        }
        done
    }

    fn view(&self, work: &mut Work<'_>) -> Result<(), StoreError> {
        waiting::ask()?;
        self.read(|reader| {
            let transaction = reader
                .connection
                .transaction_with_behavior(TransactionBehavior::Deferred)
                .map_err(|error| failed(&error))?;
            work(&mut Tables {
                connection: &transaction,
                epoch: reader.epoch,
            })?;
            transaction.rollback().map_err(|error| failed(&error))
        })
    }

    fn older(&self) -> Option<Older> {
        self.older
    }

    fn generation(&self) -> Result<AsOf, StoreError> {
        if !waiting::is_barred() {
            return self.read(Reader::as_of);
        }
        let as_of = self.read(|reader| {
            reader.waits(Duration::ZERO)?;
            let as_of = reader.as_of();
            reader.waits(self.settings.wait)?;
            as_of
        });
        if as_of
            .as_ref()
            .is_err_and(|error| error.kind == StoreFailure::Busy)
        {
            waiting::ask()?;
        }
        as_of
    }
}

impl Reader {
    /// The generation, of which nothing is read where nobody has written since.
    fn as_of(&mut self) -> Result<AsOf, StoreError> {
        let version = tables::data_version(&self.connection)?;
        let generation = match self.seen {
            Some((seen, generation)) if seen == version => generation,
            Some(_) | None => {
                let generation = tables::generation(&self.connection)?;
                self.seen = Some((version, generation));
                generation
            }
        };
        Ok(AsOf {
            epoch: self.epoch,
            generation,
        })
    }

    /// Waits this long for others from here on.
    fn waits(&self, wait: Duration) -> Result<(), StoreError> {
        let set = self.connection.busy_timeout(wait);
        set.map_err(|error| failed(&error))
    }
}
