//! A policy's component, asked about claims as its document alone is.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use claimbound::clock::FixedClock;
use claimbound::danger;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::Issuers;
use claimbound::json::Limits;
use claimbound::key::Algorithm;
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::sandbox::Sandbox;
use claimbound::token::Claims;
use claimbound_language::{Compiled, DerivedToken};

use crate::policy_file::PolicyFile;
use crate::{issuers, question};

/// A policy in the sandbox, with what its document says of issuers and grants.
pub(crate) struct Sandboxed {
    pub(crate) policy: Arc<Policy>,
    issuers: Issuers,
    ceiling: Ceiling,
}

impl Sandboxed {
    /// Loads the component of a policy with this document.
    pub(crate) fn new(
        sandbox: &Sandbox,
        file: &PolicyFile,
        compiled: &Compiled,
    ) -> anyhow::Result<Self> {
        let policy = Policy::load(sandbox, &file.component)
            .with_context(|| format!("`{}`", file.path.display()))?;
        let (issuers, _) = issuers::keyed(&issuers::of_document(compiled), &[])?;
        Ok(Self {
            policy: Arc::new(policy),
            issuers,
            ceiling: question::ceiling(compiled),
        })
    }

    /// Decides, before any obligation is met, as the document alone decides it.
    pub(crate) fn decide(&self, token: DerivedToken) -> anyhow::Result<Outcome> {
        let audience = token.request.audience;
        // A route without an audience can't be; no token is for this one.
        let floor = Floor::new(if audience.is_empty() {
            "none"
        } else {
            &audience
        })?;
        let gate = Gate::new(
            self.issuers.clone(),
            floor,
            Arc::clone(&self.policy),
            self.ceiling.clone(),
        );
        let claims = serde_json::Value::Object(token.claims).to_string();
        let claims = Claims::parse(claims, &Limits::TOKEN)
            .map_err(|error| anyhow!("the token can't be made: {error}"))?;
        let issuer = match question::assumed_issuer(&self.issuers, &claims) {
            Ok(issuer) => issuer,
            Err(refusal) => return Ok(refusal.into()),
        };
        let algorithm = Algorithm::parse(&token.key.algorithm)
            .with_context(|| format!("`{}` is no algorithm of tokens", token.key.algorithm))?;
        let key = danger::AssumedKey {
            key_type: token.key.key_type,
            bits: token.key.bits,
            thumbprint: token.key.thumbprint,
        };
        let verified = match danger::assume_verified_by(claims, issuer, algorithm, key) {
            Ok(verified) => verified,
            Err(refusal) => return Ok(refusal.into()),
        };
        let request = Request::with_attributes(token.request.attributes);
        Ok(gate.preview(verified, &request, &FixedClock(token.request.now)))
    }
}
