//! `sign`: says what a component is, and signs that; or signs a document.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::clock::{Clock as _, SystemClock};
use claimbound::modules::{Contract, Digest, Form, SigningKey, Statement};
use claimbound::policy::Policy;
use serde_json::json;

use crate::component::{self, Kind};
use crate::console::{Console, Status};
use crate::input::{self, Source};
use crate::module_document::{self, ModuleDocument};
use crate::page::{Ink, Page};
use crate::{output, signatures};

/// Sign a module: say what a component is, and sign that.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound sign deploy.wasm --key release.key           deploy.statement.json, .sigstore.json
  claimbound sign deploy.wasm --key release.key --detached
  claimbound sign index.json --key env:RELEASE_KEY -o index.json.sig --detached
  claimbound sign deploy.wasm --statement                 for cosign, or a key in a vault, to sign

Of a component, the statement is written beside it: name and version from its
manifest, and its digest. One that is there and says the same stays, so that a second
key signs the same bytes. A statement, an index or a comparison is checked and signed
as it is.

What is written has the form of what `cosign sign-blob` writes. A key that cosign
encrypted stays with cosign: write the statement by `--statement`, and sign that with
`cosign sign-blob`.

Exit status: 0 signed, or written by `--statement`; 2 it could not be.")]
pub(crate) struct Arguments {
    /// A component, or a document about a module.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The private key: PEM, P-256 or Ed25519; a file, `-`, or `env:NAME`.
    #[arg(long, value_name = "KEY", required_unless_present = "statement")]
    key: Option<Source>,

    /// Only write the statement of a component, for something else to sign.
    #[arg(long, conflicts_with_all = ["key", "bundle", "detached", "output"])]
    statement: bool,

    /// Write a Sigstore bundle, as cosign 3 does; this is the default.
    #[arg(long, conflicts_with = "detached")]
    bundle: bool,

    /// Write the signature alone in base64, as cosign 2 does.
    #[arg(long)]
    detached: bool,

    /// Where to write the signature; by default beside the document, as
    /// `FILE.sigstore.json` or `FILE.sig`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What can be signed.
const WANTED: &str = "a component, or a statement, an index or a comparison";

/// What is signed, and where it stands.
struct Document {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// A signature that was written.
struct Made {
    place: String,
    fingerprint: String,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let key = arguments.key.as_ref().map(signatures::signing_key);
    let key = key.transpose()?;
    let document = arguments.document()?;
    let parsed = ModuleDocument::parse(&document.bytes)
        .with_context(|| format!("`{}`", document.path.display()))?;
    let made = key.map(|key| arguments.sign(&document, &key)).transpose()?;
    let path = document.path.display().to_string();
    console.answer(
        || page(&parsed, &path, made.as_ref()),
        || {
            json!({
                "signed": parsed.to_json(),
                "document": path,
                "signature": made.as_ref().map(|made| &made.place),
                "key": made.as_ref().map(|made| &made.fingerprint),
            })
        },
    )?;
    Ok(Status::Yes)
}

fn page(parsed: &ModuleDocument, path: &str, made: Option<&Made>) -> Page {
    let mut page = Page::default();
    let done = if made.is_some() {
        "✓ signed"
    } else {
        "✓ stated"
    };
    page.put(Ink::Good, done).text("  ");
    page.put(Ink::Strong, parsed.title()).end();
    parsed.fields(&mut page);
    page.field("document", path);
    if let Some(made) = made {
        page.field("signature", &made.place);
        page.field("key", &made.fingerprint);
    }
    page
}

impl Arguments {
    fn sign(&self, document: &Document, key: &SigningKey) -> anyhow::Result<Made> {
        let form = if self.detached {
            Form::Detached
        } else {
            Form::Bundle
        };
        let place = match &self.output {
            Some(place) => place.clone(),
            None => signatures::place(&document.path, &document.bytes, form, key.public())?,
        };
        output::not_an_input(&place, &document.path)?;
        output::not_an_input(&place, &self.file)?;
        let signature = key.sign(&document.bytes, form)?;
        output::replace(&place, signature.as_bytes())?;
        Ok(Made {
            place: place.display().to_string(),
            fingerprint: key.public().fingerprint().to_string(),
        })
    }

    /// The document to sign; that of a component is written where it is not yet.
    fn document(&self) -> anyhow::Result<Document> {
        if self.file.is_dir() {
            let name = self.file.display();
            bail!(
                "`{name}` is a folder, not {WANTED}; of a policy in it, `claimbound build {name}` \
                 makes the component"
            );
        }
        let bytes = input::file(&self.file, input::COMPONENT)?;
        match Kind::of(&bytes) {
            Kind::Component => {
                let stated = stated(&self.file, &bytes)?;
                kept(module_document::statement_of(&self.file), &stated)
            }
            Kind::Module | Kind::Other => {
                module_document::refuse(&self.file, &bytes, WANTED)?;
                let path = self.file.clone();
                Ok(Document { path, bytes })
            }
        }
    }
}

/// What is to be said of a component, as of now.
fn stated(path: &Path, component: &[u8]) -> anyhow::Result<Statement> {
    let sandbox = component::sandbox(component)?;
    let name = || format!("`{}`", path.display());
    let policy = Policy::load(&sandbox, component).with_context(name)?;
    let document = policy.manifest().document.as_deref().map(str::parse);
    Ok(Statement {
        id: policy.id().to_string().parse().with_context(name)?,
        digest: Digest::of(component),
        contract: Contract::served(),
        time: SystemClock.now(),
        document: document.transpose().with_context(name)?,
    })
}

/// The statement that is there, where it says the same; else it is written.
fn kept(path: PathBuf, stated: &Statement) -> anyhow::Result<Document> {
    let name = path.display().to_string();
    if path.symlink_metadata().is_err() {
        let bytes = stated.to_bytes();
        output::replace(&path, &bytes)?;
        return Ok(Document { path, bytes });
    }
    let bytes = input::file(&path, input::TEXT)?;
    let mut there = Statement::parse(&bytes).with_context(|| format!("`{name}`"))?;
    there.time = stated.time;
    if there != *stated {
        bail!(
            "`{name}` says something else: `{}` with digest `{}`; remove it and its signatures first",
            there.id,
            there.digest
        );
    }
    Ok(Document { path, bytes })
}
