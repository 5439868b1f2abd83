//! Runs: what the claims about one leave possible together, by the roles that a
//! model gives them.

use claimbound_issuers::{ClaimRule, Form, Model, Role};

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::region::Region;
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// The tokens whose subjects say of a run what its claims do: of an environment
/// where the job names one, and of what started it where they say that. A ref is a
/// branch or a tag.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn consistent(model: &Model, budget: &Budget) -> Result<Region, Exceeded> {
    let mut blocks = Vec::new();
    let mut free = Vec::new();
    for form in model.forms() {
        let mut said = Block::of(Variable::Form, named([form.name()], budget)?);
        let mut is_free = true;
        for claim in model.claims() {
            if let Some(values) = left_of(claim, form, model, budget)? {
                is_free = false;
                said.bound(&variable(claim), &values, budget)?;
            }
        }
        if is_free {
            free.push(form.name());
        } else {
            blocks.push(said);
        }
    }
    blocks.push(Block::of(Variable::Form, named(free, budget)?));
    Ok(Region::of(blocks))
}

/// What subjects of a form leave of a claim; none where that is everything.
fn left_of(
    claim: &ClaimRule,
    form: &Form,
    model: &Model,
    budget: &Budget,
) -> Result<Option<Values>, Exceeded> {
    match claim.role() {
        Some(Role::Environment) if lacks(form, claim, model) => {
            Ok(Some(Values::none().or_absent()))
        }
        Some(Role::Trigger) => {
            // `pull_request` says that it was one of the events about a pull request.
            let mut fixed = model.fixed_parts(form);
            let Some((_, event)) = fixed.next() else {
                return Ok(None);
            };
            let begun = Texts::one(event, budget)?.then(&Texts::all(), budget)?;
            Ok(Some(Values::of_texts(begun).or_absent()))
        }
        Some(Role::RefType) => {
            let kinds = Texts::of(["branch", "tag"], false, budget)?;
            Ok(Some(Values::of_texts(kinds).or_absent()))
        }
        Some(
            Role::Branch
            | Role::BranchProtection
            | Role::Environment
            | Role::EnvironmentProtection
            | Role::Runner
            | Role::Workflow
            | Role::Origin
            | Role::Person,
        )
        | None => Ok(None),
    }
}

/// Whether subjects of a form would say what a claim does, and have no part for it.
fn lacks(form: &Form, claim: &ClaimRule, model: &Model) -> bool {
    let is_own = |name: &str| model.parts_of(form).any(|part| part.name() == name);
    let mut parts = model.parts().iter();
    let part = parts.find(|part| part.claim() == Some(claim.path()));
    !form.is_custom() && part.is_some_and(|part| !is_own(part.name()))
}

/// What is left of a run that somebody outside has caused: it is of a branch, for
/// only members make tags.
///
/// # Errors
/// [`Exceeded`].
pub(crate) fn of_branches(
    model: &Model,
    budget: &Budget,
) -> Result<Vec<(Variable, Values)>, Exceeded> {
    let mut bounds = Vec::new();
    for claim in model.claims() {
        let tags = match claim.role() {
            Some(Role::RefType) => Texts::one("branch", budget)?.complement(budget)?,
            Some(Role::Branch) => Texts::one("refs/tags/", budget)?.then(&Texts::all(), budget)?,
            Some(
                Role::BranchProtection
                | Role::Environment
                | Role::EnvironmentProtection
                | Role::Trigger
                | Role::Runner
                | Role::Workflow
                | Role::Origin
                | Role::Person,
            )
            | None => continue,
        };
        let others = Values::of_texts(tags.complement(budget)?).or_absent();
        let parts = model.parts().iter();
        let parts = parts.filter(|part| part.claim() == Some(claim.path()));
        bounds.extend(parts.map(|part| (Variable::Part(part.name().to_owned()), others.clone())));
        bounds.push((variable(claim), others));
    }
    Ok(bounds)
}

fn named(
    forms: impl IntoIterator<Item = impl AsRef<str>>,
    budget: &Budget,
) -> Result<Values, Exceeded> {
    Ok(Values::of_texts(Texts::of(forms, false, budget)?))
}

fn variable(claim: &ClaimRule) -> Variable {
    Variable::Claim(claim.path().iter().map(ToString::to_string).collect())
}
