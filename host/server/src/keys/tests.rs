//! When keys are fetched, for how long they are trusted, and what is kept of
//! them: an origin that does as it is told, and time that stands still.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimbound::clock::Clock;
use claimbound::issuer::{Issuer, Settings};
use claimbound::models::Registry;
use serde_json::{Value, json};
use tokio::time::advance;

use super::copy::Copies;
use super::origin::{Answer, Fault, Origin, Validators};
use super::source::{Kind, Source};
use super::supply::{COOL_DOWN, Shared, Supply};
use super::{Fetched, Keyring, Spec};
use crate::config;

const ISSUER: &str = "https://idp.example";
const START: u64 = 1_795_428_000;
/// More than any wait for a landing.
const SECOND: Duration = Duration::from_secs(1);

/// A clock that is set by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Answers what it was told to, and is down when it was told nothing.
#[derive(Clone, Default)]
struct Told(Arc<Telling>);

#[derive(Default)]
struct Telling {
    answers: Mutex<VecDeque<Option<Answer>>>,
    asked: Mutex<Vec<Option<Validators>>>,
}

impl Told {
    fn tell(&self, answer: Answer) {
        self.0.answers.lock().unwrap().push_back(Some(answer));
    }

    fn hang(&self) {
        self.0.answers.lock().unwrap().push_back(None);
    }

    fn count(&self) -> usize {
        self.0.asked.lock().unwrap().len()
    }
}

impl Origin for Told {
    async fn fetch(&self, held: Option<&Validators>) -> Result<Answer, Fault> {
        self.0.asked.lock().unwrap().push(held.cloned());
        let next = self.0.answers.lock().unwrap().pop_front();
        match next {
            Some(Some(answer)) => Ok(answer),
            Some(None) => std::future::pending().await,
            None => Err(Fault::Network("it is down".to_owned())),
        }
    }
}

fn jwk(id: &str) -> Value {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id })
}

fn set(keys: &[&Value]) -> Answer {
    aged(keys, None)
}

fn aged(keys: &[&Value], max_age: Option<u64>) -> Answer {
    Answer::Set {
        text: json!({ "keys": keys }).to_string().into_bytes(),
        validators: Validators {
            url: format!("{ISSUER}/keys"),
            etag: Some("\"1\"".to_owned()),
            last_modified: None,
        },
        max_age: max_age.map(Duration::from_secs),
    }
}

fn config(keys: &Value) -> config::Issuer {
    serde_json::from_value(json!({ "model": "gitlab", "url": ISSUER, "keys": keys })).unwrap()
}

fn source_of(keys: &Value) -> Result<Source, config::ConfigError> {
    let model = Registry::standard().get("gitlab").unwrap();
    Source::of("idp", &config(keys), model, Path::new("/nowhere"), &|_| {
        None
    })
}

fn fetched(keys: &Value) -> Fetched {
    match source_of(keys).unwrap().kind {
        Kind::Fetched(fetched) => *fetched,
        Kind::File { .. } | Kind::Inline(_) => panic!("not fetched"),
    }
}

fn discovered() -> Value {
    json!({ "from": "discovery", "fetch": {
        "every": "10m", "maximum_age": "1h", "timeout": "5s",
    } })
}

fn awaiting() -> Arc<Issuer> {
    let model = Registry::standard().get("gitlab").unwrap();
    Arc::new(Issuer::awaiting_keys(ISSUER, Arc::clone(model), Settings::default()).unwrap())
}

/// One issuer and its task.
struct Scene {
    shared: Arc<Shared>,
    clock: Arc<Hand>,
    task: tokio::task::JoinHandle<()>,
}

impl Scene {
    fn new(origin: &Told, copies: Option<&Arc<Copies>>, now: u64) -> Self {
        Self::of(&discovered(), origin, copies, now)
    }

