//! Mutants: a policy that says less in one place, as a slip of the pen would have it.

use std::fmt;

use claimbound_language::Compiled;
use claimbound_language::engine::encode::encode;
use claimbound_language::engine::model::{
    Condition, Effect, Literal, Program, Source, Statement, Test,
};
use claimbound_language::engine::{Automaton, Days, Weekly};

use crate::budget::Budget;
use crate::edges::moved;
use crate::texts::Texts;

/// A policy in which one statement is another.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The statement.
    pub statement: String,
    /// The condition, as its author names it; none where the statement is gone.
    pub condition: Option<String>,
    /// What is changed of it.
    pub change: Change,
    /// Whose tokens the statement speaks of.
    pub(crate) issuer: String,
    /// The statement's place in the program.
    pub(crate) place: usize,
    /// What it is now; none where it is gone.
    pub(crate) altered: Option<Statement>,
}

/// What a mutant has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The statement is gone.
    NoStatement,
    /// The condition is gone.
    Dropped,
    /// Whatever stands there will do.
    AnyValue,
    /// Whatever text stands there will do.
    AnyText,
    /// The list has not this value any more.
    Without(String),
    /// The bound is this one, one further out or, in a forbid, further in.
    Bound(String),
    /// The window is open on every day.
    AnyDay,
    /// The window is open at every hour.
    AnyHour,
    /// It is open a second earlier.
    Earlier,
    /// It is open a second later.
    Later,
    /// It forbids nothing where the value is not there.
    OnlyIfThere,
    /// Of what the pattern accepts, it forbids this text alone.
    Only(String),
}

impl Change {
    /// What kind of change it is, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NoStatement => "no-statement",
            Self::Dropped => "dropped",
            Self::AnyValue => "any-value",
            Self::AnyText => "any-text",
            Self::Without(_) => "without",
            Self::Bound(_) => "bound",
            Self::AnyDay => "any-day",
            Self::AnyHour => "any-hour",
            Self::Earlier => "earlier",
            Self::Later => "later",
            Self::OnlyIfThere => "only-if-there",
            Self::Only(_) => "only",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStatement | Self::Dropped => formatter.write_str("dropped"),
            Self::AnyValue => formatter.write_str("takes any value"),
            Self::AnyText => formatter.write_str("takes any text"),
            Self::Without(value) => write!(formatter, "without `{value}`"),
            Self::Bound(bound) => write!(formatter, "bounded by {bound}"),
            Self::AnyDay => formatter.write_str("open on any day"),
            Self::AnyHour => formatter.write_str("open at any hour"),
            Self::Earlier => formatter.write_str("open a second earlier"),
            Self::Later => formatter.write_str("open a second later"),
            Self::OnlyIfThere => formatter.write_str("forbids only what is there"),
            Self::Only(text) => write!(formatter, "forbids `{text}` alone"),
        }
    }
}

impl Mutant {
    /// The policy with the change; none where it can't be written.
    pub(crate) fn of(&self, whole: &Compiled) -> Option<Compiled> {
        let mut program = whole.program.clone();
        match &self.altered {
            Some(altered) => program.statements.get_mut(self.place)?.clone_from(altered),
            None => drop(program.statements.remove(self.place)),
        }
        Some(Compiled {
            bytes: encode(&program).ok()?,
            program,
            ..whole.clone()
        })
    }
}

/// Every mutant of a program, in its order.
pub(crate) fn mutants(program: &Program) -> impl Iterator<Item = Mutant> + '_ {
    let statements = program.statements.iter().enumerate();
    statements.flat_map(|(place, statement)| of_statement(place, statement))
}

fn of_statement(place: usize, statement: &Statement) -> Vec<Mutant> {
    let mutant = |condition: Option<&Condition>, change, altered| Mutant {
        statement: statement.name.clone(),
        condition: condition.map(|one| one.label.clone()),
        change,
        issuer: statement.issuer.clone(),
        place,
        altered,
    };
    let mut all = Vec::new();
    if statement.effect == Effect::Forbid {
        all.push(mutant(None, Change::NoStatement, None));
    }
    for (index, condition) in statement.conditions.iter().enumerate() {
        let mut without = statement.clone();
        without.conditions.remove(index);
        all.push(mutant(Some(condition), Change::Dropped, Some(without)));
        for (change, tests) in others(condition, &statement.effect) {
            let mut altered = statement.clone();
            let tests = tests.into_iter().map(|test| Condition {
                test,
                ..condition.clone()
            });
            altered.conditions.splice(index..=index, tests);
            all.push(mutant(Some(condition), change, Some(altered)));
        }
    }
    all
}

