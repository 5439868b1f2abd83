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

use std::rc::Rc;

use claimbound_language::engine::Automaton;

use crate::budget::{Budget, Exceeded};
use dfa::Dfa;

/// A set of texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Texts(Rc<Dfa>);

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
        Self::of([text], false, budget)
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
        let mut done = Vec::new();
        let mut begun: Vec<(u32, Vec<Self>)> = vec![(0, Vec::new())];
        while let Some((state, ways)) = begun.pop() {
            let Some(piece) = pieces.get(ways.len()) else {
                if self.0.is_accepting(state) {
                    done.push(ways);
                }
                continue;
            };
            for (next, dfa) in self.0.ways_from(state, &piece.0, budget)? {
                let mut longer = ways.clone();
                longer.push(Self(Rc::new(dfa)));
                begun.push((next, longer));
            }
        }
        Ok(done)
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
