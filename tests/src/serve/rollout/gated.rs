//! A route that demands to be told how a version differs from the one in use.

use std::fs;

use super::shelf::{Shelf, key};
use super::{Place, place_with, strict, version};

/// A place that demands comparisons, and a second key for those that let in more.
fn gated() -> (Place, Shelf, claimbound::modules::SigningKey) {
    let second = key();
    let security = "[store.main.key.security]\nfile = \"security.pub\"\n\
                    modules = [\"acme-deploy\"]\nsigns = [\"wider\"]\n\n[ledger]";
    let (place, shelf) = place_with(&[
        (
            "version = \"*\"",
            "version = \"*\", comparison = \"required\"",
        ),
        ("[ledger]", security),
    ]);
    place.write("security.pub", second.public().to_pem());
    (place, shelf, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lets_in_no_more_needs_one_key_and_what_does_needs_two() {
    let (place, mut shelf, second) = gated();
    let first = strict("1.4.0");
    shelf.publish("1.4.0", &first);
    let serving = place.serve().await;
    let same = strict("1.4.1");
    shelf.publish("1.4.1", &same);
    let (step, why) = serving.until_refused("1.4.1").await;
    assert_eq!(step, "comparison");
    assert!(why.contains("1.4.0"), "{why}");
    // It comes later, and is looked for again.
    let release = [shelf.key()];
    shelf.compare(("1.4.0", &first), ("1.4.1", &same), "equivalent", &release);
    shelf.index();
    serving.until_version("1.4.1").await;

    let wide = version("1.5.0");
    shelf.publish("1.5.0", &wide);
    serving.until_refused("1.5.0").await;
    let release = [shelf.key()];
    shelf.compare(("1.4.1", &same), ("1.5.0", &wide), "wider", &release);
    shelf.index();
    serving
        .until_module(|module| {
            let why = module["rollout"]["refused"][0]["why"].as_str();
            why.is_some_and(|why| why.contains("no second key"))
        })
        .await;
    let both = [shelf.key(), &second];
    shelf.compare(("1.4.1", &same), ("1.5.0", &wide), "wider", &both);
    shelf.index();
    serving.until_version("1.5.0").await;
    assert!(serving.allows("one").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_key_may_let_in_more_that_is_said() {
    let (place, mut shelf, second) = gated();
    let other = "modules = [\"acme-deploy\"]\nsigns = [\"wider\"]";
    let text = fs::read_to_string(place.path("claimbound.toml")).unwrap();
    assert!(text.contains(other));
    let text = text.replace(other, &other.replace("acme-deploy", "acme-train"));
    place.write("claimbound.toml", text);
    let first = strict("1.4.0");
    shelf.publish("1.4.0", &first);
    let serving = place.serve().await;
    let wide = version("1.5.0");
    shelf.publish("1.5.0", &wide);
    serving.until_refused("1.5.0").await;
    let both = [shelf.key(), &second];
    shelf.compare(("1.4.0", &first), ("1.5.0", &wide), "wider", &both);
    shelf.index();
    let told = |module: &serde_json::Value| {
        let why = module["rollout"]["refused"][0]["why"].as_str();
        let wanted = "it is wider, and no key of store `main` may sign `wider` for `acme-deploy`";
        why.is_some_and(|why| why.contains(wanted))
    };
    serving.until_module(told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comparison_with_another_version_says_nothing() {
    let (place, mut shelf, _) = gated();
    let first = version("1.4.0");
    shelf.publish("1.4.0", &first);
    let serving = place.serve().await;
    let next = version("1.5.0");
    shelf.publish("1.5.0", &next);
    let release = [shelf.key()];
    shelf.compare(
        ("1.4.0", b"another"),
        ("1.5.0", &next),
        "equivalent",
        &release,
    );
    shelf.compare(("1.3.0", &first), ("1.5.0", &next), "equivalent", &release);
    let (step, _) = serving.until_refused("1.5.0").await;
    assert_eq!(step, "comparison");
    // The same key twice is one key.
    let twice = [shelf.key(), shelf.key()];
    shelf.compare(("1.4.0", &first), ("1.5.0", &next), "different", &twice);
    fs::remove_file(shelf.place("1.5.0").join("comparison-from-1.3.0.json")).unwrap();
    shelf.index();
    let told = |module: &serde_json::Value| {
        let why = module["rollout"]["refused"][0]["why"].as_str();
        why.is_some_and(|why| why.contains("no second key"))
    };
    serving.until_module(told).await;
    assert_eq!(serving.module().await["version"], "1.4.0");
}
