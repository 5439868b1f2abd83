//! Complete deterministic automata over bytes, kept as small as can be.

use std::collections::{BTreeSet, HashMap};

use claimbound_language::engine::Automaton;
use foldhash::fast::RandomState;

use crate::budget::{Budget, Exceeded};

/// Bytes, all of them.
const BYTES: usize = 256;

/// The smallest automaton of its language. It starts in state 0.
///
/// INVARIANT: rows are as wide as there are classes, and lead to its own states;
/// states are in the order in which a search by classes finds them, and classes
/// in that of their first bytes; no two states, and no two classes, behave alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Dfa {
    classes: Box<[u8; BYTES]>,
    width: usize,
    /// Where each state goes on each class, row by row.
    table: Vec<u32>,
    accepting: Vec<bool>,
}

/// An automaton as it was found: any number of states may behave alike.
struct Raw {
    classes: Box<[u8; BYTES]>,
    width: usize,
    rows: Vec<Vec<u32>>,
    accepting: Vec<bool>,
}

impl Dfa {
    /// Accepts nothing.
    pub(super) fn none() -> Self {
        Self {
            classes: Box::new([0; BYTES]),
            width: 1,
            table: vec![0],
            accepting: vec![false],
        }
    }

    /// Accepts all of UTF-8 (RFC 3629 §4).
    pub(super) fn utf8() -> Self {
        const DEAD: u32 = 8;
        // Begin; one, two or three bytes to follow; and, of the first that
        // follows, those after E0, ED, F0 and F4, which are bounded.
        let next = |state: u32, byte: u8| match (state, byte) {
            (0, 0x00..=0x7f) | (1, 0x80..=0xbf) => 0,
            (0, 0xc2..=0xdf) | (2, 0x80..=0xbf) | (4, 0xa0..=0xbf) | (5, 0x80..=0x9f) => 1,
            (0, 0xe1..=0xec | 0xee..=0xef)
            | (3, 0x80..=0xbf)
            | (6, 0x90..=0xbf)
            | (7, 0x80..=0x8f) => 2,
            (0, 0xf1..=0xf3) => 3,
            (0, 0xe0) => 4,
            (0, 0xed) => 5,
            (0, 0xf0) => 6,
            (0, 0xf4) => 7,
            _ => DEAD,
        };
        let mut accepting = vec![false; 9];
        if let Some(first) = accepting.first_mut() {
            *first = true;
        }
        let raw = Raw::by(accepting, next);
        // INVARIANT: nine states take fewer steps than that.
        raw.smallest(&Budget::new(Budget::USUAL))
            .unwrap_or_else(|Exceeded| Self::none())
    }

    /// Accepts these texts, in any ASCII case where that is folded.
    pub(super) fn of(
        texts: impl IntoIterator<Item = impl AsRef<str>>,
        folds: bool,
        budget: &Budget,
    ) -> Result<Self, Exceeded> {
        // A tree of the texts, with the dead state at 1.
        let mut next: Vec<HashMap<u8, u32>> = vec![HashMap::new(), HashMap::new()];
        let mut accepting = vec![false, false];
        for text in texts {
            let text = text.as_ref();
            budget.take(count(text.len()) + 1)?;
            let mut at = 0_u32;
            for byte in text.bytes() {
                let byte = if folds {
                    byte.to_ascii_lowercase()
                } else {
                    byte
                };
                let new = number(next.len());
                let Some(here) = next.get_mut(index(at)) else {
                    return Err(Exceeded);
                };
                at = *here.entry(byte).or_insert(new);
                if at == new {
                    next.push(HashMap::new());
                    accepting.push(false);
                }
            }
            if let Some(last) = accepting.get_mut(index(at)) {
                *last = true;
            }
        }
        // One class for each byte that is used, and one for all others: there are
        // some, for no text has every byte.
        let mut classes = Box::new([0; BYTES]);
        let mut used: Numbered<u8> = Numbered::default();
        for byte in next.iter().flat_map(HashMap::keys) {
            used.number(*byte);
        }
        for (byte, place) in (0..=u8::MAX).zip(classes.iter_mut()) {
            let byte = if folds {
                byte.to_ascii_lowercase()
            } else {
                byte
            };
            let known = used.numbers.get(&byte).map(|number| number + 1);
            *place = known
                .and_then(|class| u8::try_from(class).ok())
                .unwrap_or(0);
        }
        let width = used.things.len() + 1;
        budget.take(count(next.len()).saturating_mul(count(width)))?;
        let row = |leads: &HashMap<u8, u32>| {
            let class = |class: u8| {
                let byte = used.things.get(usize::from(class).checked_sub(1)?)?;
                leads.get(byte).copied()
            };
            let classes = (0..=u8::MAX).take(width);
            classes.map(|one| class(one).unwrap_or(1)).collect()
        };
        let raw = Raw {
            rows: next.iter().map(row).collect(),
            classes,
            width,
            accepting,
        };
        raw.smallest_tree(budget)
    }

