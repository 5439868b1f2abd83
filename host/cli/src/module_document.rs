//! A document about a module: what it says, for a person and as JSON.

use std::path::Path;

use anyhow::bail;
use claimbound::clock;
use claimbound::modules::{Comparison, DocumentError, DocumentKind, Index, Statement};
use serde_json::{Value, json};

use crate::artifact;
use crate::component::Kind;
use crate::input::Source;
use crate::page::Page;

/// What the component's statement is called, after its own name.
const STATEMENT: &str = "statement.json";

/// One of the documents about modules that are signed.
pub(crate) enum ModuleDocument {
    Statement(Statement),
    Index(Index),
    Comparison(Box<Comparison>),
}

impl ModuleDocument {
    /// Reads whichever it says it is.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        Ok(match DocumentKind::of(bytes)? {
            DocumentKind::Statement => Self::Statement(Statement::parse(bytes)?),
            DocumentKind::Index => Self::Index(Index::parse(bytes)?),
            DocumentKind::Comparison => Self::Comparison(Comparison::parse(bytes)?.into()),
        })
    }

    /// What it is, and of what, in one line.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Statement(statement) => format!("statement of {}", statement.id),
            Self::Index(index) => format!("index {} of {}", index.serial(), index.name()),
            Self::Comparison(one) => format!(
                "comparison of {} {} with {}",
                one.name, one.new.version, one.old.version
            ),
        }
    }

    /// What it says, a line each.
    pub(crate) fn fields(&self, page: &mut Page) {
        match self {
            Self::Statement(statement) => {
                page.field("digest", statement.digest.to_string());
                page.field("contract", statement.contract.as_str());
                page.field("time", clock::date(statement.time));
            }
            Self::Index(index) => {
                page.field("versions", index.versions().len().to_string());
                page.field("time", clock::date(index.time()));
                page.field("expires", clock::date(index.expires()));
            }
            Self::Comparison(comparison) => {
                page.field("outcome", comparison.outcome.as_str());
                page.field("time", clock::date(comparison.time));
            }
        }
    }

    /// What it says.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Statement(statement) => json!({
                "kind": "statement",
                "name": statement.id.name().as_str(),
                "version": statement.id.version().to_string(),
                "digest": statement.digest.to_string(),
                "contract": statement.contract.as_str(),
                "time": clock::date(statement.time),
                "document": statement.document.map(|digest| digest.to_string()),
            }),
            Self::Index(index) => json!({
                "kind": "index",
                "name": index.name().as_str(),
                "serial": index.serial(),
                "versions": index.versions().len(),
                "time": clock::date(index.time()),
                "expires": clock::date(index.expires()),
            }),
            Self::Comparison(comparison) => json!({
                "kind": "comparison",
                "name": comparison.name.as_str(),
                "old": comparison.old.version.to_string(),
                "new": comparison.new.version.to_string(),
                "outcome": comparison.outcome.as_str(),
                "time": clock::date(comparison.time),
            }),
        }
    }
}

/// Where the statement of a component stands: `deploy.statement.json` beside
/// `deploy.wasm`.
pub(crate) fn statement_of(component: &Path) -> std::path::PathBuf {
    component.with_extension(STATEMENT)
}

/// Refuses what is no component and no document about a module, by its looks.
pub(crate) fn refuse(path: &Path, bytes: &[u8], wanted: &str) -> anyhow::Result<()> {
    let name = path.display();
    if Kind::of(bytes) == Kind::Module {
        bail!(
            "`{name}` is a core module, not a component; make it one with `claimbound build {name} \
             -o component.wasm`"
        );
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        bail!("`{name}` is not {wanted}");
    };
    artifact::refuse(&Source::File(path.to_owned()), text, wanted)?;
    if is_policy(text) {
        bail!(
            "`{name}` is a policy document, not a component; make one of it by `claimbound build \
             {name}`"
        );
    }
    if !text.trim_start().starts_with('{') {
        bail!("`{name}` is not {wanted}; a policy is made a component by `claimbound build`");
    }
    Ok(())
}

/// Whether a text looks like a policy document: it says which edition of the
/// language it is written in.
fn is_policy(text: &str) -> bool {
    let mut edition = text
        .lines()
        .filter_map(|line| line.strip_prefix("claimbound"));
    edition.any(|rest| rest.trim_start().starts_with('='))
}
