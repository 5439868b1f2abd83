//! A route with a ledger, on each store there is.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use claimbound::clock::{FixedClock, SystemClock};
use claimbound::floor::Floor;
use claimbound::gate::Gate;
use claimbound::issuer::{Issuer, Issuers, Settings};
use claimbound::key::{KeySet, SetLimits};
use claimbound::ledger::{
    Change, ChangeError, Effect, Identity, Keeper, Ledger, Name, Order, Parent, Postgres, Run,
    Sqlite,
};
use claimbound::models::{Model, Registry};
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::token::Token;
use serde_json::{Value, json};

use super::server::{Database, Role};
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
    Database(Database),
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
    ///
    /// Its ledger is a host's and an operator's at once, so that what a test
    /// orders counts at once.
    pub(crate) fn postgres() -> Option<Self> {
        Database::new().map(Self::of_database)
    }

    /// In this database.
    pub(super) fn of_database(database: Database) -> Self {
        let place = Place::Database(database);
        Self {
            ledger: place.open(),
            place,
        }
    }

    /// Another ledger, in a place like this one's.
    pub(crate) fn another(&self) -> Self {
        match self.place {
            Place::Folder(_) => Self::sqlite(),
            Place::Database(_) => Self::postgres().unwrap(),
        }
    }

    /// The same ledger as another process opens it.
    pub(crate) fn again(&self) -> Arc<Ledger> {
        self.place.open()
    }

    /// The same ledger as another process opens it that trusts its memory for no
    /// time at all, so that what one process orders counts in all at once.
    pub(crate) fn asking(&self) -> Arc<Ledger> {
        match &self.place {
            Place::Folder(_) => self.place.open(),
            Place::Database(database) => {
                let settings = database.settings(Role::Both).with_bound(Duration::ZERO);
                Arc::new(Ledger::postgres(&settings, SystemClock).unwrap())
            }
        }
    }

    /// How often something is done in this store that is done so often in the
    /// quicker one.
    pub(crate) fn turns(&self, usual: u64) -> u64 {
        match &self.place {
            Place::Folder(_) => usual,
            Place::Database(_) => usual / 2,
        }
    }

    /// The file, where it is in one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Folder(folder) => Some(folder.path().join("ledger.db")),
            Place::Database(_) => None,
        }
    }

    /// The database, where it is in one.
    pub(super) fn database(&self) -> Option<&Database> {
        match &self.place {
            Place::Folder(_) => None,
            Place::Database(database) => Some(database),
        }
    }

    /// What another process finds the ledger by.
    pub(crate) fn address(&self) -> String {
        match &self.place {
            Place::Folder(folder) => folder.path().join("ledger.db").display().to_string(),
            Place::Database(database) => database.url(Role::Both),
        }
    }

    /// What the command line finds the ledger by, in a role.
    pub(super) fn link(&self, role: Role) -> String {
        match &self.place {
            Place::Folder(_) => self.address(),
            Place::Database(database) => database.link(role),
        }
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
            Self::Folder(folder) => {
                let settings = Sqlite::at(folder.path().join("ledger.db")).or_new();
                Arc::new(Ledger::sqlite(&settings).unwrap())
            }
            Self::Database(database) => {
                let settings = database.settings(Role::Both);
                Arc::new(Ledger::postgres(&settings, SystemClock).unwrap())
            }
        }
    }
}

/// The ledger at a [`World::address`].
pub(crate) fn open(address: &str) -> Arc<Ledger> {
    let ledger = if address.contains("dbname=") {
        Ledger::postgres(&Postgres::at(address).unwrap(), SystemClock)
    } else {
        Ledger::sqlite(&Sqlite::at(address))
    };
    Arc::new(ledger.unwrap())
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

/// The number of marks in a ledger's export.
pub(super) fn marks(world: &World) -> usize {
    let mut out = Vec::new();
    world.ledger.export(&mut out).unwrap();
    let lines = String::from_utf8(out).unwrap();
    lines
        .lines()
        .filter(|line| line.contains("\"type\":\"spent\""))
        .count()
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
