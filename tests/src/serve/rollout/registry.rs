//! A host that takes its modules from a registry that runs.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use claimbound::ledger::{Change, Ledger, Sqlite};
use claimbound::modules::{Digest, Form, Index, Listed, SigningKey, Statement};
use claimbound_server::server::Server;
use claimbound_server::store::Store;
use tokio::sync::Notify;

use super::super::{clock, environment};
use super::shelf::NAME;
use super::{Place, Serving, Shelf, order, place_with, version};
use crate::forge::NOW;
use crate::stores::docker::Registry;
use crate::stores::fake::{Fake, Means, answer};
use crate::stores::raw::{Manner, Raw};
use crate::stores::world::{id, open, published, sign};

/// Publishes these versions, of which the index then speaks.
pub(super) async fn publish(store: &Store, serial: u64, versions: &[&str], key: &SigningKey) {
    for number in versions {
        let (id, component) = (id(&format!("{NAME}@{number}")), version(number));
        store
            .push(&id, &published(&id, component, key))
            .await
            .unwrap();
    }
    list(store, serial, versions, key).await;
}

/// Has the index speak of these versions.
async fn list(store: &Store, serial: u64, versions: &[&str], key: &SigningKey) {
    let listed = versions.iter().map(|number| Listed {
        version: number.parse().unwrap(),
        digest: Digest::of(&version(number)),
        yanked: None,
    });
    let listed = listed.collect();
    let name = NAME.parse().unwrap();
    let index = Index::new(name, serial, NOW - 60, NOW + 3600, listed).unwrap();
    let signed = sign(index.to_bytes(), &[(key, Form::Bundle)]);
    store
        .push_index(&NAME.parse().unwrap(), &signed)
        .await
        .unwrap();
}

