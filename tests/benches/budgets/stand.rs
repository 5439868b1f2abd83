//! What every measurement stands on: an issuer's key, gates around policies,
//! and the usual token of a job.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{KeySet, SetLimits};
use claimbound::policy::Policy;
use claimbound::sandbox::Limits;
use claimbound_issuers::Registry;
use serde_json::{Value, json};

use crate::Fault;
use crate::asked::{Asked, Due};
use crate::forge::{Signer, job, with};

/// Ten conditions on the job of a forge: what `claimbound bench` measures.
pub(crate) const DOCUMENT: &str = include_str!("../../../host/cli/src/bench/policy.toml");
/// What the forge says besides, so that a token has its usual two kilobytes.
const USUAL: &str = include_str!("../../../host/cli/src/bench/claims.json");

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const AUDIENCE: &str = "https://deploy.acme.example";

/// An issuer and the hosts that know it.
pub(crate) struct Stand {
    signer: Signer,
    keys: String,
}

impl Stand {
    pub(crate) fn new() -> Self {
        let signer = Signer::new("2026-11");
        let keys = signer.key_set();
        Self { signer, keys }
    }

    /// A gate of one route, whose policy this is.
    pub(crate) fn gate(&self, policy: Arc<Policy>) -> Result<Gate, Fault> {
        let model = Registry::standard().get("github-actions");
        let model = model.ok_or("the forge has no naming model")?;
        let keys = KeySet::parse(self.keys.as_str(), &SetLimits::default())?;
        let issuer = Issuer::new(ISSUER, Arc::clone(model), keys, Settings::default())?;
        let ceiling = Ceiling {
            roles: BTreeSet::from(["deploy".to_owned()]),
            longest_lifetime: Some(600),
            enrolment: true,
            ..Ceiling::default()
        };
        let issuers = Issuers::new([Arc::new(issuer)])?;
        Ok(Gate::new(issuers, floor()?, policy, ceiling))
    }

    /// A token of these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.signer.sign(claims)
    }

    /// A token of these claims, admitted where `gate` would admit it.
    pub(crate) fn asked(&self, gate: &Gate, claims: &Value, due: Due) -> Result<Asked, Fault> {
        Asked::new(gate, &floor()?, self.sign(claims), due)
    }
}

fn floor() -> Result<Floor, Fault> {
    Ok(Floor::new(AUDIENCE)?)
}

/// Limits of a pool of `concurrent`. The deadline is on, and long enough that a
/// machine that is busy with other things measures and does not fail.
pub(crate) fn limits(concurrent: u32) -> Result<Limits, Fault> {
    let patient = Limits::default().with_deadline(Duration::from_secs(2))?;
    Ok(patient.with_concurrent(concurrent)?)
}

/// The usual token of a job, with these claims in place of its own.
pub(crate) fn claims(changes: &Value) -> Result<Value, Fault> {
    Ok(with(with(job(), &serde_json::from_str(USUAL)?), changes))
}

/// The claims of a job of another repository of the same owner, named as its
/// subject names it.
pub(crate) fn repository(name: &str, id: &str) -> Value {
    json!({
        "sub": format!("repo:{name}:environment:production"),
        "repository": name,
        "repository_id": id,
    })
}
