//! A file of SQLite that is locked, full, gone, another one or damaged: errors,
//! never an allow, and nothing to restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use claimbound::gate::Gate;
use claimbound::ledger::{Keeper, Ledger, Sqlite, StoreFailure};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::process::{Process, say, task, wait};
use super::world::{NAMES_ALONE, World, decide};
use crate::forge::{job, with};
use crate::gate::{answer, ceiling, gate_with};

fn gate_of(ledger: Ledger) -> Gate {
    gate_with(&NAMES_ALONE, ceiling()).with_commit(Keeper::new(Arc::new(ledger), "deploy"))
}

fn open(file: &Path) -> Gate {
    let settings = Sqlite::at(file).with_wait(Duration::from_millis(200));
    gate_of(Ledger::sqlite(&settings).unwrap())
}

/// A file with a known workload, and a gate that has warmed up on it.
fn warm() -> (World, PathBuf, Gate) {
    let world = World::sqlite();
    let file = world.file().unwrap();
    let gate = open(&file);
    for _ in 0..3 {
        assert!(decide(&gate, &job()).is_allow());
    }
    (world, file, gate)
}

/// Somebody else under the same names, whom nobody knows.
fn stranger() -> Value {
    let ids = json!({ "repository_id": "31", "repository_owner_id": "32" });
    with(job(), &ids)
}

fn fails_closed(gate: &Gate) {
    for claims in [job(), stranger()] {
        let outcome = decide(gate, &claims);
        assert_eq!(answer(&outcome), "host.store", "{outcome:?}");
    }
}

fn recovers(gate: &Gate) {
    let outcome = decide(gate, &job());
    assert_eq!(answer(&outcome), "allow", "{outcome:?}");
    assert_eq!(answer(&decide(gate, &stranger())), "identity.reassigned");
}

/// The file and what SQLite keeps beside it, moved together.
fn move_all(from: &Path, to: &Path) {
    for end in ["", "-wal", "-shm"] {
        let name = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        if name(from).exists() {
            fs::rename(name(from), name(to)).unwrap();
        }
    }
}

#[test]
fn a_file_that_another_process_locks_is_waited_for_and_given_up() {
    let world = World::sqlite();
    let file = world.file().unwrap();
    let gate = open(&file);
    let mut other = Process::start("files::another_process_that_locks", &[&world.address()]);
    assert_eq!(other.hear(), "locked");
    // A first use has to be written.
    let outcome = decide(&gate, &job());
    assert_eq!(answer(&outcome), "host.store", "{outcome:?}");
    other.go();
    assert_eq!(other.hear(), "unlocked");
    recovers(&gate);
}

/// What the test above starts.
#[test]
fn another_process_that_locks() {
    let Some(task) = task() else { return };
    let other = Connection::open(&task[0]).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    say("locked");
    wait();
    other.execute_batch("ROLLBACK").unwrap();
    say("unlocked");
    wait();
}

#[test]
fn a_file_that_is_gone_is_no_empty_ledger() {
    let (world, file, gate) = warm();
    let aside = file.with_file_name("aside.db");
    for _ in 0..2 {
        move_all(&file, &aside);
        fails_closed(&gate);
        assert!(!file.exists(), "nobody makes another");
        move_all(&aside, &file);
        recovers(&gate);
    }
    drop(world);
}

#[test]
fn a_file_in_the_place_of_another_is_the_one_that_counts() {
    let (world, file, gate) = warm();
    let another = World::sqlite();
    assert!(decide(&open(&another.file().unwrap()), &stranger()).is_allow());
    let whole = another.file().unwrap();
    Connection::open(&whole)
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    move_all(&file, &file.with_file_name("aside.db"));
    fs::copy(&whole, &file).unwrap();
    let outcome = decide(&gate, &job());
    assert_eq!(answer(&outcome), "identity.reassigned", "{outcome:?}");
    assert!(decide(&gate, &stranger()).is_allow());
    drop(world);
}

#[test]
fn a_file_that_is_no_ledger_any_more_allows_nothing() {
    let (world, file, gate) = warm();
    let aside = file.with_file_name("aside.db");
    let wrong: [(&str, &dyn Fn()); 4] = [
        ("empty and another's", &|| {
            let other = Connection::open(&file).unwrap();
            other.execute_batch("CREATE TABLE other (x)").unwrap();
        }),
        ("garbage", &|| fs::write(&file, [0xa5; 8192]).unwrap()),
        ("cut", &|| {
            let whole = fs::read(&aside).unwrap();
            fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        }),
        ("a folder", &|| fs::create_dir(&file).unwrap()),
    ];
    Connection::open(&file)
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    for (what, make) in wrong {
        move_all(&file, &aside);
        make();
        let outcome = decide(&gate, &job());
        assert_eq!(answer(&outcome), "host.store", "{what}: {outcome:?}");
        if file.is_dir() {
            fs::remove_dir(&file).unwrap();
        }
        move_all(&file, &file.with_file_name("wrong.db"));
        move_all(&aside, &file);
        recovers(&gate);
    }
    drop(world);
}

#[test]
fn a_file_that_is_cut_where_it_lies_allows_nothing_that_it_does_not_hold() {
    let (world, file, gate) = warm();
    Connection::open(&file)
        .unwrap()
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let whole = fs::read(&file).unwrap();
    let cut = fs::OpenOptions::new().write(true).open(&file).unwrap();
    cut.set_len(u64::try_from(whole.len()).unwrap() / 2)
        .unwrap();
    let outcome = decide(&gate, &stranger());
    assert!(!outcome.is_allow(), "{outcome:?}");
    fs::write(&file, &whole).unwrap();
    assert!(decide(&gate, &job()).is_allow());
    drop(world);
}

/// A file system of that many KiB; none where this user may not make one.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn small_folder(kilobytes: u32) -> Option<Mounted> {
    let folder = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "tmpfs"])
        .arg(folder.path())
        .output();
    if mounted.is_ok_and(|mounted| mounted.status.success()) {
        return Some(Mounted(folder));
    }
    eprintln!("skipped: this user may not make a small file system");
    None
}

struct Mounted(tempfile::TempDir);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_file_system_without_room_allows_nothing_that_has_to_be_written() {
    let Some(folder) = small_folder(1024) else {
        return;
    };
    let file = folder.0.path().join("ledger.db");
    let gate = gate_of(Ledger::sqlite(&Sqlite::at(&file).or_new()).unwrap());
    let filler = folder.0.path().join("filler");
    // Until not one byte more goes in.
    let _ = fs::write(&filler, vec![1; 1 << 20]);
    let outcome = decide(&gate, &job());
    assert_eq!(answer(&outcome), "host.store", "{outcome:?}");
    fs::remove_file(&filler).unwrap();
    recovers(&gate);
}

#[test]
fn a_folder_that_may_not_be_written_makes_no_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join("ledger.db");
    let error = Ledger::sqlite(&Sqlite::at(&missing).or_new()).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unreachable, "{error}");
    let error = Ledger::sqlite(&Sqlite::at(folder.path().join("none.db"))).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unreachable, "{error}");
}
