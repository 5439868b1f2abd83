//! The edges of a condition: what is just inside it, and what is just outside.

use claimbound_language::engine::model::{Condition, Literal, Program, Source, Test};
use serde_json::{Number, Value as Json};

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::lists::Lists;
use crate::near::misses;
use crate::numbers::Numbers;
use crate::region::Region;
use crate::statement::Verdict;
use crate::texts::Texts;
use crate::times;
use crate::token::USUAL_TIME;
use crate::values::Values;
use crate::variable::Variable;

/// The most values of one list that are tried, each by itself.
const MOST_VALUES: usize = 16;
/// The most turns of a window that are tried, of those to come and of those past.
const MOST_TURNS: usize = 12;

/// One edge of a condition.
pub(crate) struct Edge {
    /// Whether the condition holds there.
    pub(crate) is_inside: bool,
    /// Tokens of the edge: of each region any will do, and the first is the nearest.
    pub(crate) choices: Vec<Region>,
    /// What there is to say of it besides the value; mostly nothing.
    pub(crate) beside: &'static str,
}

/// A condition whose edges are looked for.
pub(crate) struct Edges<'p> {
    pub(crate) condition: &'p Condition,
    pub(crate) program: &'p Program,
    /// Where it holds, and where it is known not to.
    pub(crate) verdict: &'p Verdict,
    pub(crate) budget: &'p Budget,
}

fn inside(choices: Vec<Region>) -> Edge {
    Edge {
        is_inside: true,
        choices,
        beside: "",
    }
}

fn outside(choices: Vec<Region>) -> Edge {
    Edge {
        is_inside: false,
        choices,
        beside: "",
    }
}

