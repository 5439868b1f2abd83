use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;

use super::*;

const START: u64 = 1_800_000_000;
const DAY: u64 = 24 * 3600;

struct Keys {
    folder: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn open(&self, now: u64) -> Result<SigningKeys, KeysError> {
        self.open_by(SigningAlgorithm::Es256, now)
    }

    fn open_by(&self, algorithm: SigningAlgorithm, now: u64) -> Result<SigningKeys, KeysError> {
        SigningKeys::open(&self.path(), algorithm, Rotation::default(), now)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "key"))
            .collect();
        files.sort();
        files
    }
}

fn stages(keys: &SigningKeys, now: u64) -> Vec<Stage> {
    keys.states(now).iter().map(|key| key.stage).collect()
}

fn signer(keys: &SigningKeys, now: u64) -> String {
    let states = keys.states(now);
    let mut signing = states.iter().filter(|key| key.stage == Stage::Signing);
    let found = signing.next().unwrap().id.clone();
    assert_eq!(signing.next(), None);
    found
}

#[test]
fn a_key_is_next_then_signs_then_is_retired_then_gone() {
    let disk = Keys::new();
    let keys = disk.open(START).unwrap();
    assert_eq!(stages(&keys, START), [Stage::Signing]);
    let first = signer(&keys, START);

    keys.tick(START + 29 * DAY - 1).unwrap();
    assert_eq!(keys.states(START).len(), 1);
    let now = START + 29 * DAY;
    keys.tick(now).unwrap();
    assert_eq!(stages(&keys, now), [Stage::Signing, Stage::Next]);
    assert_eq!(signer(&keys, now + DAY - 1), first);

    let now = START + 30 * DAY;
    keys.tick(now).unwrap();
    assert_eq!(stages(&keys, now), [Stage::Retired, Stage::Signing]);
    keys.tick(now + KEPT - 1).unwrap();
    assert_eq!(keys.states(now).len(), 2);
    keys.tick(now + KEPT).unwrap();
    assert_eq!(stages(&keys, now + KEPT), [Stage::Signing]);
    assert_ne!(signer(&keys, now), first);
}

#[test]
fn a_tick_too_many_changes_nothing_and_months_without_one_are_caught_up() {
    let disk = Keys::new();
    let keys = disk.open(START).unwrap();
    let first = signer(&keys, START);
    let now = START + 100 * DAY;
    for _ in 0..5 {
        keys.tick(now).unwrap();
        assert_eq!(stages(&keys, now), [Stage::Signing, Stage::Next]);
    }
    // Whoever checks has not seen the new key, so that the old one goes on.
    assert_eq!(signer(&keys, now), first);
    assert_ne!(signer(&keys, now + DAY), first);
}

#[test]
fn processes_that_share_a_folder_have_one_set() {
    let disk = Keys::new();
    let one = disk.open(START).unwrap();
    let other = disk.open(START + 5).unwrap();
    assert_eq!(one.jwks(), other.jwks());
    let now = START + 29 * DAY;
    one.tick(now).unwrap();
    other.tick(now + 60).unwrap();
    assert_eq!(one.jwks(), other.jwks());
    assert_eq!(one.states(now).len(), 2);

    // Many at once make one next key, not many.
    let now = START + 59 * DAY + 60;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| disk.open(now).unwrap().tick(now).unwrap());
        }
    });
    one.tick(now).unwrap();
    assert_eq!(stages(&one, now), [Stage::Signing, Stage::Next]);
}

#[test]
fn a_tick_while_another_process_changes_the_folder_waits_for_nobody() {
    let disk = Keys::new();
    let keys = disk.open(START).unwrap();
    let lock = keys.folder.lock().unwrap();
    keys.tick(START + 29 * DAY).unwrap();
    assert_eq!(keys.states(START).len(), 1);
    drop(lock);
    keys.tick(START + 29 * DAY).unwrap();
    assert_eq!(keys.states(START).len(), 2);
}

