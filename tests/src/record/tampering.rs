//! Whatever is done to a record is found, and the line is named.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use claimbound::clock::FixedClock;
use claimbound::record::audit::{self, Expected, Fault};
use claimbound::record::{
    Decision, Hash, Journal, LONGEST_LINE, Ledger, Options, Record, RecordError, Stage, Verdict,
    checkpoint,
};

use super::{Place, files};
use crate::forge::NOW;

/// Lines of the whole record that each attack is tried on.
const LINES: u64 = 30;

fn decision(number: u64) -> Decision {
    Decision {
        time: NOW + number,
        route: "route".to_owned(),
        policy: claimbound::policy::PolicyId {
            name: "p".to_owned(),
            version: "1.0.0".to_owned(),
            digest: "sha256:00".to_owned(),
        },
        issuer: "https://issuer.example".to_owned(),
        subject: format!("subject-{number}"),
        token_id: None,
        token_digest: "sha256:00".to_owned(),
        outcome: Verdict::Deny,
        stage: Stage::Policy,
        statement: None,
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

/// A record of [`LINES`] lines in files of ten.
fn record() -> Place {
    static SIZE: LazyLock<u64> = LazyLock::new(|| {
        let place = Place::new();
        write(&place.folder(), 1..=1, u64::MAX);
        fs::metadata(&files(&place.folder())[0]).unwrap().len()
    });
    let place = Place::new();
    // Numbers of two digits make lines a little longer.
    write(&place.folder(), 1..=LINES, *SIZE * 10 + 60);
    assert_eq!(files(&place.folder()).len(), 3);
    place
}

fn write(folder: &Path, numbers: std::ops::RangeInclusive<u64>, rotate_at: u64) {
    let options = Options {
        rotate_at,
        ..Options::default()
    };
    let journal = Journal::open(folder, options, &FixedClock(NOW)).unwrap();
    for number in numbers {
        journal.write(&decision(number)).unwrap();
    }
    journal.close().unwrap();
}

/// All lines of the record, with their files.
fn lines(place: &Place) -> Vec<Vec<String>> {
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    };
    files(&place.folder()).iter().map(read).collect()
}

fn put(place: &Place, lines: &[Vec<String>]) {
    for (path, lines) in files(&place.folder()).iter().zip(lines) {
        let mut text = lines.join("\n");
        text.push('\n');
        fs::write(path, text).unwrap();
    }
}

/// What is found after the lines were changed so.
fn faults(change: impl FnOnce(&mut Vec<Vec<String>>)) -> Vec<Fault> {
    let place = record();
    let mut lines = lines(&place);
    change(&mut lines);
    put(&place, &lines);
    faults_of(&place)
}

fn faults_of(place: &Place) -> Vec<Fault> {
    let findings = place.audit().findings;
    findings.into_iter().map(|finding| finding.fault).collect()
}

#[test]
fn a_whole_record_is_clean_and_says_where_it_ends() {
    let place = record();
    let report = place.audit();
    assert!(report.is_clean(), "{report:?}");
    let last = lines(&place).concat().pop().unwrap();
    assert_eq!(report.head.count, LINES);
    assert_eq!(report.head.head, Hash::of(last.as_bytes()));
    assert_eq!(report.times, Some((NOW + 1, NOW + LINES)));
}

#[test]
fn a_line_that_was_removed_is_named() {
    for (file, line, seq) in [(0, 0, 1), (0, 4, 5), (0, 9, 10), (1, 0, 11), (2, 8, 29)] {
        let found = faults(|lines| {
            lines[file].remove(line);
        });
        assert!(
            found.contains(&Fault::Removed(seq, seq)),
            "{seq}: {found:?}"
        );
    }
    let found = faults(|lines| drop(lines[1].drain(2..5)));
    assert_eq!(found, [Fault::Removed(13, 15)]);
}

#[test]
fn a_line_that_was_altered_is_named() {
    for seq in 1..LINES {
        let found = faults(|lines| {
            let subject = format!(r#""subject-{seq}""#);
            for line in lines.iter_mut().flatten() {
                *line = line.replace(&subject, r#""subject-0""#);
            }
        });
        assert_eq!(found, [Fault::Altered(seq)]);
    }
    // The last one has no next, but the checkpoint knows it.
    let found = faults(|lines| {
        let line = lines[2].last_mut().unwrap();
        *line = line.replace("subject-30", "subject-00");
    });
    assert_eq!(found, [Fault::NotTheCheckpoints(LINES)]);
}

#[test]
fn every_bit_that_is_turned_is_found() {
    let place = record();
    let path = &files(&place.folder())[1];
    let whole = fs::read(path).unwrap();
    for at in (0..whole.len()).step_by(17) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(path, &bytes).unwrap();
        let report = place.audit();
        assert!(!report.is_clean(), "byte {at}");
    }
    fs::write(path, &whole).unwrap();
    assert!(place.audit().is_clean());
}

#[test]
fn lines_that_were_reordered_are_named() {
    let found = faults(|lines| lines[0].swap(3, 4));
    let place = Fault::OutOfPlace {
        first: 4,
        last: 4,
        after: 5,
    };
    assert_eq!(found, [place]);
    let found = faults(|lines| {
        let line = lines[0].remove(2);
        lines[2].push(line);
    });
    let place = Fault::OutOfPlace {
        first: 3,
        last: 3,
        after: LINES,
    };
    assert_eq!(found, [place]);
}

#[test]
fn files_that_were_swapped_are_named() {
    let found = faults(|lines| lines.swap(0, 1));
    let first = Fault::OutOfPlace {
        first: 1,
        last: 10,
        after: 20,
    };
    assert_eq!(found, [Fault::Misnamed(11), Fault::Misnamed(1), first]);
}

#[test]
fn lines_that_were_repeated_or_put_in_are_named() {
    let found = faults(|lines| {
        let line = lines[0][4].clone();
        lines[0].insert(5, line);
    });
    assert_eq!(found, [Fault::Repeated(5)]);
    let found = faults(|lines| lines[0].insert(5, "{}".to_owned()));
    assert!(matches!(found[0], Fault::Unreadable(_)), "{found:?}");
}

#[test]
fn a_beginning_that_was_cut_is_named() {
    let found = faults(|lines| drop(lines[0].drain(..3)));
    assert_eq!(found, [Fault::Misnamed(4), Fault::Removed(1, 3)]);
    let place = record();
    fs::remove_file(&files(&place.folder())[0]).unwrap();
    assert_eq!(faults_of(&place), [Fault::Removed(1, 10)]);
}

#[test]
fn a_file_that_is_gone_is_named() {
    let place = record();
    fs::remove_file(&files(&place.folder())[1]).unwrap();
    assert_eq!(faults_of(&place), [Fault::Removed(11, 20)]);
    let place = record();
    fs::remove_file(&files(&place.folder())[2]).unwrap();
    assert_eq!(faults_of(&place), [Fault::Cut(21, 30)]);
}

#[test]
fn an_end_that_was_cut_is_named_by_the_checkpoint() {
    let found = faults(|lines| drop(lines[2].pop()));
    assert_eq!(found, [Fault::Cut(30, 30)]);
    let place = record();
    let path = &files(&place.folder())[2];
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 5]).unwrap();
    assert_eq!(faults_of(&place), [Fault::Torn]);
    // And without it by nothing: that is what it is for.
    let place = record();
    let mut cut = lines(&place);
    cut[2].pop();
    put(&place, &cut);
    fs::remove_file(checkpoint::beside(&place.folder())).unwrap();
    assert!(place.audit().is_clean());
}

