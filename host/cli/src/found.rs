//! Where the cases of a policy stand.

use std::path::Path;

use anyhow::{Context as _, bail};
use claimbound::checks::Checks;

use crate::policy_file::{self, PolicyFile};
use crate::{checks, component};

/// The cases of a policy.
pub(crate) enum Found {
    /// A case file: what it is called, and its text.
    Text(String, String),
    /// Checks inside a component.
    Checks(Checks),
}

impl Found {
    /// The cases of a policy: those that were asked for, those inside it, those
    /// beside it. Where the document inside is not verified, the case file inside
    /// may be like a document's that nobody has; the checks stand for themselves.
    pub(crate) fn of(file: &PolicyFile, asked: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(path) = asked {
            let text = policy_file::cases(path)?;
            return Ok(Self::Text(path.display().to_string(), text));
        }
        if let Some(inside) = Self::inside(file)? {
            return Ok(inside);
        }
        let beside = file.path.with_file_name("cases.toml");
        match policy_file::beside(&file.path)? {
            Some(text) => Ok(Self::Text(beside.display().to_string(), text)),
            None => bail!(
                "`{}` has no cases; write `{}`, or name them by `--cases`",
                file.path.display(),
                beside.display()
            ),
        }
    }

    fn inside(file: &PolicyFile) -> anyhow::Result<Option<Self>> {
        if file.is_document {
            return Ok(None);
        }
        let name = file.path.display();
        if file.compiled().is_none() {
            let checks = Checks::of(&file.component).with_context(|| format!("`{name}`"))?;
            if let Some(checks) = checks {
                return Ok(Some(Self::Checks(checks)));
            }
        }
        let text = file.cases.clone();
        Ok(text.map(|text| Self::Text(format!("{name}: {}", component::CASES), text)))
    }

    /// The same as checks of a component alone, whose tokens are written out.
    pub(crate) fn alone(self) -> anyhow::Result<Checks> {
        match self {
            Self::Checks(checks) => Ok(checks),
            Self::Text(name, text) => {
                let cases = claimbound_language::parse_cases(&name, &text)?;
                cases.check_alone()?;
                checks::of_cases(&cases, None)
            }
        }
    }
}
