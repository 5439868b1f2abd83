//! What the database's roles may do, whatever program connects as them.

use std::sync::Arc;

use claimbound::clock::SystemClock;
use claimbound::ledger::{
    Change, ChangeError, Installed, Keeper, Ledger, Order, Run, StoreFailure, Target,
};
use claimbound::modules::{Digest, Version};
use postgres::Client;
use postgres::error::SqlState;

use super::modules::{reject, roll_back, serve, serve_by};
use super::server::{Database, Role, named};
use super::world::{ISSUER, NAMES_ALONE, World, approve, decide, name, owner, repository};
use crate::forge::{NOW, job};
use crate::gate::{answer, ceiling, gate_with};

/// A ledger with something of everything in it, and who may not touch it.
fn world() -> Option<World> {
    let world = World::postgres()?;
    assert!(decide(&world.gate("deploy", &NAMES_ALONE), &job()).is_allow());
    world.order(approve(owner("acme", "1"))).unwrap();
    let infra = repository("acme/infra", "2", ("acme", "1"));
    world.order(approve(infra)).unwrap();
    let retired = name("owner", "umbrella");
    let retire = |name| Change::Retire { name, id: None };
    world.order(retire(retired)).unwrap();
    let migrate = Change::Migrate {
        from: name("repository", "acme/infra"),
        to: name("repository", "acme/platform"),
        id: None,
        parent: None,
        children: false,
    };
    world.order(migrate).unwrap();
    let revoke = Change::Revoke {
        target: Target::TokenId {
            issuer: ISSUER.to_owned(),
            id: "lost".to_owned(),
        },
        until: None,
    };
    world.order(revoke).unwrap();
    modules(&world);
    let digest = "decode(repeat('5a', 32), 'hex')";
    let mut admin = world.database().unwrap().connect();
    let mark = format!("INSERT INTO claimbound.spent VALUES ({digest}, 99999999999)");
    admin.batch_execute(&mark).unwrap();
    Some(world)
}

/// A module that was rolled back, and one version above it that is barred.
fn modules(world: &World) {
    for version in ["1.3.0", "1.4.0"] {
        serve(&world.ledger, version).unwrap();
    }
    world.order(roll_back("1.3.0")).unwrap();
    serve_by(&world.ledger, "staging", "1.5.0", 1).unwrap();
}

/// Everything that is there.
fn everything(database: &Database) -> Vec<String> {
    let mut admin = database.connect();
    let mut rows = Vec::new();
    for table in [
        "meta",
        "names",
        "history",
        "revocations",
        "spent",
        "version",
        "modules",
        "module_digests",
        "index_serials",
    ] {
        let all = format!("SELECT x::text FROM claimbound.{table} x ORDER BY 1");
        let found = admin.query(&all, &[]).unwrap();
        rows.extend(
            found
                .iter()
                .map(|row| format!("{table} {}", row.get::<_, String>(0))),
        );
    }
    rows
}

/// That each statement is refused for want of the right, and does nothing.
fn refused(database: &Database, client: &mut Client, statements: &[&str]) {
    let before = everything(database);
    for statement in statements {
        let error = client.batch_execute(statement).unwrap_err();
        assert_eq!(
            error.code(),
            Some(&SqlState::INSUFFICIENT_PRIVILEGE),
            "{statement}: {error:?}"
        );
    }
    assert_eq!(everything(database), before);
}

const ENTRY: &str = "INSERT INTO claimbound.names (issuer, kind, name, route, statement, spelling, \
                     state, was_approved, since, by, reason) VALUES ";

/// Has another version served, under its digest.
fn to(version: &str) -> String {
    let digest = Digest::of(version.as_bytes());
    format!(
        "INSERT INTO claimbound.module_digests VALUES ('acme-deploy', '{version}', '{digest}', 1, 'h') \
         ON CONFLICT DO NOTHING; \
         UPDATE claimbound.modules SET version = '{version}', digest = '{digest}' \
         WHERE route = 'deploy'"
    )
}

