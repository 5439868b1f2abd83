//! Places in a program's lists: each claim, part, kind and attribute once.

use std::collections::HashMap;
use std::hash::Hash;

use claimbound_engine::model::Source;
use claimbound_issuers::{Model, Part};

use crate::automaton::Steps;
use crate::bounds;
use crate::encoded;
use crate::pattern::{At, Pattern};

/// A list of the program while it grows.
#[derive(Debug)]
pub(crate) struct List<T> {
    known: HashMap<T, u16>,
    pub(crate) items: Vec<T>,
    overflows: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            items: Vec::new(),
            overflows: false,
        }
    }
}

impl<T: Clone + Eq + Hash> List<T> {
    fn place(&mut self, item: T) -> u16 {
        if let Some(place) = self.known.get(&item) {
            return *place;
        }
        let Ok(place) = u16::try_from(self.items.len()) else {
            self.overflows = true;
            return 0;
        };
        self.known.insert(item.clone(), place);
        self.items.push(item);
        place
    }
}

/// How much the automata of one document may take, in bytes: far more than any
/// policy that people wrote, and little enough for their machines.
const MOST_PATTERNS: usize = 256 << 20;

/// What a pattern is known by: whether it is a regular expression, its text as
/// the issuer spells it, what `*` does not cross, and whether case is folded.
pub(crate) type PatternKey = (bool, String, At, bool);

/// The lists of a program while it is compiled.
#[derive(Debug, Default)]
pub(crate) struct Places {
    patterns: HashMap<PatternKey, Result<Pattern, String>>,
    patterns_size: usize,
    steps: Steps,
    encoded: HashMap<(String, String), bool>,
    pub(crate) claims: List<Vec<String>>,
    pub(crate) parts: List<String>,
    pub(crate) names: List<String>,
    pub(crate) attributes: List<String>,
}

impl Places {
    pub(crate) fn claim(&mut self, path: &[String]) -> Source {
        Source::Claim(self.claims.place(path.to_vec()))
    }

    pub(crate) fn part(&mut self, name: &str) -> Source {
        Source::Part(self.parts.place(name.to_owned()))
    }

    pub(crate) fn name(&mut self, kind: &str) -> Source {
        Source::Name(self.names.place(kind.to_owned()))
    }

    pub(crate) fn name_id(&mut self, kind: &str) -> Source {
        Source::NameId(self.names.place(kind.to_owned()))
    }

    /// Whether some value of `part` stands in a subject otherwise than plain.
    pub(crate) fn is_encoded(&mut self, model: &Model, part: &Part) -> bool {
        let key = (model.name().to_owned(), part.name().to_owned());
        let known = self.encoded.entry(key);
        *known.or_insert_with(|| encoded::is_encoded(part))
    }

    /// The pattern that `compile` makes, or the same one made before.
    ///
    /// # Errors
    /// What `compile` says, or that the document's patterns are too large.
    pub(crate) fn pattern(
        &mut self,
        key: PatternKey,
        compile: impl FnOnce(&mut Steps) -> Result<Pattern, String>,
    ) -> Result<Pattern, String> {
        let steps = &mut self.steps;
        let known = self.patterns.entry(key).or_insert_with(|| compile(steps));
        let pattern = known.clone()?;
        self.patterns_size = self.patterns_size.saturating_add(pattern.size());
        if self.patterns_size > MOST_PATTERNS {
            self.patterns_size = MOST_PATTERNS;
            return Err("the document's patterns are too large together".to_owned());
        }
        Ok(pattern)
    }

    pub(crate) fn attribute(&mut self, name: &str) -> u16 {
        self.attributes.place(name.to_owned())
    }

    /// A list that is longer than hosts take: what it has, and how many.
    pub(crate) fn excess(&self) -> Option<(&'static str, usize)> {
        let lists = [
            ("claims", self.claims.items.len()),
            ("parts of subjects", self.parts.items.len()),
            ("kinds of names", self.names.items.len()),
            ("attributes of the request", self.attributes.items.len()),
        ];
        lists.into_iter().find(|(_, count)| *count > bounds::MOST)
    }

    /// Whether a list has outgrown the format's 65,536 places.
    pub(crate) const fn overflow(&self) -> bool {
        self.claims.overflows
            || self.parts.overflows
            || self.names.overflows
            || self.attributes.overflows
    }
}
