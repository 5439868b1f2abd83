//! A record in a folder: lines of many threads, written in groups.

#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::chain::{Hash, Head};
use super::checkpoint;
use super::decision::Decision;
use super::disk::{Disk, Files, Place, Prospect, System};
use super::divergence::Divergence;
use super::entry::{Body, Recovered};
use super::error::RecordError;
use super::failures::Failures;
use super::files::{self, FileName};
use super::line::chained;
use super::opening::{self, Known};
use super::{Record, Refused};
use crate::clock::Clock;
use crate::outcome::HostError;
use crate::reason::HostCode;
use crate::waiting::{self, Barred};

/// The length past which a new file is begun, in bytes, unless it is told: 64 MiB.
pub const ROTATE_AT: u64 = 64 * 1024 * 1024;

/// What has happened to a line when it counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// It is on disk (`fdatasync`): neither a crash nor a loss of power takes
    /// an answered decision away.
    #[default]
    Always,
    /// The operating system has it, and it is on disk this much later at most,
    /// plus the time that this takes: a loss of power may take what was
    /// answered since; a crash of the process takes nothing.
    Interval(Duration),
    /// The operating system has it, and puts it on disk when it likes.
    Never,
}

/// No line that counts refused tokens is longer, in bytes: its texts are clipped.
const LONGEST_NOTE: usize = 4096;

/// Nothing that a line has before its body, and behind it, is longer together.
const LONGEST_FRAME: usize = 128;

/// How a record is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// When a line counts as written.
    pub durability: Durability,
    /// Whether the claims that policies read are kept.
    pub keeps_claims: bool,
    /// The length past which a new file is begun, in bytes.
    pub rotate_at: u64,
    /// Where the checkpoint is; none: [`checkpoint::beside`] the folder.
    pub checkpoint: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            keeps_claims: false,
            rotate_at: ROTATE_AT,
            checkpoint: None,
        }
    }
}

/// A record in a folder that it alone writes to.
pub struct Journal {
    shared: Arc<Shared>,
    keeps_claims: bool,
    syncer: Option<JoinHandle<()>>,
    /// Locked for as long as this is open.
    _lock: File,
}

struct Shared {
    state: Mutex<State>,
    /// A group was written, or the journal is closed.
    changed: Condvar,
    /// Something was written that is to be synced later, or the journal is
    /// closed.
    unsynced: Condvar,
}

struct State {
    /// The end of the chain, with the lines that wait.
    end: Head,
    /// How many threads wait until something was written. Where there is none,
    /// none is notified, which would cost a call into the system all the same.
    listeners: usize,
    syncing: Syncing,
    /// How far lines get behind those that are being written.
    prospect: Prospect,
    waiting: Waiting,
    /// The disk; none while a thread writes to it.
    disk: Option<Disk>,
    /// Whether that thread waits for the disk itself, which takes a thousand
    /// times as long.
    is_slow: bool,
    failures: Failures,
    closed: bool,
}

/// What becomes of lines that are to be synced later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syncing {
    /// There is none.
    Idle,
    /// There are some. The syncer was notified once, and sleeps until the time has
    /// come.
    Due,
    /// The syncer takes the disk as soon as it is there.
    Near,
}

/// The lines that the next write takes along.
#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    group: Arc<Group>,
}

/// What became of the lines of one write.
#[derive(Default)]
struct Group(OnceLock<Result<(), HostError>>);

impl Journal {
    /// Opens the record in `folder`, which is made where it is absent.
    ///
    /// Reads its last file alone. What a crash left of a line at its end is
    /// moved to a file beside it, and a line says so.
    ///
    /// # Errors
    /// A folder that can't be written to or is [`RecordError::InUse`]; a record
    /// that is not the one that its checkpoint knows.
    pub fn open(folder: &Path, options: Options, clock: &dyn Clock) -> Result<Self, RecordError> {
        Self::open_with(folder, options, clock, Box::new(System))
    }

    pub(super) fn open_with(
        folder: &Path,
        options: Options,
        clock: &dyn Clock,
        files: Box<dyn Files>,
    ) -> Result<Self, RecordError> {
        // Absolute, so that it stays the same folder wherever the process goes.
        let folder = std::path::absolute(folder).map_err(RecordError::io(folder, "found"))?;
        if folder.is_file() {
            return Err(RecordError::NoRecord { folder });
        }
        make(&folder, &*files)?;
        let lock = lock(&folder)?;
        let checkpoint = options
            .checkpoint
            .unwrap_or_else(|| checkpoint::beside(&folder));
        let known = Known {
            head: checkpoint::read(&checkpoint)?,
            path: checkpoint,
        };
        let opened = opening::look(&folder, &known)?;
        let mut damage = opening::left_over(&folder, opened.end)?;
        damage.extend_from_slice(&opened.damage);
        let place = Place {
            folder,
            checkpoint: known.path,
            rotate_at: options.rotate_at,
            syncs: options.durability == Durability::Always,
        };
        let checkpointed = known.head.map_or(0, |head| head.count);
        let mut disk = Disk::new(files, place, opened.end, checkpointed);
        let recovered = (!damage.is_empty()).then(|| {
            let file = FileName::damaged(opened.end.count.saturating_add(1));
            recovered(&damage, file, clock.now())
        });
        if let Some(recovered) = &recovered {
            disk.put_aside(&recovered.file, &damage)?;
        }
        if let Some((name, good)) = opened.current {
            disk.go_on(name, good)?;
        }
        let journal = Self::of(disk, lock, options.keeps_claims, options.durability)?;
        if let Some(recovered) = recovered {
            journal.shared.commit(&Body::Recovered(recovered))?;
        }
        Ok(journal)
    }