    /// Accepts what a program's automaton does.
    pub(super) fn accepted(automaton: &Automaton, budget: &Budget) -> Result<Self, Exceeded> {
        let states = automaton.states();
        budget.take(count(states).saturating_mul(count(BYTES)))?;
        // The start is to come first: the two change places.
        let start = automaton.start();
        let swapped = |state: u16| match state {
            0 => start,
            state if state == start => 0,
            state => state,
        };
        let accepting = (0..number(states))
            .map(|state| automaton.is_accepting(swapped(narrow(state))))
            .collect();
        let next = |state: u32, byte: u8| {
            let next = automaton.next(swapped(narrow(state)), byte);
            u32::from(swapped(next))
        };
        Raw::by(accepting, next).smallest(budget)
    }

    /// Accepts what `accepts` says of whether either does.
    pub(super) fn with(
        &self,
        other: &Self,
        accepts: impl Fn(bool, bool) -> bool,
        budget: &Budget,
    ) -> Result<Self, Exceeded> {
        let (classes, pairs) = self.classes_with(other);
        let (states, rows) = self.beside(other, 0, &pairs, budget)?;
        let accepts =
            |(one, two): &(u32, u32)| accepts(self.is_accepting(*one), other.is_accepting(*two));
        let raw = Raw {
            classes,
            width: pairs.len(),
            rows,
            accepting: states.iter().map(accepts).collect(),
        };
        raw.smallest(budget)
    }

    /// The pairs of states that both are in after one text, begun in `state` and
    /// in the other's first, and where each pair goes.
    fn beside(
        &self,
        other: &Self,
        state: u32,
        pairs: &[(u8, u8)],
        budget: &Budget,
    ) -> Result<Explored<(u32, u32)>, Exceeded> {
        let next = |(one, two): &(u32, u32), (first, second): &(u8, u8)| {
            (self.next(*one, *first), other.next(*two, *second))
        };
        explored((state, 0), pairs, |_| 1, next, budget)
    }

    /// Accepts what this one does followed by what the other does.
    pub(super) fn then(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        let (classes, pairs) = self.classes_with(other);
        // Where this one accepts, the other one begins.
        let begun = |state: u32, mut others: Vec<u32>| {
            if self.is_accepting(state) {
                others.push(0);
            }
            (state, as_set(others))
        };
        let next = |(state, others): &(u32, Vec<u32>), (first, second): &(u8, u8)| {
            let others = others.iter().map(|one| other.next(*one, *second));
            begun(self.next(*state, *first), others.collect())
        };
        let cost = |(_, others): &(u32, Vec<u32>)| count(others.len()) + 1;
        let (states, rows) = explored(begun(0, Vec::new()), &pairs, cost, next, budget)?;
        let accepts =
            |(_, others): &(u32, Vec<u32>)| others.iter().any(|one| other.is_accepting(*one));
        let raw = Raw {
            classes,
            width: pairs.len(),
            rows,
            accepting: states.iter().map(accepts).collect(),
        };
        raw.smallest(budget)
    }

