//! `modules compare`: how a version of a module differs from another, written for
//! hosts that let versions in by that, and signed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use claimbound::clock::{Clock as _, SystemClock};
use claimbound::modules::{
    Compared, Comparison, Form, ModuleName, Relation, SigningKey, parse_version,
};
use claimbound_analysis as analysis;
use serde_json::{Value, json};

use crate::console::{Console, Status};
use crate::input::Source;
use crate::page::Page;
use crate::policy_file::PolicyFile;
use crate::sides::{Side, Sides};
use crate::{input, output, signatures};

/// Say how a version of a module differs from another, and sign that.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules compare deploy-1.4.0.wasm deploy-1.5.0.wasm
  claimbound modules compare old.wasm new.wasm --key compare.key -o comparison.json
  claimbound sign comparison.json --key second.key      somebody else's word as well

Both components are built anew from the documents inside them, byte for byte, before those are
compared as `claimbound diff` compares them: for all tokens that there can be. The answer is
`equivalent`, `narrower`, `wider` or `different`, and is written with the digests of both. A host
that asks for a comparison lets a version in by it; a wider one takes a key for that.

Exit status: 0 equivalent or narrower, 1 wider or different, 2 no answer; then nothing is written.")]
pub(crate) struct Arguments {
    /// The version that is there: a component that carries its document.
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The version that comes after it.
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Sign by this private key: PEM, P-256 or Ed25519; a file, `-`, or `env:NAME`. The
    /// signature stands beside the comparison, as `FILE.sigstore.json`; a second key's
    /// as `FILE.1.sigstore.json`.
    #[arg(long, value_name = "KEY", requires = "output")]
    key: Option<Source>,

    /// Where to write the comparison. One that is there and says the same stays, with
    /// its signatures; another is replaced, and its signatures are removed.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// How many steps the comparison of two statements may take.
    #[arg(long, default_value_t = analysis::Budget::USUAL, value_name = "STEPS")]
    steps: u64,
}

impl Arguments {
    fn check_output(&self) -> anyhow::Result<()> {
        let Some(output) = &self.output else {
            return Ok(());
        };
        let key = match &self.key {
            Some(Source::File(path)) => Some(path),
            Some(Source::Standard | Source::Environment(_)) | None => None,
        };
        let inputs = [Some(&self.old), Some(&self.new), key];
        for input in inputs.into_iter().flatten() {
            output::not_an_input(output, input)?;
            for form in Form::ALL {
                let mut places = signatures::places(output, form);
                places.try_for_each(|place| output::not_an_input(&place, input))?;
            }
        }
        Ok(())
    }
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    arguments.check_output()?;
    let key = arguments.key.as_ref().map(signatures::signing_key);
    let key = key.transpose()?;
    let (old, new) = (component(&arguments.old)?, component(&arguments.new)?);
    let sides = Sides::of(old, new)?;
    let (name, old, new) = versions(&sides)?;
    let found = sides.compare(arguments.steps)?;
    let Some(outcome) = known(found.relation) else {
        console.answer(|| sides.page(&found), || sides.to_json(&found))?;
        return Ok(Status::Unanswered);
    };
    let comparison = Comparison {
        name,
        old,
        new,
        outcome,
        time: SystemClock.now(),
        release: parse_version(env!("CARGO_PKG_VERSION"))?,
    };
    let written = match &arguments.output {
        Some(path) => write(path, &comparison, key.as_ref())?,
        None => Vec::new(),
    };
    console.answer(
        || page(&sides, &found, &written),
        || to_json(&sides, &found, &written),
    )?;
    Ok(status(outcome))
}

const fn status(outcome: Relation) -> Status {
    match outcome {
        Relation::Equivalent | Relation::Narrower => Status::Yes,
        Relation::Wider | Relation::Different => Status::No,
    }
}

/// What can be said to hosts; none where analysis could not tell.
const fn known(relation: analysis::Relation) -> Option<Relation> {
    match relation {
        analysis::Relation::Equivalent => Some(Relation::Equivalent),
        analysis::Relation::Narrower => Some(Relation::Narrower),
        analysis::Relation::Wider => Some(Relation::Wider),
        analysis::Relation::Different => Some(Relation::Different),
        analysis::Relation::Unknown => None,
    }
}

/// Reads a component. A document has no digest that a host could hold a module to.
fn component(path: &Path) -> anyhow::Result<PolicyFile> {
    let file = PolicyFile::open(path)?;
    if file.is_document {
        let name = file.path.display();
        bail!(
            "`{name}` is a document; a module is the component that `claimbound build` makes of it"
        );
    }
    Ok(file)
}

/// The two versions of one name.
fn versions(sides: &Sides) -> anyhow::Result<(ModuleName, Compared, Compared)> {
    let (old, new) = (
        sides.old.sandboxed.policy.id(),
        sides.new.sandboxed.policy.id(),
    );
    if old.name != new.name {
        bail!(
            "`{}` and `{}` are two modules; a comparison is of two versions of one",
            old.name,
            new.name
        );
    }
    let (before, after) = (compared(&sides.old)?, compared(&sides.new)?);
    if before.version == after.version {
        bail!(
            "both are `{}@{}`; a comparison is of two versions",
            old.name,
            before.version
        );
    }
    Ok((old.name.parse()?, before, after))
}

fn compared(side: &Side) -> anyhow::Result<Compared> {
    let id = side.sandboxed.policy.id();
    let version = parse_version(&id.version);
    Ok(Compared {
        version: version.with_context(|| format!("`{}`", side.id()))?,
        digest: id.digest.parse().map_err(|error| anyhow!("{error}"))?,
    })
}

/// Writes the comparison and, by a key, its signature; gives the paths.
fn write(
    path: &Path,
    comparison: &Comparison,
    key: Option<&SigningKey>,
) -> anyhow::Result<Vec<PathBuf>> {
    let there = there(path, comparison);
    let document = there.clone().unwrap_or_else(|| comparison.to_bytes());
    // Nothing is written of what can't be signed.
    let sign = |key: &SigningKey| key.sign(&document, Form::Bundle);
    let signed = key.map(sign).transpose()?;
    if there.is_none() {
        signatures::remove(path)?;
        output::replace(path, &document)?;
    }
    let mut written = vec![path.to_owned()];
    if let (Some(signature), Some(key)) = (signed, key) {
        let place = signatures::place(path, &document, Form::Bundle, key.public())?;
        output::replace(&place, signature.as_bytes())?;
        written.push(place);
    }
    Ok(written)
}

/// The bytes of the comparison that is there, where it says the same, so that a
/// second key signs those. Another one, or anything else, is replaced.
fn there(path: &Path, comparison: &Comparison) -> Option<Vec<u8>> {
    let bytes = input::file(path, input::TEXT).ok()?;
    let mut there = Comparison::parse(&bytes).ok()?;
    there.time = comparison.time;
    (there == *comparison).then_some(bytes)
}

fn page(sides: &Sides, found: &analysis::Comparison, written: &[PathBuf]) -> Page {
    let mut page = sides.page(found);
    if !written.is_empty() {
        page.end();
    }
    for path in written {
        page.field("written", path.display().to_string());
    }
    page
}

fn to_json(sides: &Sides, found: &analysis::Comparison, written: &[PathBuf]) -> Value {
    let mut value = sides.to_json(found);
    let paths = written.iter().map(|path| path.display().to_string());
    if let Some(members) = value.as_object_mut() {
        members.insert("written".to_owned(), json!(paths.collect::<Vec<_>>()));
    }
    value
}
