//! Journals on disks that fail in every way that disks do.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::clock::FixedClock;
use crate::policy::PolicyId;
use crate::reason::Code;
use crate::record::audit::{self, Expected, Fault, Report};
use crate::record::disk::Handle;
use crate::record::{Ledger, Stage, Verdict};

const CLOCK: FixedClock = FixedClock(1_795_428_000);

fn decision(subject: &str) -> Decision {
    Decision {
        time: CLOCK.0,
        route: "route".to_owned(),
        policy: PolicyId {
            name: "p".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "sha256:00".to_owned(),
        },
        issuer: "https://issuer.example".to_owned(),
        subject: subject.to_owned(),
        token_id: None,
        token_digest: "sha256:00".to_owned(),
        outcome: Verdict::Allow,
        stage: Stage::Commit,
        statement: Some("s".to_owned()),
        reasons: Vec::new(),
        truncated: false,
        error: None,
        ledger: Ledger::default(),
        assumed: Vec::new(),
        ends_at: None,
        latency_us: 0,
        kept: None,
        cut: Vec::new(),
    }
}

/// What is to fail next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// `ENOSPC`, at once.
    Full,
    /// `ENOSPC`, after half of the bytes.
    Half,
    /// `EIO` of a sync.
    Sync,
    /// `EIO` of cutting.
    Cut,
}

type Failures = Arc<Mutex<VecDeque<Failure>>>;

/// The system's files, which fail when they are told to.
struct Failing {
    failures: Failures,
    syncs: Arc<AtomicU64>,
}

struct FailingHandle {
    handle: Box<dyn Handle>,
    failures: Failures,
    syncs: Arc<AtomicU64>,
    /// The rest of a write that fails.
    fails: bool,
}

fn is_due(failures: &Failures, what: &[Failure]) -> Option<Failure> {
    let mut failures = failures.lock().unwrap();
    let next = failures.front().copied()?;
    what.contains(&next).then(|| failures.pop_front())?
}

impl Files for Failing {
    fn open(&self, path: &Path, make: bool) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(FailingHandle {
            handle: System.open(path, make)?,
            failures: Arc::clone(&self.failures),
            syncs: Arc::clone(&self.syncs),
            fails: false,
        }))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        System.replace(path, bytes)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        System.sync_folder(folder)
    }
}

impl Handle for FailingHandle {
    fn length(&self) -> io::Result<u64> {
        self.handle.length()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.fails) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match is_due(&self.failures, &[Failure::Full, Failure::Half]) {
            Some(Failure::Full) => Err(io::ErrorKind::StorageFull.into()),
            Some(_) => {
                self.fails = true;
                self.handle.write(&bytes[..bytes.len() / 2])
            }
            None => self.handle.write(bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        match is_due(&self.failures, &[Failure::Sync]) {
            Some(_) => Err(io::Error::other("input/output error")),
            None => self.handle.sync(),
        }
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        match is_due(&self.failures, &[Failure::Cut]) {
            Some(_) => Err(io::Error::other("input/output error")),
            None => self.handle.truncate(length),
        }
    }

    fn tail(&mut self, most: u64) -> io::Result<Vec<u8>> {
        self.handle.tail(most)
    }
}

/// A folder for a record, and what its disk is to do.
struct Bench {
    place: tempfile::TempDir,
    failures: Failures,
    syncs: Arc<AtomicU64>,
}

impl Bench {
    fn new() -> Self {
        Self {
            place: tempfile::tempdir().unwrap(),
            failures: Failures::default(),
            syncs: Arc::default(),
        }
    }

    fn folder(&self) -> PathBuf {
        self.place.path().join("record")
    }

    fn open_with(&self, options: Options) -> Result<Journal, RecordError> {
        let files = Failing {
            failures: Arc::clone(&self.failures),
            syncs: Arc::clone(&self.syncs),
        };
        Journal::open_with(&self.folder(), options, &CLOCK, Box::new(files))
    }

    fn open(&self) -> Journal {
        self.open_with(Options::default()).unwrap()
    }

