//! What an issuer's naming leaves of a region: tokens that it can sign.
//!
//! A subject is made of parts by the form that it has; names are made of parts
//! too; and what a claim repeats of either is the same. So a block over all
//! variables becomes sets of its form's parts, and one text of each makes a token.

use claimbound_issuers::{Form, Kind, Model, Need, Part};

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::numbers::Numbers;
use crate::region::Region;
use crate::shape::{self, Piece};
use crate::texts::Texts;
use crate::token::{USUAL_LIFETIME, USUAL_TIME};
use crate::values::{Example, Values};
use crate::variable::Variable;

/// A token of an issuer: what each variable has that matters for being in a
/// region, or for being a token of that issuer at all.
pub type Found = Vec<(Variable, Example)>;

/// A token of the region that the issuer with this URL, of this model, can sign;
/// none where there is no such token.
///
/// # Errors
/// [`Exceeded`]: it takes more steps than it may, or the region speaks of
/// something that is not followed here, such as a chosen form of the subject.
pub fn example(
    region: &Region,
    issuer: &str,
    model: &Model,
    budget: &Budget,
) -> Result<Option<Found>, Exceeded> {
    // A URL outside the model says nothing of its tokens.
    let of_url = model.issuer(issuer).map_or_else(
        |_| Vec::new(),
        |found| {
            let parts = found.parts().iter();
            let parts = parts.filter_map(|(name, value)| Some((model.part(name)?, *value)));
            parts.collect()
        },
    );
    let mut is_known = true;
    for block in region.blocks() {
        for form in model.forms() {
            match Case::new(block, (model, form), &of_url, budget)? {
                None => {}
                Some(case) => match case.found(budget)? {
                    Ok(found) => return Ok(Some(found)),
                    Err(Nothing { is_certain }) => is_known &= is_certain,
                },
            }
        }
    }
    if is_known { Ok(None) } else { Err(Exceeded) }
}

/// Nothing was found.
struct Nothing {
    /// Whether there is nothing to be found.
    is_certain: bool,
}

/// Texts of a template whose parts are to be found.
struct Made {
    pieces: Vec<Piece>,
    texts: Texts,
}

/// The tokens of a block whose subjects are of one form.
struct Case<'a> {
    model: &'a Model,
    form: &'a Form,
    /// The block, with what naming says of claims.
    block: Block,
    /// Each part with its texts, as the subject spells them: those of the form
    /// first, then those that the issuer's URL alone has.
    parts: Vec<(&'a Part, Texts)>,
    /// How many of them are of the form.
    own: usize,
    made: Vec<Made>,
    /// Whether all that is asked was followed.
    is_certain: bool,
}

