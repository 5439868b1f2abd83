//! What is left in a ledger, read off its export by names of JSON members.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use claimbound::ledger::{ImportOrder, Ledger, Run};
use serde_json::Value;

use super::job::issuer;
use super::operator::kind;
use super::reference::{Name, Reference, State};
use crate::forge::NOW;

/// A ledger's export.
pub(super) struct Export {
    pub(super) names: Vec<Value>,
    pub(super) revocations: Vec<Value>,
    pub(super) events: Vec<Value>,
    pub(super) spent: Vec<Value>,
    /// What is kept of modules.
    pub(super) modules: Vec<Value>,
}

impl Export {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut text = Vec::new();
        ledger.export(&mut text).unwrap();
        let mut export = Self {
            names: Vec::new(),
            revocations: Vec::new(),
            events: Vec::new(),
            spent: Vec::new(),
            modules: Vec::new(),
        };
        for line in text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let line: Value = serde_json::from_slice(line).unwrap();
            match line["type"].as_str().unwrap() {
                "ledger" => {}
                "name" => export.names.push(line),
                "revocation" => export.revocations.push(line),
                "event" => export.events.push(line),
                "spent" => export.spent.push(line),
                "module" | "module-digest" | "index-serial" => export.modules.push(line),
                other => panic!("a line of type {other}"),
            }
        }
        export
    }

    /// History ends in what there is: each event begins with what the one
    /// before it left, and the last ones leave the entries and revocations.
    pub(super) fn check_history(&self) -> Result<(), String> {
        let mut entries: BTreeMap<String, Value> = BTreeMap::new();
        for event in &self.events {
            let value = |member: &str| {
                let text = event[member].as_str()?;
                Some(serde_json::from_str::<Value>(text).unwrap())
            };
            let (before, after) = (value("before"), value("after"));
            if let Some(before) = before {
                let there = entries.remove(&place(&before));
                demand(there.as_ref() == Some(&before), || {
                    format!("{event} replaces what was not there: {there:?}")
                })?;
            }
            if let Some(after) = after {
                let there = entries.insert(place(&after), after);
                demand(there.is_none(), || format!("{event} hides {there:?}"))?;
            }
        }
        let there = self.names.iter().chain(&self.revocations).map(|line| {
            let mut line = line.clone();
            line.as_object_mut().unwrap().remove("type");
            (place(&line), line)
        });
        let there: BTreeMap<String, Value> = there.collect();
        demand(there == entries, || {
            format!("history ends in {entries:?}, the tables hold {there:?}")
        })
    }

    /// In no scope two names are bound to one identity, nor one name to two.
    pub(super) fn check_bindings(&self) -> Result<(), String> {
        let mut names: BTreeMap<String, &Value> = BTreeMap::new();
        let mut ids: BTreeMap<String, &Value> = BTreeMap::new();
        for line in &self.names {
            let there = names.insert(place(line), line);
            demand(there.is_none(), || format!("{line} beside {there:?}"))?;
            let lives = ["observed", "approved"].contains(&line["state"].as_str().unwrap());
            if lives && let Some(id) = line["id"].as_str() {
                let scope = members(line, &["issuer", "kind", "route", "statement"]);
                let there = ids.insert(format!("{scope} {id}"), line);
                demand(there.is_none(), || format!("{line} beside {there:?}"))?;
            }
        }
        Ok(())
    }

    /// How often each thing was done.
    pub(super) fn actions(&self) -> BTreeMap<&str, usize> {
        let mut actions = BTreeMap::new();
        for event in &self.events {
            *actions
                .entry(event["action"].as_str().unwrap())
                .or_default() += 1;
        }
        actions
    }
}

/// Where an entry or a revocation stands: there is one of each.
fn place(line: &Value) -> String {
    if line.get("value").is_some() {
        return members(line, &["kind", "issuer", "value"]);
    }
    members(line, &["issuer", "kind", "name", "route", "statement"])
}

fn members(line: &Value, names: &[&str]) -> String {
    names.iter().map(|name| line[*name].to_string()).collect()
}

fn demand(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    holds.then_some(()).ok_or_else(otherwise)
}