    /// Accepts any number of texts that this one does, one after another.
    pub(super) fn repeated(&self, budget: &Budget) -> Result<Self, Exceeded> {
        let accepts = |states: &[u32]| states.iter().any(|state| self.is_accepting(*state));
        // Where it accepts, it begins again. The first accepts whatever it does.
        let begun = |mut states: Vec<u32>| {
            if accepts(&states) {
                states.push(0);
            }
            as_set(states)
        };
        let classes: Vec<u8> = (0..=u8::MAX).take(self.width).collect();
        let next = |(_, states): &(bool, Vec<u32>), class: &u8| {
            let states = states.iter().map(|state| self.next(*state, *class));
            (false, begun(states.collect()))
        };
        let cost = |(_, states): &(bool, Vec<u32>)| count(states.len()) + 1;
        let first = (true, begun(vec![0]));
        let (states, rows) = explored(first, &classes, cost, next, budget)?;
        let raw = Raw {
            classes: self.classes.clone(),
            width: self.width,
            rows,
            accepting: states
                .iter()
                .map(|(is_first, states)| *is_first || accepts(states))
                .collect(),
        };
        raw.smallest(budget)
    }

    /// Accepts what this one does with some bytes spelt as these texts are; texts
    /// of other bytes are as they were.
    pub(super) fn spelt(&self, by: &[(u8, &[u8])], budget: &Budget) -> Result<Self, Exceeded> {
        // Where it is, and how far it has read in which spelling; none is begun
        // where nothing of it has been read.
        type At = (u32, usize, usize);
        let next = |at: &At, byte: u8| -> Vec<At> {
            let (state, spelling, read) = *at;
            let (begun, own) = if read > 0 {
                (spelling..spelling + 1, None)
            } else {
                let is_spelt = by.iter().any(|(from, _)| *from == byte);
                let own = (!is_spelt).then(|| (self.after(state, byte), 0, 0));
                (0..by.len(), own)
            };
            let further = begun.filter_map(|spelling| {
                let (from, text) = by.get(spelling)?;
                let after = if text.len() == read + 1 {
                    (self.after(state, *from), 0, 0)
                } else {
                    (state, spelling, read + 1)
                };
                (text.get(read) == Some(&byte)).then_some(after)
            });
            own.into_iter().chain(further).collect()
        };
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        let follow = |places: &Vec<At>, byte: &u8| {
            let places = places.iter().flat_map(|at| next(at, *byte));
            let mut places: Vec<At> = places.collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let cost = |places: &Vec<At>| count(places.len()) + 1;
        let (states, rows) = explored(vec![(0, 0, 0)], &bytes, cost, follow, budget)?;
        let accepts = |at: &At| at.2 == 0 && self.is_accepting(at.0);
        let mut classes = Box::new([0; BYTES]);
        for (place, byte) in classes.iter_mut().zip(bytes) {
            *place = byte;
        }
        let raw = Raw {
            classes,
            width: BYTES,
            rows,
            accepting: states
                .iter()
                .map(|places| places.iter().any(accepts))
                .collect(),
        };
        raw.smallest(budget)
    }

    /// Accepts the texts of which this one does what [`Dfa::spelt`] makes of them.
    pub(super) fn read(&self, by: &[(u8, &[u8])], budget: &Budget) -> Result<Self, Exceeded> {
        budget.take(count(self.states()).saturating_mul(count(BYTES)))?;
        let next = |state: u32, byte: u8| {
            let spelt = by.iter().find(|(from, _)| *from == byte);
            let text = spelt.map_or(std::slice::from_ref(&byte), |(_, text)| *text);
            text.iter()
                .fold(state, |state, byte| self.after(state, *byte))
        };
        let accepting = (0..number(self.states())).map(|state| self.is_accepting(state));
        Raw::by(accepting.collect(), next).smallest(budget)
    }

    /// Accepts what this one does once it has come to a state.
    pub(super) fn beginning_in(&self, state: u32, budget: &Budget) -> Result<Self, Exceeded> {
        let classes: Vec<u8> = (0..=u8::MAX).take(self.width).collect();
        let next = |state: &u32, class: &u8| self.next(*state, *class);
        let (states, rows) = explored(state, &classes, |_| 1, next, budget)?;
        let accepting = states.iter().map(|state| self.is_accepting(*state));
        let raw = Raw {
            classes: self.classes.clone(),
            width: self.width,
            rows,
            accepting: accepting.collect(),
        };
        raw.smallest(budget)
    }

    /// The states that this one may be in after a text of `piece`, begun in `state`,
    /// and that can still accept.
    pub(super) fn ends(
        &self,
        state: u32,
        piece: &Self,
        budget: &Budget,
    ) -> Result<Vec<u32>, Exceeded> {
        let (_, pairs) = self.classes_with(piece);
        let is_dead = |(one, two): (u32, u32)| self.is_dead(one) || piece.is_dead(two);
        let mut found: Numbered<(u32, u32)> = Numbered::default();
        found.number((state, 0));
        let mut at = 0;
        while let Some((one, two)) = found.get(at) {
            at += 1;
            budget.take(count(pairs.len()) + 1)?;
            // What leads on to nothing is not followed.
            if !is_dead((one, two)) {
                for (first, second) in &pairs {
                    found.number((self.next(one, *first), piece.next(two, *second)));
                }
            }
        }
        Ok(self.ends_among(&found.things, piece))
    }

    fn ends_among(&self, states: &[(u32, u32)], piece: &Self) -> Vec<u32> {
        let ends = states.iter();
        let ends = ends.filter(|(one, two)| !self.is_dead(*one) && piece.is_accepting(*two));
        as_set(ends.map(|(one, _)| *one).collect())
    }

    /// For each of the `wanted` states that this one may be in after a text of
    /// `piece`, begun in `state`: the texts of `piece` that lead there.
    pub(super) fn ways_from(
        &self,
        state: u32,
        piece: &Self,
        wanted: &BTreeSet<u32>,
        budget: &Budget,
    ) -> Result<Vec<(u32, Self)>, Exceeded> {
        let (classes, pairs) = self.classes_with(piece);
        let (states, rows) = self.beside(piece, state, &pairs, budget)?;
        let mut ends = self.ends_among(&states, piece);
        ends.retain(|end| wanted.contains(end));
        let mut ways = Vec::with_capacity(ends.len());
        for end in ends {
            let accepts = |(one, two): &(u32, u32)| *one == end && piece.is_accepting(*two);
            let raw = Raw {
                classes: classes.clone(),
                width: pairs.len(),
                rows: rows.clone(),
                accepting: states.iter().map(accepts).collect(),
            };
            budget.take(count(rows.len()).saturating_mul(count(pairs.len())))?;
            ways.push((end, raw.smallest(budget)?));
        }
        Ok(ways)
    }

    /// Classes as fine as those of both, and the pair that each stands for.
    fn classes_with(&self, other: &Self) -> (Box<[u8; BYTES]>, Vec<(u8, u8)>) {
        let mut pairs: Numbered<(u8, u8)> = Numbered::default();
        let mut classes = Box::new([0; BYTES]);
        let both = self.classes.iter().zip(other.classes.iter());
        for (place, (one, two)) in classes.iter_mut().zip(both) {
            // There are no more classes than bytes.
            *place = u8::try_from(pairs.number((*one, *two))).unwrap_or(u8::MAX);
        }
        (classes, pairs.things)
    }

    /// The first byte of each class, in the order of these bytes.
    pub(super) fn firsts(&self, bytes: &[u8]) -> Vec<u8> {
        let mut seen = [false; BYTES];
        let is_first = |byte: &u8| {
            let class = self.classes.get(usize::from(*byte)).copied();
            let seen = seen.get_mut(usize::from(class.unwrap_or(0)));
            seen.is_some_and(|seen| !std::mem::replace(seen, true))
        };
        bytes.iter().copied().filter(is_first).collect()
    }

    pub(super) fn is_accepting(&self, state: u32) -> bool {
        self.accepting.get(index(state)).copied().unwrap_or(false)
    }

    fn next(&self, state: u32, class: u8) -> u32 {
        let cell = index(state) * self.width + usize::from(class);
        self.table.get(cell).copied().unwrap_or(0)
    }

    /// Where a state goes on a byte.
    pub(super) fn after(&self, state: u32, byte: u8) -> u32 {
        let class = self.classes.get(usize::from(byte)).copied();
        self.next(state, class.unwrap_or(0))
    }

    pub(super) fn accepts(&self, text: &[u8]) -> bool {
        let end = text.iter().fold(0, |state, byte| self.after(state, *byte));
        self.is_accepting(end)
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.accepting.contains(&true)
    }

    /// How many states there are.
    pub(super) fn states(&self) -> usize {
        self.accepting.len()
    }

    /// Whether it accepts one text, or none: no state leads on by two bytes, and
    /// none accepts before the last.
    pub(super) fn is_chain(&self) -> bool {
        let mut state = 0;
        // It is as small as can be: a text of one has no state twice.
        for _ in 0..self.states() {
            let leads_on = |byte: &u8| !self.is_dead(self.after(state, *byte));
            let mut bytes = (0..=u8::MAX).filter(leads_on);
            match (bytes.next(), bytes.next(), self.is_accepting(state)) {
                (None, _, _) => return true,
                (Some(byte), None, false) => state = self.after(state, byte),
                (Some(_), _, _) => return false,
            }
        }
        false
    }

    /// Whether nothing is accepted from here on: the smallest automaton has at
    /// most one such state, which leads to itself alone.
    pub(super) fn is_dead(&self, state: u32) -> bool {
        let from = index(state) * self.width;
        let row = self.table.get(from..from + self.width);
        !self.is_accepting(state) && row.is_some_and(|row| row.iter().all(|next| *next == state))
    }
}

impl Raw {
    /// As many states as `accepting` speaks of, which go where `next` says.
    fn by(accepting: Vec<bool>, next: impl Fn(u32, u8) -> u32) -> Self {
        let states = number(accepting.len());
        // Bytes by which every state goes the same way are one class.
        let mut columns: Numbered<Vec<u32>> = Numbered::default();
        let mut classes = Box::new([0; BYTES]);
        for (byte, place) in (0..=u8::MAX).zip(classes.iter_mut()) {
            let column = (0..states).map(|state| next(state, byte)).collect();
            *place = u8::try_from(columns.number(column)).unwrap_or(u8::MAX);
        }
        let row = |state: usize| {
            let columns = columns.things.iter();
            let cells = columns.filter_map(|column| column.get(state).copied());
            cells.collect()
        };
        Self {
            width: columns.things.len(),
            rows: (0..accepting.len()).map(row).collect(),
            classes,
            accepting,
        }
    }

