//! A route with a ledger, on each store there is.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use claimbound::clock::FixedClock;
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{KeySet, SetLimits};
use claimbound::ledger::{
    Change, ChangeError, Effect, Identity, Keeper, Ledger, Name, Order, Parent, Run, Sqlite,
};
use claimbound::models::{Model, Registry};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::token::Token;
use serde_json::{Value, json};

use crate::forge::{NOW, job, with};
use crate::gate::{SIGNER, ceiling, gate_with, policy};
use crate::standard::standard;

/// The issuer of the tokens.
pub(super) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A policy that pins no id: whoever holds the names is let in.
pub(super) static NAMES_ALONE: LazyLock<Arc<Policy>> =
    LazyLock::new(|| policy(&standard(), include_str!("names-alone.toml")));

/// Tests that run on a ledger in each store.
macro_rules! on_each_store {
    ($($(#[$attribute:meta])* fn $name:ident($world:ident: &World) $body:block)*) => {
        $(mod $name {
            use super::*;

            fn run($world: &World) $body

            $(#[$attribute])*
            #[test]
            fn sqlite() {
                run(&World::sqlite());
            }

            $(#[$attribute])*
            #[test]
            fn postgres() {
                if let Some(world) = World::postgres() {
                    run(&world);
                }
            }
        })*
    };
}
pub(crate) use on_each_store;

/// A ledger of its own.
pub(crate) struct World {
    pub(crate) ledger: Arc<Ledger>,
    place: Place,
}

/// Where it is.
enum Place {
    Folder(tempfile::TempDir),
}

impl World {
    /// In a file.
    pub(crate) fn sqlite() -> Self {
        let place = Place::Folder(tempfile::tempdir().unwrap());
        Self {
            ledger: place.open(),
            place,
        }
    }

    /// In a database of a running server; none where there is no server.
    pub(crate) fn postgres() -> Option<Self> {
        None
    }

    /// Another ledger, in a place like this one's.
    pub(crate) fn another(&self) -> Self {
        match self.place {
            Place::Folder(_) => Self::sqlite(),
        }
    }

    /// Where another process finds this ledger, for [`open`].
    pub(crate) fn address(&self) -> String {
        match &self.place {
            Place::Folder(folder) => folder.path().to_str().unwrap().to_owned(),
        }
    }

    /// The same ledger as another process opens it.
    pub(crate) fn again(&self) -> Arc<Ledger> {
        self.place.open()
    }

    pub(super) fn gate(&self, route: &str, policy: &Arc<Policy>) -> Gate {
        gate_with(policy, ceiling()).with_commit(Keeper::new(Arc::clone(&self.ledger), route))
    }

    /// A route for tokens of another issuer, whatever their subject.
    pub(super) fn gate_at(&self, route: &str, issuer: (&str, &str), asks: &str) -> Gate {
        let (url, model) = issuer;
        let model = Registry::standard().get(model).unwrap();
        let keys = KeySet::parse(SIGNER.key_set(), &SetLimits::default()).unwrap();
        let known = Issuer::new(url, Arc::clone(model), keys, Settings::default()).unwrap();
        let issuers = Issuers::new([Arc::new(known)]).unwrap();
        let floor = Floor::new("https://deploy.acme.example").unwrap();
        Gate::new(issuers, floor, elsewhere(issuer, asks), ceiling())
            .with_commit(Keeper::new(Arc::clone(&self.ledger), route))
    }

    pub(super) fn order(&self, change: Change) -> Result<Vec<Effect>, ChangeError> {
        let order = Order {
            change,
            by: "alice".to_owned(),
            at: NOW,
            reason: "a test".to_owned(),
        };
        self.ledger.apply(&order, Run::Real)
    }
}

impl Place {
    fn open(&self) -> Arc<Ledger> {
        match self {
            Self::Folder(folder) => open(folder.path().to_str().unwrap()),
        }
    }
}

/// The ledger that has this [`World::address`].
pub(crate) fn open(address: &str) -> Arc<Ledger> {
    let settings = Sqlite::at(Path::new(address).join("ledger.db")).or_new();
    Arc::new(Ledger::sqlite(&settings).unwrap())
}

/// A policy that takes every subject of an issuer, its URL and its model, and
/// asks this besides.
pub(super) fn elsewhere((url, model): (&str, &str), asks: &str) -> Arc<Policy> {
    let document = include_str!("elsewhere.toml");
    let document = document.replace("URL", url).replace("MODEL", model);
    policy(&standard(), &document.replace("# ASKS", asks))
}

pub(super) fn model() -> &'static Model {
    Registry::standard().get("github-actions").unwrap()
}

pub(super) fn name(kind: &str, name: &str) -> Name {
    Name::of(ISSUER, model().kind(kind).unwrap(), name)
}

pub(super) fn owner(name: &str, id: &str) -> Identity {
    Identity::new(ISSUER, model(), "owner", name, Some(id), None).unwrap()
}

pub(super) fn repository(name: &str, id: &str, owner: (&str, &str)) -> Identity {
    let parent = Parent {
        kind: "owner".to_owned(),
        name: owner.0.to_owned(),
        id: Some(owner.1.to_owned()),
    };
    Identity::new(ISSUER, model(), "repository", name, Some(id), Some(parent)).unwrap()
}

pub(super) fn approve(identity: Identity) -> Change {
    Change::Approve {
        identity,
        replacing: None,
    }
}

/// Approves `acme` and its `acme/infra`, as [`crate::forge::job`] has them.
pub(super) fn approve_acme(world: &World) {
    world.order(approve(owner("acme", "123456"))).unwrap();
    let infra = repository("acme/infra", "456789", ("acme", "123456"));
    world.order(approve(infra)).unwrap();
}

/// The job's claims where its repository goes by this name, with these ids.
pub(super) fn job_of(path: &str, owner_id: &str, id: &str) -> Value {
    let (owner, _) = path.split_once('/').unwrap();
    with(
        job(),
        &json!({
            "sub": format!("repo:{path}:environment:production"),
            "repository": path, "repository_id": id,
            "repository_owner": owner, "repository_owner_id": owner_id,
        }),
    )
}

/// The code and the message of the first reason against a token.
pub(super) fn refusal(gate: &Gate, claims: &Value) -> (String, String) {
    match decide(gate, claims) {
        Outcome::Deny(denied) => {
            let reason = &denied.reasons[0];
            (reason.code.to_string(), reason.message.clone())
        }
        outcome @ (Outcome::Allow(_) | Outcome::Error(_)) => panic!("{outcome:?}"),
    }
}

pub(super) fn decide(gate: &Gate, claims: &Value) -> Outcome {
    let token = SIGNER.sign(claims);
    gate.decide(Token::new(&token), &Request::default(), &FixedClock(NOW))
}
