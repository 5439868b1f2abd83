//! Operators: who is one, and what they change.

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
        for path in ["/reload", "/modules", "/nothing"] {
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
