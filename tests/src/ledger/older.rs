//! A ledger that an older release made: brought up to this one's tables, all or
//! nothing, with everything that was in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use claimbound::clock::SystemClock;
use claimbound::ledger::{
    Change, ImportOrder, Installed, Ledger, Order, Run, ServeError, Sqlite, StoreFailure, Taken,
    Target,
};
use rusqlite::Connection;

use super::modules::{name, serve};
use super::server::{Database, Role, named};

/// The tables as version 1 had them.
const SQLITE: &str = include_str!("version-1/sqlite.sql");
const POSTGRES: &str = include_str!("version-1/postgres.sql");

/// Something of everything, as both stores take it.
const ROWS: [&str; 4] = [
    "INSERT INTO names (issuer, kind, name, route, statement, spelling, id, state, \
     was_approved, since, by, reason) VALUES \
     ('https://id.example', 'owner', 'acme', '', '', 'Acme', '1', 'retired', FALSE, 7, 'alice', 'gone')",
    "INSERT INTO history (at, by, action, issuer, kind, name, reason) VALUES \
     (7, 'alice', 'retire', 'https://id.example', 'owner', 'acme', 'gone')",
    "INSERT INTO revocations (kind, issuer, value, key, at, by, reason) VALUES \
     ('token-id', 'https://id.example', 'lost', '', 8, 'bob', 'leaked')",
    "UPDATE meta SET generation = 41",
];
const MARK: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// Makes the file that an older release would have left.
pub(crate) fn make_file(file: &Path) {
    let connection = Connection::open(file).unwrap();
    connection.execute_batch(SQLITE).unwrap();
    for row in ROWS {
        connection.execute_batch(row).unwrap();
    }
    let mark = format!("INSERT INTO spent VALUES (x'{MARK}', 99999999999)");
    connection.execute_batch(&mark).unwrap();
    connection
        .pragma_update(None, "application_id", 0x636c_6264)
        .unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
}

/// An export without its first line.
fn lines(ledger: &Ledger) -> Vec<String> {
    let mut out = Vec::new();
    ledger.export(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

/// What the rows above are in an export.
fn check(ledger: &Ledger) {
    let lines = lines(ledger);
    for (line, said) in lines.iter().zip([
        "\"spelling\":\"Acme\"",
        "\"value\":\"lost\"",
        "\"action\":\"retire\"",
        MARK,
    ]) {
        assert!(line.contains(said), "{line}");
    }
    assert_eq!(lines.len(), 4);
}

fn version(file: &Path) -> i32 {
    let connection = Connection::open(file).unwrap();
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

#[test]
fn a_file_of_the_first_version_is_brought_up_with_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    make_file(&file);
    let ledger = Ledger::sqlite(&Sqlite::at(&file)).unwrap();
    check(&ledger);
    assert_eq!(version(&file), 2);
    assert!(matches!(serve(&ledger, "1.4.0"), Ok(Taken::Up(_))));
    let again = Ledger::sqlite(&Sqlite::at(&file)).unwrap();
    assert!(matches!(serve(&again, "1.4.0"), Ok(Taken::Already(_))));
    let retired = "UPDATE names SET state = 'approved'";
    let connection = Connection::open(&file).unwrap();
    assert!(
        connection.execute_batch(retired).is_err(),
        "what is barred stays barred"
    );
}

/// What is in a folder, by name.
pub(crate) fn contents(folder: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    files
        .filter(|file| file.file_type().unwrap().is_file())
        .map(|file| (file.file_name(), fs::read(file.path()).unwrap()))
        .collect()
}

#[test]
fn a_file_of_the_first_version_is_read_and_tried_as_it_is() {
    for journal in ["delete", "wal"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ledger.db");
        make_file(&file);
        let connection = Connection::open(&file).unwrap();
        connection
            .pragma_update(None, "journal_mode", journal)
            .unwrap();
        drop(connection);
        let before = contents(folder.path());
        let ledger = Ledger::sqlite(&Sqlite::at(&file).to_read()).unwrap();
        let found = ledger.older().unwrap();
        assert_eq!((found.version, found.renewed_to), (1, 2));
        check(&ledger);
        assert_eq!(ledger.all_served().unwrap(), []);
        assert_eq!(ledger.served("deploy", &name()), Ok(None));
        ledger.check_index("releases", &name(), 1).unwrap();
        let ServeError::Store(error) = serve(&ledger, "1.4.0").unwrap_err() else {
            panic!("it is only read");
        };
        assert_eq!(error.kind, StoreFailure::Forbidden, "{error}");
        let order = Order {
            change: Change::Lift {
                target: Target::TokenId {
                    issuer: "https://id.example".to_owned(),
                    id: "lost".to_owned(),
                },
            },
            by: "alice".to_owned(),
            at: 9,
            reason: "a test".to_owned(),
        };
        assert_eq!(ledger.apply(&order, Run::Dry).unwrap().len(), 1);
        ledger.apply(&order, Run::Real).unwrap_err();
        check(&ledger);
        drop(ledger);
        assert!(contents(folder.path()) == before, "{journal}");
        let ledger = Ledger::sqlite(&Sqlite::at(&file)).unwrap();
        assert_eq!((ledger.older(), version(&file)), (None, 2));
    }
}

/// What is exported of a newer ledger is tried on an older one: with what stands in
/// for its tables.
#[test]
fn an_import_is_tried_on_a_file_of_the_first_version() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let newer = Ledger::sqlite(&Sqlite::at(folder.path().join("newer.db")).or_new()).unwrap();
    serve(&newer, "1.3.0").unwrap();
    serve(&newer, "1.4.0").unwrap();
    let mut lines = Vec::new();
    newer.export(&mut lines).unwrap();
    drop(newer);
    make_file(&file);
    let before = contents(folder.path());
    let ledger = Ledger::sqlite(&Sqlite::at(&file).to_read()).unwrap();
    let order = ImportOrder {
        by: "alice",
        at: 9,
        reason: "a test",
    };
    let tried = ledger.import(&mut Cursor::new(&lines), &order, Run::Dry);
    let tried = tried.unwrap();
    assert_eq!((tried.modules, tried.module_digests), (1, 2));
    check(&ledger);
    drop(ledger);
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn an_empty_file_is_not_read_as_a_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    fs::write(&file, "").unwrap();
    let error = Ledger::sqlite(&Sqlite::at(&file).to_read()).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unusable, "{error}");
    assert!(
        error.message.contains("is no ledger: it is empty"),
        "{error}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"");
}

#[test]
fn of_many_who_bring_a_file_up_at_once_one_does_and_all_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    make_file(&file);
    let start = Barrier::new(6);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                start.wait();
                check(&Ledger::sqlite(&Sqlite::at(&file)).unwrap());
            });
        }
    });
}

