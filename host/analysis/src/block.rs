//! Blocks: tokens whose variables each have a value of their own set, and some of
//! which have the same.

use crate::budget::{Budget, Exceeded};
use crate::values::{Example, Values};
use crate::variable::Variable;

/// The tokens whose variables have values of these sets and are related so; a
/// variable that is not named may have any value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Block {
    sets: Vec<(Variable, Values)>,
    relations: Vec<Relation>,
}

/// Whether two variables are equal: both texts, both booleans or both numbers, and
/// the same. What is not comparable is not equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) one: Variable,
    pub(crate) other: Variable,
    /// Whether texts are compared without ASCII case.
    pub(crate) folds: bool,
    /// Whether they are to be equal; else they are not to be.
    pub(crate) is_equal: bool,
}

impl Relation {
    fn negated(&self) -> Self {
        Self {
            is_equal: !self.is_equal,
            ..self.clone()
        }
    }

    fn is_of(&self, variable: &Variable) -> bool {
        self.one == *variable || self.other == *variable
    }

    fn renamed(self, from: &Variable, to: &Variable) -> Self {
        let renamed = |one: Variable| if one == *from { to.clone() } else { one };
        Self {
            one: renamed(self.one),
            other: renamed(self.other),
            ..self
        }
    }

    /// Whether it speaks of the same two, in the same way.
    fn is_about(&self, other: &Self) -> bool {
        let (ours, theirs) = ((&self.one, &self.other), (&other.one, &other.other));
        let is_pair = ours == theirs || ours == (theirs.1, theirs.0);
        is_pair && self.folds == other.folds
    }

    fn holds(&self, one: &Example, other: &Example) -> bool {
        are_equal(one, other, self.folds) == self.is_equal
    }
}

/// Whether two values are equal as a program compares them.
fn are_equal(one: &Example, other: &Example, folds: bool) -> bool {
    use serde_json::Value as Json;
    let (Example::Value(one), Example::Value(other)) = (one, other) else {
        return false;
    };
    match (one, other) {
        (Json::String(one), Json::String(other)) if folds => one.eq_ignore_ascii_case(other),
        (Json::String(one), Json::String(other)) => one == other,
        (Json::Bool(one), Json::Bool(other)) => one == other,
        (Json::Number(one), Json::Number(other)) => {
            let one = crate::numbers::Numbers::one(&one.to_string());
            one.is_ok_and(|one| one.contains(&other.to_string()))
        }
        _ => false,
    }
}

impl Block {
    /// The tokens in which a variable has a value of this set.
    pub(crate) fn of(variable: Variable, values: Values) -> Self {
        Self {
            sets: vec![(variable, values)],
            relations: Vec::new(),
        }
    }

    /// The tokens in which two variables are related so.
    pub(crate) fn related(relation: Relation) -> Self {
        Self {
            sets: Vec::new(),
            relations: vec![relation],
        }
    }

    pub(crate) fn set(&self, variable: &Variable) -> Option<&Values> {
        let mut sets = self.sets.iter();
        sets.find(|(one, _)| one == variable).map(|(_, set)| set)
    }

    /// Bounds a variable by one more set; whether any value is left.
    pub(crate) fn bound(
        &mut self,
        variable: &Variable,
        values: &Values,
        budget: &Budget,
    ) -> Result<bool, Exceeded> {
        let known = self.sets.iter_mut().find(|(one, _)| one == variable);
        if let Some((_, set)) = known {
            *set = set.and(values, budget)?;
            return Ok(!set.is_empty());
        }
        let values = values.and(&variable.domain(), budget)?;
        let is_possible = !values.is_empty();
        self.sets.push((variable.clone(), values));
        Ok(is_possible)
    }

    /// Whether anything is asked of a variable.
    pub(crate) fn mentions(&self, variable: &Variable) -> bool {
        self.set(variable).is_some() || self.is_related(variable)
    }

    /// Whether a variable is related to any.
    pub(crate) fn is_related(&self, variable: &Variable) -> bool {
        let mut relations = self.relations.iter();
        relations.any(|relation| relation.is_of(variable))
    }

    /// Whether a variable is to be equal to one, so that it can't be absent.
    pub(crate) fn is_equated(&self, variable: &Variable) -> bool {
        let mut relations = self.relations.iter();
        relations.any(|relation| relation.is_equal && relation.is_of(variable))
    }

    /// Whether a variable may be absent, as far as it is looked at alone.
    pub(crate) fn may_lack(&self, variable: &Variable) -> bool {
        let may_lack = self.set(variable).is_none_or(|set| set.contains(None));
        may_lack && !self.is_equated(variable)
    }