impl<'a> Case<'a> {
    /// None where no token of this form is in the block.
    fn new(
        block: &Block,
        (model, form): (&'a Model, &'a Form),
        of_url: &[(&'a Part, &str)],
        budget: &Budget,
    ) -> Result<Option<Self>, Exceeded> {
        let named = Values::of_texts(Texts::one(form.name(), budget)?);
        let Some(block) = block.and(&Block::of(Variable::Form, named), budget)? else {
            return Ok(None);
        };
        let mut case = Self {
            model,
            form,
            block,
            parts: Vec::new(),
            own: 0,
            made: Vec::new(),
            is_certain: true,
        };
        let is_possible = case.add_key(budget)?
            && case.add_parts(of_url, budget)?
            && case.lacks_others()
            && case.add_names(budget)?
            && case.add_subject();
        Ok(is_possible.then_some(case))
    }

    /// The algorithms that issuers of this model sign with; whether one is left.
    fn add_key(&mut self, budget: &Budget) -> Result<bool, Exceeded> {
        let algorithms = Texts::of(self.model.algorithms(), false, budget)?;
        let algorithms = Values::of_texts(algorithms);
        self.block
            .bound(&Variable::KeyAlgorithm, &algorithms, budget)
    }

    /// The texts that a claim, or whatever else is a text, has to be among.
    fn asked(&self, variable: &Variable) -> Option<&Values> {
        self.block.set(variable)
    }

    fn texts_of(&mut self, part: &str) -> Option<&mut Texts> {
        let mut parts = self.parts.iter_mut();
        parts
            .find(|(one, _)| one.name() == part)
            .map(|(_, texts)| texts)
    }

    /// Bounds a part; whether any text is left.
    fn bound_part(&mut self, part: &str, by: &Texts, budget: &Budget) -> Result<bool, Exceeded> {
        let Some(texts) = self.texts_of(part) else {
            return Ok(true);
        };
        *texts = texts.and(by, budget)?;
        Ok(!texts.is_empty())
    }

    /// The parts that subjects of this form have, and that the issuer's URL has.
    fn add_parts(
        &mut self,
        of_url: &[(&'a Part, &str)],
        budget: &Budget,
    ) -> Result<bool, Exceeded> {
        let (model, form) = (self.model, self.form);
        for part in model.parts_of(form) {
            let mut fixed = model.fixed_parts(form);
            let fixed = fixed.find(|(name, _)| *name == part.name());
            let mut texts = match fixed {
                Some((_, value)) => Texts::one(value, budget)?,
                None => shape::texts(part, budget)?,
            };
            if let Some(asked) = self.asked(&Variable::Part(part.name().to_owned())) {
                texts = texts.and(asked.texts(), budget)?;
            }
            let in_url = of_url.iter().find(|(one, _)| one.name() == part.name());
            if let Some((_, value)) = in_url {
                texts = texts.and(&Texts::one(value, budget)?, budget)?;
            }
            if !self.add_part(part, texts, budget)? {
                return Ok(false);
            }
        }
        self.own = self.parts.len();
        for (part, value) in of_url {
            let is_own = self.parts.iter().any(|(one, _)| one.name() == part.name());
            if !is_own && !self.add_part(part, Texts::one(value, budget)?, budget)? {
                return Ok(false);
            }
        }
        // Which parts a chosen subject has is not followed.
        self.is_certain &= !form.is_custom();
        Ok(true)
    }

    /// Adds a part and what the claim says that repeats it; whether any text is
    /// left.
    fn add_part(
        &mut self,
        part: &'a Part,
        mut texts: Texts,
        budget: &Budget,
    ) -> Result<bool, Exceeded> {
        if let Some(path) = part.claim() {
            let variable = claim(path);
            // A claim that repeats a part is a text, or absent.
            if !self
                .block
                .bound(&variable, &Values::text_or_absent(), budget)?
            {
                return Ok(false);
            }
            let asked = self.asked(&variable).cloned().unwrap_or_else(Values::all);
            if !asked.contains(None) || part.is_claim_required() {
                let plain = shape::plain(part, budget)?;
                self.is_certain &= asked.texts().is_within(&plain, budget)?;
                texts = texts.and(asked.texts(), budget)?.and(&plain, budget)?;
            }
        }
        let is_possible = !texts.is_empty();
        self.parts.push((part, texts));
        Ok(is_possible)
    }

    /// The part that holds the id of a kind, in the subject or in the URL.
    fn id_part(&self, kind: &Kind) -> Option<&'a Part> {
        let holds = |part: &Part| {
            self.model
                .id_parts(kind)
                .any(|one| one.name() == part.name())
        };
        let mut parts = self.parts.iter();
        parts.find(|(part, _)| holds(part)).map(|(part, _)| *part)
    }

    /// Whether the parts that this form has not may be lacking.
    fn lacks_others(&self) -> bool {
        let is_other = |part: &&Part| {
            let mut own = self.model.parts_of(self.form);
            own.all(|one| one.name() != part.name())
        };
        let may_lack = |part: &Part| {
            let asked = self.asked(&Variable::Part(part.name().to_owned()));
            asked.is_none_or(|asked| asked.contains(None))
        };
        self.model.parts().iter().filter(is_other).all(may_lack)
    }

    fn add_names(&mut self, budget: &Budget) -> Result<bool, Exceeded> {
        for kind in self.model.names() {
            if !kind.is_named_in(self.form) {
                let all = [Variable::Name, Variable::Id, Variable::Parent];
                let lacks = |of: &fn(String) -> Variable| {
                    let asked = self.asked(&of(kind.name().to_owned()));
                    asked.is_none_or(|asked| asked.contains(None))
                };
                if !all.iter().all(lacks) {
                    return Ok(false);
                }
                continue;
            }
            if !self.add_name(kind, budget)? || !self.add_id(kind, budget)? {
                return Ok(false);
            }
            // What a name belongs to is asked for by nothing that people write.
            let parent = self.asked(&Variable::Parent(kind.name().to_owned()));
            self.is_certain &= parent.is_none();
        }
        Ok(true)
    }

    fn add_name(&mut self, kind: &Kind, budget: &Budget) -> Result<bool, Exceeded> {
        let asked = self.asked(&Variable::Name(kind.name().to_owned())).cloned();
        let own = |name: &str| self.parts.iter().any(|(part, _)| part.name() == name);
        let is_covered = |pieces: &Vec<Piece>| {
            let mut parts = pieces.iter().filter_map(Piece::part).peekable();
            parts.peek().is_some() && parts.all(own)
        };
        let covered: Vec<Vec<Piece>> = kind
            .templates()
            .map(shape::pieces)
            .filter(is_covered)
            .collect();
        let variable = kind.claim().map(claim);
        if let Some(variable) = &variable
            && !self
                .block
                .bound(variable, &Values::text_or_absent(), budget)?
        {
            return Ok(false);
        }
        let claimed = variable
            .as_ref()
            .and_then(|variable| self.asked(variable))
            .cloned();
        let mut covered = covered.into_iter();
        if let Some(pieces) = covered.next() {
            self.is_certain &= covered.next().is_none();
            let parts = pieces.iter().filter_map(Piece::part);
            self.is_certain &= parts
                .filter_map(|name| self.model.part(name))
                .all(is_filled);
            let mut texts = Texts::all();
            if let Some(asked) = &asked {
                texts = texts.and(asked.texts(), budget)?;
            }
            if let Some(claimed) = claimed.filter(|claimed| !claimed.contains(None)) {
                let plain = shape::plain_name(self.model, kind, budget)?;
                self.is_certain &= claimed.texts().is_within(&plain, budget)?;
                texts = texts.and(claimed.texts(), budget)?.and(&plain, budget)?;
            }
            if !texts.is_all() {
                self.made.push(Made { pieces, texts });
            }
            return Ok(true);
        }
        let named = asked
            .as_ref()
            .map_or_else(Texts::all, |asked| asked.texts().clone());
        let lacks =
            kind.id_need() != Need::Promised && asked.is_none_or(|asked| asked.contains(None));
        self.beside(variable.as_ref(), &named, lacks, budget)
    }

    fn add_id(&mut self, kind: &Kind, budget: &Budget) -> Result<bool, Exceeded> {
        let asked = self.asked(&Variable::Id(kind.name().to_owned())).cloned();
        let variable = kind.id_claim().map(claim);
        if let Some(variable) = &variable
            && !self
                .block
                .bound(variable, &Values::text_or_absent(), budget)?
        {
            return Ok(false);
        }
        let texts = asked
            .as_ref()
            .map_or_else(Texts::all, |asked| asked.texts().clone());
        if let Some(part) = self.id_part(kind) {
            let mut others = self
                .model
                .id_parts(kind)
                .filter(|one| one.name() != part.name());
            let has = |other: &Part| self.parts.iter().any(|(one, _)| one.name() == other.name());
            self.is_certain &= is_filled(part) && !others.any(has);
            let claimed = variable
                .as_ref()
                .and_then(|variable| self.asked(variable))
                .cloned();
            if !self.bound_part(part.name(), &texts, budget)? {
                return Ok(false);
            }
            return match claimed.filter(|claimed| !claimed.contains(None)) {
                Some(claimed) => self.bound_part(part.name(), claimed.texts(), budget),
                None => Ok(true),
            };
        }
        let lacks =
            kind.id_need() != Need::Promised && asked.is_none_or(|asked| asked.contains(None));
        self.beside(variable.as_ref(), &texts, lacks, budget)
    }

    /// Bounds what only a claim says: it is one of these texts and not empty, or
    /// is not there, where it may be lacking.
    fn beside(
        &mut self,
        claim: Option<&Variable>,
        texts: &Texts,
        lacks: bool,
        budget: &Budget,
    ) -> Result<bool, Exceeded> {
        let Some(claim) = claim else {
            return Ok(lacks);
        };
        // An empty one counts as none.
        let empty = Texts::one("", budget)?;
        let values = if lacks {
            Values::of_texts(texts.or(&empty, budget)?).or_absent()
        } else {
            Values::of_texts(texts.minus(&empty, budget)?)
        };
        self.block.bound(claim, &values, budget)
    }

    fn add_subject(&mut self) -> bool {
        let Some(asked) = self.asked(&Variable::Subject).cloned() else {
            return true;
        };
        match self.form.template() {
            Some(template) => self.made.push(Made {
                pieces: shape::pieces(template),
                texts: asked.texts().clone(),
            }),
            None => self.is_certain = false,
        }
        true
    }

    /// Looks for a token.
    fn found(&self, budget: &Budget) -> Result<Result<Found, Nothing>, Exceeded> {
        if self.block.example(budget)?.is_none() {
            return Ok(Err(Nothing { is_certain: true }));
        }
        let parts: Vec<Texts> = self.parts.iter().map(|(_, texts)| texts.clone()).collect();
        let mut is_certain = self.is_certain;
        match self.made_of(&self.made, &parts, &mut is_certain, budget)? {
            Some(found) => Ok(Ok(found)),
            None => Ok(Err(Nothing { is_certain })),
        }
    }

    /// Follows one template after another, and then takes a text of each part.
    fn made_of(
        &self,
        made: &[Made],
        parts: &[Texts],
        is_certain: &mut bool,
        budget: &Budget,
    ) -> Result<Option<Found>, Exceeded> {
        budget.take(1)?;
        let Some((first, rest)) = made.split_first() else {
            let found = self.token(parts, budget)?;
            *is_certain &= found.is_some();
            return Ok(found);
        };
        let place = |piece: &Piece| {
            let name = piece.part()?;
            self.parts.iter().position(|(part, _)| part.name() == name)
        };
        let mut sets = Vec::with_capacity(first.pieces.len());
        for piece in &first.pieces {
            sets.push(
                match (piece, place(piece).and_then(|place| parts.get(place))) {
                    (Piece::Literal(text), _) => Texts::one(text, budget)?,
                    (Piece::Part(_), Some(texts)) => texts.clone(),
                    (Piece::Part(_), None) => Texts::none(),
                },
            );
        }
        for way in first.texts.split(&sets, budget)? {
            let mut narrower = parts.to_vec();
            for (piece, texts) in first.pieces.iter().zip(way) {
                if let Some(part) = place(piece).and_then(|place| narrower.get_mut(place)) {
                    *part = texts;
                }
            }
            let found = self.made_of(rest, &narrower, is_certain, budget)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A token with these parts.
    fn token(&self, parts: &[Texts], budget: &Budget) -> Result<Option<Found>, Exceeded> {
        let named = self.parts.iter().zip(parts);
        let values: Option<Vec<(&Part, String)>> = named
            .map(|((part, _), texts)| Some((*part, texts.example()?)))
            .collect();
        let Some(values) = values else {
            return Ok(None);
        };
        let raw: Vec<(&str, &str)> = values
            .iter()
            .map(|(part, value)| (part.name(), value.as_str()))
            .collect();
        let own = raw.get(..self.own).unwrap_or_default();
        let Ok(subject) = self.model.print_subject(self.form.name(), own) else {
            return Ok(None);
        };
        let mut block = self.block.clone();
        let mut is_possible = pin(&mut block, &Variable::Subject, &subject, budget)?;
        for (part, value) in own {
            let variable = Variable::Part((*part).to_owned());
            is_possible &= pin(&mut block, &variable, value, budget)?;
        }
        for (part, value) in &values {
            if let Some(variable) = part.claim().map(claim) {
                let needs = part.is_claim_required();
                is_possible &= repeat(&mut block, &variable, value, needs, budget)?;
            }
        }
        for kind in self.model.names() {
            if !kind.is_named_in(self.form) {
                continue;
            }
            let mut templates = kind.templates().map(shape::pieces);
            if let Some(name) = templates.find_map(|pieces| shape::print(&pieces, &raw)) {
                let variable = Variable::Name(kind.name().to_owned());
                is_possible &= pin(&mut block, &variable, &name, budget)?;
                if let Some(variable) = kind.claim().map(claim) {
                    is_possible &= repeat(&mut block, &variable, &name, false, budget)?;
                }
            }
            let id = self.id_part(kind);
            let id = id.and_then(|part| raw.iter().find(|(name, _)| *name == part.name()));
            if let Some((_, id)) = id {
                let variable = Variable::Id(kind.name().to_owned());
                is_possible &= pin(&mut block, &variable, id, budget)?;
                if let Some(variable) = kind.id_claim().map(claim) {
                    is_possible &= repeat(&mut block, &variable, id, false, budget)?;
                }
            }
        }
        if !is_possible {
            return Ok(None);
        }
        // A name or an id that a claim alone gives is that claim.
        prefer_usual_times(&mut block, budget)?;
        block.example(budget)
    }
}

/// Whether a part is never empty, so that what is made of it is there.
fn is_filled(part: &Part) -> bool {
    !part.accepts("")
}

/// Issued just now, and alive for some minutes, on a Monday at ten, as far as the
/// block leaves it open; and not expired.
fn prefer_usual_times(block: &mut Block, budget: &Budget) -> Result<(), Exceeded> {
    let of = |numbers| Values::of_numbers(numbers);
    for (variable, usual) in [
        (Variable::Now, USUAL_TIME),
        (Variable::Age, 0),
        (Variable::Lifetime, USUAL_LIFETIME),
    ] {
        let usual = of(Numbers::one(&usual.to_string()).unwrap_or_default());
        let Some(asked) = block.set(&variable) else {
            continue;
        };
        if !asked.and(&usual, budget)?.is_empty() {
            block.bound(&variable, &usual, budget)?;
        }
    }
    let age = block.set(&Variable::Age).and_then(Values::example);
    let Some(Example::Value(serde_json::Value::Number(age))) = age else {
        return Ok(());
    };
    let longer = Numbers::at_least(&age.to_string()).unwrap_or_default();
    let longer = of(longer.minus(&Numbers::one(&age.to_string()).unwrap_or_default(), budget)?);
    let same = of(Numbers::one(&age.to_string()).unwrap_or_default());
    block.bound(&Variable::Age, &same, budget)?;
    let lifetime = block.set(&Variable::Lifetime).cloned();
    let lifetime = lifetime.unwrap_or_else(|| Variable::Lifetime.domain());
    if !lifetime.and(&longer, budget)?.is_empty() {
        block.bound(&Variable::Lifetime, &longer, budget)?;
    }
    Ok(())
}

/// Has a variable be this text; whether the block lets it.
fn pin(
    block: &mut Block,
    variable: &Variable,
    text: &str,
    budget: &Budget,
) -> Result<bool, Exceeded> {
    let one = Values::of_texts(Texts::one(text, budget)?);
    block.bound(variable, &one, budget)
}

/// Has a claim repeat this text or, where the block does not let it and it need
/// not, be absent; whether one of the two can be.
fn repeat(
    block: &mut Block,
    variable: &Variable,
    text: &str,
    needs: bool,
    budget: &Budget,
) -> Result<bool, Exceeded> {
    let asked = block.set(variable);
    let says_so = asked.is_none_or(|asked| asked.texts().contains(text));
    if says_so || needs {
        return pin(block, variable, text, budget);
    }
    block.bound(variable, &Values::none().or_absent(), budget)
}

fn claim(path: &[Box<str>]) -> Variable {
    Variable::Claim(path.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests;
