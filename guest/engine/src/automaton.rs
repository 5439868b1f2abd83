//! Patterns as automata: a table that is walked one byte at a time.
//!
//! Whole-string by construction: an automaton accepts if it stands in an
//! accepting state after the last byte. There is nothing to anchor, nothing to
//! backtrack, and the time is that of the subject's length.

use crate::bytes::{Bytes, Span};
use crate::decision::Failure;

/// An automaton with more states or bytes than the format holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutomatonTooLarge;

impl core::fmt::Display for AutomatonTooLarge {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the automaton has more than 65,535 states")
    }
}

impl std::error::Error for AutomatonTooLarge {}

/// A complete deterministic automaton over bytes.
///
/// State 0 is dead: nothing leads out of it and it does not accept. States from
/// `first_accepting` on accept. All bytes of one class behave alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Automaton {
    start: u16,
    first_accepting: u16,
    classes: Box<[u8; 256]>,
    width: u16,
    /// `states × width` successors, row by row.
    table: Vec<u16>,
}

/// Before the table: start, first accepting state, width, a reserved word.
const HEADER: u32 = 8;

impl Automaton {
    /// An automaton from its rows: `rows[s][c]` is where state `s` goes on a
    /// byte of class `c`, and `accepting[s]` whether it accepts.
    ///
    /// States are renumbered so that a dead state is 0 and the accepting ones
    /// come last; equal languages in the same numbering give equal bytes.
    ///
    /// # Errors
    /// [`AutomatonTooLarge`] past 65,535 states, or where a row has not the
    /// width that the classes ask for or leads to a state that is not there.
    pub fn new(
        start: usize,
        classes: Box<[u8; 256]>,
        rows: &[Vec<usize>],
        accepting: &[bool],
    ) -> Result<Self, AutomatonTooLarge> {
        let width = usize::from(classes.iter().copied().max().unwrap_or(0)) + 1;
        let well_formed = rows.len() == accepting.len()
            && start < rows.len()
            && rows
                .iter()
                .all(|row| row.len() == width && row.iter().all(|next| *next < rows.len()));
        if !well_formed {
            return Err(AutomatonTooLarge);
        }
        let order = numbering(rows, accepting);
        let mut places = vec![0_u16; rows.len()];
        for (new, old) in order.iter().enumerate() {
            if let Some(place) = old.and_then(|old| places.get_mut(old)) {
                *place = u16::try_from(new).map_err(|_| AutomatonTooLarge)?;
            }
        }
        let at = |state: usize| places.get(state).copied().ok_or(AutomatonTooLarge);
        let mut table = Vec::with_capacity(order.len() * width);
        let mut first_accepting = u16::try_from(order.len()).map_err(|_| AutomatonTooLarge)?;
        for (new, old) in order.iter().enumerate() {
            match old.and_then(|old| rows.get(old).zip(accepting.get(old))) {
                None => table.extend(core::iter::repeat_n(0, width)),
                Some((row, accepts)) => {
                    if *accepts {
                        let new = u16::try_from(new).map_err(|_| AutomatonTooLarge)?;
                        first_accepting = first_accepting.min(new);
                    }
                    for next in row {
                        table.push(at(*next)?);
                    }
                }
            }
        }
        Ok(Self {
            start: at(start)?,
            first_accepting,
            classes,
            width: u16::try_from(width).map_err(|_| AutomatonTooLarge)?,
            table,
        })
    }

    /// Whether the automaton accepts the whole of `text`.
    pub fn accepts(&self, text: &[u8]) -> bool {
        let mut state = self.start;
        for byte in text {
            state = self.next(state, *byte);
        }
        state >= self.first_accepting
    }

    /// The state to start from.
    pub const fn start(&self) -> u16 {
        self.start
    }

    /// The number of states, the dead one among them.
    pub fn states(&self) -> usize {
        self.table.len() / usize::from(self.width)
    }

    /// Whether `state` accepts.
    pub const fn is_accepting(&self, state: u16) -> bool {
        state >= self.first_accepting
    }

    /// Where `state` goes on `byte`.
    pub fn next(&self, state: u16, byte: u8) -> u16 {
        let class = self
            .classes
            .get(usize::from(byte))
            .copied()
            .unwrap_or_default();
        let cell = usize::from(state) * usize::from(self.width) + usize::from(class);
        self.table.get(cell).copied().unwrap_or(0)
    }

