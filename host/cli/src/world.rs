//! What a core module's exports are of, where it does not say so itself: a
//! generator of bindings leaves the type of its world in the module, and whoever
//! writes the exports by hand leaves none.

use std::borrow::Cow;

use anyhow::Context as _;
use claimbound::policy::CONTRACT;
use wasmparser::{Parser, Payload};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// How the section begins that says it.
const TYPE: &str = "component-type";
/// What every policy exports.
const DECIDE: &str = "claimbound:policy/decide@0.1.0#evaluate";
/// What one exports that explains itself.
const TRACE: &str = "claimbound:policy/trace@0.1.0#explain";
/// What one exports that takes its input packed.
const PACKED: &str = "claimbound:policy/packed@0.1.0#evaluate";

/// The module, with the type of the contract's world that its exports are of.
///
/// # Errors
/// The bytes are no core module.
pub(crate) fn typed(module: &[u8]) -> anyhow::Result<Cow<'_, [u8]>> {
    let exports = Exports::of(module).context("the core module can't be read")?;
    let Some(world) = exports.world() else {
        return Ok(Cow::Borrowed(module));
    };
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", CONTRACT)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut typed = module.to_vec();
    embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8)?;
    Ok(Cow::Owned(typed))
}

/// What a module says of itself.
#[derive(Default)]
struct Exports {
    is_typed: bool,
    decides: bool,
    explains: bool,
    is_packed: bool,
}

impl Exports {
    fn of(module: &[u8]) -> anyhow::Result<Self> {
        let mut exports = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload?;
            if let Payload::CustomSection(section) = &payload {
                exports.is_typed |= section.name().starts_with(TYPE);
            }
            if let Payload::ExportSection(section) = payload {
                for export in section {
                    exports.add(export?.name);
                }
            }
        }
        Ok(exports)
    }

    fn add(&mut self, name: &str) {
        self.decides |= name == DECIDE;
        self.explains |= name == TRACE;
        self.is_packed |= name == PACKED;
    }

    /// The world that they are of; none where the module says it itself, or is no
    /// policy.
    const fn world(&self) -> Option<&'static str> {
        if self.is_typed || !self.decides {
            return None;
        }
        Some(match (self.is_packed, self.explains) {
            (true, _) => "packed-policy",
            (false, true) => "explained-policy",
            (false, false) => "policy",
        })
    }
}
