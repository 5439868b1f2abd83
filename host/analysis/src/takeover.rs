//! Takeover: how somebody outside the organisation gets a token that a policy
//! accepts.

use std::cell::OnceCell;

use claimbound_issuers::{Form, Need, Role, Workload};
use claimbound_language::engine::Decision;
use claimbound_language::engine::model::Effect;
use claimbound_language::{Compiled, Example as Token, IssuerSummary};

use crate::budget::{Budget, Exceeded};
use crate::known::{self, Bounds, Known};
use crate::naming;
use crate::region::Region;
use crate::run;
use crate::shape;
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
        let known = Known::of(&policy.program, &issuer.url, &issuer.model);
        for (statement, region) in decided(&policy.program, &issuer.url, &budget)? {
            if let Effect::Trust(_) = statement.effect {
                let registers = OnceCell::new();
                let outsider = Outsider {
                    policy,
                    issuer,
                    statement: &statement.name,
                    region: &region,
                    known: &known,
                    registers: &registers,
                };
                found.extend(outsider.takeovers(steps)?);
            }
        }
    }
    Ok(found)
}

/// Somebody outside who wants a token that one statement accepts.
pub(crate) struct Outsider<'a> {
    pub(crate) policy: &'a Compiled,
    pub(crate) issuer: &'a IssuerSummary,
    pub(crate) statement: &'a str,
    /// The tokens that it accepts.
    pub(crate) region: &'a Region,
    /// What the policy knows of the issuer.
    pub(crate) known: &'a Known,
    /// The answer to [`Outsider::registers`], once it was asked for.
    pub(crate) registers: &'a OnceCell<Registers>,
}

/// A token of a name of one's own choice, if there is one and that is known.
pub(crate) type Registers = Result<Option<Token>, Exceeded>;

