//! A server of PostgreSQL that goes away, is locked, is full or lies: errors for
//! a bounded time each, never an allow, and nothing to restart.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use claimbound::clock::SystemClock;
use claimbound::gate::Gate;
use claimbound::ledger::{Change, Keeper, Ledger, Postgres, StoreFailure, Target};
use serde_json::{Value, json};

use super::proxy::{Manner, Proxy};
use super::server::{Database, Role, Server, until};
use super::world::{ISSUER, NAMES_ALONE, World, decide};
use crate::forge::{job, with};
use crate::gate::{answer, ceiling, gate_with};

/// Longest time for what takes a few seconds at most, on a machine that is busy.
const SOON: Duration = Duration::from_secs(30);

/// Limits that a test can wait for.
fn impatient(settings: Postgres) -> Postgres {
    settings
        .with_connect_timeout(Duration::from_secs(1))
        .with_statement_timeout(Duration::from_millis(500))
        .with_wait(Duration::from_millis(300))
}

fn open(settings: Postgres) -> Gate {
    let ledger = Ledger::postgres(&impatient(settings), SystemClock).unwrap();
    gate_with(&NAMES_ALONE, ceiling()).with_commit(Keeper::new(Arc::new(ledger), "deploy"))
}

/// Somebody else under the same names, whom nobody knows.
fn stranger() -> Value {
    let ids = json!({ "repository_id": "31", "repository_owner_id": "32" });
    with(job(), &ids)
}

/// The warm workload is let in, as before.
fn is_allowed(gate: &Gate) -> bool {
    decide(gate, &job()).is_allow()
}

/// Lets the workload in until it needs the server for nothing but what is
/// revoked.
fn warm_up(gate: &Gate) {
    for _ in 0..3 {
        let outcome = decide(gate, &job());
        assert!(outcome.is_allow(), "{outcome:?}");
    }
}

fn is_error(gate: &Gate) -> bool {
    answer(&decide(gate, &job())) == "host.store"
}

/// Once the bound has passed every answer is an error, and each comes in time.
fn fails_closed(gate: &Gate) {
    assert!(until(SOON, || is_error(gate)), "the bound has passed");
    for _ in 0..3 {
        let start = Instant::now();
        let outcome = decide(gate, &job());
        assert_eq!(answer(&outcome), "host.store", "{outcome:?}");
        assert!(start.elapsed() < SOON);
    }
}

fn recovers(gate: &Gate) {
    assert!(until(SOON, || is_allowed(gate)), "without a new ledger");
}

#[test]
fn a_server_that_stops_stops_decisions_and_comes_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let database = Database::on(&server.url);
    let gate = open(database.settings(Role::Host));
    for _ in 0..2 {
        warm_up(&gate);
        server.stop();
        fails_closed(&gate);
        server.start_again();
        recovers(&gate);
    }
}

#[test]
fn a_server_that_hangs_stops_decisions_and_comes_back() {
    let Some(server) = Server::start() else {
        return;
    };
    let database = Database::on(&server.url);
    let gate = open(database.settings(Role::Host));
    warm_up(&gate);
    server.signal("STOP");
    fails_closed(&gate);
    server.signal("CONT");
    recovers(&gate);
}

#[test]
fn sessions_that_the_server_ends_are_made_anew() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let gate = open(database.settings(Role::Host));
    warm_up(&gate);
    let mut admin = database.connect();
    for _ in 0..5 {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        admin.query(end, &[]).unwrap();
        // What was idle has lost nothing; the new name needs the server.
        let outcome = decide(&gate, &stranger());
        assert_eq!(answer(&outcome), "identity.reassigned", "{outcome:?}");
    }
}

/// Locks a table while `during` runs.
fn locked(database: &Database, table: &str, during: impl FnOnce()) {
    let mut other = database.connect();
    let lock = format!("BEGIN; LOCK TABLE claimbound.{table} IN ACCESS EXCLUSIVE MODE");
    other.batch_execute(&lock).unwrap();
    during();
    other.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn a_table_that_another_session_locks_is_waited_for_and_given_up() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let gate = open(database.settings(Role::Host));
    for table in ["names", "history", "turn"] {
        locked(database, table, || {
            let outcome = decide(&gate, &job());
            assert_eq!(answer(&outcome), "host.store", "{table}: {outcome:?}");
        });
    }
    warm_up(&gate);
    locked(database, "names", || {
        assert!(is_allowed(&gate), "what is known needs no table but one");
        let outcome = decide(&gate, &stranger());
        assert_eq!(answer(&outcome), "host.store", "{outcome:?}");
    });
    locked(database, "meta", || fails_closed(&gate));
    recovers(&gate);
}

