//! `subject list`: the names that the ledger knows.

use std::collections::BTreeSet;

use anyhow::bail;
use claimbound::ledger::{Entry, State};
use claimbound::models::{Kind, Registry};
use serde_json::json;

use crate::console::{Console, Status};
use crate::entry;
use crate::ledger;
use crate::nearest::did_you_mean;
use crate::page::{Ink, Page};

/// List the names that the ledger knows.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject list
  claimbound subject list 'acme/*' --kind repository
  claimbound subject list --state observed --format json

In NAME `*` stands for any text; quote it, or the shell takes it for files. A name
has at most one entry by an operator, which holds on every route, and one for each
route and statement that enrolled it.

Exit status: 0 listed, also where nothing fits; 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// Names that look like this, such as `acme/*`.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Names of this issuer alone.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// Names of this kind alone, such as `repository`.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// Names in this state alone: observed, approved, suspended, retired, moved.
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

fn state(text: &str) -> anyhow::Result<State> {
    State::parse(text).ok_or_else(|| {
        let states = State::ALL.map(State::as_str);
        anyhow::anyhow!(
            "`{text}` is no state{}: {}",
            did_you_mean(text, &states),
            states.join(", ")
        )
    })
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let ledger = arguments.ledger.read()?;
    let mut entries = Vec::new();
    let mut kinds = BTreeSet::new();
    ledger.entries(|entry| {
        kinds.insert(entry.name.kind.clone());
        if arguments.takes(&entry) {
            entries.push(entry);
        }
    })?;
    if let Some(kind) = &arguments.kind {
        check_kind(kind, &kinds)?;
    }
    let is_empty = kinds.is_empty();
    console.answer(
        || page(&entries, is_empty),
        || json!({ "entries": entries }),
    )?;
    Ok(Status::Yes)
}

/// Refuses a kind that neither the ledger nor any naming model has.
fn check_kind(kind: &str, known: &BTreeSet<String>) -> anyhow::Result<()> {
    let models = Registry::standard().iter();
    let of_models = models.flat_map(|model| model.names().iter().map(Kind::name));
    // Whichever the ledger has are nearer than others.
    let known = known.iter().map(String::as_str);
    let kinds: Vec<_> = known.chain(of_models).collect();
    if kinds.contains(&kind) {
        return Ok(());
    }
    bail!(
        "`{kind}` is no kind of name by any naming model{}",
        did_you_mean(kind, &kinds)
    )
}

impl Arguments {
    fn takes(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        let looks =
            |pattern: &String| fits(pattern, &entry.spelling) || fits(pattern, &entry.name.name);
        is(&self.issuer, &entry.name.issuer)
            && is(&self.kind, &entry.name.kind)
            && self
                .state
                .is_none_or(|state| state == entry.standing.state())
            && self.name.as_ref().is_none_or(looks)
    }
}

/// Whether a name is what the pattern says, where `*` is any text.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        match name.split_once(piece) {
            Some((_, after)) => name = after,
            None => return false,
        }
    }
    name.ends_with(last)
}

fn page(entries: &[Entry], knows_none: bool) -> Page {
    let mut page = Page::default();
    if entries.is_empty() {
        let none = if knows_none {
            "the ledger is empty: it knows no name yet"
        } else {
            "no name that the ledger knows fits"
        };
        page.text(none).end();
    }
    for of_issuer in entries.chunk_by(|one, next| one.name.issuer == next.name.issuer) {
        if let Some(first) = of_issuer.first() {
            page.put(Ink::Strong, &first.name.issuer).end();
        }
        let rows = of_issuer.iter().map(entry::row);
        let rows: Vec<_> = std::iter::once(entry::heading()).chain(rows).collect();
        page.table(2, &rows);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_is_any_text() {
        for pattern in [
            "*",
            "acme/*",
            "*/infra",
            "a*e/in*a",
            "acme/infra",
            "acme/infra*",
            "**",
        ] {
            assert!(fits(pattern, "acme/infra"), "{pattern}");
        }
        for pattern in ["", "acme", "*/infr", "acme/*/infra", "x*", "acme/infra*a"] {
            assert!(!fits(pattern, "acme/infra"), "{pattern}");
        }
    }
}