/// What else a condition could ask for, so that its statement accepts more or
/// forbids less; each is one test or, where two have to hold, both.
fn others(condition: &Condition, effect: &Effect) -> Vec<(Change, Vec<Test>)> {
    let other = match effect {
        Effect::Trust(_) => looser(condition),
        Effect::Forbid => tighter(condition),
    };
    let other = other.into_iter().map(|(change, test)| (change, vec![test]));
    let there = (*effect == Effect::Forbid && is_unknown_if_absent(condition)).then(|| {
        let both = vec![condition.test.clone(), Test::Present];
        (Change::OnlyIfThere, both)
    });
    other.chain(there).collect()
}

/// Tests that hold for more.
fn looser(condition: &Condition) -> Vec<(Change, Test)> {
    let any = may_lack(condition.source).then_some((Change::AnyValue, Test::Present));
    let own = match &condition.test {
        Test::Matches(_) if may_lack(condition.source) => any_text()
            .map(|test| (Change::AnyText, test))
            .into_iter()
            .collect(),
        Test::NoneOf(literals) => without_each(literals, literal_words, Test::NoneOf),
        Test::AllOf(texts) => without_each(texts, Clone::clone, Test::AllOf),
        Test::AtLeast(bound) => self::bound(bound, -1, Test::AtLeast),
        Test::AtMost(bound) => self::bound(bound, 1, Test::AtMost),
        Test::LifetimeAtMost(longest) => further(*longest, Test::LifetimeAtMost),
        Test::AgeAtMost(longest) => further(*longest, Test::AgeAtMost),
        Test::Between(from, until) => between(*from, *until),
        Test::Weekly(weekly) => hours(weekly),
        Test::Matches(_)
        | Test::Equals(_)
        | Test::AnyOf(_)
        | Test::Contains(_)
        | Test::Present
        | Test::Absent
        | Test::SameAs(_)
        | Test::Attribute(_)
        | Test::AudienceIs(_)
        | Test::SoleAudience => Vec::new(),
    };
    let any = any.filter(|_| asks_for_a_value(&condition.test));
    any.into_iter().chain(own).collect()
}

