//! A policy under review: its statements with the tokens that they decide.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use claimbound_language::engine::model::{self, Source};
use claimbound_language::{
    Cases, Compiled, Effect, Example as Token, IssuerSummary, Statement, Trust,
};

use crate::budget::{Budget, Exceeded};
use crate::known::{Known, text_of, written_out};
use crate::lint::rule::Rule;
use crate::naming::{self, Found};
use crate::pairs::Pairs;
use crate::region::Region;
use crate::statement::{decided_among, spoken_of};
use crate::takeover::{Outsider, Registers, accepted};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// How many times the steps of one question it may take to find what the statements
/// about one issuer decide.
const MOST_QUESTIONS: usize = 32;

/// What rules look at.
pub(crate) struct Review<'p> {
    pub(crate) policy: &'p Compiled,
    pub(crate) cases: Option<&'p Cases>,
    pub(crate) statements: Vec<Stated<'p>>,
    issuers: Vec<About<'p>>,
    /// How many steps each question may take.
    steps: u64,
    undecided: RefCell<Vec<Undecided<'p>>>,
}

/// What is known of a token that would show a fault.
pub(crate) enum Shown {
    /// There is no such token.
    Never,
    /// This one does.
    By(Box<Token>),
    /// It takes too long to tell, or something is not followed.
    Perhaps,
}

/// A question to which there is no answer.
pub(crate) struct Undecided<'p> {
    pub(crate) rule: &'static str,
    pub(crate) statement: &'p Statement,
}

/// The statements about one issuer.
struct About<'p> {
    url: &'p str,
    /// Where they stand among all.
    places: Vec<usize>,
    pairs: Pairs,
}

