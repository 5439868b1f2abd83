//! Mutation: would some case notice if the policy said less?

use std::collections::HashMap;

use claimbound_language::engine::model::{Effect, Statement};
use claimbound_language::engine::{Decision, Grant};
use claimbound_language::{Compiled, Example as Token, IssuerSummary};

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::compare::{Difference, Relation};
use crate::grants::{self, Change};
use crate::meanings::{Meanings, without};
use crate::mutant::{Mutant, beyond, mutants};
use crate::naming::{self, Found};
use crate::numbers::Numbers;
use crate::region::Region;
use crate::statement::meant;
use crate::token::token;
use crate::tried::Tried;
use crate::values::{Example, Values};
use crate::variable::Variable;

/// How much work mutation may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutationLimits {
    /// The most mutants that are tried.
    pub mutants: usize,
    /// The steps that all comparisons may take together.
    pub steps: u64,
}

impl Default for MutationLimits {
    fn default() -> Self {
        Self {
            mutants: 2_000,
            steps: 20 * Budget::USUAL,
        }
    }
}

/// What became of the mutants of a policy.
#[derive(Clone, Debug, Default)]
pub struct Mutation {
    /// How many of them some case noticed.
    pub noticed: usize,
    /// Those that none did.
    pub survivors: Vec<Survivor>,
    /// How many decide every token as the policy does: they are none.
    pub equivalent: usize,
    /// How many were not tried, for there are more than may be.
    pub untried: usize,
}

/// A mutant that no case noticed.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// The mutant.
    pub mutant: Mutant,
    /// A token that it decides otherwise than the policy, which comes before; none
    /// where looking for one takes more steps than it may, or speaks of what is not
    /// followed.
    pub shown: Option<Difference>,
}

impl Mutation {
    /// How many mutants count: those that some case noticed, and those that could
    /// have been.
    pub fn counted(&self) -> usize {
        self.noticed.saturating_add(self.survivors.len())
    }

    /// How many of those that count were noticed, in percent, rounded down; all, where
    /// none counts.
    pub fn score(&self) -> usize {
        let hundredfold = self.noticed.saturating_mul(100);
        hundredfold.checked_div(self.counted()).unwrap_or(100)
    }
}

/// Tries each mutant of a policy on its cases. Cases that the policy itself does not
/// pass notice nothing. `told` is told of each mutant before it is tried, by its
/// number from one, and how many there are.
pub fn mutation(
    compiled: &Compiled,
    cases: &[Tried],
    limits: MutationLimits,
    mut told: impl FnMut(usize, usize),
) -> Mutation {
    let all = mutants(&compiled.program).count();
    let total = all.min(limits.mutants);
    let mut mutation = Mutation {
        untried: (all - total).saturating_add(beyond(&compiled.program)),
        ..Mutation::default()
    };
    let (trial, originals) = (Trial::new(compiled, cases), Originals::new(compiled));
    let mut left = limits.steps;
    for (number, mutant) in mutants(&compiled.program).take(total).enumerate() {
        told(number + 1, total);
        let is_noticed = match trial.of(&mutant) {
            Noticed::ByDecision => {
                mutation.noticed += 1;
                continue;
            }
            Noticed::ByReason => true,
            Noticed::Not => false,
        };
        let budget = Budget::new(left.min(Budget::USUAL));
        let given = budget.left();
        let found = originals.difference(&mutant, &budget);
        left -= given - budget.left();
        match (found, is_noticed) {
            (Ok(None), _) => mutation.equivalent += 1,
            (Ok(Some(_)) | Err(Exceeded), true) => mutation.noticed += 1,
            (found, false) => mutation.survivors.push(Survivor {
                mutant,
                shown: found.unwrap_or(None),
            }),
        }
    }
    mutation
}

/// Whether the cases notice a mutant.
enum Noticed {
    /// A token is let in that was not, or the other way round, or for something else.
    ByDecision,
    /// A denial has another reason, or a statement another name, and that is all.
    ByReason,
    Not,
}

/// The cases that a policy passes, and what it grants for each; none is a denial.
struct Trial<'t> {
    policy: &'t Compiled,
    passed: Vec<(&'t Tried, Option<&'t Grant>)>,
}

