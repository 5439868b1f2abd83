//! Another policy, a broken configuration, and the end, while requests come in.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::Connection;
use serde_json::json;

use super::place::{bearer, wait};
use super::proxy::{Kind, Proxy};
use super::server::Server;

/// Sends requests all the time, none of which fails.
fn under_load(server: &Server, proxy: &Proxy, during: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = [(); 2].map(|()| {
            scope.spawn(|| {
                let token = bearer(&server.token());
                while !is_over.load(Ordering::Relaxed) {
                    let answer = proxy.get(&token);
                    assert_eq!(answer.status, 200, "{answer:?} {}", server.log());
                }
            })
        });
        during();
        is_over.store(true, Ordering::Relaxed);
        for one in load {
            one.join().unwrap();
        }
    });
}

fn counted(server: &Server, result: &str) -> bool {
    let line = format!("claimbound_reloads_total{{result=\"{result}\"}} ");
    let metrics = server.metrics();
    let count = metrics.lines().find_map(|found| found.strip_prefix(&line));
    count.is_some_and(|count| count != "0")
}

#[test]
fn another_policy_is_taken_up_between_two_requests() {
    let server = Server::start();
    server.configure(|config| {
        config.replace("roles = [\"deploy\"]", "roles = [\"deploy\", \"release\"]")
    });
    assert_eq!(server.admin("/reload", &json!({})).status, 200);
    let Some(proxy) = Proxy::start(Kind::Nginx, &server) else {
        return;
    };
    under_load(&server, &proxy, || {
        server.policy("1.5.0", "release");
        wait(
            "it is taken up",
            || server.log(),
            || {
                let answer = server.ask(&bearer(&server.token()));
                assert_eq!(answer.status, 200, "{answer:?}");
                let is_new = answer.text.contains("x-claimbound-roles: release");
                // Both are of one policy.
                assert_eq!(
                    is_new,
                    answer.text.contains("acme-deploy@1.5.0"),
                    "{answer:?}"
                );
                is_new
            },
        );
    });
    assert!(counted(&server, "taken-up"), "{}", server.metrics());
}

#[test]
fn a_broken_configuration_is_refused_and_the_last_one_stays() {
    let server = Server::start();
    let good = server.program.read("claimbound.toml");
    let Some(proxy) = Proxy::start(Kind::Nginx, &server) else {
        return;
    };
    under_load(&server, &proxy, || {
        let broken: [fn(String) -> String; 4] = [
            |config| config.replace("audience", "audiense"),
            |config| config.replace("policy.wasm", "nothing.wasm"),
            |config| config.replace("issuers = [\"github\"]", "issuers = [\"nobody\"]"),
            |config| config.replace("sqlite = \"ledger.db\"", "sqlite = \"other.db\""),
        ];
        for change in broken {
            server.program.write("claimbound.toml", &good);
            server.configure(change);
            let told = server.admin("/reload", &json!({}));
            assert_eq!(told.status, 409, "{told:?}");
        }
        server.program.write("claimbound.toml", &good);
        let policy = server.program.read("policy.wasm");
        server.program.write("policy.wasm", "no component");
        let told = server.admin("/reload", &json!({}));
        assert_eq!(told.status, 409, "{told:?}");
        server.program.write("policy.wasm", policy);
        // By a signal too.
        server.configure(|_| "claimbound = 1\n[".to_owned());
        let before = server.log().matches("the last one stays").count();
        server.signal("-HUP");
        wait(
            "it is refused",
            || server.log(),
            || server.log().matches("the last one stays").count() > before,
        );
        server.program.write("claimbound.toml", &good);
    });
    assert!(counted(&server, "refused"), "{}", server.metrics());
    let told = server.admin("/reload", &json!({}));
    assert_eq!(told.status, 200, "{told:?}");
}

#[test]
fn what_was_begun_is_answered_before_the_end() {
    let mut server = Server::prepared();
    server.use_once();
    server.begin();
    let token = bearer(&server.token());
    // The token is spent in the ledger, which waits for whoever holds it.
    let other = Connection::open(server.path("ledger.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    thread::scope(|scope| {
        let begun = scope.spawn(|| server.ask(&token));
        let port = server.port;
        wait(
            "it has begun",
            || server.log(),
            || {
                let open = "claimbound_connections{listener=\"proxies\"} 1";
                server.metrics().contains(open)
            },
        );
        server.signal("-TERM");
        wait(
            "it listens no more",
            || server.log(),
            || TcpStream::connect(("127.0.0.1", port)).is_err(),
        );
        other.execute_batch("ROLLBACK").unwrap();
        let answer = begun.join().unwrap();
        assert_eq!(answer.status, 200, "{answer:?} {}", server.log());
    });
    assert!(server.ends(), "{}", server.log());
}
