//! The names and ids that a policy knows: those that its author wrote.

use std::collections::{BTreeMap, BTreeSet};

use claimbound_issuers::Model;
use claimbound_language::engine::model::{Condition, Literal, Program, Source, Test};

use crate::budget::{Budget, Exceeded};
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// The names and ids of one issuer that stand in a policy, by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    names: BTreeMap<String, BTreeSet<String>>,
    ids: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    /// Those that the statements about an issuer compare with.
    pub(crate) fn of(program: &Program, issuer: &str, model: &Model) -> Self {
        let mut known = Self::default();
        let statements = program.statements.iter();
        for statement in statements.filter(|one| one.issuer == issuer) {
            for condition in &statement.conditions {
                known.add_condition(condition, program, model);
            }
        }
        known
    }

    fn add_condition(&mut self, condition: &Condition, program: &Program, model: &Model) {
        for text in texts_of(&condition.test) {
            self.add_text(condition.source, text, program, model);
        }
    }

    fn add_text(&mut self, source: Source, text: &str, program: &Program, model: &Model) {
        match Variable::of(source, program) {
            Some(Variable::Name(kind)) => add(&mut self.names, &kind, text),
            Some(Variable::Id(kind)) => add(&mut self.ids, &kind, text),
            Some(Variable::Claim(path)) => self.add_claim(&path, text, model),
            Some(Variable::Part(part)) => self.add_part(&part, text, model),
            Some(Variable::Subject) => self.add_subject(text, model),
            Some(_) | None => {}
        }
    }

    fn add_claim(&mut self, path: &[String], text: &str, model: &Model) {
        let is_here = |claim: Option<&[Box<str>]>| {
            claim.is_some_and(|claim| claim.iter().map(|name| &**name).eq(path.iter()))
        };
        for kind in model.names() {
            if is_here(kind.claim()) {
                add(&mut self.names, kind.name(), text);
            }
            if is_here(kind.id_claim()) {
                add(&mut self.ids, kind.name(), text);
            }
        }
        let parts = model.parts().iter();
        for part in parts.filter(|part| is_here(part.claim())) {
            self.add_part(part.name(), text, model);
        }
    }

    fn add_part(&mut self, part: &str, text: &str, model: &Model) {
        let alone = format!("{{{part}}}");
        for kind in model.names() {
            if kind.templates().any(|template| template == alone) {
                add(&mut self.names, kind.name(), text);
            }
            if model.id_parts(kind).any(|one| one.name() == part) {
                add(&mut self.ids, kind.name(), text);
            }
        }
    }

    fn add_subject(&mut self, text: &str, model: &Model) {
        let Ok(subject) = model.parse_subject(text) else {
            return;
        };
        let parts: Vec<(&str, &str)> = subject.parts().collect();
        for kind in model.names() {
            let mut templates = kind.templates().map(crate::shape::pieces);
            let name = templates.find_map(|pieces| crate::shape::print(&pieces, &parts));
            if let Some(name) = name {
                add(&mut self.names, kind.name(), &name);
            }
            for part in model.id_parts(kind) {
                if let Some(id) = subject.part(part.name()) {
                    add(&mut self.ids, kind.name(), id);
                }
            }
        }
    }

    /// Adds a name that is not free any more.
    pub(crate) fn take_name(&mut self, kind: &str, name: &str) {
        add(&mut self.names, kind, name);
    }

    /// The names of a kind.
    pub(crate) fn names(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.names
            .get(kind)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The ids of a kind.
    pub(crate) fn ids(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.ids.get(kind).into_iter().flatten().map(String::as_str)
    }

    /// Of each kind that has ids, those that stand nowhere in the policy.
    pub(crate) fn other_ids(
        &self,
        model: &Model,
        budget: &Budget,
    ) -> Result<Vec<(Variable, Values)>, Exceeded> {
        let kinds = model.names().iter();
        let kinds = kinds.filter(|kind| kind.id_need() != claimbound_issuers::Need::None);
        kinds
            .map(|kind| {
                let known = Texts::of(self.ids(kind.name()), false, budget)?;
                let others = Values::of_texts(known.complement(budget)?).or_absent();
                Ok((Variable::Id(kind.name().to_owned()), others))
            })
            .collect()
    }

    /// Of each kind, the names that stand nowhere in the policy.
    pub(crate) fn other_names(
        &self,
        model: &Model,
        budget: &Budget,
    ) -> Result<Vec<(Variable, Values)>, Exceeded> {
        let kinds = model.names().iter();
        kinds
            .map(|kind| {
                let known = Texts::of(self.names(kind.name()), kind.folds_case(), budget)?;
                let others = Values::of_texts(known.complement(budget)?).or_absent();
                Ok((Variable::Name(kind.name().to_owned()), others))
            })
            .collect()
    }
}

fn add(all: &mut BTreeMap<String, BTreeSet<String>>, kind: &str, text: &str) {
    all.entry(kind.to_owned())
        .or_default()
        .insert(text.to_owned());
}

/// The texts that a test asks for equality with one of.
fn texts_of(test: &Test) -> Vec<&str> {
    let text = |literal| match literal {
        &Literal::Text(ref text) => Some(text.as_str()),
        Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
    };
    match test {
        Test::Equals(literal) => text(literal).into_iter().collect(),
        Test::AnyOf(literals) => literals.iter().filter_map(text).collect(),
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
        | Test::AgeAtMost(_) => Vec::new(),
    }
}
