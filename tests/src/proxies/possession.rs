//! Tokens that are bound to a key or a certificate, behind proxies.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use crate::ledger::prover::Holder;

use super::place::{bearer, free_port, get};
use super::proxy::{Kind, Proxy};
use super::server::{Server, now, shown};

/// A server whose route knows its origin, and the certificates of callers.
fn server() -> Server {
    let mut server = Server::prepared();
    server.configure(|config| config + &shown("forwarded.toml"));
    server.begin();
    server
}

/// A proof counts for the request that the proxy saw, whatever a caller says of
/// it.
fn prove_through(kind: Kind) {
    let server = server();
    let Some(proxy) = Proxy::start(kind, &server) else {
        return;
    };
    let holder = Holder::new();
    let token = server.token_with(&json!({ "cnf": { "jkt": holder.thumbprint() } }));
    let prove = |id: &str, method: &str, path: &str| {
        let url = format!("https://deploy.acme.example{path}");
        let proof = holder.proof_for((method, &url), &token, id, now());
        format!("Authorization: DPoP {token}\r\nDPoP: {proof}\r\n")
    };
    let good = prove("one", "GET", "/a/path");
    let answer = proxy.get(&good);
    assert_eq!(answer.status, 200, "{answer:?} {}", server.log());
    let before = proxy.upstream.count();
    let spoofed = "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /other\r\n";
    let other = Holder::new().proof_for(
        ("GET", "https://deploy.acme.example/a/path"),
        &token,
        "five",
        now(),
    );
    for (name, headers) in [
        ("used before", good.clone()),
        ("of another path", prove("two", "GET", "/other")),
        ("of another method", prove("three", "POST", "/a/path")),
        (
            "of what a caller says that it asks",
            format!("{spoofed}{}", prove("four", "POST", "/other")),
        ),
        (
            "by another key",
            format!("Authorization: DPoP {token}\r\nDPoP: {other}\r\n"),
        ),
        ("without one", format!("Authorization: DPoP {token}\r\n")),
        ("as a bearer's", bearer(&token)),
    ] {
        let answer = proxy.get(&headers);
        assert_eq!(answer.status, 401, "{name}: {answer:?} {}", server.log());
    }
    let twice = prove("six", "GET", "/a/path") + "DPoP: another\r\n";
    let answer = proxy.get(&twice);
    assert!(matches!(answer.status, 400 | 401), "{answer:?}");
    assert_eq!(proxy.upstream.count(), before);
}

#[test]
fn a_proof_through_nginx_is_for_the_request_that_it_saw() {
    prove_through(Kind::Nginx);
}

#[test]
fn a_proof_through_caddy_is_for_the_request_that_it_saw() {
    prove_through(Kind::Caddy);
}

#[test]
fn a_proof_through_haproxy_is_for_the_request_that_it_saw() {
    prove_through(Kind::Haproxy);
}

#[test]
fn a_proof_through_envoy_is_for_the_request_that_it_saw() {
    prove_through(Kind::EnvoyGrpc);
    prove_through(Kind::EnvoyHttp);
}

/// A certificate as nginx passes it on, and its digest.
fn certificate() -> (String, Vec<u8>) {
    let params = CertificateParams::new(vec!["caller.example".to_owned()]).unwrap();
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let escaped = certificate.pem().bytes().map(escape).collect();
    let hash = digest(&SHA256, certificate.der());
    (escaped, hash.as_ref().to_vec())
}

#[test]
fn a_certificate_is_believed_of_a_proxy_and_of_nobody_else() {
    let server = server();
    let (escaped, hash) = certificate();
    let (another, _) = certificate();
    let bound = json!({ "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode(hash) } });
    let token = bearer(&server.token_with(&bound));
    let with_certificate = |escaped: &str| format!("X-Client-Cert: {escaped}\r\n{token}");
    let twice = format!("X-Client-Cert: {escaped}\r\n{}", with_certificate(&escaped));
    for (name, headers, status) in [
        ("its own", with_certificate(&escaped), 200),
        ("another", with_certificate(&another), 401),
        ("none", with_certificate(""), 401),
        ("no header", token.clone(), 401),
        ("no certificate", with_certificate("%00"), 400),
        ("twice", twice, 400),
    ] {
        let answer = server.ask(&headers);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
    }
    // As the page says, nginx writes over what a caller sends, here without TLS.
    let change = |text: String| {
        let own = "proxy_set_header X-Forwarded-Uri $request_uri;";
        let more = "proxy_set_header X-Client-Cert $ssl_client_escaped_cert;";
        text.replace(own, &format!("{own}\n{more}"))
    };
    if let Some(proxy) = Proxy::start_with(Kind::Nginx, &server, change) {
        assert_eq!(proxy.get(&with_certificate(&escaped)).status, 401);
    }
    // A listener that does not know its proxy believes nobody.
    let mut server = Server::prepared();
    let port = free_port();
    server.configure(|config| {
        let anybody = format!(
            "[listen.anybody]\naddress = \"127.0.0.1:{port}\"\nserves = [\"forward-auth\"]\n"
        );
        config + &anybody + &shown("forwarded.toml")
    });
    server.begin();
    let token = bearer(&server.token_with(&bound));
    let shown = format!("X-Client-Cert: {escaped}\r\n{token}");
    assert_eq!(server.ask(&shown).status, 200, "{}", server.log());
    let ask = |headers: &str| get(port, "/authorize/deploy", headers).status;
    assert_eq!(ask(&shown), 401);
    assert_eq!(ask(&bearer(&server.token())), 200);
}

#[test]
fn every_configuration_names_every_header() {
    for file in ["nginx.conf", "Caddyfile", "claimbound.lua", "traefik.yaml"] {
        let text = shown(file).to_lowercase();
        for name in claimbound_server::identity::NAMES {
            let short = format!("\"{}\"", name.trim_start_matches("x-claimbound-"));
            assert!(
                text.contains(&format!("{name}\n"))
                    || text.contains(&format!("{name} "))
                    || text.contains(&short),
                "{file}: {name}"
            );
        }
    }
    let text = shown("traefik.yaml").to_lowercase();
    for name in claimbound_server::identity::UNDERSCORED {
        assert!(text.contains(&format!("{name}: \"\"")), "{name}");
    }
}
