//! What the statements of a policy accept: each after those before it, and
//! without what is forbidden.

use std::borrow::Borrow;

use claimbound_language::engine::model::{Condition, Effect, Program, Statement, Test};

use crate::block::{Block, Relation};
use crate::budget::{Budget, Exceeded};
use crate::lists::Lists;
use crate::numbers::Numbers;
use crate::pairs::Pairs;
use crate::region::Region;
use crate::texts::Texts;
use crate::times;
use crate::values::{Held, Values};
use crate::variable::Variable;

/// What a condition makes of all tokens. Those of neither are unknown to it.
pub(crate) struct Verdict {
    pub(crate) yes: Region,
    pub(crate) no: Region,
}

/// The tokens of an issuer that each statement about it decides, in the program's
/// order: a trust accepts them, a forbid refuses them. Tokens of several forbids are
/// of all of them; of several trusts, of the first.
///
/// # Errors
/// [`Exceeded`].
pub fn decided<'p>(
    program: &'p Program,
    issuer: &str,
    budget: &Budget,
) -> Result<Vec<(&'p Statement, Region)>, Exceeded> {
    let all = spoken_of(program, issuer, budget)?;
    let pairs = Pairs::of(all.iter().map(|(statement, _)| *statement));
    let regions = decided_among(&all, &pairs, budget)?;
    let statements = all.iter().map(|(statement, _)| *statement);
    Ok(statements.zip(regions).collect())
}

/// What is decided by each of these statements about one issuer, of which it is
/// known what they speak of.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn decided_among(
    all: &[(&Statement, Region)],
    pairs: &Pairs,
    budget: &Budget,
) -> Result<Vec<Region>, Exceeded> {
    let mut decided = Vec::with_capacity(all.len());
    for (place, (statement, region)) in all.iter().enumerate() {
        let mut region = region.clone();
        if let Effect::Trust(_) = statement.effect {
            for at in pairs.with(place, budget)? {
                if let Some((other, taken)) = all.get(at)
                    && comes_first((other, at), place)
                {
                    region = region.minus(taken, budget)?;
                }
            }
        }
        decided.push(region);
    }
    Ok(decided)
}

/// Whether what a statement takes is not left to the trust at `place`.
fn comes_first((statement, at): (&Statement, usize), place: usize) -> bool {
    match statement.effect {
        Effect::Forbid => true,
        Effect::Trust(_) => at < place,
    }
}

/// The tokens of an issuer that each statement about it speaks of, whatever others
/// say.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn spoken_of<'p>(
    program: &'p Program,
    issuer: &str,
    budget: &Budget,
) -> Result<Vec<(&'p Statement, Region)>, Exceeded> {
    let statements = program.statements.iter();
    let statements = statements.filter(|one| one.issuer == issuer);
    statements
        .map(|statement| {
            let conditions = &statement.conditions;
            let region = meant(&statement.effect, conditions, program, budget)?;
            Ok((statement, region))
        })
        .collect()
}

/// The tokens that a statement of these conditions speaks of, whatever others say:
/// where all of them hold; of a forbid, where none is known not to.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn meant<C: Borrow<Condition>>(
    effect: &Effect,
    conditions: impl IntoIterator<Item = C>,
    program: &Program,
    budget: &Budget,
) -> Result<Region, Exceeded> {
    let mut region = Region::all();
    for condition in conditions {
        let verdict = verdict(condition.borrow(), program, budget)?;
        region = match effect {
            Effect::Trust(_) => region.and(&verdict.yes, budget)?,
            Effect::Forbid => region.minus(&verdict.no, budget)?,
        };
    }
    Ok(region)
}

pub(crate) fn verdict(
    condition: &Condition,
    program: &Program,
    budget: &Budget,
) -> Result<Verdict, Exceeded> {
    if let Some(held) = Held::of(&condition.test, condition.fold, budget)? {
        // INVARIANT: what a program tests is in its lists.
        let variable = Variable::of(condition.source, program).ok_or(Exceeded)?;
        return Ok(Verdict {
            yes: Region::of(vec![Block::of(variable.clone(), held.yes)]),
            no: Region::of(vec![Block::of(variable, held.no)]),
        });
    }
    let by_number = |variable, numbers: Numbers| {
        let others = Numbers::all().minus(&numbers, budget)?;
        let of = |variable, numbers| Block::of(variable, Values::of_numbers(numbers));
        let yes = of(Variable::clone(&variable), numbers);
        Ok(Verdict {
            yes: Region::of(vec![yes]),
            no: Region::of(vec![of(variable, others)]),
        })
    };
    let at_most = |seconds: &u64| Numbers::at_most(&seconds.to_string()).unwrap_or_default();
    match &condition.test {
        Test::AudienceIs(audience) => {
            let listed = Values::of_lists(Lists::with_all([audience]));
            let named = Values::of_texts(Texts::one(audience, budget)?);
            let yes = Block::of(Variable::Audience, listed);
            let yes = yes.and(&Block::of(Variable::AudienceOfRoute, named), budget)?;
            let yes = Region::of(yes.into_iter().collect());
            Ok(Verdict {
                no: Region::all().minus(&yes, budget)?,
                yes,
            })
        }
        Test::SoleAudience => {
            let of = |no, is| Block::of(Variable::SoleAudience, Values::of_booleans(no, is));
            Ok(Verdict {
                yes: Region::of(vec![of(false, true)]),
                no: Region::of(vec![of(true, false)]),
            })
        }
        Test::Between(from, until) => {
            let pair = (from < until).then_some((*from, *until));
            by_number(Variable::Now, Numbers::within(pair))
        }
        Test::Weekly(weekly) => by_number(Variable::Now, times::open(weekly, budget)?),
        Test::LifetimeAtMost(longest) => by_number(Variable::Lifetime, at_most(longest)),
        Test::AgeAtMost(longest) => by_number(Variable::Age, at_most(longest)),
        Test::SameAs(_) | Test::Attribute(_) => equality(condition, program, budget),
        Test::Equals(_)
        | Test::AnyOf(_)
        | Test::NoneOf(_)
        | Test::Matches(_)
        | Test::AtLeast(_)
        | Test::AtMost(_)
        | Test::Contains(_)
        | Test::AllOf(_)
        | Test::Present
        | Test::Absent => Err(Exceeded),
    }
}

/// Equality with another variable: known not to hold where both are of one type
/// and are not the same.
fn equality(
    condition: &Condition,
    program: &Program,
    budget: &Budget,
) -> Result<Verdict, Exceeded> {
    let one = Variable::of(condition.source, program).ok_or(Exceeded)?;
    let other = Variable::beside(&condition.test, program).ok_or(Exceeded)?;
    let related = |is_equal| {
        Block::related(Relation {
            one: one.clone(),
            other: other.clone(),
            folds: condition.fold,
            is_equal,
        })
    };
    let mut no = Vec::new();
    for kind in [
        Values::of_texts(Texts::all()),
        Values::of_booleans(true, true),
        Values::of_numbers(Numbers::all()),
    ] {
        let ours = Block::of(one.clone(), kind.clone());
        let both = ours.and(&Block::of(other.clone(), kind), budget)?;
        let Some(both) = both else { continue };
        no.extend(both.and(&related(false), budget)?);
    }
    Ok(Verdict {
        yes: Region::of(vec![related(true)]),
        no: Region::of(no),
    })
}

#[cfg(test)]
mod tests;
