//! Routes over one ledger, each with a policy and somebody who proves or doesn't.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::{Gate, Judged};
use claimbound::grant::Ceiling;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{Algorithm, KeySet, SetLimits};
use claimbound::ledger::{Keeper, Ledger};
use claimbound::models::Registry;
use claimbound::obligation::{Commit, CommitError, Committed, Obligation};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::reason::{Code, Reason, Refusal};
use claimbound::token::Token;

use super::forge::Flavour;
use super::job::{AUDIENCE, Job, issuer, key_set};
use crate::gate::policy;
use crate::standard::standard;

/// A route. The two `Proved` are one: a caller there has a proof or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Route {
    /// Enrols whoever comes.
    Lax,
    /// The same, and takes each token once.
    Open,
    /// Takes whom an operator approved; each token for production once.
    Strict,
    /// Takes one repository by its ids, and enrols it.
    Pinned,
    /// Enrols, takes each token once, asks for a proof, and gets it.
    Proved,
    /// The same without the proof.
    Unproved,
}

impl Route {
    pub(super) const ALL: [Self; 6] = [
        Self::Lax,
        Self::Open,
        Self::Strict,
        Self::Pinned,
        Self::Proved,
        Self::Unproved,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lax => "lax",
            Self::Open => "open",
            Self::Strict => "strict",
            Self::Pinned => "pinned",
            Self::Proved | Self::Unproved => "proved",
        }
    }

    const fn document(self) -> &'static str {
        match self {
            Self::Lax => include_str!("policies/lax.toml"),
            Self::Open => include_str!("policies/open.toml"),
            Self::Strict => include_str!("policies/strict.toml"),
            Self::Pinned => include_str!("policies/pinned.toml"),
            Self::Proved | Self::Unproved => include_str!("policies/proved.toml"),
        }
    }
}

static POLICIES: LazyLock<[Arc<Policy>; 6]> =
    LazyLock::new(|| Route::ALL.map(|route| policy(&standard(), route.document())));

/// Proves possession, or does not.
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

/// The gates of all routes, as one host has them.
pub(super) struct Host {
    pub(super) ledger: Arc<Ledger>,
    gates: [Gate; 6],
}

impl Host {
    pub(super) fn new(ledger: Arc<Ledger>) -> Self {
        let gates = Route::ALL.map(|route| {
            let keeper = Keeper::new(Arc::clone(&ledger), route.name())
                .with_others(Prover(route == Route::Proved));
            let floor = Floor::new(AUDIENCE).unwrap();
            let policy = Arc::clone(&POLICIES[route as usize]);
            Gate::new(issuers(), floor, policy, ceiling()).with_commit(keeper)
        });
        Self { ledger, gates }
    }

    pub(super) fn decide(&self, route: Route, job: &Job, now: u64) -> Outcome {
        self.decide_text(route, &job.token, now)
    }

    pub(super) fn decide_text(&self, route: Route, token: &str, now: u64) -> Outcome {
        self.gates[route as usize].decide(Token::new(token), &Request::default(), &FixedClock(now))
    }
}

fn issuers() -> Issuers {
    let all = Flavour::ALL.map(|flavour| {
        let model = Registry::standard().get(model(flavour)).unwrap();
        let keys = KeySet::parse(key_set(flavour), &SetLimits::default()).unwrap();
        // Quick to sign with; the forges themselves use RS256.
        let settings = Settings {
            algorithms: Some(vec![Algorithm::EdDsa]),
            ..Settings::default()
        };
        Arc::new(Issuer::new(issuer(flavour), Arc::clone(model), keys, settings).unwrap())
    });
    Issuers::new(all).unwrap()
}

pub(super) const fn model(flavour: Flavour) -> &'static str {
    match flavour {
        Flavour::GitHub => "github-actions",
        Flavour::GitLab => "gitlab",
    }
}

fn ceiling() -> Ceiling {
    Ceiling {
        roles: BTreeSet::from(["deploy".to_owned()]),
        longest_lifetime: Some(600),
        enrolment: true,
        ..Ceiling::default()
    }
}
