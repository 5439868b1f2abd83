//! A template: literal text and parts in braces, compiled once.

use std::ops::ControlFlow;

use crate::charset::CharSet;
use crate::part::{Encoding, Part};

/// A part of a subject and its value: the part's index in the model, and the raw text.
pub(crate) type Value<'a> = (usize, &'a str);

/// One compiled template, such as `repo:{owner}/{repo}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: Box<str>,
    pieces: Box<[Piece]>,
    /// The first byte, where a literal stands first: most attempts end there.
    first: Option<u8>,
    /// The piece whose end the text alone doesn't give.
    open: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(Box<str>),
    Part { part: usize, set: CharSet },
}

/// Longest list of pieces in one template.
const MAX_PIECES: usize = 32;

impl Template {
    /// Compiles `text`; the error says why it can't be.
    pub(crate) fn compile(
        text: &str,
        parts: &[Part],
        mut resolve: impl FnMut(&str) -> Option<usize>,
    ) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (name, tail) = tail
                .split_once('}')
                .ok_or_else(|| format!("a brace is not closed in `{text}`"))?;
            push_literal(&mut pieces, literal)?;
            let part = resolve(name).ok_or_else(|| format!("there is no part `{name}`"))?;
            let set = parts
                .get(part)
                .map(|part| part.set)
                .ok_or("the part is out of range")?;
            pieces.push(Piece::Part { part, set });
            rest = tail;
        }
        push_literal(&mut pieces, rest)?;
        check_pieces(&pieces)?;
        let open = open_pieces(&pieces);
        if open.len() > 1 {
            return Err(format!("more than one part of `{text}` has no certain end"));
        }
        let first = match pieces.first() {
            Some(Piece::Literal(literal)) => literal.bytes().next(),
            Some(Piece::Part { .. }) | None => None,
        };
        Ok(Self {
            first,
            text: text.into(),
            pieces: pieces.into(),
            open: open.first().copied(),
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the text alone says where each part ends.
    pub(crate) fn is_certain(&self) -> bool {
        self.open.is_none()
    }

    /// The parts, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Part { part, .. } => Some(*part),
        })
    }

    /// The literal it begins with, if it begins with one.
    pub(crate) fn leading_literal(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(literal)) => literal,
            Some(Piece::Part { .. }) | None => "",
        }
    }

    /// The characters of the part that it ends with, if it ends with one.
    pub(crate) fn last_set(&self) -> Option<CharSet> {
        match self.pieces.last() {
            Some(Piece::Part { set, .. }) => Some(*set),
            Some(Piece::Literal(_)) | None => None,
        }
    }

    pub(crate) fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(literal) => Some(&**literal),
            Piece::Part { .. } => None,
        })
    }

    /// Matches the front of `text`, adds the values to `found` and returns the rest.
    ///
    /// On `None`, `found` may hold values of the attempt. Only for certain templates.
    pub(crate) fn strip<'a>(
        &self,
        parts: &[Part],
        text: &'a str,
        found: &mut Vec<Value<'a>>,
    ) -> Option<&'a str> {
        if self.first.is_some() && self.first != text.bytes().next() {
            return None;
        }
        strip(&self.pieces, parts, text, found)
    }

    /// Visits each way to match the whole of `text`, until told to stop.
    pub(crate) fn splits<'a>(
        &self,
        parts: &[Part],
        text: &'a str,
        visit: &mut dyn FnMut(Vec<Value<'a>>) -> ControlFlow<()>,
    ) {
        let mut head = Vec::with_capacity(8);
        let Some(open) = self.open else {
            if strip(&self.pieces, parts, text, &mut head) == Some("") {
                let _ = visit(head);
            }
            return;
        };
        let (Some(before), Some(Piece::Part { part, set }), Some(Piece::Literal(end)), Some(after)) = (
            self.pieces.get(..open),
            self.pieces.get(open),
            self.pieces.get(open + 1),
            self.pieces.get(open + 2..),
        ) else {
            return;
        };
        let Some(rest) = strip(before, parts, text, &mut head) else {
            return;
        };
        for (value, rest) in ends(rest, end) {
            if !set.holds_all(value) {
                // A longer value holds the same character.
                return;
            }
            if !parts.get(*part).is_some_and(|part| part.has_shape(value)) {
                continue;
            }
            let mut found = head.clone();
            found.push((*part, value));
            if strip(after, parts, rest, &mut found) == Some("") && visit(found).is_break() {
                return;
            }
        }
    }

    /// Writes the template with the values that `value` gives; `None` where it lacks one.
    pub(crate) fn print<'v>(&self, value: impl Fn(usize) -> Option<&'v str>) -> Option<String> {
        let mut text = String::with_capacity(64);
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Part { part, .. } => text.push_str(value(*part)?),
            }
        }
        Some(text)
    }

    /// Whether `plain`, once encoded, is the template with the given raw values.
    pub(crate) fn equals<'v>(
        &self,
        plain: &str,
        encoding: &Encoding,
        value: impl Fn(usize) -> Option<&'v str>,
    ) -> bool {
        let mut rest = plain;
        for piece in &self.pieces {
            let stripped = match piece {
                Piece::Literal(literal) => rest.strip_prefix(&**literal),
                Piece::Part { part, .. } => value(*part).and_then(|raw| encoding.strip(rest, raw)),
            };
            let Some(stripped) = stripped else {
                return false;
            };
            rest = stripped;
        }
        rest.is_empty()
    }
}