/// One statement, as it was written and as it was compiled.
pub(crate) struct Stated<'p> {
    /// Its place among all.
    pub(crate) place: usize,
    pub(crate) written: &'p Statement,
    pub(crate) compiled: &'p model::Statement,
    pub(crate) issuer: &'p IssuerSummary,
    /// None where finding them takes too long.
    regions: Option<Regions>,
    /// What the policy knows of the issuer.
    pub(crate) known: Rc<Known>,
    registers: OnceCell<Registers>,
    is_possible: OnceCell<Result<bool, Exceeded>>,
    decides: OnceCell<Result<bool, Exceeded>>,
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
        let known: Vec<(&str, Rc<Known>)> = policy
            .issuers
            .iter()
            .map(|issuer| {
                let known = Known::of(&policy.program, &issuer.url, &issuer.model);
                (issuer.url.as_str(), Rc::new(known))
            })
            .collect();
        let known_of = |url: &str| {
            let mut known = known.iter();
            known.find(|(one, _)| *one == url).map(|(_, known)| known)
        };
        let written = policy.document.statements.iter();
        let statements = written.zip(&policy.program.statements);
        // INVARIANT: each has an issuer, so that none is left out and places hold.
        let statements = statements
            .enumerate()
            .filter_map(|(place, (written, compiled))| {
                Some(Stated {
                    place,
                    written,
                    compiled,
                    issuer: policy.issuer(&compiled.issuer)?,
                    regions: None,
                    known: Rc::clone(known_of(&compiled.issuer)?),
                    registers: OnceCell::new(),
                    is_possible: OnceCell::new(),
                    decides: OnceCell::new(),
                })
            });
        let mut review = Self {
            policy,
            cases,
            statements: statements.collect(),
            issuers: Vec::new(),
            steps,
            undecided: RefCell::new(Vec::new()),
        };
        for issuer in &policy.issuers {
            let about = review.about(&issuer.url);
            review.add_regions(&about);
            review.issuers.push(about);
        }
        review
    }

    fn about(&self, url: &'p str) -> About<'p> {
        let all = self.statements.iter().enumerate();
        let own: Vec<_> = all.filter(|(_, one)| one.compiled.issuer == url).collect();
        About {
            url,
            places: own.iter().map(|(place, _)| *place).collect(),
            pairs: Pairs::of(own.iter().map(|(_, one)| one.compiled)),
        }
    }

    fn add_regions(&mut self, about: &About<'p>) {
        // What each statement speaks of is a question of its own, and yet all of
        // a document of very many take no more than so many do.
        let questions = about.places.len().clamp(1, MOST_QUESTIONS);
        let questions = u64::try_from(questions).unwrap_or(1);
        let budget = Budget::new(self.steps.saturating_mul(questions));
        let Ok(spoken) = spoken_of(&self.policy.program, about.url, &budget) else {
            return;
        };
        let Ok(decided) = decided_among(&spoken, &about.pairs, &budget) else {
            return;
        };
        for (place, (spoken, decided)) in about.places.iter().zip(spoken.into_iter().zip(decided)) {
            if let Some(stated) = self.statements.get_mut(*place) {
                let forms = stated.forms_written(&budget);
                let both = forms.and_then(|forms| {
                    Ok(Regions {
                        spoken_of: spoken.1.and(&forms, &budget)?,
                        decided: decided.and(&forms, &budget)?,
                    })
                });
                stated.regions = both.ok();
            }
        }
    }

    /// The statements about the same issuer that may have a token in common with
    /// this one, in order: what asks for other values in one place is left out.
    pub(crate) fn neighbours(
        &self,
        stated: &Stated<'p>,
        budget: &Budget,
    ) -> Result<Vec<&Stated<'p>>, Exceeded> {
        let mut issuers = self.issuers.iter();
        let about = issuers.find(|about| about.url == stated.compiled.issuer);
        let own = about.and_then(|about| about.places.binary_search(&stated.place).ok());
        let Some((about, own)) = about.zip(own) else {
            return Ok(Vec::new());
        };
        let places = about.pairs.with(own, budget)?.into_iter();
        let places = places.filter_map(|place| about.places.get(place));
        Ok(places
            .filter_map(|place| self.statements.get(*place))
            .collect())
    }

    /// Whether there is a token that a statement speaks of, whatever others say;
    /// none where that is not known, of which the rule `undecided` tells.
    pub(crate) fn is_possible(&self, rule: &'static Rule, stated: &Stated<'p>) -> Option<bool> {
        let answer = stated.is_possible.get_or_init(|| {
            // What it decides, it speaks of.
            if let Ok(true) = self.decided(stated) {
                return Ok(true);
            }
            let region = stated.spoken_of()?;
            Ok(self.signed(stated, region)?.is_some())
        });
        self.known(rule, stated, *answer)
    }

    /// Whether there is a token that a statement decides; none as above.
    pub(crate) fn decides(&self, rule: &'static Rule, stated: &Stated<'p>) -> Option<bool> {
        self.known(rule, stated, self.decided(stated))
    }

    fn decided(&self, stated: &Stated<'p>) -> Result<bool, Exceeded> {
        *stated.decides.get_or_init(|| {
            let region = stated.decided()?;
            Ok(self.signed(stated, region)?.is_some())
        })
    }

    /// What of a region the issuer of a statement can sign.
    fn signed(&self, stated: &Stated<'p>, region: &Region) -> Result<Option<Found>, Exceeded> {
        let issuer = stated.issuer;
        let budget = Budget::new(self.steps);
        naming::example(region, &issuer.url, &issuer.model, &budget)
    }

    /// How many steps each question may take.
    pub(crate) const fn steps(&self) -> u64 {
        self.steps
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
        self.known(rule, stated, self.found(stated, bounds))
            .flatten()
    }

    /// The answer to a question that is not about tokens; none where it is not
    /// known, of which the rule `undecided` tells.
    pub(crate) fn computed<T>(
        &self,
        rule: &'static Rule,
        stated: &Stated<'p>,
        question: impl FnOnce(&Budget) -> Result<T, Exceeded>,
    ) -> Option<T> {
        let budget = Budget::new(self.steps);
        self.known(rule, stated, question(&budget))
    }

    /// What is known of a token that a statement accepts and whose variables are
    /// within bounds. Of an answer that is not known, nobody tells.
    pub(crate) fn shows(
        &self,
        stated: &Stated<'p>,
        bounds: impl FnOnce(&Budget) -> Result<Vec<(Variable, Values)>, Exceeded>,
    ) -> Shown {
        match self.found(stated, bounds) {
            Ok(Some(token)) => Shown::By(Box::new(token)),
            Ok(None) => Shown::Never,
            Err(Exceeded) => Shown::Perhaps,
        }
    }

    /// A token that a statement accepts and whose variables are within bounds.
    fn found(
        &self,
        stated: &Stated<'p>,
        bounds: impl FnOnce(&Budget) -> Result<Vec<(Variable, Values)>, Exceeded>,
    ) -> Result<Option<Token>, Exceeded> {
        let region = stated.decided()?;
        let budget = Budget::new(self.steps);
        let bounds = bounds(&budget)?;
        let name = stated.name();
        accepted(self.policy, stated.issuer, name, region, &bounds, &budget)
    }

    /// What somebody outside can do about a statement.
    pub(crate) fn outsider(
        &self,
        rule: &'static Rule,
        stated: &Stated<'p>,
        question: impl FnOnce(&Outsider<'_>, u64) -> Result<Option<Token>, Exceeded>,
    ) -> Option<Token> {
        let found = self.ask(rule, stated, |region, steps| {
            let outsider = Outsider {
                policy: self.policy,
                issuer: stated.issuer,
                statement: stated.name(),
                region,
                known: &stated.known,
                registers: &stated.registers,
            };
            question(&outsider, steps)
        });
        if let Some(Some(_)) = &found {
            // It may be known already, and then it is this.
            let _ = stated.decides.set(Ok(true));
        }
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
        let literals = written_out(&condition.test)?;
        Some(literals.iter().filter_map(text_of).collect())
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

    pub(crate) fn spoken_of(&self) -> Result<&Region, Exceeded> {
        let regions = self.regions.as_ref().ok_or(Exceeded)?;
        Ok(&regions.spoken_of)
    }

    pub(crate) fn decided(&self) -> Result<&Region, Exceeded> {
        let regions = self.regions.as_ref().ok_or(Exceeded)?;
        Ok(&regions.decided)
    }
}