    fn of(
        disk: Disk,
        lock: File,
        keeps_claims: bool,
        durability: Durability,
    ) -> Result<Self, RecordError> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                end: disk.end(),
                listeners: 0,
                syncing: Syncing::Idle,
                prospect: disk.prospect(),
                waiting: Waiting::default(),
                disk: Some(disk),
                is_slow: false,
                failures: Failures::default(),
                closed: false,
            }),
            changed: Condvar::new(),
            unsynced: Condvar::new(),
        });
        let syncer = match durability {
            Durability::Always | Durability::Never => None,
            Durability::Interval(interval) => Some(syncer(Arc::clone(&shared), interval)?),
        };
        Ok(Self {
            shared,
            keeps_claims,
            syncer,
            _lock: lock,
        })
    }

    /// The end of what was written.
    pub fn head(&self) -> Head {
        let state = self.shared.lock();
        let state = self.shared.until_idle(state);
        state.disk.as_ref().map_or(state.end, Disk::end)
    }

    /// Writes what was counted, makes all durable, and writes the checkpoint.
    /// Dropping does the same, and can't say what failed.
    ///
    /// # Errors
    /// What failed; whatever was acknowledged stands all the same.
    pub fn close(mut self) -> Result<Head, RecordError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<Head, RecordError> {
        let rest = self.shared.lock().failures.rest();
        for line in rest {
            self.shared.commit(&Body::Unverified(line))?;
        }
        self.shared.lock().closed = true;
        self.shared.unsynced.notify_all();
        if let Some(syncer) = self.syncer.take() {
            // A thread that panicked has stopped too.
            let _ = syncer.join();
        }
        let state = self.shared.lock();
        let mut state = self.shared.until_idle(state);
        match &mut state.disk {
            None => Ok(Head::GENESIS),
            Some(disk) => {
                disk.checkpoint()?;
                Ok(disk.end())
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if !self.shared.lock().closed {
            // Nobody is left to tell.
            let _ = self.finish();
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Journal")
            .field("keeps_claims", &self.keeps_claims)
            .finish_non_exhaustive()
    }
}

impl Record for Journal {
    fn keeps_claims(&self) -> bool {
        self.keeps_claims
    }

    fn write(&self, decision: &Decision) -> Result<(), HostError> {
        let body = Body::Decision(Box::new(decision.clone())).text()?;
        let state = self.shared.lock();
        state.ask(body.len())?;
        self.shared.commit_in(state, &body)
    }

    fn note(&self, refused: &Refused) {
        let mut state = self.shared.lock();
        // Who may not wait tells it again where they may.
        let may_wait = state.ask(LONGEST_NOTE);
        let Some(line) = may_wait.ok().and_then(|()| state.failures.note(refused)) else {
            return;
        };
        let body = Body::Unverified(line.clone()).text();
        let written = body.and_then(|body| self.shared.commit_in(state, &body));
        if written.is_err() {
            self.shared.lock().failures.put_back(&line);
        }
    }

    fn diverged(&self, divergence: &Divergence) {
        let body = Body::Divergence(Box::new(divergence.clone()));
        // A line that is not written has no effect but to be missed.
        let _ = self.shared.commit(&body);
    }
}

impl Shared {
    // What a thread that panicked left is whole: nothing in here panics between
    // two changes that belong together.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line; returns when it is as durable as was chosen.
    ///
    /// Lines that arrive while others are written wait, and one of their
    /// threads then writes all of them at once.
    fn commit(&self, body: &Body) -> Result<(), HostError> {
        let body = body.text()?;
        self.commit_in(self.lock(), &body)
    }

    fn commit_in<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        body: &str,
    ) -> Result<(), HostError> {
        let group = state.append(body);
        loop {
            if let Some(result) = group.0.get() {
                return result.clone();
            }
            state = match state.disk.take() {
                Some(disk) => self.lead(state, disk),
                None => self.wait(state),
            };
        }
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.listeners += 1;
        let woken = if state.is_slow {
            waiting::during(|| self.changed.wait(state))
        } else {
            self.changed.wait(state)
        };
        let mut state = woken.unwrap_or_else(PoisonError::into_inner);
        state.listeners -= 1;
        state
    }

    /// Puts the disk back, and tells those who wait for it.
    fn put_back(&self, state: &mut State, disk: Disk) {
        if disk.is_unsynced() && state.syncing == Syncing::Idle {
            state.syncing = Syncing::Due;
            self.unsynced.notify_one();
        }
        state.prospect = disk.prospect();
        state.disk = Some(disk);
        if state.listeners > 0 {
            self.changed.notify_all();
        }
    }

    /// Waits until nobody writes.
    fn until_idle<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while state.disk.is_none() {
            state = self.wait(state);
        }
        state
    }

    /// Writes the lines that wait, for all whose they are.
    fn lead<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        mut disk: Disk,
    ) -> MutexGuard<'a, State> {
        let end = state.end;
        let written = std::mem::take(&mut state.waiting);
        let length = written.lines.len() as u64;
        let prospect = disk.prospect();
        let is_slow = prospect.waits(length, end.count);
        state.prospect = prospect.behind(length);
        state.is_slow = is_slow;
        drop(state);
        let mut write = || disk.write(&written.lines, end);
        let result = if is_slow {
            waiting::during(write)
        } else {
            write()
        };
        let result = result.map_err(not_written);
        let mut state = self.lock();
        if let Err(error) = &result {
            state.go_back(disk.end(), error);
        }
        written.group.settle(result);
        self.put_back(&mut state, disk);
        state
    }
}

