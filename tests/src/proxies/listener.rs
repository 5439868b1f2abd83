//! Callers who are slow, many, or not the proxy.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::place::{PATIENCE, bearer, exchange, get};
use super::proxy::{Kind, Proxy};
use super::server::{SECRET, Server};

/// Where the listener of the page's configuration is.
fn listener_with(server: &Server, settings: &str) {
    server.configure(|config| {
        config.replace(
            "[listen.proxies]\n",
            &format!("[listen.proxies]\n{settings}\n"),
        )
    });
}

#[test]
fn who_sends_headers_slowly_is_cut_off_while_others_are_served() {
    let mut server = Server::prepared();
    listener_with(&server, "header_timeout = \"2s\"");
    server.begin();
    let token = server.token();
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    slow.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut dripping = slow.try_clone().unwrap();
    let is_cut = AtomicBool::new(false);
    let mut answer = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = dripping.write_all(b"GET /authorize/deploy HTTP/1.1\r\nX-Slow: ");
            while !is_cut.load(Ordering::Relaxed) {
                if dripping.write_all(b"x").is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        for _ in 0..5 {
            assert_eq!(server.ask(&bearer(&token)).status, 200);
        }
        let end = slow.read_to_end(&mut answer);
        is_cut.store(true, Ordering::Relaxed);
        // Closed, not waited for.
        let waited = end.err().map(|error| error.kind());
        assert_ne!(waited, Some(std::io::ErrorKind::WouldBlock));
    });
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[test]
fn who_keeps_too_many_connections_makes_others_wait_and_no_more() {
    let mut server = Server::prepared();
    listener_with(&server, "connections = 2\nheader_timeout = \"2s\"");
    server.begin();
    let token = server.token();
    let held = [(); 2].map(|()| TcpStream::connect(("127.0.0.1", server.port)).unwrap());
    // Both are cut off for saying nothing, and this one has its turn.
    assert_eq!(server.ask(&bearer(&token)).status, 200);
    drop(held);
}

#[test]
fn headers_past_the_limit_are_refused() {
    let mut server = Server::prepared();
    listener_with(&server, "header_bytes = 8192");
    server.begin();
    let token = server.token();
    let large = "x".repeat(16 << 10);
    let answer = server.ask(&format!("X-Large: {large}\r\n{}", bearer(&token)));
    assert!(answer.status == 0 || answer.status >= 400, "{answer:?}");
    assert_eq!(server.ask(&bearer(&token)).status, 200);
}

#[test]
fn who_is_not_the_proxy_is_refused_with_a_good_token() {
    let server = Server::start();
    let token = bearer(&server.token());
    let secret = format!("X-Claimbound-Proxy: {SECRET}\r\n");
    let wrong = "X-Claimbound-Proxy: another\r\n";
    for headers in [
        token.clone(),
        format!("{wrong}{token}"),
        format!("{wrong}{secret}{token}"),
        format!("{secret}{secret}{token}"),
    ] {
        let answer = get(server.port, "/authorize/deploy", &headers);
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    let answer = get(server.port, "/authorize/nowhere", &(secret + &token));
    assert_eq!(answer.status, 404, "{answer:?}");
    let told = "does not say the secret of the listener's proxy";
    // Of the second kind and later ones in a minute, four are told.
    assert_eq!(server.log().matches(told).count(), 4, "{}", server.log());
}

#[test]
fn a_unix_socket_answers_the_users_that_are_named() {
    let me = std::fs::metadata("/proc/self").unwrap();
    let me = std::os::unix::fs::MetadataExt::uid(&me);
    for (uids, is_known) in [(vec![me], true), (vec![me + 1], false)] {
        let mut server = Server::prepared();
        let port = server.port;
        server.configure(|config| {
            config
                .replace(&format!("127.0.0.1:{port}"), "unix:proxies.sock")
                .replace(
                    "secret = \"env:CLAIMBOUND_PROXY\"",
                    &format!("uids = {uids:?}"),
                )
        });
        server.begin();
        let token = bearer(&server.token());
        let request = format!(
            "GET /authorize/deploy HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{token}\r\n"
        );
        let stream = UnixStream::connect(server.path("proxies.sock")).unwrap();
        let answer = exchange(stream, &request);
        assert_eq!(answer.status == 200, is_known, "{answer:?}");
        if !is_known {
            continue;
        }
        let socket = server.path("proxies.sock");
        let socket = format!("http://unix:{}:/authorize/deploy", socket.display());
        let change = |text: String| text.replace("http://127.0.0.1:9000/authorize/deploy", &socket);
        let Some(proxy) = Proxy::start_with(Kind::Nginx, &server, change) else {
            return;
        };
        // A worker of nginx runs as a user of its own where its master is root.
        let answer = proxy.get(&token);
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        assert_eq!(proxy.upstream.count() == 1, answer.status == 200);
    }
}
