//! An issuer that rotates its keys, is slow, is down, or lies, through the whole
//! path.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::forge::Signer;
use crate::idp::{Behaviour, DOCUMENT, Idp, KEYS};

use super::place::{bearer, wait};
use super::proxy::{Kind, Proxy};
use super::server::Server;

/// The issuer of an Enterprise Server at the provider.
fn issuer(idp: &Idp) -> String {
    format!("{}/_services/token", idp.url())
}

/// A server whose issuer is at this provider.
fn server_of(idp: &Idp) -> Server {
    let keys = format!(
        "{{ from = \"discovery\", document = \"{}{DOCUMENT}\", \
         fetch = {{ ca = \"ca.pem\", timeout = \"2s\" }} }}",
        idp.url()
    );
    let server = Server::new(&issuer(idp), &keys);
    server.program.write("ca.pem", idp.authority());
    idp.claim(&issuer(idp));
    idp.publish(&server.signer.key_set());
    server
}

#[test]
fn keys_that_rotate_under_load_lose_no_request() {
    let idp = Idp::start("{\"keys\":[]}");
    let mut server = server_of(&idp);
    server.begin();
    server.wait_ready();
    let Some(proxy) = Proxy::start(Kind::Nginx, &server) else {
        return;
    };
    let is_over = AtomicBool::new(false);
    let next = Signer::new("next");
    let both = |one: &str, other: &str| {
        let keys =
            |set: &str| serde_json::from_str::<serde_json::Value>(set).unwrap()["keys"][0].clone();
        json!({ "keys": [keys(one), keys(other)] }).to_string()
    };
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut sent = 0;
            while !is_over.load(Ordering::Relaxed) {
                let answer = proxy.get(&bearer(&server.token()));
                assert_eq!(answer.status, 200, "{answer:?} {}", server.log());
                sent += 1;
            }
            sent
        });
        // As issuers do: both are published, then the new one signs.
        idp.publish(&both(&server.signer.key_set(), &next.key_set()));
        for _ in 0..20 {
            let answer = proxy.get(&bearer(&server.token_by(&next, &json!({}))));
            assert_eq!(answer.status, 200, "{answer:?} {}", server.log());
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(load.join().unwrap() > 0);
    });
    // One flight of the cool-down serves all that asked for the key.
    assert_eq!(idp.count(KEYS), 2, "{}", server.log());
}

#[test]
fn an_issuer_that_is_down_or_slow_is_served_from_what_it_last_said() {
    let idp = Idp::start("{\"keys\":[]}");
    let mut server = server_of(&idp);
    server.begin();
    server.wait_ready();
    for behaviour in [Behaviour::Down, Behaviour::Hang, Behaviour::Status(500)] {
        idp.behave(behaviour);
        let unknown = Signer::new("unknown");
        let unknown = server.token_by(&unknown, &json!({}));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| server.ask(&bearer(&unknown)));
            for _ in 0..5 {
                let answer = server.ask(&bearer(&server.token()));
                assert_eq!(answer.status, 200, "{answer:?} {}", server.log());
            }
            let answer = waiting.join().unwrap();
            assert!(matches!(answer.status, 401 | 503), "{answer:?}");
        });
    }
}

#[test]
fn an_issuer_that_lies_is_never_believed() {
    let idp = Idp::start("{\"keys\":[]}");
    let mut server = server_of(&idp);
    idp.claim("https://issuer.example");
    server.begin();
    let Some(proxy) = Proxy::start(Kind::Nginx, &server) else {
        return;
    };
    wait(
        "its answer is read",
        || server.log(),
        || idp.count(DOCUMENT) > 0,
    );
    for _ in 0..3 {
        let answer = server.ask(&bearer(&server.token()));
        assert_eq!(answer.status, 503, "{answer:?}");
        let answer = proxy.get(&bearer(&server.token()));
        assert_eq!(answer.status, 503, "{answer:?}");
    }
    assert!(!server.is_ready());
    assert_eq!(idp.count(KEYS), 0);
    assert_eq!(proxy.upstream.count(), 0);
    // Once it tells the truth it is.
    idp.claim(&issuer(&idp));
    wait(
        "it is believed",
        || server.log(),
        || proxy.get(&bearer(&server.token())).status == 200,
    );
}

/// What the metrics say once two tokens have named an unknown key.
const UNKNOWN_TWICE: &str = "claimbound_unknown_keys_total{issuer=\"github\"} 2\n";

#[test]
fn few_wait_for_an_issuer_that_hangs_and_the_others_are_answered_at_once() {
    let idp = Idp::start("{\"keys\":[]}");
    let mut server = server_of(&idp);
    server.configure(|config| config + "\n[sandbox]\nqueue = 2\n");
    server.begin();
    server.wait_ready();
    idp.behave(Behaviour::Hang);
    let unknown = Signer::new("unknown");
    let ask = || {
        server
            .ask(&bearer(&server.token_by(&unknown, &json!({}))))
            .status
    };
    thread::scope(|scope| {
        let asked = idp.asked().len();
        let waiting = [(); 2].map(|()| scope.spawn(ask));
        wait(
            "both wait for one fetch",
            || server.metrics(),
            || idp.asked().len() > asked && server.metrics().contains(UNKNOWN_TWICE),
        );
        for _ in 0..3 {
            assert_eq!(ask(), 503, "{}", server.log());
            assert_eq!(server.ask(&bearer(&server.token())).status, 200);
        }
        for waited in waiting {
            assert_eq!(waited.join().unwrap(), 401);
        }
    });
}