    /// The class of each byte.
    pub fn classes(&self) -> &[u8; 256] {
        &self.classes
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER as usize + 256 + self.table.len() * 2);
        for word in [self.start, self.first_accepting, self.width, 0] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&*self.classes);
        for next in &self.table {
            bytes.extend_from_slice(&next.to_le_bytes());
        }
        bytes
    }
}

/// A state that accepts nothing and that nothing leads out of.
fn dead(rows: &[Vec<usize>], accepting: &[bool], state: usize) -> bool {
    accepting.get(state) == Some(&false)
        && rows
            .get(state)
            .is_some_and(|row| row.iter().all(|next| *next == state))
}

/// Old numbers in their new order; the first place is the dead state's.
fn numbering(rows: &[Vec<usize>], accepting: &[bool]) -> Vec<Option<usize>> {
    let alive = |accepts: bool| {
        (0..rows.len())
            .filter(move |state| accepting.get(*state) == Some(&accepts))
            .filter(|state| !dead(rows, accepting, *state))
            .map(Some)
    };
    core::iter::once(None)
        .chain(alive(false))
        .chain(alive(true))
        .collect()
}

/// Walks the automaton that lies at `span` of a program over `text`.
pub(crate) fn accepts(program: Bytes<'_>, span: Span, text: &[u8]) -> Result<bool, Failure> {
    const DAMAGED: Failure = Failure::program("an automaton of the program is damaged");
    let automaton = Bytes(program.slice(span)?);
    let (start, first_accepting, width) = (automaton.u16(0)?, automaton.u16(2)?, automaton.u16(4)?);
    let (classes, table) = automaton
        .0
        .get(HEADER as usize..)
        .and_then(|rest| rest.split_first_chunk::<256>())
        .ok_or(DAMAGED)?;
    let (cells, _) = table.as_chunks::<2>();
    let step = |state: u16, byte: u8| {
        let class = classes.get(usize::from(byte)).copied().unwrap_or_default();
        let cell = usize::from(state) * usize::from(width) + usize::from(class);
        cells.get(cell).map(|cell| u16::from_le_bytes(*cell))
    };
    let mut state = start;
    // Eight bytes to a turn: nothing leads out of the dead state, so that it is
    // enough to look for it now and then.
    let (chunks, rest) = text.as_chunks::<8>();
    for chunk in chunks {
        for byte in chunk {
            state = step(state, *byte).ok_or(DAMAGED)?;
        }
        if state == 0 {
            return Ok(false);
        }
    }
    for byte in rest {
        state = step(state, *byte).ok_or(DAMAGED)?;
    }
    Ok(state >= first_accepting)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a*b`, with its states in an order that has to be changed.
    fn a_star_b() -> Automaton {
        let mut classes = Box::new([0; 256]);
        classes[usize::from(b'a')] = 1;
        classes[usize::from(b'b')] = 2;
        let rows = [vec![2, 2, 2], vec![2, 1, 0], vec![2, 2, 2]];
        Automaton::new(1, classes, &rows, &[true, false, false]).unwrap()
    }

    #[test]
    fn an_automaton_accepts_whole_strings_only() {
        let automaton = a_star_b();
        let bytes = automaton.to_bytes();
        let span = Span {
            offset: 0,
            length: u32::try_from(bytes.len()).unwrap(),
        };
        for (text, expected) in [
            ("b", true),
            ("aaab", true),
            ("", false),
            ("aaa", false),
            ("aabx", false),
            ("xb", false),
        ] {
            assert_eq!(automaton.accepts(text.as_bytes()), expected, "{text}");
            assert_eq!(
                accepts(Bytes(&bytes), span, text.as_bytes()),
                Ok(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn a_damaged_automaton_is_a_failure() {
        let mut bytes = a_star_b().to_bytes();
        bytes.truncate(bytes.len() - 3);
        let span = Span {
            offset: 0,
            length: u32::try_from(bytes.len()).unwrap(),
        };
        assert!(accepts(Bytes(&bytes), span, b"bb").is_err());
    }
}