impl State {
    /// Asks whether this thread may wait, where a line with a body of this length
    /// would.
    fn ask(&self, body: usize) -> Result<(), Barred> {
        let lines = self.waiting.lines.len();
        let length = lines.saturating_add(body).saturating_add(LONGEST_FRAME) as u64;
        let is_held_up = self.syncing == Syncing::Near || self.disk.is_none() && self.is_slow;
        if is_held_up
            || self
                .prospect
                .waits(length, self.end.count.saturating_add(1))
        {
            waiting::ask()
        } else {
            Ok(())
        }
    }

    /// Chains a line; gives the group that it is written in.
    fn append(&mut self, body: &str) -> Arc<Group> {
        let line = chained(self.end, body);
        self.end = self.end.then(line.as_bytes());
        self.waiting.lines.extend_from_slice(line.as_bytes());
        self.waiting.lines.push(b'\n');
        Arc::clone(&self.waiting.group)
    }

    /// Takes the chain back to what was written. The lines that wait continue
    /// one that was not, and fail with it.
    fn go_back(&mut self, end: Head, error: &HostError) {
        self.end = end;
        std::mem::take(&mut self.waiting)
            .group
            .settle(Err(error.clone()));
    }
}

impl Group {
    fn settle(&self, result: Result<(), HostError>) {
        // INVARIANT: each group is settled once, by who took it.
        let _ = self.0.set(result);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
fn not_written(error: RecordError) -> HostError {
    HostError::new(
        HostCode::Record,
        format!("the decision is not recorded: {error}"),
    )
}

/// A thread that makes durable what was written, each time so much later.
fn syncer(shared: Arc<Shared>, interval: Duration) -> Result<JoinHandle<()>, RecordError> {
    let thread = std::thread::Builder::new()
        .name("claimbound-record".to_owned())
        .spawn(move || shared.sync_every(interval));
    thread.map_err(|cause| RecordError::Thread { cause })
}

impl Shared {
    fn sync_every(&self, interval: Duration) {
        let mut state = self.lock();
        loop {
            let is_quiet = |state: &mut State| !state.closed && state.syncing == Syncing::Idle;
            let woken = self.unsynced.wait_while(state, is_quiet);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            let is_open = |state: &mut State| !state.closed;
            let woken = self.unsynced.wait_timeout_while(state, interval, is_open);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            if state.closed {
                return;
            }
            state.syncing = Syncing::Near;
            state = self.until_idle(state);
            // Whoever has a line that waits may have been promised not to.
            if !state.waiting.lines.is_empty()
                && let Some(disk) = state.disk.take()
            {
                state = self.lead(state, disk);
            }
            let Some(mut disk) = state.disk.take() else {
                continue;
            };
            state.is_slow = true;
            state.syncing = Syncing::Idle;
            drop(state);
            // What fails is in doubt, and the next write looks after it.
            let _ = disk.sync();
            state = self.lock();
            self.put_back(&mut state, disk);
        }
    }
}

/// What a line says of what was taken off the end.
fn recovered(bytes: &[u8], file: String, time: u64) -> Recovered {
    Recovered {
        time,
        bytes: bytes.len() as u64,
        lines: memchr::memchr_iter(b'\n', bytes).count() as u64,
        file,
        sha256: Hash::of(bytes),
    }
}

/// Makes the folder, for its user alone, durably.
fn make(folder: &Path, files: &dyn Files) -> Result<(), RecordError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(RecordError::io(folder, "made")(error))
        }
        Err(_) => Ok(()),
        Ok(()) => {
            let parent = folder.parent().unwrap_or(folder);
            let synced = files.sync_folder(parent);
            synced.map_err(RecordError::io(parent, "synced"))
        }
    }
}

/// Locks the folder; the lock goes with the process.
fn lock(folder: &Path) -> Result<File, RecordError> {
    let path = folder.join(files::LOCK);
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(&path);
    let file = opened.map_err(RecordError::io(&path, "opened"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RecordError::InUse {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(cause)) => Err(RecordError::io(&path, "locked")(cause)),
    }
}