impl<'t> Trial<'t> {
    fn new(policy: &'t Compiled, cases: &'t [Tried]) -> Self {
        let passed = cases.iter().filter(|case| case.passes(policy));
        Self {
            policy,
            passed: passed.map(|case| (case, granted(policy, case))).collect(),
        }
    }

    fn of(&self, mutant: &Mutant) -> Noticed {
        let Some(altered) = mutant.of(self.policy) else {
            return Noticed::Not;
        };
        let mut noticed = Noticed::Not;
        for (case, was) in &self.passed {
            if case.passes(&altered) {
                continue;
            }
            if grants::change(*was, granted(&altered, case)) != Change::None {
                return Noticed::ByDecision;
            }
            noticed = Noticed::ByReason;
        }
        noticed
    }
}

/// What a policy's statement grants to a case's token; none is a denial.
fn granted<'p>(policy: &'p Compiled, case: &Tried) -> Option<&'p Grant> {
    let token = &case.token;
    let verdict = policy.decide(&token.claims, &token.key, &token.request);
    match verdict.ok()?.decision {
        Decision::Allow { statement, .. } => grant_of(policy, &statement),
        Decision::Deny { .. } => None,
    }
}

fn grant_of<'p>(policy: &'p Compiled, name: &str) -> Option<&'p Grant> {
    let mut statements = policy.program.statements.iter();
    let statement = statements.find(|one| one.name == name)?;
    grant(statement)
}

const fn grant(statement: &Statement) -> Option<&Grant> {
    match &statement.effect {
        Effect::Trust(grant) => Some(grant),
        Effect::Forbid => None,
    }
}

/// A policy's statements, computed once for all its mutants: each is as it was but
/// for one of them.
struct Originals<'p> {
    policy: &'p Compiled,
    meanings: HashMap<&'p str, Result<Meanings<'p>, Exceeded>>,
}

impl<'p> Originals<'p> {
    fn new(policy: &'p Compiled) -> Self {
        let issuers = policy.issuers.iter().map(|issuer| {
            let meanings = Meanings::of(&policy.program, &issuer.url, &Budget::default());
            (issuer.url.as_str(), meanings)
        });
        Self {
            policy,
            meanings: issuers.collect(),
        }
    }

    /// A token that a mutant decides otherwise; none where there is no such token.
    fn difference(&self, mutant: &Mutant, budget: &Budget) -> Result<Option<Difference>, Exceeded> {
        let issuer = self.policy.issuer(&mutant.issuer).ok_or(Exceeded)?;
        let altered = mutant.of(self.policy).ok_or(Exceeded)?;
        let mut is_known = true;
        for region in self.differing(mutant, budget)? {
            match self.shown_in(&region, issuer, &altered, budget) {
                Ok(None) => {}
                Ok(Some(shown)) => return Ok(Some(shown)),
                Err(Exceeded) => is_known = false,
            }
        }
        if is_known { Ok(None) } else { Err(Exceeded) }
    }

    /// A token of a region that two policies decide otherwise.
    fn shown_in(
        &self,
        region: &Region,
        issuer: &IssuerSummary,
        altered: &Compiled,
        budget: &Budget,
    ) -> Result<Option<Difference>, Exceeded> {
        let (url, model) = (&issuer.url, &issuer.model);
        let Some(found) = naming::example(region, url, model, budget)? else {
            return Ok(None);
        };
        let token = if let Some(token) = token(&found, url, model) {
            token
        } else {
            // It had expired: how long tokens usually live is less than its age.
            let living = living(region, &found, budget)?;
            let found = naming::example(&living, url, model, budget)?.ok_or(Exceeded)?;
            token(&found, url, model).ok_or(Exceeded)?
        };
        self.shown(token, altered, url).map(Some)
    }

