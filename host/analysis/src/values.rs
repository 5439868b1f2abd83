//! Sets of values: what a condition accepts of a claim.

use claimbound_language::engine::model::{Literal, Test};
use serde_json::Value as Json;

use crate::budget::{Budget, Exceeded};
use crate::lists::Lists;
use crate::numbers::Numbers;
use crate::texts::Texts;

/// A set of what may stand at a claim: anything of JSON, or nothing at all.
///
/// Objects, and lists with more than texts in them, are one: no condition tells
/// them apart.
#[derive(Clone, Debug)]
pub struct Values {
    /// Whether the claim may be missing.
    absent: bool,
    null: bool,
    /// Whether it may be `false`, and `true`.
    booleans: [bool; 2],
    numbers: Numbers,
    texts: Texts,
    lists: Lists,
    /// Whether it may be anything else.
    other: bool,
}

/// What stands at a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Example {
    /// Nothing.
    Absent,
    /// This.
    Value(Json),
}

/// What a condition makes of all values. Those of neither are unknown to it: they
/// satisfy no trust, and trigger a forbid.
#[derive(Clone, Debug)]
pub struct Held {
    /// Where it holds.
    pub yes: Values,
    /// Where it is known not to.
    pub no: Values,
}

impl Held {
    /// What a test makes of the values of its source; none for a test that looks
    /// at something else besides, such as the time or another claim.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn of(test: &Test, folds: bool, budget: &Budget) -> Result<Option<Self>, Exceeded> {
        Ok(Some(match test {
            Test::Equals(literal) => Self::any_of(std::slice::from_ref(literal), folds, budget)?,
            Test::AnyOf(literals) => Self::any_of(literals, folds, budget)?,
            Test::NoneOf(literals) => Self::any_of(literals, folds, budget)?.negated(),
            Test::Matches(automaton) => {
                let texts = Texts::accepted(automaton, budget)?;
                let others = texts.complement(budget)?;
                Self {
                    yes: Values::of_texts(texts),
                    no: Values::of_texts(others),
                }
            }
            Test::AtLeast(bound) => Self::of_numbers(Numbers::at_least(bound), budget)?,
            Test::AtMost(bound) => Self::of_numbers(Numbers::at_most(bound), budget)?,
            Test::Contains(item) => Self::of_lists(Lists::with_all([item.as_str()]), budget)?,
            Test::AllOf(texts) => {
                let texts = texts.iter().map(String::as_str);
                Self::of_lists(Lists::with_all(texts), budget)?
            }
            Test::Present => Self::absent().negated(),
            Test::Absent => Self::absent(),
            Test::SameAs(_)
            | Test::Attribute(_)
            | Test::AudienceIs(_)
            | Test::SoleAudience
            | Test::Weekly(_)
            | Test::Between(..)
            | Test::LifetimeAtMost(_)
            | Test::AgeAtMost(_) => return Ok(None),
        }))
    }

    fn negated(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
        }
    }

    fn absent() -> Self {
        Self {
            yes: Values::none().or_absent(),
            no: Values {
                absent: false,
                ..Values::all()
            },
        }
    }

    fn of_numbers<E>(numbers: Result<Numbers, E>, budget: &Budget) -> Result<Self, Exceeded> {
        // INVARIANT: a program's bounds are numbers. What were none would hold
        // nowhere, as in the component.
        let numbers = numbers.unwrap_or_default();
        let others = Numbers::all().minus(&numbers, budget)?;
        Ok(Self {
            yes: Values::of_numbers(numbers),
            no: Values::of_numbers(others),
        })
    }

    fn of_lists(lists: Lists, budget: &Budget) -> Result<Self, Exceeded> {
        let others = Lists::all().minus(&lists, budget)?;
        Ok(Self {
            yes: Values::of_lists(lists),
            no: Values::of_lists(others),
        })
    }

    /// Equality is of the same JSON type: what is of none of the literals' types
    /// is unknown, and not another.
    fn any_of(literals: &[Literal], folds: bool, budget: &Budget) -> Result<Self, Exceeded> {
        let mut yes = Values::none();
        let mut comparable = Values::none();
        let mut texts: Vec<&str> = Vec::new();
        for literal in literals {
            match literal {
                Literal::Null => {
                    yes.null = true;
                    comparable.null = true;
                }
                Literal::Boolean(boolean) => {
                    let [no, is] = &mut yes.booleans;
                    *(if *boolean { is } else { no }) = true;
                    comparable.booleans = [true; 2];
                }
                Literal::Number(number) => {
                    let one = Numbers::one(number).unwrap_or_default();
                    yes.numbers = yes.numbers.or(&one, budget)?;
                    comparable.numbers = Numbers::all();
                }
                Literal::Text(text) => {
                    texts.push(text);
                    comparable.texts = Texts::all();
                }
            }
        }
        yes.texts = Texts::of(texts, folds, budget)?;
        Ok(Self {
            no: comparable.minus(&yes, budget)?,
            yes,
        })
    }
}

