//! `modules compare`: how a version of a module differs from another, written for
//! hosts that let versions in by that, and signed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use claimbound::clock::{Clock as _, SystemClock};
use claimbound::modules::{
    Compared, Comparison, Form, ModuleId, ModuleName, Relation, SigningKey, parse_version,
};
use claimbound_analysis as analysis;
use serde_json::{Value, json};

use crate::component::Kind;
use crate::console::{Console, Status, note};
use crate::input::Source;
use crate::module_document::ModuleDocument;
use crate::page::{Ink, Page};
use crate::policy_file::PolicyFile;
use crate::sides::{Side, Sides};
use crate::taken::{self, Word, Yanked};
use crate::{input, output, signatures, store};

/// Say how a version of a module differs from another, and sign that.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound modules compare deploy-1.4.0.wasm deploy-1.5.0.wasm
  claimbound modules compare old.wasm new.wasm --key compare.key -o comparison.json
  claimbound modules compare acme-deploy@1.4.0 deploy.wasm --store ./modules \\
    --trust release.pub --key compare.key -o comparison.json
  claimbound modules compare acme-deploy@1.4.0 acme-deploy@1.5.0 \\
    --store https://registry.example/policies --trust release.pub
  claimbound sign comparison.json --key second.key      somebody else's word as well

Both components are built anew from the documents inside them, byte for byte, before those are
compared as `claimbound diff` compares them: for all tokens that there can be. The answer is
`equivalent`, `narrower`, `wider` or `different`, and is written with the digests of both. A host
that asks for a comparison lets a version in by it; a wider one takes a key for that. It finds
it where `claimbound push --comparison` put it.

Either side is a file, or `NAME@VERSION` of the store that `--store` names; a file that is there
goes before a name. By `--trust`, a version of the store is verified as `claimbound pull` does
with `--key`, but for one that was yanked, which is compared all the same: a host may serve it.

Exit status: 0 equivalent or narrower, 1 wider or different, 2 no answer; then nothing is written.")]
pub(crate) struct Arguments {
    /// The version that is there: a component that carries its document, or
    /// `NAME@VERSION` of the store.
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The version that comes after it, named likewise.
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Where versions are that are named: a folder, or a registry such as
    /// `https://registry.example/acme`.
    #[arg(long, value_name = "STORE")]
    store: Option<String>,

    /// A public key to verify versions of the store by, a file, `-`, or `env:NAME`; can
    /// be given more than once. Without one they are unverified.
    #[arg(long, value_name = "PUB", requires = "store")]
    trust: Vec<Source>,

    /// Trust the authorities in this file of PEM, in place of the system's.
    #[arg(long, value_name = "FILE", requires = "store")]
    ca: Option<PathBuf>,

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

/// A version as it is named.
enum Named<'a> {
    File(&'a Path),
    Module(ModuleId),
}

/// A version as it was read.
struct Read {
    file: PolicyFile,
    /// Of one from a store: as what it was asked for, and by whose word it was taken,
    /// none where it was not verified.
    taken: Option<(ModuleId, Option<Word>)>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    arguments.check_output()?;
    let key = arguments.key.as_ref().map(signatures::signing_key);
    let key = key.transpose()?;
    let (old, new) = arguments.read()?;
    let taken = [old.taken, new.taken];
    let sides = Sides::of(old.file, new.file)?;
    as_asked(&taken, &sides)?;
    let (name, old, new) = versions(&sides)?;
    if old.version > new.version {
        note(&backwards(&name, &old, &new));
    }
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
    let answer = Answer {
        sides: &sides,
        found: &found,
        taken: &taken,
        comparison: &comparison,
        is_signed: key.is_some(),
        written: &written,
    };
    console.answer(|| answer.page(), || answer.to_json())?;
    Ok(status(outcome))
}

impl Arguments {
    /// Reads both versions; the store is opened where one is named.
    fn read(&self) -> anyhow::Result<(Read, Read)> {
        let (old, new) = (self.named(&self.old)?, self.named(&self.new)?);
        let opened = match (&self.store, &old, &new) {
            (Some(_), Named::File(_), Named::File(_)) => {
                bail!("`--store` is for versions named `NAME@VERSION`, and both sides are files")
            }
            (Some(place), _, _) => Some(store::open(place, self.ca.as_deref())?),
            (None, _, _) => None,
        };
        let read = |named| match (named, &opened) {
            (Named::File(path), _) => Ok(Read {
                file: component(path)?,
                taken: None,
            }),
            (Named::Module(id), Some(store)) => self.take(store, id),
            (Named::Module(id), None) => bail!(
                "`{id}` is no file; where it is the version of a module, name its store by \
                 `--store`"
            ),
        };
        Ok((read(old)?, read(new)?))
    }

