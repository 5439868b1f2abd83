//! Entries of the ledger, revocations and history, as people read them.

use claimbound::ledger::{Entry, Event, Parent, Revocation, Scope, Served, Standing, Target};
use claimbound::modules::Version;
use serde_json::{Value, json};

use crate::page::{Cell, Ink};
use crate::time;

/// What an entry says, in one line.
pub(crate) fn described(entry: &Entry) -> String {
    let mut words = vec![state(entry)];
    words.extend(entry.id.as_ref().map(|id| format!("id {id}")));
    words.extend(entry.parent.as_ref().map(|of| format!("of {}", parent(of))));
    if entry.standing.scope() != Scope::Everywhere {
        words.push(format!("by {}", entry.by));
    }
    words.join(", ")
}

/// What a revocation says, in one line.
pub(crate) fn described_revocation(revocation: &Revocation) -> String {
    let until = revocation.until.map_or_else(
        || "until lifted".to_owned(),
        |until| format!("until {}", time::date(until)),
    );
    format!(
        "revoked {until}, by {}: {}",
        revocation.by, revocation.reason
    )
}

/// What a route serves of a module, in one line.
pub(crate) fn described_module(served: &Served) -> String {
    let mut words = vec![
        format!("serves {}", served.version),
        format!("major {} approved", served.approved),
    ];
    words.extend(barring(served).map(|to| format!("none up to {to}")));
    words.extend(
        waiting(served)
            .into_iter()
            .map(|version| format!("{version} promoted")),
    );
    words.join(", ")
}

/// The version up to which none is taken up.
fn barring(served: &Served) -> Option<&Version> {
    let bar = served.bar.as_ref().map(|bar| &bar.to);
    bar.filter(|to| **to > served.version)
}

/// The version that is promoted and not served yet.
fn waiting(served: &Served) -> Option<&Version> {
    let promoted = served.promoted.as_ref();
    promoted.filter(|version| **version > served.version)
}

/// The headings of [`module_row`].
pub(crate) fn module_heading() -> Vec<Cell> {
    headings(&[
        "route",
        "module",
        "version",
        "major",
        "none up to",
        "promoted",
        "since",
        "by",
    ])
}

/// What a route serves as a row of a table.
pub(crate) fn module_row(served: &Served) -> Vec<Cell> {
    let text =
        |version: Option<&Version>| version.map_or_else(|| "-".to_owned(), Version::to_string);
    vec![
        Cell::plain(&served.route),
        Cell::new(Ink::Strong, &served.name),
        Cell::new(Ink::Good, served.version.to_string()),
        Cell::plain(served.approved.to_string()),
        Cell::new(Ink::Warn, text(barring(served))),
        Cell::plain(text(waiting(served))),
        Cell::new(Ink::Faint, time::date(served.since)),
        Cell::new(Ink::Faint, said(&served.by, &served.reason)),
    ]
}

/// What is revoked, in one line.
pub(crate) fn target(revocation: &Revocation) -> String {
    revocation.target.to_string()
}

/// What is revoked of its kind and issuer; a digest as the record writes it.
fn value(target: &Target) -> String {
    match target {
        Target::Token { digest } => format!("sha256:{digest}"),
        Target::TokenId { .. }
        | Target::Subject { .. }
        | Target::Key { .. }
        | Target::Issuer { .. } => target.value().to_owned(),
    }
}

fn state(entry: &Entry) -> String {
    match &entry.standing {
        Standing::Moved { to } => format!("moved to {to}"),
        Standing::Suspended { approved: true } => "suspended (was approved)".to_owned(),
        Standing::Suspended { approved: false }
        | Standing::Observed { .. }
        | Standing::Approved
        | Standing::Retired => entry.standing.state().as_str().to_owned(),
    }
}

fn parent(parent: &Parent) -> String {
    let id = parent
        .id
        .as_ref()
        .map_or_else(String::new, |id| format!(" ({id})"));
    format!("{} {}{id}", parent.kind, parent.name)
}

fn ink(standing: &Standing) -> Ink {
    match standing {
        Standing::Approved => Ink::Good,
        Standing::Suspended { .. } | Standing::Retired => Ink::Bad,
        Standing::Moved { .. } => Ink::Warn,
        Standing::Observed { .. } => Ink::Plain,
    }
}

/// The headings of [`row`].
pub(crate) fn heading() -> Vec<Cell> {
    headings(&["kind", "name", "id", "state", "belongs to", "since", "by"])
}

/// An entry as a row of a table.
pub(crate) fn row(entry: &Entry) -> Vec<Cell> {
    vec![
        Cell::plain(&entry.name.kind),
        Cell::new(Ink::Strong, &entry.spelling),
        Cell::plain(entry.id.as_deref().unwrap_or("-")),
        Cell::new(ink(&entry.standing), state(entry)),
        Cell::plain(entry.parent.as_ref().map_or_else(|| "-".to_owned(), parent)),
        Cell::new(Ink::Faint, time::date(entry.since)),
        Cell::new(Ink::Faint, said(&entry.by, &entry.reason)),
    ]
}

