//! `subject migrate`: follows an identity to another name.

use std::collections::BTreeSet;

use anyhow::bail;
use claimbound::ledger::{Action, Change, Entry, Ledger, Name, Run, Standing};

use crate::console::{Console, Status};
use crate::operator::Operator;
use crate::{changed, ledger, naming};

/// Follow an identity to another name; the old one stays barred to all others.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound subject migrate acme/infra acme/platform --reason 'renamed' --dry-run
  claimbound subject migrate acme acme-corp --kind owner --children --reason 'renamed'
  claimbound subject migrate acme/infra ops/infra --parent ops --reason 'transferred'

It moves what an operator approved and what routes enrolled, all in one. Ask whoever
owns the identity whether it was renamed before you follow it.

Exit status: 0 migrated, 1 refused by the ledger, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// The name that the identity leaves.
    #[arg(value_name = "OLD")]
    old: String,

    /// The name that it goes by.
    #[arg(value_name = "NEW")]
    new: String,

    /// The kind of name; by default the only one of which the ledger knows OLD.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,

    /// The identity's id, where several were seen with OLD.
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    #[command(flatten)]
    parent: naming::ParentArguments,

    /// Take what belongs to it, and is named after it, along.
    #[arg(long)]
    children: bool,

    #[command(flatten)]
    operator: Operator,

    #[command(flatten)]
    naming: naming::Arguments,

    #[command(flatten)]
    ledger: ledger::Arguments,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let ledger = arguments.ledger.open(arguments.operator.run())?;
    let naming = arguments.naming.open(&ledger)?;
    let kind = match &arguments.kind {
        Some(kind) => naming.kind(kind)?,
        None => naming.kind_of(&ledger, &arguments.old)?,
    };
    let from = Name::of(&naming.issuer, kind, &arguments.old);
    let to = Name::of(&naming.issuer, kind, &arguments.new);
    let parent = naming.parent(&ledger, kind, &arguments.parent)?;
    let left = arguments.left(&ledger, &from)?;
    if parent.is_none() {
        refuse_elsewhere(&left, &from, &to)?;
    }
    let note = if arguments.children {
        None
    } else {
        arguments.stay(&ledger, &left, &from, &to)?
    };
    let change = Change::Migrate {
        from,
        to,
        id: arguments.id.clone(),
        parent,
        children: arguments.children,
    };
    let operator = &arguments.operator;
    let status = changed::make(&ledger, operator, Action::Migrate, [change], console)?;
    changed::tell(status, note);
    Ok(status)
}

impl Arguments {
    /// What the ledger knows of the identity under the name that it leaves.
    fn left(&self, ledger: &Ledger, from: &Name) -> anyhow::Result<Vec<Entry>> {
        let mut entries = ledger.find(from)?;
        entries.retain(|entry| lives(entry) && (self.id.is_none() || entry.id == self.id));
        Ok(entries)
    }

    /// Says which names stay behind that belong to the identity and are named
    /// after it.
    fn stay(
        &self,
        ledger: &Ledger,
        left: &[Entry],
        from: &Name,
        to: &Name,
    ) -> anyhow::Result<Option<String>> {
        let mut names = BTreeSet::new();
        ledger.entries(|entry| {
            let is_below = below(&entry.name.name, &from.name).is_some();
            let is_here = entry.name.issuer == from.issuer && lives(&entry);
            if is_here && is_below && left.iter().any(|one| belongs(&entry, one)) {
                names.insert(entry.spelling);
            }
        })?;
        let Some(first) = names.first() else {
            return Ok(None);
        };
        let (old, new) = (&from.name, &to.name);
        let stay = match names.len() {
            1 => format!("`{first}` belongs to it and stays named after `{old}`"),
            several => format!(
                "{several} names that belong to it, such as `{first}`, stay named after `{old}`"
            ),
        };
        Ok(Some(match self.operator.run() {
            Run::Dry => format!("{stay}; `--children` takes them along"),
            Run::Real => format!(
                "{stay}; `--children` would have taken them along: each has to be migrated with \
                 `--parent {new}` now"
            ),
        }))
    }
}

/// Whether the name is neither left nor barred for ever.
const fn lives(entry: &Entry) -> bool {
    match entry.standing {
        Standing::Observed { .. } | Standing::Approved | Standing::Suspended { .. } => true,
        Standing::Retired | Standing::Moved { .. } => false,
    }
}

/// Whether one entry's name belongs to the identity of another's.
fn belongs(entry: &Entry, to: &Entry) -> bool {
    entry.parent.as_ref().is_some_and(|parent| {
        parent.kind == to.name.kind
            && parent.name == to.name.name
            && (parent.id.is_none() || to.id.is_none() || parent.id == to.id)
    })
}

/// Refuses a name that is not below its parent's as the old one was: it would be
/// recorded as whose it no longer is.
fn refuse_elsewhere(left: &[Entry], from: &Name, to: &Name) -> anyhow::Result<()> {
    for parent in left.iter().filter_map(|entry| entry.parent.as_ref()) {
        let Some(rest) = below(&from.name, &parent.name) else {
            continue;
        };
        if below(&to.name, &parent.name).is_none() {
            let new = above(&to.name, rest).unwrap_or("NAME");
            bail!(
                "`{}` belongs to the {} `{}`, and `{}` is not below that; say what it belongs to now by \
                 `--parent {new}`",
                from.name,
                parent.kind,
                parent.name,
                to.name,
            );
        }
    }
    Ok(())
}

/// What is left of a name below another.
fn below<'a>(name: &'a str, parent: &str) -> Option<&'a str> {
    name.strip_prefix(parent)?.strip_prefix('/')
}

/// A name without as many of its last segments as `rest` has.
fn above<'a>(name: &'a str, rest: &str) -> Option<&'a str> {
    rest.split('/').try_fold(name, |name, _| {
        let (above, _) = name.rsplit_once('/')?;
        Some(above)
    })
}
