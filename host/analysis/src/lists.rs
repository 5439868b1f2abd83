//! Sets of lists of texts: which texts a list has, and which it has not.

use std::collections::BTreeSet;

use crate::budget::{Budget, Exceeded};

/// A set of lists of texts, told apart by nothing but what is among them.
///
/// It is the union of its choices, of which each can be met: any texts may be
/// among a list's, and any may be missing.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    choices: Vec<Choice>,
}

/// Lists that have these texts among theirs, and not those.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Choice {
    has: BTreeSet<String>,
    lacks: BTreeSet<String>,
}

impl Choice {
    /// The lists of both; none where one has what the other lacks.
    fn and(&self, other: &Self) -> Option<Self> {
        let both = Self {
            has: &self.has | &other.has,
            lacks: &self.lacks | &other.lacks,
        };
        both.has.is_disjoint(&both.lacks).then_some(both)
    }

    /// Whether each list of the other is one of this.
    fn holds(&self, other: &Self) -> bool {
        self.has.is_subset(&other.has) && self.lacks.is_subset(&other.lacks)
    }

    fn accepts(&self, list: &[&str]) -> bool {
        let has = |text: &String| list.contains(&text.as_str());
        self.has.iter().all(has) && !self.lacks.iter().any(has)
    }

    /// The lists that are not of it: each has something that it lacks, or lacks
    /// something that it has.
    fn complement(&self) -> Lists {
        let only = |text: &String| BTreeSet::from([text.clone()]);
        let lack = self.has.iter().map(|text| Self {
            has: BTreeSet::new(),
            lacks: only(text),
        });
        let have = self.lacks.iter().map(|text| Self {
            has: only(text),
            lacks: BTreeSet::new(),
        });
        Lists {
            choices: lack.chain(have).collect(),
        }
    }
}

impl Lists {
    /// No list.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every list.
    pub fn all() -> Self {
        Self {
            choices: vec![Choice::default()],
        }
    }

    /// The lists with each of these texts among theirs.
    pub fn with_all(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let choice = Choice {
            has: texts
                .into_iter()
                .map(|text| text.as_ref().to_owned())
                .collect(),
            lacks: BTreeSet::new(),
        };
        Self {
            choices: vec![choice],
        }
    }

    /// Its choices, one of which each of its lists meets: the texts that are to be
    /// among a list's, and those that are not to be.
    pub(crate) fn choices(&self) -> impl Iterator<Item = (&BTreeSet<String>, &BTreeSet<String>)> {
        self.choices.iter().map(|one| (&one.has, &one.lacks))
    }

    /// The lists of both.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn and(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        let mut both = Self::none();
        for one in &self.choices {
            for another in &other.choices {
                both.add(one.and(another), budget)?;
            }
        }
        Ok(both)
    }

    /// The lists of either.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn or(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        let mut either = self.clone();
        for choice in &other.choices {
            either.add(Some(choice.clone()), budget)?;
        }
        Ok(either)
    }

    /// The lists of this one that are not of the other.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn minus(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        let mut rest = self.clone();
        for choice in &other.choices {
            rest = rest.and(&choice.complement(), budget)?;
        }
        Ok(rest)
    }

    /// Adds a choice that adds something, and drops those that it makes needless.
    fn add(&mut self, choice: Option<Choice>, budget: &Budget) -> Result<(), Exceeded> {
        let known = u64::try_from(self.choices.len()).unwrap_or(u64::MAX);
        budget.take(known.saturating_add(1))?;
        if let Some(choice) = choice
            && !self.choices.iter().any(|one| one.holds(&choice))
        {
            self.choices.retain(|one| !choice.holds(one));
            self.choices.push(choice);
        }
        Ok(())
    }

    /// Whether there is no list in it.
    pub fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }

    /// Whether a list is in it.
    pub fn contains(&self, list: &[&str]) -> bool {
        self.choices.iter().any(|choice| choice.accepts(list))
    }

    /// A shortest list of it; none where it is empty.
    pub fn example(&self) -> Option<Vec<String>> {
        let shortest = self.choices.iter().min_by_key(|choice| choice.has.len())?;
        Some(shortest.has.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORDS: [&str; 3] = ["a", "b", "c"];

    /// Every list that can be told apart by the words.
    fn every_list() -> Vec<Vec<&'static str>> {
        let some = |bits: usize| {
            let chosen = WORDS.iter().enumerate();
            let chosen = chosen.filter(|(place, _)| bits & (1 << place) != 0);
            chosen.map(|(_, word)| *word).collect()
        };
        (0..1 << WORDS.len()).map(some).collect()
    }

    /// What a set is made of: a list of words, and what is done with it.
    fn recipe() -> impl Strategy<Value = Vec<(Vec<&'static str>, u8)>> {
        let words = prop::sample::subsequence(&WORDS[..], 0..=3);
        prop::collection::vec((words, 0..3_u8), 1..4)
    }

    /// The set, and which of all lists are in it.
    fn made(recipe: &[(Vec<&'static str>, u8)]) -> (Lists, Vec<bool>) {
        let budget = Budget::default();
        let mut set = (Lists::all(), vec![true; every_list().len()]);
        for (words, how) in recipe {
            let next = Lists::with_all(words.iter().copied());
            let has = |list: &Vec<&str>| words.iter().all(|word| list.contains(word));
            let within: Vec<bool> = every_list().iter().map(has).collect();
            let zipped = |with: fn(bool, bool) -> bool| {
                let pairs = set.1.iter().zip(&within);
                pairs.map(|(one, other)| with(*one, *other)).collect()
            };
            set = match how {
                0 => (set.0.and(&next, &budget).unwrap(), zipped(|x, y| x && y)),
                1 => (set.0.or(&next, &budget).unwrap(), zipped(|x, y| x || y)),
                _ => (set.0.minus(&next, &budget).unwrap(), zipped(|x, y| x && !y)),
            };
        }
        set
    }

    fn in_set(lists: &Lists) -> Vec<bool> {
        let all = every_list();
        all.iter().map(|list| lists.contains(list)).collect()
    }

    proptest! {
        #[test]
        fn the_algebra_is_that_of_sets(one in recipe(), other in recipe()) {
            let budget = Budget::default();
            let ((a, x), (b, y)) = (made(&one), made(&other));
            prop_assert_eq!(in_set(&a), x.clone());
            let rest = a.minus(&b, &budget).unwrap();
            let expected: Vec<bool> = x.iter().zip(&y).map(|(x, y)| *x && !*y).collect();
            prop_assert_eq!(in_set(&rest), expected.clone());
            prop_assert_eq!(rest.is_empty(), !expected.contains(&true));
            match rest.example() {
                None => prop_assert!(rest.is_empty()),
                Some(list) => {
                    let list: Vec<&str> = list.iter().map(String::as_str).collect();
                    prop_assert!(rest.contains(&list));
                    let all = every_list();
                    let mut within = all.iter().zip(&expected).filter(|(_, is_in)| **is_in);
                    prop_assert!(within.all(|(other, _)| other.len() >= list.len()));
                }
            }
        }
    }

    #[test]
    fn a_question_ends_where_its_budget_does() {
        // Each of many pairs may be met by either.
        let pairs: Vec<[String; 2]> = (0..40)
            .map(|n| [format!("a{n}"), format!("b{n}")])
            .collect();
        let budget = Budget::new(10_000);
        let lacking = pairs.iter().try_fold(Lists::all(), |rest, pair| {
            rest.minus(&Lists::with_all(pair.iter().map(String::as_str)), &budget)
        });
        assert_eq!(lacking.map(|lists| lists.is_empty()), Err(Exceeded));
    }
}
