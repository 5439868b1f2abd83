//! Two policies compared: which tokens they decide otherwise.

use claimbound_language::engine::model::Effect;
use claimbound_language::engine::{Decision, Grant};
use claimbound_language::{Compiled, Example as Token, IssuerSummary};

use crate::budget::{Budget, Exceeded};
use crate::grants::{self, Change};
use crate::naming;
use crate::region::Region;
use crate::statement::decided;
use crate::token::token;

/// How a policy relates to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both decide every token alike.
    Equivalent,
    /// Less is accepted or granted, or more is asked for, and nothing else.
    Narrower,
    /// More is accepted or granted, or less is asked for, and nothing else.
    Wider,
    /// Some of either, or what can't be put in an order.
    Different,
    /// It takes more steps than it may, or something is not followed.
    Unknown,
}

/// A kind of tokens that two policies decide otherwise.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The issuer of the tokens.
    pub issuer: String,
    /// The statement that accepts them in the older policy; none where it denies
    /// them.
    pub before: Option<String>,
    /// The statement that accepts them in the newer one; none where it denies them.
    pub after: Option<String>,
    /// What has changed for them: [`Relation::Narrower`], [`Relation::Wider`] or
    /// [`Relation::Different`].
    pub relation: Relation,
    /// One of them, which both policies were asked about.
    pub token: Token,
}

/// What became of a comparison.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// How the newer policy relates to the older one.
    pub relation: Relation,
    /// What they decide otherwise, each with a token.
    pub differences: Vec<Difference>,
}

/// Compares two policies, the older one first.
pub fn compare(old: &Compiled, new: &Compiled, steps: u64) -> Comparison {
    let mut comparison = Comparison {
        relation: Relation::Equivalent,
        differences: Vec::new(),
    };
    let mut urls: Vec<&str> = Vec::new();
    for issuer in old.issuers.iter().chain(&new.issuers) {
        if !urls.contains(&issuer.url.as_str()) {
            urls.push(&issuer.url);
        }
    }
    let mut is_known = true;
    for url in urls {
        let found = of_issuer(url, old, new, steps, &mut comparison.differences);
        is_known &= found.is_ok();
    }
    let relations = comparison.differences.iter().map(|one| one.relation);
    let found = relations.fold(Relation::Equivalent, with);
    // What is known to be different stays so, whatever else there is.
    comparison.relation = if is_known || found == Relation::Different {
        found
    } else {
        Relation::Unknown
    };
    comparison
}

/// What two changes come to together.
fn with(one: Relation, other: Relation) -> Relation {
    match (one, other) {
        (Relation::Equivalent, other) => other,
        (one, Relation::Equivalent) => one,
        (one, other) if one == other => one,
        _ => Relation::Different,
    }
}

/// What one policy decides of an issuer's tokens: regions that have no token in
/// common, each with the statement and what it grants; the last denies.
struct Side<'p> {
    policy: &'p Compiled,
    accepted: Vec<(&'p str, &'p Grant, Region)>,
    denied: Region,
}

impl<'p> Side<'p> {
    fn of(policy: &'p Compiled, url: &str, budget: &Budget) -> Result<Self, Exceeded> {
        let mut side = Self {
            policy,
            accepted: Vec::new(),
            denied: Region::all(),
        };
        for (statement, region) in decided(&policy.program, url, budget)? {
            if let Effect::Trust(grant) = &statement.effect {
                side.denied = side.denied.minus(&region, budget)?;
                side.accepted.push((&statement.name, grant, region));
            }
        }
        Ok(side)
    }

    fn outcomes(&self) -> impl Iterator<Item = (Option<(&'p str, &'p Grant)>, &Region)> {
        let accepted = self.accepted.iter();
        let accepted = accepted.map(|(name, grant, region)| (Some((*name, *grant)), region));
        accepted.chain([(None, &self.denied)])
    }

    /// The statement that accepts a token.
    fn accepts(&self, token: &Token) -> Option<String> {
        let verdict = self
            .policy
            .decide(&token.claims, &token.key, &token.request);
        match verdict.ok()?.decision {
            Decision::Allow { statement, .. } => Some(statement),
            Decision::Deny { .. } => None,
        }
    }
}

/// Compares what two policies make of an issuer's tokens.
fn of_issuer(
    url: &str,
    old: &Compiled,
    new: &Compiled,
    steps: u64,
    differences: &mut Vec<Difference>,
) -> Result<(), Exceeded> {
    let budget = Budget::new(steps);
    let (before, after) = (Side::of(old, url, &budget)?, Side::of(new, url, &budget)?);
    let issuer = issuer(url, old, new)?;
    let mut is_known = true;
    for (was, old_region) in before.outcomes() {
        for (is, new_region) in after.outcomes() {
            let relation = match grants::change(was.map(|one| one.1), is.map(|one| one.1)) {
                Change::None => continue,
                Change::Narrower => Relation::Narrower,
                Change::Wider => Relation::Wider,
                Change::Other => Relation::Different,
            };
            let budget = Budget::new(steps);
            let both = old_region.and(new_region, &budget);
            let found = both.and_then(|both| naming::example(&both, url, &issuer.model, &budget));
            let Ok(found) = found else {
                is_known = false;
                continue;
            };
            let Some(found) = found else { continue };
            let token = token(&found, url, &issuer.model);
            let (was, is) = (was.map(|one| one.0), is.map(|one| one.0));
            // No difference is told of that does not show.
            let shows = |token: &Token| {
                before.accepts(token).as_deref() == was && after.accepts(token).as_deref() == is
            };
            match token.filter(shows) {
                None => is_known = false,
                Some(token) => differences.push(Difference {
                    issuer: url.to_owned(),
                    before: was.map(str::to_owned),
                    after: is.map(str::to_owned),
                    relation,
                    token,
                }),
            }
        }
    }
    if is_known { Ok(()) } else { Err(Exceeded) }
}

/// The issuer, which both policies read by one naming model if both know it.
fn issuer<'p>(
    url: &str,
    old: &'p Compiled,
    new: &'p Compiled,
) -> Result<&'p IssuerSummary, Exceeded> {
    let found = [old.issuer(url), new.issuer(url)];
    match found {
        [Some(one), Some(other)] if one.model != other.model => Err(Exceeded),
        [Some(one), _] | [None, Some(one)] => Ok(one),
        [None, None] => Err(Exceeded),
    }
}

#[cfg(test)]
mod tests;
