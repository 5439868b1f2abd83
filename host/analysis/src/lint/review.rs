//! A policy under review: its statements with the tokens that they decide.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use claimbound_language::engine::model::{self, Literal, Source, Test};
use claimbound_language::{
    Cases, Compiled, Effect, Example as Token, IssuerSummary, Statement, Trust,
};

use crate::budget::{Budget, Exceeded};
use crate::lint::rule::Rule;
use crate::region::Region;
use crate::statement::{decided, spoken_of};
use crate::takeover::{Outsider, accepted};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// What rules look at.
pub(crate) struct Review<'p> {
    pub(crate) policy: &'p Compiled,
    pub(crate) cases: Option<&'p Cases>,
    pub(crate) statements: Vec<Stated<'p>>,
    /// How many steps each question may take.
    steps: u64,
    undecided: RefCell<Vec<Undecided<'p>>>,
}

/// A question to which there is no answer.
pub(crate) struct Undecided<'p> {
    pub(crate) rule: &'static str,
    pub(crate) statement: &'p Statement,
}

/// One statement, as it was written and as it was compiled.
pub(crate) struct Stated<'p> {
    pub(crate) written: &'p Statement,
    pub(crate) compiled: &'p model::Statement,
    pub(crate) issuer: &'p IssuerSummary,
    /// None where finding them takes too long.
    regions: Option<Regions>,
}

/// Tokens of a statement.
struct Regions {
    /// Those that it speaks of, whatever others say.
    spoken_of: Region,
    /// Those that it decides.
    decided: Region,
}

impl<'p> Review<'p> {
    pub(crate) fn new(policy: &'p Compiled, cases: Option<&'p Cases>, steps: u64) -> Self {
        let written = policy.document.statements.iter();
        let statements = written.zip(&policy.program.statements);
        let statements = statements.filter_map(|(written, compiled)| {
            Some(Stated {
                written,
                compiled,
                issuer: policy.issuer(&compiled.issuer)?,
                regions: None,
            })
        });
        let mut review = Self {
            policy,
            cases,
            statements: statements.collect(),
            steps,
            undecided: RefCell::new(Vec::new()),
        };
        for issuer in &policy.issuers {
            review.add_regions(&issuer.url);
        }
        review
    }

    fn add_regions(&mut self, url: &str) {
        let budget = Budget::new(self.steps);
        let program = &self.policy.program;
        let spoken = spoken_of(program, url, &budget);
        let (Ok(spoken), Ok(decided)) = (spoken, decided(program, url, &budget)) else {
            return;
        };
        let own = self.statements.iter_mut();
        let own = own.filter(|one| one.compiled.issuer == url);
        for (stated, (spoken, decided)) in own.zip(spoken.into_iter().zip(decided)) {
            let forms = stated.forms_written(&budget);
            let both = forms.and_then(|forms| {
                Ok(Regions {
                    spoken_of: spoken.1.and(&forms, &budget)?,
                    decided: decided.1.and(&forms, &budget)?,
                })
            });
            stated.regions = both.ok();
        }
    }

    /// The statements that trust, with what only those say.
    pub(crate) fn trusts(&self) -> impl Iterator<Item = (&Stated<'p>, &'p Trust)> {
        self.statements.iter().filter_map(|stated| {
            let Effect::Trust(trust) = &stated.written.effect else {
                return None;
            };
            Some((stated, &**trust))
        })
    }

