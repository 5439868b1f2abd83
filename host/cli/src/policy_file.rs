//! A policy as the arguments name it: a document or a component, told apart by
//! its content.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::bail;
use claimbound_language::Compiled;

use crate::component::{self, Carried, Carry, Kind, Origin};
use crate::input::{self, Source};
use crate::{artifact, checks};

/// A policy that was read, and the component that decides for it.
pub(crate) struct PolicyFile {
    /// Its path, as it was given.
    pub(crate) path: PathBuf,
    /// The component.
    pub(crate) component: Vec<u8>,
    /// Where its document is.
    pub(crate) origin: Origin,
    /// Whether the file is the document itself.
    pub(crate) is_document: bool,
    /// The text of its cases, inside the component.
    pub(crate) cases: Option<String>,
}

impl PolicyFile {
    /// Reads a policy; a document is compiled and built.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let path = in_folder(path)?;
        let path = path.as_ref();
        let bytes = input::file(path, input::COMPONENT)?;
        let name = path.display().to_string();
        match Kind::of(&bytes) {
            Kind::Component => Self::of_component(path, bytes),
            Kind::Module => bail!(
                "`{name}` is a core module, not a component; make it one with `claimbound build {name} -o component.wasm`"
            ),
            Kind::Other => {
                let text = document(bytes, path)?;
                Self::of_document(path, &text, beside(path)?)
            }
        }
    }

    /// A component, as if it had been read from this path.
    pub(crate) fn of_component(path: &Path, component: Vec<u8>) -> anyhow::Result<Self> {
        let carried = Carried::read(&path.display().to_string(), &component)?;
        Ok(Self {
            path: path.to_owned(),
            component,
            origin: carried.origin,
            is_document: false,
            cases: carried.cases,
        })
    }

    /// A document and its cases, as if they had been read from this path.
    pub(crate) fn of_document(
        path: &Path,
        text: &str,
        cases: Option<String>,
    ) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let compiled = claimbound_language::compile(&name, text)?;
        // Whoever runs or builds the cases is told what is wrong with them.
        let checks = cases
            .as_deref()
            .and_then(|cases| checks::of_text(&compiled, &name, cases).ok());
        let carry = cases.as_deref().map(|text| Carry {
            text,
            checks: checks.as_deref(),
        });
        let component = component::build(&compiled, text, carry)?;
        Ok(Self {
            path: path.to_owned(),
            component,
            origin: Origin::Verified(Box::new(compiled)),
            is_document: true,
            cases,
        })
    }

    /// The document, where it is the one that the component was built from.
    pub(crate) fn compiled(&self) -> Option<&Compiled> {
        match &self.origin {
            Origin::Verified(compiled) => Some(compiled),
            Origin::Unverified(_) | Origin::None => None,
        }
    }
}

/// A document's text.
pub(crate) fn document(bytes: Vec<u8>, path: &Path) -> anyhow::Result<String> {
    if bytes.len() as u64 > input::TEXT {
        bail!("`{}` is longer than {} bytes", path.display(), input::TEXT);
    }
    let source = Source::File(path.to_owned());
    let text = input::text(bytes, &source)?;
    artifact::refuse(&source, &text, "a policy document")?;
    Ok(text)
}

/// The path of a policy; of a folder, its document.
pub(crate) fn in_folder(path: &Path) -> anyhow::Result<Cow<'_, Path>> {
    if !path.is_dir() {
        return Ok(path.into());
    }
    let document = path.join("policy.toml");
    if !document.is_file() {
        bail!("folder `{}` has no `policy.toml`", path.display());
    }
    Ok(document.into())
}

/// The text of a case file.
pub(crate) fn cases(path: &Path) -> anyhow::Result<String> {
    let text = input::file_text(path)?;
    artifact::refuse(&Source::File(path.to_owned()), &text, "a case file")?;
    Ok(text)
}

/// The text of the cases beside a document, if there are any.
pub(crate) fn beside(document: &Path) -> anyhow::Result<Option<String>> {
    let cases = document.with_file_name("cases.toml");
    if cases.is_file() {
        self::cases(&cases).map(Some)
    } else {
        Ok(None)
    }
}
