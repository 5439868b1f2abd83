//! Cases at the boundaries of a policy's conditions, as a case file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use claimbound::sandbox::Sandbox;
use claimbound_analysis::{Boundary, LeftOut, Tried, boundary};
use claimbound_language::Compiled;
use serde_json::{Value, json};

use crate::console::{self, Console, Format, Progress, Status};
use crate::policy_file::PolicyFile;
use crate::sandboxed::Sandboxed;
use crate::{checks, code_cache};

/// Prints the boundary cases of the one policy that is given.
pub(super) fn run(
    policies: &[PathBuf],
    code_cache: &code_cache::Arguments,
    console: Console,
) -> anyhow::Result<Status> {
    let [path] = policies else {
        bail!(
            "`--generate` makes cases for one policy, and {} are named",
            policies.len()
        );
    };
    let file = PolicyFile::open(path)?;
    let compiled = compiled(&file)?;
    let sandbox = code_cache.sandbox(&file.component)?;
    let made = made(&file.path, &file, compiled, &sandbox)?;
    if made.cases().next().is_none() {
        bail!(
            "no token was found that `{}` accepts, nor one that it just refuses",
            file.path.display()
        );
    }
    let text = written(&made, compiled);
    match console.format() {
        Format::Human => console::write_raw(text.as_bytes())?,
        Format::Json => {
            let json = to_json(&file.path, &made, &text);
            console::write_json(&format!("{json:#}"))?;
        }
    }
    for note in notes(&made) {
        console::note(&note);
    }
    Ok(Status::Yes)
}

fn compiled(file: &PolicyFile) -> anyhow::Result<&Compiled> {
    file.compiled().with_context(|| {
        let name = file.path.display();
        format!("`{name}` has no verified document, and cases are about a document's statements")
    })
}

/// The cases, each decided by the component too.
fn made(
    path: &Path,
    file: &PolicyFile,
    compiled: &Compiled,
    sandbox: &Sandbox,
) -> anyhow::Result<Boundary> {
    let name = path.display().to_string();
    let mut progress = None;
    let made = boundary(compiled, |number, total| {
        let progress = progress.get_or_insert_with(|| Progress::of(total));
        progress.at(number, &format!("statements of {name}"));
    });
    drop(progress);
    let sandboxed = Sandboxed::new(sandbox, file, compiled)?;
    for case in made.cases() {
        confirm(&name, &sandboxed, case)?;
    }
    Ok(made)
}

fn confirm(policy: &str, sandboxed: &Sandboxed, case: &Tried) -> anyhow::Result<()> {
    let outcome = sandboxed.decide(case.token.clone());
    let outcome = outcome.with_context(|| format!("`{policy}`"))?;
    if let Some(fault) = checks::expected(&case.expected)?.fault(&outcome) {
        let name = &case.name;
        bail!(
            "the component of `{policy}` decides `{name}` otherwise than its document does: {fault}"
        );
    }
    Ok(())
}

fn written(made: &Boundary, compiled: &Compiled) -> String {
    let (name, version) = (&compiled.program.name, &compiled.program.version);
    let mut text = format!(
        "# Tokens just inside and just outside each condition of {} {},\n\
         # made by `claimbound test --generate`.\n\n",
        crate::escape::visible(name),
        crate::escape::visible(version)
    );
    text.push_str(made.case_file(compiled).trim_end());
    text.push('\n');
    text
}

/// What there is no case of.
fn notes(made: &Boundary) -> Vec<String> {
    let mut notes = Vec::new();
    if !made.left_out.is_empty() {
        let mut note = String::from("no token was found for");
        for (number, one) in made.left_out.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            // Writing to a string can't fail.
            let _ = write!(
                note,
                "{comma} {} {} (just {})",
                one.statement,
                one.condition,
                side(one)
            );
        }
        notes.push(note);
    }
    if made.is_cut {
        notes.push("the policy has more statements than cases are made for".to_owned());
    }
    notes
}

const fn side(one: &LeftOut) -> &'static str {
    if one.is_inside { "inside" } else { "outside" }
}

fn to_json(path: &Path, made: &Boundary, text: &str) -> Value {
    let left_out = made.left_out.iter().map(|one| {
        json!({
            "statement": one.statement,
            "condition": one.condition,
            "side": side(one),
        })
    });
    json!({
        "policy": path.display().to_string(),
        "cases": made.cases().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        "left_out": left_out.collect::<Vec<_>>(),
        "is_cut": made.is_cut,
        "case_file": text,
    })
}