/// Begins a module on another route.
fn begun(version: &str, approved: &str, promoted: &str, rollbacks: &str) -> String {
    let digest = Digest::of(version.as_bytes());
    format!(
        "INSERT INTO claimbound.module_digests VALUES ('acme-deploy', '{version}', '{digest}', 1, 'h') \
         ON CONFLICT DO NOTHING; \
         INSERT INTO claimbound.modules (route, name, version, digest, approved, promoted, \
         rollbacks, since, by, reason) VALUES ('another', 'acme-deploy', '{version}', '{digest}', \
         {approved}, {promoted}, {rollbacks}, 1, 'h', '')"
    )
}

/// Versions in their order (semver 2.0 §11, whose own example is among them).
const LADDER: [&str; 16] = [
    "0.0.0",
    "0.9.10",
    "1.0.0-0",
    "1.0.0-9",
    "1.0.0-10",
    "1.0.0--",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-alpha-1",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0",
    "1.0.10",
    "18446744073709551615.0.0",
];

#[test]
fn the_database_orders_versions_as_this_program_does() {
    let Some(world) = World::postgres() else {
        return;
    };
    let mut host = world.database().unwrap().connect_as(Role::Host);
    let mut key = |version: &str| {
        let row = host.query_one("SELECT claimbound.precedence($1)", &[&version]);
        row.unwrap().get::<_, String>(0)
    };
    for pair in LADDER.windows(2) {
        let [one, next] = pair else { continue };
        assert!(key(one) < key(next), "{one} {next}");
        let parsed = |text: &str| text.parse::<Version>().unwrap();
        assert!(parsed(one) < parsed(next), "{one} {next}");
    }
}

#[test]
fn what_no_module_has_does_not_go_into_the_database() {
    let Some(world) = world() else { return };
    let database = world.database().unwrap();
    let mut host = database.connect_as(Role::Host);
    let before = everything(database);
    let other = Digest::of(b"other");
    for (statement, code) in [
        // A major version that nobody approved, no digest, that of another version.
        (to("2.0.0"), SqlState::CHECK_VIOLATION),
        (
            "UPDATE claimbound.modules SET version = '1.9.1', digest = 'sha256:0'".to_owned(),
            SqlState::CHECK_VIOLATION,
        ),
        (
            to("1.9.0").replace(
                &format!("digest = '{}'", Digest::of(b"1.9.0")),
                &format!("digest = '{other}'"),
            ),
            SqlState::INSUFFICIENT_PRIVILEGE,
        ),
        (to("1.9.0+build"), SqlState::CHECK_VIOLATION),
        (to("1.9"), SqlState::CHECK_VIOLATION),
        (
            begun("1.9.0", "'1'", "NULL", "1"),
            SqlState::INSUFFICIENT_PRIVILEGE,
        ),
    ] {
        let error = host.batch_execute(&statement).unwrap_err();
        assert_eq!(error.code(), Some(&code), "{statement}: {error:?}");
        assert_eq!(everything(database), before);
    }
    host.batch_execute(&to("1.9.0")).unwrap();
}

#[test]
fn a_hosts_ledger_takes_versions_up_and_orders_nothing() {
    let Some(world) = world() else { return };
    let database = world.database().unwrap();
    let host = Ledger::postgres(&database.settings(Role::Host), SystemClock).unwrap();
    serve(&host, "1.4.0").unwrap_err();
    serve_by(&host, "deploy", "1.5.0", 2).unwrap();
    serve_by(&host, "another", "1.3.0", 2).unwrap();
    host.see_index("releases", &super::modules::name(), 9)
        .unwrap();
    let operator = Ledger::postgres(&database.settings(Role::Operator), SystemClock).unwrap();
    for change in [reject("1.6.0"), roll_back("1.3.0")] {
        let order = Order {
            change,
            by: "a host".to_owned(),
            at: NOW,
            reason: "none".to_owned(),
        };
        let refused = host.apply(&order, Run::Real).unwrap_err();
        let ChangeError::Store(error) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.kind, StoreFailure::Forbidden, "{error}");
        assert_eq!(operator.apply(&order, Run::Real).unwrap().len(), 1);
    }
    serve_by(&host, "deploy", "1.6.0", 2).unwrap_err();
}

