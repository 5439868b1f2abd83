//! Registries with a list of referrers, with pages, with tokens.

use claimbound::modules::{Digest, ModuleName};
use claimbound_server::store::{Bounds, Credentials, StoreError};
use serde_json::json;

use super::fake::{Fake, ME, Means};
use super::raw::{Manner, Raw};
use super::served::{self, Kept};
use super::world::{
    comparison, component, credentials, docker_configuration, id, key, open, open_with, published,
};

fn listing() -> Means {
    Means {
        referrers: Some(2),
        ..Means::default()
    }
}

#[tokio::test]
async fn a_registry_is_a_store_with_and_without_a_list_of_referrers() {
    for means in [listing(), Means::default()] {
        let fakes = [
            Fake::start(means.clone()).await,
            Fake::start(means.clone()).await,
            Fake::start(means.clone()).await,
            Fake::start(means.clone()).await,
            Fake::start(means.clone()).await,
        ];
        let [one, two, three, four, five] = fakes.each_ref().map(|fake| open(&fake.place()));
        served::gives_back_what_was_pushed(&one).await;
        served::one_version_has_one_digest_for_ever(&two).await;
        served::pushed_again_a_version_gets_what_it_lacks(&three).await;
        served::an_index_gives_way_to_a_later_edition_alone(&four, Kept::Manifests).await;
        served::what_others_attach_hides_nothing(&five).await;
    }
}

#[tokio::test]
async fn what_belongs_to_a_module_stands_at_a_tag_only_where_no_list_has_it() {
    for (means, tagged) in [(listing(), 0), (Means::default(), 1)] {
        let fake = Fake::start(means).await;
        let id = id("acme@1.4.0");
        let module = published(&id, component("one"), &key());
        open(&fake.place()).push(&id, &module).await.unwrap();
        let tags = fake.tags();
        assert!(tags.contains("1.4.0"), "{tags:?}");
        let by_tag = tags.iter().filter(|tag| tag.starts_with("sha256-"));
        assert_eq!(by_tag.count(), tagged, "{tags:?}");
    }
}

#[tokio::test]
async fn a_module_has_the_layout_of_a_wasm_artifact() {
    let fake = Fake::start(listing()).await;
    let id = id("acme@1.4.0");
    let module = published(&id, component("one"), &key());
    open(&fake.place()).push(&id, &module).await.unwrap();
    let manifest = fake.manifest("1.4.0");
    let kind = "application/vnd.oci.image.manifest.v1+json";
    assert_eq!(manifest["schemaVersion"], 2);
    assert_eq!(manifest["mediaType"], kind);
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    assert_eq!(
        manifest["layers"],
        json!([{ "mediaType": "application/wasm", "digest": Digest::of(&module.component).to_string(),
                 "size": module.component.len() }])
    );
    assert_eq!(
        manifest["annotations"]["org.opencontainers.image.version"],
        "1.4.0"
    );
    assert!(manifest.get("subject").is_none());
}

#[tokio::test]
async fn the_version_s_tag_is_the_last_that_is_put() {
    let fake = Fake::start(Means::default()).await;
    let id = id("acme@1.4.0");
    let module = published(&id, component("one"), &key());
    open(&fake.place()).push(&id, &module).await.unwrap();
    let mut puts = fake
        .asked()
        .into_iter()
        .filter(|(method, _, _)| method == "PUT");
    let last = puts.next_back().unwrap().1;
    assert_eq!(last, "/v2/acme/acme/manifests/1.4.0");
}

#[tokio::test]
async fn a_push_that_was_stopped_is_taken_up_again() {
    let id = id("acme@1.4.0");
    let mut module = published(&id, component("one"), &key());
    let digest = Digest::of(&module.component);
    module.comparisons = vec![comparison(&id, digest, "1.3.0", &key())];
    for means in [listing(), Means::default()] {
        // As many requests succeed, all after them fail.
        for stopped in 0..60 {
            let fake = Fake::start(means.clone()).await;
            let left = std::sync::atomic::AtomicUsize::new(stopped);
            fake.lie(move |_| {
                let order = std::sync::atomic::Ordering::Relaxed;
                let stops = left
                    .fetch_update(order, order, |left| left.checked_sub(1))
                    .is_err();
                stops.then(|| super::fake::answer(503, &[], ""))
            });
            let store = open(&fake.place());
            let first = store.push(&id, &module).await;
            fake.lie(|_| None);
            match first {
                Ok(()) => return,
                Err(error) => assert!(matches!(error, StoreError::Unreachable { .. }), "{error}"),
            }
            match store.fetch(&id, None).await {
                Ok(there) => assert_eq!(there, module, "after {stopped}"),
                Err(error) => assert!(matches!(error, StoreError::Absent { .. }), "{error}"),
            }
            store.push(&id, &module).await.unwrap();
            assert_eq!(
                store.fetch(&id, None).await.unwrap(),
                module,
                "after {stopped}"
            );
        }
    }
    panic!("it is pushed by fewer requests");
}

