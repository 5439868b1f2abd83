//! Sets of texts: regular languages and their algebra.
//!
//! Each set is the smallest complete automaton of its language over bytes, its
//! states numbered by distance and its bytes grouped as coarsely as can be: so
//! two sets are the same if and only if their automata are. Only sets of valid
//! UTF-8 are made, for a claim holds nothing else.

mod dfa;
mod example;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use claimbound_language::engine::Automaton;

use crate::budget::{Budget, Exceeded};
use dfa::Dfa;

/// A set of texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Texts(Rc<Dfa>);

/// How far into a set's texts a text has come: where two have come equally far,
/// they go on in the same ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place(u32);

/// Sets of one text: what stands between the parts of a subject, what forms are
/// called and what statements ask for is asked for again and again.
#[derive(Default)]
struct Kept(RefCell<HashMap<String, (Texts, u64)>>);

impl Kept {
    /// The most texts to keep, and the longest, in bytes.
    const MOST: usize = 1024;
    const LONGEST: usize = 256;

    /// The set of a text, which takes as many steps as if it were made anew.
    fn one(&self, text: &str, budget: &Budget) -> Result<Texts, Exceeded> {
        if let Some((texts, steps)) = self.0.borrow().get(text) {
            budget.take(*steps)?;
            return Ok(texts.clone());
        }
        let before = budget.left();
        let texts = Texts::of([text], false, budget)?;
        if text.len() <= Self::LONGEST {
            let mut kept = self.0.borrow_mut();
            if kept.len() >= Self::MOST {
                kept.clear();
            }
            kept.insert(text.to_owned(), (texts.clone(), before - budget.left()));
        }
        Ok(texts)
    }
}

/// How many texts there are in a set, as far as it is worth counting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// There is none.
    None,
    /// There is this one.
    One(String),
    /// There are more.
    More,
}

impl Texts {
    /// No text.
    pub fn none() -> Self {
        Self(Rc::new(Dfa::none()))
    }

    /// Every text.
    pub fn all() -> Self {
        thread_local! {
            static ALL: Texts = Texts(Rc::new(Dfa::utf8()));
        }
        ALL.with(Self::clone)
    }

