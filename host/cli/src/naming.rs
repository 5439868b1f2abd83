//! Whose names are meant: an issuer and its naming model.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use claimbound::ledger::{Entry, Ledger, Name, Parent, Scope, Standing, State};
use claimbound::models::{Kind, Model, Need, Registry};

use crate::issuers;
use crate::nearest::did_you_mean;

/// Most issuers that a message lists.
const MOST_LISTED: usize = 8;

/// The issuer whose names are meant.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The issuer; by default the only one that the ledger knows.
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,

    /// The issuer's naming model; by default the one that knows its URL.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
}

/// An issuer with its naming model.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    /// Its URL.
    pub(crate) issuer: String,
    /// How it names things.
    pub(crate) model: &'static Arc<Model>,
}

impl Arguments {
    /// The issuer that the arguments or the ledger name, with its model.
    pub(crate) fn open(&self, ledger: &Ledger) -> anyhow::Result<Naming> {
        let issuer = self.issuer(ledger)?;
        let model = self.model_of(&issuer)?;
        Ok(Naming { issuer, model })
    }

    /// The issuer that the arguments name, else the only one there is.
    pub(crate) fn issuer(&self, ledger: &Ledger) -> anyhow::Result<String> {
        if let Some(issuer) = &self.issuer {
            return Ok(issuer.clone());
        }
        let known = known_issuers(ledger)?;
        match known.as_slice() {
            [] => bail!("the ledger knows no issuer yet; name it by `--issuer URL`"),
            [only] => Ok(only.clone()),
            several => bail!(
                "the ledger knows {} issuers; choose one by `--issuer`: {}",
                several.len(),
                listed(several)
            ),
        }
    }

    /// The naming model of an issuer.
    pub(crate) fn model_of(&self, issuer: &str) -> anyhow::Result<&'static Arc<Model>> {
        if let Some(name) = &self.model {
            return issuers::model(name);
        }
        let fitting = Registry::standard().of_issuer(issuer);
        let names: Vec<_> = fitting.iter().map(|(model, _)| model.name()).collect();
        match names.as_slice() {
            [] => bail!("no naming model knows `{issuer}`; give `--model NAME`"),
            [only] => issuers::model(only),
            several => bail!(
                "several naming models know `{issuer}`; choose one by `--model`: `{}`",
                several.join("`, `")
            ),
        }
    }
}

/// The issuers of which the ledger knows names.
pub(crate) fn known_issuers(ledger: &Ledger) -> anyhow::Result<Vec<String>> {
    let mut known = BTreeSet::new();
    ledger.entries(|entry| {
        known.insert(entry.name.issuer);
    })?;
    Ok(known.into_iter().collect())
}

/// The first few of several issuers.
pub(crate) fn listed(issuers: &[String]) -> String {
    let shown = issuers.iter().take(MOST_LISTED);
    let shown: Vec<_> = shown.map(String::as_str).collect();
    format!("`{}`", shown.join("`, `"))
}

/// What is worth knowing where a name is to be barred that the ledger does not
/// know.
pub(crate) fn unknown(
    ledger: &Ledger,
    name: &Name,
    id: Option<&str>,
) -> anyhow::Result<Option<String>> {
    let entries = ledger.find(name)?;
    if !entries.is_empty() {
        return Ok(if id.is_none() {
            several(name, &entries)
        } else {
            None
        });
    }
    let mut known = Vec::new();
    ledger.entries(|entry| {
        if entry.name.issuer == name.issuer && entry.name.kind == name.kind {
            known.push(entry.name.name);
        }
    })?;
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    let barred = match id {
        None => "the name alone is barred, and no id".to_owned(),
        Some(id) => format!("the name is barred, and id `{id}` under every name"),
    };
    let Name { kind, name, .. } = name;
    let near = did_you_mean(name, &known);
    Ok(Some(format!(
        "the ledger knows no {kind} `{name}`{near}: {barred}"
    )))
}

/// What is worth knowing where a name is to be barred that several identities
/// were seen with.
fn several(name: &Name, entries: &[Entry]) -> Option<String> {
    let is_observed = |entry: &Entry| entry.standing.state() == State::Observed;
    let ids: BTreeSet<_> = entries
        .iter()
        .filter_map(|entry| entry.id.as_deref())
        .collect();
    (ids.len() > 1 && entries.iter().all(is_observed)).then(|| {
        let Name { kind, name, .. } = name;
        let ids: Vec<_> = ids.into_iter().collect();
        let ids = ids.join("`, `");
        format!(
            "the {kind} `{name}` was seen with several ids, `{ids}`: the name is barred to all of \
             them, and none of them under other names; `--id` says which one is"
        )
    })
}