impl Edges<'_> {
    /// What the condition looks at.
    ///
    /// # Errors
    /// [`Exceeded`], which no program of the compiler comes to.
    pub(crate) fn variable(&self) -> Result<Variable, Exceeded> {
        let timed = match &self.condition.test {
            Test::LifetimeAtMost(_) => Some(Variable::Lifetime),
            Test::AgeAtMost(_) => Some(Variable::Age),
            Test::Between(..) | Test::Weekly(_) => Some(Variable::Now),
            Test::SoleAudience => Some(Variable::SoleAudience),
            Test::AudienceIs(_) => Some(Variable::AudienceOfRoute),
            Test::Equals(_)
            | Test::AnyOf(_)
            | Test::NoneOf(_)
            | Test::Matches(_)
            | Test::AtLeast(_)
            | Test::AtMost(_)
            | Test::Contains(_)
            | Test::AllOf(_)
            | Test::Present
            | Test::Absent
            | Test::SameAs(_)
            | Test::Attribute(_) => None,
        };
        let source = || Variable::of(self.condition.source, self.program);
        timed.or_else(source).ok_or(Exceeded)
    }

    /// Every edge.
    ///
    /// # Errors
    /// [`Exceeded`].
    pub(crate) fn all(&self) -> Result<Vec<Edge>, Exceeded> {
        let mut edges = match &self.condition.test {
            Test::Equals(literal) => self.listed(std::slice::from_ref(literal))?,
            Test::AnyOf(literals) => self.listed(literals)?,
            Test::NoneOf(literals) => self.kept_out(literals)?,
            Test::Matches(automaton) => {
                let accepted = Texts::accepted(automaton, self.budget)?;
                self.pattern(&accepted)?
            }
            Test::AtLeast(bound) => self.bound(bound, -1)?,
            Test::AtMost(bound) => self.bound(bound, 1)?,
            Test::Contains(text) => self.elements(std::slice::from_ref(text))?,
            Test::AllOf(texts) => self.elements(texts)?,
            Test::AudienceIs(audience) => vec![self.another_audience(audience)?],
            Test::LifetimeAtMost(longest) => {
                longest_of(*longest, |seconds| self.at_number(&seconds.to_string()))?
            }
            Test::AgeAtMost(longest) => longest_of(*longest, |age| self.of_age(age))?,
            Test::Between(from, until) => {
                let pair = (from < until).then_some((*from, *until));
                self.turns(&Numbers::within(pair))?
            }
            Test::Weekly(weekly) => self.turns(&times::open(weekly, self.budget)?)?,
            Test::Present | Test::Absent | Test::SameAs(_) | Test::SoleAudience => {
                vec![outside(vec![self.otherwise()?])]
            }
            Test::Attribute(_) => self.attributes()?,
        };
        if self.may_be_left_out() {
            let lacking = self.at(Values::none().or_absent())?;
            edges.push(outside(vec![lacking]));
        }
        Ok(edges)
    }

    /// Whether the token without its claim is an edge of its own.
    fn may_be_left_out(&self) -> bool {
        let looks_at_claim = matches!(self.condition.source, Source::Claim(_));
        looks_at_claim && !matches!(self.condition.test, Test::Present | Test::Absent)
    }

    fn at(&self, values: Values) -> Result<Region, Exceeded> {
        Ok(Region::of(vec![Block::of(self.variable()?, values)]))
    }

    fn at_text(&self, text: &str) -> Result<Region, Exceeded> {
        self.at(Values::of_texts(Texts::one(text, self.budget)?))
    }

    fn at_number(&self, number: &str) -> Result<Region, Exceeded> {
        let one = Numbers::one(number).map_err(|_| Exceeded)?;
        self.at(Values::of_numbers(one))
    }

    fn at_literal(&self, literal: &Literal) -> Result<Region, Exceeded> {
        match literal {
            Literal::Null => {
                let all = Values::all();
                let one = crate::values::Example::Value(Json::Null);
                let others = all.without(&one, self.budget)?;
                self.at(all.minus(&others, self.budget)?)
            }
            Literal::Boolean(boolean) => self.at(Values::of_booleans(!boolean, *boolean)),
            Literal::Number(number) => self.at_number(number),
            Literal::Text(text) => self.at_text(text),
        }
    }

    /// Where it is known not to hold or, where there is no such token, where it does not
    /// hold.
    fn otherwise(&self) -> Result<Region, Exceeded> {
        let known = self.verdict.no.clone();
        let unknown = Region::all().minus(&self.verdict.yes, self.budget)?;
        Ok(known.or(unknown.minus(&self.verdict.no, self.budget)?))
    }

    /// Next to a text, as far as it does not hold there; and then anywhere outside.
    fn next_to(&self, text: &str) -> Result<Vec<Region>, Exceeded> {
        let mut choices = Vec::new();
        for near in misses(text) {
            let near = self.at_text(&near)?;
            choices.push(near.minus(&self.verdict.yes, self.budget)?);
        }
        choices.push(self.otherwise()?);
        Ok(choices)
    }

    /// Each value of a list, and what is next to the first.
    fn listed(&self, literals: &[Literal]) -> Result<Vec<Edge>, Exceeded> {
        let mut edges = Vec::new();
        for literal in literals.iter().take(MOST_VALUES) {
            edges.push(inside(vec![self.at_literal(literal)?]));
        }
        let first = literals.first();
        edges.push(outside(match (self.condition.source, first) {
            // The names of forms are no texts that a token could have otherwise.
            (Source::Form, _) | (_, Some(Literal::Null | Literal::Boolean(_)) | None) => {
                vec![self.otherwise()?]
            }
            (_, Some(Literal::Text(text))) => self.next_to(text)?,
            (_, Some(Literal::Number(number))) => {
                let mut choices = Vec::new();
                for near in [moved(number, 1), moved(number, -1)].into_iter().flatten() {
                    let near = self.at_number(&near)?;
                    choices.push(near.minus(&self.verdict.yes, self.budget)?);
                }
                choices.push(self.otherwise()?);
                choices
            }
        }));
        Ok(edges)
    }

    /// Each value that is kept out, and what is next to the first.
    fn kept_out(&self, literals: &[Literal]) -> Result<Vec<Edge>, Exceeded> {
        let mut edges = Vec::new();
        for literal in literals.iter().take(MOST_VALUES) {
            edges.push(outside(vec![self.at_literal(literal)?]));
        }
        let mut choices = Vec::new();
        if let Some(Literal::Text(text)) = literals.first() {
            for near in misses(text) {
                let near = self.at_text(&near)?;
                choices.push(near.and(&self.verdict.yes, self.budget)?);
            }
        }
        choices.push(self.verdict.yes.clone());
        edges.push(inside(choices));
        Ok(edges)
    }

    /// The shortest text that a pattern accepts, and one next to it that it does not.
    fn pattern(&self, accepted: &Texts) -> Result<Vec<Edge>, Exceeded> {
        let Some(shortest) = accepted.example() else {
            return Ok(vec![outside(vec![self.otherwise()?])]);
        };
        let shortest_first = vec![self.at_text(&shortest)?, self.verdict.yes.clone()];
        Ok(vec![
            inside(shortest_first),
            outside(self.next_to(&shortest)?),
        ])
    }

    /// The bound itself, and the next whole number on the other side of it.
    fn bound(&self, bound: &str, beyond: i64) -> Result<Vec<Edge>, Exceeded> {
        let mut choices = Vec::new();
        if let Some(next) = moved(bound, beyond) {
            choices.push(self.at_number(&next)?);
        }
        choices.push(self.otherwise()?);
        let at = vec![self.at_number(bound)?, self.verdict.yes.clone()];
        Ok(vec![inside(at), outside(choices)])
    }

    /// A list of these alone and, for each of them, one with what is next to it in its
    /// place.
    fn elements(&self, texts: &[String]) -> Result<Vec<Edge>, Exceeded> {
        let all = self.at(Values::of_lists(Lists::with_all(texts)))?;
        let mut edges = vec![inside(vec![all])];
        for text in texts.iter().take(MOST_VALUES) {
            let others = texts.iter().filter(|one| *one != text);
            let near = misses(text).into_iter().next();
            let with = Lists::with_all(others.chain(&near));
            let lacking = with.minus(&Lists::with_all([text]), self.budget)?;
            let lacking = self.at(Values::of_lists(lacking))?;
            edges.push(outside(vec![lacking, self.otherwise()?]));
        }
        Ok(edges)
    }

    /// An attribute that is another, and one that the request has not.
    fn attributes(&self) -> Result<Vec<Edge>, Exceeded> {
        let attribute = Variable::beside(&self.condition.test, self.program);
        let lacking = Block::of(attribute.ok_or(Exceeded)?, Values::none().or_absent());
        let text = Block::of(self.variable()?, Values::of_texts(Texts::all()));
        let lacking = lacking.and(&text, self.budget)?;
        let lacking = Region::of(lacking.into_iter().collect());
        Ok(vec![
            Edge {
                beside: ", another attribute",
                ..outside(vec![self.otherwise()?])
            },
            Edge {
                beside: ", no attribute",
                ..outside(vec![lacking])
            },
        ])
    }

    /// A token that is so old, and has not expired.
    fn of_age(&self, age: u64) -> Result<Region, Exceeded> {
        let longer = Numbers::at_least(&age.saturating_add(1).to_string());
        let longer = Values::of_numbers(longer.map_err(|_| Exceeded)?);
        let longer = Region::of(vec![Block::of(Variable::Lifetime, longer)]);
        self.at_number(&age.to_string())?.and(&longer, self.budget)
    }

    /// A token and a route of an audience next to the one that is asked for: a token for
    /// another audience than its route's is refused before any policy is asked.
    fn another_audience(&self, audience: &str) -> Result<Edge, Exceeded> {
        let mut choices = Vec::new();
        for near in misses(audience) {
            let route = Values::of_texts(Texts::one(&near, self.budget)?);
            let token = Values::of_lists(Lists::with_all([&near]));
            let route = Block::of(Variable::AudienceOfRoute, route);
            let both = route.and(&Block::of(Variable::Audience, token), self.budget)?;
            choices.push(Region::of(both.into_iter().collect()));
        }
        Ok(outside(choices))
    }

    /// The first and the last second that is open, and the ones before and after.
    fn turns(&self, open: &Numbers) -> Result<Vec<Edge>, Exceeded> {
        // All time begins somewhere, which is no edge.
        let turns: Vec<u64> = open.turns().filter(|turn| *turn > 0).collect();
        let to_come = turns.partition_point(|turn| *turn <= USUAL_TIME);
        let (past, to_come) = turns.split_at(to_come);
        // Each opening comes with its closing.
        let to_come = to_come.iter().take(2 * MOST_TURNS);
        let nearest: Vec<u64> = to_come
            .chain(past.iter().rev().take(2 * MOST_TURNS))
            .copied()
            .collect();
        let is_open = |at: u64| open.contains(&at.to_string());
        let mut edges = Vec::new();
        for (opens, is_inside) in [(true, false), (true, true), (false, true), (false, false)] {
            let turns = nearest.iter().filter(|turn| is_open(**turn) == opens);
            // Before it opens, and before it closes.
            let seconds = turns.map(|turn| turn - u64::from(opens != is_inside));
            let choices = seconds.map(|second| self.at_number(&second.to_string()));
            let choices = choices.collect::<Result<Vec<_>, _>>()?;
            if !choices.is_empty() {
                edges.push(Edge {
                    is_inside,
                    choices,
                    beside: "",
                });
            }
        }
        Ok(edges)
    }
}

/// The longest time, and one second more.
fn longest_of(
    longest: u64,
    at: impl Fn(u64) -> Result<Region, Exceeded>,
) -> Result<Vec<Edge>, Exceeded> {
    let mut edges = vec![inside(vec![at(longest)?])];
    if let Some(longer) = longest.checked_add(1) {
        edges.push(outside(vec![at(longer)?]));
    }
    Ok(edges)
}

/// A whole number, moved by one, as JSON has it.
pub(crate) fn moved(number: &str, by: i64) -> Option<String> {
    let number: i64 = number.parse().ok()?;
    Some(Number::from(number.checked_add(by)?).to_string())
}
