//! Versions of a module that follow each other on a route that serves.

mod bad;
mod gated;
mod registry;
mod shadow;
mod shelf;
mod status;
mod swaps;
mod versions;

use std::time::Duration;

use claimbound::ledger::{Change, Ledger, Order, Run, Sqlite};
use serde_json::Value;

use self::shelf::Shelf;
use super::http::Question;
use super::{Place, Serving, component, job_with};
use crate::forge::NOW;
use crate::gate::DOCUMENT;

/// What a route has that takes a module, in place of a file.
const MODULE: &str = "module = { store = \"main\", name = \"acme-deploy\", version = \"*\" }";

/// A store, and the key of whoever publishes there.
const STORE: &str = "\n[store.main]\nfolder = \"store\"\npoll = \"100ms\"\n\n[store.main.key.release]\n\
                     file = \"release.pub\"\nmodules = [\"acme-deploy\"]\n\n[ledger]";

/// A place whose route takes a module of a store, which has none yet.
fn place() -> (Place, Shelf) {
    place_with(&[])
}

fn place_with(changes: &[(&str, &str)]) -> (Place, Shelf) {
    let place = Place::new();
    let shelf = Shelf::new(&place.path("store"));
    place.write("release.pub", shelf.public_key());
    configure(&place, changes);
    (place, shelf)
}

/// The configuration of such a place, with some text replaced.
fn configure(place: &Place, changes: &[(&str, &str)]) {
    let unsigned = "policy = \"policy.wasm\"\ndanger_unsigned = true";
    let mut text = super::changed(&[(unsigned, MODULE), ("\n[ledger]", STORE)]);
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    place.write("claimbound.toml", text);
}

/// The policy of these tests as another version.
fn version(version: &str) -> Vec<u8> {
    component(&DOCUMENT.replace("1.4.0", version))
}

/// The same that also needs another ref, and so denies what others allow.
fn strict(version: &str) -> Vec<u8> {
    let main = "ref = \"refs/heads/main\"";
    assert!(DOCUMENT.contains(main));
    let document = DOCUMENT.replace(main, "ref = \"refs/heads/other\"");
    component(&document.replace("1.4.0", version))
}

impl Serving {
    /// What operators are told of the route's module.
    async fn module(&self) -> Value {
        let question = Question::get("/modules").with("authorization", "Bearer of-operators");
        self.ask("admin", question).await.json()["modules"][0].clone()
    }

    /// Waits until what operators are told is as expected.
    async fn until_module(&self, expected: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..400 {
            let module = self.module().await;
            if expected(&module) {
                return module;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never comes to that: {:#}", self.module().await);
    }

    async fn until_version(&self, version: &str) {
        self.until_module(|module| module["version"] == version)
            .await;
    }

    /// Waits until a version is refused, and gives the step and why.
    async fn until_refused(&self, version: &str) -> (String, String) {
        let refused = |module: &Value| {
            let refused = module["rollout"]["refused"].as_array()?.clone();
            refused.into_iter().find(|one| one["version"] == version)
        };
        let module = self.until_module(|module| refused(module).is_some()).await;
        let refused = refused(&module).unwrap();
        let text = |what: &str| refused[what].as_str().unwrap().to_owned();
        (text("step"), text("why"))
    }

    /// Whether a job that every version of these tests but the strict one allows
    /// is allowed.
    async fn allows(&self, id: &str) -> bool {
        self.present(&job_with(id)).await.status == 200
    }
}

/// Has an operator change the ledger of a place.
fn order(place: &Place, change: Change) {
    let ledger = Ledger::sqlite(&Sqlite::at(place.path("ledger.db"))).unwrap();
    let order = Order {
        change,
        by: "alice".to_owned(),
        at: NOW,
        reason: "it was tried".to_owned(),
    };
    ledger.apply(&order, Run::Real).unwrap();
}