    /// The smallest automaton of the same language: states that can't be told
    /// apart become one (Moore), and those that nothing leads to go.
    fn smallest(self, budget: &Budget) -> Result<Dfa, Exceeded> {
        budget.take(count(self.rows.len()).saturating_mul(count(self.width) + 1))?;
        let mut groups = self.by_distance();
        let mut known = 0;
        loop {
            budget.take(count(self.rows.len()).saturating_mul(count(self.width) + 1))?;
            let of = |state: &u32| groups.get(index(*state)).copied().unwrap_or(0);
            // What tells states apart, one after another: own group, and those
            // that it leads to.
            let mut told: Vec<u32> = Vec::with_capacity(groups.len() * (self.width + 1));
            for (row, own) in self.rows.iter().zip(&groups) {
                told.push(*own);
                told.extend(row.iter().map(of));
            }
            let mut found: Numbered<&[u32]> = Numbered::default();
            let told = told.chunks_exact(self.width + 1);
            let next: Vec<u32> = told.map(|one| found.number(one)).collect();
            let count = found.things.len();
            groups = next;
            if count == known {
                break;
            }
            known = count;
        }
        self.grouped(&groups, budget)
    }

    /// Groups of states that are told apart by how far they are from a state that
    /// accepts, and from one that does not: in what comes of a text or two, few are
    /// left to be told apart otherwise.
    fn by_distance(&self) -> Vec<u32> {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.rows.len()];
        for (state, row) in self.rows.iter().enumerate() {
            for next in row {
                if let Some(before) = before.get_mut(index(*next)) {
                    before.push(state);
                }
            }
        }
        let mut found: Numbered<(u32, u32)> = Numbered::default();
        let [to_yes, to_no] = [true, false].map(|accepts| self.distances(accepts, &before));
        let both = to_yes.into_iter().zip(to_no);
        both.map(|both| found.number(both)).collect()
    }

