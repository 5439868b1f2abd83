//! Tokens that are taken once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::{Gate, Judged};
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{Algorithm, KeySet, SetLimits};
use claimbound::ledger::Keeper;
use claimbound::models::Registry;
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::outcome::HostError;
use claimbound::policy::Request;
use claimbound::reason::{Code, Reason, Refusal};
use claimbound::record::{Decision, Record, Refused};
use claimbound::token::Token;
use claimbound::waiting;
use serde_json::{Value, json};

use super::world::{
    ISSUER, World, approve_acme, decide, elsewhere, job_of, marks, name, on_each_store, refusal,
};
use crate::forge::{NOW, job, with};
use crate::gate::{answer, ceiling};

const GITHUB: (&str, &str) = (ISSUER, "github-actions");
const ONCE: &str = "single_use = true\nidentity = { first_use = \"enrol\" }";

/// A prover of fixed opinion.
struct Prover(bool);

impl Commit for Prover {
    fn can_meet(&self, obligation: &Obligation) -> bool {
        matches!(obligation, Obligation::Prove(_))
    }

    fn commit(&self, _: &Judged) -> Result<Committed, CommitError> {
        if self.0 {
            return Ok(Committed::default());
        }
        Err(Refusal::from(Reason::new(Code::ProofInvalid, "no proof")).into())
    }
}

/// A record that counts its lines, and waits for nothing.
#[derive(Default)]
struct Lines(AtomicUsize);

impl Record for Lines {
    fn keeps_claims(&self) -> bool {
        false
    }

    fn write(&self, _: &Decision) -> Result<(), HostError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn note(&self, _: &Refused) {}
}

on_each_store! {
fn a_token_is_taken_once_by_whatever_tells_it_apart(world: &World) {
    let gate = world.gate_at("once", GITHUB, ONCE);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    let (code, message) = refusal(&gate, &job());
    assert_eq!(code, "token.reused");
    assert_eq!(message, "statement `any` takes each token once, and this one was used before");
    let same_id = with(job(), &json!({ "run_id": "8" }));
    assert_eq!(refusal(&gate, &same_id).0, "token.reused");
    let other = with(job(), &json!({ "jti": "another" }));
    assert_eq!(answer(&decide(&gate, &other)), "allow");
    let without = with(job(), &json!({ "jti": null }));
    assert_eq!(answer(&decide(&gate, &without)), "allow");
    assert_eq!(refusal(&gate, &without).0, "token.reused");
    let elsewhere = world.gate_at("another", GITHUB, ONCE);
    assert_eq!(refusal(&elsewhere, &job()).0, "token.reused", "on every route");
}

fn who_must_not_wait_spends_nothing_and_enrols_nobody(world: &World) {
    let at_once = |gate: &Gate| waiting::without(|| decide(gate, &job()));
    let lines = Arc::new(Lines::default());
    let gate = |route: &str, asks: &str| {
        let gate = world.gate_at(route, GITHUB, asks);
        gate.with_record(route, Arc::clone(&lines) as Arc<dyn Record>)
    };
    let often = gate("often", "identity = { first_use = \"enrol\" }");
    assert_eq!(at_once(&often), None, "it is the first use");
    world.ledger.entries(|entry| panic!("{entry:?}")).unwrap();
    assert_eq!(answer(&decide(&often, &job())), "allow");
    // The first time reads what there is.
    assert_eq!(answer(&decide(&often, &job())), "allow");
    let known = at_once(&often).as_ref().map(answer);
    assert_eq!(known.as_deref(), Some("allow"), "all is known");
    let once = gate("once", ONCE);
    assert_eq!(at_once(&once), None);
    assert_eq!(marks(world), 0);
    assert_eq!(answer(&decide(&once, &job())), "allow");
    assert_eq!(at_once(&once), None);
    assert_eq!(refusal(&once, &job()).0, "token.reused");
    // What was given up is no decision.
    assert_eq!(lines.0.load(Ordering::Relaxed), 5);
}

fn the_same_id_at_another_issuer_is_another_token(world: &World) {
    let server = ("https://ghe.example/_services/token", "github-actions");
    let gate = world.gate_at("once", GITHUB, ONCE);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    let gate = world.gate_at("server", server, ONCE);
    let same = with(job(), &json!({ "iss": server.0 }));
    assert_eq!(answer(&decide(&gate, &same)), "allow");
    assert_eq!(refusal(&gate, &same).0, "token.reused");
}

fn the_twin_of_a_signature_is_no_other_token(world: &World) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let gate = gate_of_key(world, &pair);
    // Without a `jti`, what was signed is all that tells it apart.
    let token = sign(&pair, &with(job(), &json!({ "jti": null })));
    let decide = |token: &str| {
        answer(&gate.decide(Token::new(token), &Request::default(), &FixedClock(NOW)))
    };
    let twin = twin(&token);
    assert_ne!(token, twin);
    assert_eq!(decide(&token), "allow");
    assert_eq!(decide(&twin), "token.reused");
}