impl Values {
    /// Nothing that may stand there: not even that nothing does.
    pub fn none() -> Self {
        Self {
            absent: false,
            null: false,
            booleans: [false; 2],
            numbers: Numbers::none(),
            texts: Texts::none(),
            lists: Lists::none(),
            other: false,
        }
    }

    /// Whatever may stand there, and that nothing does.
    pub fn all() -> Self {
        Self {
            absent: true,
            null: true,
            booleans: [true; 2],
            numbers: Numbers::all(),
            texts: Texts::all(),
            lists: Lists::all(),
            other: true,
        }
    }

    /// What can be equal to something else: booleans, numbers and texts.
    pub(crate) fn scalars() -> Self {
        Self {
            booleans: [true; 2],
            numbers: Numbers::all(),
            texts: Texts::all(),
            ..Self::none()
        }
    }

    /// Any text, or that nothing stands there.
    pub(crate) fn text_or_absent() -> Self {
        Self {
            absent: true,
            ..Self::of_texts(Texts::all())
        }
    }

    /// Both booleans, or one of them.
    pub(crate) fn of_booleans(no: bool, is: bool) -> Self {
        Self {
            booleans: [no, is],
            ..Self::none()
        }
    }

    /// These numbers.
    pub(crate) fn of_numbers(numbers: Numbers) -> Self {
        Self {
            numbers,
            ..Self::none()
        }
    }

    /// These lists.
    pub(crate) fn of_lists(lists: Lists) -> Self {
        Self {
            lists,
            ..Self::none()
        }
    }

    /// These values, and that nothing stands there.
    pub(crate) fn or_absent(self) -> Self {
        Self {
            absent: true,
            ..self
        }
    }

    /// The values but for one. Of lists, and of what no condition tells apart, all
    /// go together.
    pub(crate) fn without(&self, value: &Example, budget: &Budget) -> Result<Self, Exceeded> {
        let one = match value {
            Example::Absent => Self::none().or_absent(),
            Example::Value(Json::Null) => Self {
                null: true,
                ..Self::none()
            },
            Example::Value(Json::Bool(boolean)) => Self::of_booleans(!boolean, *boolean),
            Example::Value(Json::Number(number)) => {
                Self::of_numbers(Numbers::one(&number.to_string()).unwrap_or_default())
            }
            Example::Value(Json::String(text)) => Self::of_texts(Texts::one(text, budget)?),
            Example::Value(Json::Array(_)) => Self::of_lists(Lists::all()),
            Example::Value(Json::Object(_)) => Self {
                other: true,
                ..Self::none()
            },
        };
        self.minus(&one, budget)
    }

    /// These texts.
    pub fn of_texts(texts: Texts) -> Self {
        Self {
            texts,
            ..Self::none()
        }
    }

    /// The numbers in it.
    pub(crate) const fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The lists in it.
    pub(crate) const fn lists(&self) -> &Lists {
        &self.lists
    }

