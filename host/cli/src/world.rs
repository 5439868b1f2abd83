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
/// An export, and the smallest world that has it; those of a world have those of
/// all below it.
const WORLDS: [(&str, &str); 3] = [
    ("claimbound:policy/packed@0.1.0#evaluate", "packed-policy"),
    ("claimbound:policy/trace@0.1.0#explain", "explained-policy"),
    (DECIDE, "policy"),
];

/// The module, with the type of the contract's world that its exports are of.
///
/// # Errors
/// The bytes are no core module.
pub(crate) fn typed(module: &[u8]) -> anyhow::Result<Cow<'_, [u8]>> {
    let world = world(module).context("the core module can't be read")?;
    let Some(world) = world else {
        return Ok(Cow::Borrowed(module));
    };
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", CONTRACT)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut typed = module.to_vec();
    embed_component_metadata(&mut typed, &resolve, world, StringEncoding::UTF8)?;
    Ok(Cow::Owned(typed))
}

/// The world that a module's exports are of; none where the module says it itself,
/// or is no policy.
fn world(module: &[u8]) -> anyhow::Result<Option<&'static str>> {
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::CustomSection(section) = &payload
            && section.name().starts_with(TYPE)
        {
            return Ok(None);
        }
        if let Payload::ExportSection(section) = payload {
            for export in section {
                exports.push(export?.name);
            }
        }
    }
    if !exports.contains(&DECIDE) {
        return Ok(None);
    }
    let found = WORLDS.iter().find(|(export, _)| exports.contains(export));
    Ok(found.map(|(_, world)| *world))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that exports functions of these names.
    fn module(exports: &[&str]) -> Vec<u8> {
        let exports = exports.iter().map(|name| format!("(export \"{name}\")"));
        wat::parse_str(format!("(module (func {}))", exports.collect::<String>())).unwrap()
    }

    #[test]
    fn the_world_is_the_smallest_that_has_the_exports() {
        let [packed, trace, decide] = WORLDS.map(|(export, _)| export);
        for (exports, expected) in [
            (&[decide][..], Some("policy")),
            (&[decide, trace], Some("explained-policy")),
            (&[packed, trace, decide], Some("packed-policy")),
            (&[trace], None),
            (&[], None),
        ] {
            assert_eq!(world(&module(exports)).unwrap(), expected, "{exports:?}");
        }
    }

    #[test]
    fn a_module_that_says_its_type_is_left_as_it_is() {
        let module = module(&[DECIDE]);
        let typed_once = typed(&module).unwrap();
        assert!(typed_once.len() > module.len());
        assert_eq!(typed(&typed_once).unwrap(), typed_once);
        assert!(typed(b"\0asm\x01\0\0\0\xff").is_err());
    }
}