#[test]
fn a_server_without_room_allows_nothing_that_it_would_have_to_write() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let gate = open(database.settings(Role::Host));
    let mut admin = database.connect();
    for (code, table) in [("53100", "names"), ("53200", "history"), ("58030", "names")] {
        let full = format!(
            "CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{code}'; END $$; \
             CREATE TRIGGER full_up BEFORE INSERT ON claimbound.{table} \
             FOR EACH ROW EXECUTE FUNCTION public.full()"
        );
        admin.batch_execute(&full).unwrap();
        let outcome = decide(&gate, &job());
        assert_eq!(answer(&outcome), "host.store", "{outcome:?}");
        admin
            .batch_execute("DROP FUNCTION public.full CASCADE")
            .unwrap();
    }
    warm_up(&gate);
    let names = admin.query_one("SELECT count(*) FROM claimbound.names", &[]);
    assert_eq!(
        names.unwrap().get::<_, i64>(0),
        2,
        "nothing of what failed is there"
    );
}

#[test]
fn a_database_that_takes_no_writes_is_no_primary() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let mut admin = database.connect();
    let name: String = admin
        .query_one("SELECT current_database()", &[])
        .unwrap()
        .get(0);
    let standby = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    admin.batch_execute(&standby).unwrap();
    let error = Ledger::postgres(&database.settings(Role::Host), SystemClock).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unreachable, "{error}");
}

#[test]
fn a_server_that_goes_silent_lies_or_cuts_its_answers_stops_decisions() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let proxy = Proxy::of(database.address());
    let gate = open(database.settings_by(proxy.address, Role::Host));
    warm_up(&gate);
    for manner in [Manner::Silent, Manner::Garbage, Manner::Cut, Manner::Drip] {
        warm_up(&gate);
        proxy.be(manner);
        fails_closed(&gate);
        let opened = Ledger::postgres(
            &impatient(database.settings_by(proxy.address, Role::Host)),
            SystemClock,
        );
        assert!(opened.is_err(), "{manner:?}");
        proxy.be(Manner::Honest);
        recovers(&gate);
    }
}

/// What opening a ledger at this listener comes to.
fn opened_at(listener: &TcpListener, more: &str) -> StoreFailure {
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://host:s3cret@127.0.0.1:{port}/ledger{more}");
    let start = Instant::now();
    let opened = Ledger::postgres(&impatient(Postgres::at(&url).unwrap()), SystemClock);
    assert!(start.elapsed() < SOON);
    let error = opened.unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret"), "{error}");
    error.kind
}

#[test]
fn what_is_no_server_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Nobody accepts: the system does, and nothing ever comes.
    for more in ["", "?sslmode=require"] {
        assert_eq!(opened_at(&listener, more), StoreFailure::Unreachable);
    }
    let another = listener.try_clone().unwrap();
    thread::spawn(move || {
        for client in another.incoming() {
            use std::io::Write as _;
            let _ = client
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    for more in ["", "?sslmode=require"] {
        assert_eq!(opened_at(&listener, more), StoreFailure::Unreachable);
    }
}

#[test]
fn a_port_where_nobody_listens_fails_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let settings = Postgres::at(&format!("postgres://host@127.0.0.1:{port}/ledger")).unwrap();
    let patient = settings.with_connect_timeout(Duration::from_hours(1));
    let error = Ledger::postgres(&patient, SystemClock).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unreachable, "{error}");
}

#[test]
fn more_callers_than_connections_wait_and_give_up() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let gate = open(database.settings(Role::Host).with_connections(1));
    warm_up(&gate);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| answer(&decide(&gate, &stranger()))))
            .collect();
        for thread in threads {
            let answer = thread.join().unwrap();
            assert_eq!(answer, "identity.reassigned", "one after the other");
        }
    });
    locked(database, "names", || {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| answer(&decide(&gate, &stranger()))))
                .collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), "host.store");
            }
        });
    });
    assert_eq!(answer(&decide(&gate, &stranger())), "identity.reassigned");
}

#[test]
fn the_thread_of_a_ledger_ends_with_it() {
    let Some(world) = World::postgres() else {
        return;
    };
    let threads = || {
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
            return 0;
        };
        let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
        names
            .filter(|name| matches!(name, Ok(name) if name.trim() == "claimbound-pg"))
            .count()
    };
    let before = threads();
    let ledgers: Vec<_> = (0..3).map(|_| world.again()).collect();
    drop(ledgers);
    assert!(until(SOON, || threads() == before));
    let mut admin = world.database().unwrap().connect();
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND application_name = 'claimbound'";
    // That of the world's own ledger, and its listener's.
    let mut left = || admin.query_one(sessions, &[]).unwrap().get::<_, i64>(0);
    assert!(until(SOON, || left() <= 2));
}

