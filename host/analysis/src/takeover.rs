//! Takeover: how somebody outside the organisation gets a token that a policy
//! accepts.

use claimbound_issuers::{Need, Role};
use claimbound_language::engine::Decision;
use claimbound_language::engine::model::Effect;
use claimbound_language::{Compiled, Example as Token, IssuerSummary};

use crate::budget::{Budget, Exceeded};
use crate::known::Known;
use crate::naming;
use crate::region::Region;
use crate::statement::decided;
use crate::texts::Texts;
use crate::token::token;
use crate::values::Values;
use crate::variable::Variable;

/// How many names an author means at most without writing them: past these, a
/// pattern takes whatever is registered.
pub(crate) const MEANT: usize = 8;

/// What an outsider does to get an accepted token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Registers a name of their own choice that the policy takes as well.
    Registers,
    /// Takes over a name that the policy trusts, once it was left: by a rename or a
    /// deletion.
    Inherits,
    /// Causes a run under the organisation's own identity: by a pull request, a
    /// comment, a fork.
    Triggers,
}

/// A token that an outsider gets, and that a policy accepts.
#[derive(Clone, Debug)]
pub struct Takeover {
    /// The statement that accepts it.
    pub statement: String,
    /// What the outsider does.
    pub way: Way,
    /// The token.
    pub token: Token,
}

/// How outsiders get tokens that a policy accepts: each way of each statement, with
/// a token.
///
/// Decided from the naming model of each issuer: which ids are never given twice,
/// whether it signs for everyone, and what of a run somebody outside can cause.
///
/// # Errors
/// [`Exceeded`]: it takes more steps than it may, or something is not followed.
pub fn takeovers(policy: &Compiled, steps: u64) -> Result<Vec<Takeover>, Exceeded> {
    let mut found = Vec::new();
    for issuer in &policy.issuers {
        let budget = Budget::new(steps);
        for (statement, region) in decided(&policy.program, &issuer.url, &budget)? {
            if let Effect::Trust(_) = statement.effect {
                let outsider = Outsider::new(policy, issuer, &statement.name, &region);
                found.extend(outsider.takeovers(steps)?);
            }
        }
    }
    Ok(found)
}

/// Somebody outside who wants a token that one statement accepts.
pub(crate) struct Outsider<'a> {
    policy: &'a Compiled,
    issuer: &'a IssuerSummary,
    statement: &'a str,
    region: &'a Region,
    known: Known,
}

impl<'a> Outsider<'a> {
    /// Who wants into `region`, the tokens that the statement accepts.
    pub(crate) fn new(
        policy: &'a Compiled,
        issuer: &'a IssuerSummary,
        statement: &'a str,
        region: &'a Region,
    ) -> Self {
        Self {
            policy,
            issuer,
            statement,
            region,
            known: Known::of(&policy.program, &issuer.url, &issuer.model),
        }
    }

    fn takeovers(&self, steps: u64) -> Result<Vec<Takeover>, Exceeded> {
        let registers = self.registers(steps)?;
        let inherits = match registers {
            Some(_) => None,
            None => self.inherits(steps)?,
        };
        let found = [
            (Way::Registers, registers),
            (Way::Inherits, inherits),
            (Way::Triggers, self.triggers(steps)?),
        ];
        let found = found.into_iter().filter_map(|(way, token)| {
            Some(Takeover {
                statement: self.statement.to_owned(),
                way,
                token: token?,
            })
        });
        Ok(found.collect())
    }

    /// A token of a name that nobody wrote into the policy, where such names do not
    /// come to an end.
    pub(crate) fn registers(&self, steps: u64) -> Result<Option<Token>, Exceeded> {
        if !self.issuer.shared {
            return Ok(None);
        }
        let mut taken = self.known.clone();
        let mut last = None;
        for _ in 0..=MEANT {
            let budget = Budget::new(steps);
            let mut bounds = self.known.other_ids(&self.issuer.model, &budget)?;
            bounds.extend(taken.other_names(&self.issuer.model, &budget)?);
            let Some(token) = self.token(&bounds, &budget)? else {
                return Ok(None);
            };
            self.take_names(&token, &mut taken);
            last = Some(token);
        }
        Ok(last)
    }

    /// A token of a name that the policy takes, under ids that it does not know.
    pub(crate) fn inherits(&self, steps: u64) -> Result<Option<Token>, Exceeded> {
        let kinds = self.issuer.model.names();
        if kinds.iter().all(|kind| kind.id_need() == Need::None) {
            return Ok(None);
        }
        let budget = Budget::new(steps);
        let bounds = self.known.other_ids(&self.issuer.model, &budget)?;
        self.token(&bounds, &budget)
    }

    /// A token of a run that somebody outside has caused.
    pub(crate) fn triggers(&self, steps: u64) -> Result<Option<Token>, Exceeded> {
        let claims = self.issuer.model.claims().iter();
        let triggers = claims.filter(|claim| claim.role() == Some(Role::Trigger));
        for trigger in triggers.filter(|claim| claim.risky().next().is_some()) {
            let budget = Budget::new(steps);
            let path = trigger.path().iter().map(ToString::to_string).collect();
            let risky = Texts::of(trigger.risky(), false, &budget)?;
            let bound = (Variable::Claim(path), Values::of_texts(risky));
            if let Some(token) = self.token(&[bound], &budget)? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    /// A token that the statement accepts and whose variables are within bounds.
    fn token(
        &self,
        bounds: &[(Variable, Values)],
        budget: &Budget,
    ) -> Result<Option<Token>, Exceeded> {
        accepted(
            self.policy,
            self.issuer,
            self.statement,
            self.region,
            bounds,
            budget,
        )
    }

    /// The names of a token are not free any more.
    fn take_names(&self, token: &Token, taken: &mut Known) {
        let verdict = self
            .policy
            .decide(&token.claims, &token.key, &token.request);
        let workload = verdict.ok().and_then(|verdict| verdict.workload);
        for name in workload.iter().flat_map(|workload| &workload.names) {
            taken.take_name(&name.kind, &name.name);
        }
    }
}

/// A token of the region within bounds that the statement of this name is seen to
/// accept; none where there is no such token.
///
/// # Errors
/// [`Exceeded`], also where what was found is not accepted.
pub(crate) fn accepted(
    policy: &Compiled,
    issuer: &IssuerSummary,
    statement: &str,
    region: &Region,
    bounds: &[(Variable, Values)],
    budget: &Budget,
) -> Result<Option<Token>, Exceeded> {
    let mut within = region.clone();
    for (variable, values) in bounds {
        within = within.and(&Region::bounding(variable.clone(), values.clone()), budget)?;
    }
    let Some(found) = naming::example(&within, &issuer.url, &issuer.model, budget)? else {
        return Ok(None);
    };
    let token = token(&found, &issuer.url, &issuer.model).ok_or(Exceeded)?;
    let verdict = policy.decide(&token.claims, &token.key, &token.request);
    match verdict.map_err(|_| Exceeded)?.decision {
        Decision::Allow { statement: by, .. } if by == statement => Ok(Some(token)),
        Decision::Allow { .. } | Decision::Deny { .. } => Err(Exceeded),
    }
}
