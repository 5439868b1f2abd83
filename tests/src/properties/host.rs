//! A host for any policy and any token, and what it says in the same words as a
//! program that runs natively.

use std::sync::{Arc, Mutex};

use claimbound::bake::bake;
use claimbound::clock::FixedClock;
use claimbound::danger::{self, AssumedKey};
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::json::Limits;
use claimbound::key::{Algorithm, KeySet};
use claimbound::models::Registry;
use claimbound::obligation;
use claimbound::outcome::{Allowed, Denied, HostError, Outcome};
use claimbound::policy::{Policy, Request};
use claimbound::reason::Refusal;
use claimbound::record::{Decision, Record, Refused};
use claimbound::sandbox::Sandbox;
use claimbound::token::Claims;
use claimbound::verify::Verified;
use claimbound_engine::{Decision as Native, FirstUse, Obligation};
use claimbound_language::Compiled;
use serde_json::Value;

use super::token::Token;
use crate::standard::standard;

/// Everything that is said of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Allow {
        statement: String,
        roles: Vec<String>,
        scopes: Vec<String>,
        claims: Option<String>,
        longest: Option<u32>,
        obligations: Vec<String>,
    },
    Deny(Vec<Reason>, bool),
}

/// A reason by all of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) code: String,
    statement: Option<String>,
    claim: Vec<String>,
    expected: String,
    found: Option<String>,
    message: String,
}

impl Said {
    /// The same without the words of reasons. The floor is the host's own, and
    /// the language says the same of it in other words.
    pub(super) fn without_words(mut self) -> Self {
        if let Self::Deny(reasons, _) = &mut self {
            for reason in reasons {
                reason.expected.clear();
                reason.found = None;
                reason.message.clear();
            }
        }
        self
    }
}

/// A step by all of its fields.
pub(super) type Step = (String, String, Option<bool>, String, Option<String>);

/// What the program says natively.
pub(super) fn native(compiled: &Compiled, token: &Token) -> (Said, Vec<Step>) {
    let verdict = compiled.explain(&token.claims, &token.key, &token.request);
    let verdict = verdict.unwrap();
    let steps = verdict.steps.into_iter();
    let steps = steps.map(|one| {
        (
            one.statement,
            one.condition,
            one.held,
            one.expected,
            one.found,
        )
    });
    (of_decision(verdict.decision), steps.collect())
}

/// A decision in these words.
pub(super) fn of_decision(decision: Native) -> Said {
    match decision {
        Native::Allow { statement, grant } => Said::Allow {
            statement,
            roles: grant.roles,
            scopes: grant.scopes,
            claims: grant.claims,
            longest: grant.max_lifetime,
            obligations: grant.obligations.into_iter().map(own).collect(),
        },
        Native::Deny { reasons, truncated } => {
            let reasons = reasons.into_iter().map(|reason| Reason {
                code: reason.code.to_owned(),
                statement: reason.statement,
                claim: reason.claim,
                expected: reason.expected,
                found: reason.found,
                message: reason.message,
            });
            Said::Deny(reasons.collect(), truncated)
        }
    }
}

/// An obligation of the program, in the words of the host's.
fn own(one: Obligation) -> String {
    let one = match one {
        Obligation::Bind(FirstUse::Refuse) => {
            obligation::Obligation::Bind(obligation::FirstUse::Refuse)
        }
        Obligation::Bind(FirstUse::Enrol) => {
            obligation::Obligation::Bind(obligation::FirstUse::Enrol)
        }
        Obligation::UseOnce => obligation::Obligation::UseOnce,
        Obligation::Prove(method) => obligation::Obligation::Prove(method),
        Obligation::Other { kind, json } => obligation::Obligation::Other { kind, json },
    };
    format!("{one:?}")
}

fn of_outcome(outcome: Outcome) -> Said {
    match outcome {
        Outcome::Allow(allowed) => {
            let Allowed {
                statement,
                grant,
                obligations,
                ..
            } = *allowed;
            Said::Allow {
                statement,
                roles: grant.roles,
                scopes: grant.scopes,
                claims: grant.claims,
                longest: grant.max_lifetime,
                obligations: obligations.iter().map(|one| format!("{one:?}")).collect(),
            }
        }
        Outcome::Deny(Denied { reasons, truncated }) => {
            let reasons = reasons.into_iter().map(|reason| Reason {
                code: reason.code.to_string(),
                statement: reason.statement,
                claim: reason.claim,
                expected: reason.expected,
                found: reason.found,
                message: reason.message,
            });
            Said::Deny(reasons.collect(), truncated)
        }
        Outcome::Error(error) => panic!("no answer could be given: {error}"),
    }
}

