//! The demonstration.

use std::process::Stdio;

use super::program::{Program, settled};

#[test]
fn it_shows_an_allow_and_the_ways_of_saying_no() {
    let ran = Program::new().run(&["demo"]);
    settled(|| insta::assert_snapshot!("demo", ran.shown()));
}

#[test]
fn every_row_comes_out_as_expected() {
    let ran = Program::new().run(&["demo", "--format", "json"]);
    assert_eq!(ran.status, 0);
    let json = ran.json();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(
        rows.iter().filter(|row| row["outcome"] == "allow").count(),
        1
    );
    assert!(
        rows.len() >= 9 && rows.iter().all(|row| row["as_expected"] == true),
        "{json}"
    );
    assert!(
        json["median_microseconds"]
            .as_u64()
            .is_some_and(|time| time > 0)
    );
}

#[test]
fn a_reader_that_leaves_is_no_reason_to_panic() {
    let program = Program::new();
    let mut child = program
        .command(&["demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let program = Program::new();
    assert!(!program.run(&["demo"]).out.contains('\u{1b}'));
    let forced = program.run_with(&["demo"], b"", &[("CLICOLOR_FORCE", "1")]);
    assert!(forced.out.contains("\u{1b}["));
    let refused = program.run_with(&["demo"], b"", &[("NO_COLOR", "1")]);
    assert!(!refused.out.contains('\u{1b}'));
}
