//! Operators: who is one, and what they change.

use claimbound::ledger::{Ledger, Sqlite, Taking};
use claimbound::modules::Digest;
use serde_json::{Value, json};

use super::http::Question;
use super::{Place, job_with};

const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn order(kind: &str, value: &str) -> Value {
    json!({ "kind": kind, "issuer": ISSUER, "value": value, "by": "alice", "reason": "leaked" })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_say_the_token_learns_nothing() {
    let place = Place::new();
    let serving = place.serve().await;
    for said in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "of-operators",
        "Basic of-operators",
    ] {
        for path in ["/reload", "/modules", "/modules/rollback", "/nothing"] {
            let question = Question::post(path, "{}").with("authorization", said);
            let answer = serving.ask("admin", question).await;
            assert_eq!(answer.status, 401, "{said} {path}");
            assert_eq!(
                answer.body,
                "{\"error\":\"say the token of the configuration\"}"
            );
        }
    }
    let twice = Question::post("/reload", "{}")
        .with("authorization", "Bearer of-operators")
        .with("authorization", "Bearer of-operators");
    assert_eq!(serving.ask("admin", twice).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_knows_its_users() {
    let place = Place::new();
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(place.path("")).unwrap());
    let tcp = "address = \"127.0.0.1:0\"\ntoken = \"env:ADMIN\"";
    place.configure(&[(tcp, "address = \"unix:admin.sock\"")]);
    let serving = place.serve().await;
    let answer = serving.ask("admin", Question::get("/keys")).await;
    assert_eq!(answer.json()["issuers"][0]["issuer"], "forge");
    let mode = std::fs::metadata(place.path("admin.sock"))
        .unwrap()
        .permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
        0o600
    );
    serving.server.drain().await;
    assert!(
        !place.path("admin.sock").exists(),
        "it goes with its listener"
    );

    let other = format!("address = \"unix:admin.sock\"\nuids = [{}]", own + 1);
    place.configure(&[(tcp, &other)]);
    let serving = place.serve().await;
    let refused = Question::get("/keys").ask(&serving.address("admin")).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_is_refused_at_the_next_request_until_it_is_lifted() {
    let place = Place::new();
    let serving = place.serve().await;
    assert_eq!(serving.present(&job_with("one")).await.status, 200);
    let subject = job_with("x")["sub"].as_str().unwrap().to_owned();
    let answer = serving
        .operate("/revoke", &order("subject", &subject))
        .await;
    assert_eq!(answer.json(), json!({ "changed": 1 }));
    assert_eq!(serving.present(&job_with("two")).await.status, 403);
    let answer = serving.operate("/lift", &order("subject", &subject)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(serving.present(&job_with("two")).await.status, 200);

    let mut issuer = order("issuer", "");
    issuer.as_object_mut().unwrap().remove("value");
    assert_eq!(serving.operate("/revoke", &issuer).await.status, 200);
    assert_eq!(serving.present(&job_with("three")).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_says_too_little_or_too_much_is_none() {
    let place = Place::new();
    let serving = place.serve().await;
    let changed = |name: &str, value: Value| {
        let mut order = order("token-id", "one");
        order[name] = value;
        order
    };
    for (path, body, told) in [
        ("/revoke", json!({}), "the body: missing field `kind`"),
        (
            "/revoke",
            changed("kind", json!("name")),
            "`kind` is one of `token-id`, `token`",
        ),
        (
            "/revoke",
            changed("value", json!("")),
            "say which by `value`",
        ),
        (
            "/revoke",
            changed("issuer", Value::Null),
            "say which `issuer`, by its URL",
        ),
        (
            "/revoke",
            changed("by", json!("")),
            "the operator's name has to be",
        ),
        (
            "/revoke",
            changed("reason", json!("two\nlines")),
            "the reason has to be",
        ),
        ("/revoke", changed("until", json!(1)), "`until` has passed"),
        (
            "/revoke",
            changed("force", json!(true)),
            "the body: unknown field `force`",
        ),
        (
            "/lift",
            changed("until", json!(1)),
            "`until` is for what is revoked",
        ),
        (
            "/lift",
            changed("force", json!(true)),
            "the body: unknown field `force`",
        ),
    ] {
        let answer = serving.operate(path, &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(told), "{error}");
    }
    let long = json!({ "kind": "x".repeat(70 << 10) });
    assert_eq!(serving.operate("/revoke", &long).await.status, 413);
    assert_eq!(serving.present(&job_with("one")).await.status, 200);
}

/// An order by alice.
fn by_alice(what: &Value) -> Value {
    crate::forge::with(json!({ "by": "alice", "reason": "leaked" }), what)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_token_could_have_is_not_revoked() {
    let place = Place::new();
    let serving = place.serve().await;
    let thumbprint = "x".repeat(42);
    for (what, told) in [
        (
            json!({ "kind": "issuer", "issuer": "forge" }),
            format!("`forge` is what the configuration calls an issuer; say its URL, `{ISSUER}`"),
        ),
        (
            json!({ "kind": "key", "issuer": "forge", "value": "x" }),
            format!("`forge` is what the configuration calls an issuer; say its URL, `{ISSUER}`"),
        ),
        (
            json!({ "kind": "issuer", "issuer": "id.example" }),
            "`id.example` is no issuer: one is a URL such as `https://id.example`".into(),
        ),
        (
            json!({ "kind": "key", "value": thumbprint }),
            format!("`{thumbprint}` is no thumbprint: 43 characters of base64url"),
        ),
        (
            json!({ "kind": "token", "value": "sha256:abc" }),
            "`sha256:abc` is no digest: 64 hexadecimal digits".into(),
        ),
        (
            json!({ "kind": "subject", "issuer": ISSUER, "value": "acme/infra" }),
            "`acme/infra` is no subject by naming model `github-actions`".into(),
        ),
        (
            json!({ "kind": "issuer", "issuer": ISSUER, "until": "tomorrow" }),
            "`until`: `tomorrow` is no time such as `2026-11-23T10:00:00Z` or `1795428000`".into(),
        ),
        (
            json!({ "kind": "issuer", "issuer": ISSUER, "until": -1 }),
            "`until`: `-1` is no time".into(),
        ),
    ] {
        let order = by_alice(&what);
        let answer = serving.operate("/revoke", &order).await;
        assert_eq!(answer.status, 400, "{order}: {answer:?}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(&told), "{error}");
    }
    assert_eq!(serving.present(&job_with("one")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_match_is_revoked_however_it_is_written() {
    let place = Place::new();
    let serving = place.serve().await;
    for what in [
        // One that the configuration does not have yet.
        json!({ "kind": "issuer", "issuer": "https://id.example", "until": "2030-01-01T00:00:00Z" }),
        json!({ "kind": "subject", "issuer": "https://id.example", "value": "whoever" }),
        json!({ "kind": "key", "value": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" }),
        json!({ "kind": "token", "value": format!("sha256:{}", "AB".repeat(32)) }),
        json!({ "kind": "token", "value": "cd".repeat(32), "until": 1_900_000_000_u64 }),
    ] {
        let order = by_alice(&what);
        let answer = serving.operate("/revoke", &order).await;
        assert_eq!(answer.json(), json!({ "changed": 1 }), "{order}");
    }
    let ledger = Sqlite::at(place.path("ledger.db"));
    let revoked = Ledger::sqlite(&ledger).unwrap();
    let revoked = revoked.revocations().unwrap();
    let mut revoked: Vec<_> = revoked
        .iter()
        .map(|one| (one.target.to_string(), one.until))
        .collect();
    revoked.sort();
    let (ab, cd) = ("ab".repeat(32), "cd".repeat(32));
    let expected = [
        ("issuer https://id.example".to_owned(), Some(1_893_456_000)),
        (
            "key kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k".to_owned(),
            None,
        ),
        ("subject whoever of https://id.example".to_owned(), None),
        (format!("token sha256:{ab}"), None),
        (format!("token sha256:{cd}"), Some(1_900_000_000)),
    ];
    assert_eq!(revoked, expected);
}

/// A ledger in which the route serves this version of a module, after those
/// before it.
fn serve_modules(place: &Place, versions: &[&str]) -> Ledger {
    let ledger = Ledger::sqlite(&Sqlite::at(place.path("ledger.db")).or_new()).unwrap();
    for version in versions {
        let taking = Taking {
            route: "deploy",
            store: "releases",
            module: &format!("acme-deploy@{version}").parse().unwrap(),
            digest: Digest::of(version.as_bytes()),
            index_serial: Some(1),
            after: None,
            at: crate::forge::NOW,
            by: "host one",
        };
        ledger.serve(&taking).unwrap();
    }
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_operators_say_of_modules_stands_in_the_ledger() {
    let place = Place::new();
    let serving = place.serve().await;
    let ledger = serve_modules(&place, &["1.3.0", "1.4.0"]);
    for (path, what) in [
        (
            "/modules/rollback",
            json!({ "route": "deploy", "name": "acme-deploy", "to": "1.3.0" }),
        ),
        (
            "/modules/approve",
            json!({ "route": "deploy", "name": "acme-deploy", "major": 2 }),
        ),
        (
            "/modules/promote",
            json!({ "route": "deploy", "module": "acme-deploy@2.0.0", "unseen": true }),
        ),
        (
            "/modules/reject",
            json!({ "route": "deploy", "module": "acme-deploy@1.5.0", "unseen": true }),
        ),
    ] {
        let answer = serving.operate(path, &by_alice(&what)).await;
        assert_eq!(answer.json(), json!({ "changed": 1 }), "{path}: {answer:?}");
    }
    let served = ledger.served("deploy", &"acme-deploy".parse().unwrap());
    let served = served.unwrap().unwrap();
    assert_eq!(served.version.to_string(), "1.3.0");
    assert_eq!((served.approved, &*served.by), (2, "alice"));
    assert!(served.promotes(&"2.0.0".parse().unwrap()));
    assert_eq!(served.bar.unwrap().to.to_string(), "1.5.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_modules_is_checked_and_changes_nothing_where_it_can_not_be() {
    let place = Place::new();
    let serving = place.serve().await;
    let ledger = serve_modules(&place, &["1.4.0"]);
    let on = |what: Value| {
        crate::forge::with(json!({ "route": "deploy", "name": "acme-deploy" }), &what)
    };
    for (path, what, status, told) in [
        (
            "/modules/rollback",
            json!({}),
            400,
            "the body: missing field",
        ),
        (
            "/modules/rollback",
            on(json!({ "to": "1.3.0", "force": true })),
            400,
            "the body: unknown field `force`",
        ),
        (
            "/modules/rollback",
            on(json!({ "to": "1.3" })),
            400,
            "`1.3` is not a version",
        ),
        (
            "/modules/rollback",
            on(json!({ "to": "1.3.0" })),
            409,
            "`acme-deploy@1.3.0` was never served here",
        ),
        (
            "/modules/rollback",
            on(json!({ "to": "1.4.0" })),
            409,
            "route `deploy` serves version 1.4.0; a rollback goes",
        ),
        (
            "/modules/approve",
            on(json!({ "major": "two" })),
            400,
            "the body: invalid type",
        ),
        (
            "/modules/approve",
            on(json!({ "major": 0 })),
            409,
            "route `deploy` serves version 1.4.0",
        ),
        (
            "/modules/approve",
            on(json!({ "major": 2, "by": "two\nlines" })),
            400,
            "the operator's name has to be",
        ),
        (
            "/modules/promote",
            json!({ "route": "deploy", "module": "acme-deploy" }),
            400,
            "`acme-deploy` is no `name@version`",
        ),
        (
            "/modules/promote",
            json!({ "route": "deploy", "module": "acme-deploy@2.0.0" }),
            409,
            "`acme-deploy@2.0.0` is of a major version that nobody approved",
        ),
        (
            "/modules/promote",
            json!({ "route": "deploy", "module": "acme-deploy@1.5.0" }),
            409,
            "no host on this ledger has looked at `acme-deploy@1.5.0`",
        ),
        (
            "/modules/reject",
            json!({ "route": "deploy", "module": "acme-deploy@1.5" }),
            400,
            "`1.5` is not a version",
        ),
        (
            "/modules/reject",
            json!({ "route": "deploy", "module": "acme-deploy@1.4.0" }),
            409,
            "route `deploy` serves version 1.4.0; what is rejected is above that",
        ),
    ] {
        let order = crate::forge::with(json!({ "by": "alice", "reason": "a test" }), &what);
        let answer = serving.operate(path, &order).await;
        assert_eq!(answer.status, status, "{order}: {answer:?}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(told), "{error}");
    }
    let mut events = 0;
    ledger.history(None, |_| events += 1).unwrap();
    assert_eq!(events, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_path_or_method_is_told_what_there_is() {
    let place = Place::new();
    let serving = place.serve().await;
    let admin = "there are `POST /reload`, `GET /modules`, `GET /keys`, `POST /revoke`, `POST /lift`, \
         `POST /modules/rollback`, `POST /modules/approve`, `POST /modules/reject`, \
         `POST /modules/promote`";
    let monitor = "there are `GET /live`, `GET /ready`, `GET /metrics`";
    for (listener, question, status, told, there) in [
        (
            "admin",
            Question::get("/nothing"),
            404,
            "there is nothing at this path; ",
            admin,
        ),
        (
            "admin",
            Question::get("/revoke"),
            405,
            "this path takes another method; ",
            admin,
        ),
        (
            "monitor",
            Question::get("/"),
            404,
            "there is nothing at this path; ",
            monitor,
        ),
        (
            "monitor",
            Question::post("/ready", "{}"),
            405,
            "this path takes another method; ",
            monitor,
        ),
    ] {
        let question = question.with("authorization", "Bearer of-operators");
        let answer = serving.ask(listener, question).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.json(), json!({ "error": format!("{told}{there}") }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_an_object() {
    let place = Place::new();
    let serving = place.serve().await;
    let list = json!(["token-id", ISSUER, "one", null, "alice", "leaked"]);
    for path in [
        "/revoke",
        "/lift",
        "/modules/rollback",
        "/modules/approve",
        "/modules/reject",
        "/modules/promote",
    ] {
        let answer = serving.operate(path, &list).await;
        assert_eq!(answer.status, 400, "{answer:?}");
    }
    assert_eq!(serving.present(&job_with("one")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_and_monitors_speak_no_http2() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let place = Place::new();
    let serving = place.serve().await;
    for name in ["admin", "monitor"] {
        let claimbound_server::config::Address::Tcp(address) = serving.address(name) else {
            panic!("it listens at a port");
        };
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        stream.write_all(preface).await.unwrap();
        let mut answer = Vec::new();
        // A connection that could be kept open by answering pings is not had.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(&[0, 0]), "{name}: {answer:?}");
    }
}