#[test]
fn a_hosts_role_can_observe_and_nothing_more() {
    let Some(world) = world() else { return };
    let database = world.database().unwrap();
    let mut host = database.connect_as(Role::Host);
    let approved = format!("{ENTRY} ('i', 'k', 'n', '', '', 'n', 'approved', false, 1, 'me', '')");
    let lifted = format!("{ENTRY} ('i', 'k', 'n', '', '', 'n', 'moved', false, 1, 'me', '')");
    let or_update = format!(
        "{ENTRY} ('i', 'k', 'n', 'r', 's', 'n', 'observed', false, 1, 'me', '') \
         ON CONFLICT (issuer, kind, name, route, statement) DO UPDATE SET state = 'approved'"
    );
    refused(
        database,
        &mut host,
        &[
            &approved,
            &lifted,
            &or_update,
            "UPDATE claimbound.names SET id = '666'",
            "DELETE FROM claimbound.names",
            "TRUNCATE claimbound.names",
            "UPDATE claimbound.history SET by = 'somebody else'",
            "DELETE FROM claimbound.history",
            "TRUNCATE claimbound.history",
            "INSERT INTO claimbound.history (at, by, action, reason) VALUES (1, 'alice', 'approve', '')",
            "INSERT INTO claimbound.history (seq, at, by, action, reason) \
         OVERRIDING SYSTEM VALUE VALUES (0, 1, 'r', 'enrol', '')",
            "INSERT INTO claimbound.revocations VALUES ('issuer', 'i', '', '', 1, NULL, 'me', '')",
            "UPDATE claimbound.revocations SET until = 1",
            "DELETE FROM claimbound.revocations",
            "TRUNCATE claimbound.revocations",
            "UPDATE claimbound.spent SET until = 1",
            "TRUNCATE claimbound.spent",
            "UPDATE claimbound.meta SET generation = generation + 1",
            "DELETE FROM claimbound.meta",
            "UPDATE claimbound.version SET version = 2",
            "INSERT INTO claimbound.turn VALUES (1)",
            // What was served, and rolled back from.
            &to("1.2.0"),
            &to("1.3.0-rc.1"),
            &to("1.4.0"),
            &to("1.3.1"),
            "UPDATE claimbound.modules SET approved = '9'",
            "UPDATE claimbound.modules SET barred_to = NULL",
            "UPDATE claimbound.modules SET barred_to = '1.9.0', rollbacks = rollbacks + 1",
            "UPDATE claimbound.modules SET promoted = '1.9.0'",
            "UPDATE claimbound.modules SET rollbacks = rollbacks + 1",
            "UPDATE claimbound.modules SET name = 'other'",
            "DELETE FROM claimbound.modules",
            "TRUNCATE claimbound.modules CASCADE",
            &begun("1.9.0", "'9'", "NULL", "0"),
            &begun("1.9.0", "'1'", "'1.9.0'", "0"),
            "UPDATE claimbound.module_digests SET by = 'me'",
            "DELETE FROM claimbound.module_digests",
            "UPDATE claimbound.index_serials SET serial = serial - 1",
            "UPDATE claimbound.index_serials SET name = 'other'",
            "DELETE FROM claimbound.index_serials",
            "INSERT INTO claimbound.history (at, by, action, reason) VALUES (1, 'h', 'roll-back', '')",
            "INSERT INTO claimbound.history (at, by, action, reason) VALUES (1, 'h', 'reject', '')",
            "DROP FUNCTION claimbound.precedence(text) CASCADE",
            "ALTER TABLE claimbound.history DISABLE TRIGGER ALL",
            "DROP TRIGGER history_is_not_rewritten ON claimbound.history",
            "SET session_replication_role = replica",
            "CREATE TABLE claimbound.mine ()",
            "DROP SCHEMA claimbound CASCADE",
            "SELECT claimbound.refuse()",
        ],
    );
}

#[test]
fn a_hosts_role_forgets_the_marks_that_have_ended_and_no_other() {
    let Some(world) = world() else { return };
    let database = world.database().unwrap();
    let mut admin = database.connect();
    let ended = "INSERT INTO claimbound.spent VALUES (decode(repeat('01', 32), 'hex'), 1)";
    admin.batch_execute(ended).unwrap();
    let mut host = database.connect_as(Role::Host);
    assert_eq!(
        host.execute("DELETE FROM claimbound.spent", &[]).unwrap(),
        1
    );
    let left = admin.query_one("SELECT min(until) FROM claimbound.spent", &[]);
    assert_eq!(left.unwrap().get::<_, i64>(0), 99_999_999_999);
}