    /// What the naming of each issuer gives, by its URL: found once, however many
    /// statements there are.
    pub(crate) fn by_issuer<T>(&self, of: impl Fn(&'p IssuerSummary) -> T) -> BTreeMap<&'p str, T> {
        let issuers = self.policy.issuers.iter();
        issuers.map(|one| (one.url.as_str(), of(one))).collect()
    }

    /// The answer to a question about the tokens that a statement decides; none
    /// where it is not known, of which the rule `undecided` tells.
    pub(crate) fn ask<T>(
        &self,
        rule: &'static Rule,
        stated: &Stated<'p>,
        question: impl FnOnce(&Region, u64) -> Result<T, Exceeded>,
    ) -> Option<T> {
        let answer = stated.decided();
        self.known(
            rule,
            stated,
            answer.and_then(|region| question(region, self.steps)),
        )
    }

    /// The answer to a question about the tokens that a statement speaks of,
    /// whatever others say.
    pub(crate) fn ask_alone<T>(
        &self,
        rule: &'static Rule,
        stated: &Stated<'p>,
        question: impl FnOnce(&Region, u64) -> Result<T, Exceeded>,
    ) -> Option<T> {
        let answer = stated.spoken_of();
        self.known(
            rule,
            stated,
            answer.and_then(|region| question(region, self.steps)),
        )
    }

    fn known<T>(
        &self,
        rule: &'static Rule,
        stated: &Stated<'p>,
        answer: Result<T, Exceeded>,
    ) -> Option<T> {
        if answer.is_err() {
            self.undecided.borrow_mut().push(Undecided {
                rule: rule.name,
                statement: stated.written,
            });
        }
        answer.ok()
    }

    /// A token that a statement accepts and whose variables are within bounds; none
    /// where there is no such token or where it is not known.
    pub(crate) fn token(
        &self,
        rule: &'static Rule,
        stated: &Stated<'p>,
        bounds: impl FnOnce(&Budget) -> Result<Vec<(Variable, Values)>, Exceeded>,
    ) -> Option<Token> {
        let found = self.ask(rule, stated, |region, steps| {
            let budget = Budget::new(steps);
            let bounds = bounds(&budget)?;
            let name = stated.name();
            accepted(self.policy, stated.issuer, name, region, &bounds, &budget)
        });
        found.flatten()
    }

    /// What somebody outside can do about a statement.
    pub(crate) fn outsider(
        &self,
        rule: &'static Rule,
        stated: &Stated<'p>,
        question: impl FnOnce(&Outsider<'_>, u64) -> Result<Option<Token>, Exceeded>,
    ) -> Option<Token> {
        let found = self.ask(rule, stated, |region, steps| {
            let outsider = Outsider::new(self.policy, stated.issuer, stated.name(), region);
            question(&outsider, steps)
        });
        found.flatten()
    }

    /// The questions to which there was no answer so far.
    pub(crate) fn undecided(&self) -> std::cell::Ref<'_, Vec<Undecided<'p>>> {
        self.undecided.borrow()
    }
}

impl<'p> Stated<'p> {
    pub(crate) fn name(&self) -> &'p str {
        &self.written.name.value
    }

    /// What it grants; none where it forbids.
    pub(crate) fn grant(&self) -> Option<&'p claimbound_language::engine::Grant> {
        match &self.compiled.effect {
            model::Effect::Trust(grant) => Some(grant),
            model::Effect::Forbid => None,
        }
    }

    /// The place of its subject, else of its name.
    pub(crate) fn subject_place(&self) -> &'p std::ops::Range<usize> {
        let subject = self.written.subject.as_ref();
        subject.map_or(&self.written.name.place, |subject| &subject.place)
    }

    /// The subjects that it writes out; none where it says them otherwise.
    pub(crate) fn subjects(&self) -> Option<Vec<&'p str>> {
        let mut conditions = self.compiled.conditions.iter();
        let condition = conditions.find(|one| one.source == Source::Subject)?;
        written_out(&condition.test).map(texts)
    }

    /// Tokens whose subjects have the forms of those that it writes out; every token
    /// where it says them otherwise. A subject reads in one form only.
    fn forms_written(&self, budget: &Budget) -> Result<Region, Exceeded> {
        let Some(written) = self.subjects() else {
            return Ok(Region::all());
        };
        let read = written
            .iter()
            .filter_map(|text| self.issuer.model.parse_subject(text).ok());
        let forms: BTreeSet<&str> = read.map(|subject| subject.form().name()).collect();
        let named = Values::of_texts(Texts::of(forms, false, budget)?);
        Ok(Region::bounding(Variable::Form, named))
    }

    fn spoken_of(&self) -> Result<&Region, Exceeded> {
        let regions = self.regions.as_ref().ok_or(Exceeded)?;
        Ok(&regions.spoken_of)
    }

    fn decided(&self) -> Result<&Region, Exceeded> {
        let regions = self.regions.as_ref().ok_or(Exceeded)?;
        Ok(&regions.decided)
    }
}

/// The values that a test asks for equality with one of.
fn written_out(test: &Test) -> Option<&[Literal]> {
    match test {
        Test::Equals(literal) => Some(std::slice::from_ref(literal)),
        Test::AnyOf(literals) => Some(literals),
        Test::NoneOf(_)
        | Test::Matches(_)
        | Test::AtLeast(_)
        | Test::AtMost(_)
        | Test::Contains(_)
        | Test::AllOf(_)
        | Test::Present
        | Test::Absent
        | Test::SameAs(_)
        | Test::Attribute(_)
        | Test::AudienceIs(_)
        | Test::SoleAudience
        | Test::Weekly(_)
        | Test::Between(..)
        | Test::LifetimeAtMost(_)
        | Test::AgeAtMost(_) => None,
    }
}

fn texts(literals: &[Literal]) -> Vec<&str> {
    let texts = literals.iter().filter_map(|literal| match literal {
        Literal::Text(text) => Some(text.as_str()),
        Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
    });
    texts.collect()
}
