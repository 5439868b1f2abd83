//! Taking up another configuration or policy: whole, or not at all.

use serde_json::{Value, json};

use super::http::Question;
use super::{Place, component, job_with};
use crate::gate::DOCUMENT;

const TAKEN_UP: &str = "claimbound_reloads_total{result=\"taken-up\"}";
const REFUSED: &str = "claimbound_reloads_total{result=\"refused\"}";

fn version(modules: &Value) -> &str {
    modules["modules"][0]["version"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_taken_up_and_a_bad_one_is_not() {
    let place = Place::new();
    let serving = place.serve().await;
    let modules = || async {
        let question = Question::get("/modules").with("authorization", "Bearer of-operators");
        serving.ask("admin", question).await.json()
    };
    assert_eq!(version(&modules().await), "1.4.0");
    place.write(
        "policy.wasm",
        component(&DOCUMENT.replace("1.4.0", "1.5.0")),
    );
    serving.until(TAKEN_UP, 1).await;
    assert_eq!(version(&modules().await), "1.5.0");
    assert!(
        serving.metrics().await.contains("version=\"1.5.0\"")
            && !serving.metrics().await.contains("version=\"1.4.0\"")
    );

    // A policy that is none, and none at all: the last good one stays.
    place.write("policy.wasm", "nonsense");
    serving.until(REFUSED, 1).await;
    std::fs::remove_file(place.path("policy.wasm")).unwrap();
    serving.until(REFUSED, 2).await;
    assert_eq!(version(&modules().await), "1.5.0");
    assert_eq!(serving.present(&job_with("one")).await.status, 200);

    // A configuration that names what comes after it.
    place.configure(&[("policy.wasm", "later.wasm")]);
    serving.until(REFUSED, 3).await;
    place.write("later.wasm", component(&DOCUMENT.replace("1.4.0", "1.6.0")));
    serving.until(TAKEN_UP, 2).await;
    assert_eq!(version(&modules().await), "1.6.0");
    // Each change is looked at once.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(serving.metric(REFUSED).await, 3);
    assert_eq!(serving.metric(TAKEN_UP).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mount_that_swaps_a_link_is_a_change() {
    let place = Place::new();
    for (folder, version) in [("first", "1.4.0"), ("second", "2.0.0")] {
        std::fs::create_dir(place.path(folder)).unwrap();
        let policy = component(&DOCUMENT.replace("1.4.0", version));
        std::fs::write(place.path(folder).join("policy.wasm"), policy).unwrap();
    }
    std::os::unix::fs::symlink("first", place.path("data")).unwrap();
    place.configure(&[("policy = \"policy.wasm\"", "policy = \"data/policy.wasm\"")]);
    let serving = place.serve().await;
    std::os::unix::fs::symlink("second", place.path("data.new")).unwrap();
    std::fs::rename(place.path("data.new"), place.path("data")).unwrap();
    serving.until(TAKEN_UP, 1).await;
    assert!(serving.metrics().await.contains("version=\"2.0.0\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_reloads_and_is_told_why_not() {
    let place = Place::new();
    let serving = place.serve().await;
    let answer = serving.operate("/reload", &json!({})).await;
    assert_eq!(answer.json(), json!({ "reloaded": true, "warnings": [] }));
    for (from, to, why) in [
        (
            "drain = \"5s\"",
            "drain = \"6s\"",
            "drain: this is opened once; a change of it takes a restart",
        ),
        (
            "threads = 2",
            "threads = 3",
            "sandbox: this is opened once; a change of it takes a restart",
        ),
        (
            "issuers = [\"forge\"]",
            "issuers = [\"x\"]",
            "route.deploy.issuers[0]: there is no such `[issuer.NAME]`; there are `forge`",
        ),
    ] {
        place.configure(&[(from, to)]);
        let answer = serving.operate("/reload", &json!({})).await;
        assert_eq!(
            (answer.status, answer.json()),
            (409, json!({ "error": why }))
        );
    }
    // What is no file is not waited for.
    let config = place.path("claimbound.toml");
    std::fs::remove_file(&config).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&config).status();
    assert!(made.unwrap().success());
    let answer = serving.operate("/reload", &json!({})).await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.body.contains("is no file"), "{answer:?}");
    // Another name for the same route is another place.
    place.configure(&[("[route.deploy]", "[route.ship]")]);
    assert_eq!(serving.operate("/reload", &json!({})).await.status, 200);
    assert_eq!(serving.present(&job_with("one")).await.status, 404);
}
