//! Components that are built from a document, and documents that are read back.

use std::time::Duration;

use anyhow::{Context as _, bail};
pub(crate) use claimbound::bake::DOCUMENT;
use claimbound::bake::{self, STANDARD, Section};
use claimbound::checks::{self, Checks};
use claimbound::policy::digest;
use claimbound::reason::clip;
use claimbound::sandbox::{Limits, Sandbox};
use claimbound_language::{Compiled, HORIZON, time_zone_data};
use serde::{Deserialize, Serialize};

use crate::input;
use crate::slim::slim;
use crate::time::date;
use crate::world;

/// The section that holds the text of its cases.
pub(crate) const CASES: &str = "claimbound:cases";
/// The section that says what built the component.
const BUILD: &str = "claimbound:build";

/// What built a component, as its section says it in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Build {
    /// The release.
    pub(crate) release: String,
    /// The digest of the standard component.
    pub(crate) standard: String,
    /// The version of the time-zone data.
    pub(crate) time_zone_data: String,
    /// Until when weekly windows are known.
    pub(crate) horizon: String,
}

impl Build {
    /// This program.
    pub(crate) fn this() -> Self {
        Self {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            standard: digest(STANDARD),
            time_zone_data: time_zone_data().to_owned(),
            horizon: date(HORIZON),
        }
    }
}

/// Whether bytes are WebAssembly, and of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A component.
    Component,
    /// A core module.
    Module,
    /// Something else.
    Other,
}

impl Kind {
    /// Tells by the first eight bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [b'\0', b'a', b's', b'm', _, _, 1, 0, ..] => Self::Component,
            [b'\0', b'a', b's', b'm', ..] => Self::Module,
            _ => Self::Other,
        }
    }
}

/// Cases as a component carries them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carry<'a> {
    /// The text of the case file.
    pub(crate) text: &'a str,
    /// Its checks; none in a component of a release that knew of none.
    pub(crate) checks: Option<&'a [u8]>,
}

impl<'a> Carry<'a> {
    fn sections(self) -> impl Iterator<Item = Section<'a>> {
        let text = (CASES, self.text.as_bytes());
        let checks = self.checks.map(|checks| (checks::SECTION, checks));
        std::iter::once(text).chain(checks)
    }
}

/// The component of a document, with its text, and its cases where there are
/// any. The same input gives the same bytes.
pub(crate) fn build(
    compiled: &Compiled,
    document: &str,
    cases: Option<Carry<'_>>,
) -> anyhow::Result<Vec<u8>> {
    let build = serde_json::to_string(&Build::this())?;
    let mut sections: Vec<Section<'_>> =
        vec![(DOCUMENT, document.as_bytes()), (BUILD, build.as_bytes())];
    sections.extend(cases.into_iter().flat_map(Carry::sections));
    bake::bake(STANDARD, &compiled.bytes, &sections).context("the component can't be built")
}

/// Any component with these cases in place of its own.
pub(crate) fn with_cases(component: &[u8], text: &str, checks: &Checks) -> anyhow::Result<Vec<u8>> {
    let checks = checks.to_bytes()?;
    let cases = Carry {
        text,
        checks: Some(&checks),
    };
    let sections: Vec<_> = cases.sections().collect();
    bake::attach(component, &sections).context("the cases can't be put into the component")
}

/// The component of a core module whose exports are the contract.
pub(crate) fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let module = slim(&world::typed(module)?)?;
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .context("the core module can't be made a component")
}

/// What became of the document inside a component.
pub(crate) enum Origin {
    /// The component has none.
    None,
    /// This program builds the same bytes from it.
    Verified(Box<Compiled>),
    /// This program does not, for this reason.
    Unverified(String),
}

/// What a component carries beside its code.
pub(crate) struct Carried {
    /// What became of its document.
    pub(crate) origin: Origin,
    /// The document's text.
    pub(crate) document: Option<String>,
    /// The text of its cases.
    pub(crate) cases: Option<String>,
    /// What built it, as it says itself.
    pub(crate) builder: Option<Build>,
    has_checks: bool,
}

