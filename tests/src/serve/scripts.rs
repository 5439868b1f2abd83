//! Scripts beside small policies: large components have sandboxes and threads of
//! their own, and whatever they do, the others go on.

use std::borrow::Cow;

use serde_json::{Value, json};
use wasm_encoder::{CustomSection, Encode as _, Section as _};

use super::http::{Answer, Question};
use super::{CONFIG, Place, Serving, job_with};
use crate::forge::with;
use crate::gate::SIGNER;
use crate::scripts::component;

/// A second route, whose policy is a script.
const ROUTE: &str = r#"
[route.script]
audience = "https://script.acme.example"
issuers = ["forge"]
policy = "script.wasm"
danger_unsigned = true
ceiling = { roles = ["deploy"] }

[sandbox.scripts]
"#;

/// A place with both routes, the script's limits as they are given.
fn place(script: impl AsRef<[u8]>, limits: &str) -> Place {
    let place = Place::new();
    place.write("script.wasm", script);
    place.write("claimbound.toml", format!("{CONFIG}{ROUTE}{limits}"));
    place
}

/// The component with a section of its own that makes it larger than any small one.
fn padded(mut component: Vec<u8>) -> Vec<u8> {
    let padding = CustomSection {
        name: Cow::Borrowed("padding"),
        data: Cow::Owned(vec![0; 2 << 20]),
    };
    component.push(padding.id());
    padding.encode(&mut component);
    component
}

/// The answer of the script to a token with these changes.
async fn ask(serving: &Serving, changes: &Value) -> Answer {
    let audience = json!({ "aud": "https://script.acme.example" });
    let claims = with(with(job_with("script"), &audience), changes);
    let token = format!("Bearer {}", SIGNER.sign(&claims));
    let question = Question::get("/authorize/script").with("authorization", &token);
    serving.ask("proxy", question).await
}

/// How often the script ended so.
async fn ended(serving: &Serving, outcome: &str, reason: &str) -> i64 {
    let labels = format!("route=\"script\",outcome=\"{outcome}\",reason=\"{reason}\"");
    let line = format!("claimbound_decisions_total{{{labels}}}");
    serving.metric(&line).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_never_end_keep_nobody_else_waiting() {
    let script = padded(crate::hostile::looping());
    let place = place(script, "threads = 2\nqueue = 64\ndeadline = \"200ms\"\n");
    let serving = std::sync::Arc::new(place.serve().await);
    let asked = (0..32).map(|_| {
        let serving = std::sync::Arc::clone(&serving);
        tokio::spawn(async move { ask(&serving, &json!({})).await.status })
    });
    let asked: Vec<_> = asked.collect();
    // More than the small policies have threads, and each waits for the ledger.
    for number in 0..8 {
        let answer = serving.present(&job_with(&format!("small-{number}"))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let waiting = asked.iter().filter(|one| !one.is_finished()).count();
    assert!(
        waiting > 0,
        "all scripts ended before the small policies did"
    );
    for one in asked {
        assert_eq!(one.await.unwrap(), 503);
    }
    assert_eq!(ended(&serving, "error", "host.deadline").await, 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_scripts_than_may_wait_are_busy_and_small_policies_are_not() {
    let script = padded(crate::hostile::looping());
    let place = place(script, "threads = 1\nqueue = 1\ndeadline = \"1s\"\n");
    let serving = std::sync::Arc::new(place.serve().await);
    let asked = (0..8).map(|_| {
        let serving = std::sync::Arc::clone(&serving);
        tokio::spawn(async move { ask(&serving, &json!({})).await.status })
    });
    for one in asked.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), 503);
    }
    assert!(ended(&serving, "error", "host.busy").await > 0);
    assert!(ended(&serving, "error", "host.deadline").await > 0);
    assert_eq!(serving.present(&job_with("small")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_larger_than_a_script_may_be_is_refused() {
    let place = place(padded(crate::hostile::looping()), "component = 1048576\n");
    let path = place.path("claimbound.toml");
    let started =
        claimbound_server::server::Server::start(&path, super::environment(), super::clock());
    let error = started.await.err().unwrap().to_string();
    assert!(error.contains("route.script.policy"), "{error}");
    assert!(error.contains("1048576"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_script_does_it_never_allows_and_the_others_go_on() {
    let Some(script) = component("misbehaving") else {
        return;
    };
    let place = place(std::fs::read(script).unwrap(), "deadline = \"5s\"\n");
    let serving = place.serve().await;
    let tell = |deed: &str| {
        let branch = format!("refs/heads/{deed}");
        json!({ "sub": format!("repo:acme/infra:ref:{branch}"), "ref": branch, "environment": null })
    };
    assert_eq!(ask(&serving, &tell("main")).await.status, 200);
    for (deed, code) in [
        ("loop", "host.deadline"),
        ("throw", "host.trap"),
        ("fail", "host.policy"),
        ("grow", "host.memory"),
        ("recurse", "host.trap"),
        ("nothing", "host.trap"),
        ("perhaps", "host.trap"),
    ] {
        let before = ended(&serving, "error", code).await;
        let answer = ask(&serving, &tell(deed)).await;
        assert_eq!(answer.status, 503, "{deed}: {answer:?}");
        let after = ended(&serving, "error", code).await;
        assert_eq!(after, before + 1, "{deed}: {}", serving.metrics().await);
        let small = serving.present(&job_with(deed)).await;
        assert_eq!(small.status, 200, "after {deed}: {small:?}");
    }
    assert_eq!(ask(&serving, &tell("main")).await.status, 200);
}