impl Outsider<'_> {
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
        self.registers
            .get_or_init(|| self.registered(steps))
            .clone()
    }

    fn registered(&self, steps: u64) -> Registers {
        if !self.issuer.shared {
            return Ok(None);
        }
        let model = &self.issuer.model;
        let ids = self.known.other_ids(model, steps)?.iter();
        let bounds: Vec<_> = ids.chain(self.known.other_names(model, steps)?).collect();
        self.last_of_many(&bounds, steps, |token, budget| {
            self.beside_names(token, budget)
        })
    }

    /// A token of a name that the policy takes, under an id that it does not know.
    ///
    /// An id is given and not chosen, so that it has to take them without end: few
    /// of them are those that a pattern means.
    pub(crate) fn inherits(&self, steps: u64) -> Result<Option<Token>, Exceeded> {
        let kinds = self.issuer.model.names();
        if kinds.iter().all(|kind| kind.id_need() == Need::None) {
            return Ok(None);
        }
        let ids = self.known.other_ids(&self.issuer.model, steps)?;
        let bounds: Vec<_> = ids.iter().collect();
        self.last_of_many(&bounds, steps, |token, budget| {
            self.beside_ids(token, budget)
        })
    }

    /// A token within bounds, where such tokens do not come to an end though only
    /// what each one leaves is there for those after it.
    fn last_of_many(
        &self,
        bounds: &[&(Variable, Values)],
        steps: u64,
        left: impl Fn(&Token, &Budget) -> Result<Bounds, Exceeded>,
    ) -> Result<Option<Token>, Exceeded> {
        let budget = Budget::new(steps);
        let mut free = self.possible(&budget)?;
        for bound in bounds {
            free = bounded(&free, bound, &budget)?;
        }
        let mut last = None;
        for _ in 0..=MEANT {
            let budget = Budget::new(steps);
            let Some(token) = self.nested(&free, &budget)? else {
                return Ok(None);
            };
            for bound in left(&token, &budget)? {
                free = bounded(&free, &bound, &budget)?;
            }
            last = Some(token);
        }
        Ok(last)
    }

    /// A token of a run that somebody outside has caused.
    pub(crate) fn triggers(&self, steps: u64) -> Result<Option<Token>, Exceeded> {
        let claims = self.issuer.model.claims().iter();
        let triggers = claims.filter(|claim| claim.role() == Some(Role::Trigger));
        for trigger in triggers.filter(|claim| claim.risky().next().is_some()) {
            let budget = Budget::new(steps);
            let path = trigger.path().iter().map(ToString::to_string).collect();
            let risky = Texts::of(trigger.risky(), false, &budget)?;
            let mut bounds = run::of_branches(&self.issuer.model, &budget)?;
            bounds.push((Variable::Claim(path), Values::of_texts(risky)));
            let mut caused = self.possible(&budget)?;
            for bound in &bounds {
                caused = bounded(&caused, bound, &budget)?;
            }
            if let Some(token) = self.nested(&caused, &budget)? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    /// The tokens that the statement accepts of runs that there can be, under names
    /// whose pieces are not empty.
    fn possible(&self, budget: &Budget) -> Result<Region, Exceeded> {
        let model = &self.issuer.model;
        let mut possible = self.region.and(&run::consistent(model, budget)?, budget)?;
        let named = Values::of_texts(shape::names(budget)?).or_absent();
        for kind in model.names() {
            let bound = (Variable::Name(kind.name().to_owned()), named.clone());
            possible = bounded(&possible, &bound, budget)?;
        }
        Ok(possible)
    }

    /// A token of a region that the statement accepts: of a published form of the
    /// subject where there is one, for what somebody composes is of rare settings, and
    /// of a branch before a tag.
    fn token(&self, region: &Region, budget: &Budget) -> Result<Option<Token>, Exceeded> {
        let forms = self.issuer.model.forms().iter();
        let (composed, published): (Vec<_>, Vec<_>) = forms.partition(|form| form.is_custom());
        let of = |forms: &[&Form]| {
            let names = Texts::of(forms.iter().map(|form| form.name()), false, budget)?;
            Ok((Variable::Form, Values::of_texts(names)))
        };
        let mut usual = run::of_branches(&self.issuer.model, budget)?;
        usual.push(of(&published)?);
        for bounds in [usual, vec![of(&published)?], vec![of(&composed)?]] {
            let (policy, issuer) = (self.policy, self.issuer);
            let found = accepted(policy, issuer, self.statement, region, &bounds, budget)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// A token of a region whose names are inside of those that they belong to, where
    /// only claims say so: no model ties a claim to a piece of another.
    ///
    /// # Errors
    /// [`Exceeded`], also where none is found at the second try.
    fn nested(&self, region: &Region, budget: &Budget) -> Result<Option<Token>, Exceeded> {
        let Some(token) = self.token(region, budget)? else {
            return Ok(None);
        };
        let Some(stray) = self.stray(&token) else {
            return Ok(Some(token));
        };
        if let Some(above) = stray.above {
            let above = Values::of_texts(Texts::one(&above, budget)?);
            let parent = bounded(region, &(Variable::Name(stray.parent), above), budget)?;
            let found = self.token(&parent, budget)?;
            if found
                .as_ref()
                .is_some_and(|token| self.stray(token).is_none())
            {
                return Ok(found);
            }
        }
        let inside = shape::inside(&Texts::one(&stray.said, budget)?, budget)?;
        let inside = Values::of_texts(inside);
        let child = bounded(region, &(Variable::Name(stray.child), inside), budget)?;
        match self.token(&child, budget)? {
            Some(token) if self.stray(&token).is_none() => Ok(Some(token)),
            Some(_) | None => Err(Exceeded),
        }
    }

    /// The first name of a token that is not inside of the one that it belongs to.
    fn stray(&self, token: &Token) -> Option<Stray> {
        let model = &self.issuer.model;
        let names = self.workload(token)?.names;
        names.iter().find_map(|name| {
            let parent = model.parent(model.kind(&name.kind)?)?;
            // A parent with parts of its own is tied to its children by them.
            let is_claimed = parent.templates().next().is_none();
            let said = names.iter().find(|one| *one.kind == *parent.name())?;
            let above = name.name.rsplit_once('/').map(|(above, _)| above);
            (is_claimed && above != Some(&said.name)).then(|| Stray {
                child: name.kind.to_string(),
                parent: parent.name().to_owned(),
                above: above.map(str::to_owned),
                said: said.name.clone(),
            })
        })
    }

    fn workload(&self, token: &Token) -> Option<Workload> {
        workload(self.policy, token)
    }

    /// What the names and the ids of a token leave: those that they have, and what is
    /// beneath, are somebody's.
    fn beside_names(&self, token: &Token, budget: &Budget) -> Result<Bounds, Exceeded> {
        let mut left = self.beside_ids(token, budget)?;
        let workload = self.workload(token);
        let names = workload.iter().flat_map(|workload| &workload.names);
        let roots: Vec<&str> = names.filter_map(|name| known::root(&name.name)).collect();
        for kind in self.issuer.model.names() {
            let others = known::outside(&roots, kind.folds_case(), budget)?;
            left.push((Variable::Name(kind.name().to_owned()), others));
        }
        Ok(left)
    }

    fn beside_ids(&self, token: &Token, budget: &Budget) -> Result<Bounds, Exceeded> {
        let workload = self.workload(token);
        let names = workload.iter().flat_map(|workload| &workload.names);
        let ids = names.filter_map(|name| Some((&name.kind, name.id.as_ref()?)));
        ids.map(|(kind, id)| {
            let others = known::others([id], false, budget)?;
            Ok((Variable::Id(kind.to_string()), others))
        })
        .collect()
    }
}

/// A name that is not inside of the one that it belongs to.
struct Stray {
    /// The kind of the name, and of the one that it belongs to.
    child: String,
    parent: String,
    /// What it belongs to by its own words, if it has any, and what the claim says.
    above: Option<String>,
    said: String,
}

/// Who a token is of, as a policy's issuers name them.
pub(crate) fn workload(policy: &Compiled, token: &Token) -> Option<Workload> {
    let verdict = policy.decide(&token.claims, &token.key, &token.request);
    verdict.ok()?.workload
}

/// The tokens of a region in which a variable has one of these values.
fn bounded(
    region: &Region,
    (variable, values): &(Variable, Values),
    budget: &Budget,
) -> Result<Region, Exceeded> {
    let bound = Region::bounding(variable.clone(), values.clone());
    region.and(&bound, budget)
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
    for bound in bounds {
        within = bounded(&within, bound, budget)?;
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

#[cfg(test)]
mod tests {
    use claimbound_language::compile;

    use super::*;

    /// The ways of a statement with this subject and more.
    fn ways(model: &str, subject: &str, more: &str) -> Vec<Way> {
        let text = format!(
            r#"claimbound = 1
policy = {{ name = "one", version = "1.0.0" }}
[issuer.forge]
model = "{model}"
[trust.main]
issuer = "forge"
audience = "https://deploy.acme.example"
token_lifetime = "15m"
danger = "tried here"
subject = {subject}
{more}
"#
        );
        let policy = compile("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"));
        let found = takeovers(&policy, Budget::USUAL).unwrap();
        found.iter().map(|one| one.way).collect()
    }

    const PUSHED: &str = r#"claims = { event_name = "push" }"#;

    #[test]
    fn ids_that_a_pattern_means_are_nobody_elses() {
        let pinned = r#"{ glob = "repo:acme@1/infra@2:ref:refs/heads/main" }"#;
        assert_eq!(ways("github-actions", pinned, PUSHED), []);
        let open = r#"{ glob = "repo:acme@*/infra@*:ref:refs/heads/main" }"#;
        assert_eq!(ways("github-actions", open, PUSHED), [Way::Inherits]);
    }

    #[test]
    fn ids_that_all_others_are_forbidden_for_are_nobody_elses() {
        let forbid = r#"claims = { event_name = "push" }
[forbid.others]
issuer = "forge"
claims = { repository_owner_id = { none_of = ["1"] } }"#;
        let subject = r#"{ owner = "acme", any = ["repository", "ref"] }"#;
        assert_eq!(ways("github-actions", subject, forbid), []);
        assert_eq!(ways("github-actions", subject, PUSHED), [Way::Inherits]);
    }

    #[test]
    fn an_exact_subject_is_of_one_form() {
        let subject = r#""repo:acme@1/infra@2:environment:production""#;
        assert_eq!(ways("github-actions", subject, PUSHED), []);
    }

    #[test]
    fn what_lies_inside_of_a_known_name_is_not_registered() {
        let pushed = r#"claims = { pipeline_source = "push" }"#;
        let inside =
            r#"{ project = { glob = "acme/**" }, any = ["namespace", "ref_type", "ref"] }"#;
        assert_eq!(ways("gitlab", inside, pushed), [Way::Inherits]);
        let beside =
            r#"{ project = { glob = "acme*/**" }, any = ["namespace", "ref_type", "ref"] }"#;
        assert_eq!(ways("gitlab", beside, pushed), [Way::Registers]);
    }

    #[test]
    fn a_tag_is_no_outsiders_to_run() {
        let of = |reference| {
            format!(r#"{{ owner = {{ id = "1" }}, ref = "{reference}", any = ["repository"] }}"#)
        };
        assert_eq!(ways("github-actions", &of("refs/tags/v1"), ""), []);
        let branch = of("refs/heads/main");
        assert_eq!(ways("github-actions", &branch, ""), [Way::Triggers]);
    }

    #[test]
    fn a_job_without_environment_has_none_in_its_claims() {
        let subject = r#"{ owner = "acme", any = ["repository", "ref"] }"#;
        let claims = r#"claims = { environment = "production" }"#;
        assert_eq!(ways("github-actions", subject, claims), []);
    }
}
