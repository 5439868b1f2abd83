//! The ledger is gone in between, and comes back.

use rusqlite::Connection;

use crate::ledger::server::{Database, Role, Server as Postgres};

use super::place::{bearer, wait};
use super::proxy::{Kind, Proxy};
use super::server::Server;

/// Nothing passes while it is gone, and what was refused then passes once after.
fn gone_and_back(server: &Server, proxy: &Proxy, go: impl FnOnce(), come: impl FnOnce()) {
    assert_eq!(proxy.get(&bearer(&server.token())).status, 200);
    let token = bearer(&server.token());
    go();
    let before = proxy.upstream.count();
    for _ in 0..2 {
        let answer = proxy.get(&token);
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    assert_eq!(proxy.get("").status, 401);
    assert_eq!(proxy.upstream.count(), before);
    come();
    wait(
        "it is back",
        || server.log(),
        || proxy.get(&bearer(&server.token())).status == 200,
    );
    assert_eq!(proxy.get(&token).status, 200, "{}", server.log());
    assert_eq!(proxy.get(&token).status, 401, "{}", server.log());
    server.wait_ready();
}

#[test]
fn a_ledger_that_another_process_holds_lets_nothing_through_until_it_is_free() {
    let mut server = Server::prepared();
    server.use_once();
    server.begin();
    let Some(proxy) = Proxy::start(Kind::Nginx, &server) else {
        return;
    };
    let other = Connection::open(server.path("ledger.db")).unwrap();
    gone_and_back(
        &server,
        &proxy,
        || other.execute_batch("BEGIN IMMEDIATE").unwrap(),
        || other.execute_batch("ROLLBACK").unwrap(),
    );
}

#[test]
fn a_database_that_stops_lets_nothing_through_until_it_is_back() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let database = Database::on(&postgres.url);
    let mut server = Server::prepared();
    server.use_once();
    server
        .program
        .write("ledger.url", database.link(Role::Both));
    server.configure(|config| {
        config.replace(
            "sqlite = \"ledger.db\"",
            "postgres = { url = \"file:ledger.url\" }",
        )
    });
    server.begin();
    let Some(proxy) = Proxy::start(Kind::Nginx, &server) else {
        return;
    };
    gone_and_back(
        &server,
        &proxy,
        || postgres.stop(),
        || postgres.start_again(),
    );
}