impl Carried {
    /// Reads what a component carries, and builds its document anew to compare.
    pub(crate) fn read(name: &str, component: &[u8]) -> anyhow::Result<Self> {
        let sections =
            bake::sections(component).map_err(|error| anyhow::anyhow!("`{name}`: {error}"))?;
        let document = single(&sections, DOCUMENT)?;
        let cases = single(&sections, CASES)?;
        let builder = single(&sections, BUILD)?.and_then(|text| serde_json::from_str(&text).ok());
        let mut carried = Self {
            origin: Origin::None,
            document,
            cases,
            builder,
            has_checks: sections.iter().any(|(name, _)| *name == checks::SECTION),
        };
        carried.origin = carried.rebuild(name, component)?;
        Ok(carried)
    }

    fn rebuild(&self, name: &str, component: &[u8]) -> anyhow::Result<Origin> {
        let Some(document) = &self.document else {
            return Ok(Origin::None);
        };
        // What `build` never reads it never built from.
        let longest = document
            .len()
            .max(self.cases.as_ref().map_or(0, String::len));
        if longest as u64 > input::TEXT {
            let why = format!("its document or its cases pass {} bytes", input::TEXT);
            return Ok(Origin::Unverified(why));
        }
        let compiled = claimbound_language::compile(name, document).ok();
        if let Some(compiled) = compiled
            && self.built(name, document, &compiled)?.as_deref() == Some(component)
        {
            return Ok(Origin::Verified(Box::new(compiled)));
        }
        let this = Build::this();
        Ok(Origin::Unverified(match &self.builder {
            Some(build) if *build != this => format!("built by release {}", clip(&build.release)),
            Some(_) | None => "not what this release builds from its document".to_owned(),
        }))
    }
}

impl Carried {
    /// What this program builds of a document and the cases; none where it builds
    /// nothing of such cases.
    fn built(
        &self,
        name: &str,
        document: &str,
        compiled: &Compiled,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(text) = &self.cases else {
            return build(compiled, document, None).map(Some);
        };
        let checks = if self.has_checks {
            let Ok(checks) = crate::checks::of_text(compiled, name, text) else {
                return Ok(None);
            };
            Some(checks)
        } else {
            None
        };
        let checks = checks.as_deref();
        build(compiled, document, Some(Carry { text, checks })).map(Some)
    }
}

fn single(sections: &[Section<'_>], name: &str) -> anyhow::Result<Option<String>> {
    let mut found = sections.iter().filter(|(section, _)| *section == name);
    let first = found.next();
    if found.next().is_some() {
        bail!("the component has section `{name}` twice");
    }
    let text = first.map(|(_, bytes)| String::from_utf8((*bytes).to_vec()));
    text.transpose()
        .with_context(|| format!("section `{name}` of the component is not UTF-8"))
}

/// A sandbox for a component, in a program that decides one token and ends.
pub(crate) fn sandbox(component: &[u8]) -> anyhow::Result<Sandbox> {
    Ok(Sandbox::new(limits(component.len())?)?)
}

/// What a component of so many bytes may take: the memory that a host gives one, a
/// pool of one, and time enough for a machine that is busy with other things.
fn limits(size: usize) -> anyhow::Result<Limits> {
    let usual = if size > Limits::SMALL {
        Limits::scripts().with_component(usize::try_from(input::COMPONENT)?)?
    } else {
        Limits::default()
    };
    let limits = usual.with_deadline(Duration::from_secs(2))?;
    Ok(limits.with_concurrent(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_has_the_memory_that_a_host_gives_one_of_its_size() {
        let memory = |size: usize| limits(size).unwrap().memory();
        let (small, script) = (Limits::default(), Limits::scripts());
        assert!(small.memory() < script.memory());
        assert_eq!(memory(Limits::SMALL), small.memory());
        assert_eq!(memory(Limits::SMALL + 1), script.memory());
    }
}
