//! Exports of a ledger: what can be read in reads out the same, from any ledger
//! that took it; what can't changes nothing.

#![no_main]

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::LazyLock;

use claimbound::ledger::{Durability, ImportOrder, Ledger, Run, Sqlite};
use libfuzzer_sys::fuzz_target;

const ORDER: ImportOrder<'_> = ImportOrder {
    by: "fuzz",
    at: 1_795_428_000,
    reason: "fuzz",
};

/// Where ledgers are made.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("claimbound-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
});

/// A ledger in which nothing stays.
static EMPTY: LazyLock<Ledger> = LazyLock::new(|| ledger("empty"));

fn ledger(name: &str) -> Ledger {
    let file = FOLDER.join(name);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    let settings = Sqlite::at(file).or_new().with_durability(Durability::Kill);
    Ledger::sqlite(&settings).expect("a ledger")
}

fn exported(ledger: &Ledger) -> Vec<u8> {
    let mut lines = Vec::new();
    ledger.export(&mut lines).expect("an export");
    lines
}

fuzz_target!(|data: &[u8]| {
    let tried = EMPTY.import(&mut Cursor::new(data), &ORDER, Run::Dry);
    let Ok(tried) = tried else {
        return;
    };
    let first = ledger("first");
    let took = first.import(&mut Cursor::new(data), &ORDER, Run::Real);
    assert_eq!(
        took.expect("what was tried"),
        tried,
        "a dry run says what a real one does"
    );
    let lines = exported(&first);
    let second = ledger("second");
    let took = second.import(&mut Cursor::new(&lines), &ORDER, Run::Real);
    let took = took.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(took.known, 0, "an export repeats nothing");
    // Reading it in is history as well: one line more, if there was anything.
    let again = exported(&second);
    let own = usize::from(again.len() > lines.len());
    assert_eq!(
        again.split(|byte| *byte == b'\n').count(),
        lines.split(|byte| *byte == b'\n').count() + own
    );
    let took = second.import(&mut Cursor::new(&lines), &ORDER, Run::Real);
    let took = took.expect("what is there already");
    assert_eq!(took.names + took.revocations + took.events + took.spent, 0);
    assert_eq!(exported(&second), again, "what is known changes nothing");
    assert!(
        EMPTY
            .import(&mut Cursor::new(data), &ORDER, Run::Dry)
            .is_ok()
    );
});