    fn fail(&self, failures: &[Failure]) {
        self.failures.lock().unwrap().extend(failures);
    }

    /// What an audit finds, by the checkpoint beside.
    fn audit(&self) -> Report {
        let checkpoint = checkpoint::read(&checkpoint::beside(&self.folder())).unwrap();
        let expected = Expected {
            checkpoint,
            head: None,
        };
        audit::verify(&self.folder(), &expected, |_| ()).unwrap()
    }

    fn file(&self, first: u64) -> PathBuf {
        self.folder()
            .join(FileName::beginning_with(first).to_string())
    }
}

#[test]
fn lines_are_chained_from_a_known_beginning() {
    let bench = Bench::new();
    let journal = bench.open();
    for subject in ["a", "b\u{202e}\u{1b}ü"] {
        journal.write(&decision(subject)).unwrap();
    }
    let head = journal.close().unwrap();
    let text = fs::read_to_string(bench.file(1)).unwrap();
    assert!(text.is_ascii());
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with(&format!(
        r#"{{"seq":1,"prev":"{}","kind":"decision""#,
        "0".repeat(64)
    )));
    let first = Hash::of(lines[0].as_bytes());
    assert!(lines[1].starts_with(&format!(r#"{{"seq":2,"prev":"{first}""#)));
    assert_eq!(head.head, Hash::of(lines[1].as_bytes()));
    let report = bench.audit();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.head, report.decisions.allow), (head, 2));
}

#[test]
fn a_second_opener_is_told_and_a_later_one_goes_on() {
    let bench = Bench::new();
    let journal = bench.open();
    journal.write(&decision("a")).unwrap();
    let second = bench.open_with(Options::default());
    assert!(
        matches!(second, Err(RecordError::InUse { .. })),
        "{second:?}"
    );
    drop(journal);
    let journal = bench.open();
    assert_eq!(journal.head().count, 1);
    journal.write(&decision("b")).unwrap();
    assert_eq!(journal.close().unwrap().count, 2);
    assert!(bench.audit().is_clean());
}

#[test]
fn a_full_disk_leaves_no_half_line_and_the_next_write_tries_again() {
    for failures in [
        &[Failure::Full][..],
        &[Failure::Half],
        &[Failure::Sync],
        &[Failure::Half, Failure::Cut],
        &[Failure::Half, Failure::Cut, Failure::Cut],
        &[Failure::Sync, Failure::Cut],
        &[Failure::Sync, Failure::Sync],
    ] {
        let bench = Bench::new();
        let journal = bench.open();
        journal.write(&decision("a")).unwrap();
        bench.fail(failures);
        let mut refused = 0;
        while let Err(error) = journal.write(&decision("b")) {
            assert_eq!(error.code, HostCode::Record, "{failures:?}");
            refused += 1;
        }
        assert!((1..=2).contains(&refused), "{failures:?}: {refused}");
        assert!(bench.failures.lock().unwrap().is_empty(), "{failures:?}");
        assert_eq!(journal.close().unwrap().count, 2, "{failures:?}");
        let report = bench.audit();
        assert!(
            report.is_clean() && report.decisions.allow == 2,
            "{failures:?}: {report:?}"
        );
    }
}

#[test]
fn a_disk_that_is_full_from_the_start_refuses_until_it_has_room() {
    let bench = Bench::new();
    let journal = bench.open();
    bench.fail(&[Failure::Full, Failure::Full]);
    assert!(journal.write(&decision("a")).is_err());
    assert!(journal.write(&decision("a")).is_err());
    journal.write(&decision("a")).unwrap();
    drop(journal);
    assert!(bench.audit().is_clean());
}

#[test]
fn everybody_in_a_group_that_fails_is_told_and_nobody_else() {
    let bench = Bench::new();
    let journal = bench.open();
    let written = AtomicU64::new(0);
    let refused = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..100 {
                    if round % 10 == 3 {
                        bench.fail(&[[Failure::Half, Failure::Sync, Failure::Full][round % 3]]);
                    }
                    let count = match journal.write(&decision("a")) {
                        Ok(()) => &written,
                        Err(_) => &refused,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    bench.failures.lock().unwrap().clear();
    let (written, refused) = (written.into_inner(), refused.into_inner());
    assert!(refused > 0 && written > 0);
    assert_eq!(journal.close().unwrap().count, written);
    let report = bench.audit();
    assert!(
        report.is_clean() && report.decisions.allow == written,
        "{report:?}"
    );
}

#[test]
fn lines_of_many_threads_share_syncs() {
    let bench = Bench::new();
    let journal = bench.open();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..50 {
                    journal.write(&decision("a")).unwrap();
                }
            });
        }
    });
    let syncs = bench.syncs.load(Ordering::Relaxed);
    assert!(syncs <= 800, "{syncs}");
    assert_eq!(journal.close().unwrap().count, 800);
    assert!(bench.audit().is_clean());
}

