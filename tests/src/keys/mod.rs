//! Issuers' keys over HTTPS: a provider on loopback, a keyring, a gate.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use claimbound::clock::Clock;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::outcome::Outcome;
use claimbound::policy::Request;
use claimbound::reason::HostCode;
use claimbound::token::Token;
use claimbound_issuers::Registry;
use claimbound_server::config;
use claimbound_server::keys::{Copies, Keyring, Source, Spec};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::forge::{NOW, Signer, job, with};
use crate::gate::{DOCUMENT, Host, ceiling, policy};
use crate::idp::{self, Behaviour, Idp};
use crate::standard::standard;

const AUDIENCE: &str = "https://deploy.acme.example";
/// The age past which the sets of these tests are not trusted, in seconds; the
/// tokens are good for 290.
const MAXIMUM_AGE: u64 = 120;

/// A clock that is set by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A provider's issuer in a gate.
struct Scene {
    keyring: Keyring,
    gate: Gate,
    clock: Arc<Hand>,
    url: String,
    _place: TempDir,
}

impl Scene {
    fn new(idp: &Idp) -> Self {
        let keys = json!({ "from": "discovery" });
        Self::of(idp, keys, None)
    }

    fn of(idp: &Idp, mut keys: Value, state: Option<&Path>) -> Self {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("ca.pem"), idp.authority()).unwrap();
        std::fs::write(place.path().join("bearer"), "s3cret\n").unwrap();
        if keys.get("fetch").is_none() {
            keys["fetch"] = json!({ "ca": "ca.pem", "maximum_age": format!("{MAXIMUM_AGE}s"),
                "timeout": "10s", "bearer": "file:bearer" });
        }
        let configured = json!({ "model": "github-actions", "url": idp.url(), "keys": keys });
        let configured: config::Issuer = serde_json::from_value(configured).unwrap();
        let model = Registry::standard().get("github-actions").unwrap();
        let source = Source::of("idp", &configured, model, place.path(), &|_| None).unwrap();
        let source = match state {
            Some(state) => source.with_copies(Arc::new(Copies::open(state).unwrap())),
            None => source,
        };
        let url = idp.url();
        let settings = Settings::default();
        let issuer = Issuer::awaiting_keys(url.clone(), Arc::clone(model), settings).unwrap();
        let issuer = Arc::new(issuer);
        let clock = Arc::new(Hand(AtomicU64::new(NOW)));
        let spec = Spec {
            alias: "idp".to_owned(),
            issuer: Arc::clone(&issuer),
            source,
        };
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let keyring = Keyring::start(vec![spec], &Handle::current(), shared);
        // The document's issuer is the usual one: what it denies is no matter.
        let policy = policy(&standard(), DOCUMENT);
        let issuers = Issuers::new([issuer]).unwrap();
        let floor = Floor::new(AUDIENCE).unwrap();
        let gate = Gate::new(issuers, floor, policy, ceiling()).with_commit(Host);
        Self {
            keyring,
            gate,
            clock,
            url,
            _place: place,
        }
    }

    /// Waits until the provider has been asked so often and that was looked at.
    async fn attempts(&self, count: u64) {
        loop {
            let status = self.keyring.status().remove(0);
            if status.succeeded + status.failed >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn token(&self, signer: &Signer) -> String {
        signer.sign(&with(job(), &json!({ "iss": self.url })))
    }

    /// Decides as a server does.
    async fn decide(&self, token: &str) -> Outcome {
        let request = Request::default();
        let decided =
            self.gate
                .decide_unless_key_unknown(Token::new(token), &request, &*self.clock);
        match decided {
            Ok(decided) => decided.outcome,
            Err(unknown) => {
                self.keyring.unknown_key(unknown.issuer.url()).await;
                self.gate.decide(Token::new(token), &request, &*self.clock)
            }
        }
    }

    /// Whether the signature is good now: the policy has been asked.
    async fn verifies(&self, token: &str) -> bool {
        match self.decide(token).await {
            Outcome::Allow(_) => true,
            Outcome::Deny(denied) => !denied.reasons[0].code.as_str().starts_with("token."),
            Outcome::Error(_) => false,
        }
    }

    async fn has_no_trusted_keys(&self, token: &str) -> bool {
        matches!(self.decide(token).await, Outcome::Error(error) if error.code == HostCode::Keys)
    }
}

fn both(one: &Signer, other: &Signer) -> String {
    let keys = |signer: &Signer| -> Value {
        serde_json::from_str::<Value>(&signer.key_set()).unwrap()["keys"][0].clone()
    };
    json!({ "keys": [keys(one), keys(other)] }).to_string()
}

#[tokio::test]
async fn a_rotation_under_load_loses_no_token_and_its_first_one_is_one_fetch() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let idp = Idp::start(&old.key_set());
    let scene = Arc::new(Scene::new(&idp));
    scene.attempts(1).await;
    assert!(scene.keyring.ready());
    let (of_old, of_new) = (scene.token(&old), scene.token(&new));
    assert!(scene.verifies(&of_old).await);
    idp.publish(&both(&old, &new));
    let mut load = Vec::new();
    for index in 0..64 {
        let (scene, token) = (
            Arc::clone(&scene),
            if index % 2 == 0 {
                of_old.clone()
            } else {
                of_new.clone()
            },
        );
        load.push(tokio::spawn(async move { scene.verifies(&token).await }));
    }
    for one in load {
        assert!(one.await.unwrap());
    }
    assert_eq!(idp.count(idp::KEYS), 2);
    // Whatever kids strangers write, nobody is asked for them again.
    let stranger = Signer::new("stranger");
    for _ in 0..16 {
        assert!(!scene.verifies(&scene.token(&stranger)).await);
    }
    assert_eq!(idp.count(idp::KEYS), 2);
    assert!(scene.keyring.status()[0].unknown_keys >= 16);
}