    /// This text alone.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn one(text: &str, budget: &Budget) -> Result<Self, Exceeded> {
        thread_local! {
            static KEPT: Kept = Kept::default();
        }
        KEPT.with(|kept| kept.one(text, budget))
    }

    /// These texts; where case is folded, in any ASCII case.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn of(
        texts: impl IntoIterator<Item = impl AsRef<str>>,
        folds: bool,
        budget: &Budget,
    ) -> Result<Self, Exceeded> {
        Dfa::of(texts, folds, budget).map(|dfa| Self(Rc::new(dfa)))
    }

    /// The texts that a pattern of a policy accepts.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn accepted(automaton: &Automaton, budget: &Budget) -> Result<Self, Exceeded> {
        Dfa::accepted(automaton, budget)
            .map(|dfa| Self(Rc::new(dfa)))?
            .and(&Self::all(), budget)
    }

    /// The texts of both.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn and(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        if self == other || other.is_all() {
            return Ok(self.clone());
        }
        if self.is_all() {
            return Ok(other.clone());
        }
        self.with(other, |one, other| one && other, budget)
    }

    /// The texts of either.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn or(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        self.with(other, |one, other| one || other, budget)
    }

    /// The texts of this one that are not of the other.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn minus(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        if self.is_empty() || other.is_empty() {
            return Ok(self.clone());
        }
        self.with(other, |one, other| one && !other, budget)
    }

    /// The texts that are not of this one.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn complement(&self, budget: &Budget) -> Result<Self, Exceeded> {
        Self::all().minus(self, budget)
    }

    /// The texts of this one followed by those of the other.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn then(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        self.0.then(&other.0, budget).map(|dfa| Self(Rc::new(dfa)))
    }

    /// Any number of its texts, one after another, also none.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn repeated(&self, budget: &Budget) -> Result<Self, Exceeded> {
        self.0.repeated(budget).map(|dfa| Self(Rc::new(dfa)))
    }

    /// The ways in which a text of this set can be made of these pieces, one
    /// after another: for each way, a set for each piece. A text that is made so of
    /// pieces of theirs is made in one of the ways.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn split(
        &self,
        pieces: &[Self],
        budget: &Budget,
    ) -> Result<Vec<Vec<Self>>, Exceeded> {
        let useful = self.useful(pieces, budget)?;
        let mut done = Vec::new();
        let mut begun: Vec<(u32, Vec<Self>)> = Vec::new();
        if useful.front().is_some_and(|first| first.contains(&0)) {
            begun.push((0, Vec::new()));
        }
        while let Some((state, ways)) = begun.pop() {
            let after = useful.get(ways.len() + 1);
            let (Some(piece), Some(after)) = (pieces.get(ways.len()), after) else {
                done.push(ways);
                continue;
            };
            for (next, dfa) in self.0.ways_from(state, &piece.0, after, budget)? {
                let mut longer = ways.clone();
                longer.push(Self(Rc::new(dfa)));
                begun.push((next, longer));
            }
        }
        Ok(done)
    }

    /// Where a text of it begins.
    pub(crate) const fn beginning() -> Place {
        Place(0)
    }

    /// Where a text of this set may be after a text of `piece`, begun at `place`,
    /// if it can still become one of this set.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn places_after(
        &self,
        place: Place,
        piece: &Self,
        budget: &Budget,
    ) -> Result<Vec<Place>, Exceeded> {
        let ends = self.0.ends(place.0, &piece.0, budget)?;
        Ok(ends.into_iter().map(Place).collect())
    }

    /// Whether a text that ends here is one of this set.
    pub(crate) fn may_end(&self, place: Place) -> bool {
        self.0.is_accepting(place.0)
    }

    /// Whether a text of this set may go on from here in any way.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn is_open(&self, place: Place, budget: &Budget) -> Result<bool, Exceeded> {
        let rest = self.0.beginning_in(place.0, budget)?;
        Ok(rest == *Self::all().0)
    }

    /// Its texts with some ASCII characters spelt as these texts are.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn spelt(&self, by: &[(u8, &[u8])], budget: &Budget) -> Result<Self, Exceeded> {
        self.0.spelt(by, budget).map(|dfa| Self(Rc::new(dfa)))
    }

    /// The texts that are spelt so as one of this set.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn read(&self, by: &[(u8, &[u8])], budget: &Budget) -> Result<Self, Exceeded> {
        let read = self.0.read(by, budget)?;
        Self(Rc::new(read)).and(&Self::all(), budget)
    }

    /// For each piece the states that it may begin in, and at last those to end in,
    /// so that all pieces make a text of this set.
    fn useful(
        &self,
        pieces: &[Self],
        budget: &Budget,
    ) -> Result<VecDeque<BTreeSet<u32>>, Exceeded> {
        let mut leads = Vec::with_capacity(pieces.len());
        let mut begins = BTreeSet::from([0]);
        for piece in pieces {
            let mut ends_of = Vec::with_capacity(begins.len());
            for state in &begins {
                ends_of.push((*state, self.0.ends(*state, &piece.0, budget)?));
            }
            begins = ends_of.iter().flat_map(|(_, ends)| ends).copied().collect();
            leads.push(ends_of);
        }
        begins.retain(|state| self.0.is_accepting(*state));
        let mut useful = VecDeque::from([begins]);
        for ends_of in leads.iter().rev() {
            let is_wanted = |end| useful.front().is_some_and(|after| after.contains(end));
            let begins = ends_of
                .iter()
                .filter(|(_, ends)| ends.iter().any(is_wanted));
            let begins = begins.map(|(state, _)| *state).collect();
            useful.push_front(begins);
        }
        Ok(useful)
    }

    fn with(
        &self,
        other: &Self,
        accepts: impl Fn(bool, bool) -> bool,
        budget: &Budget,
    ) -> Result<Self, Exceeded> {
        let dfa = self.0.with(&other.0, accepts, budget)?;
        Ok(Self(Rc::new(dfa)))
    }

    /// Whether there is no text in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every text is in it.
    pub fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// Whether this text is in it.
    pub fn contains(&self, text: &str) -> bool {
        self.0.accepts(text.as_bytes())
    }

    /// Whether each of its texts is in the other.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn is_within(&self, other: &Self, budget: &Budget) -> Result<bool, Exceeded> {
        Ok(self.minus(other, budget)?.is_empty())
    }

    /// A shortest text of it that is not empty, the most readable of those; the
    /// empty one where there is no other, and none where there is no text at all.
    pub fn example(&self) -> Option<String> {
        example::shortest(&self.0)
    }

    /// How many texts there are.
    pub fn size(&self) -> Size {
        match self.example() {
            None => Size::None,
            Some(text) if self.0.is_chain() => Size::One(text),
            Some(_) => Size::More,
        }
    }
}
