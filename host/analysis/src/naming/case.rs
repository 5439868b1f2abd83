//! A case: the tokens of a block whose subjects are laid out in one way.

use claimbound_issuers::Part;

use super::{Found, Layout, Nothing, Search, Signer, claim, lack, pin};
use crate::block::Block;
use crate::budget::Exceeded;
use crate::encoding::Encoding;
use crate::shape::{self, Piece};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// Texts of a template whose parts are to be found.
pub(super) struct Made {
    pub(super) pieces: Vec<Piece>,
    pub(super) texts: Texts,
    /// A part that is to have the same text.
    pub(super) same: Option<String>,
}

/// The tokens of a block whose subjects are laid out in one way.
pub(super) struct Case<'a, 's> {
    pub(super) signer: &'s Signer<'a>,
    pub(super) layout: &'s Layout<'a>,
    /// The block, with what naming says of claims.
    pub(super) block: Block,
    /// Each part with its texts, as the subject spells them: those of the subject
    /// first, then those that the issuer's URL alone has.
    pub(super) parts: Vec<(&'a Part, Texts)>,
    /// How many of them are of the subject.
    own: usize,
    pub(super) made: Vec<Made>,
    /// Whether all that is asked was followed.
    pub(super) is_certain: bool,
}

impl<'a, 's> Case<'a, 's> {
    pub(super) fn new(
        signer: &'s Signer<'a>,
        block: &Block,
        layout: &'s Layout<'a>,
    ) -> Search<Self> {
        let mut case = Self {
            signer,
            layout,
            block: block.clone(),
            parts: Vec::new(),
            own: 0,
            made: Vec::new(),
            is_certain: true,
        };
        let is_possible = case.add_parts()?
            && case.lacks_others()?
            && case.add_subject()
            && case.add_names()?
            && case.block.is_possible(signer.budget)?;
        let is_certain = case.is_certain;
        Ok(is_possible.then_some(case).ok_or(Nothing { is_certain }))
    }

    /// What a variable has to be among; none where nothing is asked of it.
    pub(super) fn asked(&self, variable: &Variable) -> Option<&Values> {
        self.block.set(variable)
    }

    pub(super) fn has(&self, part: &str) -> bool {
        self.place(part).is_some()
    }

    /// Bounds a part; whether any text is left.
    pub(super) fn bound_part(&mut self, part: &str, by: &Texts) -> Result<bool, Exceeded> {
        let mut parts = self.parts.iter_mut();
        let Some((_, texts)) = parts.find(|(one, _)| one.name() == part) else {
            return Ok(true);
        };
        *texts = texts.and(by, self.signer.budget)?;
        Ok(!texts.is_empty())
    }

