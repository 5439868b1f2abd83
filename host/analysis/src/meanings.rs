//! What each of an issuer's statements speaks of by itself, and what is left of it
//! beside the others.

use claimbound_language::engine::model::{Effect, Program, Statement};

use crate::budget::{Budget, Exceeded};
use crate::region::Region;
use crate::statement::meant;

/// The statements about one issuer, in the program's order.
pub(crate) struct Meanings<'p>(Vec<Meaning<'p>>);

/// A statement and the tokens that it speaks of, whatever others say.
pub(crate) struct Meaning<'p> {
    /// Its place in the program.
    pub(crate) place: usize,
    pub(crate) statement: &'p Statement,
    pub(crate) region: Region,
}

impl Meaning<'_> {
    pub(crate) fn forbids(&self) -> bool {
        match self.statement.effect {
            Effect::Forbid => true,
            Effect::Trust(_) => false,
        }
    }
}

impl<'p> Meanings<'p> {
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn of(
        program: &'p Program,
        issuer: &str,
        budget: &Budget,
    ) -> Result<Self, Exceeded> {
        let statements = program.statements.iter().enumerate();
        let own = statements.filter(|(_, one)| one.issuer == issuer);
        let meanings = own.map(|(place, statement)| {
            Ok(Meaning {
                place,
                statement,
                region: meant(&statement.effect, &statement.conditions, program, budget)?,
            })
        });
        meanings.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn trusts(&self) -> impl Iterator<Item = &Meaning<'p>> {
        self.0.iter().filter(|one| !one.forbids())
    }

    pub(crate) fn forbids(&self) -> impl Iterator<Item = &Meaning<'p>> {
        self.0.iter().filter(|one| one.forbids())
    }

    /// The tokens of a region that come as far as the trust at this place: none is
    /// forbidden, and none is an earlier trust's.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn reaching(
        &self,
        place: usize,
        region: Region,
        budget: &Budget,
    ) -> Result<Region, Exceeded> {
        let earlier = self.trusts().filter(|one| one.place < place);
        without(region, self.forbids().chain(earlier), budget)
    }

    /// The tokens of a region that no other statement than the one at this place
    /// speaks of.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn alone(
        &self,
        place: usize,
        region: Region,
        budget: &Budget,
    ) -> Result<Region, Exceeded> {
        let others = self.0.iter().filter(|one| one.place != place);
        without(region, others, budget)
    }
}

/// The tokens of a region that none of the statements speaks of.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn without<'m>(
    mut region: Region,
    taken: impl Iterator<Item = &'m Meaning<'m>>,
    budget: &Budget,
) -> Result<Region, Exceeded> {
    for one in taken {
        region = region.minus(&one.region, budget)?;
    }
    Ok(region)
}
