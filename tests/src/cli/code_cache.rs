//! `--code-cache` and `--code-key`, on the commands that run a policy.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::program::{AT, CLAIMS, Program, Ran};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

fn with_key() -> Program {
    let program = Program::new();
    key(&program, "code.key", KEY, 0o600);
    program
}

fn key(program: &Program, name: &str, text: &str, mode: u32) {
    program.write(name, text);
    fs::set_permissions(program.path(name), Permissions::from_mode(mode)).unwrap();
}

const CHECK: [&str; 7] = [
    "check",
    "--policy",
    "policy.toml",
    "--claims",
    "claims.json",
    "--at",
    AT,
];

fn cached<'a>(arguments: &[&'a str], folder: &'a str, key: &'a str) -> Vec<&'a str> {
    [arguments, &["--code-cache", folder, "--code-key", key]].concat()
}

fn entries(program: &Program) -> Vec<PathBuf> {
    let files = fs::read_dir(program.path("code")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn every_command_that_runs_a_policy_answers_as_it_does_without() {
    let program = with_key();
    program.write(
        "cases.toml",
        "[token.main]\nlike = \"trust.production\"\n\n[[case]]\nname = \"main\"\ntoken = \"main\"\nallow = \"production\"\n",
    );
    let explain = [&["explain"], &CHECK[1..]].concat();
    let json = [&CHECK[..], &["--format", "json"]].concat();
    for arguments in [&CHECK[..], &explain, &json, &["test"]] {
        let without = program.run(arguments);
        assert_eq!(without.status, 0, "{without:?}");
        for _ in 0..2 {
            let with = program.run(&cached(arguments, "code", "code.key"));
            assert_eq!(
                (with.status, &with.out, &with.err),
                (0, &without.out, &without.err)
            );
        }
    }
    assert_eq!(entries(&program).len(), 1, "one component, compiled once");
}

#[test]
fn an_entry_that_is_not_used_is_named_beside_the_answer() {
    let program = with_key();
    let arguments = cached(&CHECK, "code", "code.key");
    let usual = program.run(&arguments);
    let [entry] = entries(&program).try_into().unwrap();
    fs::write(&entry, "poison").unwrap();
    let json = [&arguments[..], &["--format", "json"]].concat();
    let told = program.run(&json);
    assert_eq!(told.json()["outcome"], "allow");
    assert_eq!(
        told.err,
        "note: the machine code kept for `policy.toml` was not used: the entry is truncated\n"
    );
    let after = program.run(&arguments);
    assert_eq!((&after.out, &after.err), (&usual.out, &usual.err));
    // What can't be kept is told as well, and is no failure.
    fs::remove_file(&entry).unwrap();
    fs::create_dir(&entry).unwrap();
    let told = program.run(&arguments);
    assert_eq!((told.status, &told.out), (0, &usual.out));
    assert!(
        told.err
            .contains("was not used: the entry is no regular file")
            && told.err.contains("was not kept: it can't be written"),
        "{told:?}"
    );
}

#[test]
fn a_key_that_is_none_or_is_not_kept_apart_is_refused() {
    let program = with_key();
    fs::create_dir(program.path("code")).unwrap();
    key(&program, "code/code.key", KEY, 0o600);
    symlink("code/code.key", program.path("link.key")).unwrap();
    key(&program, "open.key", KEY, 0o644);
    key(&program, "group.key", KEY, 0o660);
    key(&program, "short.key", &KEY[1..], 0o600);
    key(&program, "binary.key", "\0\u{1}\u{2}", 0o600);
    key(&program, "claims.key", CLAIMS, 0o600);
    key(
        &program,
        "token.key",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        0o600,
    );
    for (name, expected) in [
        ("code/code.key", "is inside the folder"),
        ("link.key", "is inside the folder"),
        ("open.key", "(mode 644)"),
        ("group.key", "(mode 660)"),
        ("short.key", "openssl rand -hex 32"),
        ("binary.key", "is no key of 64 hexadecimal digits"),
        ("claims.key", "is no key of 64 hexadecimal digits"),
        ("token.key", "is a token, not a key of machine code"),
        ("none.key", "can't be read"),
        (".", "is a folder, not a file"),
    ] {
        let ran = program.run(&cached(&CHECK, "code", name));
        assert!(
            ran.status == 2 && ran.out.is_empty() && ran.err.contains(expected),
            "{name}: {ran:?}"
        );
        assert!(!ran.err.contains("0405060708"), "{name}: {ran:?}");
    }
    // A secret that is mounted is often its group's to read.
    key(&program, "mounted.key", KEY, 0o440);
    assert_eq!(
        program.run(&cached(&CHECK, "code", "mounted.key")).status,
        0
    );
}

#[test]
fn a_key_of_another_user_is_refused() {
    let program = with_key();
    let run = || program.run(&cached(&CHECK, "code", "code.key"));
    assert_eq!(run().status, 0);
    // Only root can give a key away.
    if chown(program.path("code.key"), Some(65_534), None).is_ok() {
        let ran = run();
        assert!(
            ran.status == 2 && ran.err.contains("belongs to user 65534"),
            "{ran:?}"
        );
    }
}

#[test]
fn a_folder_that_is_not_this_users_alone_is_refused() {
    let program = with_key();
    fs::create_dir(program.path("real")).unwrap();
    symlink("real", program.path("link")).unwrap();
    fs::create_dir(program.path("open")).unwrap();
    fs::set_permissions(program.path("open"), Permissions::from_mode(0o770)).unwrap();
    for (folder, expected) in [
        ("link", "is a symbolic link"),
        ("claims.json", "is no folder"),
        (
            "open",
            "may be written to by its group or by others (mode 770)",
        ),
        ("none/code", "can't be used"),
    ] {
        let ran = program.run(&cached(&CHECK, folder, "code.key"));
        assert!(
            ran.status == 2 && ran.err.contains(expected),
            "{folder}: {ran:?}"
        );
    }
    for one in [["--code-cache", "code"], ["--code-key", "code.key"]] {
        let ran = program.run(&[&CHECK[..], &one].concat());
        assert!(ran.status == 2 && ran.err.contains("required"), "{ran:?}");
    }
}

#[test]
fn programs_at_once_share_a_folder() {
    let program = with_key();
    let usual = program.run(&CHECK);
    let arguments = cached(&CHECK, "code", "code.key");
    let running: Vec<_> = (0..4)
        .map(|_| {
            program
                .command(&arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        let ran = Ran {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert_eq!((ran.status, &ran.out), (0, &usual.out), "{ran:?}");
        assert_eq!(
            ran.err, usual.err,
            "every one finds nothing or a whole entry"
        );
    }
    assert_eq!(entries(&program).len(), 1);
}

#[test]
fn a_program_that_is_killed_leaves_no_entry_that_is_not_whole() {
    let program = with_key();
    let usual = program.run(&CHECK);
    let arguments = cached(&CHECK, "code", "code.key");
    for step in 0..8 {
        let mut child = program
            .command(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(step * 40));
        child.kill().unwrap();
        child.wait().unwrap();
        // Whenever it was, the next one has nothing to say of it.
        let ran = program.run(&arguments);
        assert_eq!(
            (ran.status, &ran.out, &ran.err),
            (0, &usual.out, &usual.err)
        );
        for entry in entries(&program) {
            fs::remove_file(entry).unwrap();
        }
    }
}
