//! `push`: a signed module, to a store.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use claimbound::modules::{
    Comparison, Digest, Index, ModuleId, ModuleName, Published, Signed, Statement,
};
use claimbound_server::store::StoreError;
use serde_json::{Value, json};

use crate::console::{self, Console, Status};
use crate::page::{Ink, Page};
use crate::store::{self, Opened};
use crate::{module_document, published};

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
signatures, comparisons and provenance that it lacks, and the answer says which; with
another, it is refused and stays as it is.

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
    check(&arguments.file, &published, &statement)?;
    published.comparisons.iter().try_for_each(ascends)?;
    let store = arguments.store.open()?;
    let before = there(&store, &statement.id);
    let pushed = store.wait(store.store().push(&statement.id, &published));
    pushed.map_err(|error| resigned(&statement.id, &store.place(), error))?;
    let pushed = Pushed {
        id: statement.id.to_string(),
        digest: statement.digest.to_string(),
        place: store.place(),
        signatures: signed.signatures.len(),
        is_listed: is_listed(&store, &statement),
        added: before.map(|before| added(&before, &published)),
    };
    console.answer(|| pushed.page(), || pushed.to_json())?;
    pushed.advise(statement.id.name());
    Ok(Status::Yes)
}

/// What was published, and where.
struct Pushed {
    id: String,
    digest: String,
    place: String,
    signatures: usize,
    /// Whether the index there lists it, whoever signed that.
    is_listed: bool,
    /// What a version lacked that was there already.
    added: Option<Vec<String>>,
}

impl Pushed {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.put(Ink::Good, "✓ pushed").text("  ");
        page.put(Ink::Strong, &self.id);
        if self.added.is_some() {
            page.text(", which was there already");
        }
        page.end();
        page.field("digest", &self.digest)
            .field("store", &self.place);
        page.field("signatures", self.signatures.to_string());
        if let Some(added) = &self.added {
            page.field("added", listed(added));
        }
        page
    }

    fn to_json(&self) -> Value {
        json!({
            "pushed": self.id,
            "digest": self.digest,
            "store": self.place,
            "signatures": self.signatures,
            "added": self.added,
        })
    }

    /// What comes next.
    fn advise(&self, name: &ModuleName) {
        if self.signatures == 0 {
            console::note("nobody has signed it, so that no host takes it; `claimbound sign` does");
        }
        if let Some(short) = self.place.strip_suffix(&format!("/{name}"))
            && short.contains("://")
        {
            console::note(&format!(
                "its repository is `{}/{name}`, as the name is added; where that is one too many, \
                 the store is `{short}`",
                self.place
            ));
        }
        if !self.is_listed {
            console::note(&format!(
                "hosts take what the index lists: `claimbound modules index {} {name} --key KEY \
                 --expires 7d`",
                self.place
            ));
        }
    }
}

/// Refuses a comparison with a newer version: hosts ask how what is newer than the
/// version in use differs from it, and ask nothing of a rollback.
fn ascends(comparison: &Signed) -> anyhow::Result<()> {
    let Ok(read) = Comparison::parse(&comparison.document) else {
        // The store says what is wrong with it.
        return Ok(());
    };
    let (name, old, new) = (&read.name, &read.old.version, &read.new.version);
    if old > new {
        bail!(
            "the comparison of {new} with {old}, a newer version, is asked for by no host; the \
             older one comes first: `claimbound modules compare {name}@{new} {name}@{old}`"
        );
    }
    Ok(())
}

/// Whether the index that is there lists the version with this digest.
fn is_listed(store: &Opened, statement: &Statement) -> bool {
    let name = statement.id.name();
    let index = store.wait(store.store().index(name)).ok().flatten();
    let index = index.and_then(|signed| Index::parse(&signed.document).ok());
    let listed = index
        .as_ref()
        .and_then(|index| index.listed(statement.id.version()));
    listed.is_some_and(|listed| listed.digest == statement.digest)
}

/// Where another statement of the version is there, how that one is signed.
fn resigned(id: &ModuleId, place: &str, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Conflict { what, .. }) if what == "the statement" => {
            let name = id.name();
            anyhow!(
                "{error}; to sign that one: `claimbound pull {id} {place} -o there`, `claimbound \
                 sign there/{name}.wasm --key KEY`, `claimbound push there/{name}.wasm {place}`"
            )
        }
        Some(_) | None => error,
    }
}

/// Whether the statement is about this component, and not about an older build.
fn check(file: &Path, published: &Published, statement: &Statement) -> anyhow::Result<()> {
    let found = Digest::of(&published.component);
    if found == statement.digest {
        return Ok(());
    }
    let (name, beside) = (file.display(), module_document::statement_of(file));
    bail!(
        "`{}` is about another component than `{name}`, perhaps an older build: it says digest \
         `{}`, and this one has `{found}`; remove it and its signatures, and sign anew by \
         `claimbound sign {name} --key KEY`",
        beside.display(),
        statement.digest
    );
}

/// The version as it was there before. Where the store can't say, `push` will.
fn there(store: &Opened, id: &ModuleId) -> Option<Published> {
    let versions = store.wait(store.store().versions(id.name())).ok()?;
    if !versions.contains(id.version()) {
        return None;
    }
    store.fetch(id, None).ok()
}

/// What a version that was there lacked, in words.
fn added(before: &Published, pushed: &Published) -> Vec<String> {
    let statements = pushed.statements.iter();
    let statements =
        statements.map(|given| (given, &before.statements, "the statement".to_owned()));
    let comparisons = pushed.comparisons.iter();
    let comparisons = comparisons.map(|given| (given, &before.comparisons, titled(given)));
    let mut added = Vec::new();
    for (given, there, title) in statements.chain(comparisons) {
        let mut there = there.iter();
        let known = there.find(|known| known.document == given.document);
        added.extend(match known {
            Some(known) => fresh(known, given, &title),
            None => Some(title),
        });
    }
    if before.provenance.is_none() && pushed.provenance.is_some() {
        added.push("the provenance".to_owned());
    }
    added
}

/// The signatures on a document that were not there.
fn fresh(known: &Signed, given: &Signed, what: &str) -> Option<String> {
    let signatures = given.signatures.iter();
    let fresh = signatures.filter(|one| !known.signatures.contains(one));
    match fresh.count() {
        0 => None,
        1 => Some(format!("1 signature on {what}")),
        more => Some(format!("{more} signatures on {what}")),
    }
}

fn titled(comparison: &Signed) -> String {
    match Comparison::parse(&comparison.document) {
        Ok(read) => format!("the comparison with {}", read.old.version),
        // INVARIANT: nothing else is pushed.
        Err(_) => "a comparison".to_owned(),
    }
}

fn listed(added: &[String]) -> String {
    match added {
        [] => "nothing: the store has all of it".to_owned(),
        some => some.join(", "),
    }
}
