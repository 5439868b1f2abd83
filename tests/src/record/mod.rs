//! The record of decisions: written before the answer, whole or found not to
//! be, and enough to decide again.

mod crash;
mod gate;
mod program;
mod replay;
mod tampering;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claimbound::clock::FixedClock;
use claimbound::record::audit::{self, Expected, Report};
use claimbound::record::{
    Body, Decision, Entry, FileName, Journal, Options, Reader, Text, checkpoint,
};

use crate::forge::NOW;

/// A folder for a record, and its checkpoint beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("record")
    }

    fn open(&self, options: Options) -> Arc<Journal> {
        Arc::new(Journal::open(&self.folder(), options, &FixedClock(NOW)).unwrap())
    }

    /// What an audit by the checkpoint finds.
    fn audit(&self) -> Report {
        audit(&self.folder())
    }

    fn decisions(&self) -> Vec<Decision> {
        decisions(&self.folder())
    }
}

fn audit(folder: &Path) -> Report {
    let expected = Expected {
        checkpoint: checkpoint::read(&checkpoint::beside(folder)).unwrap(),
        head: None,
    };
    audit::verify(folder, &expected, |_| ()).unwrap()
}

/// Options that keep claims.
fn keeping() -> Options {
    Options {
        keeps_claims: true,
        ..Options::default()
    }
}

fn entries(folder: &Path) -> Vec<Entry> {
    let mut reader = Reader::open(folder).unwrap();
    let mut entries = Vec::new();
    while let Some(line) = reader.read().unwrap() {
        let Text::Whole(bytes) = line.text else {
            panic!("{line:?}");
        };
        entries.push(Entry::parse(bytes).unwrap());
    }
    entries
}

fn decisions(folder: &Path) -> Vec<Decision> {
    let bodies = entries(folder).into_iter().map(|entry| entry.body);
    bodies
        .filter_map(|body| match body {
            Body::Decision(decision) => Some(*decision),
            Body::Unverified(_) | Body::Recovered(_) | Body::Divergence(_) => None,
        })
        .collect()
}

/// The paths of the record's files, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = names
        .map(|entry| entry.unwrap().path())
        .filter(|path| FileName::parse(path.file_name().unwrap().to_str().unwrap()).is_some())
        .collect();
    paths.sort();
    paths
}
