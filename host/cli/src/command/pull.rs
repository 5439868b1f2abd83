//! `pull`: a module, from a store.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::modules::{Authority, Digest, Listed, ModuleId, Published};
use serde_json::json;

use crate::console::{Console, Status};
use crate::page::{Ink, Page};
use crate::store::{self, Opened};
use crate::{beside, trusted};

/// Take a module from a store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound pull acme-deploy@1.4.0 ./modules --key release.pub
  claimbound pull acme-deploy@1.4.0 https://registry.example/policies -o vendor

It writes `acme-deploy.wasm`, its statement, comparisons and their signatures. By
`--key` the statement has to be signed by one of the keys, and so has the index
where the store has one: a version that it does not list, or that is yanked, is
refused. Nothing is written of what is refused. Without `--key` nothing is
verified, and the answer says so.

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

    /// A public key to verify by; can be given more than once.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
}

/// What was taken, and by whose word.
struct Taken {
    published: Published,
    /// The keys that signed it; none where nothing was verified.
    signers: Option<Vec<String>>,
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
            signers: None,
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
    let listed = match listed(store, id, authority)? {
        Ok(listed) => listed,
        Err(why) => return Ok(Err(why)),
    };
    let promised = listed.as_ref().map(|listed| &listed.digest);
    let published = store.wait(store.store().fetch(id, promised))?;
    let release = authority.release(id, listed.as_ref(), published.clone());
    Ok(match release {
        Ok(release) => Ok(Taken {
            published,
            signers: Some(
                release
                    .signers()
                    .iter()
                    .map(|one| one.key.clone())
                    .collect(),
            ),
        }),
        Err(why) => Err(why.to_string()),
    })
}

/// What the index says of a version, where the store has one.
fn listed(
    store: &Opened,
    id: &ModuleId,
    authority: &Authority,
) -> anyhow::Result<Result<Option<Listed>, String>> {
    let Some(signed) = store.wait(store.store().index(id.name()))? else {
        return Ok(Ok(None));
    };
    let index = match authority.index(&signed, id.name()) {
        Ok(index) => index.into_document(),
        Err(why) => return Ok(Err(format!("the index is not trusted: {why}"))),
    };
    Ok(match index.listed(id.version()) {
        Some(listed) => Ok(Some(listed.clone())),
        None => Err(format!(
            "the index does not list version `{}`",
            id.version()
        )),
    })
}

fn written(arguments: &Arguments, console: Console, taken: &Taken) -> anyhow::Result<Status> {
    let id = &arguments.id;
    let files = beside::write(&arguments.output, id.name().as_str(), &taken.published)?;
    let component = files.first().map_or(Path::new(""), PathBuf::as_path);
    let digest = Digest::of(&taken.published.component).to_string();
    let names: Vec<_> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    console.answer(
        || {
            let mut page = Page::default();
            match &taken.signers {
                Some(_) => page.put(Ink::Good, "verified"),
                None => page.put(Ink::Warn, "unverified"),
            };
            page.text(format!(" {id}")).end();
            page.field("digest", &digest);
            page.field("file", component.display().to_string());
            if let Some(signers) = &taken.signers {
                page.field("signed by", signers.join(", "));
            }
            page
        },
        || {
            json!({
                "pulled": id.to_string(),
                "digest": digest,
                "verified": taken.signers.is_some(),
                "signers": taken.signers,
                "files": names,
            })
        },
    )?;
    Ok(Status::Yes)
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
