//! `pull`: a module, from a store.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::modules::{Digest, ModuleId};
use serde_json::json;

use crate::console::{Console, Status};
use crate::input::Source;
use crate::page::{Ink, Page};
use crate::published::{self, Written};
use crate::taken::{self, Taken, Word, Yanked};
use crate::{module_name, store};

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

Signatures that stand beside the files of an earlier `pull` are removed, and so are,
unless it took the same component, its comparisons and its provenance: what is there
afterwards is what the store has or, by `--key`, what of it the keys signed.

Exit status: 0 taken, 1 refused by what the keys signed, 2 no answer could be given.")]
pub(crate) struct Arguments {
    /// Which version.
    #[arg(value_name = "NAME@VERSION", value_parser = module_name::parse_id)]
    id: ModuleId,

    #[command(flatten)]
    store: store::Arguments,

    /// The folder to write to, which is made where there is none; by default this one.
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

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    if arguments.output.exists() && !arguments.output.is_dir() {
        bail!("`{}` is no folder", arguments.output.display());
    }
    let store = arguments.store.open()?;
    let id = &arguments.id;
    let taken = taken::take(&store, id, &arguments.key, Yanked::Refused)?;
    match taken {
        Ok(taken) => written(arguments, console, &taken),
        Err(why) => refused(id, console, &why),
    }
}

fn written(arguments: &Arguments, console: Console, taken: &Taken) -> anyhow::Result<Status> {
    let id = &arguments.id;
    let written = published::write(&arguments.output, id.name().as_str(), &taken.published)?;
    let digest = Digest::of(&taken.published.component).to_string();
    let word = taken.word.as_ref();
    console.answer(
        || page(id, &digest, word, &written),
        || {
            json!({
                "pulled": id.to_string(),
                "digest": digest,
                "verified": word.is_some(),
                "signers": word.map(|word| &word.signers),
                "edition": word.and_then(|word| word.edition),
                "files": names(&written.files),
                "removed": names(&written.removed),
            })
        },
    )?;
    Ok(Status::Yes)
}

fn page(id: &ModuleId, digest: &str, word: Option<&Word>, written: &Written) -> Page {
    let mut page = Page::default();
    match word {
        Some(_) => page.put(Ink::Good, "✓ verified"),
        None => page.put(Ink::Warn, "! unverified"),
    };
    page.text("  ").put(Ink::Strong, id.to_string()).end();
    page.field("digest", digest);
    let component = written
        .files
        .first()
        .map_or(Path::new(""), PathBuf::as_path);
    page.field("file", component.display().to_string());
    match word {
        Some(word) => page
            .field("signed by", word.signers.join(", "))
            .field("index", word.index()),
        None => page.field("signed by", "nobody was asked: give keys by `--key`"),
    };
    for file in names(&written.removed) {
        page.field("removed", format!("{file}, of another version"));
    }
    page
}

fn names(files: &[PathBuf]) -> Vec<String> {
    let names = files.iter().map(|file| file.display().to_string());
    names.collect()
}

fn refused(id: &ModuleId, console: Console, why: &str) -> anyhow::Result<Status> {
    console
        .answer(
            || {
                let mut page = Page::default();
                page.put(Ink::Bad, "✗ refused").text("  ");
                page.put(Ink::Strong, id.to_string()).end();
                page.text("  ").text(why).end();
                page
            },
            || json!({ "refused": id.to_string(), "why": why }),
        )
        .context("the refusal can't be told")?;
    Ok(Status::No)
}
