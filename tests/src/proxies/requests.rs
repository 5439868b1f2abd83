//! What comes through each proxy, and what does not.

use serde_json::json;

use crate::forge::Signer;

use super::place::{Answer, bearer};
use super::proxy::{Kind, Proxy};
use super::server::{SECRET, Server, now};

/// What no answer to a caller says.
const REASONS: &[&str] = &[
    "expired",
    "audience",
    "mismatch",
    "signature",
    "revoked",
    "issuer.",
    "acme-deploy",
    "host.",
];

/// A request that is refused.
struct Refused {
    name: &'static str,
    headers: String,
    /// Envoy joins lines by commas, and what begins with another scheme is one.
    statuses: &'static [u16],
    /// What `WWW-Authenticate` has to say.
    challenge: Option<&'static str>,
}

const INVALID: Option<&str> = Some("Bearer error=\"invalid_token\"");
const FORBIDDEN: Option<&str> = Some("Bearer error=\"insufficient_scope\"");
const MALFORMED: Option<&str> = Some("Bearer error=\"invalid_request\"");

fn refused(server: &Server) -> Vec<Refused> {
    let good = server.token();
    let by = |changes| bearer(&server.token_with(&changes));
    let forger = Signer::new("key");
    let revoked = server.token_with(&json!({ "jti": "leaked" }));
    assert_eq!(server.ask(&bearer(&revoked)).status, 200);
    let told = server.revoke("leaked");
    assert_eq!(told.status, 200, "{told:?}");
    let now = now();
    let case = |name, headers, statuses, challenge| Refused {
        name,
        headers,
        statuses,
        challenge,
    };
    vec![
        case(
            "expired",
            by(json!({ "iat": now - 900, "nbf": now - 900, "exp": now - 300 })),
            &[401],
            INVALID,
        ),
        case(
            "of another audience",
            by(json!({ "aud": "https://other.acme.example" })),
            &[401],
            INVALID,
        ),
        case(
            "of an issuer that nobody knows",
            by(json!({ "iss": "https://issuer.example" })),
            &[401],
            INVALID,
        ),
        case(
            "forged",
            bearer(&server.token_by(&forger, &json!({}))),
            &[401],
            INVALID,
        ),
        case(
            "forged, and without a subject",
            bearer(&server.token_by(&forger, &json!({ "sub": null }))),
            &[401],
            INVALID,
        ),
        case("revoked", bearer(&revoked), &[401], INVALID),
        case(
            "denied by the policy",
            by(json!({ "ref": "refs/heads/feature" })),
            &[403],
            FORBIDDEN,
        ),
        case("without a token", String::new(), &[401], Some("Bearer")),
        case(
            "of another scheme",
            "Authorization: Basic YTpi\r\n".to_owned(),
            &[401],
            Some("Bearer"),
        ),
        // nginx refuses two lines before it asks anybody.
        case("two tokens", bearer(&good) + &bearer(&good), &[400], None),
        case(
            "two tokens in one line",
            bearer(&format!("{good}, Bearer {good}")),
            &[400],
            MALFORMED,
        ),
        case(
            "Basic beside Bearer",
            bearer(&good) + "authorization: Basic YTpi\r\n",
            &[400],
            None,
        ),
        case(
            "Basic before Bearer",
            "authorization: Basic YTpi\r\n".to_owned() + &bearer(&good),
            &[400, 401],
            None,
        ),
    ]
}

fn reveals_nothing(name: &str, answer: &Answer) {
    for reason in REASONS.iter().chain([&SECRET]) {
        assert!(!answer.text.contains(reason), "{name}: {answer:?}");
    }
}

fn is_refused(name: &str, proxy: &Proxy, answer: &Answer) {
    assert!(
        answer.status == 0 || answer.status >= 400,
        "{name}: {answer:?} {}",
        proxy.log()
    );
    reveals_nothing(name, answer);
}

