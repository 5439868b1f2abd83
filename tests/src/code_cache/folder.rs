//! The folder itself: which one is refused, what becomes of one that changes,
//! and how it stays small.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use claimbound::code::{CodeCacheError, NotKept, Origin, Unused};

use super::{Cached, ENDING, KEY, open, recompiled};

fn refused(folder: &Path) -> CodeCacheError {
    open(folder, KEY).unwrap_err()
}

#[test]
fn a_folder_that_is_not_this_users_alone_is_refused_by_name() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name);
    fs::create_dir(at("real")).unwrap();
    symlink(at("real"), at("link")).unwrap();
    fs::write(at("file"), "").unwrap();
    assert!(matches!(
        refused(&at("link")),
        CodeCacheError::Symlink { folder } if folder == at("link")
    ));
    assert!(matches!(
        refused(&at("file")),
        CodeCacheError::NotAFolder { .. }
    ));
    assert!(matches!(
        refused(&at("none/none")),
        CodeCacheError::Unusable { .. }
    ));
    assert!(!at("none").exists(), "no parent was made");
    for mode in [0o720, 0o702, 0o777, 0o1777] {
        fs::set_permissions(at("real"), Permissions::from_mode(mode)).unwrap();
        let error = refused(&at("real"));
        assert!(
            matches!(&error, CodeCacheError::Writable { mode: found, .. } if *found == mode),
            "{mode:o}: {error}"
        );
    }
    fs::set_permissions(at("real"), Permissions::from_mode(0o755)).unwrap();
    assert!(open(&at("real"), KEY).is_ok());
    // Only root can give a folder away.
    if chown(at("real"), Some(65_534), None).is_ok() {
        assert!(matches!(
            refused(&at("real")),
            CodeCacheError::Owner { owner: 65_534, .. }
        ));
    }
}

#[test]
fn a_folder_that_is_absent_is_made_for_its_user_alone() {
    let cached = Cached::filled();
    let mode = |path: PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(cached.folder()), 0o700);
    assert_eq!(mode(cached.entry()), 0o600);
    assert!(!format!("{:?}", open(&cached.folder(), KEY).unwrap()).contains("7, 7"));
}

/// Loads where the folder can't be used any more.
fn assert_without_folder(cached: &Cached, what: &str) {
    let origin = cached.load();
    assert!(
        matches!(
            &origin,
            Origin::Missed {
                why: Unused::Folder(why),
                kept: Err(NotKept::Folder(lost)),
            } if why == lost
        ),
        "{what}: {origin:?}"
    );
}

#[test]
fn a_folder_that_becomes_another_is_not_used_and_fails_no_load() {
    let cached = Cached::filled();
    let (folder, away) = (cached.folder(), cached.parent.path().join("away"));
    fs::rename(&folder, &away).unwrap();
    assert_without_folder(&cached, "it is gone");
    fs::write(&folder, "").unwrap();
    assert_without_folder(&cached, "a file");
    fs::remove_file(&folder).unwrap();
    symlink(&away, &folder).unwrap();
    assert_without_folder(&cached, "a link to the same");
    fs::remove_file(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o770)).unwrap();
    assert_without_folder(&cached, "open to its group");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(cached.load(), Origin::Cached);
}

/// Makes a file, or makes one as long as this, that was written at this time.
fn write_at(path: &Path, bytes: u64, written: SystemTime) {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .unwrap();
    file.set_len(bytes).unwrap();
    file.set_modified(written).unwrap();
}

#[test]
fn what_a_killed_host_left_behind_is_ignored_and_swept_when_it_is_old() {
    let cached = Cached::filled();
    let entry = cached.entry();
    let now = SystemTime::now();
    let name = entry.to_str().unwrap();
    let old = PathBuf::from(format!("{name}.0123456789abcdef.unfinished"));
    let young = PathBuf::from(format!("{name}.fedcba9876543210.unfinished"));
    let foreign = cached.folder().join("notes.unfinished");
    write_at(&old, 1000, now - Duration::from_hours(2));
    write_at(&young, 1000, now);
    write_at(&foreign, 1000, now - Duration::from_hours(48));
    assert_eq!(cached.load(), Origin::Cached);
    assert!(old.exists(), "reading sweeps nothing");
    fs::remove_file(&entry).unwrap();
    cached.assert_healed(&Unused::Absent, "a kill before the rename");
    assert_eq!(
        (old.exists(), young.exists(), foreign.exists()),
        (false, true, true)
    );
}

#[test]
fn the_folder_stays_small_and_loses_the_oldest_first() {
    let cached = Cached::new();
    let fake = |number: u64| cached.folder().join(format!("{number:064x}{ENDING}"));
    // The higher its number, the older it is.
    let start = SystemTime::now() - Duration::from_hours(1);
    let written = |number| start - Duration::from_secs(number);
    for number in 0..2_060 {
        write_at(&fake(number), 0, written(number));
    }
    let foreign = cached.folder().join("0".repeat(64));
    write_at(&foreign, 0, written(1_000_000));
    assert_eq!(cached.load(), recompiled(Unused::Absent));
    assert_eq!(cached.load(), Origin::Cached);
    assert_eq!(cached.entries().len(), 2_048);
    assert!(fake(2_046).exists() && !fake(2_047).exists());
    assert!(foreign.exists(), "what is not ours stays");
    // Holes, each as long as half of all that may be: with a real entry they
    // are too much.
    for number in [1, 2] {
        write_at(&fake(number), 1 << 29, written(number));
    }
    fs::remove_file(
        cached
            .entries()
            .into_iter()
            .find(|entry| is_real(entry))
            .unwrap(),
    )
    .unwrap();
    assert_eq!(cached.load(), recompiled(Unused::Absent));
    assert_eq!(cached.entries().len(), 3);
    assert!(fake(0).exists() && fake(1).exists());
}

fn is_real(entry: &Path) -> bool {
    let bytes = entry.metadata().unwrap().len();
    (1..1 << 29).contains(&bytes)
}