#[test]
fn an_operators_role_can_rewrite_neither_history_nor_what_is_barred() {
    let Some(world) = world() else { return };
    let database = world.database().unwrap();
    let mut operator = database.connect_as(Role::Operator);
    refused(
        database,
        &mut operator,
        &[
            "UPDATE claimbound.history SET by = 'somebody else'",
            "UPDATE claimbound.history SET by = by WHERE false",
            "DELETE FROM claimbound.history",
            "TRUNCATE claimbound.history",
            "TRUNCATE claimbound.names",
            "UPDATE claimbound.names SET state = 'approved' WHERE state = 'retired'",
            "UPDATE claimbound.names SET reason = 'another' WHERE state = 'retired'",
            "DELETE FROM claimbound.names WHERE state = 'retired'",
            "DELETE FROM claimbound.names WHERE state = 'moved'",
            "UPDATE claimbound.names SET moved_to = 'elsewhere' WHERE state = 'moved'",
            "UPDATE claimbound.names SET id = '666' WHERE state = 'moved'",
            "UPDATE claimbound.names SET name = 'other' WHERE state = 'approved'",
            "DELETE FROM claimbound.spent",
            "UPDATE claimbound.spent SET until = 1",
            "UPDATE claimbound.meta SET generation = generation - 1",
            "UPDATE claimbound.meta SET generation = generation",
            "DELETE FROM claimbound.meta",
            &to("1.2.0"),
            "UPDATE claimbound.modules SET rollbacks = 0",
            "UPDATE claimbound.modules SET route = 'other'",
            "DELETE FROM claimbound.modules",
            "UPDATE claimbound.module_digests SET by = 'me'",
            "DELETE FROM claimbound.module_digests",
            "UPDATE claimbound.index_serials SET serial = 0",
            "DELETE FROM claimbound.index_serials",
            "ALTER TABLE claimbound.names DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
        ],
    );
}

#[test]
fn the_owner_is_held_by_the_triggers_too() {
    let Some(world) = world() else { return };
    let database = world.database().unwrap();
    let mut owner = database.connect_as(Role::Owner);
    refused(
        database,
        &mut owner,
        &[
            "UPDATE claimbound.history SET by = 'somebody else'",
            "DELETE FROM claimbound.history",
            "TRUNCATE claimbound.history",
            "TRUNCATE claimbound.names",
            "TRUNCATE claimbound.spent",
            "DELETE FROM claimbound.names WHERE state = 'retired'",
            "DELETE FROM claimbound.names WHERE state = 'moved'",
            "UPDATE claimbound.names SET name = 'other' WHERE state = 'moved'",
            "UPDATE claimbound.names SET state = 'approved' WHERE state = 'retired'",
            "UPDATE claimbound.meta SET generation = 1",
            &to("1.2.0"),
            "UPDATE claimbound.modules SET rollbacks = 0",
            "DELETE FROM claimbound.modules",
            "TRUNCATE claimbound.modules, claimbound.module_digests",
            "UPDATE claimbound.module_digests SET by = 'me'",
            "DELETE FROM claimbound.module_digests",
            "UPDATE claimbound.index_serials SET serial = 0",
            "DELETE FROM claimbound.index_serials",
        ],
    );
}

#[test]
fn a_name_that_was_left_can_be_handed_over_and_retired() {
    let Some(world) = world() else { return };
    let database = world.database().unwrap();
    let settings = database.settings(Role::Operator);
    let operator = Ledger::postgres(&settings, SystemClock).unwrap();
    let order = |change| {
        let order = Order {
            change,
            by: "bob".to_owned(),
            at: NOW,
            reason: "a test".to_owned(),
        };
        operator.apply(&order, Run::Real).map(|_| ())
    };
    let infra = repository("acme/infra", "3", ("acme", "1"));
    order(Change::Approve {
        identity: infra,
        replacing: Some("2".to_owned()),
    })
    .unwrap();
    let left = name("repository", "acme/platform");
    order(Change::Retire {
        name: left,
        id: None,
    })
    .unwrap();
}

