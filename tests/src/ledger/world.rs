//! A route with a ledger, on each store there is.

use std::sync::{Arc, LazyLock};

use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::ledger::{
    Change, ChangeError, Effect, Identity, Keeper, Ledger, Name, Order, Parent, Run, Sqlite,
};
use claimbound::models::{Model, Registry};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::token::Token;
use serde_json::Value;

use crate::forge::NOW;
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
pub(super) use on_each_store;

/// A ledger of its own.
pub(super) struct World {
    pub(super) ledger: Arc<Ledger>,
    place: Place,
}

/// Where it is.
enum Place {
    Folder(tempfile::TempDir),
}

impl World {
    /// In a file.
    pub(super) fn sqlite() -> Self {
        let place = Place::Folder(tempfile::tempdir().unwrap());
        Self {
            ledger: place.open(),
            place,
        }
    }

    /// In a database of a running server; none where there is no server.
    pub(super) fn postgres() -> Option<Self> {
        None
    }

    /// The same ledger as another process opens it.
    pub(super) fn again(&self) -> Arc<Ledger> {
        self.place.open()
    }

    pub(super) fn gate(&self, route: &str, policy: &Arc<Policy>) -> Gate {
        gate_with(policy, ceiling()).with_commit(Keeper::new(Arc::clone(&self.ledger), route))
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
            Self::Folder(folder) => {
                let settings = Sqlite::at(folder.path().join("ledger.db")).or_new();
                Arc::new(Ledger::sqlite(&settings).unwrap())
            }
        }
    }
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

pub(super) fn decide(gate: &Gate, claims: &Value) -> Outcome {
    let token = SIGNER.sign(claims);
    gate.decide(Token::new(&token), &Request::default(), &FixedClock(NOW))
}
