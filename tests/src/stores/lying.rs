//! Registries that are slow, endless, wrong or cunning: each is an error, soon,
//! and nothing of it is taken.

use claimbound::modules::Digest;
use claimbound_server::store::{Bounds, StoreError};
use serde_json::{Value, json};

use super::fake::{Fake, ME, Means, answer};
use super::raw::{Manner, Raw};
use super::world::{
    component, credentials, docker_configuration, id, impatient, key, open, open_with, published,
};

const LIST: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry with one version, which asks for a token.
async fn filled() -> Fake {
    let fake = Fake::start(Means {
        referrers: Some(100),
        ..Means::default()
    })
    .await;
    let id = id("acme@1.4.0");
    let module = published(&id, component("one"), &key());
    open(&fake.place()).push(&id, &module).await.unwrap();
    fake
}

/// What comes of a fetch.
async fn fetch(fake: &Fake, promised: Option<&Digest>) -> StoreError {
    let configuration = docker_configuration(&fake.host(), ME);
    let store = open_with(&fake.place(), credentials(&configuration), impatient());
    store.fetch(&id("acme@1.4.0"), promised).await.unwrap_err()
}

/// Lets a registry send whoever asks for what begins so to another place.
fn send_to(fake: &Fake, kind: &'static str, place: String) {
    fake.lie(move |parts| {
        let is_it = parts.uri.path().contains(kind);
        is_it.then(|| answer(307, &[("location", &place)], ""))
    });
}

#[tokio::test]
async fn whatever_a_place_does_that_bytes_come_from_it_is_given_up() {
    let one = component("one");
    let mut swapped = one.clone();
    *swapped.last_mut().unwrap() ^= 1;
    let shorter = one[..one.len() - 1].to_vec();
    let longer = [&one[..], b"x"].concat();
    for (manner, wanted) in [
        (Manner::Silent, "said nothing"),
        (Manner::Stalled, "said nothing"),
        (Manner::Dripping, "more than"),
        (Manner::Endless, "more than"),
        (Manner::Announcing(1 << 40), "more than"),
        (Manner::Cut(one.clone()), "can't be reached"),
        (Manner::Bytes(swapped), "has digest"),
        (Manner::Bytes(shorter), "has digest"),
        (Manner::Bytes(longer), "more than"),
        (Manner::Circling, "redirects too often"),
    ] {
        let fake = filled().await;
        let raw = Raw::start(manner.clone()).await;
        send_to(&fake, "/blobs/", format!("http://{}/blob", raw.host()));
        let error = fetch(&fake, None).await.to_string();
        assert!(error.contains(wanted), "{manner:?}: {error}");
        assert!(!raw.heads().is_empty(), "{manner:?} was asked");
    }
}