#[test]
fn a_lazier_journal_syncs_later_and_its_checkpoint_is_never_ahead() {
    for (durability, longest) in [
        (Durability::Never, 1),
        (Durability::Interval(Duration::from_hours(1)), 1),
    ] {
        let bench = Bench::new();
        let options = Options {
            durability,
            ..Options::default()
        };
        let journal = bench.open_with(options).unwrap();
        for _ in 0..20 {
            journal.write(&decision("a")).unwrap();
        }
        assert_eq!(bench.syncs.load(Ordering::Relaxed), 0, "{durability:?}");
        assert_eq!(journal.close().unwrap().count, 20);
        assert_eq!(
            bench.syncs.load(Ordering::Relaxed),
            longest,
            "{durability:?}"
        );
        let report = bench.audit();
        assert!(report.is_clean(), "{report:?}");
    }
}

#[test]
fn an_interval_passes_without_another_write() {
    let bench = Bench::new();
    let options = Options {
        durability: Durability::Interval(Duration::from_millis(1)),
        ..Options::default()
    };
    let journal = bench.open_with(options).unwrap();
    journal.write(&decision("a")).unwrap();
    while bench.syncs.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    drop(journal);
}

/// Writes a line on a thread that must not wait; whether that could be done.
fn wrote(journal: &Journal) -> bool {
    let written = waiting::without(|| journal.write(&decision("a")));
    written.is_some_and(|written| written.is_ok())
}

#[test]
fn who_must_not_wait_writes_no_line_that_waits_for_the_disk() {
    let bench = Bench::new();
    let journal = bench.open();
    journal.write(&decision("a")).unwrap();
    assert!(!wrote(&journal), "it is synced at once");
    assert_eq!(journal.close().unwrap().count, 1, "and nothing was begun");

    let bench = Bench::new();
    let lazy = Options {
        durability: Durability::Never,
        rotate_at: 700_000,
        ..Options::default()
    };
    let journal = bench.open_with(lazy).unwrap();
    assert!(!wrote(&journal), "there is no file yet");
    let mut in_vain = Vec::new();
    for line in 1..=2_500_u64 {
        // Whatever had to wait is written by who may.
        if !wrote(&journal) {
            in_vain.push(line);
            journal.write(&decision("a")).unwrap();
        }
    }
    // The first file; a checkpoint after a thousand lines; the next file, before
    // which there is one too; and a thousand lines after that.
    let [1, 1_000, next, after] = *in_vain.as_slice() else {
        panic!("{in_vain:?}");
    };
    assert!(next < 2_000 && after == next + 999, "{in_vain:?}");
    assert_eq!(journal.close().unwrap().count, 2_500, "each once");
    assert!(bench.audit().is_clean());
}

#[test]
fn who_must_not_wait_counts_no_refused_token_that_is_counted_again() {
    let bench = Bench::new();
    let journal = bench.open();
    let refused = Refused {
        time: CLOCK.0,
        route: "route".to_owned(),
        code: Code::TokenSignature,
        issuer: None,
    };
    assert_eq!(waiting::without(|| journal.note(&refused)), None);
    journal.note(&refused);
    drop(journal);
    assert_eq!(bench.audit().unverified, 1);
}