#[test]
fn what_a_killed_process_leaves_is_a_set_that_can_be_used() {
    let disk = Keys::new();
    let keys = disk.open(START).unwrap();
    let first = signer(&keys, START);
    let written = fs::read(&disk.files()[0]).unwrap();

    // Killed while a file was written, at whatever length.
    for length in [0, 1, written.len() / 2, written.len()] {
        let path = disk.path().join(format!(".new-{length}"));
        fs::write(&path, &written[..length]).unwrap();
    }
    let keys = disk.open(START).unwrap();
    assert_eq!(signer(&keys, START), first);
    let names: Vec<_> = fs::read_dir(disk.path()).unwrap().collect();
    assert_eq!(names.len(), 2, "the key and the lock");

    // Killed after the next key was made, before anything else was.
    let now = START + 29 * DAY;
    let lock = keys.folder.lock().unwrap();
    let known = keys.take_up().unwrap();
    keys.add(&lock, &known, now + DAY).unwrap();
    drop(lock);
    let keys = disk.open(now).unwrap();
    assert_eq!(stages(&keys, now), [Stage::Signing, Stage::Next]);

    // Killed between making the new key of `replace` and taking the old away.
    let lock = keys.folder.lock().unwrap();
    let known = keys.take_up().unwrap();
    keys.add(&lock, &known, now).unwrap();
    drop(lock);
    let keys = disk.open(now).unwrap();
    assert_ne!(signer(&keys, now), first);
    assert_eq!(
        stages(&keys, now),
        [Stage::Retired, Stage::Signing, Stage::Next]
    );

    // Killed before the first key was there.
    let empty = Keys::new();
    fs::create_dir(empty.path()).unwrap();
    fs::set_permissions(empty.path(), Permissions::from_mode(0o700)).unwrap();
    fs::write(empty.path().join(".new-x"), "{").unwrap();
    assert_eq!(empty.open(START).unwrap().states(START).len(), 1);
}

#[test]
fn an_operator_changes_keys_ahead_or_at_once() {
    let disk = Keys::new();
    let keys = disk.open(START).unwrap();
    let first = signer(&keys, START);
    for _ in 0..3 {
        keys.rotate(START + 60).unwrap();
        assert_eq!(stages(&keys, START + 60), [Stage::Signing, Stage::Next]);
    }
    let now = START + 120;
    keys.replace(now).unwrap();
    assert_eq!(stages(&keys, now), [Stage::Signing, Stage::Next]);
    assert_ne!(signer(&keys, now), first);
    assert!(!keys.jwks().to_string().contains(&first));

    let second = signer(&keys, now);
    let refused = keys.remove(&second, now);
    assert_eq!(refused, Err(KeysError::Signs { id: second }));
    let next = keys.states(now)[1].id.clone();
    keys.remove(&next, now).unwrap();
    assert_eq!(stages(&keys, now), [Stage::Signing]);
    assert_eq!(
        keys.remove(&next, now),
        Err(KeysError::Unknown { id: next })
    );
}

#[test]
fn another_algorithm_takes_over_after_it_was_published() {
    let disk = Keys::new();
    let first = signer(&disk.open(START).unwrap(), START);
    let keys = disk.open_by(SigningAlgorithm::EdDsa, START + 60).unwrap();
    keys.tick(START + 61).unwrap();
    assert_eq!(stages(&keys, START + 61), [Stage::Signing, Stage::Next]);
    assert_eq!(signer(&keys, START + 61), first);
    let states = keys.states(START + 60 + DAY);
    assert_eq!(states[1].stage, Stage::Signing);
    assert_eq!(states[1].algorithm, SigningAlgorithm::EdDsa);
}

#[test]
fn a_clock_that_was_wrong_for_a_while_stops_neither_signing_nor_rotation() {
    let disk = Keys::new();
    let future = START + 9000 * DAY;
    let keys = disk.open(future).unwrap();
    assert!(keys.sign("{}", START).is_ok(), "the only key signs");
    keys.tick(START).unwrap();
    assert_eq!(stages(&keys, START)[0], Stage::Signing);
    keys.tick(START + 29 * DAY).unwrap();
    assert_eq!(keys.states(START).len(), 3);
    assert_eq!(stages(&keys, START + 30 * DAY)[1], Stage::Signing);
}

