//! Pairs of statements that may have a token in common: those that do not ask for
//! different texts in one place.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use claimbound_language::engine::model::{Effect, Literal, Source, Statement, Test};

use crate::budget::{Budget, Exceeded};
use crate::known::written_out;

/// The texts that a statement asks for one by one, in lower case, by what it asks:
/// a trust takes no token without one of them there, a forbid none with another
/// text there.
type Pinned = BTreeMap<Source, BTreeSet<String>>;

/// The statements about one issuer, found by what they pin.
pub(crate) struct Pairs {
    statements: Vec<Asked>,
    /// Who pins this text there.
    by_text: HashMap<Source, HashMap<String, Vec<usize>>>,
    /// Who pins nothing there.
    open: HashMap<Source, Vec<usize>>,
}

struct Asked {
    is_trust: bool,
    pinned: Pinned,
}

impl Pairs {
    pub(crate) fn of<S: Borrow<Statement>>(statements: impl IntoIterator<Item = S>) -> Self {
        let statements = statements.into_iter();
        let statements: Vec<Asked> = statements.map(|one| Asked::of(one.borrow())).collect();
        let mut by_text: HashMap<Source, HashMap<String, Vec<usize>>> = HashMap::new();
        for (place, asked) in statements.iter().enumerate() {
            for (source, texts) in &asked.pinned {
                let by_text = by_text.entry(*source).or_default();
                for text in texts {
                    by_text.entry(text.clone()).or_default().push(place);
                }
            }
        }
        let who_is_open = |source: &Source| {
            let places = statements.iter().enumerate();
            let open = places.filter(|(_, asked)| !asked.pinned.contains_key(source));
            (*source, open.map(|(place, _)| place).collect())
        };
        let open = by_text.keys().map(who_is_open).collect();
        Self {
            statements,
            by_text,
            open,
        }
    }

    /// The places of those that may have a token in common with the statement at
    /// `place`, in order, itself left out.
    ///
    /// # Errors
    /// [`Exceeded`]: there are too many to look at.
    pub(crate) fn with(&self, place: usize, budget: &Budget) -> Result<Vec<usize>, Exceeded> {
        let Some(own) = self.statements.get(place) else {
            return Ok(Vec::new());
        };
        let candidates = self.candidates(own, budget)?;
        let meets = |other: &usize| {
            let asked = self.statements.get(*other);
            *other != place && asked.is_some_and(|asked| !own.is_apart_from(asked))
        };
        Ok(candidates.into_iter().filter(meets).collect())
    }

    /// Those that the most telling of what a statement pins does not keep apart.
    fn candidates(&self, own: &Asked, budget: &Budget) -> Result<Vec<usize>, Exceeded> {
        let all = self.statements.len();
        let mut fewest: Option<(usize, Source)> = None;
        for (source, texts) in own.pinned.iter().filter(|_| own.is_trust) {
            budget.take(count(texts.len()))?;
            let size = self.open(*source).len() + self.named(*source, texts).count();
            if size < fewest.map_or(all, |(size, _)| size) {
                fewest = Some((size, *source));
            }
        }
        budget.take(count(fewest.map_or(all, |(size, _)| size)))?;
        let Some((_, source)) = fewest else {
            return Ok((0..all).collect());
        };
        let named = own.pinned.get(&source).into_iter();
        let named = named.flat_map(|texts| self.named(source, texts));
        let found: BTreeSet<usize> = named.chain(self.open(source).iter().copied()).collect();
        Ok(found.into_iter().collect())
    }

    fn open(&self, source: Source) -> &[usize] {
        self.open.get(&source).map_or(&[], Vec::as_slice)
    }

    fn named<'a>(
        &'a self,
        source: Source,
        texts: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = usize> + 'a {
        let by_text = self.by_text.get(&source);
        let places = texts.iter().filter_map(move |text| by_text?.get(text));
        places.flatten().copied()
    }
}

impl Asked {
    fn of(statement: &Statement) -> Self {
        let mut pinned = Pinned::new();
        for condition in &statement.conditions {
            if let Some(texts) = texts_of(&condition.test) {
                pinned.entry(condition.source).or_insert(texts);
            }
        }
        Self {
            is_trust: matches!(statement.effect, Effect::Trust(_)),
            pinned,
        }
    }

    /// Whether no token is of both. Where a text may be missing, two forbids are
    /// never taken for apart: without it, both apply.
    fn is_apart_from(&self, other: &Self) -> bool {
        let is_asked = self.is_trust || other.is_trust;
        let mut pinned = self.pinned.iter();
        pinned.any(|(source, texts)| {
            let is_there = matches!(source, Source::Subject | Source::Form);
            let others = other.pinned.get(source).filter(|_| is_asked || is_there);
            others.is_some_and(|others| texts.is_disjoint(others))
        })
    }
}

/// The texts one of which a test asks for, and nothing but a text.
fn texts_of(test: &Test) -> Option<BTreeSet<String>> {
    // Routes have one audience each.
    if let Test::AudienceIs(audience) = test {
        return Some(BTreeSet::from([audience.to_ascii_lowercase()]));
    }
    written_out(test)?.iter().map(folded).collect()
}

fn folded(literal: &Literal) -> Option<String> {
    match literal {
        Literal::Text(text) => Some(text.to_ascii_lowercase()),
        Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
    }
}

fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