/// The headings of [`event_row`].
pub(crate) fn event_heading() -> Vec<Cell> {
    headings(&["when", "what", "of", "before", "after", "by"])
}

/// An event as a row of a table.
pub(crate) fn event_row(event: &Event) -> Vec<Cell> {
    let of = match &event.name {
        Some(name) => format!("{} {}", name.kind, name.name),
        None => module(event.after.as_deref()).unwrap_or_default(),
    };
    vec![
        Cell::new(Ink::Faint, time::date(event.at)),
        Cell::new(Ink::Strong, event.action.as_str()),
        Cell::plain(of),
        Cell::plain(summary(event.before.as_deref())),
        Cell::plain(summary(event.after.as_deref())),
        Cell::new(Ink::Faint, said(&event.by, &event.reason)),
    ]
}

/// The headings of [`revocation_row`].
pub(crate) fn revocation_heading() -> Vec<Cell> {
    headings(&["what", "value", "issuer", "on", "until", "by"])
}

/// A revocation as a row of a table.
pub(crate) fn revocation_row(revocation: &Revocation, now: u64) -> Vec<Cell> {
    let target = &revocation.target;
    let ink = if revocation.holds(now) {
        Ink::Bad
    } else {
        Ink::Faint
    };
    let until = match revocation.until {
        None => "it is lifted".to_owned(),
        Some(until) => time::date(until),
    };
    let ended = if revocation.holds(now) {
        ""
    } else {
        " (ended)"
    };
    vec![
        Cell::new(ink, target.kind()),
        Cell::new(Ink::Strong, some(&value(target))),
        Cell::plain(target.issuer().unwrap_or("any")),
        Cell::new(Ink::Faint, time::date(revocation.at)),
        Cell::plain(format!("{until}{ended}")),
        Cell::new(Ink::Faint, said(&revocation.by, &revocation.reason)),
    ]
}

fn some(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn headings(names: &[&str]) -> Vec<Cell> {
    names
        .iter()
        .map(|name| Cell::new(Ink::Faint, name))
        .collect()
}

fn said(by: &str, reason: &str) -> String {
    if reason.is_empty() {
        by.to_owned()
    } else {
        format!("{by}: {reason}")
    }
}

/// The module that an event is about, with its route.
fn module(json: Option<&str>) -> Option<String> {
    let value = parsed(json?);
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let (route, name) = (text("route")?, text("name")?);
    text("version").map(|_| format!("module {name} on {route}"))
}

/// What an event says of a version that is served, in a few words.
fn versions(value: &Value) -> Option<String> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let mut words = vec![format!("{}, major {}", text("version")?, text("approved")?)];
    words.extend(text("barred_to").map(|to| format!("none up to {to}")));
    words.extend(text("promoted").map(|version| format!("{version} promoted")));
    Some(words.join(", "))
}

/// What an event says that was or is there, in a few words.
fn summary(json: Option<&str>) -> String {
    let Some(json) = json else {
        return "-".to_owned();
    };
    let value = parsed(json);
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let id = text("id").map_or_else(String::new, |id| format!(", id {id}"));
    match (text("state"), text("moved_to"), text("value")) {
        (Some(_), Some(to), _) => format!("moved to {to}{id}"),
        (Some(state), None, _) => format!("{state}{id}"),
        (None, _, Some(value)) => {
            let kind = text("kind").unwrap_or_default();
            match (kind, value) {
                ("token", digest) => format!("token sha256:{digest}"),
                (kind, "") => format!("{kind} {}", text("issuer").unwrap_or_default()),
                (kind, value) => format!("{kind} {value}"),
            }
        }
        (None, _, None) => versions(&value)
            .or_else(|| counts(&value))
            .unwrap_or_else(|| json.to_owned()),
    }
}

/// How much an import added, in a few words.
fn counts(value: &Value) -> Option<String> {
    let counts = value.as_object()?.iter().map(|(what, count)| {
        let what = match what.as_str() {
            "events" => "lines of history",
            "spent" => "used tokens",
            "module_digests" => "digests of modules",
            "index_serials" => "serials of indexes",
            "known" => "known already",
            other => other,
        };
        Some((what, count.as_u64()?))
    });
    let counts: Option<Vec<_>> = counts.collect();
    let added = counts?.into_iter().filter(|(_, count)| *count > 0);
    let added: Vec<_> = added
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    Some(added.join(", "))
}

/// An event as JSON, with what it keeps as JSON text unfolded.
pub(crate) fn event_json(event: &Event) -> Value {
    let name = event.name.as_ref();
    json!({
        "at": event.at,
        "by": event.by,
        "action": event.action.as_str(),
        "issuer": name.map(|name| &name.issuer),
        "kind": name.map(|name| &name.kind),
        "name": name.map(|name| &name.name),
        "before": event.before.as_deref().map(parsed),
        "after": event.after.as_deref().map(parsed),
        "reason": event.reason,
    })
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| json.into())
}

/// A revocation as JSON, with whether it holds.
pub(crate) fn revocation_json(revocation: &Revocation, now: u64) -> Value {
    let mut json = json!(revocation);
    if let Some(members) = json.as_object_mut() {
        members.insert("holds".to_owned(), revocation.holds(now).into());
    }
    json
}
