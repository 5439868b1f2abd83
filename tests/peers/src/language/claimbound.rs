//! claimbound: in its sandbox, and natively for comparison.

use std::collections::BTreeMap;
use std::sync::Arc;

use claimbound::danger::{AssumedKey, assume_verified_by};
use claimbound::floor::{Admissible, Floor};
use claimbound::issuer::{Issuer, Settings};
use claimbound::json::Limits;
use claimbound::key::{Algorithm, KeySet};
use claimbound::policy::{self, Policy, Request};
use claimbound::reason::Refusal;
use claimbound::sandbox::{self, Sandbox};
use claimbound::token::Claims;
use claimbound::{bake, models};
use claimbound_language::{Compiled, DecodedClaims, NativeFacts, NativeKey, NativeRequest};
use serde_json::{Map, Value};

use super::{Answer, Language};
use crate::Fault;
use crate::token::{AUDIENCE, ISSUER, NOW};

const DOCUMENT: &str = include_str!("../../policy.toml");

fn compile() -> Result<Compiled, Fault> {
    claimbound_language::compile("policy.toml", DOCUMENT)
        .map_err(|findings| findings.to_string().into())
}

/// A fresh instance for every token, with the limits and the deadline of a host.
pub(crate) struct Sandboxed {
    policy: Policy,
    issuer: Arc<Issuer>,
    floor: Floor,
    request: Request,
}

impl Sandboxed {
    /// Builds the component and loads it.
    ///
    /// # Errors
    /// The policy or the sandbox can't be made.
    pub(crate) fn new() -> Result<Self, Fault> {
        let component = bake::bake(bake::STANDARD, &compile()?.bytes, &[])?;
        let sandbox = Sandbox::new(sandbox::Limits::default())?;
        let model = models::Registry::standard()
            .get("github-actions")
            .ok_or("the naming model is not there")?;
        let issuer = Issuer::new(
            ISSUER,
            Arc::clone(model),
            KeySet::default(),
            Settings::default(),
        )?;
        Ok(Self {
            policy: Policy::load(&sandbox, &component)?,
            issuer: Arc::new(issuer),
            floor: Floor::new(AUDIENCE)?,
            request: Request::default(),
        })
    }

    fn admit(&self, claims: Claims) -> Result<Admissible, Refusal> {
        let key = AssumedKey {
            key_type: "RSA".to_owned(),
            bits: 2048,
            thumbprint: "A".repeat(43),
        };
        let verified = assume_verified_by(claims, &self.issuer, Algorithm::Rs256, key)?;
        self.floor.admit(verified.identify()?, NOW)
    }
}

impl Language for Sandboxed {
    type Parsed = Admissible;

    fn parse(&self, claims: &[u8]) -> Result<Admissible, Answer> {
        let claims = Claims::parse(claims, &Limits::TOKEN).map_err(|_| Answer::Deny)?;
        self.admit(claims).map_err(|_| Answer::Deny)
    }

    fn decide(&mut self, token: &Admissible) -> Answer {
        match self.policy.evaluate(token, &self.request) {
            Ok(policy::Answer::Allow { .. }) => Answer::Allow,
            Ok(policy::Answer::Deny(_)) => Answer::Deny,
            Err(_) => Answer::Error,
        }
    }
}

/// The same program, natively: what the sandbox costs.
pub(crate) struct Native {
    compiled: Compiled,
    key: NativeKey,
    request: NativeRequest,
}

impl Native {
    /// Compiles the document.
    ///
    /// # Errors
    /// The document does not compile.
    pub(crate) fn new() -> Result<Self, Fault> {
        Ok(Self {
            compiled: compile()?,
            key: NativeKey::of("RS256"),
            request: NativeRequest {
                now: NOW,
                audience: AUDIENCE.to_owned(),
                attributes: BTreeMap::new(),
            },
        })
    }

    fn facts(&self, claims: &Map<String, Value>) -> Option<NativeFacts> {
        let issuer = self.compiled.issuer(claims.get("iss")?.as_str()?)?;
        let subject = claims.get("sub")?.as_str()?;
        let workload = issuer
            .model
            .identify(&issuer.url, subject, &DecodedClaims(claims))
            .ok()?;
        Some(NativeFacts::new(
            &self.compiled.program,
            claims,
            &workload,
            &self.key,
            &self.request,
        ))
    }
}

fn answered(decision: &claimbound_engine::Decision) -> Answer {
    match decision {
        claimbound_engine::Decision::Allow { .. } => Answer::Allow,
        claimbound_engine::Decision::Deny { .. } => Answer::Deny,
    }
}

impl Language for Native {
    type Parsed = NativeFacts;

    fn parse(&self, claims: &[u8]) -> Result<NativeFacts, Answer> {
        let claims = serde_json::from_slice(claims).map_err(|_| Answer::Deny)?;
        self.facts(&claims).ok_or(Answer::Deny)
    }

    fn decide(&mut self, facts: &NativeFacts) -> Answer {
        claimbound_engine::Program::open(&self.compiled.bytes)
            .and_then(|program| claimbound_engine::evaluate(program, facts))
            .map_or(Answer::Error, |decision| answered(&decision))
    }

    fn decide_text(&mut self, claims: &[u8]) -> Answer {
        let Ok(claims) = serde_json::from_slice(claims) else {
            return Answer::Deny;
        };
        self.compiled
            .decide(&claims, &self.key, &self.request)
            .map_or(Answer::Error, |verdict| answered(&verdict.decision))
    }
}