    /// The tokens that are so if one variable has the value of another: what is
    /// asked of the first is asked of the second. None where that has no value left.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn renamed(
        mut self,
        from: &Variable,
        to: &Variable,
        budget: &Budget,
    ) -> Result<Option<Self>, Exceeded> {
        let asked = self.set(from).cloned();
        self.sets.retain(|(variable, _)| variable != from);
        for relation in std::mem::take(&mut self.relations) {
            if !self.relate(&relation.renamed(from, to)) {
                return Ok(None);
            }
        }
        let is_possible = match asked {
            Some(asked) => self.bound(to, &asked, budget)?,
            None => true,
        };
        Ok(is_possible.then_some(self))
    }

    /// Relates two variables; whether that contradicts no relation there is.
    fn relate(&mut self, relation: &Relation) -> bool {
        let mut known = self.relations.iter();
        if let Some(known) = known.find(|one| one.is_about(relation)) {
            return known.is_equal == relation.is_equal;
        }
        self.relations.push(relation.clone());
        true
    }

    /// The tokens of both; none where some variable has no value left.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn and(&self, other: &Self, budget: &Budget) -> Result<Option<Self>, Exceeded> {
        let mut both = self.clone();
        for (variable, values) in &other.sets {
            if !both.bound(variable, values, budget)? {
                return Ok(None);
            }
        }
        let mut relations = other.relations.iter();
        let is_possible = relations.all(|relation| both.relate(relation));
        Ok(is_possible.then_some(both))
    }

    /// The tokens of this one that are not of the other, as blocks that have no
    /// token in common.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn minus(&self, other: &Self, budget: &Budget) -> Result<Vec<Self>, Exceeded> {
        if self.and(other, budget)?.is_none() {
            return Ok(vec![self.clone()]);
        }
        // Each has what the other asks of the variables before, and not what it
        // asks of the next.
        let (mut outside, mut within) = (Vec::new(), self.clone());
        for (variable, values) in &other.sets {
            budget.take(1)?;
            let own = within.set(variable).cloned();
            let own = own.unwrap_or_else(|| variable.domain());
            let left = own.minus(values, budget)?;
            if !left.is_empty() {
                let mut block = within.clone();
                block.bound(variable, &left, budget)?;
                outside.push(block);
            }
            if !within.bound(variable, values, budget)? {
                return Ok(outside);
            }
        }
        for relation in &other.relations {
            budget.take(1)?;
            let mut block = within.clone();
            if block.relate(&relation.negated()) {
                outside.push(block);
            }
            if !within.relate(relation) {
                return Ok(outside);
            }
        }
        Ok(outside)
    }

    /// Whether a token of which these values are known may be in it.
    pub(crate) fn may_contain(&self, known: &[(Variable, Example)]) -> bool {
        known.iter().all(|(variable, value)| {
            let set = self.set(variable);
            set.is_none_or(|set| match value {
                Example::Absent => set.contains(None),
                Example::Value(value) => set.contains(Some(value)),
            })
        })
    }

    /// Whether a token with these values is in it; variables that are not named
    /// are absent.
    pub(crate) fn contains(&self, value_of: &dyn Fn(&Variable) -> Example) -> bool {
        let in_set = |(variable, set): &(Variable, Values)| match value_of(variable) {
            Example::Absent => set.contains(None),
            Example::Value(value) => set.contains(Some(&value)),
        };
        let related = |relation: &Relation| {
            relation.holds(&value_of(&relation.one), &value_of(&relation.other))
        };
        self.sets.iter().all(in_set) && self.relations.iter().all(related)
    }

    /// Whether there is such a token, of a block whose sets each have a value.
    ///
    /// # Errors
    /// [`Exceeded`], as [`Block::example`].
    pub(crate) fn is_possible(&self, budget: &Budget) -> Result<bool, Exceeded> {
        Ok(self.relations.is_empty() || self.example(budget)?.is_some())
    }

    /// Values of a token of it, for each variable that it names; none where there
    /// is no such token.
    ///
    /// # Errors
    /// [`Exceeded`], also where texts are related without case and the search
    /// for some that fit has come to nothing.
    pub(crate) fn example(
        &self,
        budget: &Budget,
    ) -> Result<Option<Vec<(Variable, Example)>>, Exceeded> {
        let Some(groups) = self.groups(budget)? else {
            return Ok(None);
        };
        let choices = self.choices(&groups, budget)?;
        let mut chosen: Vec<Example> = Vec::new();
        if !self.choose(&groups, &choices, &mut chosen, budget)? {
            // Values that are equal but for their case were not looked for.
            let is_exact = self.relations.iter().all(|relation| !relation.folds);
            return if is_exact { Ok(None) } else { Err(Exceeded) };
        }
        let all = groups.iter().zip(chosen);
        let all = all.flat_map(|(group, value)| {
            let variables = group.variables.iter().cloned();
            variables.map(move |variable| (variable, value.clone()))
        });
        Ok(Some(all.collect()))
    }

    /// The variables, together where they are equal; none where no value is left
    /// for some.
    fn groups(&self, budget: &Budget) -> Result<Option<Vec<Group>>, Exceeded> {
        let mut groups: Vec<Group> = Vec::new();
        let related = self.relations.iter();
        let related = related.flat_map(|relation| [&relation.one, &relation.other]);
        for variable in self
            .sets
            .iter()
            .map(|(variable, _)| variable)
            .chain(related)
        {
            if place(&groups, variable).is_none() {
                groups.push(Group {
                    variables: vec![variable.clone()],
                    values: self
                        .set(variable)
                        .cloned()
                        .unwrap_or_else(|| variable.domain()),
                });
            }
        }
        let scalars = Values::scalars();
        for relation in self.relations.iter().filter(|relation| relation.is_equal) {
            let pair = (
                place(&groups, &relation.one),
                place(&groups, &relation.other),
            );
            let (Some(one), Some(other)) = pair else {
                continue;
            };
            for place in [one, other] {
                if let Some(group) = groups.get_mut(place) {
                    group.values = group.values.and(&scalars, budget)?;
                }
            }
            if one != other && !relation.folds {
                let taken = groups.swap_remove(one.max(other));
                if let Some(group) = groups.get_mut(one.min(other)) {
                    group.variables.extend(taken.variables);
                    group.values = group.values.and(&taken.values, budget)?;
                }
            }
        }
        for relation in self.relations.iter().filter(|relation| !relation.is_equal) {
            let one = place(&groups, &relation.one);
            // Nothing but what is not comparable differs from itself.
            if one == place(&groups, &relation.other)
                && let Some(group) = one.and_then(|one| groups.get_mut(one))
            {
                group.values = group.values.minus(&scalars, budget)?;
            }
        }
        let is_possible = groups.iter().all(|group| !group.values.is_empty());
        Ok(is_possible.then_some(groups))
    }

    /// For each group, as many of its values as it takes to find some that differ
    /// from those of others, wherever there are any: one more than the relations
    /// that it has, or all of them.
    fn choices(&self, groups: &[Group], budget: &Budget) -> Result<Vec<Vec<Example>>, Exceeded> {
        let relations_of = |place_of_group: usize| {
            let relations = self.relations.iter();
            let is_of = |variable| place(groups, variable) == Some(place_of_group);
            relations
                .filter(|relation| is_of(&relation.one) || is_of(&relation.other))
                .count()
        };
        let mut choices = Vec::with_capacity(groups.len());
        for (number, group) in groups.iter().enumerate() {
            let (mut left, mut values) = (group.values.clone(), Vec::new());
            values.extend(left.example());
            for _ in 0..relations_of(number) {
                budget.take(1)?;
                let Some(last) = values.last() else { break };
                left = left.without(last, budget)?;
                let Some(value) = left.example() else { break };
                values.push(value);
            }
            choices.push(values);
        }
        Ok(choices)
    }

    /// Chooses a value for each group from here on, so that every relation holds.
    fn choose(
        &self,
        groups: &[Group],
        choices: &[Vec<Example>],
        chosen: &mut Vec<Example>,
        budget: &Budget,
    ) -> Result<bool, Exceeded> {
        let Some(next) = choices.get(chosen.len()) else {
            return Ok(true);
        };
        for value in next {
            budget.take(1)?;
            chosen.push(value.clone());
            if self.is_well(groups, chosen) && self.choose(groups, choices, chosen, budget)? {
                return Ok(true);
            }
            chosen.pop();
        }
        Ok(false)
    }

    /// Whether every relation between groups that have their value holds.
    fn is_well(&self, groups: &[Group], chosen: &[Example]) -> bool {
        let value = |variable| place(groups, variable).and_then(|place| chosen.get(place));
        self.relations.iter().all(|relation| {
            let (one, other) = (value(&relation.one), value(&relation.other));
            let both = one.zip(other);
            both.is_none_or(|(one, other)| relation.holds(one, other))
        })
    }
}

/// Variables that have one value.
struct Group {
    variables: Vec<Variable>,
    values: Values,
}

fn place(groups: &[Group], variable: &Variable) -> Option<usize> {
    groups
        .iter()
        .position(|group| group.variables.contains(variable))
}
