//! A component that answers with whatever bytes it is told to.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The attribute that carries the answer.
pub const ATTRIBUTE: &str = "answer";
/// The kinds of obligations that the guest's manifest names.
pub const OBLIGATIONS: [&str; 4] = ["bind", "use-once", "prove", "audit"];

const CONTRACT: &str = include_str!("../../../wit/policy.wit");
const GUEST: &str = include_str!("guest.wat");
/// Where the guest's manifest stands in its memory.
const MANIFEST: usize = 0xf000;
/// The fewest bytes of an answer: its letters have to be the longest of all
/// that the host puts into the guest's memory.
const SHORTEST: usize = 512;

/// The component.
pub fn component() -> Vec<u8> {
    let text = GUEST.trim_end().strip_suffix(')').expect("a module");
    let mut data = String::new();
    for byte in manifest() {
        write!(data, "\\{byte:02x}").expect("a string takes all");
    }
    let text = format!("{text}\n(data (i32.const {MANIFEST}) \"{data}\"))");
    let mut module = wat::parse_str(text).expect("a module");
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", CONTRACT).expect("a package");
    let world = resolve
        .select_world(&[package], Some("policy"))
        .expect("a world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("types");
    let encoder = ComponentEncoder::default()
        .module(&module)
        .expect("a module of that world");
    encoder.validate(true).encode().expect("a component")
}

/// `result<manifest, failure>` by the canonical ABI.
fn manifest() -> Vec<u8> {
    let mut bytes = vec![0; 80];
    let text = |bytes: &mut Vec<u8>, at: usize, text: &str| {
        let place = bytes.len();
        bytes.extend_from_slice(text.as_bytes());
        list(bytes, at, place, text.len());
    };
    text(&mut bytes, 4, "fuzzed");
    text(&mut bytes, 12, "1.0.0");
    // No document; a list of claims, which is empty.
    bytes[32] = 1;
    for (at, names) in [(60, &[ATTRIBUTE][..]), (72, &OBLIGATIONS[..])] {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let place = bytes.len();
        bytes.resize(place + names.len() * 8, 0);
        list(&mut bytes, at, place, names.len());
        for (index, name) in names.iter().enumerate() {
            text(&mut bytes, place + index * 8, name);
        }
    }
    bytes
}

fn list(bytes: &mut [u8], at: usize, place: usize, length: usize) {
    let word = |number: usize| u32::try_from(number).expect("a small number").to_le_bytes();
    bytes[at..at + 4].copy_from_slice(&word(MANIFEST + place));
    bytes[at + 4..at + 8].copy_from_slice(&word(length));
}

/// The attribute's value for an answer that begins `start` bytes into `image`.
pub fn letters(start: u16, image: &[u8]) -> String {
    let padding = SHORTEST.saturating_sub(image.len());
    let padding = std::iter::repeat_n(0, padding);
    let bytes = start
        .to_le_bytes()
        .into_iter()
        .chain(image.iter().copied())
        .chain(padding);
    bytes
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(b'a' + nibble))
        .collect()
}