    /// The parts that the subjects have, and that the issuer's URL has.
    fn add_parts(&mut self) -> Result<bool, Exceeded> {
        let (signer, budget) = (self.signer, self.signer.budget);
        for (part, given) in &self.layout.parts {
            let mut texts = match given {
                Some(value) => Texts::one(value, budget)?,
                None => signer.shapes.texts(part, budget)?,
            };
            if let Some(asked) = self.asked(&Variable::Part(part.name().to_owned())) {
                texts = texts.and(asked.texts(), budget)?;
            }
            if !self.add_part(part, texts)? {
                return Ok(false);
            }
        }
        self.own = self.parts.len();
        for (part, value) in &signer.of_url {
            let value = Texts::one(value, budget)?;
            let is_possible = if self.has(part.name()) {
                self.bound_part(part.name(), &value)?
            } else {
                self.add_part(part, value)?
            };
            if !is_possible {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Adds a part and what the claim says that repeats it; whether any text is
    /// left.
    fn add_part(&mut self, part: &'a Part, mut texts: Texts) -> Result<bool, Exceeded> {
        let budget = self.signer.budget;
        if let Some(path) = part.claim() {
            let claim = claim(path);
            let needs = part.is_claim_required();
            let encoding = self.signer.shapes.encoding(part, budget)?;
            match self.repeated(&claim, needs, &encoding)? {
                None => return Ok(false),
                Some(said) => texts = texts.and(&said, budget)?,
            }
        }
        let is_possible = !texts.is_empty();
        self.parts.push((part, texts));
        Ok(is_possible)
    }

    /// The texts, as the subject spells them, that a claim lets what it repeats
    /// have: any where it may be absent. None where it can't be at all.
    pub(super) fn repeated(
        &mut self,
        claim: &Variable,
        needs: bool,
        encoding: &Encoding,
    ) -> Result<Option<Texts>, Exceeded> {
        let budget = self.signer.budget;
        // A claim that repeats something is a text, or absent.
        let values = Values::text_or_absent();
        if !self.block.bound(claim, &values, budget)? {
            return Ok(None);
        }
        let asked = self.asked(claim);
        let is_there = needs || !self.block.may_lack(claim);
        match asked.filter(|_| is_there) {
            Some(asked) => encoding.spelt(asked.texts(), budget).map(Some),
            None => Ok(Some(Texts::all())),
        }
    }

    /// Whether the parts that the subjects have not may be lacking.
    fn lacks_others(&mut self) -> Result<bool, Exceeded> {
        for part in self.signer.model.parts() {
            let mut own = self.layout.parts.iter();
            let variable = Variable::Part(part.name().to_owned());
            let is_own = own.any(|(one, _)| one.name() == part.name());
            if !is_own && !lack(&mut self.block, &variable, self.signer.budget)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn add_subject(&mut self) -> bool {
        if let Some(asked) = self.asked(&Variable::Subject) {
            let texts = asked.texts().clone();
            self.made.push(Made {
                pieces: self.layout.pieces.clone(),
                texts,
                same: None,
            });
        }
        true
    }

    /// Looks for a token.
    pub(super) fn found(&self) -> Search<Found> {
        let parts: Vec<Texts> = self.parts.iter().map(|(_, texts)| texts.clone()).collect();
        let mut is_certain = self.is_certain;
        let found = self.made_of(&self.made, &parts, &mut is_certain)?;
        Ok(found.ok_or(Nothing { is_certain }))
    }

    /// Follows one template after another, and then takes a text of each part.
    fn made_of(
        &self,
        made: &[Made],
        parts: &[Texts],
        is_certain: &mut bool,
    ) -> Result<Option<Found>, Exceeded> {
        self.signer.budget.take(1)?;
        let Some((first, rest)) = made.split_first() else {
            let Some(parts) = self.agreed(parts)? else {
                return Ok(None);
            };
            let found = self.token(&parts)?;
            *is_certain &= found.is_some();
            return Ok(found);
        };
        for way in self.ways(first, parts)? {
            let mut narrower = parts.to_vec();
            for (piece, texts) in first.pieces.iter().zip(way) {
                let part = piece.part().and_then(|name| self.place(name));
                if let Some(part) = part.and_then(|place| narrower.get_mut(place)) {
                    *part = texts;
                }
            }
            let found = self.made_of(rest, &narrower, is_certain)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn place(&self, part: &str) -> Option<usize> {
        self.parts.iter().position(|(one, _)| one.name() == part)
    }

    /// The ways in which texts of these parts make one that is asked for.
    fn ways(&self, made: &Made, parts: &[Texts]) -> Result<Vec<Vec<Texts>>, Exceeded> {
        let budget = self.signer.budget;
        let texts = |name: &str| self.place(name).and_then(|place| parts.get(place));
        let mut sets = Vec::with_capacity(made.pieces.len());
        for piece in &made.pieces {
            sets.push(match piece {
                Piece::Literal(text) => Texts::one(text, budget)?,
                Piece::Part(name) => texts(name).cloned().unwrap_or_else(Texts::none),
            });
        }
        match made.same.as_deref().and_then(texts) {
            Some(same) => made.texts.and(same, budget)?.split(&sets, budget),
            None => made.texts.split(&sets, budget),
        }
    }

    /// The parts where those that hold one id have one text; none where they can't.
    fn agreed(&self, parts: &[Texts]) -> Result<Option<Vec<Texts>>, Exceeded> {
        let mut agreed = parts.to_vec();
        for kind in self.named() {
            let places = self.places_of_id(kind);
            let mut texts = Texts::all();
            for place in &places {
                if let Some(part) = agreed.get(*place) {
                    texts = texts.and(part, self.signer.budget)?;
                }
            }
            if texts.is_empty() {
                return Ok(None);
            }
            for place in places {
                if let Some(part) = agreed.get_mut(place) {
                    *part = texts.clone();
                }
            }
        }
        Ok(Some(agreed))
    }

    /// A token with these parts.
    fn token(&self, parts: &[Texts]) -> Result<Option<Found>, Exceeded> {
        let named = self.parts.iter().zip(parts);
        let values: Option<Vec<(&str, String)>> = named
            .map(|((part, _), texts)| Some((part.name(), texts.example()?)))
            .collect();
        let Some(mut values) = values else {
            return Ok(None);
        };
        self.copy_names(&mut values);
        let raw: Vec<(&str, &str)> = values
            .iter()
            .map(|(part, value)| (*part, value.as_str()))
            .collect();
        let own = raw.get(..self.own).unwrap_or_default();
        let Some(subject) = self.layout.print(self.signer.model, own) else {
            return Ok(None);
        };
        let mut block = self.block.clone();
        let is_possible = pin(&mut block, &Variable::Subject, &subject, self.signer.budget)?
            && self.pin_parts(&mut block, &raw)?
            && self.pin_names(&mut block, &raw)?;
        if !is_possible {
            return Ok(None);
        }
        block.example(self.signer.budget)
    }

    /// Has parts that are to be the same as a name be that.
    fn copy_names(&self, values: &mut [(&str, String)]) {
        for made in &self.made {
            let raw: Vec<(&str, &str)> = values
                .iter()
                .map(|(part, value)| (*part, value.as_str()))
                .collect();
            let printed = shape::print(&made.pieces, &raw);
            let same = made.same.as_deref().zip(printed);
            if let Some((part, printed)) = same
                && let Some((_, value)) = values.iter_mut().find(|(one, _)| *one == part)
            {
                *value = printed;
            }
        }
    }

    /// Has the parts have these values, and what repeats them.
    fn pin_parts(&self, block: &mut Block, raw: &[(&str, &str)]) -> Result<bool, Exceeded> {
        let budget = self.signer.budget;
        for (place, ((part, _), (name, value))) in self.parts.iter().zip(raw).enumerate() {
            let variable = Variable::Part((*name).to_owned());
            if place < self.own && !pin(block, &variable, value, budget)? {
                return Ok(false);
            }
            let Some(claim) = part.claim().map(claim) else {
                continue;
            };
            let encoding = self.signer.shapes.encoding(part, budget)?;
            let needs = part.is_claim_required();
            if !self.repeat(block, &claim, (value, &encoding), needs)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Has a claim repeat this text of the subject or, where the block does not let
    /// it and it need not, be absent; whether one of the two can be.
    pub(super) fn repeat(
        &self,
        block: &mut Block,
        claim: &Variable,
        (text, encoding): (&str, &Encoding),
        needs: bool,
    ) -> Result<bool, Exceeded> {
        let budget = self.signer.budget;
        let values = encoding.read(&Texts::one(text, budget)?, budget)?;
        let asked = block
            .set(claim)
            .map_or_else(Texts::all, |asked| asked.texts().clone());
        let says_so = !asked.and(&values, budget)?.is_empty();
        let values = if says_so || needs {
            Values::of_texts(values)
        } else {
            Values::none().or_absent()
        };
        block.bound(claim, &values, budget)
    }
}
