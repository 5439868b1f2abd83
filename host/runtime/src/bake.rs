//! Puts a program into the standard component, and documents beside it.
//!
//! The component is rewritten, not run: its one core module gets as many more
//! pages of memory as the program needs, the program as data behind everything
//! else, and the program's place in the slot that the guest reads. The same
//! input gives the same bytes.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what the rewriting does not touch is copied, whatever it is"
)]

use wasm_encoder::{ConstExpr, DataSection, Encode, MemorySection, MemoryType, RawSection};
use wasmparser::{DataKind, Operator, Parser, Payload};

/// The mark in front of the slot: see `guest/standard/src/program.rs`.
const MARK: &[u8; 24] = b"claimbound program slot\n";
/// A page of WebAssembly, in bytes.
const PAGE: u64 = 64 * 1024;
/// The most pages of a memory with 32-bit addresses: 4 GiB.
const MOST_PAGES: u64 = 64 * 1024;
/// The section of a module that says how many data segments there are.
const DATA_COUNT: u8 = 12;

/// The standard component of this release, without a program.
///
/// Built from `guest/standard` by `guest/build`; `standard.lock` beside it says
/// from which sources and by which compiler.
pub const STANDARD: &[u8] = include_bytes!("../standard.wasm");

/// A component that no program can be put into.
#[derive(Debug, thiserror::Error)]
pub enum BakeError {
    /// It is not a valid component.
    #[error("the component can't be read: {0}")]
    Unreadable(#[from] wasmparser::BinaryReaderError),
    /// It has no slot for a program, or more than one.
    #[error("the component has {found} slots for a program where it should have one")]
    Slots {
        /// How many there are.
        found: usize,
    },
    /// It holds modules and components inside each other without end.
    #[error("the component nests deeper than {DEEPEST} levels")]
    Nested,
    /// Its memory is not what the standard component has.
    #[error("the component's memory is not that of a standard component")]
    Memory,
    /// Component and program together pass 4 GiB.
    #[error("a program of {bytes} bytes does not fit the component's memory")]
    TooLarge {
        /// The program's length.
        bytes: usize,
    },
}

/// How deep components and modules may stand inside each other. Toolchains need
/// three or four levels; validating thousands takes minutes.
const DEEPEST: u32 = 16;

/// What a component is made of, each piece with how deep it stands: 1 for the
/// component's own. Ends in an error past [`DEEPEST`].
pub(crate) fn pieces(
    component: &[u8],
) -> impl Iterator<Item = Result<(u32, Payload<'_>), BakeError>> {
    let mut depth = 0_u32;
    Parser::new(0).parse_all(component).map(move |payload| {
        let payload = payload?;
        match &payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(BakeError::Nested);
        }
        Ok((depth, payload))
    })
}

/// The section of a component that holds the text of the document that it was
/// built from.
pub const DOCUMENT: &str = "claimbound:document";

/// A custom section to add: its name and its bytes.
pub type Section<'a> = (&'a str, &'a [u8]);

/// The component with `program` in it and `sections` behind it.
///
/// # Errors
/// [`BakeError`] where `component` is not one with a slot for a program.
pub fn bake(
    component: &[u8],
    program: &[u8],
    sections: &[Section<'_>],
) -> Result<Vec<u8>, BakeError> {
    let mut baked = wasm_encoder::Component::new();
    let mut slots = 0;
    for piece in pieces(component) {
        let (depth, payload) = piece?;
        // What stands deeper is copied with the section that it stands in.
        if depth != 1 {
            continue;
        }
        if let Payload::ModuleSection {
            unchecked_range, ..
        } = &payload
        {
            let (module, found) = fill(slice(component, unchecked_range)?, program)?;
            slots += found;
            baked.section(&RawSection {
                id: wasm_encoder::ComponentSectionId::CoreModule as u8,
                data: &module,
            });
        } else if let Some(section) = whole(component, &payload)? {
            baked.section(&section);
        }
    }
    if slots != 1 {
        return Err(BakeError::Slots { found: slots });
    }
    append(&mut baked, sections);
    Ok(baked.finish())
}

/// The component with `sections` behind everything else, in place of its own of
/// the same names. The same input gives the same bytes.
///
/// # Errors
/// [`BakeError::Unreadable`] where the bytes are no component.
pub fn attach(component: &[u8], sections: &[Section<'_>]) -> Result<Vec<u8>, BakeError> {
    let mut attached = wasm_encoder::Component::new();
    for piece in pieces(component) {
        let (depth, payload) = piece?;
        let is_replaced = match &payload {
            Payload::CustomSection(own) => sections.iter().any(|(name, _)| *name == own.name()),
            _ => false,
        };
        if depth != 1 || is_replaced {
            continue;
        }
        if let Some(section) = whole(component, &payload)? {
            attached.section(&section);
        }
    }
    append(&mut attached, sections);
    Ok(attached.finish())
}

fn append(component: &mut wasm_encoder::Component, sections: &[Section<'_>]) {
    for (name, data) in sections {
        component.section(&wasm_encoder::CustomSection {
            name: (*name).into(),
            data: (*data).into(),
        });
    }
}

/// A section of a component as it is, with all that is inside it; none of a
/// payload that is no section.
fn whole<'a>(
    component: &'a [u8],
    payload: &Payload<'_>,
) -> Result<Option<RawSection<'a>>, BakeError> {
    use wasm_encoder::ComponentSectionId as Id;
    let section = match payload {
        Payload::ModuleSection {
            unchecked_range, ..
        } => Some((Id::CoreModule as u8, unchecked_range.clone())),
        Payload::ComponentSection {
            unchecked_range, ..
        } => Some((Id::Component as u8, unchecked_range.clone())),
        other => other.as_section(),
    };
    let raw = section.map(|(id, range)| {
        let data = slice(component, &range)?;
        Ok(RawSection { id, data })
    });
    raw.transpose()
}

/// The custom sections of a component, not those of the modules inside it.
///
/// # Errors
/// [`BakeError::Unreadable`] where the bytes are no component.
pub fn sections(component: &[u8]) -> Result<Vec<Section<'_>>, BakeError> {
    let mut sections = Vec::new();
    for piece in pieces(component) {
        if let (1, Payload::CustomSection(section)) = piece? {
            sections.push((section.name(), section.data()));
        }
    }
    Ok(sections)
}

