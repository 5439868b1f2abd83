//! `modules list`: what a store holds.

use std::collections::BTreeMap;

use claimbound::clock;
use claimbound::modules::{Authority, Index, Listed, ModuleId, ModuleName, Signed, Version};
use serde_json::{Map, Value, json};

use crate::console::{Console, Status};
use crate::edition::listed_json;
use crate::input::Source;
use crate::operator::now;
use crate::page::{Cell, Ink, Page};
use crate::store::{self, Opened};
use crate::{module_name, taken, time, trusted};

/// How many versions are asked for who signed them, the highest ones: each is fetched.
const MOST_ASKED: usize = 20;

/// List the names of a store, or the versions of one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules list ./modules
  claimbound modules list https://registry.example/policies acme-deploy --key release.pub

Of a name it shows what its index says, and the versions that are there without
being listed, which no host takes. By `--key` the index has to be signed by one of
the keys, and of the 20 highest versions it shows which of the keys signed them;
without it nothing is verified, and the answer says so.

Exit status: 0 listed, 1 no host takes the index, 2 no answer could be given.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    store: store::Arguments,

    /// The name; without it, all names. Many registries keep those to themselves.
    #[arg(value_name = "NAME", value_parser = module_name::parse)]
    name: Option<ModuleName>,

    /// A public key to verify the index and versions by, a file, `-`, or `env:NAME`; can be given
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
    /// Of versions that were asked for, which keys signed each; none where no key was
    /// given.
    words: Option<Words>,
}

/// Which keys signed a version, or why none counts.
type Words = BTreeMap<Version, Result<Vec<String>, String>>;

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
    let is_verified = held.words.is_some() && held.index.is_some() && held.fault.is_none();
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
                "signers": held.words.as_ref().map(words_json),
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
    if signed.is_none() && others.is_empty() {
        return Err(store.nothing_of(name));
    }
    let index = signed.as_ref().map(|signed| Index::parse(&signed.document));
    let index = index.transpose()?;
    let (fault, words) = if arguments.key.is_empty() {
        (None, None)
    } else {
        let authority = trusted::authority(&arguments.key, name)?;
        let asking = Asking {
            store,
            name,
            authority,
            index: index.as_ref(),
        };
        (asking.fault(signed.as_ref()), Some(asking.words(&others)?))
    };
    // No host takes what has expired, whoever signed it.
    let expired = index.as_ref().filter(|index| index.is_expired_at(now()));
    let expired = expired.map(|index| format!("it expired at {}", clock::date(index.expires())));
    if let Some(index) = &index {
        others.retain(|version| index.listed(version).is_none());
    }
    Ok(Held {
        index,
        fault: fault.or(expired),
        others,
        words,
    })
}

/// Keys that are asked for their word on what a store holds.
struct Asking<'a> {
    store: &'a Opened,
    name: &'a ModuleName,
    authority: Authority,
    index: Option<&'a Index>,
}

impl Asking<'_> {
    /// Why the index is not trusted.
    fn fault(&self, index: Option<&Signed>) -> Option<String> {
        let why = self.authority.index(index?, self.name).err()?;
        Some(self.authority.explain(&why))
    }

    /// Which of the keys signed each of the highest versions that are there.
    fn words(&self, versions: &[Version]) -> anyhow::Result<Words> {
        let asked = versions.iter().rev().take(MOST_ASKED);
        let words = asked.map(|version| {
            let id = ModuleId::new(self.name.clone(), version.clone())?;
            Ok((version.clone(), self.word(&id)))
        });
        words.collect()
    }

    fn word(&self, id: &ModuleId) -> Result<Vec<String>, String> {
        let listed = self.index.and_then(|index| index.listed(id.version()));
        // That it is yanked is told beside it.
        let listed = listed.map(|listed| Listed {
            yanked: None,
            ..listed.clone()
        });
        let promised = listed.as_ref().map(|listed| &listed.digest);
        let published = self.store.fetch(id, promised);
        let published = published.map_err(|error| error.to_string())?;
        let release = self.authority.release(id, listed.as_ref(), published);
        let release = release.map_err(|why| trusted::told_of_release(&self.authority, &why))?;
        Ok(taken::signers(&release))
    }
}

fn words_json(words: &Words) -> Value {
    let word = |(version, word): (&Version, &Result<Vec<String>, String>)| {
        (version.to_string(), json!(word.as_ref().ok()))
    };
    Value::Object(words.iter().map(word).collect::<Map<_, _>>())
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
    let mut rows: Vec<_> = listed.iter().map(|listed| row(listed, held)).collect();
    let unlisted = |version: &Version| {
        let number = Cell::plain(version.to_string());
        let state = Cell::new(Ink::Warn, "in no index");
        [number, state]
            .into_iter()
            .chain(word(held, version))
            .collect()
    };
    rows.extend(held.others.iter().rev().map(unlisted));
    page.table(2, &rows);
    if held.words.is_none() {
        let why = "  no key was given by `--key`: nobody's word was checked";
        page.put(Ink::Warn, why).end();
    }
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

fn row(listed: &Listed, held: &Held) -> Vec<Cell> {
    let (ink, state) = match &listed.yanked {
        Some(why) => (Ink::Bad, format!("yanked: {why}")),
        None => (Ink::Good, "listed".to_owned()),
    };
    let begin = [
        Cell::plain(listed.version.to_string()),
        Cell::new(ink, state),
    ];
    let digest = Cell::new(Ink::Faint, listed.digest.to_string());
    let word = word(held, &listed.version);
    begin.into_iter().chain(word).chain([digest]).collect()
}

/// Whose word stands behind a version; none where nobody was asked.
fn word(held: &Held, version: &Version) -> Option<Cell> {
    let words = held.words.as_ref()?;
    Some(match words.get(version) {
        None => Cell::new(Ink::Faint, "not asked for"),
        Some(Ok(keys)) => Cell::plain(format!("signed by {}", keys.join(", "))),
        Some(Err(why)) => Cell::new(Ink::Bad, why),
    })
}
