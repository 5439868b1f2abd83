//! `modules list`: what a store holds.

use claimbound::clock;
use claimbound::modules::{Index, Listed, ModuleName, Version};
use serde_json::json;

use crate::console::{Console, Status};
use crate::edition::listed_json;
use crate::input::Source;
use crate::operator::now;
use crate::page::{Cell, Ink, Page};
use crate::store::{self, Opened};
use crate::{time, trusted};

/// List the names of a store, or the versions of one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules list ./modules
  claimbound modules list https://registry.example/policies acme-deploy --key release.pub

Of a name it shows what its index says, and the versions that are there without
being listed, which no host takes. By `--key` the index has to be signed by one of
the keys; without it nothing is verified, and the answer says so.

Exit status: 0 listed, 1 no host takes the index, 2 no answer could be given.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: store::Arguments,

    /// The name; without it, all names. Many registries keep those to themselves.
    #[arg(value_name = "NAME")]
    name: Option<ModuleName>,

    /// A public key to verify the index by, a file, `-`, or `env:NAME`; can be given
    /// more than once.
    #[arg(long, value_name = "PUB", requires = "name")]
    key: Vec<Source>,
}

/// What a store holds of a name.
struct Held {
    index: Option<Index>,
    /// Why the index is not trusted, of one that should be verified.
    fault: Option<String>,
    /// Versions that no index lists.
    others: Vec<Version>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let store = arguments.store.open()?;
    match &arguments.name {
        Some(name) => versions(arguments, &store, name, console),
        None => names(&store, console),
    }
}

fn names(store: &Opened, console: Console) -> anyhow::Result<Status> {
    let names = store.wait(store.store().names())?;
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    console.answer(
        || {
            let mut page = Page::default();
            if names.is_empty() {
                page.text("the store holds no module").end();
            }
            for name in &names {
                page.text(name).end();
            }
            page
        },
        || json!({ "names": names }),
    )?;
    Ok(Status::Yes)
}

fn versions(
    arguments: &Arguments,
    store: &Opened,
    name: &ModuleName,
    console: Console,
) -> anyhow::Result<Status> {
    let held = held(arguments, store, name)?;
    let is_verified = !arguments.key.is_empty() && held.fault.is_none();
    console.answer(
        || page(name, &held, is_verified),
        || {
            let others: Vec<_> = held.others.iter().map(ToString::to_string).collect();
            json!({
                "name": name.to_string(),
                "verified": is_verified,
                "why": held.fault,
                "serial": held.index.as_ref().map(Index::serial),
                "expires": held.index.as_ref().map(|index| clock::date(index.expires())),
                "versions": held.index.as_ref().map(|index| {
                    index.versions().iter().map(listed_json).collect::<Vec<_>>()
                }),
                "unlisted": others,
            })
        },
    )?;
    Ok(match held.fault {
        Some(_) => Status::No,
        None => Status::Yes,
    })
}

fn held(arguments: &Arguments, store: &Opened, name: &ModuleName) -> anyhow::Result<Held> {
    let signed = store.wait(store.store().index(name))?;
    let mut others = store.wait(store.store().versions(name))?;
    let authority = trusted::authority(&arguments.key, name)?;
    let fault = match &signed {
        Some(signed) if !arguments.key.is_empty() => authority
            .index(signed, name)
            .err()
            .map(|why| why.to_string()),
        Some(_) | None => None,
    };
    let index = signed
        .map(|signed| Index::parse(&signed.document))
        .transpose()?;
    // No host takes what has expired, whoever signed it.
    let expired = index.as_ref().filter(|index| index.is_expired_at(now()));
    let expired = expired.map(|index| format!("it expired at {}", clock::date(index.expires())));
    let fault = fault.or(expired);
    if let Some(index) = &index {
        others.retain(|version| index.listed(version).is_none());
    }
    Ok(Held {
        index,
        fault,
        others,
    })
}

fn page(name: &ModuleName, held: &Held, is_verified: bool) -> Page {
    let mut page = Page::default();
    page.put(Ink::Strong, name.as_str());
    match (&held.index, &held.fault) {
        (_, Some(why)) => page.put(Ink::Bad, format!(": no host takes the index: {why}")),
        (Some(index), None) => page.text(edition(index, is_verified)),
        (None, None) => page.put(Ink::Warn, ": the store has no index of it"),
    };
    page.end();
    let listed = held.index.as_ref().map_or(&[][..], Index::versions);
    let mut rows: Vec<_> = listed.iter().map(row).collect();
    let unlisted = |version: &Version| {
        let version = version.to_string();
        vec![Cell::plain(version), Cell::new(Ink::Warn, "in no index")]
    };
    rows.extend(held.others.iter().rev().map(unlisted));
    page.table(2, &rows);
    page
}

fn edition(index: &Index, is_verified: bool) -> String {
    let (expires, now) = (index.expires(), now());
    let expires = if index.is_expired_at(now) {
        format!("expired {}", time::relative(expires, now))
    } else {
        format!("expires {}", time::relative(expires, now))
    };
    let verified = if is_verified {
        "verified"
    } else {
        "unverified"
    };
    format!(": edition {}, {verified}, {expires}", index.serial())
}

fn row(listed: &Listed) -> Vec<Cell> {
    let (ink, state) = match &listed.yanked {
        Some(why) => (Ink::Bad, format!("withdrawn: {why}")),
        None => (Ink::Good, "listed".to_owned()),
    };
    vec![
        Cell::plain(listed.version.to_string()),
        Cell::new(ink, state),
        Cell::new(Ink::Faint, listed.digest.to_string()),
    ]
}
