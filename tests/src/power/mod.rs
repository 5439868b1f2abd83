//! Kills and power cuts while a host decides: what it answered for is there
//! afterwards, and nothing contradicts it.
//!
//! A process of its own decides tokens one after the other, on a file layer
//! that notes what was written and what was synced. It is killed at a random
//! moment; then the folder is left as a power cut could have left it, and a
//! fresh host looks at it. The same folder is used again, so that each round
//! begins with what the last one left behind.

mod dice;
mod disk;
mod host;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use claimbound::ledger::Durability;
use dice::Dice;
use disk::{Cut, Disk};
use host::{Answer, Host, check_record};

/// Tells the test executable that it is the host which gets killed, and where.
const FOLDER: &str = "CLAIMBOUND_POWER_FOLDER";
/// Tells it to leave commits unsynced.
const UNSYNCED: &str = "CLAIMBOUND_POWER_UNSYNCED";
/// Which round it is: each presents tokens of its own.
const ROUND: &str = "CLAIMBOUND_POWER_ROUND";

/// Compiles the file layer.
fn file_layer(folder: &Path) -> PathBuf {
    let shim = folder.join("shim.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/power/shim.c");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&shim)
        .args([source, "-ldl", "-lpthread"])
        .status();
    assert!(status.unwrap().success(), "the file layer is compiled");
    shim
}

/// The host that gets killed. By itself this test does nothing.
#[test]
fn a_host_decides_until_it_is_killed() {
    let (Some(folder), Ok(round)) = (std::env::var_os(FOLDER), std::env::var(ROUND)) else {
        return;
    };
    let durability = match std::env::var_os(UNSYNCED) {
        Some(_) => Durability::Kill,
        None => Durability::PowerCut,
    };
    Host::open(Path::new(&folder), durability).decide_for_ever(round.parse().unwrap());
}

/// Lets a host decide, kills it `life` after its first answer, and says what it
/// answered for.
fn killed(
    home: &Path,
    folder: &Path,
    round: u64,
    life: Duration,
    env: &[(&str, &str)],
) -> Vec<Answer> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "power::a_host_decides_until_it_is_killed",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .envs(env.iter().copied())
        .env("LD_PRELOAD", home.join("shim.so"))
        .env("POWER_FOLDER", folder)
        .env("POWER_JOURNAL", home.join("journal"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (begins, begun) = mpsc::channel();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        // A line that the kill cut short was not answered.
        let answers = lines
            .map_while(Result::ok)
            .filter_map(|line| Answer::read(&line));
        answers
            .inspect(|_| {
                // Told once; nobody listens any longer.
                let _ = begins.send(());
            })
            .collect::<Vec<_>>()
    });
    let first = begun.recv_timeout(Duration::from_mins(1));
    drop(begun);
    assert!(first.is_ok(), "the host answers: {:?}", child.try_wait());
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

fn rounds(how: Cut, seed: u64, rounds: u64) {
    let home = tempfile::tempdir().unwrap();
    let folder = fs::canonicalize(home.path()).unwrap().join("host");
    fs::create_dir(&folder).unwrap();
    file_layer(home.path());
    let journal = home.path().join("journal");
    let mut dice = Dice::new(seed);
    let mut answered: Vec<Answer> = Vec::new();
    for round in 0..rounds {
        let mut disk = Disk::of(&folder);
        let _ = fs::remove_file(&journal);
        let life = Duration::from_millis(50 + dice.below(400));
        answered.extend(killed(home.path(), &folder, round, life, &[]));
        disk.replay(&fs::read(&journal).unwrap_or_default());
        disk.cut(how, &mut dice);
        Host::open(&folder, Durability::PowerCut).check(&answered);
        check_record(&folder, &answered);
    }
    assert!(
        answered.len() > 20,
        "something was answered: {}",
        answered.len()
    );
}

#[test]
fn what_a_killed_host_answered_for_is_there() {
    rounds(Cut::Nothing, 1, 6);
}

#[test]
fn what_a_host_answered_for_survives_the_loss_of_all_that_was_not_synced() {
    rounds(Cut::Everything, 2, 6);
}

#[test]
fn what_a_host_answered_for_survives_the_loss_of_any_of_it() {
    for seed in 3..5 {
        rounds(Cut::Some, seed, 6);
    }
}

/// What the tests above would say of a host that does not sync: the file layer
/// does lose what it should. SQLite itself syncs once in many commits: whoever is
/// killed right after that has lost nothing, and is killed again.
#[test]
fn a_host_that_leaves_commits_unsynced_loses_answers_and_nothing_else() {
    let loses = |life: u64| {
        let home = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(home.path()).unwrap().join("host");
        fs::create_dir(&folder).unwrap();
        file_layer(home.path());
        let mut disk = Disk::of(&folder);
        let life = Duration::from_millis(life);
        let answered = killed(home.path(), &folder, 0, life, &[(UNSYNCED, "1")]);
        disk.replay(&fs::read(home.path().join("journal")).unwrap());
        disk.cut(Cut::Everything, &mut Dice::new(1));
        let host = Host::open(&folder, Durability::Kill);
        host.check_whole();
        host.lost(&answered) > 0
    };
    assert!([300, 330, 360, 390, 420].into_iter().any(loses));
}
