//! A writer that is killed at any moment: what it acknowledged stands, and the
//! chain is whole.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::policy::Request;
use claimbound::record::{Journal, Options};
use claimbound::token::Token;
use serde_json::json;

use super::gate::POLICY;
use super::{Place, audit, decisions};
use crate::forge::{NOW, job, with};
use crate::gate::{Host, SIGNER, answer, ceiling, gate_with};

/// Names the folder to the process that writes until it is killed.
const FOLDER: &str = "CLAIMBOUND_RECORD";
/// And the round to it, in the ids of its tokens.
const ROUND: &str = "CLAIMBOUND_ROUND";

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_writer_is_killed() {
    let place = Place::new();
    let mut acknowledged = HashSet::new();
    for round in 0..12_usize {
        // Each round is killed after another number of decisions.
        acknowledged.extend(killed_after(&place.folder(), round, 1 + round * 13 % 40));
        let report = audit(&place.folder());
        let faults: Vec<_> = report.findings.iter().map(|one| one.fault.kind()).collect();
        // A line may be half written; the next opener takes it off.
        assert!(faults.is_empty() || faults == ["torn"], "{report:?}");
    }
    drop(place.open(Options::default()));
    let report = place.audit();
    assert!(report.is_clean(), "{report:?}");
    let written: HashSet<_> = decisions(&place.folder())
        .into_iter()
        .filter_map(|decision| decision.token_id)
        .collect();
    let lost: Vec<_> = acknowledged.difference(&written).collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
}

/// The ids that a process acknowledged before it was killed.
fn killed_after(folder: &Path, round: usize, count: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "record::crash::a_writer_in_a_process_of_its_own"])
        .arg("--nocapture")
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let id = |line: String| Some(line.split_once("acknowledged ")?.1.to_owned());
    while acknowledged.len() < count {
        acknowledged.extend(id(lines.next().unwrap().unwrap()));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said by then counts too, but for a line that was cut.
    acknowledged.extend(lines.map_while(Result::ok).filter_map(id));
    acknowledged.retain(|id| id.ends_with('.'));
    acknowledged
}

/// What the test above starts; by itself it writes a few decisions and ends.
#[test]
fn a_writer_in_a_process_of_its_own() {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from);
    let own = Place::new();
    let rounds = if folder.is_some() { u64::MAX } else { 3 };
    let folder = folder.unwrap_or_else(|| own.folder());
    let round = std::env::var(ROUND).unwrap_or_default();
    let options = Options {
        rotate_at: 60_000,
        ..Options::default()
    };
    let journal = Journal::open(&folder, options, &FixedClock(NOW)).unwrap();
    let gate = gate_with(&POLICY, ceiling())
        .with_commit(Host)
        .with_record("deploy", Arc::new(journal));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (gate, round) = (&gate, &round);
            scope.spawn(move || {
                for number in 0..rounds {
                    acknowledge(gate, &format!("{round}-{thread}-{number}."));
                }
            });
        }
    });
}

fn acknowledge(gate: &Gate, id: &str) {
    let token = SIGNER.sign(&with(job(), &json!({ "jti": id })));
    let outcome = gate.decide(Token::new(&token), &Request::default(), &FixedClock(NOW));
    assert_eq!(answer(&outcome), "allow");
    let mut out = std::io::stdout().lock();
    // Nobody reads any more once it is killed.
    let _ = writeln!(out, "\nacknowledged {id}");
    let _ = out.flush();
}
