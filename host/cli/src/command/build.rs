//! `build`: a document, or a core module, to a component; cases into any.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use claimbound::policy::{Policy, PolicyError, digest};
use serde_json::json;

use crate::component::{self, Carried, Carry, Kind, Origin};
use crate::console::{self, Console, Status};
use crate::page::{Ink, Page};
use crate::{checks, findings, input, output, policy_file};

/// Build a component from a policy document or a core module, or put cases into one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound build policy.toml
  claimbound build policy.toml -o deploy.wasm
  claimbound build target/wasm32-unknown-unknown/release/my_policy.wasm -o my_policy.wasm
  claimbound build script.wasm --cases cases.toml -o my_policy.wasm

The component decides by itself: it imports nothing, and carries the document and
the cases beside it (cases.toml), also as checks that any host can run. The same
input gives the same bytes. Of a component only the cases are replaced.

Exit status: 0 built, 2 the policy does not compile or a file can't be read or written.")]
pub(crate) struct Arguments {
    /// A policy document, a folder with a `policy.toml`, or a core module or, with
    /// `--cases`, a component that exports the contract.
    #[arg(value_name = "POLICY")]
    policy: PathBuf,

    /// Where to write the component; by default beside the document, as `.wasm`.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Cases to put inside; by default `cases.toml` beside the document.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let started = Instant::now();
    let path = policy_file::in_folder(&arguments.policy)?;
    let path = path.as_ref();
    let bytes = input::file(path, input::COMPONENT)?;
    let kind = Kind::of(&bytes);
    if kind == Kind::Component && arguments.cases.is_none() {
        bail!(
            "`{}` is a component already; `--cases FILE` puts cases into it",
            path.display()
        );
    }
    let target = arguments.target(path)?;
    let cases = arguments.cases.as_deref();
    let (component, warnings) = match kind {
        Kind::Module => (with_cases(path, component::encode(&bytes)?, cases)?, None),
        Kind::Component => (with_cases(path, bytes, cases)?, None),
        Kind::Other => built(path, bytes, cases)?,
    };
    try_out(kind, &component).with_context(|| format!("`{}`", path.display()))?;
    output::replace(&target, &component)?;
    let took = started.elapsed();
    if let Some(warnings) = warnings {
        let mut page = Page::default();
        page.lines(warnings).end();
        console::aside(&page);
    }
    tell(console, &target, &component, took)?;
    Ok(Status::Yes)
}

impl Arguments {
    /// Where the component of `path` is written: over none of what is read.
    fn target(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let target = self.output.clone();
        let target = target.unwrap_or_else(|| path.with_extension("wasm"));
        output::not_an_input(&target, path)?;
        if let Some(cases) = &self.cases {
            output::not_an_input(&target, cases)?;
        }
        Ok(target)
    }
}

/// Loads it as a host does.
fn try_out(kind: Kind, component: &[u8]) -> anyhow::Result<()> {
    match (
        kind,
        Policy::load(&component::sandbox(component)?, component),
    ) {
        (_, Ok(_)) => {}
        // The standard component itself has no program yet, and so no manifest.
        (Kind::Module, Err(error @ PolicyError::Describe(_))) => {
            let mut page = Page::default();
            page.put(Ink::Warn, "note").text(format!(": {error}")).end();
            console::aside(&page);
        }
        (_, Err(error)) => return Err(error.into()),
    }
    Ok(())
}

fn tell(console: Console, target: &Path, component: &[u8], took: Duration) -> anyhow::Result<()> {
    let (digest, file) = (digest(component), target.display().to_string());
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    console.answer(
        || {
            let mut page = Page::default();
            page.put(Ink::Good, "✓ built").text("  ");
            page.put(Ink::Strong, &file).end();
            page.field("size", size(component.len()));
            page.field("digest", &digest);
            page.field("time", format!("{milliseconds} ms"));
            page
        },
        || {
            json!({
                "file": file,
                "size": component.len(),
                "digest": digest,
                "milliseconds": milliseconds,
            })
        },
    )
}

/// A component with the cases that are named, if any are.
fn with_cases(path: &Path, component: Vec<u8>, cases: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let Some(cases) = cases else {
        return Ok(component);
    };
    let text = policy_file::cases(cases)?;
    let carried = Carried::read(&path.display().to_string(), &component)?;
    let parsed = claimbound_language::parse_cases(&cases.display().to_string(), &text)?;
    let compiled = match &carried.origin {
        Origin::Verified(compiled) => Some(&**compiled),
        Origin::Unverified(_) | Origin::None => None,
    };
    match compiled {
        Some(compiled) => parsed.check(compiled)?,
        None => parsed.check_alone()?,
    }
    component::with_cases(&component, &text, &checks::of_cases(&parsed, compiled)?)
}

/// The component of a document, and its warnings as text, if it has any.
fn built(
    path: &Path,
    bytes: Vec<u8>,
    cases: Option<&Path>,
) -> anyhow::Result<(Vec<u8>, Option<String>)> {
    let text = policy_file::document(bytes, path)?;
    let compiled = claimbound_language::compile(&path.display().to_string(), &text)?;
    let beside = path.with_file_name("cases.toml");
    let cases_path = match cases {
        Some(cases) => Some(cases),
        None => Some(beside.as_path()).filter(|beside| beside.is_file()),
    };
    let cases = cases_path.map(policy_file::cases).transpose()?;
    let checks = match (cases_path, &cases) {
        (Some(path), Some(text)) => {
            let name = path.display().to_string();
            Some(checks::of_text(&compiled, &name, text)?)
        }
        (Some(_) | None, _) => None,
    };
    let carry = cases.as_deref().map(|text| Carry {
        text,
        checks: checks.as_deref(),
    });
    let component = component::build(&compiled, &text, carry)?;
    let warnings = (!compiled.warnings.is_empty()).then(|| findings::shown(&compiled.warnings));
    Ok((component, warnings))
}

/// A size in bytes as people read it.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB ({bytes} bytes)", bytes.div_ceil(1024)),
        _ => format!("{} MiB ({bytes} bytes)", bytes.div_ceil(1024 * 1024)),
    }
}