/// What fails on the way leaves what was there: a table of the second version
/// stands in the way of the last step but one.
#[test]
fn a_file_that_can_not_be_brought_up_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    make_file(&file);
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch("CREATE TABLE index_serials (mine)")
        .unwrap();
    let error = Ledger::sqlite(&Sqlite::at(&file)).unwrap_err();
    assert_ne!(error.kind, StoreFailure::Busy, "{error}");
    assert_eq!(version(&file), 1);
    let made: i64 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'module%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(made, 0, "nothing is half there");
    connection
        .execute_batch("DROP TABLE index_serials")
        .unwrap();
    check(&Ledger::sqlite(&Sqlite::at(&file)).unwrap());
}

/// A database with the tables of version 1, and rows in them.
fn database() -> Option<Database> {
    let database = Database::empty_on(&named()?);
    let mut owner = database.connect_as(Role::Owner);
    owner.batch_execute("BEGIN").unwrap();
    owner.batch_execute(POSTGRES).unwrap();
    owner
        .batch_execute("SET LOCAL search_path = claimbound")
        .unwrap();
    for row in ROWS {
        owner.batch_execute(row).unwrap();
    }
    let mark = format!("INSERT INTO spent VALUES (decode('{MARK}', 'hex'), 99999999999)");
    owner.batch_execute(&mark).unwrap();
    owner.batch_execute("COMMIT").unwrap();
    let mut admin = database.connect();
    let grant = format!("GRANT claimbound_host TO {}", Role::Host.name());
    admin.batch_execute(&grant).unwrap();
    Some(database)
}

#[test]
fn a_database_of_the_first_version_waits_for_its_owner_and_keeps_what_is_in_it() {
    let Some(database) = database() else { return };
    let host = database.settings(Role::Host);
    let error = Ledger::postgres(&host, SystemClock).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unusable, "{error}");
    assert!(
        error
            .message
            .contains("`claimbound subject init`, as their owner"),
        "{error}"
    );
    let mut client = database.connect_as(Role::Owner);
    let version = client.query_one("SELECT version FROM claimbound.version", &[]);
    assert_eq!(
        version.unwrap().get::<_, i32>(0),
        1,
        "opening changes nothing"
    );
    let error = host.install().unwrap_err();
    assert_eq!(error.kind, StoreFailure::Forbidden, "{error}");
    let owner = database.settings(Role::Owner);
    assert_eq!(owner.install().unwrap(), Installed::Renewed);
    assert_eq!(owner.install().unwrap(), Installed::Already);
    let ledger = Ledger::postgres(&host, SystemClock).unwrap();
    check(&ledger);
    assert!(matches!(serve(&ledger, "1.4.0"), Ok(Taken::Up(_))));
    assert!(matches!(serve(&ledger, "1.4.0"), Ok(Taken::Already(_))));
}

#[test]
fn of_many_who_bring_a_database_up_at_once_one_does() {
    let Some(database) = database() else { return };
    let owner = database.settings(Role::Owner);
    let renewed = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| owner.install().unwrap()))
            .collect();
        let done = threads.into_iter().map(|thread| thread.join().unwrap());
        done.filter(|done| *done == Installed::Renewed).count()
    });
    assert_eq!(renewed, 1);
}

#[test]
fn a_database_that_can_not_be_brought_up_stays_as_it_was() {
    let Some(database) = database() else { return };
    let mut client = database.connect_as(Role::Owner);
    client
        .batch_execute("CREATE TABLE claimbound.index_serials (mine integer)")
        .unwrap();
    let owner = database.settings(Role::Owner);
    owner.install().unwrap_err();
    let left = client
        .query_one(
            "SELECT version, to_regclass('claimbound.modules') IS NULL FROM claimbound.version",
            &[],
        )
        .unwrap();
    assert_eq!((left.get::<_, i32>(0), left.get::<_, bool>(1)), (1, true));
    client
        .batch_execute("DROP TABLE claimbound.index_serials")
        .unwrap();
    assert_eq!(owner.install().unwrap(), Installed::Renewed);
}