/// A copy of a ledger holds what it holds, and says of what it was made.
pub(super) fn check_copy(ledger: &Ledger, copy: &Ledger) -> Result<(), String> {
    let mut text = Vec::new();
    ledger.export(&mut text).unwrap();
    let order = ImportOrder {
        by: "alice",
        at: NOW,
        reason: "a copy",
    };
    let lines = &mut Cursor::new(text);
    let import = |lines: &mut Cursor<_>| copy.import(lines, &order, Run::Real);
    import(lines).map_err(|error| error.to_string())?;
    let again = import(lines).map_err(|error| error.to_string())?;
    demand(
        again.names
            + again.revocations
            + again.events
            + again.spent
            + again.modules
            + again.module_digests
            + again.index_serials
            == 0,
        || format!("the second time it added {again:?}"),
    )?;
    let (one, mut other) = (Export::of(ledger), Export::of(copy));
    let last = other.events.pop();
    let imported = last.is_some_and(|event| event["action"] == "import");
    let same = one.names == other.names
        && one.revocations == other.revocations
        && one.events == other.events
        && one.spent == other.spent
        && one.modules == other.modules;
    demand(same && (imported || one.events.is_empty()), || {
        "the copy is another".to_owned()
    })
}

/// Everything in the ledger is what the reference has, and nothing is missing.
pub(super) fn check(ledger: &Ledger, reference: &Reference) -> Result<(), String> {
    let export = Export::of(ledger);
    export.check_history()?;
    export.check_bindings()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let found: BTreeSet<Plain> = export
        .names
        .iter()
        .map(|line| Plain {
            name: members(line, &["issuer", "kind", "name"]),
            scope: (
                text(&line["route"]).unwrap(),
                text(&line["statement"]).unwrap(),
            ),
            id: text(&line["id"]),
            parent: text(&line["parent_id"]),
            state: format!(
                "{}{}{}",
                line["state"].as_str().unwrap(),
                line["moved_to"]
                    .as_str()
                    .map_or_else(String::new, |to| format!(" to {to}")),
                if line["was_approved"] == true {
                    " approved"
                } else {
                    ""
                },
            ),
        })
        .collect();
    let wanted = plain(reference);
    demand(found == wanted, || {
        let missing: Vec<_> = wanted.difference(&found).collect();
        let more: Vec<_> = found.difference(&wanted).collect();
        format!("the ledger lacks {missing:?} and has {more:?}")
    })?;
    let actions: BTreeMap<_, _> = export.actions();
    let done = reference.done.iter().map(|(what, times)| (*what, *times));
    let done: BTreeMap<_, _> = done.filter(|(_, times)| *times > 0).collect();
    demand(actions == done, || {
        format!("history tells of {actions:?}, not of {done:?}")
    })
}

/// An entry in plain words.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Plain {
    name: String,
    scope: (String, String),
    id: Option<String>,
    parent: Option<String>,
    state: String,
}

fn plain(reference: &Reference) -> BTreeSet<Plain> {
    let text = |name: &Name| {
        format!(
            "{:?}{:?}{:?}",
            issuer(name.flavour),
            kind(name.flavour, name.level),
            name.text
        )
    };
    let parent = |parent: &Option<(String, u64)>| parent.as_ref().map(|(_, id)| id.to_string());
    let said = reference.said.iter().map(|(name, said)| Plain {
        name: text(name),
        scope: (String::new(), String::new()),
        id: said.id.map(|id| id.to_string()),
        parent: parent(&said.parent),
        state: match &said.state {
            State::Approved => "approved".to_owned(),
            State::Suspended { approved: false } => "suspended".to_owned(),
            State::Suspended { approved: true } => "suspended approved".to_owned(),
            State::Retired => "retired".to_owned(),
            State::Moved { to } => format!("moved to {to}"),
        },
    });
    let seen = reference
        .seen
        .iter()
        .map(|((name, (route, statement)), seen)| Plain {
            name: text(name),
            scope: ((*route).to_owned(), (*statement).to_owned()),
            id: Some(seen.id.to_string()),
            parent: parent(&seen.parent),
            state: "observed".to_owned(),
        });
    said.chain(seen).collect()
}