fn slice<'a>(bytes: &'a [u8], range: &std::ops::Range<usize>) -> Result<&'a [u8], BakeError> {
    // The parser has seen the header of the section but not all of its bytes.
    bytes.get(range.clone()).ok_or(BakeError::Memory)
}

/// The module with the program in it, and how many slots were filled: a module
/// without one is left as it is.
fn fill(module: &[u8], program: &[u8]) -> Result<(Vec<u8>, usize), BakeError> {
    let mut filled = wasm_encoder::Module::new();
    let mut place = None;
    let mut slots = 0;
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::MemorySection(memories) => {
                let mut section = MemorySection::new();
                for memory in memories {
                    let (memory, end) = grown(memory?, program.len())?;
                    place = Some(end);
                    section.memory(memory);
                }
                filled.section(&section);
            }
            Payload::DataCountSection { count, .. } => {
                let mut data = Vec::new();
                count.saturating_add(1).encode(&mut data);
                filled.section(&RawSection {
                    id: DATA_COUNT,
                    data: &data,
                });
            }
            Payload::DataSection(segments) => {
                let place = place.ok_or(BakeError::Memory)?;
                let mut section = DataSection::new();
                for segment in segments {
                    let segment = segment?;
                    let mut data = segment.data.to_vec();
                    slots += point(&mut data, place, program.len())?;
                    section.active(0, &offset(&segment)?, data);
                }
                section.active(0, &constant(place), program.iter().copied());
                filled.section(&section);
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    filled.section(&RawSection {
                        id,
                        data: slice(module, &range)?,
                    });
                }
            }
        }
    }
    if slots == 0 {
        return Ok((module.to_vec(), 0));
    }
    Ok((filled.finish(), slots))
}

/// The memory with room for `length` bytes more, and where they start.
fn grown(memory: wasmparser::MemoryType, length: usize) -> Result<(MemoryType, u32), BakeError> {
    if memory.memory64 || memory.shared || memory.page_size_log2.is_some() {
        return Err(BakeError::Memory);
    }
    let too_large = BakeError::TooLarge { bytes: length };
    let pages = (length as u64).div_ceil(PAGE);
    let minimum = memory.initial.saturating_add(pages);
    let place = memory.initial.checked_mul(PAGE);
    match place.and_then(|place| u32::try_from(place).ok()) {
        Some(place) if minimum <= MOST_PAGES => Ok((
            MemoryType {
                minimum,
                maximum: memory.maximum.map(|maximum| maximum.saturating_add(pages)),
                memory64: false,
                shared: false,
                page_size_log2: None,
            },
            place,
        )),
        _ => Err(too_large),
    }
}

/// Writes the program's place behind each mark in `data`; how many there were.
fn point(data: &mut [u8], place: u32, length: usize) -> Result<usize, BakeError> {
    let length = u32::try_from(length).map_err(|_| BakeError::TooLarge { bytes: length })?;
    let mut found = 0;
    let mut from = 0;
    while let Some(at) = data
        .get(from..)
        .and_then(|rest| rest.windows(MARK.len()).position(|window| window == MARK))
    {
        let slot = from + at + MARK.len();
        let Some(words) = data.get_mut(slot..slot + 8) else {
            return Err(BakeError::Memory);
        };
        let (first, second) = words.split_at_mut(4);
        first.copy_from_slice(&place.to_le_bytes());
        second.copy_from_slice(&length.to_le_bytes());
        found += 1;
        from = slot + 8;
    }
    Ok(found)
}

/// The constant offset of an active segment of the first memory.
fn offset(segment: &wasmparser::Data<'_>) -> Result<ConstExpr, BakeError> {
    let DataKind::Active {
        memory_index: 0,
        offset_expr,
    } = &segment.kind
    else {
        return Err(BakeError::Memory);
    };
    match offset_expr.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(ConstExpr::i32_const(value)),
        _ => Err(BakeError::Memory),
    }
}

fn constant(place: u32) -> ConstExpr {
    // WebAssembly's constants are written signed; the bits are the address.
    ConstExpr::i32_const(place.cast_signed())
}