/// Tests that hold for less, of which a forbid forbids less.
fn tighter(condition: &Condition) -> Vec<(Change, Test)> {
    match &condition.test {
        Test::AnyOf(literals) => without_each(literals, literal_words, Test::AnyOf),
        Test::AtLeast(bound) => self::bound(bound, 1, Test::AtLeast),
        Test::AtMost(bound) => self::bound(bound, -1, Test::AtMost),
        Test::Matches(automaton) => {
            let accepted = Texts::accepted(automaton, &Budget::default());
            let shortest = accepted.ok().and_then(|texts| texts.example());
            let only = shortest.map(|text| {
                let is = Test::Equals(Literal::Text(text.clone()));
                (Change::Only(text), is)
            });
            only.into_iter().collect()
        }
        Test::Equals(_)
        | Test::NoneOf(_)
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

/// Whether a test asks for something of a value that is there.
const fn asks_for_a_value(test: &Test) -> bool {
    match test {
        Test::Equals(_)
        | Test::AnyOf(_)
        | Test::NoneOf(_)
        | Test::Matches(_)
        | Test::AtLeast(_)
        | Test::AtMost(_)
        | Test::Contains(_)
        | Test::AllOf(_)
        | Test::SameAs(_)
        | Test::Attribute(_) => true,
        Test::Present
        | Test::Absent
        | Test::AudienceIs(_)
        | Test::SoleAudience
        | Test::Weekly(_)
        | Test::Between(..)
        | Test::LifetimeAtMost(_)
        | Test::AgeAtMost(_) => false,
    }
}

fn is_unknown_if_absent(condition: &Condition) -> bool {
    may_lack(condition.source) && asks_for_a_value(&condition.test)
}

/// Whether a token may lack it. Of what every token has, any value is no condition.
const fn may_lack(source: Source) -> bool {
    match source {
        Source::Claim(_)
        | Source::Part(_)
        | Source::Name(_)
        | Source::NameId(_)
        | Source::NameParent(_) => true,
        Source::Time
        | Source::Issuer
        | Source::Subject
        | Source::Form
        | Source::Audience
        | Source::KeyType
        | Source::KeyAlgorithm
        | Source::KeyBits
        | Source::KeyThumbprint => false,
    }
}

/// The pattern of every text: one state, which accepts.
fn any_text() -> Option<Test> {
    let automaton = Automaton::new(0, Box::new([0; 256]), &[vec![0]], &[true]);
    automaton.ok().map(Test::Matches)
}

/// The most values that are taken out of one list, each in a mutant of its own that
/// holds the others.
const MOST_OF_A_LIST: usize = 100;

/// How many values of lists are not taken out, of all of a program's.
pub(crate) fn beyond(program: &Program) -> usize {
    let conditions = program.statements.iter().flat_map(|one| &one.conditions);
    let beyond = conditions.map(|condition| match &condition.test {
        Test::AnyOf(values) | Test::NoneOf(values) => values.len(),
        Test::AllOf(texts) => texts.len(),
        Test::Equals(_)
        | Test::Matches(_)
        | Test::AtLeast(_)
        | Test::AtMost(_)
        | Test::Contains(_)
        | Test::Present
        | Test::Absent
        | Test::SameAs(_)
        | Test::Attribute(_)
        | Test::AudienceIs(_)
        | Test::SoleAudience
        | Test::Weekly(_)
        | Test::Between(..)
        | Test::LifetimeAtMost(_)
        | Test::AgeAtMost(_) => 0,
    });
    beyond
        .map(|values| values.saturating_sub(MOST_OF_A_LIST))
        .sum()
}

/// For each of several values, of many the first, the list without it.
fn without_each<T: Clone>(
    values: &[T],
    words: impl Fn(&T) -> String,
    test: impl Fn(Vec<T>) -> Test,
) -> Vec<(Change, Test)> {
    if values.len() < 2 {
        return Vec::new();
    }
    let each = values.iter().take(MOST_OF_A_LIST).enumerate();
    let each = each.map(|(index, value)| {
        let mut left = values.to_vec();
        left.remove(index);
        (Change::Without(words(value)), test(left))
    });
    each.collect()
}

/// A literal as a document writes it, but for the quotes of a text.
pub(crate) fn literal_words(literal: &Literal) -> String {
    match literal {
        Literal::Null => "null".to_owned(),
        Literal::Boolean(boolean) => boolean.to_string(),
        Literal::Number(text) | Literal::Text(text) => text.clone(),
    }
}

/// A bound that is a whole number, moved by one.
fn bound(bound: &str, by: i64, test: impl Fn(String) -> Test) -> Vec<(Change, Test)> {
    let other = moved(bound, by).map(|bound| (Change::Bound(bound.clone()), test(bound)));
    other.into_iter().collect()
}

/// A longest time, in seconds, and one second more.
fn further(longest: u64, test: impl Fn(u64) -> Test) -> Vec<(Change, Test)> {
    let longer = longest.checked_add(1);
    let other = longer.map(|longer| (Change::Bound(format!("{longer} s")), test(longer)));
    other.into_iter().collect()
}

fn between(from: u64, until: u64) -> Vec<(Change, Test)> {
    // What begins with all time can't begin earlier.
    let earlier = from.checked_sub(1);
    let earlier = earlier.map(|from| (Change::Earlier, Test::Between(from, until)));
    let later = until.checked_add(1);
    let later = later.map(|until| (Change::Later, Test::Between(from, until)));
    earlier.into_iter().chain(later).collect()
}

/// Seconds in a day of a clock on the wall.
const DAY: u32 = 86_400;

fn hours(weekly: &Weekly) -> Vec<(Change, Test)> {
    let other = |change, days, opens, closes| {
        let altered = Weekly {
            days,
            opens,
            closes,
            ..weekly.clone()
        };
        (altered != *weekly).then_some((change, Test::Weekly(altered)))
    };
    let (days, opens, closes) = (weekly.days, weekly.opens, weekly.closes);
    let crosses_midnight = closes <= opens;
    let is_round_the_clock = closes == opens;
    // Hours across midnight belong to the day on which they open.
    let (from, until) = if crosses_midnight {
        (opens, opens)
    } else {
        (0, DAY)
    };
    let earlier = opens.checked_sub(1).filter(|_| !is_round_the_clock);
    let later = match closes {
        // Past the end of a day is the next one's beginning.
        DAY => (opens > 0).then_some(1),
        closes => (!is_round_the_clock).then_some(closes + 1),
    };
    let all = [
        other(Change::AnyDay, Days::EVERY, opens, closes),
        other(Change::AnyHour, days, from, until),
        earlier.and_then(|earlier| other(Change::Earlier, days, earlier, closes)),
        later.and_then(|later| other(Change::Later, days, opens, later)),
    ];
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
