//! What an issuer's naming leaves of a region: tokens that it can sign.
//!
//! A subject is made of parts by the form that it has; names are made of parts
//! too; and what a claim repeats of either is the same. So a block over all
//! variables becomes sets of its form's parts, and one text of each makes a token.

mod audience;
mod case;
mod choice;
mod free;
mod layout;
mod moment;
mod names;
mod optional;
mod parents;
mod proof;

#[cfg(test)]
mod tests;

use claimbound_issuers::{Form, Model, Part};

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::region::Region;
use crate::shape::Shapes;
use crate::texts::Texts;
use crate::values::{Example, Values};
use crate::variable::Variable;
use case::Case;
use choice::Choices;
use layout::{Layout, Segment};

/// A token of an issuer: what each variable has that matters for being in a
/// region, or for being a token of that issuer at all.
pub type Found = Vec<(Variable, Example)>;

/// A token of the region that the issuer with this URL, of this model, can sign;
/// none where there is no such token.
///
/// # Errors
/// [`Exceeded`]: it takes more steps than it may, or the region speaks of
/// something that is not followed here.
pub fn example(
    region: &Region,
    issuer: &str,
    model: &Model,
    budget: &Budget,
) -> Result<Option<Found>, Exceeded> {
    let signer = Signer::new(issuer, model, budget);
    let mut is_known = true;
    for block in region.blocks() {
        let Some(block) = signer.admitted(block)? else {
            continue;
        };
        for form in model.forms() {
            match signer.found(&block, form)? {
                Ok(found) => return Ok(Some(found)),
                Err(Nothing { is_certain }) => is_known &= is_certain,
            }
        }
    }
    if is_known { Ok(None) } else { Err(Exceeded) }
}

/// Nothing was found.
#[derive(Clone, Copy, Debug)]
struct Nothing {
    /// Whether there is nothing to be found.
    is_certain: bool,
}

impl Nothing {
    const CERTAIN: Self = Self { is_certain: true };
}

/// What came of a search.
type Search<T> = Result<Result<T, Nothing>, Exceeded>;

/// The issuer whose tokens are looked for.
struct Signer<'a> {
    url: &'a str,
    model: &'a Model,
    /// What its URL says. One outside the model says nothing.
    of_url: Vec<(&'a Part, &'a str)>,
    shapes: Shapes,
    budget: &'a Budget,
}

impl<'a> Signer<'a> {
    fn new(url: &'a str, model: &'a Model, budget: &'a Budget) -> Self {
        let of_url = model.issuer(url).map_or_else(
            |_| Vec::new(),
            |found| {
                let parts = found.parts().iter();
                let parts = parts.filter_map(|(name, value)| Some((model.part(name)?, *value)));
                parts.collect()
            },
        );
        Self {
            url,
            model,
            of_url,
            shapes: Shapes::default(),
            budget,
        }
    }

    /// The block with what is so of every token of the issuer that a host looks
    /// at, whatever its subject; none where that leaves nothing.
    fn admitted(&self, block: &Block) -> Result<Option<Block>, Exceeded> {
        let mut block = block.clone();
        // The algorithms that issuers of this model sign with.
        let algorithms = Texts::of(self.model.algorithms(), false, self.budget)?;
        let algorithms = Values::of_texts(algorithms);
        let is_possible = block.bound(&Variable::KeyAlgorithm, &algorithms, self.budget)?
            && pin(&mut block, &Variable::Issuer, self.url, self.budget)?
            && moment::settle(&mut block, self.budget)?
            && audience::settle(&mut block, self.budget)?;
        if !is_possible {
            return Ok(None);
        }
        Ok(block.is_possible(self.budget)?.then_some(block))
    }

    /// A token of the block whose subject is of this form.
    fn found(&self, block: &Block, form: &'a Form) -> Search<Found> {
        let named = Values::of_texts(Texts::one(form.name(), self.budget)?);
        let named = Block::of(Variable::Form, named);
        let Some(own) = block.and(&named, self.budget)? else {
            return Ok(Err(Nothing::CERTAIN));
        };
        let mut is_certain = true;
        let blocks = parents::followed(own, self.model, form, self.budget)?;
        for own in optional::told(blocks, (self.model, form), self.budget)? {
            let search = if form.is_custom() {
                Choices::new(self, &own, form)?.found(block)?
            } else {
                let segments = Segment::all(self.model, form);
                let segments: Vec<&Segment<'_>> = segments.iter().collect();
                self.found_so(&own, &Layout::new(form, &segments))?
            };
            match search {
                Ok(found) => return Ok(Ok(found)),
                Err(nothing) => is_certain &= nothing.is_certain,
            }
        }
        Ok(Err(Nothing { is_certain }))
    }

    /// A token of the block whose subject is laid out so.
    fn found_so(&self, block: &Block, layout: &Layout<'a>) -> Search<Found> {
        let found = match Case::new(self, block, layout)? {
            Ok(case) => case.found()?,
            Err(nothing) => Err(nothing),
        };
        // Whatever was overlooked, what is told of is in the block.
        let is_proved = |found: &Found| proof::is_in(found, block, self.url, self.model);
        Ok(match found {
            Ok(found) if !is_proved(&found) => Err(Nothing { is_certain: false }),
            Ok(_) | Err(_) => found,
        })
    }
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

/// Has a variable be absent, where anything is asked of it; whether the block lets
/// it.
fn lack(block: &mut Block, variable: &Variable, budget: &Budget) -> Result<bool, Exceeded> {
    if !block.mentions(variable) {
        return Ok(true);
    }
    block.bound(variable, &Values::none().or_absent(), budget)
}

/// The claim at a path.
fn claim(path: &[Box<str>]) -> Variable {
    Variable::Claim(path.iter().map(ToString::to_string).collect())
}
