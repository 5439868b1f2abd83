//! `push`: a signed module, to a store.

use std::path::PathBuf;

use anyhow::Context as _;
use claimbound::modules::Statement;
use serde_json::json;

use crate::console::{self, Console, Status};
use crate::page::{Ink, Page};
use crate::{published, store};

/// Publish a signed module in a store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound sign acme-deploy.wasm --key release.key
  claimbound push acme-deploy.wasm ./modules
  claimbound push acme-deploy.wasm https://registry.example/policies

The name and the version are those of the statement beside the file,
`acme-deploy.statement.json`, which is published with all signatures beside it.
One version has one digest for ever: pushed again with the same, it gets the
signatures that it lacks; with another, it is refused and stays as it is.

A user and a password for a registry come from Docker's configuration, as
`docker login` writes it: `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`.

Hosts take what the index lists: see `claimbound modules index`.

Exit status: 0 published, 2 it could not be.")]
pub(crate) struct Arguments {
    /// The component, `NAME.wasm`, with its statement and signatures beside it.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    store: store::Arguments,

    /// A signed comparison with an older version; can be given more than once.
    #[arg(long, value_name = "FILE")]
    comparison: Vec<PathBuf>,

    /// An attestation of where the component came from.
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let provenance = arguments.provenance.as_deref();
    let published = published::read(&arguments.file, &arguments.comparison, provenance)?;
    let signed = published
        .statements
        .first()
        .context("there is no statement")?;
    let statement = Statement::parse(&signed.document);
    let statement = statement.context("the statement can't be read")?;
    let store = arguments.store.open()?;
    store.wait(store.store().push(&statement.id, &published))?;
    let (id, digest) = (statement.id.to_string(), statement.digest.to_string());
    let place = arguments.store.place();
    let signatures = signed.signatures.len();
    console.answer(
        || {
            let mut page = Page::default();
            page.put(Ink::Good, "pushed").text(format!(" {id}")).end();
            page.field("digest", &digest).field("store", &place);
            page.field("signatures", signatures.to_string());
            page
        },
        || json!({ "pushed": id, "digest": digest, "store": place, "signatures": signatures }),
    )?;
    if signatures == 0 {
        console::note("nobody has signed it, so that no host takes it; `claimbound sign` does");
    }
    let name = statement.id.name();
    console::note(&format!(
        "hosts take what the index lists: `claimbound modules index {place} {name} --key KEY \
         --expires 7d`"
    ));
    Ok(Status::Yes)
}