/// A registry with 1.4.0, and a place that keeps copies of what it takes there.
async fn copied(registry: &Registry) -> (Store, Place, Shelf) {
    let store = registry.store("policies");
    let from = format!("registry = \"oci://{}/policies\"", registry.host);
    let (place, shelf) = place_with(&[
        ("folder = \"store\"", &from),
        ("drain = \"5s\"", "drain = \"5s\"\nstate = \"state\""),
    ]);
    publish(&store, 1, &["1.4.0"], shelf.key()).await;
    (store, place, shelf)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_is_followed_and_not_needed_to_begin_again() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let (store, place, shelf) = copied(&registry).await;
    let serving = place.serve().await;
    publish(&store, 2, &["1.4.0", "1.5.0"], shelf.key()).await;
    serving.until_version("1.5.0").await;
    assert!(serving.allows("one").await);
    publish(&store, 3, &["1.5.0", "1.6.0"], shelf.key()).await;
    serving.until_version("1.6.0").await;
    drop(registry);
    let gone = |module: &serde_json::Value| !module["rollout"]["unknown"].is_null();
    serving.until_module(gone).await;
    assert!(serving.allows("two").await, "what is in use stays");
    serving.server.drain().await;

    let copies = place.path("state").join("modules/main/deploy").join(NAME);
    let kept = fs::read_dir(&copies).unwrap();
    let kept = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kept: BTreeSet<_> = kept.filter(|name| name.starts_with("1.")).collect();
    assert_eq!(kept, BTreeSet::from(["1.5.0", "1.6.0"].map(str::to_owned)));
    let serving = place.serve().await;
    assert_eq!(serving.module().await["version"], "1.6.0");
    assert!(serving.allows("three").await);
    serving.server.drain().await;
    // A copy is trusted no more than what it is a copy of.
    let copy = copies.join("1.6.0").join("module.wasm");
    let mut bytes = fs::read(&copy).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&copy, bytes).unwrap();
    let started = Server::start(&place.path("claimbound.toml"), environment(), clock()).await;
    let why = started.map(|_| ()).unwrap_err().to_string();
    assert!(why.contains("can't be reached"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_renewed_where_other_keys_count() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let (store, place, _shelf) = copied(&registry).await;
    place.serve().await.server.drain().await;
    // The same component, stated anew by another key.
    let (id, other) = (id(&format!("{NAME}@1.4.0")), super::shelf::key());
    let mut again = published(&id, version("1.4.0"), &other);
    let mut statement = Statement::parse(&again.statements[0].document).unwrap();
    statement.time += 1;
    again.statements = vec![sign(statement.to_bytes(), &[(&other, Form::Bundle)])];
    store.push(&id, &again).await.unwrap();
    list(&store, 2, &["1.4.0"], &other).await;
    place.write("release.pub", other.public().to_pem());
    place.serve().await.server.drain().await;
    drop(registry);
    let serving = place.serve().await;
    assert_eq!(serving.module().await["version"], "1.4.0");
    assert!(serving.allows("one").await);
}

/// A registry whose route serves 1.5.0 after 1.4.0, by a key.
async fn followed() -> (Fake, Place, Shelf, Serving) {
    let fake = Fake::start(Means {
        referrers: Some(100),
        ..Means::default()
    })
    .await;
    let from = format!("registry = \"{}\"", fake.place());
    let (place, shelf) = place_with(&[("folder = \"store\"", &from)]);
    let store = open(&fake.place());
    publish(&store, 1, &["1.4.0"], shelf.key()).await;
    let serving = place.serve().await;
    publish(&store, 2, &["1.4.0", "1.5.0"], shelf.key()).await;
    serving.until_version("1.5.0").await;
    (fake, place, shelf, serving)
}

/// Leads whoever asks for what ends so to a place that answers in that manner.
async fn lead(fake: &Fake, end: String, manner: Manner) -> Raw {
    let raw = Raw::start(manner).await;
    let elsewhere = format!("http://{}/", raw.host());
    fake.lie(move |parts| {
        let is_it = parts.uri.path().ends_with(&end);
        is_it.then(|| answer(307, &[("location", &elsewhere)], ""))
    });
    raw
}

async fn until_asked(raw: &Raw) {
    while raw.heads().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn go_back(place: &Place) {
    let to = format!("{NAME}@1.4.0").parse().unwrap();
    let route = "deploy".to_owned();
    order(place, Change::RollBack { route, to });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_go_back_waits_for_no_look() {
    let (fake, place, _shelf, serving) = followed().await;
    // It takes the question and says nothing, for longer than anything here is
    // waited for.
    let silent = lead(&fake, String::new(), Manner::Silent).await;
    until_asked(&silent).await;
    // Nor does it matter that another host has seen a later edition.
    let ledger = Ledger::sqlite(&Sqlite::at(place.path("ledger.db"))).unwrap();
    ledger.see_index("main", &NAME.parse().unwrap(), 9).unwrap();
    go_back(&place);
    serving.until_version("1.4.0").await;
    assert!(serving.allows("one").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_an_operator_overtakes_takes_nothing_up() {
    let (fake, place, shelf, serving) = followed().await;
    let (component, told) = (version("1.6.0"), Arc::new(Notify::new()));
    let manner = Manner::Late(component.clone(), Arc::clone(&told));
    let store = open(&fake.place());
    // It is there before the index lists it.
    let id = id(&format!("{NAME}@1.6.0"));
    let module = published(&id, component.clone(), shelf.key());
    store.push(&id, &module).await.unwrap();
    let late = lead(&fake, Digest::of(&component).to_string(), manner).await;
    publish(&store, 3, &["1.4.0", "1.5.0", "1.6.0"], shelf.key()).await;
    until_asked(&late).await;
    go_back(&place);
    serving.until_version("1.4.0").await;
    // What the look before waited for comes; the next one gets no answer.
    let silent = lead(&fake, "/manifests/index".to_owned(), Manner::Silent).await;
    told.notify_one();
    until_asked(&silent).await;
    let module = serving.module().await;
    assert_eq!(module["version"], "1.4.0");
    assert!(module["rollout"]["candidate"].is_null(), "{module:#}");
    assert_eq!(module["rollout"]["refused"], serde_json::json!([]));
}