#[tokio::test]
async fn a_registry_that_drips_is_given_up_as_a_whole() {
    // A byte now and then keeps it from being silent.
    let raw = Raw::start(Manner::Dripping).await;
    let store = open_with(
        &format!("http://{}/acme", raw.host()),
        claimbound_server::store::Credentials::none(),
        impatient(),
    );
    let error = store.fetch(&id("acme@1.4.0"), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    let error = store.index(&"acme".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn who_one_is_stays_with_the_registry() {
    let fake = Fake::start(Means {
        referrers: Some(100),
        realm: Some(String::new()),
    })
    .await;
    let configuration = docker_configuration(&fake.host(), ME);
    let store = open_with(
        &fake.place(),
        credentials(&configuration),
        Bounds::default(),
    );
    let id = id("acme@1.4.0");
    let module = published(&id, component("one"), &key());
    store.push(&id, &module).await.unwrap();
    let raw = Raw::start(Manner::Bytes(module.component.clone())).await;
    let place = format!("http://{}/blob", raw.host());
    let (component, elsewhere) = (Digest::of(&module.component).to_string(), place.clone());
    fake.lie(move |parts| {
        let is_it =
            parts.uri.path().ends_with(&component) && parts.headers.contains_key("authorization");
        is_it.then(|| answer(307, &[("location", &elsewhere)], ""))
    });
    assert_eq!(
        store.fetch(&id, None).await.unwrap(),
        module,
        "what it is sent to is held alike"
    );
    let heads = raw.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    let head = heads[0].to_lowercase();
    assert!(
        !head.contains("authorization") && !head.contains("t0ken"),
        "{head}"
    );
    assert!(!head.contains("referer"), "{head}");
}

#[tokio::test]
async fn a_place_elsewhere_that_asks_who_one_is_learns_nothing() {
    let fake = filled().await;
    let other = Fake::start(Means::default()).await;
    other.lie(|_| {
        Some(answer(
            401,
            &[("www-authenticate", "Basic realm=\"x\"")],
            "",
        ))
    });
    send_to(&fake, "/blobs/", format!("http://{}/blob", other.host()));
    let error = fetch(&fake, None).await;
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    let asked = other.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].2, None);
}

#[tokio::test]
async fn a_registry_leads_to_no_place_without_tls_on_another_host() {
    for place in [
        "http://localhost:1/x",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://[",
    ] {
        let fake = filled().await;
        send_to(&fake, "/blobs/", place.to_owned());
        let error = fetch(&fake, None).await;
        assert!(
            matches!(error, StoreError::Unreachable { .. }),
            "{place}: {error}"
        );
        assert!(
            error.to_string().contains("it leads on to"),
            "{place}: {error}"
        );
    }
}

#[tokio::test]
async fn another_digest_than_promised_is_refused_before_a_byte_of_it_is_asked_for() {
    let fake = filled().await;
    let before = fake.asked().len();
    let error = fetch(&fake, Some(&Digest::of(b"another"))).await;
    assert!(matches!(error, StoreError::WrongDigest { .. }), "{error}");
    let asked = fake.asked().split_off(before);
    assert!(
        !asked.iter().any(|(_, path, _)| path.contains("/blobs/")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let fake = filled().await;
    let digest = Digest::of(b"another").to_string();
    fake.lie(move |parts| {
        let is_tag = parts.uri.path().ends_with("/manifests/1.4.0");
        let headers = [
            ("content-type", MANIFEST),
            ("docker-content-digest", &*digest),
        ];
        is_tag.then(|| answer(200, &headers, "{}"))
    });
    let error = fetch(&fake, None).await;
    assert!(matches!(error, StoreError::WrongDigest { .. }), "{error}");
}

#[tokio::test]
async fn a_manifest_is_one_component_of_a_bounded_size() {
    let layer = |kind: &str, size: u64| json!({ "mediaType": kind, "digest": Digest::of(b"x").to_string(), "size": size });
    let wasm = "application/wasm";
    let list = json!([layer(MANIFEST, 1)]);
    for (kind, layers, wanted) in [
        (
            MANIFEST,
            json!([layer(wasm, 1 << 40)]),
            "more than 67108864 bytes",
        ),
        (
            MANIFEST,
            json!([layer(wasm, 1), layer(wasm, 1)]),
            "it is not one layer",
        ),
        (
            MANIFEST,
            json!([layer("text/html", 1)]),
            "it is not one layer",
        ),
        (MANIFEST, json!([]), "it is not one layer"),
        (MANIFEST, json!(7), "it lacks what it should hold"),
        (
            MANIFEST,
            json!([{ "mediaType": wasm, "digest": "md5:00", "size": 1 }]),
            "`md5:00`",
        ),
        (LIST, list, "it is not of type"),
        ("text/html; charset=utf-8", json!([]), "it is not of type"),
    ] {
        let fake = filled().await;
        let manifest = json!({ "schemaVersion": 2, "config": layer("x", 2), "layers": layers });
        fake.put("1.4.0", kind, manifest.to_string());
        let before = fake.asked().len();
        let error = fetch(&fake, None).await.to_string();
        assert!(error.contains(wanted), "{error}");
        let asked = fake.asked().split_off(before);
        assert!(
            !asked.iter().any(|(_, path, _)| path.contains("/blobs/")),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn a_page_of_html_is_no_list() {
    for (path, wanted) in [
        ("/referrers/", "it is no JSON"),
        ("/manifests/", "it is not of type"),
    ] {
        let fake = filled().await;
        fake.lie(move |parts| {
            let html = "<html><h1>Sign in hunter2</h1></html>";
            let is_it = parts.uri.path().contains(path);
            is_it.then(|| answer(200, &[("content-type", "text/html")], html))
        });
        let error = fetch(&fake, None).await;
        assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

/// A list of referrers of so many artifacts that are not there.
fn bomb(count: usize) -> Value {
    let digest = |number: usize| Digest::of(&number.to_be_bytes()).to_string();
    let one = |number| {
        json!({ "mediaType": MANIFEST, "digest": digest(number), "size": 1,
                "artifactType": "application/vnd.claimbound.comparison.v1+json" })
    };
    let manifests: Vec<_> = (0..count).map(one).collect();
    json!({ "schemaVersion": 2, "mediaType": LIST, "manifests": manifests })
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let always = move |link: &'static str| {
        let number = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let link = link.replace('#', &number.to_string());
        answer(200, &[("link", &link)], bomb(0).to_string())
    };
    let always = std::sync::Arc::new(always);
    for (link, wanted) in [
        (
            "</v2/acme/acme/referrers/x?#>; rel=\"next\"",
            "more than 64 pages",
        ),
        (
            "</v2/acme/acme/referrers/x>; rel=\"next\"",
            "leads in a circle",
        ),
        (
            "<http://localhost:1/x>; rel=\"next\"",
            "not on the same registry",
        ),
    ] {
        let fake = filled().await;
        let always = std::sync::Arc::clone(&always);
        fake.lie(move |parts| {
            parts
                .uri
                .path()
                .contains("/referrers/")
                .then(|| always(link))
        });
        let error = fetch(&fake, None).await.to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_list_of_too_much_is_given_up_before_it_is_followed() {
    for (list, wanted) in [
        (bomb(129).to_string(), "more than 128"),
        (bomb(100_000).to_string(), "more than 1048576 bytes"),
        (format!("{{\"x\":{}", "[".repeat(1 << 19)), "no JSON"),
    ] {
        let fake = filled().await;
        fake.lie(move |parts| {
            let is_it = parts.uri.path().contains("/referrers/");
            is_it.then(|| answer(200, &[], list.clone()))
        });
        let before = fake.asked().len();
        let error = fetch(&fake, None).await.to_string();
        assert!(error.contains(wanted), "{error}");
        let asked = fake.asked().split_off(before);
        assert_eq!(
            asked.len(),
            3,
            "the tag, the component and the list: {asked:?}"
        );
    }
}

#[tokio::test]
async fn an_artifact_holds_what_it_says() {
    let fake = filled().await;
    let list = bomb(1);
    fake.lie(move |parts| {
        let is_it = parts.uri.path().contains("/referrers/");
        is_it.then(|| answer(200, &[], list.to_string()))
    });
    let error = fetch(&fake, None).await;
    assert!(matches!(error, StoreError::Absent { .. }), "{error}");
}

#[tokio::test]
async fn a_statement_that_anybody_attached_takes_no_other_s_place() {
    let fake = filled().await;
    let (store, id, mallory) = (open(&fake.place()), id("acme@1.4.0"), key());
    let there = store.fetch(&id, None).await.unwrap();
    // What a push here refuses, somebody puts there by other means.
    let other = super::world::id("acme@9.9.9");
    let forged = published(&other, component("one"), &mallory);
    let aside = Fake::start(Means {
        referrers: Some(100),
        ..Means::default()
    })
    .await;
    open(&aside.place()).push(&other, &forged).await.unwrap();
    fake.adopt(&aside, &fake.subject("1.4.0"));
    let both = store.fetch(&id, None).await.unwrap();
    assert_eq!(both.statements.len(), 2);
    assert_eq!(both.statements[0], there.statements[0], "it comes first");
}

/// What refers to the version.
fn subject(fake: &Fake) -> Value {
    json!({ "mediaType": MANIFEST, "digest": fake.subject("1.4.0"), "size": 1 })
}

#[tokio::test]
async fn an_artifact_that_is_none_hides_no_other() {
    let fake = filled().await;
    let (store, id) = (open(&fake.place()), id("acme@1.4.0"));
    let there = store.fetch(&id, None).await.unwrap();
    let kind = "application/vnd.claimbound.statement.v1+json";
    let layer = |kind: &str, size: u64| json!({ "mediaType": kind, "digest": Digest::of(b"x").to_string(), "size": size });
    let signature = layer("application/vnd.claimbound.signature.v1", 1);
    for layers in [
        json!([]),
        json!([layer("text/html", 1)]),
        json!([layer(kind, 1)]),
        json!([layer(kind, 1 << 40)]),
        json!([{ "mediaType": kind, "digest": "md5:00", "size": 1 }]),
        Value::Array([vec![layer(kind, 1)], vec![signature; 17]].concat()),
        json!(7),
    ] {
        let artifact = json!({ "schemaVersion": 2, "artifactType": kind, "config": layer("x", 2),
                               "layers": layers, "subject": subject(&fake) });
        let digest = Digest::of(artifact.to_string().as_bytes()).to_string();
        fake.put(&digest, MANIFEST, artifact.to_string());
        assert_eq!(store.fetch(&id, None).await.unwrap(), there, "{artifact}");
        let mut asked = fake.asked().into_iter();
        assert!(
            asked.any(|(_, path, _)| path.ends_with(&digest)),
            "{digest}"
        );
    }
}

#[tokio::test]
async fn more_than_is_taken_of_a_version_is_an_error_and_not_half_of_it() {
    let fake = filled().await;
    let (store, id) = (open(&fake.place()), id("acme@1.4.0"));
    let module = store.fetch(&id, None).await.unwrap();
    let mut other = module.clone();
    other.provenance = Some(vec![b' '; 1 << 20]);
    store.push(&id, &other).await.unwrap();
    let kind = "application/vnd.claimbound.provenance.v1+json";
    for number in 0..8 {
        let document = vec![b' '; (1 << 20) - number];
        let layer = json!({ "mediaType": kind, "digest": Digest::of(&document).to_string(), "size": document.len() });
        let artifact = json!({ "schemaVersion": 2, "artifactType": kind, "config": layer,
                               "layers": [layer], "subject": subject(&fake) });
        let digest = Digest::of(artifact.to_string().as_bytes()).to_string();
        fake.put(&digest, MANIFEST, artifact.to_string());
    }
    let fetched = store.fetch(&id, None).await.map(|_| ());
    let is_too_large = matches!(fetched, Err(StoreError::TooLarge { .. }));
    assert!(is_too_large, "{fetched:?}");
}

#[tokio::test]
async fn a_failure_of_the_registry_is_told_by_its_code_alone() {
    for (status, body, wanted) in [
        (503, "", "status 503"),
        (
            429,
            r#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#,
            "(TOOMANYREQUESTS)",
        ),
        (500, r#"{"errors":[{"code":"\u001b[2J"}]}"#, "status 500"),
        (
            403,
            r#"{"errors":[{"code":"DENIED","message":"hunter2"}]}"#,
            "(DENIED)",
        ),
    ] {
        let fake = filled().await;
        fake.lie(move |_| Some(answer(status, &[], body)));
        let error = fetch(&fake, None).await;
        let is_refused = matches!(error, StoreError::Refused { .. });
        assert_eq!(is_refused, status == 403, "{error}");
        let error = error.to_string();
        assert!(
            error.contains(wanted) && !error.contains("hunter2"),
            "{error}"
        );
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
}
