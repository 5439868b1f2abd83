//! A route as a host has it, and a key of its issuer.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::{Gate, Judged};
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{Algorithm, KeySet, SetLimits};
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::sandbox::{Limits, Sandbox};
use claimbound::token::Token;
use claimbound_issuers::Registry;

/// 2026-11-23T10:00:00Z.
pub const NOW: u64 = 1_795_428_000;
/// The issuer of every token.
pub const ISSUER: &str = "https://token.actions.githubusercontent.com";
/// The audience of the route.
pub const AUDIENCE: &str = "https://deploy.acme.example";
/// A policy with most of what policies have; it binds nothing, so that what it
/// allows is allowed.
pub const DOCUMENT: &str = include_str!("route.toml");
/// Claims that it accepts.
pub const CLAIMS: &str = include_str!("claims.json");
/// The usual header.
pub const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT","kid":"k"}"#;

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let patient = Limits::default().with_deadline(Duration::from_secs(5));
    let few = patient.and_then(|limits| limits.with_concurrent(4));
    Sandbox::new(few.expect("limits in range")).expect("a sandbox")
});

/// A fixed key, so that a finding can be repeated.
static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed"));

/// A host that meets every obligation.
struct Willing;

impl Commit for Willing {
    fn can_meet(&self, _: &Obligation) -> bool {
        true
    }

    fn commit(&self, _: &Judged) -> Result<Committed, CommitError> {
        Ok(Committed::default())
    }
}

/// Loads a component as a policy.
pub fn load(component: &[u8]) -> Arc<Policy> {
    Arc::new(Policy::load(&SANDBOX, component).expect("a policy"))
}

/// The policy of [`DOCUMENT`].
pub fn policy() -> Arc<Policy> {
    let compiled = claimbound_language::compile("route.toml", DOCUMENT).expect("a policy");
    let baked = claimbound::bake::bake(claimbound::bake::STANDARD, &compiled.bytes, &[]);
    load(&baked.expect("a component"))
}

/// A gate of the one issuer, for this policy under this ceiling.
pub fn gate(policy: Arc<Policy>, ceiling: Ceiling) -> Gate {
    let x = URL_SAFE_NO_PAD.encode(PAIR.public_key());
    let keys = format!(r#"{{"keys":[{{"kid":"k","kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
    let keys = KeySet::parse(keys, &SetLimits::default()).expect("a key set");
    let settings = Settings {
        algorithms: Some(Algorithm::ALL.to_vec()),
        ..Settings::default()
    };
    let model = Registry::standard().get("github-actions").expect("a model");
    let issuer = Issuer::new(ISSUER, Arc::clone(model), keys, settings).expect("an issuer");
    let issuers = Issuers::new([Arc::new(issuer)]).expect("one issuer");
    let floor = Floor::new(AUDIENCE).expect("an audience");
    Gate::new(issuers, floor, policy, ceiling).with_commit(Willing)
}

/// The ceiling of [`DOCUMENT`]'s grants.
pub fn ceiling() -> Ceiling {
    Ceiling {
        roles: BTreeSet::from(["deploy".to_owned()]),
        longest_lifetime: Some(600),
        enrolment: true,
        ..Ceiling::default()
    }
}

/// A token of these texts, signed by the issuer.
pub fn sign(header: &[u8], payload: &[u8]) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = PAIR.sign(input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What becomes of a token at [`NOW`].
pub fn decide(gate: &Gate, token: &[u8], request: &Request) -> Outcome {
    gate.decide(Token::new(token), request, &FixedClock(NOW))
}