    /// The texts in it.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// The values of both.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn and(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        Ok(Self {
            numbers: self.numbers.and(&other.numbers, budget)?,
            texts: self.texts.and(&other.texts, budget)?,
            lists: self.lists.and(&other.lists, budget)?,
            ..self.plain(other, |one, other| one && other)
        })
    }

    /// The values of either.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn or(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        Ok(Self {
            numbers: self.numbers.or(&other.numbers, budget)?,
            texts: self.texts.or(&other.texts, budget)?,
            lists: self.lists.or(&other.lists, budget)?,
            ..self.plain(other, |one, other| one || other)
        })
    }

    /// The values of this one that are not of the other.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub fn minus(&self, other: &Self, budget: &Budget) -> Result<Self, Exceeded> {
        Ok(Self {
            numbers: self.numbers.minus(&other.numbers, budget)?,
            texts: self.texts.minus(&other.texts, budget)?,
            lists: self.lists.minus(&other.lists, budget)?,
            ..self.plain(other, |one, other| one && !other)
        })
    }

    /// What becomes of the values that are there or not, and nothing else.
    fn plain(&self, other: &Self, with: impl Fn(bool, bool) -> bool) -> Self {
        let ([no, is], [no_there, is_there]) = (self.booleans, other.booleans);
        Self {
            absent: with(self.absent, other.absent),
            null: with(self.null, other.null),
            booleans: [with(no, no_there), with(is, is_there)],
            other: with(self.other, other.other),
            ..Self::none()
        }
    }

    /// Whether there is no value in it.
    pub fn is_empty(&self) -> bool {
        !(self.absent || self.null || self.booleans.contains(&true) || self.other)
            && self.numbers.is_empty()
            && self.texts.is_empty()
            && self.lists.is_empty()
    }

    /// Whether this may stand there; for a claim that is missing, none.
    pub fn contains(&self, value: Option<&Json>) -> bool {
        match value {
            None => self.absent,
            Some(Json::Null) => self.null,
            Some(Json::Bool(boolean)) => {
                let [no, is] = self.booleans;
                if *boolean { is } else { no }
            }
            Some(Json::Number(number)) => self.numbers.contains(&number.to_string()),
            Some(Json::String(text)) => self.texts.contains(text),
            Some(Json::Array(items)) => {
                let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
                match texts {
                    Some(texts) => self.lists.contains(&texts),
                    None => self.other,
                }
            }
            Some(Json::Object(_)) => self.other,
        }
    }

    /// One of its values, the most usual kind first; none where it is empty.
    pub fn example(&self) -> Option<Example> {
        let text = self.texts.example().map(Json::from);
        let number = || {
            let number = self.numbers.example()?;
            serde_json::from_str(&number).ok()
        };
        let boolean = || {
            let [no, is] = self.booleans;
            (no || is).then_some(Json::from(is))
        };
        let list = || self.lists.example().map(Json::from);
        let null = || self.null.then_some(Json::Null);
        let other = || self.other.then(|| Json::Object(serde_json::Map::new()));
        let value = text
            .or_else(number)
            .or_else(boolean)
            .or_else(list)
            .or_else(null)
            .or_else(other);
        let absent = || self.absent.then_some(Example::Absent);
        value.map(Example::Value).or_else(absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::agent;
    use claimbound_language::Compiled;
    use claimbound_language::engine::Decision;
    use proptest::prelude::*;
    use serde_json::json;

    /// A policy that asks this of the claim `x`.
    fn policy(condition: &str, stance: &str) -> Compiled {
        agent(&format!("[{stance}]\nx = {condition}"))
    }

    const TRUST: &str = "trust.agent.claims";
    const FORBID: &str = "forbid.some]\nissuer = \"mesh\"\n[forbid.some.claims";

    const CONDITIONS: [&str; 18] = [
        r#""a""#,
        "5",
        "true",
        r#"["a", "b", 5, false]"#,
        r#"{ none_of = ["a", "B"] }"#,
        "{ none_of = [5, 7.5] }",
        "{ none_of = [true] }",
        r#"{ glob = "a*" }"#,
        r#"{ glob = "**b" }"#,
        r#"{ regex = "[a-b]{1,2}|é" }"#,
        "{ at_least = 5 }",
        "{ at_most = 5.5 }",
        r#"{ contains = "a" }"#,
        r#"{ all_of = ["a", "b"] }"#,
        "{ present = true }",
        "{ absent = true }",
        r#"{ any_of = ["ab", 0] }"#,
        r#"{ regex = ".*" }"#,
    ];

    fn value() -> impl Strategy<Value = Option<Json>> {
        let some = prop_oneof![
            prop::sample::select(&["", "a", "b", "B", "ab", "a/b", "é", "ba"][..])
                .prop_map(Json::from),
            prop::sample::select(&["5", "5.0", "7.5", "-1", "0", "1e1", "6"][..])
                .prop_map(|number| serde_json::from_str(number).unwrap()),
            any::<bool>().prop_map(Json::from),
            prop::sample::subsequence(&["a", "b", "c"][..], 0..=3).prop_map(Json::from),
            Just(Json::Null),
            Just(json!({ "a": 1 })),
            Just(json!(["a", 1])),
        ];
        prop::option::weighted(0.9, some)
    }

    fn held(condition: &str) -> Held {
        let compiled = policy(condition, TRUST);
        let conditions = compiled
            .program
            .statements
            .iter()
            .flat_map(|one| &one.conditions);
        let found = conditions.into_iter().find(|one| one.label == "claims.x");
        let found = found.unwrap();
        let held = Held::of(&found.test, found.fold, &Budget::default());
        held.unwrap().unwrap()
    }

    /// Whether the policy lets in a token with this at `x`.
    fn lets_in(compiled: &Compiled, value: Option<&Json>) -> bool {
        let without = policy("{ absent = true }", TRUST);
        let mut example = without.example("agent").unwrap();
        if let Some(value) = value {
            example.claims.insert("x".to_owned(), value.clone());
        }
        let verdict = compiled.decide(&example.claims, &example.key, &example.request);
        matches!(verdict.unwrap().decision, Decision::Allow { .. })
    }

    proptest! {
        #[test]
        fn a_condition_accepts_what_the_component_does(
            condition in prop::sample::select(&CONDITIONS[..]),
            value in value(),
        ) {
            let Held { yes, no } = held(condition);
            let trust = lets_in(&policy(condition, TRUST), value.as_ref());
            let forbid = !lets_in(&policy(condition, FORBID), value.as_ref());
            prop_assert_eq!(yes.contains(value.as_ref()), trust);
            prop_assert_eq!(!no.contains(value.as_ref()), forbid);
        }

        #[test]
        fn the_algebra_is_that_of_sets(
            one in prop::sample::select(&CONDITIONS[..]),
            other in prop::sample::select(&CONDITIONS[..]),
            value in value(),
        ) {
            let budget = Budget::default();
            let (a, b) = (held(one).yes, held(other).no);
            let value = value.as_ref();
            let (x, y) = (a.contains(value), b.contains(value));
            prop_assert_eq!(a.and(&b, &budget).unwrap().contains(value), x && y);
            prop_assert_eq!(a.or(&b, &budget).unwrap().contains(value), x || y);
            let rest = a.minus(&b, &budget).unwrap();
            prop_assert_eq!(rest.contains(value), x && !y);
            match rest.example() {
                None => prop_assert!(rest.is_empty()),
                Some(Example::Absent) => prop_assert!(rest.contains(None)),
                Some(Example::Value(found)) => prop_assert!(rest.contains(Some(&found))),
            }
        }
    }

    #[test]
    fn everything_is_in_all_and_nothing_in_none() {
        let budget = Budget::default();
        assert!(Values::none().is_empty() && Values::none().example().is_none());
        let rest = Values::all().minus(&Values::all(), &budget).unwrap();
        assert!(rest.is_empty());
        for condition in CONDITIONS {
            let Held { yes, no } = held(condition);
            assert!(yes.and(&no, &budget).unwrap().is_empty(), "{condition}");
        }
        let test = Test::LifetimeAtMost(5);
        assert!(Held::of(&test, false, &budget).unwrap().is_none());
    }
}