#[test]
fn an_order_is_heard_of_without_its_notification() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let gate = open(database.settings(Role::Host));
    warm_up(&gate);
    let silence = "DROP TRIGGER announced ON claimbound.meta";
    database.connect().batch_execute(silence).unwrap();
    let target = Target::Issuer {
        issuer: ISSUER.to_owned(),
    };
    let revoke = Change::Revoke {
        target,
        until: None,
    };
    world.order(revoke).unwrap();
    let revoked = || answer(&decide(&gate, &job())) == "revoked.issuer";
    assert!(until(SOON, revoked));
}

/// Takes a while for each piece.
struct Slow(Vec<u8>);

impl std::io::Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            thread::sleep(Duration::from_millis(2500));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_export_waits_for_whoever_reads_it() {
    let Some(world) = World::postgres() else {
        return;
    };
    let settings = world.database().unwrap().settings(Role::Host);
    let ledger = Ledger::postgres(&impatient(settings), SystemClock).unwrap();
    let mut out = Slow(Vec::new());
    ledger.export(&mut out).unwrap();
    assert!(out.0.ends_with(b"\n"));
}

#[test]
fn names_that_a_database_cannot_keep_are_an_error() {
    let Some(world) = World::postgres() else {
        return;
    };
    let spire = ("https://spire.acme.example", "spiffe");
    let gate = world.gate_at("deploy", spire, "identity = { first_use = \"enrol\" }");
    let claims = |path: &str| {
        let changes = json!({
            "iss": spire.0, "sub": format!("spiffe://acme.example/{path}"), "jti": null, "nbf": null,
        });
        with(job(), &changes)
    };
    assert_eq!(answer(&decide(&gate, &claims("short"))), "allow");
    assert_eq!(answer(&decide(&gate, &claims(&noise(3_500)))), "host.store");
    assert_eq!(answer(&decide(&gate, &claims("short"))), "allow");
}

/// Text that can't be made much shorter.
fn noise(length: u64) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let letter = u8::try_from((state >> 33) % 52).unwrap();
        char::from(if letter < 26 {
            b'a' + letter
        } else {
            b'A' + letter - 26
        })
    };
    (0..length).map(|_| next()).collect()
}

/// A certificate for `localhost` and its key, made for this test; none where
/// nothing makes them.
fn certificate(folder: &std::path::Path) -> bool {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(folder.join("key.pem"))
        .arg("-out")
        .arg(folder.join("certificate.pem"))
        .output();
    made.is_ok_and(|made| made.status.success())
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_server_is_believed_by_its_certificate_for_its_name() {
    let Some(server) = Server::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    if !certificate(folder.path()) {
        eprintln!("skipped: no `openssl` that makes a certificate");
        return;
    }
    server.encrypt(folder.path());
    let database = Database::on(&server.url);
    let (_, port) = database.address();
    let at = |host: &str, mode: &str| {
        let url = database.url(Role::Host);
        let rest = url.split_once("dbname=").unwrap().1;
        let url = format!("host={host} port={port} sslmode={mode} dbname={rest}");
        Postgres::at(&url).unwrap()
    };
    let open = |settings: &Postgres| Ledger::postgres(settings, SystemClock);
    let ca = folder.path().join("certificate.pem");
    for mode in ["require", "verify-full"] {
        open(&at("localhost", mode).with_ca(&ca)).unwrap();
        let unknown = open(&at("localhost", mode)).unwrap_err();
        assert_eq!(unknown.kind, StoreFailure::Unreachable, "{unknown}");
        let another = open(&at("127.0.0.1", mode).with_ca(&ca)).unwrap_err();
        assert_eq!(another.kind, StoreFailure::Unreachable, "{another}");
    }
    let none = open(&at("localhost", "require").with_ca(folder.path().join("none"))).unwrap_err();
    assert_eq!(none.kind, StoreFailure::Unreachable, "{none}");
    open(&at("localhost", "disable")).unwrap();
    let kept = open(&at("localhost", "require").with_ca(&ca)).unwrap();
    let sessions = database.connect().query_one(
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
         WHERE datname = current_database() AND application_name = 'claimbound' AND ssl",
        &[],
    );
    assert!(sessions.unwrap().get::<_, i64>(0) >= 1, "{kept:?}");
}
