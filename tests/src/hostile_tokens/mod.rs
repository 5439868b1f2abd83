//! Tokens that mean harm, whole: bytes in, an outcome out. Each is signed by a
//! key of the issuer unless the signature is what is wrong, so that nothing but
//! the named fault stands between it and an allow.

mod algorithms;
mod dates;
mod encodings;
mod headers;
mod issuers;
mod keys;
mod numbers;
mod output;
mod signatures;
mod sizes;
mod spellings;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{Algorithm, KeySet, SetLimits};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::token::Token;
use claimbound_issuers::Registry;
use serde_json::{Value, json};

use crate::forge::{NOW, job};
use crate::gate::{DOCUMENT, Host, answer, policy};
use crate::standard::standard;

use keys::Signer;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const AUDIENCE: &str = "https://deploy.acme.example";
/// The usual header of these tests.
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#;

static POLICY: LazyLock<Arc<Policy>> = LazyLock::new(|| policy(&standard(), DOCUMENT));
static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::ed25519);

/// The claims of a job that is allowed, as JSON.
fn claims() -> String {
    job().to_string()
}

/// The same with these members in place of theirs, spelt as they stand.
fn spelt(members: &str) -> String {
    let mut rest = job();
    let kept = rest.as_object_mut().unwrap();
    kept.retain(|name, _| !members.contains(&format!("\"{name}\":")));
    let rest = rest.to_string();
    format!("{},{members}}}", rest.strip_suffix('}').unwrap())
}

/// An issuer of the forge's model at `url`, which takes every algorithm.
fn issuer(url: &str, keys: &[Value]) -> Arc<Issuer> {
    let keys = json!({ "keys": keys }).to_string();
    let keys = KeySet::parse(keys, &SetLimits::default()).unwrap();
    let settings = Settings {
        algorithms: Some(Algorithm::ALL.to_vec()),
        ..Settings::default()
    };
    let model = Registry::standard().get("github-actions").unwrap();
    Arc::new(Issuer::new(url, Arc::clone(model), keys, settings).unwrap())
}

fn gate_of(issuers: impl IntoIterator<Item = Arc<Issuer>>, policy: &Arc<Policy>) -> Gate {
    let ceiling = Ceiling {
        roles: BTreeSet::from(["deploy".to_owned()]),
        longest_lifetime: Some(600),
        enrolment: true,
        ..Ceiling::default()
    };
    let issuers = Issuers::new(issuers).unwrap();
    let floor = Floor::new(AUDIENCE).unwrap();
    Gate::new(issuers, floor, Arc::clone(policy), ceiling).with_commit(Host)
}

/// A gate for tokens that [`SIGNER`] signs.
fn gate() -> Gate {
    gate_with(&[SIGNER.jwk("k")])
}

/// A gate whose one issuer has these keys.
fn gate_with(keys: &[Value]) -> Gate {
    gate_of([issuer(ISSUER, keys)], &POLICY)
}

fn outcome(gate: &Gate, token: &str) -> Outcome {
    gate.decide(Token::new(token), &Request::default(), &FixedClock(NOW))
}

/// `allow`, the first reason's code, or the failure's.
fn decide(gate: &Gate, token: &str) -> String {
    answer(&outcome(gate, token))
}

/// A token of this header and payload, signed by [`SIGNER`].
fn signed(header: &str, payload: &str) -> String {
    SIGNER.sign("EdDSA", header, payload)
}