#[tokio::test]
async fn long_lists_come_page_by_page() {
    let fake = Fake::start(listing()).await;
    let (store, key) = (open(&fake.place()), key());
    let versions = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.10.0"];
    for version in versions {
        let id = id(&format!("acme@{version}"));
        store
            .push(&id, &published(&id, component(version), &key))
            .await
            .unwrap();
    }
    let newest = id("acme@1.10.0");
    let digest = Digest::of(&component("1.10.0"));
    for old in ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] {
        let compared = comparison(&newest, digest, old, &key);
        store.push_comparison(&newest, &compared).await.unwrap();
    }
    let name: ModuleName = "acme".parse().unwrap();
    let found = store.versions(&name).await.unwrap();
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found, versions);
    assert_eq!(
        store.fetch(&newest, None).await.unwrap().comparisons.len(),
        4
    );
}

#[tokio::test]
async fn what_others_attach_is_passed_over_and_kept() {
    let fake = Fake::start(Means::default()).await;
    let (id, key) = (id("acme@1.4.0"), key());
    let module = published(&id, component("one"), &key);
    let store = open(&fake.place());
    store.push(&id, &module).await.unwrap();
    let tag = fake
        .tags()
        .into_iter()
        .find(|tag| tag.starts_with("sha256-"))
        .unwrap();
    let mut list = fake.manifest(&tag);
    let other = json!({ "mediaType": "x", "digest": "sha512:00", "size": 1, "urls": ["a"],
        "artifactType": "application/vnd.example.sbom" });
    list["manifests"]
        .as_array_mut()
        .unwrap()
        .push(other.clone());
    fake.put(
        &tag,
        "application/vnd.oci.image.index.v1+json",
        list.to_string(),
    );
    assert_eq!(store.fetch(&id, None).await.unwrap(), module);
    let digest = Digest::of(&module.component);
    let compared = comparison(&id, digest, "1.3.0", &key);
    store.push_comparison(&id, &compared).await.unwrap();
    let list = fake.manifest(&tag);
    assert!(
        list["manifests"].as_array().unwrap().contains(&other),
        "{list}"
    );
}

#[tokio::test]
async fn a_token_is_got_by_a_password_or_an_identity_token() {
    let means = Means {
        realm: Some(String::new()),
        ..listing()
    };
    let (id, key) = (id("acme@1.4.0"), key());
    let module = published(&id, component("one"), &key);
    // The second is the user `<token>` with the password `identity`.
    for auth in [ME, "PHRva2VuPjppZGVudGl0eQ=="] {
        let fake = Fake::start(means.clone()).await;
        let configuration = docker_configuration(&fake.host(), auth);
        let store = open_with(
            &fake.place(),
            credentials(&configuration),
            Bounds::default(),
        );
        store.push(&id, &module).await.unwrap();
        assert_eq!(store.fetch(&id, None).await.unwrap(), module);
        let asked = fake.asked();
        let tokens = asked
            .iter()
            .filter(|(_, path, _)| path.starts_with("/token"));
        assert_eq!(tokens.count(), 2, "one to push, one to pull");
        for (_, path, shown) in asked
            .iter()
            .filter(|(_, path, _)| !path.starts_with("/token"))
        {
            let shown = shown.as_deref();
            assert!(
                shown.is_none() || shown == Some("Bearer t0ken"),
                "{path}: {shown:?}"
            );
        }
    }
}

#[tokio::test]
async fn who_is_unknown_is_refused_and_no_secret_told() {
    let means = Means {
        realm: Some(String::new()),
        ..listing()
    };
    let fake = Fake::start(means).await;
    let id = id("acme@1.4.0");
    let wrong = docker_configuration(&fake.host(), "bWU6aHVudGVyMw==");
    for credentials in [Credentials::none(), credentials(&wrong)] {
        let store = open_with(&fake.place(), credentials, Bounds::default());
        let error = store.fetch(&id, None).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
        let told = format!("{error} {error:?} {store:?}");
        assert!(!told.contains("hunter") && !told.contains("bWU6"), "{told}");
    }
}

#[tokio::test]
async fn a_password_goes_to_no_realm_on_another_host_or_port_without_tls() {
    for host in ["localhost", "127.0.0.1"] {
        let elsewhere = Raw::start(Manner::Silent).await;
        let port = elsewhere.host().rsplit_once(':').unwrap().1.to_owned();
        let means = Means {
            realm: Some(format!("http://{host}:{port}/token")),
            ..listing()
        };
        let fake = Fake::start(means).await;
        let configuration = docker_configuration(&fake.host(), ME);
        let store = open_with(
            &fake.place(),
            credentials(&configuration),
            Bounds::default(),
        );
        let error = store.fetch(&id("acme@1.4.0"), None).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
        assert_eq!(elsewhere.heads(), [""; 0], "{host}");
    }
}
