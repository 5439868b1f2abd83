//! `inspect`: what a component says of itself, and whether it is what its
//! document says.

use std::path::PathBuf;

use anyhow::Context as _;
use claimbound::checks::Checks;
use claimbound::modules::Contract;
use claimbound::obligation::{FirstUse, Obligation};
use claimbound::policy::{Manifest, Policy};
use claimbound_language::{Compiled, StatementSummary};
use serde_json::{Value, json};

use super::build::size;
use crate::component::{self, Origin};
use crate::console::{Console, Status};
use crate::page::{Cell, Ink, Page};
use crate::policy_file::PolicyFile;

/// Show what a component is, and verify the document that it carries.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  claimbound inspect deploy.wasm
  claimbound inspect deploy.wasm --format json

The document is verified by building it anew and comparing every byte.

Exit status: 0 it is a policy, 2 it is none, or can't be read.")]
pub(crate) struct Arguments {
    /// A component; or a document, or a folder with a `policy.toml`, which is
    /// built first.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, console: Console) -> anyhow::Result<Status> {
    let file = PolicyFile::open(&arguments.file)?;
    let sandbox = component::sandbox(&file.component)?;
    let policy = Policy::load(&sandbox, &file.component)
        .with_context(|| format!("`{}`", arguments.file.display()))?;
    let checks = Checks::of(&file.component);
    let checks = checks.with_context(|| format!("`{}`", arguments.file.display()))?;
    let checks = checks.map(|checks| checks.len());
    let json = || to_json(&file, &policy, checks);
    console.answer(|| page(&file, &policy, checks), json)?;
    Ok(Status::Yes)
}

/// Claims as a person reads them: paths with dots.
fn dotted(manifest: &Manifest) -> Option<Vec<String>> {
    let claims = manifest.claims.as_ref()?;
    Some(claims.iter().map(|path| path.join(".")).collect())
}

fn page(file: &PolicyFile, policy: &Policy, checks: Option<usize>) -> Page {
    let (id, manifest) = (policy.id(), policy.manifest());
    let mut page = Page::default();
    page.put(Ink::Strong, format!("{} {}", id.name, id.version))
        .end();
    page.field("digest", &id.digest);
    page.field("size", size(file.component.len()));
    page.field("contract", Contract::served().to_string());
    page.field("explains", if policy.explains() { "yes" } else { "no" });
    page.field("imports", "none");
    page.field(
        "claims",
        dotted(manifest).map_or_else(|| "all".to_owned(), |all| or_none(&all)),
    );
    page.field("parts", or_none(&manifest.parts));
    page.field("names", or_none(&manifest.names));
    page.field("attributes", or_none(&manifest.attributes));
    page.field("obligations", or_none(&manifest.obligations));
    page.field("cases", cases(file, checks));
    page.put(Ink::Faint, "  document    ");
    match &file.origin {
        Origin::None => page.text("none").end(),
        Origin::Unverified(why) => page
            .put(Ink::Warn, "unverified")
            .text(format!(" ({why})"))
            .end(),
        Origin::Verified(compiled) => page
            .put(Ink::Good, "verified")
            .text(format!(" ({})", compiled.digest))
            .end(),
    };
    if let Some(compiled) = file.compiled() {
        page.end().put(Ink::Strong, "statements").end();
        let rows: Vec<_> = compiled.statements.iter().map(row).collect();
        page.table(2, &rows);
    }
    page
}

/// Whether there are cases inside, and how many of them any host can run.
fn cases(file: &PolicyFile, checks: Option<usize>) -> String {
    match (&file.cases, checks) {
        (Some(_), Some(checks)) => format!("inside, {checks} as checks"),
        (Some(_), None) => "inside".to_owned(),
        (None, Some(checks)) => format!("none, {checks} as checks"),
        (None, None) => "none".to_owned(),
    }
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn row(statement: &StatementSummary) -> Vec<Cell> {
    let (ink, effect) = if statement.trusts {
        (Ink::Good, "trust")
    } else {
        (Ink::Bad, "forbid")
    };
    let binding = first_use(statement).map(|first_use| Obligation::Bind(first_use).to_string());
    let roles = statement.grant.as_ref().map(|grant| grant.roles.join(", "));
    vec![
        Cell::new(ink, effect),
        Cell::new(Ink::Strong, &statement.name),
        Cell::plain(&statement.issuer),
        Cell::plain(statement.audience.as_deref().unwrap_or("any audience")),
        Cell::plain(&statement.subject),
        Cell::new(Ink::Faint, roles.unwrap_or_default()),
        Cell::new(Ink::Faint, binding.unwrap_or_default()),
    ]
}

/// What becomes of a name that no ledger knows, where the statement binds names.
fn first_use(statement: &StatementSummary) -> Option<FirstUse> {
    statement.enrols().map(|enrols| {
        if enrols {
            FirstUse::Enrol
        } else {
            FirstUse::Refuse
        }
    })
}

fn to_json(file: &PolicyFile, policy: &Policy, checks: Option<usize>) -> Value {
    let manifest = policy.manifest();
    let document = match &file.origin {
        Origin::None => json!({ "state": "none", "digest": null, "why": null }),
        Origin::Unverified(why) => {
            json!({ "state": "unverified", "digest": manifest.document, "why": why })
        }
        Origin::Verified(compiled) => {
            json!({ "state": "verified", "digest": compiled.digest, "why": null })
        }
    };
    json!({
        "name": policy.id().name,
        "version": policy.id().version,
        "digest": policy.id().digest,
        "size": file.component.len(),
        "contract": Contract::served().as_str(),
        "explains": policy.explains(),
        "imports": [],
        "claims": manifest.claims,
        "parts": manifest.parts,
        "names": manifest.names,
        "attributes": manifest.attributes,
        "published_keys": manifest.published_keys,
        "obligations": manifest.obligations,
        "cases": file.cases.is_some(),
        "checks": checks,
        "document": document,
        "statements": file.compiled().map(statements),
    })
}

/// INVARIANT: the compiler wrote the claims of a grant as an object.
fn object(claims: &str) -> Option<Value> {
    serde_json::from_str(claims).ok()
}

fn statements(compiled: &Compiled) -> Value {
    let one = |statement: &StatementSummary| {
        let grant = statement.grant.as_ref().map(|grant| {
            json!({
                "roles": grant.roles,
                "scopes": grant.scopes,
                "claims": grant.claims.as_deref().and_then(object),
                "max_lifetime": grant.max_lifetime,
            })
        });
        json!({
            "name": statement.name,
            "effect": if statement.trusts { "trust" } else { "forbid" },
            "issuer": statement.issuer,
            "audience": statement.audience,
            "subject": statement.subject,
            "grant": grant,
            "first_use": first_use(statement),
            "danger": statement.danger,
        })
    };
    compiled.statements.iter().map(one).collect()
}