fn push_literal(pieces: &mut Vec<Piece>, literal: &str) -> Result<(), String> {
    if literal.contains(['{', '}']) {
        return Err("a brace stands alone; a literal can't hold braces".into());
    }
    if literal.chars().any(char::is_control) {
        return Err("a literal holds a control character".into());
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.into()));
    }
    Ok(())
}

fn check_pieces(pieces: &[Piece]) -> Result<(), String> {
    if pieces.is_empty() {
        return Err("the template is empty".into());
    }
    if pieces.len() > MAX_PIECES {
        return Err(format!("the template has more than {MAX_PIECES} pieces"));
    }
    let mut before: Option<&Piece> = None;
    let mut seen = Vec::new();
    for piece in pieces {
        if let Piece::Part { part, .. } = piece {
            if matches!(before, Some(Piece::Part { .. })) {
                return Err("two parts touch, so nothing says where the first one ends".into());
            }
            if seen.contains(part) {
                return Err("a part occurs twice".into());
            }
            seen.push(*part);
        }
        before = Some(piece);
    }
    Ok(())
}

/// The parts that may hold the first character of the literal behind them.
fn open_pieces(pieces: &[Piece]) -> Vec<usize> {
    pieces
        .iter()
        .zip(pieces.iter().skip(1))
        .enumerate()
        .filter_map(|(index, pair)| match pair {
            (Piece::Part { set, .. }, Piece::Literal(literal)) => literal
                .bytes()
                .next()
                .is_some_and(|byte| set.holds(byte))
                .then_some(index),
            _ => None,
        })
        .collect()
}

fn strip<'a>(
    pieces: &[Piece],
    parts: &[Part],
    text: &'a str,
    found: &mut Vec<Value<'a>>,
) -> Option<&'a str> {
    let mut rest = text;
    for piece in pieces {
        rest = match piece {
            Piece::Literal(literal) => rest.strip_prefix(&**literal)?,
            Piece::Part { part, set } => {
                let (value, tail) = set.split(rest);
                if !parts.get(*part)?.has_shape(value) {
                    return None;
                }
                found.push((*part, value));
                tail
            }
        };
    }
    Some(rest)
}

/// Each place where `end` occurs in `text`, overlaps included: what stands before and behind.
fn ends<'a>(text: &'a str, end: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let step = end.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text.get(from..)?.find(end)?;
        from = at + step;
        Some((text.get(..at)?, text.get(at + end.len()..)?))
    })
}
