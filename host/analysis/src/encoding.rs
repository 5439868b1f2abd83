//! How an issuer spells values inside a subject, as a map of sets of texts.

use claimbound_issuers::{Kind, Part};

use crate::budget::{Budget, Exceeded};
use crate::texts::Texts;

/// The spelling of the values of a part, or of the names of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Encoding {
    /// The characters that are spelt otherwise, and how.
    spellings: Vec<(u8, String)>,
    /// The texts that hold no such spelling: any other may be read in two ways.
    clear: Texts,
}

impl Encoding {
    /// Every value is spelt as it is.
    pub(crate) fn plain() -> Self {
        Self {
            spellings: Vec::new(),
            clear: Texts::all(),
        }
    }

    /// How a part's values are spelt.
    ///
    /// # Errors
    /// [`Exceeded`], also where a character beyond ASCII is spelt otherwise.
    pub(crate) fn of_part(part: &Part, budget: &Budget) -> Result<Self, Exceeded> {
        let spelt = |one: char| (one, part.encode(&one.to_string()).into_owned());
        Self::new(part.encoded_characters().map(spelt), budget)
    }

    /// How the names of a kind are spelt.
    ///
    /// # Errors
    /// [`Exceeded`], also where a character beyond ASCII is spelt otherwise.
    pub(crate) fn of_kind(kind: &Kind, budget: &Budget) -> Result<Self, Exceeded> {
        let spelt = |one: char| (one, kind.encode(&one.to_string()).into_owned());
        Self::new(kind.encoded_characters().map(spelt), budget)
    }

    fn new(
        spellings: impl Iterator<Item = (char, String)>,
        budget: &Budget,
    ) -> Result<Self, Exceeded> {
        let mut encoding = Self::plain();
        for (character, text) in spellings {
            let byte = u8::try_from(character).ok().filter(u8::is_ascii);
            let (byte, all) = (byte.ok_or(Exceeded)?, Texts::all());
            let holding = all.then(&Texts::one(&text, budget)?, budget)?;
            let holding = holding.then(&all, budget)?;
            encoding.clear = encoding.clear.minus(&holding, budget)?;
            encoding.spellings.push((byte, text));
        }
        Ok(encoding)
    }

    /// Whether every value is spelt as it is.
    pub(crate) fn is_plain(&self) -> bool {
        self.spellings.is_empty()
    }

    fn by(&self) -> Vec<(u8, &[u8])> {
        let spellings = self.spellings.iter();
        spellings
            .map(|(byte, text)| (*byte, text.as_bytes()))
            .collect()
    }

    /// How these values are spelt. Those that may be read in two ways are in no
    /// token.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn spelt(&self, values: &Texts, budget: &Budget) -> Result<Texts, Exceeded> {
        if self.is_plain() {
            return Ok(values.clone());
        }
        values.and(&self.clear, budget)?.spelt(&self.by(), budget)
    }

    /// The values that are spelt so.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn read(&self, spelt: &Texts, budget: &Budget) -> Result<Texts, Exceeded> {
        if self.is_plain() {
            return Ok(spelt.clone());
        }
        spelt.read(&self.by(), budget)?.and(&self.clear, budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use claimbound_language::Pattern;
    use proptest::prelude::*;

    const PIECES: [&str; 7] = ["a", ":", "%", "3", "A", "%3A", "é"];

    fn text() -> impl Strategy<Value = String> {
        let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..6);
        pieces.prop_map(|pieces| pieces.concat())
    }

    fn colon(budget: &Budget) -> Encoding {
        let spellings = [(':', "%3A".to_owned())].into_iter();
        Encoding::new(spellings, budget).unwrap()
    }

    proptest! {
        #[test]
        fn a_value_is_spelt_as_the_issuer_spells_it(
            text in text(),
            regex in prop::sample::select(&["[a:]*", ".*3A", "(%|:|3A)+", "a.?.?", ".*"][..]),
        ) {
            let budget = Budget::default();
            let encoding = colon(&budget);
            let set = Texts::accepted(&Pattern::regex(regex).unwrap().automaton, &budget).unwrap();
            let is_clear = !text.contains("%3A");
            let spelt = text.replace(':', "%3A");
            let values = encoding.read(&set, &budget).unwrap();
            prop_assert_eq!(values.contains(&text), is_clear && set.contains(&spelt));
            // The only clear value that is spelt like a text is that text decoded.
            let value = text.replace("%3A", ":");
            let is_spelt = !text.contains(':') && !value.contains("%3A") && set.contains(&value);
            let spelt = encoding.spelt(&set, &budget).unwrap();
            prop_assert_eq!(spelt.contains(&text), is_spelt, "{} {}", text, value);
        }
    }
}