impl Naming {
    /// A kind of names.
    pub(crate) fn kind(&self, kind: &str) -> anyhow::Result<&'static Kind> {
        let names = self.model.names();
        let names: Vec<_> = names.iter().map(Kind::name).collect();
        self.model.kind(kind).with_context(|| {
            format!(
                "naming model `{}` has no names of kind `{kind}`{}; it has `{}`",
                self.model.name(),
                did_you_mean(kind, &names),
                names.join("`, `")
            )
        })
    }

    /// Why one word is no kind and name.
    pub(crate) fn not_both(&self, only: &str) -> anyhow::Error {
        let kinds: Vec<_> = self.model.names().iter().map(Kind::name).collect();
        if kinds.contains(&only) {
            return anyhow!("a {only} is meant by its NAME too: `{only} NAME`");
        }
        anyhow!(
            "give KIND before NAME, as in `{} {only}`; naming model `{}` has `{}`",
            kinds.last().copied().unwrap_or("KIND"),
            self.model.name(),
            kinds.join("`, `")
        )
    }

    /// A name of a kind.
    pub(crate) fn name(&self, kind: &str, name: &str) -> anyhow::Result<Name> {
        Ok(Name::of(&self.issuer, self.kind(kind)?, name))
    }

    /// The kind of a name, where the ledger knows one kind of that name alone.
    pub(crate) fn kind_of(&self, ledger: &Ledger, name: &str) -> anyhow::Result<&'static Kind> {
        let mut found = Vec::new();
        for kind in self.model.names() {
            if !ledger.find(&Name::of(&self.issuer, kind, name))?.is_empty() {
                found.push(kind);
            }
        }
        match found.as_slice() {
            [] => bail!("the ledger knows no `{name}` of `{}`", self.issuer),
            [only] => Ok(only),
            several => {
                let kinds: Vec<_> = several.iter().map(|kind| kind.name()).collect();
                bail!(
                    "`{name}` is a name of several kinds; choose one by `--kind`: `{}`",
                    kinds.join("`, `")
                )
            }
        }
    }

    /// What a name of this kind belongs to, as the ledger knows it.
    pub(crate) fn parent(
        &self,
        ledger: &Ledger,
        kind: &Kind,
        of: &ParentArguments,
    ) -> anyhow::Result<Option<Parent>> {
        let Some(name) = &of.parent else {
            return Ok(None);
        };
        let parent = self
            .model
            .parent(kind)
            .with_context(|| format!("no {} of this issuer belongs to anything", kind.name()))?;
        let known = Name::of(&self.issuer, parent, name);
        let id = match (&of.parent_id, parent.id_need()) {
            (Some(id), _) => Some(id.clone()),
            (None, Need::None) => None,
            (None, Need::Promised | Need::Optional) => id_of(&known, &ledger.find(&known)?)?,
        };
        Ok(Some(Parent {
            kind: known.kind,
            name: known.name,
            id,
        }))
    }
}

/// What a name belongs to.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct ParentArguments {
    /// What it belongs to, such as a repository's owner; its id is looked up in
    /// the ledger.
    #[arg(long, value_name = "NAME")]
    parent: Option<String>,

    /// The parent's id, where the ledger does not know it.
    #[arg(long, value_name = "ID", requires = "parent")]
    parent_id: Option<String>,
}

/// The id of a name: an operator's word, else the only one that was seen.
fn id_of(name: &Name, entries: &[Entry]) -> anyhow::Result<Option<String>> {
    let Name { kind, name, .. } = name;
    let by_operator = |entry: &&Entry| entry.standing.scope() == Scope::Everywhere;
    if let Some(entry) = entries.iter().find(by_operator) {
        if let Standing::Moved { to } = &entry.standing {
            bail!("the {kind} `{name}` was left for `{to}`; name that, or give `--parent-id`");
        }
        return Ok(entry.id.clone());
    }
    let ids: BTreeSet<_> = entries.iter().map(|entry| entry.id.as_deref()).collect();
    let mut ids = ids.into_iter();
    match (ids.next(), ids.next()) {
        (None, _) => {
            bail!("the ledger knows no {kind} `{name}`; approve it first, or give `--parent-id`")
        }
        (Some(only), None) => Ok(only.map(str::to_owned)),
        (Some(first), Some(second)) => {
            let shown: Vec<_> = [first, second].into_iter().chain(ids).flatten().collect();
            bail!(
                "the {kind} `{name}` was seen with several ids; choose one by `--parent-id`: `{}`",
                shown.join("`, `")
            )
        }
    }
}
