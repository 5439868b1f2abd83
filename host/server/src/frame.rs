//! What a route is but for its policy, which changes more often.

use std::sync::Arc;

use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers};
use claimbound::json;
use claimbound::ledger::Keeper;
use claimbound::policy::Policy;
use claimbound::proof::Certificates;

use crate::config::{self, ConfigError};
use crate::fit::{Document, Met};
use crate::ground::Ground;
use crate::host::Route;
use crate::rollout::Rollout;
use crate::workshop::Loaded;

/// What a route is but for its policy.
pub(crate) struct Frame {
    pub(crate) name: Arc<str>,
    pub(crate) config: config::Route,
    /// Its issuers, in the order of the configuration.
    pub(crate) listed: Vec<Arc<Issuer>>,
    pub(crate) issuers: Issuers,
    pub(crate) floor: Floor,
    pub(crate) ceiling: Ceiling,
    pub(crate) limits: json::Limits,
}

impl Frame {
    /// Whether it is the same, with the same issuers and their keys.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let issuers = self.listed.iter().zip(&other.listed);
        self.config == other.config && self.listed.len() == other.listed.len() && { issuers }
            .all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// The route with a policy; none where that is in no sandbox.
    pub(crate) fn route(
        self: &Arc<Self>,
        loaded: &Loaded,
        ground: &Ground,
        rollout: Option<Arc<Rollout>>,
    ) -> Option<Route> {
        let policy = Arc::clone(loaded.policies.first()?);
        let gates = loaded
            .policies
            .iter()
            .map(|policy| self.serving(policy, ground));
        let (frame, gates) = (Arc::clone(self), gates.collect());
        Some(Route::new(frame, policy, loaded.pool, gates, rollout))
    }

    /// A gate that decides with all that follows from it.
    fn serving(&self, policy: &Arc<Policy>, ground: &Ground) -> Gate {
        let gate = self.gate(policy);
        let gate = match &ground.ledger {
            Some(ledger) => gate.with_commit(Keeper::new(Arc::clone(ledger), &*self.name)),
            None => gate.with_commit(Certificates),
        };
        match &ground.record {
            Some(record) => gate.with_record(&self.name, Arc::clone(record) as _),
            None => gate,
        }
    }

    /// A gate to which nothing is attached: what it says has no effect.
    pub(crate) fn gate(&self, policy: &Arc<Policy>) -> Gate {
        let (issuers, floor) = (self.issuers.clone(), self.floor.clone());
        Gate::new(issuers, floor, Arc::clone(policy), self.ceiling.clone()).with_limits(self.limits)
    }

    /// Holds a policy, which the configuration has at `at`, against the route:
    /// what is odd, and worth a look.
    ///
    /// # Errors
    /// Where nothing can ever be allowed.
    pub(crate) fn check(
        &self,
        at: &str,
        component: &[u8],
        policy: &Policy,
        ground: &Ground,
    ) -> Result<Vec<String>, ConfigError> {
        let mut odd = self.check_obligations(at, policy, ground)?;
        if let Some(document) = Document::of(component, policy) {
            odd.extend(document.check(&self.met())?);
        }
        Ok(odd)
    }

    /// The route as its policy meets it.
    fn met(&self) -> Met<'_> {
        Met {
            at: format!("route.{}", self.name),
            issuers: self.listed.iter().map(|issuer| &**issuer).collect(),
            audience: &self.config.audience,
            ceiling: &self.ceiling,
        }
    }

    /// A policy that asks for what nothing here can meet would never allow.
    fn check_obligations(
        &self,
        at: &str,
        policy: &Policy,
        ground: &Ground,
    ) -> Result<Vec<String>, ConfigError> {
        let (name, config) = (&self.name, &self.config);
        let mut odd = Vec::new();
        let asks = |kind: &str| policy.manifest().obligations.iter().any(|one| one == kind);
        let needs_ledger = ["bind", "use-once"].into_iter().find(|kind| asks(kind));
        if let (Some(kind), None) = (needs_ledger, &ground.ledger) {
            let fault = format!("the policy asks for `{kind}`, which takes a `[ledger]`");
            return Err(ConfigError::at(at, fault));
        }
        let forwarded = &config.forwarded;
        if asks("prove") && forwarded.origin.is_none() && forwarded.certificate.is_none() {
            odd.push(format!(
                "{at}: the policy may ask for a proof of possession, and `route.{name}.forwarded` \
                 says neither an `origin` nor a `certificate` to check one by"
            ));
        }
        let mut demanded = config.ceiling.obligations.iter().map(|one| one.as_str());
        if let Some(kind) = demanded.find(|kind| !asks(kind)) {
            let fault = format!(
                "it demands `{kind}` of every allow, which the policy never asks for: nothing can \
                 be allowed here"
            );
            let at = format!("route.{name}.ceiling.obligations");
            return Err(ConfigError::at(at, fault));
        }
        let given = &config.attributes;
        let attributes = policy.manifest().attributes.iter();
        for attribute in attributes.filter(|one| !given.contains_key(*one)) {
            odd.push(format!(
                "{at}: the policy reads attribute `{attribute}`, which \
                 `route.{name}.attributes` does not give"
            ));
        }
        Ok(odd)
    }
}