    /// How far each state is from one that accepts, or that does not.
    fn distances(&self, accepts: bool, before: &[Vec<usize>]) -> Vec<u32> {
        let start = |one: &bool| if *one == accepts { 0 } else { u32::MAX };
        let mut distances: Vec<u32> = self.accepting.iter().map(start).collect();
        let states = self.accepting.iter().enumerate();
        let starts = states.filter(|(_, one)| **one == accepts);
        let mut reached: Vec<usize> = starts.map(|(state, _)| state).collect();
        let mut at = 0;
        while let Some(state) = reached.get(at).copied() {
            at += 1;
            let own = distances.get(state).copied().unwrap_or(0);
            for earlier in before.get(state).into_iter().flatten() {
                if let Some(distance @ &mut u32::MAX) = distances.get_mut(*earlier) {
                    *distance = own.saturating_add(1);
                    reached.push(*earlier);
                }
            }
        }
        distances
    }

    /// The same of a tree: each state leads to later ones alone and to the dead
    /// one, which is 1.
    fn smallest_tree(self, budget: &Budget) -> Result<Dfa, Exceeded> {
        budget.take(count(self.rows.len()).saturating_mul(count(self.width) + 1))?;
        let mut groups: Vec<u32> = vec![0; self.rows.len()];
        let mut found: Numbered<Vec<u32>> = Numbered::default();
        found.number(vec![0; self.width + 1]);
        let states = self.rows.iter().zip(&self.accepting).enumerate();
        for (state, (row, accepts)) in states.rev() {
            let of = |state: &u32| groups.get(index(*state)).copied().unwrap_or(0);
            let own = std::iter::once(u32::from(*accepts));
            let group = found.number(own.chain(row.iter().map(of)).collect());
            if let Some(place) = groups.get_mut(state) {
                *place = group;
            }
        }
        self.grouped(&groups, budget)
    }

