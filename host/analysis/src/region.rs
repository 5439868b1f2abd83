//! Regions: sets of tokens as unions of blocks.

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::values::{Example, Values};
use crate::variable::Variable;

/// A set of tokens of one issuer.
///
/// It bounds [`Variable`]s each by itself. What the naming of an issuer ties
/// together, such as the parts of a subject and the subject, is not known here.
#[derive(Clone, Debug, Default)]
pub struct Region {
    blocks: Vec<Block>,
}

impl Region {
    /// Every token.
    pub fn all() -> Self {
        Self {
            blocks: vec![Block::default()],
        }
    }

    /// No token.
    pub fn none() -> Self {
        Self::default()
    }

    /// The tokens in which a variable has a value of this set.
    pub(crate) fn bounding(variable: Variable, values: Values) -> Self {
        Self::of(vec![Block::of(variable, values)])
    }

    /// The tokens of these blocks.
    pub(crate) fn of(blocks: Vec<Block>) -> Self {
        Self { blocks }
    }

    /// Whether it is seen to have no token, whatever an issuer's naming says.
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The tokens of both.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn and(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        let mut blocks = Vec::new();
        for one in &self.blocks {
            for another in &other.blocks {
                budget.take(1)?;
                blocks.extend(one.and(another, budget)?);
            }
        }
        Ok(Self { blocks })
    }

    /// The tokens of either.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.blocks.extend(other.blocks);
        self
    }

    /// The tokens of this one that are not of the other.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn minus(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        let mut blocks = self.blocks.clone();
        for taken in &other.blocks {
            let mut left = Vec::new();
            for block in &blocks {
                budget.take(1)?;
                left.extend(block.minus(taken, budget)?);
            }
            blocks = left;
        }
        Ok(Self { blocks })
    }

    /// Whether a token of which these values are known may be in it.
    pub(crate) fn may_contain(&self, known: &[(Variable, Example)]) -> bool {
        self.blocks.iter().any(|block| block.may_contain(known))
    }

    /// Whether a token with these values is in it.
    pub fn contains(&self, value_of: impl Fn(&Variable) -> Example) -> bool {
        self.blocks.iter().any(|block| block.contains(&value_of))
    }

    /// Values of a token of it, for each variable that matters; none where there
    /// is no such token.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn example(&self, budget: &Budget) -> Result<Option<Vec<(Variable, Example)>>, Exceeded> {
        // One block that can't be looked through hides no token of another.
        let mut unknown = None;
        for block in &self.blocks {
            match block.example(budget) {
                Ok(None) => {}
                Ok(Some(example)) => return Ok(Some(example)),
                Err(exceeded) => unknown = Some(exceeded),
            }
        }
        unknown.map_or(Ok(None), Err)
    }
}