/// A record of the last decision, as its line has it.
#[derive(Default)]
struct Memory(Mutex<Option<String>>);

impl Record for Memory {
    fn keeps_claims(&self) -> bool {
        true
    }

    fn write(&self, decision: &Decision) -> Result<(), HostError> {
        *self.0.lock().unwrap() = Some(serde_json::to_string(decision).unwrap());
        Ok(())
    }

    fn note(&self, _: &Refused) {}
}

/// The request and the time of a token.
fn circumstances(token: &Token) -> (Request, FixedClock) {
    let attributes = token.request.attributes.clone();
    (
        Request::with_attributes(attributes),
        FixedClock(token.request.now),
    )
}

/// A policy as a component in a sandbox, and the issuers of its document.
pub(super) struct Host {
    issuers: Issuers,
    policy: Arc<Policy>,
}

impl Host {
    /// The document's program, baked and loaded.
    pub(super) fn of(sandbox: &Sandbox, compiled: &Compiled) -> Self {
        let component = bake(&standard(), &compiled.bytes, &[]).unwrap();
        Self::of_component(sandbox, compiled, &component)
    }

    /// That component, whose document names these issuers.
    pub(super) fn of_component(sandbox: &Sandbox, compiled: &Compiled, component: &[u8]) -> Self {
        let issuers = compiled.issuers.iter().map(|issuer| {
            let (model, settings) = (Arc::clone(&issuer.model), Settings::default());
            Arc::new(Issuer::new(&*issuer.url, model, KeySet::default(), settings).unwrap())
        });
        Self {
            issuers: Issuers::new(issuers).unwrap(),
            policy: Arc::new(Policy::load(sandbox, component).unwrap()),
        }
    }

    /// The gate of the token's route; everything it asks about is ready.
    fn gate(&self, token: &Token) -> Gate {
        Gate::new(
            self.issuers.clone(),
            Floor::new(&*token.request.audience).unwrap(),
            Arc::clone(&self.policy),
            danger::no_ceiling(),
        )
    }

    /// The token, as if its issuer had signed it.
    fn verified(&self, token: &Token) -> Result<Verified, Refusal> {
        let text = Value::Object(token.claims.clone()).to_string();
        let url = token.claims.get("iss").and_then(Value::as_str);
        // Types are read before the issuer is looked up, so claims of nobody's
        // are assumed from anybody, and always from the same one.
        let known = self.issuers.find(url.unwrap_or_default());
        let first = || self.issuers.iter().min_by_key(|one| one.url()).unwrap();
        let issuer = known.unwrap_or_else(|_| first());
        let key = AssumedKey {
            key_type: token.key.key_type.clone(),
            bits: token.key.bits,
            thumbprint: token.key.thumbprint.clone(),
        };
        let claims = Claims::parse(text, &Limits::TOKEN).unwrap();
        let algorithm = Algorithm::parse(&token.key.algorithm).unwrap();
        danger::assume_verified_by(claims, issuer, algorithm, key)
    }

    /// What is said of a verified token, and what is derived again from the
    /// line that its decision has on record; none where there is no such token.
    pub(super) fn recorded(&self, token: &Token) -> Option<(Decision, Outcome, Outcome)> {
        let record = Arc::new(Memory::default());
        let gate = self
            .gate(token)
            .with_record("route", Arc::clone(&record) as Arc<dyn Record>);
        let (request, clock) = circumstances(token);
        gate.decide_verified(self.verified(token).ok()?, &request, &clock);
        let previewed = gate.preview(self.verified(token).ok()?, &request, &clock);
        let line = record.0.lock().unwrap().take().unwrap();
        let decision: Decision = serde_json::from_str(&line).unwrap();
        let again = decision.decide_again(&self.policy, Registry::standard());
        Some((decision, previewed, again.unwrap()))
    }

    /// What the component says of a token, and how it explains that.
    pub(super) fn says(&self, token: &Token) -> (Said, Vec<Step>) {
        let gate = self.gate(token);
        let verified = || self.verified(token);
        let (request, clock) = circumstances(token);
        let (first, second) = match (verified(), verified()) {
            (Ok(first), Ok(second)) => (first, second),
            (Err(refusal), _) | (_, Err(refusal)) => {
                return (of_outcome(refusal.into()), Vec::new());
            }
        };
        let previewed = of_outcome(gate.preview(first, &request, &clock));
        let explained = gate.explain(second, &request, &clock);
        assert_eq!(
            previewed,
            of_outcome(explained.outcome),
            "an explanation decides alike"
        );
        let steps = explained.steps.into_iter();
        let steps = steps.map(|one| {
            (
                one.statement,
                one.condition,
                one.held,
                one.expected,
                one.found,
            )
        });
        (previewed, steps.collect())
    }
}
