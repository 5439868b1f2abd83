//! Another policy, a broken configuration, and the end, while requests come in.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use super::place::{Answer, PATIENCE, bearer, exchange, wait};
use super::proxy::{Kind, Proxy};
use super::server::{SECRET, Server};

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
    assert!(counted(&server, "taken up") || server.metrics().contains("claimbound_reloads_total"));
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
    let mut server = Server::start();
    let token = server.token();
    let mut begun = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    begun.set_read_timeout(Some(PATIENCE)).unwrap();
    // The first answer shows that the connection is the server's by now.
    let request = format!(
        "GET /authorize/deploy HTTP/1.1\r\nHost: a\r\nX-Claimbound-Proxy: {SECRET}\r\n{}",
        bearer(&token)
    );
    write!(begun, "{request}\r\n").unwrap();
    let mut reader = BufReader::new(begun.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0);
    }
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    // The second has begun when it is told to stop.
    begun.write_all(request.as_bytes()).unwrap();
    let admin = std::os::unix::net::UnixStream::connect(server.path("admin.sock")).unwrap();
    let keys = "GET /keys HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let Answer { status, .. } = exchange(admin, keys);
    assert_eq!(status, 200);
    server.signal("-TERM");
    wait(
        "it listens no more",
        || server.log(),
        || TcpStream::connect(("127.0.0.1", server.port)).is_err(),
    );
    begun.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    reader.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 "),
        "{answer} {}",
        server.log()
    );
    assert!(server.ends(), "{}", server.log());
}
