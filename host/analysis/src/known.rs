//! The names and ids that a policy knows: those that its author wrote.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use claimbound_issuers::{Kind, Model};
use claimbound_language::engine::model::{Condition, Literal, Program, Source, Test};

use crate::budget::{Budget, Exceeded};
use crate::mention::{What, kinds_of_claim, kinds_of_part, said};
use crate::shape;
use crate::texts::Texts;
use crate::values::Values;
use crate::variable::Variable;

/// The names and ids of one issuer that stand in a policy, by kind.
#[derive(Debug, Default)]
pub(crate) struct Known {
    names: BTreeMap<String, BTreeSet<String>>,
    ids: BTreeMap<String, BTreeSet<String>>,
    /// What is not among them, once it was asked for.
    other_names: OnceCell<Result<Bounds, Exceeded>>,
    other_ids: OnceCell<Result<Bounds, Exceeded>>,
}

/// Variables, and the values that they are to have.
pub(crate) type Bounds = Vec<(Variable, Values)>;

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
        let literals = written_out(&condition.test).into_iter().flatten();
        for text in literals.filter_map(text_of) {
            self.add_text(condition.source, text, program, model);
        }
    }

    fn add_text(&mut self, source: Source, text: &str, program: &Program, model: &Model) {
        match Variable::of(source, program) {
            Some(Variable::Name(kind)) => add(&mut self.names, &kind, text),
            Some(Variable::Id(kind)) => add(&mut self.ids, &kind, text),
            Some(Variable::Claim(path)) => {
                for one in kinds_of_claim(model, &path) {
                    self.add_kind(one, text);
                }
            }
            Some(Variable::Part(part)) => {
                for one in kinds_of_part(model, &part) {
                    self.add_kind(one, text);
                }
            }
            Some(Variable::Subject) => self.add_subject(text, model),
            Some(_) | None => {}
        }
    }

    fn add_kind(&mut self, (kind, what): (&Kind, What), text: &str) {
        let all = match what {
            What::Name => &mut self.names,
            What::Id => &mut self.ids,
        };
        add(all, kind.name(), text);
    }

    fn add_subject(&mut self, text: &str, model: &Model) {
        for (kind, name, id) in said(text, model) {
            for (what, text) in [(What::Name, name), (What::Id, id)] {
                if let Some(text) = text {
                    self.add_kind((kind, what), &text);
                }
            }
        }
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
    ///
    /// # Errors
    /// [`Exceeded`]: finding them, which is done once, takes more than `steps`.
    pub(crate) fn other_ids(&self, model: &Model, steps: u64) -> Result<&Bounds, Exceeded> {
        let found = self.other_ids.get_or_init(|| {
            let budget = Budget::new(steps);
            let kinds = model.names().iter();
            let kinds = kinds.filter(|kind| kind.id_need() != claimbound_issuers::Need::None);
            kinds
                .map(|kind| {
                    let mut others = Texts::of(self.ids(kind.name()), false, &budget)?;
                    others = others.complement(&budget)?;
                    // An id reads alike wherever it stands, and those of an issuer alike.
                    let mut parts = model.id_parts(kind).peekable();
                    let of_others = parts.peek().is_none();
                    let of_others = model.names().iter().filter(|_| of_others);
                    let of_others = of_others.flat_map(|kind| model.id_parts(kind));
                    for part in parts.chain(of_others) {
                        others = others.and(&shape::texts(part, &budget)?, &budget)?;
                    }
                    let others = Values::of_texts(others).or_absent();
                    Ok((Variable::Id(kind.name().to_owned()), others))
                })
                .collect()
        });
        found.as_ref().map_err(|exceeded| *exceeded)
    }

    /// Of each kind, the names that stand nowhere in the policy, nor inside of what
    /// does: whoever has `acme` has `acme/infra` and all else beneath it.
    ///
    /// # Errors
    /// [`Exceeded`], as above.
    pub(crate) fn other_names(&self, model: &Model, steps: u64) -> Result<&Bounds, Exceeded> {
        let found = self.other_names.get_or_init(|| {
            let budget = Budget::new(steps);
            let kinds = model.names().iter();
            kinds
                .map(|kind| {
                    let folds = kind.folds_case();
                    let known = others(self.names(kind.name()), folds, &budget)?;
                    let others = known.and(&outside(self.roots(), folds, &budget)?, &budget)?;
                    Ok((Variable::Name(kind.name().to_owned()), others))
                })
                .collect()
        });
        found.as_ref().map_err(|exceeded| *exceeded)
    }

    /// The first pieces of all names: what is registered before anything in it.
    fn roots(&self) -> impl Iterator<Item = &str> {
        let names = self.names.values().flatten();
        names.filter_map(|name| root(name))
    }
}

/// The first piece of a name.
pub(crate) fn root(name: &str) -> Option<&str> {
    name.split('/').next()
}

/// Any text but these and what is beneath them, or none.
pub(crate) fn outside(
    roots: impl IntoIterator<Item = impl AsRef<str>>,
    folds: bool,
    budget: &Budget,
) -> Result<Values, Exceeded> {
    let roots = Texts::of(roots, folds, budget)?;
    let beneath = Texts::one("/", budget)?.then(&Texts::all(), budget)?;
    let taken = roots.then(&beneath, budget)?.or(&roots, budget)?;
    Ok(Values::of_texts(taken.complement(budget)?).or_absent())
}

/// Any text but these, or none.
pub(crate) fn others(
    known: impl IntoIterator<Item = impl AsRef<str>>,
    folds: bool,
    budget: &Budget,
) -> Result<Values, Exceeded> {
    let known = Texts::of(known, folds, budget)?;
    Ok(Values::of_texts(known.complement(budget)?).or_absent())
}

fn add(all: &mut BTreeMap<String, BTreeSet<String>>, kind: &str, text: &str) {
    all.entry(kind.to_owned())
        .or_default()
        .insert(text.to_owned());
}

/// The values that a test asks for equality with one of; none where it asks otherwise.
pub(crate) fn written_out(test: &Test) -> Option<&[Literal]> {
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

/// The text that a literal is, if it is one.
pub(crate) fn text_of(literal: &Literal) -> Option<&str> {
    match literal {
        Literal::Text(text) => Some(text),
        Literal::Null | Literal::Boolean(_) | Literal::Number(_) => None,
    }
}