fn a_failed_proof_spends_nothing_and_enrols_nobody(world: &World) {
    let asks = format!("{ONCE}\nproof = {{ method = \"dpop\" }}");
    let gate = |proves| {
        let keeper = Keeper::new(Arc::clone(&world.ledger), "proved").with_others(Prover(proves));
        world.gate_at("proved", GITHUB, &asks).with_commit(keeper)
    };
    assert_eq!(refusal(&gate(false), &job()).0, "proof.invalid");
    assert_eq!(marks(world), 0);
    let mut entries = 0;
    world.ledger.entries(|_| entries += 1).unwrap();
    assert_eq!(entries, 0);
    assert_eq!(answer(&decide(&gate(true), &job())), "allow");
    assert_eq!(refusal(&gate(true), &job()).0, "token.reused");
}

fn a_failed_condition_spends_nothing(world: &World) {
    let asks = format!("{ONCE}\nclaims = {{ ref = \"refs/heads/other\" }}");
    let gate = world.gate_at("once", GITHUB, &asks);
    assert_eq!(refusal(&gate, &job()).0, "claim.mismatch");
    assert_eq!(marks(world), 0);
    assert_eq!(answer(&decide(&world.gate_at("once", GITHUB, ONCE), &job())), "allow");
}

fn refused_names_spend_nothing(world: &World) {
    let strict = "single_use = true\nidentity = { first_use = \"refuse\" }";
    let gate = world.gate_at("strict", GITHUB, strict);
    assert_eq!(refusal(&gate, &job()).0, "identity.unknown");
    assert_eq!(marks(world), 0);
    approve_acme(world);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    assert_eq!(marks(world), 2, "a digest and a `jti`");
}

fn a_used_token_enrols_nobody(world: &World) {
    let gate = world.gate_at("once", GITHUB, ONCE);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    let stranger = job_of("globex/infra", "7", "8");
    assert_eq!(refusal(&gate, &stranger).0, "token.reused", "its `jti` is the same");
    let globex = name("owner", "globex");
    assert!(world.ledger.find(&globex).unwrap().is_empty());
}

fn marks_outlive_their_tokens_and_are_swept_later(world: &World) {
    let gate = world.gate_at("once", GITHUB, ONCE);
    assert_eq!(answer(&decide(&gate, &job())), "allow");
    // A host that has just started sweeps with the first token that it takes.
    let at = |now: u64| {
        let keeper = Keeper::new(world.again(), "once");
        let gate = world.gate_at("once", GITHUB, ONCE).with_commit(keeper);
        let claims = json!({ "jti": now.to_string(), "iat": now, "nbf": now, "exp": now + 60 });
        let token = crate::gate::SIGNER.sign(&with(job(), &claims));
        let decide =
            || gate.decide(Token::new(&token), &Request::default(), &FixedClock(now));
        // One that is given up does not count.
        assert_eq!(waiting::without(decide), None);
        assert_eq!(answer(&decide()), "allow");
    };
    // The first token ends at 290 s; a clock may be wrong by an hour.
    at(NOW + 290 + 60 * 60);
    assert_eq!(marks(world), 4, "nothing is swept early");
    assert_eq!(refusal(&gate, &job()).0, "token.reused");
    at(NOW + 290 + 3 * 60 * 60);
    assert_eq!(marks(world), 2, "what ended long ago is");
}
}

fn gate_of_key(world: &World, pair: &EcdsaKeyPair) -> Gate {
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    let key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "ec" });
    let keys = json!({ "keys": [key] }).to_string();
    let settings = Settings {
        algorithms: Some(vec![Algorithm::Es256]),
        ..Settings::default()
    };
    let issuer = Issuer::new(
        ISSUER,
        Arc::clone(Registry::standard().get(GITHUB.1).unwrap()),
        KeySet::parse(keys, &SetLimits::default()).unwrap(),
        settings,
    );
    let issuers = Issuers::new([Arc::new(issuer.unwrap())]).unwrap();
    let floor = Floor::new("https://deploy.acme.example").unwrap();
    let keeper = Keeper::new(Arc::clone(&world.ledger), "once");
    Gate::new(issuers, floor, elsewhere(GITHUB, ONCE), ceiling()).with_commit(keeper)
}

fn sign(pair: &EcdsaKeyPair, claims: &Value) -> String {
    let header = json!({ "alg": "ES256", "typ": "JWT", "kid": "ec" });
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The same token with the other signature that anybody can make of one: where
/// (r, s) verifies, so does (r, n − s) (SEC 1 §4.1.4).
fn twin(token: &str) -> String {
    /// The order of P-256 (SEC 2 §2.4.2).
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for index in (0..32).rev() {
        let digit = i16::from_str_radix(&ORDER[2 * index..2 * index + 2], 16).unwrap();
        let left = digit - i16::from(signature[32 + index]) - borrow;
        borrow = i16::from(left < 0);
        signature[32 + index] = u8::try_from(left.rem_euclid(256)).unwrap();
    }
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