/// The lines from `from` on, each chained to the one before it again.
fn rechained(lines: &[String], from: usize) -> Vec<String> {
    let mut chained = lines[..from].to_vec();
    for line in &lines[from..] {
        let prev = chained
            .last()
            .map_or(Hash::GENESIS, |line: &String| Hash::of(line.as_bytes()));
        let at = line.find(r#""prev":""#).unwrap() + 8;
        chained.push(format!("{}{prev}{}", &line[..at], &line[at + 64..]));
    }
    chained
}

#[test]
fn an_end_that_was_written_anew_is_found_by_the_checkpoint_or_a_head() {
    let place = record();
    let whole = lines(&place);
    let head = place.audit().head.head;
    let mut altered = whole.clone();
    altered[2][3] = altered[2][3].replace("subject-24", "subject-00");
    let all = [whole[0].clone(), whole[1].clone(), altered[2].clone()].concat();
    let all = rechained(&all, 24);
    altered[2] = all[20..].to_vec();
    put(&place, &altered);
    assert_eq!(faults_of(&place), [Fault::NotTheCheckpoints(LINES)]);
    fs::remove_file(checkpoint::beside(&place.folder())).unwrap();
    assert!(place.audit().is_clean(), "nothing else knows");
    let expected = Expected {
        checkpoint: None,
        head: Some(head),
    };
    let report = audit::verify(&place.folder(), &expected, |_| ()).unwrap();
    let found: Vec<_> = report.findings.iter().map(|one| &one.fault).collect();
    assert_eq!(found, [&Fault::NotTheHead(head)]);
}

#[test]
fn a_head_that_was_seen_once_stays_in_the_record() {
    let place = record();
    let seen = place.audit().head;
    write(&place.folder(), 31..=35, u64::MAX);
    let expected = Expected {
        checkpoint: None,
        head: Some(seen.head),
    };
    let report = audit::verify(&place.folder(), &expected, |_| ()).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.expected, report.head.count), (Some(LINES), 35));
}

