//! The shapes of a model's parts, as sets of texts, and templates as pieces.

use std::cell::RefCell;
use std::collections::HashMap;

use claimbound_issuers::{Class, Kind, Model, Part};
use claimbound_language::Pattern;

use crate::budget::{Budget, Exceeded};
use crate::encoding::Encoding;
use crate::texts::Texts;

/// One piece of a template such as `repo:{owner}/{repo}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(String),
    /// The name of a part.
    Part(String),
}

impl Piece {
    pub(crate) fn part(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Part(name) => Some(name),
        }
    }
}

/// The pieces of a template.
pub(crate) fn pieces(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        // INVARIANT: a model's braces are closed.
        let Some((part, after)) = after.split_once('}') else {
            break;
        };
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        pieces.push(Piece::Part(part.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    pieces
}

/// What a template's parts make; none where one of them is not there, or empty.
pub(crate) fn print(pieces: &[Piece], parts: &[(&str, &str)]) -> Option<String> {
    let text = |piece: &Piece| match piece {
        Piece::Literal(text) => Some(text.clone()),
        Piece::Part(name) => {
            let found = parts
                .iter()
                .find(|(part, value)| part == name && !value.is_empty());
            found.map(|(_, value)| (*value).to_owned())
        }
    };
    pieces.iter().map(text).collect()
}

/// Names right inside these, one `/` between: no name is empty.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn inside(parents: &Texts, budget: &Budget) -> Result<Texts, Exceeded> {
    let one = accepted("/[^/]+", budget)?;
    parents.then(&one, budget)?.and(&names(budget)?, budget)
}

/// Names whose pieces, between `/`, are not empty.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn names(budget: &Budget) -> Result<Texts, Exceeded> {
    accepted("[^/]+(/[^/]+)*", budget)
}

fn accepted(pattern: &str, budget: &Budget) -> Result<Texts, Exceeded> {
    // INVARIANT: these are small patterns.
    let pattern = Pattern::regex(pattern).map_err(|_| Exceeded)?;
    Texts::accepted(&pattern.automaton, budget)
}

/// Sets of texts by part: every question about a model asks for the same.
#[derive(Default)]
struct Kept(RefCell<HashMap<String, Vec<KeptTexts>>>);

#[derive(Clone)]
struct KeptTexts {
    part: Part,
    texts: Texts,
    /// What they took: as many are taken of every budget, so that what a question
    /// takes does not depend on those before.
    steps: u64,
}

impl Kept {
    /// The most names of parts to keep sets for.
    const MOST: usize = 1024;

    /// What `make` makes of a part, made once.
    fn of(
        &self,
        part: &Part,
        budget: &Budget,
        make: impl FnOnce(&Part, &Budget) -> Result<Texts, Exceeded>,
    ) -> Result<Texts, Exceeded> {
        if let Some(kept) = self.find(part) {
            budget.take(kept.steps)?;
            return Ok(kept.texts);
        }
        let before = budget.left();
        let texts = make(part, budget)?;
        self.keep(KeptTexts {
            part: part.clone(),
            texts: texts.clone(),
            steps: before - budget.left(),
        });
        Ok(texts)
    }

    fn find(&self, part: &Part) -> Option<KeptTexts> {
        let kept = self.0.borrow();
        let mut kept = kept.get(part.name())?.iter();
        kept.find(|one| one.part == *part).cloned()
    }

    fn keep(&self, one: KeptTexts) {
        let mut kept = self.0.borrow_mut();
        if kept.len() >= Self::MOST {
            kept.clear();
        }
        let of_name = kept.entry(one.part.name().to_owned()).or_default();
        // Parts of one name are as many as there are models that have it.
        if of_name.len() >= Self::MOST {
            of_name.clear();
        }
        of_name.push(one);
    }
}

thread_local! {
    static TEXTS: Kept = Kept::default();
}

/// The texts of each piece of a template of this model.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn texts_of(
    model: &Model,
    pieces: &[Piece],
    budget: &Budget,
) -> Result<Vec<Texts>, Exceeded> {
    let of = |piece: &Piece| match piece {
        Piece::Literal(text) => Texts::one(text, budget),
        // INVARIANT: a template's parts are its model's.
        Piece::Part(name) => texts(model.part(name).ok_or(Exceeded)?, budget),
    };
    pieces.iter().map(of).collect()
}

