//! One check: a token, the circumstances in which it is decided, and what a
//! policy has to say of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use claimbound_issuers::Registry;

use super::{CheckError, Expected, Verdict};
use crate::clock::FixedClock;
use crate::danger::{self, AssumedKey};
use crate::floor::{Admissible, Floor};
use crate::gate::Gate;
use crate::issuer::{Issuer, Issuers, Settings};
use crate::json::Limits;
use crate::key::{Algorithm, KeySet, SetLimits};
use crate::outcome::Outcome;
use crate::policy::{Policy, Request};
use crate::reason::{Refusal, clip};
use crate::token::Claims;
use crate::verify::Verified;

/// Longest name of a check, in bytes, as a case file has it.
const LONGEST_NAME: usize = 256;

/// What a check is made of, unchecked.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Its name.
    pub name: String,
    /// The URL of the issuer that is taken to have signed the token.
    pub issuer: String,
    /// The name of that issuer's naming model.
    pub model: String,
    /// The keys that the issuer publishes, a JWK set as JSON, for a policy that
    /// wants them; none: none.
    pub published: Option<String>,
    /// The token's claims, a JSON object as text of at most 16 KiB.
    pub claims: String,
    /// The algorithm that is taken to have verified it (RFC 7518 §3.1, RFC 8037).
    pub algorithm: String,
    /// The key that is taken to have.
    pub key: AssumedKey,
    /// The audience of the route.
    pub audience: String,
    /// When it is decided, in seconds since 1970.
    pub now: u64,
    /// The request's attributes.
    pub attributes: BTreeMap<String, String>,
    /// What the policy has to say.
    pub expected: Expected,
}

/// One check, which can be run.
#[derive(Clone, Debug)]
pub struct Check {
    name: String,
    issuer: Arc<Issuer>,
    published: Option<String>,
    claims: Claims,
    algorithm: Algorithm,
    key: AssumedKey,
    floor: Floor,
    now: u64,
    attributes: BTreeMap<String, String>,
    expected: Expected,
}

impl Check {
    /// The check that a draft describes.
    ///
    /// # Errors
    /// [`CheckError`] where there can be none.
    pub fn new(draft: Draft) -> Result<Self, CheckError> {
        let has_length = (1..=LONGEST_NAME).contains(&draft.name.len());
        if !has_length || draft.name.chars().any(char::is_control) {
            return Err(CheckError::Name);
        }
        let unknown = || CheckError::Model(clip(&draft.model));
        let model = Registry::standard().get(&draft.model).ok_or_else(unknown)?;
        let keys = match &draft.published {
            Some(keys) => KeySet::parse(keys.as_bytes(), &SetLimits::default())?,
            None => KeySet::default(),
        };
        let issuer = Issuer::new(draft.issuer, Arc::clone(model), keys, Settings::default())?;
        let algorithm = Algorithm::parse(&draft.algorithm);
        Ok(Self {
            name: draft.name,
            issuer: Arc::new(issuer),
            published: draft.published,
            claims: Claims::parse(draft.claims, &Limits::TOKEN).map_err(CheckError::Claims)?,
            algorithm: algorithm.ok_or_else(|| CheckError::Algorithm(clip(&draft.algorithm)))?,
            key: draft.key,
            floor: Floor::new(draft.audience)?,
            now: draft.now,
            attributes: draft.attributes,
            expected: draft.expected,
        })
    }

    /// The draft that it was made of.
    pub fn draft(&self) -> Draft {
        Draft {
            name: self.name.clone(),
            issuer: self.issuer.url().to_owned(),
            model: self.issuer.model().name().to_owned(),
            published: self.published.clone(),
            claims: self.claims.text().to_owned(),
            algorithm: self.algorithm.as_str().to_owned(),
            key: self.key.clone(),
            audience: self.floor.audience().to_owned(),
            now: self.now,
            attributes: self.attributes.clone(),
            expected: self.expected.clone(),
        }
    }

    /// Its name, of 1 to 256 bytes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the policy has to say.
    pub const fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Decides its token, before any obligation is met: its issuer is the only
    /// one, and nothing bounds what is granted, which is what is looked at.
    pub fn decide(&self, policy: &Arc<Policy>) -> Outcome {
        // INVARIANT: one issuer is none of two.
        let issuers = Issuers::new([Arc::clone(&self.issuer)]).unwrap_or_default();
        let verified = match self.verified() {
            Ok(verified) => verified,
            Err(refusal) => return refusal.into(),
        };
        let (floor, ceiling) = (self.floor.clone(), danger::no_ceiling());
        let gate = Gate::new(issuers, floor, Arc::clone(policy), ceiling);
        gate.preview(verified, &self.request(), &FixedClock(self.now))
    }

    /// Its token as [`decide`](Self::decide) asks the policy about it: for timing
    /// the policy's answer alone.
    ///
    /// # Errors
    /// The refusal of a token about which no policy is asked.
    pub fn admit(&self) -> Result<Admissible, Refusal> {
        let identified = self.verified()?.identify()?;
        self.floor.admit(identified, self.now)
    }

    /// The request that the token comes with.
    pub fn request(&self) -> Request {
        Request::with_attributes(self.attributes.clone())
    }

    fn verified(&self) -> Result<Verified, Refusal> {
        let (claims, key) = (self.claims.clone(), self.key.clone());
        danger::assume_verified_by(claims, &self.issuer, self.algorithm, key)
    }

    /// Decides its token, and says how that differs from what is expected.
    pub fn verdict(&self, policy: &Arc<Policy>) -> Verdict<'_> {
        Verdict {
            name: &self.name,
            fault: self.expected.fault(&self.decide(policy)),
        }
    }
}
