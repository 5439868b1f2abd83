//! A shortest text of a set, and the most readable of those.

use super::dfa::Dfa;

/// What reads best comes first: letters, digits, and what stands between them.
const READABLE: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-_./:@ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Every byte, the readable ones first, then the rest of ASCII that can be
/// printed, and then all others.
fn by_readability() -> Vec<u8> {
    let mut bytes = READABLE.to_vec();
    let printable = 0x20..=0x7e_u8;
    let rest = printable.chain(0x80..=0xff).chain(0..=0x1f).chain([0x7f]);
    bytes.extend(rest.filter(|byte| !READABLE.contains(byte)));
    bytes
}

/// A shortest accepted text, in bytes, and the empty one only where there is no
/// other; of those that are as short, the first by how readable its bytes are, from
/// the left.
pub(super) fn shortest(dfa: &Dfa) -> Option<String> {
    // Bytes of one class lead to the same states: the most readable is enough.
    let bytes = dfa.firsts(&by_readability());
    // How each state was reached first: from which, and by what. The beginning is
    // a place of its own, behind the states, which nothing leads to.
    let mut from: Vec<Option<(usize, u8)>> = vec![None; dfa.states()];
    let beginning = from.len();
    let mut found = vec![beginning];
    let mut at = 0;
    while let Some(place) = found.get(at).copied() {
        at += 1;
        // INVARIANT: places but the beginning are states.
        let state = u32::try_from(place).unwrap_or(0);
        let state = if place == beginning { 0 } else { state };
        if place != beginning && dfa.is_accepting(state) {
            return text(&from, place);
        }
        for byte in &bytes {
            let next = usize::try_from(dfa.after(state, *byte)).unwrap_or(beginning);
            if let Some(way @ None) = from.get_mut(next) {
                *way = Some((place, *byte));
                found.push(next);
            }
        }
    }
    dfa.is_accepting(0).then(String::new)
}

/// The text that led to a place.
fn text(from: &[Option<(usize, u8)>], mut place: usize) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some((before, byte)) = from.get(place).copied().flatten() {
        bytes.push(byte);
        place = before;
    }
    bytes.reverse();
    // INVARIANT: sets are of UTF-8.
    String::from_utf8(bytes).ok()
}
