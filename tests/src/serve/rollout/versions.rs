//! Which version a route takes up, and which it never does.

use std::io::Write as _;
use std::sync::LazyLock;

use claimbound::ledger::{Change, Ledger, Sqlite, Taking};
use claimbound::modules::{Digest, ModuleId};
use claimbound_server::server::Server;

use super::super::process::Running;
use super::super::{clock, environment};
use super::shelf::NAME;
use super::{Place, order, place, place_with, version};
use crate::ledger::older::{contents, make_file};
use crate::stores::docker::Registry;

/// Why a host does not start.
async fn refused(place: &Place) -> String {
    let started = Server::start(&place.path("claimbound.toml"), environment(), clock()).await;
    started.map(|_| ()).unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_in_the_range_is_taken_up_while_it_serves() {
    let (place, mut shelf) = place_with(&[("version = \"*\"", "version = \"^1.4\"")]);
    shelf.publish("1.4.0", &version("1.4.0"));
    shelf.publish("1.3.0", &version("1.3.0"));
    let serving = place.serve().await;
    serving.until_version("1.4.0").await;
    assert!(serving.allows("one").await);
    shelf.publish("2.0.0", &version("2.0.0"));
    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_version("1.5.0").await;
    assert!(serving.allows("two").await);
    let taken_up = "claimbound_modules_taken_up_total{route=\"deploy\"}";
    serving.until(taken_up, 1).await;
    let module = serving.module().await;
    assert_eq!(module["rollout"]["keys"], serde_json::json!(["release"]));
    assert_eq!(module["rollout"]["index"]["serial"], 4);
    let expiry = "claimbound_module_index_expiry_seconds{route=\"deploy\"}";
    assert_eq!(serving.metric(expiry).await, 86_400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_a_version_says_what_there_is() {
    let (place, mut shelf) = place_with(&[("version = \"*\"", "version = \"=1.9.0\"")]);
    shelf.publish("1.9.0", &version("1.9.0"));
    shelf.yank("1.9.0", "lets forks in");
    let lacks = "route.deploy.module: store `main` has no version of `acme-deploy` in";
    assert_eq!(
        refused(&place).await,
        format!(
            "{lacks} `=1.9.0` that may be begun with; 1.9.0 is there and yanked: lets forks in"
        )
    );
    super::configure(&place, &[("version = \"*\"", "version = \"^3\"")]);
    assert_eq!(
        refused(&place).await,
        format!("{lacks} `^3` that may be begun with; the newest there is 1.9.0")
    );
    super::configure(
        &place,
        &[("name = \"acme-deploy\"", "name = \"acme-deply\"")],
    );
    let why = refused(&place).await;
    let near = "there is none (did you mean `acme-deploy`?); `claimbound modules index`";
    assert!(why.contains(near), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_route_went_back_to_out_of_the_range_is_told() {
    let (place, mut shelf) = place();
    shelf.publish("1.3.0", &version("1.3.0"));
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_version("1.5.0").await;
    super::configure(&place, &[("version = \"*\"", "version = \">=1.5\"")]);
    let is_taken_up = |module: &serde_json::Value| module["rollout"]["range"] == ">=1.5";
    serving.until_module(is_taken_up).await;
    let to = format!("{NAME}@1.4.0").parse().unwrap();
    let route = "deploy".to_owned();
    order(&place, Change::RollBack { route, to });
    let (_, why) = serving.until_refused("1.4.0").await;
    assert_eq!(
        why,
        "the route went back to it, and `>=1.5` does not take it; widen `version`, and this host \
         follows; 1.5.0 decides here until then"
    );
    serving.server.drain().await;

    let why = refused(&place).await;
    let out = "the route went back to 1.4.0, which `version = \">=1.5\"` does not take";
    let widen = "widen `version`, or publish a version in it above 1.5.0";
    assert!(why.contains("alice rolled back"), "{why}");
    assert!(why.ends_with(&format!("; {out}; {widen}")), "{why}");
    shelf.yank("1.5.0", "lets forks in");
    let yanked = "1.5.0 is there and yanked: lets forks in";
    assert_eq!(
        refused(&place).await,
        format!("route.deploy.module: {out}; {yanked}; {widen}")
    );
    super::configure(&place, &[("version = \"*\"", "version = \"=1.3.0\"")]);
    let why = refused(&place).await;
    let back = "1.3.0 is lower than what was served: `claimbound modules rollback acme-deploy \
                --route deploy --to 1.3.0 --reason WHY` goes back to it";
    assert!(why.contains(back), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_says_which_version_decides_from_the_start() {
    let (place, mut shelf) = place();
    // The program has a clock of its own.
    shelf.expires = 4_000_000_000;
    shelf.publish("1.4.0", &version("1.4.0"));
    let mut running = Running::start(&place, &[]);
    let line: serde_json::Value = serde_json::from_str(&running.line("a module decides")).unwrap();
    assert_eq!(line["route"], "deploy");
    assert_eq!(line["version"], "1.4.0");
    assert_eq!(line["digest"], Digest::of(&version("1.4.0")).to_string());
    running.signal("-TERM");
    running.exit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_of_this_machine_without_tls_is_told_as_one() {
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = plain.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in plain.incoming() {
            let answered = stream
                .unwrap()
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            answered.unwrap();
        }
    });
    let from = format!("registry = \"https://{host}/policies\"");
    let (place, _) = place_with(&[("folder = \"store\"", &from)]);
    let why = refused(&place).await;
    let hint = format!("it seems to be without TLS, which is written `http://{host}/policies`");
    assert!(why.ends_with(&hint), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_served_is_never_followed_by_less() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    shelf.publish("1.5.0", &version("1.5.0"));
    place.serve().await.server.drain().await;
    // Somebody takes the newest away, whose key is good.
    shelf.unlist("1.5.0");
    shelf.index();
    let why = refused(&place).await;
    assert!(
        why.contains("has no version of `acme-deploy`") && why.contains("1.5.0"),
        "{why}"
    );
    // An edition that was true once.
    shelf.index_by(1, shelf.key());
    let why = refused(&place).await;
    assert!(
        why.contains("serial 1") && why.contains("serial 3"),
        "{why}"
    );
    shelf.publish("1.6.0", &version("1.6.0"));
    let serving = place.serve().await;
    serving.until_version("1.6.0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_goes_back_and_what_was_left_is_not_taken_up_again() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_version("1.5.0").await;
    order(
        &place,
        Change::RollBack {
            route: "deploy".to_owned(),
            to: format!("{NAME}@1.4.0").parse().unwrap(),
        },
    );
    serving.until_version("1.4.0").await;
    let (step, why) = serving.until_refused("1.5.0").await;
    assert_eq!(step, "version");
    assert!(
        why.contains("alice rolled back (it was tried); a version above 1.5.0"),
        "{why}"
    );
    shelf.publish("1.5.1", &version("1.5.1"));
    serving.until_version("1.5.1").await;
    serving.server.drain().await;
    // And so after a restart.
    let serving = place.serve().await;
    assert_eq!(serving.module().await["version"], "1.5.1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_higher_major_version_waits_for_an_operator() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("2.0.0", &version("2.0.0"));
    let (step, why) = serving.until_refused("2.0.0").await;
    assert_eq!(step, "version");
    assert!(why.contains("nobody approved"), "{why}");
    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_version("1.5.0").await;
    order(
        &place,
        Change::ApproveMajor {
            route: "deploy".to_owned(),
            name: NAME.parse().unwrap(),
            major: 2,
        },
    );
    serving.until_version("2.0.0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yanked_version_is_not_begun_with_and_one_in_use_stays() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    shelf.publish("1.5.0", &version("1.5.0"));
    shelf.yank("1.5.0", "lets forks in");
    let serving = place.serve().await;
    assert_eq!(serving.module().await["version"], "1.4.0");
    shelf.yank("1.4.0", "lets forks in too");
    let module = serving
        .until_module(|module| module["rollout"]["concern"] == "it is yanked: lets forks in too")
        .await;
    assert_eq!(module["version"], "1.4.0");
    serving.server.drain().await;
    let serving = place.serve().await;
    assert_eq!(
        serving.module().await["version"],
        "1.4.0",
        "it was served before"
    );
    shelf.publish("1.6.0", &version("1.6.0"));
    serving.until_version("1.6.0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_range_or_key_is_taken_up_with_the_configuration() {
    let (place, mut shelf) = place_with(&[("version = \"*\"", "version = \"=1.4.0\"")]);
    shelf.publish("1.4.0", &version("1.4.0"));
    shelf.publish("1.5.0", &version("1.5.0"));
    let serving = place.serve().await;
    assert_eq!(serving.module().await["version"], "1.4.0");
    super::configure(&place, &[("version = \"*\"", "version = \"=1.5.0\"")]);
    serving.until_version("1.5.0").await;
    // Whose word does not count any more does not decide from then on.
    place.write("release.pub", super::shelf::key().public().to_pem());
    serving
        .until("claimbound_reloads_total{result=\"refused\"}", 1)
        .await;
    assert_eq!(
        serving.module().await["version"],
        "1.5.0",
        "the last good one stays"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_go_back_takes_no_store() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_version("1.5.0").await;
    std::fs::rename(place.path("store"), place.path("gone")).unwrap();
    let gone = |module: &serde_json::Value| !module["rollout"]["unknown"].is_null();
    serving.until_module(gone).await;
    let to = format!("{NAME}@1.4.0").parse().unwrap();
    let route = "deploy".to_owned();
    order(&place, Change::RollBack { route, to });
    serving.until_version("1.4.0").await;
    assert!(serving.allows("one").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_does_not_follow_another_one_out_of_its_range() {
    let (place, mut shelf) = place_with(&[("version = \"*\"", "version = \"=1.4.0\"")]);
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    let ledger = Ledger::sqlite(&Sqlite::at(place.path("ledger.db"))).unwrap();
    let taking = |serial| Taking {
        route: "deploy",
        store: "main",
        module: &MODULE,
        digest: Digest::of(&version("1.5.0")),
        index_serial: serial,
        after: None,
        at: crate::forge::NOW,
        by: "another host",
    };
    // What nobody vouches for says nothing of the index.
    ledger.serve(&taking(None)).unwrap();
    let (step, why) = serving.until_refused("1.5.0").await;
    assert_eq!(step, "version");
    assert!(why.contains("`=1.4.0` does not take it"), "{why}");
    assert_eq!(serving.module().await["version"], "1.4.0");
    super::configure(&place, &[("version = \"*\"", "version = \"^1.4\"")]);
    serving.until_version("1.5.0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_that_waits_for_a_store_holds_up_no_other_route() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    // Whoever connects is never answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = format!(
        "[store.silent]\nregistry = \"http://{}/policies\"\n\n\
         [route.other]\naudience = \"https://other.example\"\nissuers = [\"forge\"]\n\
         module = {{ store = \"silent\", name = \"acme-deploy\", version = \"*\" }}\n\n[monitor]",
        silent.local_addr().unwrap()
    );
    super::configure(&place, &[("[monitor]", &other)]);
    // It is asked for by then.
    let held = silent.accept().unwrap();
    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_version("1.5.0").await;
    assert!(serving.allows("one").await);
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehearsal_asks_a_registry_and_leaves_no_trace() {
    let Some(registry) = Registry::start(false) else {
        return;
    };
    let from = format!("registry = \"oci://{}/policies\"", registry.host);
    let (place, shelf) = place_with(&[("folder = \"store\"", &from)]);
    let store = registry.store("policies");
    super::registry::publish(&store, 1, &["1.4.0"], shelf.key()).await;
    let check = || {
        let path = place.path("claimbound.toml");
        claimbound_server::server::check(&path, &environment(), clock())
    };
    let checked = check().unwrap();
    assert_eq!(
        checked.routes,
        [("deploy".to_owned(), format!("{NAME}@1.4.0"))]
    );
    let ledger = Ledger::sqlite(&Sqlite::at(place.path("ledger.db"))).unwrap();
    assert_eq!(ledger.all_served().unwrap(), []);
    ledger.see_index("main", &NAME.parse().unwrap(), 0).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_of_a_configuration_leaves_an_older_ledger_as_it_is() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    std::fs::remove_file(place.path("ledger.db")).unwrap();
    make_file(&place.path("ledger.db"));
    let before = contents(&place.path(""));
    let path = place.path("claimbound.toml");
    let checked = claimbound_server::server::check(&path, &environment(), clock()).unwrap();
    assert_eq!(
        checked.routes,
        [("deploy".to_owned(), format!("{NAME}@1.4.0"))]
    );
    let [warning] = &checked.warnings[..] else {
        panic!("{:?}", checked.warnings);
    };
    let told = "ledger: the ledger's tables are of version 1; they are brought to version 2 by";
    assert!(warning.starts_with(told), "{warning}");
    assert_eq!(contents(&place.path("")), before);
    // A host that starts does.
    let serving = place.serve().await;
    assert_eq!(serving.module().await["version"], "1.4.0");
}

/// Puts what the ledger says that the route serves back in the file, as an older
/// copy of it would have it.
fn put_back(place: &Place, to: &str) {
    let ledger = rusqlite::Connection::open(place.path("ledger.db")).unwrap();
    let change = "UPDATE modules SET version = ?1, digest = ?2";
    let digest = Digest::of(&version(to)).to_string();
    assert_eq!(ledger.execute(change, [to, &*digest]).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_copy_of_the_ledger_is_noticed_and_takes_nothing_back() {
    let (place, mut shelf) = place();
    shelf.publish("1.4.0", &version("1.4.0"));
    let serving = place.serve().await;
    shelf.publish("1.5.0", &version("1.5.0"));
    serving.until_version("1.5.0").await;
    // The ledger is asked about it once more.
    let looked = |module: &serde_json::Value| module["rollout"]["looked"].is_string();
    serving.until_module(looked).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    put_back(&place, "1.4.0");
    let module = serving
        .until_module(|module| module["rollout"]["unknown"].is_object())
        .await;
    let why = module["rollout"]["unknown"]["why"].as_str().unwrap();
    let told = "the ledger has become an older copy of itself: it says that the route serves \
                1.4.0, after it said 1.5.0";
    assert!(why.starts_with(told), "{why}");
    shelf.publish("1.6.0", &version("1.6.0"));
    // What an operator bars there makes it no younger, and a reload begins with
    // nothing that the copy says.
    order(
        &place,
        Change::Reject {
            route: "deploy".to_owned(),
            module: format!("{NAME}@1.5.1").parse().unwrap(),
            unseen: true,
        },
    );
    super::configure(&place, &[("poll = \"100ms\"", "poll = \"200ms\"")]);
    serving
        .until("claimbound_reloads_total{result=\"refused\"}", 1)
        .await;
    assert_eq!(serving.module().await["version"], "1.5.0");
    assert!(serving.allows("one").await);
    put_back(&place, "1.5.0");
    serving.until_version("1.6.0").await;
}

/// What another host takes up.
static MODULE: LazyLock<ModuleId> = LazyLock::new(|| format!("{NAME}@1.5.0").parse().unwrap());