    /// One state for each group, as a search from the first finds them.
    fn grouped(&self, groups: &[u32], budget: &Budget) -> Result<Dfa, Exceeded> {
        let of = |state: u32| groups.get(index(state)).copied().unwrap_or(0);
        let mut member: HashMap<u32, usize, RandomState> = HashMap::default();
        for (state, group) in groups.iter().enumerate() {
            member.entry(*group).or_insert(state);
        }
        let row_of = |group: u32| {
            let state = member.get(&group).copied().unwrap_or(0);
            (self.rows.get(state), self.accepting.get(state))
        };
        // Classes that behave alike in what is left become one, in the order of
        // their first bytes.
        let mut reached: Numbered<u32> = Numbered::default();
        reached.number(of(0));
        let mut at = 0;
        while let Some(group) = reached.get(at) {
            budget.take(count(self.width))?;
            for next in row_of(group).0.into_iter().flatten() {
                reached.number(of(*next));
            }
            at += 1;
        }
        let column = |class: usize| -> Vec<u32> {
            let groups = reached.things.iter();
            let next = groups.filter_map(|group| row_of(*group).0?.get(class));
            next.map(|next| of(*next)).collect()
        };
        budget.take(count(reached.things.len()).saturating_mul(count(self.width)))?;
        let columns: Vec<Vec<u32>> = (0..self.width).map(column).collect();
        let mut merged: Numbered<&[u32]> = Numbered::default();
        let mut classes = Box::new([0; BYTES]);
        for (place, class) in classes.iter_mut().zip(self.classes.iter()) {
            let column = columns.get(usize::from(*class));
            let column = column.map(Vec::as_slice).unwrap_or_default();
            *place = u8::try_from(merged.number(column)).unwrap_or(u8::MAX);
        }
        // Now that the classes have their order, so have the states.
        let place: HashMap<u32, usize, RandomState> =
            (reached.things.iter().copied()).zip(0..).collect();
        let mut order: Numbered<u32> = Numbered::default();
        order.number(of(0));
        let (mut table, mut accepting) = (Vec::new(), Vec::new());
        while let Some(group) = order.get(accepting.len()) {
            accepting.push(row_of(group).1.copied().unwrap_or(false));
            for column in &merged.things {
                let next = place.get(&group).and_then(|at| column.get(*at));
                table.push(order.number(next.copied().unwrap_or(group)));
            }
        }
        Ok(Dfa {
            classes,
            width: merged.things.len(),
            table,
            accepting,
        })
    }
}

