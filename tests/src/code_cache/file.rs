//! Entries that are no plain files of this user's.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use claimbound::code::{NotKept, Origin, Unused};

use super::Cached;

#[test]
fn a_link_to_a_valid_entry_is_not_followed() {
    let cached = Cached::filled();
    let entry = cached.entry();
    let elsewhere = cached.parent.path().join("elsewhere");
    fs::rename(&entry, &elsewhere).unwrap();
    let valid = fs::read(&elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    cached.assert_healed(&Unused::Symlink, "a link");
    assert!(!entry.is_symlink(), "the link was replaced");
    assert!(
        fs::read(&elsewhere).unwrap() == valid,
        "what it led to was not written to"
    );
    fs::remove_file(&entry).unwrap();
    symlink("nowhere", &entry).unwrap();
    cached.assert_healed(&Unused::Symlink, "a link to nothing");
}

fn make(program: &str, arguments: &[&str], path: &Path) -> bool {
    let status = Command::new(program)
        .args(&arguments[..1.min(arguments.len())])
        .arg(path)
        .args(arguments.get(1..).unwrap_or_default())
        .stderr(std::process::Stdio::null())
        .status();
    status.unwrap().success()
}

#[test]
fn pipes_sockets_and_devices_are_not_read() {
    let cached = Cached::filled();
    let entry = cached.entry();
    // Opened as a file is, a pipe without a writer would be waited for.
    fs::remove_file(&entry).unwrap();
    assert!(make("mkfifo", &[], &entry));
    cached.assert_healed(&Unused::NotAFile, "a pipe");
    fs::remove_file(&entry).unwrap();
    let listening = UnixListener::bind(&entry).unwrap();
    cached.assert_healed(&Unused::NotAFile, "a socket");
    drop(listening);
    fs::remove_file(&entry).unwrap();
    // /dev/zero, which has no end; root alone can make one.
    if make("mknod", &["-m600", "c", "1", "5"], &entry) {
        let origin = cached.load();
        // A file system may be mounted without devices.
        let refused = matches!(
            origin,
            Origin::Missed {
                why: Unused::NotAFile | Unused::Unreadable(_),
                kept: Ok(())
            }
        );
        assert!(refused, "{origin:?}");
        assert_eq!(cached.load(), Origin::Cached);
    }
}

#[test]
fn a_folder_in_an_entrys_place_stays_and_fails_no_load() {
    let cached = Cached::filled();
    let entry = cached.entry();
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    for _ in 0..2 {
        let origin = cached.load();
        assert!(
            matches!(
                origin,
                Origin::Missed {
                    why: Unused::NotAFile,
                    kept: Err(NotKept::Unwritable(_))
                }
            ),
            "{origin:?}"
        );
    }
    let names = fs::read_dir(cached.folder()).unwrap();
    assert_eq!(names.count(), 1, "nothing unfinished is left");
}

#[test]
fn an_endless_file_is_not_read() {
    let cached = Cached::filled();
    let longest = (4 << 20) + 64 * super::COMPONENT.len() as u64;
    for bytes in [longest + 1, 1 << 40] {
        // A hole: it takes no room on the disk.
        let file = File::options().write(true).open(cached.entry()).unwrap();
        file.set_len(bytes).unwrap();
        cached.assert_healed(&Unused::TooLarge { bytes, longest }, "a hole");
    }
    let file = File::options().write(true).open(cached.entry()).unwrap();
    file.set_len(longest).unwrap();
    cached.assert_healed(&Unused::NotAuthentic, "as long as may be");
}

#[test]
fn an_entry_that_others_may_write_to_is_not_read() {
    let cached = Cached::filled();
    for mode in [0o620, 0o602, 0o666] {
        fs::set_permissions(cached.entry(), Permissions::from_mode(mode)).unwrap();
        cached.assert_healed(&Unused::Writable, &format!("mode {mode:o}"));
    }
    let mode = cached.entry().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Only root can give a file away.
    if chown(cached.entry(), Some(65_534), None).is_ok() {
        cached.assert_healed(&Unused::Owner, "another user");
    }
}