#[test]
fn files_are_rotated_by_size_and_the_chain_runs_on() {
    let bench = Bench::new();
    let options = || Options {
        rotate_at: 2_000,
        ..Options::default()
    };
    for _ in 0..3 {
        let journal = bench.open_with(options()).unwrap();
        for _ in 0..10 {
            journal.write(&decision("a")).unwrap();
        }
    }
    let report = bench.audit();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.head.count, 30);
    assert!(report.files > 5, "{report:?}");
    for entry in fs::read_dir(bench.folder()).unwrap() {
        assert!(entry.unwrap().metadata().unwrap().len() <= 2_000);
    }
}

#[test]
fn a_line_that_a_crash_left_half_written_is_cut_and_that_is_said() {
    let bench = Bench::new();
    let journal = bench.open();
    journal.write(&decision("a")).unwrap();
    journal.write(&decision("b")).unwrap();
    drop(journal);
    let path = bench.file(1);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(br#"{"seq":3,"prev":"#);
    fs::write(&path, &bytes).unwrap();
    let journal = bench.open();
    journal.write(&decision("c")).unwrap();
    drop(journal);
    let report = bench.audit();
    assert!(report.is_clean(), "{report:?}");
    let (seq, recovered) = &report.recovered[0];
    assert_eq!((*seq, recovered.bytes, recovered.lines), (3, 16, 0));
    let kept = fs::read(bench.folder().join(&recovered.file)).unwrap();
    assert_eq!(kept, br#"{"seq":3,"prev":"#);
}

#[test]
fn what_was_cut_is_said_by_the_next_opener_where_the_first_could_not() {
    let bench = Bench::new();
    let journal = bench.open();
    journal.write(&decision("a")).unwrap();
    drop(journal);
    let path = bench.file(1);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [whole.as_slice(), b"torn"].concat()).unwrap();
    // The disk is full just when the line is to be written that says so.
    bench.fail(&[Failure::Half]);
    assert!(bench.open_with(Options::default()).is_err());
    fs::write(&path, [whole.as_slice(), b" again"].concat()).unwrap();
    drop(bench.open());
    let report = bench.audit();
    let (seq, recovered) = &report.recovered[0];
    assert_eq!((*seq, recovered.bytes), (2, 10), "{report:?}");
    let kept = fs::read(bench.folder().join(&recovered.file)).unwrap();
    assert_eq!(kept, b"torn again");
    drop(bench.open());
    assert_eq!(bench.audit().head.count, 2, "it is said once");
}

#[test]
fn whole_lines_that_are_taken_off_are_a_finding_and_never_those_of_the_checkpoint() {
    let bench = Bench::new();
    let journal = bench.open();
    for subject in ["a", "b", "c"] {
        journal.write(&decision(subject)).unwrap();
    }
    drop(journal);
    let path = bench.file(1);
    let text = fs::read_to_string(&path).unwrap();
    let checkpoint = checkpoint::beside(&bench.folder());
    let altered = text.replacen(r#""subject":"b""#, r#""subject":"x""#, 1);
    fs::write(&path, &altered).unwrap();
    let refused = bench.open_with(Options::default());
    assert!(
        matches!(refused, Err(RecordError::Cut { .. })),
        "{refused:?}"
    );
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        altered,
        "nothing is changed"
    );
    // Without its checkpoint nobody can tell it from a loss of power.
    fs::remove_file(checkpoint).unwrap();
    drop(bench.open());
    let report = bench.audit();
    let faults: Vec<_> = report.findings.iter().map(|one| one.fault.kind()).collect();
    assert_eq!(faults, ["recovered"], "{report:?}");
    assert!(matches!(
        report.findings[0].fault,
        Fault::Recovered { lines: 1, .. }
    ));
}

#[test]
fn a_file_that_was_begun_and_got_no_line_is_gone_on_with() {
    let bench = Bench::new();
    drop(bench.open());
    for torn in ["", "{\"seq\":1", "\0\0\0\0\0\n"] {
        fs::write(bench.file(1), torn).unwrap();
        let journal = bench.open();
        journal.write(&decision("a")).unwrap();
        drop(journal);
        let decisions = bench.audit().decisions;
        assert_eq!(decisions.allow, 1, "{torn:?}");
        fs::remove_file(checkpoint::beside(&bench.folder())).unwrap();
    }
}

#[test]
fn the_end_of_the_record_is_the_checkpoints_or_nothing_is_opened() {
    let bench = Bench::new();
    let options = || Options {
        rotate_at: 1_000,
        ..Options::default()
    };
    let journal = bench.open_with(options()).unwrap();
    for _ in 0..6 {
        journal.write(&decision("a")).unwrap();
    }
    drop(journal);
    let last = fs::read_dir(bench.folder())
        .unwrap()
        .filter_map(|entry| FileName::parse(entry.unwrap().file_name().to_str()?))
        .max()
        .unwrap();
    let path = bench.file(last.first());
    let text = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let refused = bench.open_with(options());
    assert!(
        matches!(refused, Err(RecordError::Cut { .. })),
        "{refused:?}"
    );
    // The same number of lines, the last one another.
    fs::write(&path, text.replace_last_subject()).unwrap();
    let refused = bench.open_with(options());
    assert!(
        matches!(refused, Err(RecordError::Altered { .. })),
        "{refused:?}"
    );
    fs::write(&path, text).unwrap();
    assert!(bench.open_with(options()).is_ok());
}

trait ReplaceLastSubject {
    fn replace_last_subject(&self) -> String;
}

impl ReplaceLastSubject for Vec<u8> {
    fn replace_last_subject(&self) -> String {
        let text = String::from_utf8(self.clone()).unwrap();
        let at = text.rfind(r#""subject":"a""#).unwrap();
        format!(
            "{}{}",
            &text[..at],
            text[at..].replacen(r#""a""#, r#""z""#, 1)
        )
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_is_deleted_or_written_to_by_others_stops_the_record() {
    let bench = Bench::new();
    let journal = bench.open();
    journal.write(&decision("a")).unwrap();
    fs::remove_file(bench.file(1)).unwrap();
    for _ in 0..2 {
        assert!(journal.write(&decision("b")).is_err());
    }
    drop(journal);
    let bench = Bench::new();
    let journal = bench.open();
    journal.write(&decision("a")).unwrap();
    let before = fs::read(bench.file(1)).unwrap();
    fs::write(bench.file(1), [before.as_slice(), b"x\n"].concat()).unwrap();
    assert!(journal.write(&decision("b")).is_err());
    // What it did not write it takes away, and goes on.
    journal.write(&decision("b")).unwrap();
    drop(journal);
    assert!(bench.audit().is_clean());
}

#[test]
fn a_record_that_is_a_link_is_not_opened() {
    #[cfg(unix)]
    {
        let bench = Bench::new();
        drop(bench.open());
        let elsewhere = bench.place.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, bench.file(1)).unwrap();
        let refused = bench.open_with(Options::default());
        assert!(
            matches!(refused, Err(RecordError::NotAFile { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn what_does_not_fit_a_line_is_left_out_and_the_line_says_so() {
    let bench = Bench::new();
    let journal = bench.open();
    let mut long = decision("a");
    let reason = crate::reason::Reason::new(Code::ClaimMismatch, "\u{202e}".repeat(340))
        .about((0..16).map(|_| "\u{202e}".repeat(85)))
        .found("x");
    long.outcome = Verdict::Deny;
    long.reasons = vec![reason; 16];
    journal.write(&long).unwrap();
    long.subject = "x".repeat(70_000);
    assert!(
        journal.write(&long).is_err(),
        "nothing else is ever that long"
    );
    drop(journal);
    let text = fs::read_to_string(bench.file(1)).unwrap();
    let entry = crate::record::Entry::parse(text.trim_end().as_bytes()).unwrap();
    let Body::Decision(decision) = entry.body else {
        panic!("{text}");
    };
    assert_eq!(decision.cut, ["reasons"]);
    assert_eq!(decision.reasons.len(), 16);
    assert_eq!(decision.reasons[0].code, Code::ClaimMismatch);
}