    /// What a side names: a file that is there, before a version.
    fn named<'a>(&self, side: &'a Path) -> anyhow::Result<Named<'a>> {
        if side.exists() {
            return Ok(Named::File(side));
        }
        let text = side.to_str().filter(|text| text.contains('@'));
        match (text.map(str::parse::<ModuleId>), &self.store) {
            (Some(Ok(id)), _) => Ok(Named::Module(id)),
            (Some(Err(error)), Some(_)) => {
                let side = side.display();
                bail!("`{side}` is neither a file nor the version of a module: {error}")
            }
            (Some(Err(_)), None) | (None, _) => Ok(Named::File(side)),
        }
    }

    fn take(&self, store: &store::Opened, id: ModuleId) -> anyhow::Result<Read> {
        let taken = taken::take(store, &id, &self.trust, Yanked::LookedAt)?;
        let taken = taken.map_err(|why| anyhow!("`{id}` is refused: {why}"))?;
        if taken.word.is_none() {
            note(&format!(
                "`{id}` is unverified: no key was given by `--trust`"
            ));
        }
        let component = taken.published.component;
        if Kind::of(&component) != Kind::Component {
            bail!("what the store holds as `{id}` is no component");
        }
        Ok(Read {
            file: PolicyFile::of_component(Path::new(&id.to_string()), component)?,
            taken: Some((id, taken.word)),
        })
    }
}

/// Whether what was taken of a store says of itself what was asked for.
fn as_asked(taken: &[Option<(ModuleId, Option<Word>)>; 2], sides: &Sides) -> anyhow::Result<()> {
    for (taken, side) in taken.iter().zip([&sides.old, &sides.new]) {
        let Some((asked, _)) = taken else { continue };
        let found = side.sandboxed.policy.id().to_string();
        if found != asked.to_string() {
            bail!("`{asked}` was asked for, and the component says `{found}`");
        }
    }
    Ok(())
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

/// What is to be known of a pair whose older version comes second: a rollback may be
/// judged by it, and no host asks for it.
fn backwards(name: &ModuleName, old: &Compared, new: &Compared) -> String {
    let (old, new) = (&old.version, &new.version);
    format!(
        "`{name}` {new} is below {old}, and no host asks for this: `push` takes a comparison of \
         a version with an older one, as in `claimbound modules compare {name}@{new} {name}@{old}`"
    )
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

/// What was found, and what became of it.
struct Answer<'a> {
    sides: &'a Sides,
    found: &'a analysis::Comparison,
    taken: &'a [Option<(ModuleId, Option<Word>)>; 2],
    comparison: &'a Comparison,
    is_signed: bool,
    written: &'a [PathBuf],
}

impl Answer<'_> {
    fn page(&self) -> Page {
        let mut page = self.sides.page(self.found);
        let taken: Vec<_> = self.taken.iter().flatten().collect();
        if !(self.written.is_empty() && taken.is_empty()) {
            page.end();
        }
        if !self.written.is_empty() {
            let done = if self.is_signed { "signed" } else { "written" };
            let document = ModuleDocument::Comparison(self.comparison.clone().into());
            page.put(Ink::Good, format!("✓ {done}")).text("  ");
            page.put(Ink::Strong, document.title()).end();
        }
        for (id, word) in taken {
            page.field("taken", said(id, word.as_ref()));
        }
        for path in self.written {
            page.field("written", path.display().to_string());
        }
        page
    }

    fn to_json(&self) -> Value {
        let mut value = self.sides.to_json(self.found);
        let paths = self.written.iter().map(|path| path.display().to_string());
        let [old, new] = self.taken.each_ref().map(|taken| {
            let word = taken.as_ref().map(|(_, word)| word.as_ref());
            word.map(word_json)
        });
        if let Some(members) = value.as_object_mut() {
            members.insert("written".to_owned(), json!(paths.collect::<Vec<_>>()));
            members.insert("taken".to_owned(), json!({ "old": old, "new": new }));
        }
        value
    }
}

/// By whose word a version was taken of a store.
fn said(id: &ModuleId, word: Option<&Word>) -> String {
    match word {
        Some(word) => {
            let signers = word.signers.join(", ");
            format!("{id}, signed by {signers}; index: {}", word.index())
        }
        None => format!("{id}, unverified"),
    }
}

fn word_json(word: Option<&Word>) -> Value {
    json!({
        "verified": word.is_some(),
        "signers": word.map(|word| &word.signers),
        "edition": word.and_then(|word| word.edition),
        "yanked": word.and_then(|word| word.yanked.as_ref()),
    })
}
