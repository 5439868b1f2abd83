//! Names and their ids: made of parts, said by claims, or both.

use claimbound_issuers::{Kind, Need, Part};

use super::case::{Case, Made};
use super::{claim, lack, pin};
use crate::block::{Block, Relation};
use crate::budget::Exceeded;
use crate::encoding::Encoding;
use crate::shape::{self, Piece};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

impl<'a> Case<'a, '_> {
    /// The kinds of which the subjects' tokens have names.
    pub(super) fn named(&self) -> impl Iterator<Item = &'a Kind> {
        let form = self.layout.form;
        let kinds = self.signer.model.names().iter();
        kinds.filter(move |kind| kind.is_named_in(form))
    }

    pub(super) fn add_names(&mut self) -> Result<bool, Exceeded> {
        for kind in self.signer.model.names() {
            let is_possible = if kind.is_named_in(self.layout.form) {
                self.add_name(kind)? && self.add_id(kind)?
            } else {
                self.lacks(kind)?
            };
            if !is_possible {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether there may be no name of a kind.
    fn lacks(&mut self, kind: &Kind) -> Result<bool, Exceeded> {
        let all = [Variable::Name, Variable::Id, Variable::Parent];
        for of in all {
            let variable = of(kind.name().to_owned());
            if !lack(&mut self.block, &variable, self.signer.budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The templates of a kind whose parts are all there: the longest first, for
    /// others are to say the same.
    fn templates(&self, kind: &Kind) -> Vec<Vec<Piece>> {
        let is_covered = |pieces: &Vec<Piece>| {
            let mut parts = pieces.iter().filter_map(Piece::part).peekable();
            parts.peek().is_some() && parts.all(|part| self.has(part))
        };
        let templates = kind.templates().map(shape::pieces);
        let mut templates: Vec<Vec<Piece>> = templates.filter(is_covered).collect();
        templates.sort_by_key(|pieces| std::cmp::Reverse(pieces.len()));
        templates
    }

    fn add_name(&mut self, kind: &Kind) -> Result<bool, Exceeded> {
        let (signer, budget) = (self.signer, self.signer.budget);
        let variable = Variable::Name(kind.name().to_owned());
        let encoding = signer.shapes.encoding_of(kind, budget)?;
        let templates = self.templates(kind);
        let Some((first, others)) = templates.split_first() else {
            return self.add_claimed(kind, &variable, (kind.claim(), &encoding));
        };
        let Some(texts) = self.asked_and_said(&variable, (kind.claim(), &encoding))? else {
            return Ok(false);
        };
        let mut parts = templates.iter().flatten().filter_map(Piece::part);
        self.is_certain &= parts.all(|part| signer.model.part(part).is_some_and(is_filled));
        if !texts.is_all() {
            self.made.push(made(first, texts, None));
        }
        for other in others {
            match other.as_slice() {
                [Piece::Part(part)] => {
                    self.made
                        .push(made(first, Texts::all(), Some(part.clone())));
                }
                // That two of several parts are the same is not followed.
                _ => self.is_certain = false,
            }
        }
        Ok(true)
    }

    fn add_id(&mut self, kind: &Kind) -> Result<bool, Exceeded> {
        let variable = Variable::Id(kind.name().to_owned());
        let name = Variable::Name(kind.name().to_owned());
        if self
            .asked(&name)
            .is_some_and(|asked| asked.texts().is_empty())
        {
            // An id without its name counts for nothing.
            return match kind.id_claim().map(claim) {
                Some(claim) => {
                    self.block
                        .bound(&claim, &Values::text_or_absent(), self.signer.budget)
                }
                None => Ok(true),
            };
        }
        let plain = Encoding::plain();
        let places = self.places_of_id(kind);
        if places.is_empty() {
            return self.add_claimed(kind, &variable, (kind.id_claim(), &plain));
        }
        let Some(texts) = self.asked_and_said(&variable, (kind.id_claim(), &plain))? else {
            return Ok(false);
        };
        for place in places {
            let Some((part, _)) = self.parts.get(place) else {
                continue;
            };
            let part: &'a Part = part;
            self.is_certain &= is_filled(part);
            if !self.bound_part(part.name(), &texts)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The texts of a name or an id that are asked for and that its claim lets it
    /// have; none where there can be no such claim.
    fn asked_and_said(
        &mut self,
        variable: &Variable,
        (path, encoding): (Option<&[Box<str>]>, &Encoding),
    ) -> Result<Option<Texts>, Exceeded> {
        let asked = self.asked(variable);
        let asked = asked.map_or_else(Texts::all, |asked| asked.texts().clone());
        let Some(claim) = path.map(claim) else {
            return Ok(Some(asked));
        };
        match self.repeated(&claim, false, encoding)? {
            Some(said) => asked.and(&said, self.signer.budget).map(Some),
            None => Ok(None),
        }
    }

    /// Where the parts stand that hold the id of a kind, of the subject or the URL.
    pub(super) fn places_of_id(&self, kind: &Kind) -> Vec<usize> {
        let holds = |part: &Part| {
            let mut parts = self.signer.model.id_parts(kind);
            parts.any(|one| one.name() == part.name())
        };
        let parts = self.parts.iter().enumerate();
        let places = parts.filter(|(_, (part, _))| holds(part));
        places.map(|(place, _)| place).collect()
    }

    /// Bounds what only a claim says, a name or an id: it is one of those asked for
    /// and not empty, or is not there, where it may be lacking.
    fn add_claimed(
        &mut self,
        kind: &Kind,
        variable: &Variable,
        (path, encoding): (Option<&[Box<str>]>, &Encoding),
    ) -> Result<bool, Exceeded> {
        let budget = self.signer.budget;
        let may_lack = kind.id_need() != Need::Promised && self.block.may_lack(variable);
        let Some(claim) = path.map(claim) else {
            return Ok(may_lack && lack(&mut self.block, variable, budget)?);
        };
        let asked = self.asked(variable);
        let texts = asked.map_or_else(Texts::all, |asked| asked.texts().clone());
        let texts = encoding.read(&texts, budget)?;
        // An empty one counts as none.
        let empty = Texts::one("", budget)?;
        let values = if may_lack {
            Values::of_texts(texts.or(&empty, budget)?).or_absent()
        } else {
            Values::of_texts(texts.minus(&empty, budget)?)
        };
        if !self.block.bound(&claim, &values, budget)? {
            return Ok(false);
        }
        if may_lack || !self.block.is_related(variable) {
            // Whether it is there decides what is asked of it; only where it is not
            // at all is that known.
            let is_told = !may_lack || texts.is_empty();
            self.is_certain &= is_told || !self.block.is_related(variable);
            return Ok(true);
        }
        self.is_certain &= encoding.is_plain();
        let same = Block::related(Relation {
            one: variable.clone(),
            other: claim,
            folds: false,
            is_equal: true,
        });
        let related = self.block.and(&same, budget)?;
        let is_possible = related.is_some();
        self.block = related.unwrap_or_default();
        Ok(is_possible)
    }

    /// Has the names and ids be what these parts make of them, and what repeats
    /// them.
    pub(super) fn pin_names(
        &self,
        block: &mut Block,
        raw: &[(&str, &str)],
    ) -> Result<bool, Exceeded> {
        for kind in self.named() {
            let encoding = self.signer.shapes.encoding_of(kind, self.signer.budget)?;
            for pieces in self.templates(kind) {
                let variable = Variable::Name(kind.name().to_owned());
                let name = shape::print(&pieces, raw);
                let said = (kind.claim(), &encoding);
                if !self.pin_name(block, &variable, name.as_deref(), said)? {
                    return Ok(false);
                }
            }
            for place in self.places_of_id(kind) {
                let variable = Variable::Id(kind.name().to_owned());
                let id = raw.get(place).map(|(_, value)| *value);
                let said = (kind.id_claim(), &Encoding::plain());
                if !self.pin_name(block, &variable, id, said)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Has a name or an id be this, and the claim that repeats it.
    fn pin_name(
        &self,
        block: &mut Block,
        variable: &Variable,
        text: Option<&str>,
        (path, encoding): (Option<&[Box<str>]>, &Encoding),
    ) -> Result<bool, Exceeded> {
        let Some(text) = text else {
            return Ok(true);
        };
        if !pin(block, variable, text, self.signer.budget)? {
            return Ok(false);
        }
        match path.map(claim) {
            Some(claim) => self.repeat(block, &claim, (text, encoding), false),
            None => Ok(true),
        }
    }
}

fn made(pieces: &[Piece], texts: Texts, same: Option<String>) -> Made {
    Made {
        pieces: pieces.to_vec(),
        texts,
        same,
    }
}

/// Whether a part is never empty, so that what is made of it is there.
fn is_filled(part: &Part) -> bool {
    !part.accepts("")
}
