//! The hash of the program's indices: fast, not keyed.
//!
//! Only texts that a policy author wrote are inserted, so an attacker can at
//! most make a look-up walk to the next free slot of a table that is never more
//! than half full.

/// An odd constant with well mixed bits (2^64 divided by the golden ratio).
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// The hash of `text`.
pub(crate) fn hash(text: &[u8]) -> u32 {
    let (words, rest) = text.as_chunks::<8>();
    let mut state = text.len() as u64;
    for word in words {
        state = step(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    // The high half is the better mixed one after a multiplication.
    (step(state, u64::from_le_bytes(last)) >> 32) as u32
}

fn step(state: u64, word: u64) -> u64 {
    (state.rotate_left(5) ^ word).wrapping_mul(MIX)
}