#[test]
fn hostile_files_are_read_in_bounded_memory_and_named() {
    let place = record();
    let path = &files(&place.folder())[1];
    let mut text = fs::read(path).unwrap();
    text.extend(vec![b'x'; 8 * LONGEST_LINE]);
    text.extend(b"\n\xff\xfe\n\n[1]\n{\"seq\":1,\"seq\":2}\n");
    text.extend(format!("{}\n", "[".repeat(60_000)).as_bytes());
    fs::write(path, text).unwrap();
    let report = place.audit();
    let kinds: Vec<_> = report.findings.iter().map(|one| one.fault.kind()).collect();
    assert_eq!(&kinds[..2], ["too-long", "unreadable"], "{report:?}");
    let (file, line) = report.findings[0].place.unwrap();
    assert_eq!((file.first(), line), (11, 11));

    let place = record();
    fs::write(&files(&place.folder())[1], vec![b'\n'; 100_000]).unwrap();
    let report = place.audit();
    assert_eq!(report.findings.len(), audit::MOST_FINDINGS);
    assert!(report.more > 99_000);
}

#[test]
fn more_gaps_than_are_looked_into_are_counted() {
    let place = record();
    let line = lines(&place)[0][0].clone();
    let numbered = |seq: u64| line.replacen("\"seq\":1", &format!("\"seq\":{seq}"), 1);
    // Every other line first, and then those that are missing.
    let odd = (0..3_000).map(|half| numbered(2 * half + 1));
    let even = (1..3_000).map(|half| numbered(2 * half));
    let all: Vec<_> = odd.chain(even).collect();
    fs::write(&files(&place.folder())[0], all.join("\n") + "\n").unwrap();
    for path in &files(&place.folder())[1..] {
        fs::remove_file(path).unwrap();
    }
    let report = place.audit();
    assert_eq!(report.findings.len(), audit::MOST_FINDINGS);
    let found = report.more + report.findings.len() as u64;
    assert!(found >= 2_999, "{found}");
    let last = line.replacen("\"seq\":1", &format!("\"seq\":{}", u64::MAX), 1);
    fs::write(
        &files(&place.folder())[0],
        format!("{line}\n{last}\n{last}\n"),
    )
    .unwrap();
    let faults = faults_of(&place);
    assert_eq!(faults[0], Fault::Removed(2, u64::MAX - 1), "{faults:?}");
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_no_part_of_a_record() {
    let place = record();
    let path = files(&place.folder()).remove(1);
    let elsewhere = place.folder().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let refused = audit::verify(&place.folder(), &Expected::default(), |_| ());
    assert!(
        matches!(refused, Err(RecordError::NotAFile { .. })),
        "{refused:?}"
    );
}

#[test]
fn nothing_is_no_record_of_something() {
    let place = Place::new();
    let refused = audit::verify(&place.folder(), &Expected::default(), |_| ());
    assert!(
        matches!(refused, Err(RecordError::Io { .. })),
        "{refused:?}"
    );
    let place = record();
    for path in files(&place.folder()) {
        fs::remove_file(path).unwrap();
    }
    let found = place.audit().findings;
    assert_eq!(found[0].fault, Fault::Cut(1, LINES));
}
