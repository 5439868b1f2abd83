//! `pull`: a module, from a store.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::clock;
use claimbound::modules::{Authority, Digest, Listed, ModuleId, Published, Release};
use serde_json::json;

use crate::console::{Console, Status};
use crate::input::Source;
use crate::operator::now;
use crate::page::{Ink, Page};
use crate::store::{self, Opened};
use crate::{published, trusted};

/// Take a module from a store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound pull acme-deploy@1.4.0 ./modules --key release.pub
  claimbound pull acme-deploy@1.4.0 https://registry.example/policies -o vendor

It writes `acme-deploy.wasm`, its statement, comparisons and their signatures. By
`--key` the statement has to be signed by one of the keys, and so has the index
where the store has one: an index that expired is refused, and so is a version that
it does not list, or that is yanked. Where the store has no index, the answer says
so. Nothing is written of what is refused. Without `--key` nothing is verified, and
the answer says so.

Signatures that stand beside the files of an earlier `pull` are removed: what is
there afterwards is what the store has or, by `--key`, what of it the keys signed.

Exit status: 0 taken, 1 refused by what the keys signed, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// Which version.
    #[arg(value_name = "NAME@VERSION")]
    id: ModuleId,

    #[command(flatten)]
    store: store::Arguments,

    /// The folder to write to, which has to be there; by default this one.
    #[arg(
        short,
        long,
        value_name = "FOLDER",
        default_value = ".",
        hide_default_value = true
    )]
    output: PathBuf,

    /// A public key to verify by, a file, `-`, or `env:NAME`; can be given more than
    /// once.
    #[arg(long, value_name = "PUB")]
    key: Vec<Source>,
}

/// What was taken, and by whose word.
struct Taken {
    published: Published,
    /// None where nothing was verified.
    word: Option<Word>,
}

/// Whose word it was taken by.
struct Word {
    /// The keys that signed it.
    signers: Vec<String>,
    /// The edition of the index that lists it, where the store has an index.
    edition: Option<u64>,
}

/// What an edition of the index says of a version.
struct Entry {
    edition: u64,
    listed: Listed,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    if !arguments.output.is_dir() {
        bail!("`{}` is no folder", arguments.output.display());
    }
    let store = arguments.store.open()?;
    let id = &arguments.id;
    let taken = if arguments.key.is_empty() {
        let published = store.wait(store.store().fetch(id, None))?;
        Ok(Taken {
            published,
            word: None,
        })
    } else {
        let authority = trusted::authority(&arguments.key, id.name())?;
        verified(&store, id, &authority)?
    };
    match taken {
        Ok(taken) => written(arguments, console, &taken),
        Err(why) => refused(id, console, &why),
    }
}

/// What the keys vouch for, or why they don't.
fn verified(
    store: &Opened,
    id: &ModuleId,
    authority: &Authority,
) -> anyhow::Result<Result<Taken, String>> {
    let entry = match entry(store, id, authority)? {
        Ok(entry) => entry,
        Err(why) => return Ok(Err(why)),
    };
    let listed = entry.as_ref().map(|entry| &entry.listed);
    let promised = listed.map(|listed| &listed.digest);
    let published = store.wait(store.store().fetch(id, promised))?;
    let release = authority.release(id, listed, published);
    Ok(match release {
        Ok(release) => Ok(Taken {
            published: release.counted().clone(),
            word: Some(Word {
                signers: signers(&release),
                edition: entry.map(|entry| entry.edition),
            }),
        }),
        Err(why) => Err(why.to_string()),
    })
}

fn signers(release: &Release) -> Vec<String> {
    let signers = release.signers().iter();
    signers.map(|one| one.key.clone()).collect()
}

/// What the index says of a version, where the store has one.
fn entry(
    store: &Opened,
    id: &ModuleId,
    authority: &Authority,
) -> anyhow::Result<Result<Option<Entry>, String>> {
    let Some(signed) = store.wait(store.store().index(id.name()))? else {
        return Ok(Ok(None));
    };
    let index = match authority.index(&signed, id.name()) {
        Ok(index) => index.into_document(),
        Err(why) => return Ok(Err(format!("the index is not trusted: {why}"))),
    };
    if index.is_expired_at(now()) {
        let expired = clock::date(index.expires());
        return Ok(Err(format!(
            "edition {} of the index expired at {expired}",
            index.serial()
        )));
    }
    Ok(match index.listed(id.version()) {
        Some(listed) => Ok(Some(Entry {
            edition: index.serial(),
            listed: listed.clone(),
        })),
        None => Err(format!(
            "the index does not list version `{}`",
            id.version()
        )),
    })
}

fn written(arguments: &Arguments, console: Console, taken: &Taken) -> anyhow::Result<Status> {
    let id = &arguments.id;
    let files = published::write(&arguments.output, id.name().as_str(), &taken.published)?;
    let component = files.first().map_or(Path::new(""), PathBuf::as_path);
    let digest = Digest::of(&taken.published.component).to_string();
    let names: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    console.answer(
        || {
            let mut page = Page::default();
            match &taken.word {
                Some(_) => page.put(Ink::Good, "verified"),
                None => page.put(Ink::Warn, "unverified"),
            };
            page.text(format!(" {id}")).end();
            page.field("digest", &digest);
            page.field("file", component.display().to_string());
            if let Some(word) = &taken.word {
                page.field("signed by", word.signers.join(", "));
                page.field("index", word.index());
            }
            page
        },
        || {
            json!({
                "pulled": id.to_string(),
                "digest": digest,
                "verified": taken.word.is_some(),
                "signers": taken.word.as_ref().map(|word| &word.signers),
                "edition": taken.word.as_ref().and_then(|word| word.edition),
                "files": names,
            })
        },
    )?;
    Ok(Status::Yes)
}

impl Word {
    fn index(&self) -> String {
        match self.edition {
            Some(edition) => format!("edition {edition} lists it"),
            None => "the store has none: nothing says whether it was withdrawn".to_owned(),
        }
    }
}

fn refused(id: &ModuleId, console: Console, why: &str) -> anyhow::Result<Status> {
    console
        .answer(
            || {
                let mut page = Page::default();
                page.put(Ink::Bad, "refused")
                    .text(format!(" {id}: {why}"))
                    .end();
                page
            },
            || json!({ "refused": id.to_string(), "why": why }),
        )
        .context("the refusal can't be told")?;
    Ok(Status::No)
}