    /// The tokens that a mutant decides otherwise, in regions of which each may be
    /// empty.
    fn differing(&self, mutant: &Mutant, budget: &Budget) -> Result<Vec<Region>, Exceeded> {
        let meanings = self.meanings.get(mutant.issuer.as_str());
        let meanings = meanings.and_then(|one| one.as_ref().ok()).ok_or(Exceeded)?;
        let original = self.policy.program.statements.get(mutant.place);
        let original = original.ok_or(Exceeded)?;
        let program = &self.policy.program;
        let was = meant(&original.effect, &original.conditions, program, budget)?;
        let is = match &mutant.altered {
            Some(altered) => meant(&altered.effect, &altered.conditions, program, budget)?,
            None => Region::none(),
        };
        let mut differing = Vec::new();
        for changed in [is.minus(&was, budget)?, was.minus(&is, budget)?] {
            differing.extend(match grant(original) {
                Some(grant) => accepted_else(meanings, mutant.place, grant, changed, budget)?,
                None => accepted_at_all(meanings, mutant.place, changed, budget)?,
            });
        }
        Ok(differing)
    }

    /// No difference is told of that does not show.
    fn shown(
        &self,
        token: Token,
        altered: &Compiled,
        issuer: &str,
    ) -> Result<Difference, Exceeded> {
        let by = |policy: &Compiled| {
            let verdict = policy.decide(&token.claims, &token.key, &token.request);
            match verdict.map_err(|_| Exceeded)?.decision {
                Decision::Allow { statement, .. } => Ok(Some(statement)),
                Decision::Deny { .. } => Ok(None),
            }
        };
        let (before, after) = (by(self.policy)?, by(altered)?);
        let grant = |name: &Option<String>| grant_of(self.policy, name.as_ref()?);
        let relation = match grants::change(grant(&before), grant(&after)) {
            Change::None => return Err(Exceeded),
            Change::Narrower => Relation::Narrower,
            Change::Wider => Relation::Wider,
            Change::Other => Relation::Different,
        };
        Ok(Difference {
            issuer: issuer.to_owned(),
            before,
            after,
            relation,
            token,
        })
    }
}

/// The tokens of a region that are as old as this one, and have not expired.
fn living(region: &Region, found: &Found, budget: &Budget) -> Result<Region, Exceeded> {
    let mut values = found.iter();
    let age = values.find_map(|(variable, value)| match (variable, value) {
        (Variable::Age, Example::Value(age)) => age.as_u64(),
        _ => None,
    });
    let age = age.ok_or(Exceeded)?;
    let number = |number: Result<Numbers, _>| number.map(Values::of_numbers).map_err(|_| Exceeded);
    let longer = number(Numbers::at_least(&age.saturating_add(1).to_string()))?;
    let same = number(Numbers::one(&age.to_string()))?;
    let longer = Region::of(vec![Block::of(Variable::Lifetime, longer)]);
    let same = Region::of(vec![Block::of(Variable::Age, same)]);
    region.and(&longer, budget)?.and(&same, budget)
}

/// Of tokens that the trust at this place speaks of in one policy and not in the other:
/// those that matter, for they come as far as it, and no later trust grants them just
/// the same.
fn accepted_else(
    meanings: &Meanings<'_>,
    place: usize,
    granted: &Grant,
    changed: Region,
    budget: &Budget,
) -> Result<Vec<Region>, Exceeded> {
    let mut left = meanings.reaching(place, changed, budget)?;
    let mut regions = Vec::new();
    for later in meanings.trusts().filter(|one| one.place > place) {
        let is_same = grants::change(grant(later.statement), Some(granted)) == Change::None;
        if !is_same {
            regions.push(left.and(&later.region, budget)?);
        }
        left = left.minus(&later.region, budget)?;
    }
    // Whom nobody else lets in is what a reader looks for first.
    regions.insert(0, left);
    Ok(regions)
}

/// Of tokens that the forbid at this place speaks of in one policy and not in the other:
/// those that matter, for no other forbid does, and some trust does.
fn accepted_at_all(
    meanings: &Meanings<'_>,
    place: usize,
    changed: Region,
    budget: &Budget,
) -> Result<Vec<Region>, Exceeded> {
    let others = meanings.forbids().filter(|one| one.place != place);
    let free = without(changed, others, budget)?;
    let trusted = meanings.trusts().map(|one| free.and(&one.region, budget));
    trusted.collect()
}

#[cfg(test)]
mod tests;
