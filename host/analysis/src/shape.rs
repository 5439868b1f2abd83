//! The shapes of a model's parts, as sets of texts, and templates as pieces.

use claimbound_issuers::{Class, Kind, Model, Part};
use claimbound_language::Pattern;

use crate::budget::{Budget, Exceeded};
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

/// What a template's parts make; none where one of them is not there.
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

/// The texts that a part can have in a subject.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn texts(part: &Part, budget: &Budget) -> Result<Texts, Exceeded> {
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

/// The texts that are spelt in a subject as they are elsewhere.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn plain(part: &Part, budget: &Budget) -> Result<Texts, Exceeded> {
    let encoded: Vec<char> = part.encoded_characters().collect();
    if encoded.is_empty() {
        return Ok(Texts::all());
    }
    // What an encoding is written with is left out too: it may be read as one.
    let is_plain = |character: char| {
        let written = encoded
            .iter()
            .map(|one| part.encode(&one.to_string()).into_owned());
        let mut written = written.filter_map(|text| text.chars().next());
        !encoded.contains(&character) && !written.any(|first| first == character)
    };
    one_of(is_plain, budget)?.repeated(budget)
}

/// The names of a kind that are spelt in a subject as they are elsewhere.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn plain_name(model: &Model, kind: &Kind, budget: &Budget) -> Result<Texts, Exceeded> {
    let mut all = Texts::all();
    let parts = kind.templates().flat_map(pieces);
    for part in parts.filter_map(|piece| model.part(piece.part()?)) {
        all = all.and(&plain(part, budget)?, budget)?;
    }
    Ok(all)
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