/// Every case, through one proxy.
fn try_all(kind: Kind) {
    let mut server = Server::start();
    let Some(proxy) = Proxy::start(kind, &server) else {
        return;
    };
    allows(&server, &proxy);
    let before = proxy.upstream.count();
    for case in refused(&server) {
        let Refused { name, .. } = case;
        let answer = proxy.get(&case.headers);
        assert!(
            case.statuses.contains(&answer.status),
            "{name}: {answer:?} {}",
            proxy.log()
        );
        reveals_nothing(name, &answer);
        if let Some(challenge) = case.challenge {
            let line = answer.text.to_lowercase();
            let expected = format!("www-authenticate: {}\r\n", challenge.to_lowercase());
            assert!(line.contains(&expected), "{name}: {answer:?}");
        }
    }
    let good = server.token();
    let in_query = super::place::get(proxy.port, &format!("/?access_token={good}"), "");
    assert_eq!(in_query.status, 401, "{in_query:?}");
    // Put behind a prefix, neither may become the name of another route.
    for path in ["-other", "../nowhere"] {
        let answer = super::place::get(proxy.port, path, &bearer(&good));
        is_refused(path, &proxy, &answer);
    }
    let large = "x".repeat(200 << 10);
    let oversized = [
        (
            "a large header",
            format!("X-Large: {large}\r\n{}", bearer(&good)),
        ),
        (
            "a large token",
            bearer(&format!("{good}{}", &large[..20 << 10])),
        ),
        ("a larger token", bearer(&format!("{good}{large}"))),
    ];
    for (name, headers) in oversized {
        is_refused(name, &proxy, &proxy.get(&headers));
    }
    assert_eq!(
        proxy.upstream.count(),
        before,
        "{:?}",
        proxy.upstream.last()
    );
    assert_eq!(proxy.get(&bearer(&good)).status, 200);
    // The one who is asked is gone, and comes back.
    server.kill();
    let before = proxy.upstream.count();
    for headers in [bearer(&good), String::new()] {
        let answer = proxy.get(&headers);
        assert!(answer.status >= 500, "{answer:?} {}", proxy.log());
        reveals_nothing("gone", &answer);
    }
    assert_eq!(proxy.upstream.count(), before);
    server.begin();
    super::place::wait(
        "it is asked again",
        || proxy.log(),
        || proxy.get(&bearer(&good)).status == 200,
    );
}

/// An allow says all of who it is for, and nothing that the caller said of it.
fn allows(server: &Server, proxy: &Proxy) {
    let smuggled = "X-Claimbound-Subject: smuggled\r\n\
        x_claimbound_subject: smuggled\r\n\
        X_Claimbound_Roles: smuggled\r\n\
        x-ClaimBound-rOles: smuggled\r\n\
        X-Claimbound-Roles: smuggled\r\n\
        X-Claimbound_Ends_At: smuggled\r\n\
        x_claimbound-issuer: smuggled\r\n\
        X-Claimbound-Ends-At: smuggled\r\n\
        X-Claimbound-Proxy: smuggled\r\n\
        X-Other: kept\r\n";
    let token = server.token();
    for headers in [bearer(&token), smuggled.to_owned() + &bearer(&token)] {
        let answer = proxy.get(&headers);
        assert_eq!(
            answer.status,
            200,
            "{answer:?} {} {}",
            proxy.log(),
            server.log()
        );
        let seen = proxy.upstream.last();
        assert!(!seen.0.contains("smuggled"), "{seen:?}");
        assert!(!seen.0.contains(SECRET), "{seen:?}");
        for (name, value) in [
            ("route", "deploy"),
            ("issuer", "https://token.actions.githubusercontent.com"),
            ("subject", "repo:acme/infra:environment:production"),
            ("statement", "production"),
            ("policy", "acme-deploy@1.4.0"),
            ("roles", "deploy"),
            ("scope", "write read"),
            ("claims", "{\"tier\":\"gold\"}"),
        ] {
            let name = format!("x-claimbound-{name}");
            assert_eq!(seen.values(&name), [value], "{seen:?}");
        }
        let workload = seen.values("x-claimbound-workload");
        assert!(
            workload.len() == 1 && workload[0].contains("repository=acme/infra;id=456789"),
            "{seen:?}"
        );
        let ends_at = seen.values("x-claimbound-ends-at");
        assert!(ends_at.len() == 1 && ends_at[0].parse::<u64>().unwrap() > now());
        assert_eq!(seen.values("authorization"), [format!("Bearer {token}")]);
        assert!(seen.0.starts_with("GET /a/path?query=1 "), "{seen:?}");
    }
    assert_eq!(proxy.upstream.last().values("x-other"), ["kept"]);
    for path in ["/", "/?query", "//", "/a%2Fb/%ff?/=../x"] {
        let answer = super::place::get(proxy.port, path, &bearer(&token));
        assert_eq!(answer.status, 200, "{path}: {answer:?} {}", proxy.log());
    }
}