#[tokio::test]
async fn a_withdrawn_key_ends_with_its_maximum_age_though_the_provider_hangs() {
    let signer = Signer::new("withdrawn");
    let idp = Idp::start(&signer.key_set());
    let scene = Scene::new(&idp);
    scene.attempts(1).await;
    idp.behave(Behaviour::Hang);
    // A fetch begins and never ends.
    let mut asked = std::pin::pin!(scene.keyring.unknown_key(&scene.url));
    while idp.count(idp::KEYS) < 2 {
        let moment = Duration::from_millis(2);
        let _ = tokio::time::timeout(moment, &mut asked).await;
    }
    let token = scene.token(&signer);
    scene
        .clock
        .0
        .store(NOW + MAXIMUM_AGE - 1, Ordering::Relaxed);
    assert!(scene.verifies(&token).await);
    scene.clock.0.store(NOW + MAXIMUM_AGE, Ordering::Relaxed);
    assert!(scene.has_no_trusted_keys(&token).await);
    assert!(!scene.keyring.ready());
}

#[tokio::test]
async fn a_restart_needs_no_provider() {
    let signer = Signer::new("k");
    let idp = Idp::start(&signer.key_set());
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let discovery = || json!({ "from": "discovery" });
    let before = Scene::of(&idp, discovery(), Some(&state));
    before.attempts(1).await;
    idp.behave(Behaviour::Down);
    drop(before);
    let after = Scene::of(&idp, discovery(), Some(&state));
    assert!(after.keyring.ready());
    assert!(after.verifies(&after.token(&signer)).await);
    after.clock.0.store(NOW + MAXIMUM_AGE, Ordering::Relaxed);
    assert!(after.has_no_trusted_keys(&after.token(&signer)).await);
}

#[tokio::test]
async fn a_provider_that_misbehaves_gives_no_keys() {
    let signer = Signer::new("k");
    let elsewhere = Idp::start(&signer.key_set());
    let twice = both(&signer, &signer);
    for behaviour in [
        Behaviour::Down,
        Behaviour::Status(500),
        Behaviour::Status(304),
        Behaviour::Redirect(format!("{}{}", elsewhere.url(), idp::KEYS)),
        Behaviour::Redirect("http://127.0.0.1:1/keys".to_owned()),
        Behaviour::Redirect(idp::KEYS.to_owned()),
        Behaviour::Body("<html></html>".to_owned()),
        Behaviour::Body(format!("{{\"keys\":[]}}{}", " ".repeat(600 * 1024))),
        Behaviour::Body(twice),
        Behaviour::Endless,
        Behaviour::Truncated,
    ] {
        let idp = Idp::start(&signer.key_set());
        idp.behave(behaviour.clone());
        let scene = Scene::new(&idp);
        scene.attempts(1).await;
        assert_eq!(scene.keyring.status()[0].succeeded, 0, "{behaviour:?}");
        assert!(scene.has_no_trusted_keys(&scene.token(&signer)).await);
        let told = scene.keyring.status()[0].last_error.clone().unwrap();
        assert!(!told.contains("s3cret"), "{told}");
    }
    assert_eq!(elsewhere.asked().len(), 0);
}

#[tokio::test]
async fn a_redirect_on_the_same_host_is_followed_and_shown_the_bearer() {
    let signer = Signer::new("k");
    let idp = Idp::start(&signer.key_set());
    idp.behave(Behaviour::Redirect("/moved".to_owned()));
    let scene = Scene::new(&idp);
    scene.attempts(1).await;
    assert!(scene.verifies(&scene.token(&signer)).await);
    let asked = idp.asked();
    assert_eq!(asked.len(), 3);
    let shown = |head: &str| head.contains("authorization: bearer s3cret");
    assert!(asked.iter().all(|asked| shown(&asked.head)));
}

#[tokio::test]
async fn a_document_of_another_issuer_or_a_key_set_without_tls_is_refused() {
    let signer = Signer::new("k");
    for change in [
        (|idp: &Idp| idp.claim(&format!("{}/", idp.url()))) as fn(&Idp),
        |idp| idp.claim("https://other.example"),
        |idp| idp.place("http://127.0.0.1:1/keys"),
        |idp| idp.place("file:///etc/passwd"),
    ] {
        let idp = Idp::start(&signer.key_set());
        change(&idp);
        let scene = Scene::new(&idp);
        scene.attempts(1).await;
        assert_eq!(idp.count(idp::KEYS), 0);
        assert!(!scene.keyring.ready());
    }
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_asked() {
    let signer = Signer::new("k");
    let (idp, other) = (Idp::start(&signer.key_set()), Idp::start("{}"));
    let url = format!("{}{}", other.url(), idp::KEYS);
    let scene = Scene::of(&idp, json!({ "from": "url", "url": url }), None);
    scene.attempts(1).await;
    assert!(!scene.keyring.ready() && other.asked().is_empty());
}

#[tokio::test]
async fn what_is_held_is_asked_for_by_its_tag() {
    let signer = Signer::new("k");
    let idp = Idp::start(&signer.key_set());
    idp.tag("\"1\"");
    let scene = Scene::new(&idp);
    scene.attempts(1).await;
    scene.clock.0.store(NOW + 60, Ordering::Relaxed);
    scene.keyring.unknown_key(&scene.url).await;
    let status = scene.keyring.status().remove(0);
    assert_eq!((status.succeeded, status.failed), (2, 0));
    assert_eq!((status.generation, status.age), (1, Some(0)));
    let last = idp.asked().pop().unwrap();
    assert!(last.head.contains("if-none-match: \"1\""), "{}", last.head);
}