#[test]
fn a_hosts_ledger_decides_and_changes_nothing_that_an_operator_said() {
    let Some(world) = World::postgres() else {
        return;
    };
    let settings = world.database().unwrap().settings(Role::Host);
    let ledger = Arc::new(Ledger::postgres(&settings, SystemClock).unwrap());
    let gate =
        gate_with(&NAMES_ALONE, ceiling()).with_commit(Keeper::new(Arc::clone(&ledger), "deploy"));
    assert!(decide(&gate, &job()).is_allow(), "it enrols");
    assert!(decide(&gate, &job()).is_allow(), "it knows");
    let order = Order {
        change: approve(owner("acme", "123456")),
        by: "a host".to_owned(),
        at: NOW,
        reason: "none".to_owned(),
    };
    let refused = ledger.apply(&order, Run::Real).unwrap_err();
    let ChangeError::Store(error) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(error.kind, StoreFailure::Forbidden, "{error}");
    assert!(decide(&gate, &job()).is_allow(), "it still decides");
}

#[test]
fn opening_makes_nothing_and_installing_twice_is_once() {
    let Some(url) = named() else { return };
    let database = Database::empty_on(&url);
    let owner = database.settings(Role::Owner);
    let error = Ledger::postgres(&owner, SystemClock).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unusable, "{error}");
    assert!(error.message.contains("install"), "{error}");
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| owner.install().unwrap()))
            .collect();
        let made = threads.into_iter().map(|thread| thread.join().unwrap());
        made.filter(|made| *made == Installed::New).count()
    });
    assert_eq!(made, 1);
    assert_eq!(owner.install().unwrap(), Installed::Already);
    Ledger::postgres(&owner, SystemClock).unwrap();
}

#[test]
fn a_ledger_of_another_version_is_refused() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let mut admin = database.connect();
    admin
        .batch_execute("UPDATE claimbound.version SET version = 7")
        .unwrap();
    let error = Ledger::postgres(&database.settings(Role::Host), SystemClock).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unusable, "{error}");
    assert!(error.message.contains("version 7"), "{error}");
    let error = database.settings(Role::Owner).install().unwrap_err();
    assert_eq!(error.kind, StoreFailure::Unusable, "{error}");
}

#[test]
fn who_may_not_connect_or_look_is_told_so_and_no_password_is_shown() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let wrong = database.settings(Role::Host).with_password("wr0ng");
    let error = Ledger::postgres(&wrong, SystemClock).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Forbidden, "{error}");
    assert!(!error.message.contains("wr0ng"), "{error}");
    let mut admin = database.connect();
    admin
        .batch_execute("REVOKE SELECT ON claimbound.version FROM claimbound_host")
        .unwrap();
    let error = Ledger::postgres(&database.settings(Role::Host), SystemClock).unwrap_err();
    assert_eq!(error.kind, StoreFailure::Forbidden, "{error}");
    assert!(error.message.contains("claimbound_host"), "{error}");
}

#[test]
fn a_session_is_durable_whatever_the_servers_defaults_are() {
    let Some(world) = World::postgres() else {
        return;
    };
    let database = world.database().unwrap();
    let mut admin = database.connect();
    let role = Role::Both.name();
    let name: String = admin
        .query_one("SELECT current_database()", &[])
        .unwrap()
        .get(0);
    let lax = format!(
        "ALTER ROLE {role} IN DATABASE {name} SET synchronous_commit = off; \
         CREATE TABLE public.seen (value text); GRANT INSERT ON public.seen TO PUBLIC; \
         CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         INSERT INTO public.seen VALUES (current_setting('synchronous_commit')), \
         (current_setting('transaction_isolation')); RETURN NEW; END $$; \
         CREATE TRIGGER see BEFORE INSERT ON claimbound.names \
         FOR EACH ROW EXECUTE FUNCTION public.see()"
    );
    admin.batch_execute(&lax).unwrap();
    let ledger = world.again();
    let gate = gate_with(&NAMES_ALONE, ceiling()).with_commit(Keeper::new(ledger, "deploy"));
    let outcome = decide(&gate, &job());
    assert_eq!(answer(&outcome), "allow", "{outcome:?}");
    let seen = admin
        .query("SELECT DISTINCT value FROM public.seen ORDER BY 1", &[])
        .unwrap();
    let seen: Vec<String> = seen.iter().map(|row| row.get(0)).collect();
    assert_eq!(seen, ["on", "serializable"]);
}
