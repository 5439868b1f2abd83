//! What is refused on its way to a route, with what is in use undisturbed.

use std::fs;
use std::os::unix::fs::symlink;

use claimbound::clock::date;
use claimbound::modules::Form;
use claimbound_server::server::Server;

use super::super::{clock, environment};
use super::shelf::{key, replace, statement};
use super::{Place, configure, place, version};

/// What is done to a component after it was signed.
type Spoil = fn(&mut Vec<u8>);

async fn not_started(place: &Place) -> String {
    let started = Server::start(&place.path("claimbound.toml"), environment(), clock()).await;
    started.map(|_| ()).unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_that_no_version_is_in_is_no_configuration() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    configure(&place, &[("version = \"*\"", "version = \"^1, ^4\"")]);
    assert_eq!(
        not_started(&place).await,
        "route.deploy.module.version: no version is in all parts of `^1, ^4`; write one range, \
         such as `^1.4` or `>=1.4, <3`"
    );
    configure(&place, &[("version = \"*\"", "version = \">=1, <4\"")]);
    place.serve().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_not_what_was_signed_is_taken_up() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;

    // Each is the newest in its turn.
    let damage: [(&str, Spoil); 2] = [
        ("1.5.0", |bytes| bytes.truncate(bytes.len() / 2)),
        ("1.5.1", |bytes| *bytes.last_mut().unwrap() ^= 1),
    ];
    for (number, spoil) in damage {
        let good = version(number);
        let mut bad = good.clone();
        spoil(&mut bad);
        let signature = shelf
            .key()
            .sign(&statement(number, &good), Form::Detached)
            .unwrap();
        shelf.put(number, &bad, "sig", signature.as_bytes());
        replace(
            &shelf.place(number).join("statement.json"),
            &statement(number, &good),
        );
        shelf.list(number, &good);
        shelf.index();
        let (step, why) = serving.until_refused(number).await;
        assert_eq!(step, "fetch", "{why}");
        assert!(why.contains("sha256:"), "{why}");
    }

    let good = version("1.5.2");
    let signature = key()
        .sign(&statement("1.5.2", &good), Form::Detached)
        .unwrap();
    shelf.put("1.5.2", &good, "sig", signature.as_bytes());
    shelf.list("1.5.2", &good);
    shelf.index();
    let (step, _) = serving.until_refused("1.5.2").await;
    assert_eq!(step, "signature", "a stranger signed it");

    // What was signed for another version.
    let signature = shelf
        .key()
        .sign(&statement("1.5.0", &good), Form::Detached)
        .unwrap();
    shelf.put("1.5.3", &good, "sig", signature.as_bytes());
    replace(
        &shelf.place("1.5.3").join("statement.json"),
        &statement("1.5.0", &good),
    );
    shelf.list("1.5.3", &good);
    shelf.index();
    let (step, why) = serving.until_refused("1.5.3").await;
    assert_eq!(step, "signature");
    assert!(why.contains("acme-deploy@1.5.0"), "{why}");

    // What says of itself that it is another one than was signed.
    shelf.publish("1.5.4", &version("1.9.0"));
    let (step, why) = serving.until_refused("1.5.4").await;
    assert_eq!(step, "signature");
    assert!(why.contains("acme-deploy@1.9.0"), "{why}");

    // A version that the index promises with another digest than there is.
    shelf.publish("1.5.5", &version("1.5.5"));
    shelf.list("1.5.5", b"another");
    shelf.index();
    let (step, _) = serving.until_refused("1.5.5").await;
    assert_eq!(step, "fetch");

    assert_eq!(serving.module().await["version"], "1.4.0");
    assert!(serving.allows("one").await);
    let refused = "claimbound_modules_refused_total{route=\"deploy\",step=\"signature\"}";
    assert!(
        serving.metric(refused).await >= 3,
        "{}",
        serving.metrics().await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_version_has_one_digest_for_ever() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    place.serve().await.server.drain().await;
    // The same version once more, properly signed, with something else in it.
    fs::remove_dir_all(shelf.place("1.4.0")).unwrap();
    shelf.publish("1.4.0", &super::strict("1.4.0"));
    let why = not_started(&place).await;
    assert!(why.contains("one version has one digest"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_none_hides_nothing() {
    let (place, mut shelf) = place();
    let why = not_started(&place).await;
    assert!(why.contains("no such folder"), "{why}");
    fs::create_dir_all(shelf.place("1.4.0")).unwrap();
    let why = not_started(&place).await;
    assert!(why.contains("modules index"), "{why}");
    fs::remove_dir(shelf.place("1.4.0")).unwrap();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    let unknown = |why: &'static str| {
        let serving = &serving;
        async move {
            let told = |module: &serde_json::Value| {
                let told = module["rollout"]["unknown"]["why"].as_str();
                told.is_some_and(|told| told.contains(why))
            };
            serving.until_module(told).await
        }
    };
    let stranger = key();
    shelf.index_by(9, &stranger);
    unknown("no known key signed it; known: `release`, for `module`").await;
    shelf.expires = crate::forge::NOW;
    shelf.index();
    unknown("expired").await;
    // Whoever is to sign another in time is told of this one.
    let late = serving.module().await["rollout"]["index"].clone();
    let serial = late["serial"].as_u64().unwrap();
    assert_eq!(late["expires"], date(crate::forge::NOW));
    let expiry = "claimbound_module_index_expiry_seconds{route=\"deploy\"}";
    assert_eq!(serving.metric(expiry).await, 0);
    shelf.index_by(1, shelf.key());
    shelf.expires += 60;
    shelf.index_by(0, shelf.key());
    unknown("serial 0").await;
    let module = serving.module().await;
    assert_eq!(module["rollout"]["index"]["serial"], serial);
    assert_eq!(module["version"], "1.4.0");
    assert!(serving.allows("one").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_signed_decides_only_where_that_is_said() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    fs::remove_file(shelf.place("1.4.0").join("statement.json.sigstore.json")).unwrap();
    let why = not_started(&place).await;
    assert!(
        why.contains("no signature") || why.contains("unsigned"),
        "{why}"
    );
    configure(
        &place,
        &[("module = {", "danger_unsigned = true\nmodule = {")],
    );
    let serving = place.serve().await;
    let module = serving.module().await;
    assert_eq!(
        (&module["version"], &module["rollout"]["unsigned"]),
        (&"1.4.0".into(), &true.into())
    );
    // What anybody may write binds nobody.
    serving.server.drain().await;
    shelf.index_by(1_000, &key());
    place.serve().await.server.drain().await;
    let signed = shelf
        .key()
        .sign(&statement("1.4.0", &version("1.4.0")), Form::Bundle);
    let beside = shelf.place("1.4.0").join("statement.json.sigstore.json");
    fs::write(beside, signed.unwrap().as_bytes()).unwrap();
    shelf.index();
    configure(&place, &[]);
    place.serve().await.server.drain().await;
    // A file that nobody signed is no different.
    let place = Place::new();
    place.configure(&[("danger_unsigned = true\n", "")]);
    let why = not_started(&place).await;
    assert!(
        why.contains("route.deploy.policy") && why.contains("danger_unsigned"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_lead_nowhere() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_version("1.5.0").await;
    let outside = place.path("outside.wasm");
    fs::write(&outside, version("1.6.0")).unwrap();
    let signature = shelf
        .key()
        .sign(&statement("1.6.0", &version("1.6.0")), Form::Detached);
    shelf.put(
        "1.6.0",
        &version("1.6.0"),
        "sig",
        signature.unwrap().as_bytes(),
    );
    let module = shelf.place("1.6.0").join("module.wasm");
    fs::remove_file(&module).unwrap();
    symlink(&outside, &module).unwrap();
    shelf.list("1.6.0", &version("1.6.0"));
    shelf.index();
    let (step, why) = serving.until_refused("1.6.0").await;
    assert_eq!(step, "fetch", "{why}");
    assert_eq!(serving.module().await["version"], "1.5.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_for_another_contract_waits_beside_those_for_this_one() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    let next = version("1.6.0");
    let statement = String::from_utf8(statement("1.6.0", &next)).unwrap();
    let statement = statement.replace("policy@0.1.0", "policy@0.2.0");
    let signature = shelf
        .key()
        .sign(statement.as_bytes(), Form::Bundle)
        .unwrap();
    shelf.put("1.6.0", &next, "sigstore.json", signature.as_bytes());
    replace(
        &shelf.place("1.6.0").join("statement.json"),
        statement.as_bytes(),
    );
    shelf.list("1.6.0", &next);
    shelf.publish("1.5.0", &version("1.5.0"));
    let (step, why) = serving.until_refused("1.6.0").await;
    assert_eq!(step, "signature");
    assert!(why.contains("claimbound:policy@0.2.0"), "{why}");
    serving.until_version("1.5.0").await;
}