    fn of(keys: &Value, origin: &Told, copies: Option<&Arc<Copies>>, now: u64) -> Self {
        let clock = Arc::new(Hand(AtomicU64::new(now)));
        let source = fetched(keys);
        let shared = Arc::new(Shared::new(awaiting(), source.pace.timeout));
        let mut supply = Supply::new(
            Arc::clone(&shared),
            source,
            origin.clone(),
            copies.cloned(),
            Arc::clone(&clock) as Arc<dyn Clock>,
        );
        let first = supply.warm();
        Self {
            shared,
            clock,
            task: tokio::spawn(supply.run(first)),
        }
    }

    /// Lets so much time go by, in steps that the task can follow.
    async fn pass(&self, time: Duration) {
        for _ in 0..time.as_secs() {
            self.clock.0.fetch_add(1, Ordering::Relaxed);
            advance(SECOND).await;
            settle().await;
        }
    }

    fn trusts(&self, id: &str) -> bool {
        let keys = self.shared.issuer.keys();
        keys.is_trusted_at(self.clock.now()) && keys.key(id).is_some()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lets every task that can go on do so.
async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_ahead_of_their_end_and_sooner_where_the_issuer_says() {
    let origin = Told::default();
    let (old, new) = (jwk("old"), jwk("new"));
    origin.tell(aged(&[&old], Some(120)));
    origin.tell(aged(&[&old, &new], Some(0)));
    origin.tell(set(&[&new]));
    let scene = Scene::new(&origin, None, START);
    settle().await;
    assert!(scene.trusts("old") && !scene.trusts("new"));
    scene.pass(Duration::from_secs(100)).await;
    assert_eq!(origin.count(), 1);
    scene.pass(Duration::from_secs(21)).await;
    assert_eq!(origin.count(), 2);
    assert!(scene.trusts("old") && scene.trusts("new"));
    // At once is not as soon as the issuer says: 30 seconds less a tenth.
    scene.pass(Duration::from_secs(10)).await;
    assert_eq!(origin.count(), 2);
    scene.pass(Duration::from_secs(21)).await;
    assert_eq!(origin.count(), 3);
    assert!(!scene.trusts("old") && scene.trusts("new"));
    assert_eq!(scene.shared.issuer.keys().generation(), 3);
}

#[tokio::test(start_paused = true)]
async fn keys_of_an_issuer_that_is_down_are_served_until_their_maximum_age() {
    let origin = Told::default();
    origin.tell(set(&[&jwk("k")]));
    let scene = Scene::new(&origin, None, START);
    settle().await;
    scene.pass(Duration::from_secs(3599)).await;
    assert!(scene.trusts("k"));
    assert!(origin.count() > 3, "it is asked again while it is down");
    scene.pass(SECOND).await;
    assert!(!scene.trusts("k"));
    assert_eq!(scene.shared.tally().fetched_at, Some(START));
    assert!(scene.shared.tally().last_error.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_for_ever_keeps_no_key_past_its_age() {
    let origin = Told::default();
    origin.tell(set(&[&jwk("withdrawn")]));
    for _ in 0..1000 {
        origin.hang();
    }
    let scene = Scene::new(&origin, None, START);
    settle().await;
    scene.pass(Duration::from_secs(3599)).await;
    assert!(scene.trusts("withdrawn"));
    scene.pass(SECOND).await;
    assert!(!scene.trusts("withdrawn"));
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_provoke_one_fetch_in_a_cool_down_and_put_off_nothing() {
    let origin = Told::default();
    let key = jwk("k");
    origin.tell(set(&[&key]));
    origin.tell(set(&[&key]));
    let scene = Scene::new(&origin, None, START);
    settle().await;
    // A crowd at once: one flight.
    let ask = || scene.shared.unknown_key();
    tokio::join!(ask(), ask(), ask(), ask(), ask());
    assert_eq!(origin.count(), 2);
    for _ in 0..1000 {
        ask().await;
    }
    assert_eq!(origin.count(), 2);
    scene.pass(COOL_DOWN).await;
    assert_eq!(origin.count(), 2, "what is over is not made up for");
    // An issuer that is down is asked as rarely, and as it is due.
    for round in 0..6 {
        for _ in 0..100 {
            ask().await;
        }
        assert_eq!(origin.count(), 3 + round);
        scene.pass(COOL_DOWN).await;
    }
    assert_eq!(scene.shared.tally().unknown, 1605);
    let before = origin.count();
    scene.pass(Duration::from_mins(9)).await;
    assert!(origin.count() > before, "the scheduled fetch was put off");
    assert!(scene.trusts("k"));
}

#[tokio::test(start_paused = true)]
async fn the_first_token_of_a_new_key_waits_for_one_fetch() {
    let origin = Told::default();
    let (old, new) = (jwk("old"), jwk("new"));
    origin.tell(set(&[&old]));
    origin.tell(set(&[&old, &new]));
    let scene = Scene::new(&origin, None, START);
    settle().await;
    assert!(!scene.trusts("new"));
    scene.shared.unknown_key().await;
    assert!(scene.trusts("old") && scene.trusts("new"));
    assert_eq!(origin.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_key_waits_no_longer_than_a_fetch_may_take() {
    let origin = Told::default();
    origin.tell(set(&[&jwk("k")]));
    origin.hang();
    let scene = Scene::new(&origin, None, START);
    settle().await;
    // Time runs by itself while all wait.
    scene.shared.unknown_key().await;
    settle().await;
    assert_eq!(scene.shared.tally().failed, 1);
    assert!(scene.trusts("k"));
}

#[tokio::test(start_paused = true)]
async fn unchanged_keys_are_trusted_anew_and_stay_of_their_generation() {
    let origin = Told::default();
    origin.tell(set(&[&jwk("k")]));
    origin.tell(Answer::Unchanged { max_age: None });
    let scene = Scene::new(&origin, None, START);
    scene.pass(Duration::from_secs(601)).await;
    assert_eq!(origin.count(), 2);
    let asked = origin.0.asked.lock().unwrap().clone();
    assert_eq!(asked[0], None);
    assert_eq!(asked[1].as_ref().unwrap().etag.as_deref(), Some("\"1\""));
    assert_eq!(scene.shared.issuer.keys().generation(), 1);
    scene.pass(Duration::from_secs(3500)).await;
    assert!(scene.trusts("k"));
}

#[tokio::test(start_paused = true)]
async fn what_is_unchanged_is_nothing_where_nothing_is_held() {
    let origin = Told::default();
    origin.tell(Answer::Unchanged { max_age: None });
    let scene = Scene::new(&origin, None, START);
    settle().await;
    assert!(!scene.shared.issuer.keys().is_trusted_at(START));
    assert_eq!(scene.shared.tally().failed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_none_leaves_the_last_one() {
    let origin = Told::default();
    origin.tell(set(&[&jwk("k")]));
    origin.tell(set(&[&jwk("twice"), &jwk("twice")]));
    origin.tell(Answer::Set {
        text: b"<html>".to_vec(),
        validators: Validators::default(),
        max_age: None,
    });
    let scene = Scene::new(&origin, None, START);
    scene.pass(Duration::from_secs(630)).await;
    assert!(origin.count() >= 3);
    assert!(scene.trusts("k") && !scene.trusts("twice"));
    assert!(scene.shared.tally().failed >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_bundles_hint_is_honoured_within_bounds() {
    let keys = json!({ "from": "url", "url": "https://spire.example/bundle", "form": "spiffe",
        "fetch": { "every": "10m", "maximum_age": "1h" } });
    let mut key = jwk("k");
    key["use"] = json!("jwt-svid");
    let bundle = |hint: u64| Answer::Set {
        text: json!({ "spiffe_sequence": 1, "spiffe_refresh_hint": hint, "keys": [key] })
            .to_string()
            .into_bytes(),
        validators: Validators::default(),
        max_age: None,
    };
    let origin = Told::default();
    origin.tell(bundle(60));
    origin.tell(bundle(1));
    origin.tell(bundle(86_400));
    let scene = Scene::of(&keys, &origin, None, START);
    scene.pass(Duration::from_secs(61)).await;
    assert_eq!(origin.count(), 2);
    assert!(scene.trusts("k"));
    scene.pass(Duration::from_secs(31)).await;
    assert_eq!(origin.count(), 3);
    scene.pass(Duration::from_secs(601)).await;
    assert!(origin.count() >= 4);
}

/// Lets a blocking write end: paused time runs by itself meanwhile.
async fn written(copies: &Arc<Copies>) {
    let source = fetched(&discovered());
    while copies.load(&source).ok().flatten().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn kept(state: &Path) -> Arc<Copies> {
    let copies = Arc::new(Copies::open(state).unwrap());
    let origin = Told::default();
    origin.tell(set(&[&jwk("k")]));
    let scene = Scene::new(&origin, Some(&copies), START);
    written(&copies).await;
    assert!(scene.trusts("k"));
    copies
}

#[tokio::test]
async fn a_restart_needs_no_issuer_and_ages_from_the_fetch() {
    let place = tempfile::tempdir().unwrap();
    let copies = kept(&place.path().join("state")).await;
    let down = Told::default();
    let scene = Scene::new(&down, Some(&copies), START + 3599);
    assert!(scene.trusts("k"));
    scene.clock.0.store(START + 3600, Ordering::Relaxed);
    assert!(!scene.trusts("k"));
    for untrusted in [START + 3600, START - 1] {
        let scene = Scene::new(&down, Some(&copies), untrusted);
        assert!(scene.shared.issuer.keys().keys().is_empty());
        assert!(!scene.trusts("k"), "at {untrusted}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_copy_that_another_could_have_written_is_not_used() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let copies = kept(&state).await;
    let file = fs::read_dir(&state)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&state), mode(&file)), (0o700, 0o600));
    let is_used = || {
        let scene = Scene::new(&Told::default(), Some(&copies), START + 1);
        scene.trusts("k")
    };
    assert!(is_used());
    fs::set_permissions(&file, Permissions::from_mode(0o620)).unwrap();
    assert!(!is_used());
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
    assert!(!is_used() && Copies::open(&state).is_err());
    fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
    assert!(is_used());
    let elsewhere = place.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    assert!(!is_used());
}

#[tokio::test]
async fn a_copy_that_is_broken_or_of_something_else_is_not_used() {
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let copies = kept(&state).await;
    let file = std::fs::read_dir(&state)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = std::fs::read_to_string(&file).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    let is_used = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Scene::new(&Told::default(), Some(&copies), START + 1).trusts("k")
    };
    assert!(is_used(&text));
    assert!(!is_used("") && !is_used(&text[..text.len() / 2]));
    assert!(!is_used(&"x".repeat(4 << 20)));
    for (member, value) in [
        ("claimbound", json!(2)),
        ("issuer", json!("https://other.example")),
        ("from", json!("https://other.example/keys")),
        ("form", json!("spiffe")),
        ("authorities", json!("another")),
        ("fetched", json!(START + 2)),
        ("fetched", json!(-1)),
        ("set", json!("{\"keys\":[{}]}")),
        ("set", json!("{\"keys\":[],\"keys\":[]}")),
        ("surprise", json!(true)),
    ] {
        let mut changed = whole.clone();
        changed[member] = value;
        assert!(!is_used(&changed.to_string()), "{member}");
    }
    assert!(is_used(&text));
}

#[test]
fn what_may_be_fetched_is_https_and_bounded() {
    let url = |url: &str| source_of(&json!({ "from": "url", "url": url }));
    assert!(url("https://idp.example/keys").is_ok());
    let long = format!("https://idp.example/{}", "x".repeat(2048));
    for refused in [
        "http://idp.example/keys",
        "http://127.0.0.1/keys",
        "file:///etc/keys",
        "https://user@idp.example/keys",
        "https://user:hunter2@idp.example/keys",
        "https://idp.example/keys#1",
        "/keys",
        "",
        &long,
    ] {
        let told = url(refused).unwrap_err().to_string();
        assert!(told.starts_with("issuer.idp.keys.url: "), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let insecure = |url: &str| {
        source_of(&json!({ "from": "url", "url": url, "fetch": { "insecure_loopback": true } }))
    };
    assert!(insecure("http://127.0.0.1:1/keys").is_ok() && insecure("http://[::1]/keys").is_ok());
    for refused in [
        "http://localhost/keys",
        "http://127.0.0.1.example/keys",
        "http://10.0.0.1/keys",
    ] {
        assert!(insecure(refused).is_err(), "{refused}");
    }
}

#[test]
fn how_keys_are_fetched_is_bounded() {
    let with = |fetch: Value| source_of(&json!({ "from": "discovery", "fetch": fetch }));
    assert!(with(json!({})).is_ok());
    assert!(with(json!({ "every": "1h", "maximum_age": "1h" })).is_ok());
    for fetch in [
        json!({ "every": "29s" }),
        json!({ "every": "2h", "maximum_age": "1h" }),
        json!({ "maximum_age": "59s" }),
        json!({ "maximum_age": "745h" }),
        json!({ "timeout": "0s" }),
        json!({ "timeout": "61s" }),
        json!({ "ca": "absent.pem" }),
        json!({ "bearer": "env:ABSENT" }),
    ] {
        assert!(with(fetch.clone()).is_err(), "{fetch}");
    }
    let place = tempfile::NamedTempFile::new().unwrap();
    assert!(
        with(json!({ "ca": place.path() })).is_err(),
        "no certificate"
    );
}

#[test]
fn keys_at_hand_are_checked_when_they_are_configured() {
    assert!(source_of(&json!({ "from": "inline", "keys": [jwk("k")] })).is_ok());
    assert!(source_of(&json!({ "from": "inline", "keys": [{}] })).is_err());
    assert!(source_of(&json!({ "from": "file", "path": "absent.json" })).is_err());
}

fn started(specs: Vec<Spec>) -> Keyring {
    let clock = Arc::new(Hand(AtomicU64::new(START)));
    Keyring::start(specs, &tokio::runtime::Handle::current(), clock)
}

fn spec(keys: &Value) -> Spec {
    Spec {
        alias: "idp".to_owned(),
        issuer: awaiting(),
        source: source_of(keys).unwrap(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_file_is_read_again_when_it_changes_and_a_bad_one_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("keys.json");
    let write = |text: &str| {
        let draft = place.path().join("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(&draft, &path).unwrap();
    };
    write(&json!({ "keys": [jwk("one")] }).to_string());
    let keyring = started(vec![spec(&json!({ "from": "file", "path": path }))]);
    let keys = || keyring.issuer("idp").unwrap().keys();
    assert!(keyring.ready() && keys().key("one").is_some());
    let until = async |done: &dyn Fn() -> bool| {
        while !done() {
            tokio::time::sleep(SECOND).await;
        }
    };
    write("{\"keys\":");
    until(&|| keyring.status()[0].failed == 1).await;
    assert!(keys().key("one").is_some());
    write(&json!({ "keys": [jwk("two")] }).to_string());
    until(&|| keys().key("two").is_some()).await;
    assert!(keys().key("one").is_none());
    assert_eq!(keyring.status()[0].last_error, None);
    assert_eq!(keys().end_of_trust(), None);
    std::fs::remove_file(&path).unwrap();
    until(&|| keyring.status()[0].failed == 2).await;
    assert!(keys().key("two").is_some());
}

#[tokio::test]
async fn a_changed_configuration_leaves_unchanged_issuers_as_they_are() {
    let one = json!({ "from": "inline", "keys": [jwk("one")] });
    let two = json!({ "from": "inline", "keys": [jwk("two")] });
    let first = started(vec![spec(&one)]);
    let runtime = tokio::runtime::Handle::current();
    let same = Keyring::renew(&first, vec![spec(&one)], &runtime);
    let issuer = |keyring: &Keyring| Arc::clone(keyring.issuer("idp").unwrap());
    assert!(Arc::ptr_eq(&issuer(&first), &issuer(&same)));
    drop(first);
    let other = Keyring::renew(&same, vec![spec(&two)], &runtime);
    assert!(!Arc::ptr_eq(&issuer(&other), &issuer(&same)));
    assert!(issuer(&other).keys().key("two").is_some());
    assert!(other.ready() && other.issuer("absent").is_none());
}
