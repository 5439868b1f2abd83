//! The program that was baked into this component, and where it lies.
//!
//! `claimbound build` finds [`SLOT`] by its mark in the component's data, and
//! writes the place and the length of the program behind it.

use core::sync::atomic::{AtomicU32, Ordering};

use claimbound_engine::Program;

use crate::contract::claimbound::policy::types::Failure;

/// A mark that nothing else contains, and the program's place and length in
/// bytes. `claimbound::bake` knows this layout.
#[repr(C)]
struct Slot {
    mark: [u8; 24],
    place: AtomicU32,
    length: AtomicU32,
}

/// Atomic only so that the compiler takes its values from memory.
#[used]
static SLOT: Slot = Slot {
    mark: *b"claimbound program slot\n",
    place: AtomicU32::new(0),
    length: AtomicU32::new(0),
};

/// The program.
///
/// # Errors
/// A failure where none was baked in, or it is not of this format.
pub(crate) fn open() -> Result<Program<'static>, Failure> {
    let place = SLOT.place.load(Ordering::Relaxed);
    if place == 0 || SLOT.mark.first() != Some(&b'c') {
        return Err(Failure {
            code: "policy.empty".to_owned(),
            message: "no program was baked into this component".to_owned(),
        });
    }
    Program::open(bytes(place, SLOT.length.load(Ordering::Relaxed))).map_err(super::failure)
}

#[cfg(target_arch = "wasm32")]
fn bytes(place: u32, length: u32) -> &'static [u8] {
    // SAFETY: the bake step put `length` bytes of data at `place`, behind
    // everything that the linker laid out and inside the memory's initial
    // size, and nothing writes there: the arena only takes pages that it grows
    // itself. A slot that lies makes the module trap, inside its own sandbox.
    #[expect(unsafe_code, reason = "a place in linear memory becomes a slice")]
    unsafe {
        core::slice::from_raw_parts(place as *const u8, length as usize)
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn bytes(_place: u32, _length: u32) -> &'static [u8] {
    &[]
}