/// The texts that a part can have in a subject.
pub(crate) fn texts(part: &Part, budget: &Budget) -> Result<Texts, Exceeded> {
    TEXTS.with(|kept| kept.of(part, budget, made_texts))
}

fn made_texts(part: &Part, budget: &Budget) -> Result<Texts, Exceeded> {
    let allowed = one_of(|character| part.allows(character), budget)?;
    let shaped = match part.class() {
        Class::Any
        | Class::Slug
        | Class::Digits
        | Class::Hex
        | Class::Base64url
        | Class::Segment
        | Class::UrlPath => None,
        Class::Uuid => Some("[^-]{8}-[^-]{4}-[^-]{4}-[^-]{4}-[^-]{12}"),
        Class::BracedUuid => Some(r"\{[^-{}]{8}-[^-{}]{4}-[^-{}]{4}-[^-{}]{4}-[^-{}]{12}\}"),
        Class::Path => Some(r"([^/.]|\.[^/.]|\.\.[^/])[^/]*(/([^/.]|\.[^/.]|\.\.[^/])[^/]*)*"),
        // Longer names than any that is found here are refused, too.
        Class::Host => {
            Some(r"[^.:-]([^.:]{0,61}[^.:-])?(\.[^.:-]([^.:]{0,61}[^.:-])?)*(:[0-9]{1,5})?")
        }
    };
    let mut texts = allowed.repeated(budget)?;
    if let Some(shape) = shaped {
        // INVARIANT: these are small patterns.
        let shape = Pattern::regex(shape).map_err(|_| Exceeded)?;
        texts = texts.and(&Texts::accepted(&shape.automaton, budget)?, budget)?;
    }
    let empty = Texts::one("", budget)?;
    if part.accepts("") {
        texts.or(&empty, budget)
    } else {
        texts.minus(&empty, budget)
    }
}

/// What has been computed of a model's parts and kinds, for as long as one question
/// takes.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    texts: RefCell<HashMap<String, Texts>>,
    encodings: RefCell<HashMap<Spelt, Encoding>>,
}

/// What an encoding belongs to.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Spelt {
    Part(String),
    Kind(String),
}

impl Shapes {
    /// The texts that a part can have in a subject.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn texts(&self, part: &Part, budget: &Budget) -> Result<Texts, Exceeded> {
        if let Some(known) = self.texts.borrow().get(part.name()) {
            return Ok(known.clone());
        }
        let texts = texts(part, budget)?;
        let mut known = self.texts.borrow_mut();
        known.insert(part.name().to_owned(), texts.clone());
        Ok(texts)
    }

    /// How a subject spells the values of a part.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn encoding(&self, part: &Part, budget: &Budget) -> Result<Encoding, Exceeded> {
        let key = Spelt::Part(part.name().to_owned());
        self.known(key, || Encoding::of_part(part, budget))
    }

    /// How a subject spells the names of a kind.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn encoding_of(&self, kind: &Kind, budget: &Budget) -> Result<Encoding, Exceeded> {
        let key = Spelt::Kind(kind.name().to_owned());
        self.known(key, || Encoding::of_kind(kind, budget))
    }

    fn known(
        &self,
        key: Spelt,
        new: impl FnOnce() -> Result<Encoding, Exceeded>,
    ) -> Result<Encoding, Exceeded> {
        if let Some(known) = self.encodings.borrow().get(&key) {
            return Ok(known.clone());
        }
        let encoding = new()?;
        self.encodings.borrow_mut().insert(key, encoding.clone());
        Ok(encoding)
    }
}

/// The texts of one character that are so, whatever is beyond ASCII alike.
fn one_of(is_so: impl Fn(char) -> bool, budget: &Budget) -> Result<Texts, Exceeded> {
    let ascii = (0..128_u8).map(char::from).filter(|one| is_so(*one));
    let texts = Texts::of(ascii.map(|one| one.to_string()), false, budget)?;
    if !is_so('é') {
        return Ok(texts);
    }
    let beyond = Pattern::regex(r"[^\x00-\x7f]").map_err(|_| Exceeded)?;
    texts.or(&Texts::accepted(&beyond.automaton, budget)?, budget)
}