/// A proxy that asks about a route that there is not, or does not say the
/// secret, lets nothing through.
fn try_misled(kind: Kind) {
    let server = Server::start();
    let misled: [fn(String) -> String; 2] = [
        |text| {
            text.replace("/authorize/deploy", "/authorize/nowhere")
                .replace("/ext-authz/deploy", "/ext-authz/nowhere")
                .replace("claimbound.route: deploy", "claimbound.route: nowhere")
                .replace("lua.claimbound deploy", "lua.claimbound nowhere")
                .replace("authorize(r, \"deploy\")", "authorize(r, \"nowhere\")")
        },
        |text| text.replace(SECRET, "another-secret"),
    ];
    for change in misled {
        let Some(proxy) = Proxy::start_with(kind, &server, change) else {
            return;
        };
        is_refused("misled", &proxy, &proxy.get(&bearer(&server.token())));
        assert_eq!(proxy.upstream.count(), 0);
    }
    assert_eq!(server.ask(&bearer(&server.token())).status, 200);
}

#[test]
fn nginx_lets_through_what_is_allowed_and_nothing_else() {
    try_all(Kind::Nginx);
}

#[test]
fn caddy_lets_through_what_is_allowed_and_nothing_else() {
    try_all(Kind::Caddy);
}

#[test]
fn haproxy_lets_through_what_is_allowed_and_nothing_else() {
    try_all(Kind::Haproxy);
}

#[test]
fn apache_lets_through_what_is_allowed_and_nothing_else() {
    try_all(Kind::Apache);
}

#[test]
fn envoy_over_grpc_lets_through_what_is_allowed_and_nothing_else() {
    try_all(Kind::EnvoyGrpc);
}

#[test]
fn envoy_over_http_lets_through_what_is_allowed_and_nothing_else() {
    try_all(Kind::EnvoyHttp);
}

#[test]
fn a_misled_nginx_lets_nothing_through() {
    try_misled(Kind::Nginx);
}

#[test]
fn a_misled_caddy_lets_nothing_through() {
    try_misled(Kind::Caddy);
}

#[test]
fn a_misled_haproxy_lets_nothing_through() {
    try_misled(Kind::Haproxy);
}

#[test]
fn a_misled_apache_lets_nothing_through() {
    try_misled(Kind::Apache);
}

#[test]
fn an_apache_whose_hook_fails_lets_nothing_through() {
    let server = Server::start();
    let failing: [fn(String) -> String; 3] = [
        |text| text.replace("socket.http\"", "socket.absent\""),
        |text| text.replace("function deploy(", "function another("),
        |text| {
            text.replace(
                "local _, status, answer =",
                "local _, status, answer = nil +",
            )
        },
    ];
    for change in failing {
        let Some(proxy) = Proxy::start_with(Kind::Apache, &server, change) else {
            return;
        };
        let answer = proxy.get(&bearer(&server.token()));
        assert_eq!(answer.status, 500, "{answer:?} {}", proxy.log());
        reveals_nothing("failing", &answer);
        assert_eq!(proxy.upstream.count(), 0);
    }
}

#[test]
fn a_misled_envoy_lets_nothing_through() {
    try_misled(Kind::EnvoyGrpc);
    try_misled(Kind::EnvoyHttp);
}