/// What a search has found, in its order, and where each leads by each label.
type Explored<S> = (Vec<S>, Vec<Vec<u32>>);

/// Follows every label from whatever is found, beginning with `first`. Looking at
/// one takes so many steps for each label, and for itself.
fn explored<S: Clone + Eq + std::hash::Hash, L>(
    first: S,
    labels: &[L],
    cost: impl Fn(&S) -> u64,
    next: impl Fn(&S, &L) -> S,
    budget: &Budget,
) -> Result<Explored<S>, Exceeded> {
    let mut found = Numbered::default();
    found.number(first);
    let mut rows = Vec::new();
    while let Some(state) = found.get(rows.len()) {
        budget.take(cost(&state).saturating_mul(count(labels.len()) + 1))?;
        let row = labels.iter().map(|label| found.number(next(&state, label)));
        rows.push(row.collect());
    }
    Ok((found.things, rows))
}

/// States in order, each once.
fn as_set(mut states: Vec<u32>) -> Vec<u32> {
    states.sort_unstable();
    states.dedup();
    states
}

/// Things in the order in which they were found, each with its number. The hashes
/// are seeded, and no order depends on them.
struct Numbered<T> {
    numbers: HashMap<T, u32, RandomState>,
    things: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            numbers: HashMap::default(),
            things: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbered<T> {
    fn number(&mut self, thing: T) -> u32 {
        if let Some(known) = self.numbers.get(&thing) {
            return *known;
        }
        let new = number(self.things.len());
        self.things.push(thing.clone());
        self.numbers.insert(thing, new);
        new
    }

    fn get(&self, number: usize) -> Option<T> {
        self.things.get(number).cloned()
    }
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

/// A state's number. INVARIANT: a budget ends before there are 2^32 states.
fn number(state: usize) -> u32 {
    u32::try_from(state).unwrap_or(u32::MAX)
}

fn index(state: u32) -> usize {
    usize::try_from(state).unwrap_or(usize::MAX)
}

/// The number of a program's state, which has 16 bits.
fn narrow(state: u32) -> u16 {
    u16::try_from(state).unwrap_or(u16::MAX)
}
