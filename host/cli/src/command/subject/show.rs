//! `subject show`: everything that the ledger knows of one name or id.

use std::collections::HashSet;

use claimbound::ledger::{Entry, Event, Ledger, Name, Parent};
use serde_json::{Value, json};

use crate::console::{Console, Status};
use crate::naming::{self, Naming};
use crate::page::{Cell, Ink, Page};
use crate::{entry, ledger};

/// Show what the ledger knows of a name, or of an id.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject show repository acme/infra
  claimbound subject show repository --id 456789
  claimbound subject show --id 456789 --format json

It shows the name for everybody and for each route that enrolled it, the other names
of the same id, what belongs to it, and the history of all its names.

Exit status: 0 shown, 1 the ledger knows nothing of it, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The kind of name, such as `repository`.
    #[arg(value_name = "KIND", required_unless_present = "id")]
    kind: Option<String>,

    /// The name.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Show what goes by this id in place of a name.
    #[arg(long, value_name = "ID", conflicts_with = "name")]
    id: Option<String>,

    #[command(flatten)]
    naming: naming::Arguments,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

/// Everything about a name or an id.
struct Dossier {
    title: String,
    issuer: String,
    entries: Vec<Entry>,
    others: Vec<Entry>,
    children: Vec<Entry>,
    history: Vec<Event>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let ledger = arguments.ledger.read()?;
    let naming = arguments.naming.open(&ledger)?;
    let dossier = match (&arguments.kind, &arguments.name, &arguments.id) {
        (Some(kind), Some(name), _) => of_name(&ledger, naming.name(kind, name)?)?,
        (Some(only), None, None) => return Err(naming.not_both(only)),
        (kind, None | Some(_), id) => of_id(
            &ledger,
            &naming,
            kind.as_deref(),
            id.as_deref().unwrap_or_default(),
        )?,
    };
    console.answer(|| dossier.page(), || dossier.json())?;
    let is_known = !dossier.entries.is_empty() || !dossier.history.is_empty();
    Ok(if is_known { Status::Yes } else { Status::No })
}

fn of_name(ledger: &Ledger, name: Name) -> anyhow::Result<Dossier> {
    let entries = ledger.find(&name)?;
    let mut others: Vec<Entry> = Vec::new();
    for id in entries.iter().filter_map(|entry| entry.id.as_ref()) {
        for other in ledger.names_of(&name.issuer, &name.kind, id)? {
            if other.name != name && !others.contains(&other) {
                others.push(other);
            }
        }
    }
    let children = children(ledger, &name.issuer, |parent| {
        parent.kind == name.kind && parent.name == name.name
    })?;
    let names = others.iter().map(|other| &other.name).chain([&name]);
    let history = history(ledger, &names.collect())?;
    Ok(Dossier {
        title: format!("{} {}", name.kind, name.name),
        history,
        issuer: name.issuer,
        entries,
        others,
        children,
    })
}

fn of_id(
    ledger: &Ledger,
    naming: &Naming,
    kind: Option<&str>,
    id: &str,
) -> anyhow::Result<Dossier> {
    let kinds = match kind {
        Some(kind) => vec![naming.kind(kind)?],
        None => naming.model.names().iter().collect(),
    };
    let mut entries = Vec::new();
    for kind in &kinds {
        entries.extend(ledger.names_of(&naming.issuer, kind.name(), id)?);
    }
    let history = history(ledger, &entries.iter().map(|entry| &entry.name).collect())?;
    let children = children(ledger, &naming.issuer, |parent| {
        let is_kind = kinds.iter().any(|kind| kind.name() == parent.kind);
        is_kind && parent.id.as_deref() == Some(id)
    })?;
    Ok(Dossier {
        title: format!("id {id}"),
        issuer: naming.issuer.clone(),
        entries,
        others: Vec::new(),
        children,
        history,
    })
}

fn children(
    ledger: &Ledger,
    issuer: &str,
    is_parent: impl Fn(&Parent) -> bool,
) -> anyhow::Result<Vec<Entry>> {
    let mut found = Vec::new();
    ledger.entries(|entry| {
        if entry.name.issuer == issuer && entry.parent.as_ref().is_some_and(&is_parent) {
            found.push(entry);
        }
    })?;
    Ok(found)
}

/// The history of all these names, in its order.
fn history(ledger: &Ledger, names: &HashSet<&Name>) -> anyhow::Result<Vec<Event>> {
    let mut events = Vec::new();
    // One name alone is looked up; several have to be picked out.
    let only = match names.len() {
        0 => return Ok(events),
        1 => names.iter().next().copied(),
        _ => None,
    };
    ledger.history(only, |event| {
        if event.name.as_ref().is_some_and(|name| names.contains(name)) {
            events.push(event);
        }
    })?;
    Ok(events)
}

impl Dossier {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.put(Ink::Strong, &self.title)
            .put(Ink::Faint, format!("  at {}", self.issuer))
            .end();
        if self.entries.is_empty() {
            page.text("  the ledger knows nothing of it now").end();
        }
        let rows = |entries: &[Entry]| entries.iter().map(entry::row).collect();
        section(&mut page, None, entry::heading(), rows(&self.entries));
        let others = Some("other names of the same id");
        section(&mut page, others, entry::heading(), rows(&self.others));
        let children = Some("belongs to it");
        section(&mut page, children, entry::heading(), rows(&self.children));
        let events = self.history.iter().map(entry::event_row).collect();
        section(&mut page, Some("history"), entry::event_heading(), events);
        page
    }

    fn json(&self) -> Value {
        let history: Vec<_> = self.history.iter().map(entry::event_json).collect();
        json!({
            "issuer": self.issuer,
            "entries": self.entries,
            "others": self.others,
            "children": self.children,
            "history": history,
        })
    }
}

/// Rows under their title, if there are any.
fn section(page: &mut Page, title: Option<&str>, heading: Vec<Cell>, rows: Vec<Vec<Cell>>) {
    if rows.is_empty() {
        return;
    }
    if let Some(title) = title {
        page.end().put(Ink::Strong, title).end();
    }
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    page.table(2, &rows);
}