#[test]
fn a_key_taken_away_is_used_no_more_and_none_left_is_a_fault_of_the_disk() {
    let disk = Keys::new();
    let keys = disk.open(START).unwrap();
    keys.rotate(START).unwrap();
    let now = START + DAY;
    let second = signer(&keys, now);
    fs::remove_file(disk.path().join(format!("{second}.key"))).unwrap();
    keys.tick(now).unwrap();
    assert_ne!(signer(&keys, now), second);

    for file in disk.files() {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(keys.tick(now), Err(KeysError::Vanished));
    assert!(keys.sign("{}", now).is_ok());
    fs::remove_dir_all(disk.path()).unwrap();
    assert!(matches!(keys.tick(now), Err(KeysError::Disk { .. })));
    assert!(keys.sign("{}", now).is_ok());
}

#[test]
fn folder_and_files_are_the_users_alone_or_refused() {
    let disk = Keys::new();
    disk.open(START).unwrap();
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let file = disk.files().remove(0);
    assert_eq!(mode(&disk.path()), 0o700);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&disk.path().join(".lock")), 0o600);

    let refused = || {
        let looked = SigningKeys::look(&disk.path());
        let opened = disk.open(START).map(drop);
        assert_eq!(looked, opened);
        matches!(opened, Err(KeysError::Unsafe { .. }))
    };
    for (path, good) in [(disk.path(), 0o700), (file.clone(), 0o600)] {
        for bad in [0o040, 0o020, 0o004, 0o002, 0o001] {
            fs::set_permissions(&path, Permissions::from_mode(good | bad)).unwrap();
            assert!(refused(), "{} {bad:o}", path.display());
        }
        fs::set_permissions(&path, Permissions::from_mode(good)).unwrap();
        assert!(!refused());
    }
    if fs::metadata(disk.folder.path()).unwrap().uid() == 0 {
        std::os::unix::fs::chown(&file, Some(12345), None).unwrap();
        assert!(refused(), "somebody else's file");
        std::os::unix::fs::chown(&file, Some(0), None).unwrap();
    }
    let moved = disk.folder.path().join("moved");
    fs::rename(&file, &moved).unwrap();
    symlink(&moved, &file).unwrap();
    assert!(disk.open(START).is_err(), "a link to a key");
    fs::remove_file(&file).unwrap();
    fs::rename(&moved, &file).unwrap();

    fs::rename(disk.path(), &moved).unwrap();
    symlink(&moved, disk.path()).unwrap();
    assert!(refused(), "a link to a folder");
}

#[test]
fn a_look_makes_and_changes_nothing() {
    let disk = Keys::new();
    assert_eq!(SigningKeys::look(&disk.path()), Ok(()), "it would be made");
    assert!(!disk.path().exists());
    let above = SigningKeys::look(&disk.path().join("keys"));
    assert!(matches!(above, Err(KeysError::Disk { .. })), "{above:?}");
    fs::write(disk.path(), "").unwrap();
    for path in [disk.path(), disk.path().join("keys")] {
        assert!(SigningKeys::look(&path).is_err(), "{}", path.display());
    }
    fs::remove_file(disk.path()).unwrap();

    disk.open(START).unwrap();
    fs::remove_file(disk.path().join(".lock")).unwrap();
    fs::write(disk.path().join(".new-half"), "").unwrap();
    let state = || {
        let entries = fs::read_dir(disk.path()).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (path.clone(), fs::read(path).unwrap())
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort();
        entries
    };
    let before = state();
    assert_eq!(SigningKeys::look(&disk.path()), Ok(()));
    assert_eq!(state(), before);
}

#[test]
fn a_file_that_is_no_such_key_is_refused_and_not_repeated() {
    let disk = Keys::new();
    disk.open(START).unwrap();
    let file = disk.files().remove(0);
    let text = fs::read_to_string(&file).unwrap();
    let secret = serde_json::from_str::<Value>(&text).unwrap()["d"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = Keys::new();
    other.open(START).unwrap();
    let others = fs::read_to_string(&other.files()[0]).unwrap();
    for bad in [
        "",
        "{}",
        &text[..text.len() - 1],
        &text.replace("ES256", "EdDSA"),
        &text.replace("P-256", "P-256\",\"x5u\":\""),
        &text.replace(&secret, &secret[1..]),
        &others,
        &" ".repeat(10_000),
    ] {
        fs::write(&file, bad).unwrap();
        let error = disk.open(START).unwrap_err();
        assert_eq!(SigningKeys::look(&disk.path()), Err(error.clone()));
        assert!(!format!("{error} {error:?}").contains(&secret));
    }
    fs::write(&file, &text).unwrap();
    let keys = disk.open(START).unwrap();
    assert!(!format!("{keys:?}").contains(&secret));
    assert!(!keys.jwks().to_string().contains(&secret));
}

#[test]
fn keys_never_fill_the_folder() {
    let disk = Keys::new();
    let keys = disk.open(START).unwrap();
    let mut now = START;
    let full = loop {
        now += DAY / 24;
        let lock = keys.folder.lock().unwrap();
        let known = keys.take_up().unwrap();
        if let Err(error) = keys.add(&lock, &known, now) {
            break error;
        }
    };
    assert!(matches!(full, KeysError::TooMany { .. }));
    assert!(keys.sign("{}", now).is_ok() && disk.open(now).is_ok());
}

#[test]
fn a_rotation_that_nobody_could_follow_is_refused() {
    let hours = |hours: u64| Some(Span(std::time::Duration::from_secs(hours * 3600)));
    let rotation = |every, ahead| Schedule::new(Rotation { every, ahead });
    assert!(rotation(hours(1), None).is_ok());
    assert!(rotation(hours(0), None).is_err());
    assert!(rotation(hours(2), hours(2)).is_err());
    assert!(rotation(None, hours(0)).is_err());
}
