//! Boundary: for each condition of each trust, tokens just inside it and just outside,
//! with all others met.

use claimbound_language::engine::model::{Effect, Source, Statement};
use claimbound_language::engine::{Decision, Reason, Step};
use claimbound_language::{
    Compiled, DerivedToken, Example as Token, Expected, IssuerSummary, Placed, date,
};
use serde_json::Value as Json;

use crate::block::Block;
use crate::budget::{Budget, Exceeded};
use crate::case_file::{self, Group};
use crate::edges::{Edge, Edges};
use crate::meanings::Meanings;
use crate::naming::{self, Found};
use crate::region::Region;
use crate::statement::{Verdict, verdict};
use crate::texts::Texts;
use crate::token::token;
use crate::tried::Tried;
use crate::values::{Example, Values};
use crate::variable::Variable;

/// The most cases that are made: more than a person reads, and far fewer than a case
/// file may have.
const MOST: usize = 2_000;
/// The steps that the search for one token may take.
const STEPS: u64 = Budget::USUAL / 10;
/// The most characters of a value that a case's name repeats.
const LONGEST_VALUE: usize = 60;

/// Cases at the boundaries of a policy's conditions.
#[derive(Clone, Debug, Default)]
pub struct Boundary {
    groups: Vec<Group>,
    /// Edges of which there is no case.
    pub left_out: Vec<LeftOut>,
    /// Whether there would be more than may be made.
    pub is_cut: bool,
}

/// An edge of a condition of which there is no case: no token that the issuer could
/// sign was found for it, or none that a case file can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The statement.
    pub statement: String,
    /// The condition, as its author names it.
    pub condition: String,
    /// Whether the condition would hold there.
    pub is_inside: bool,
}

impl Boundary {
    /// The cases. Each was decided natively, as it expects.
    pub fn cases(&self) -> impl Iterator<Item = &Tried> {
        self.groups.iter().flat_map(|group| &group.cases)
    }

    /// The cases as a case file.
    pub fn case_file(&self, compiled: &Compiled) -> String {
        case_file::written(&self.groups, compiled)
    }
}

/// Makes a policy's boundary cases. `told` is told of each statement before it is
/// looked at, by its number from one, and how many there are.
pub fn boundary(compiled: &Compiled, mut told: impl FnMut(usize, usize)) -> Boundary {
    let mut boundary = Boundary::default();
    let statements = &compiled.program.statements;
    for (place, statement) in statements.iter().enumerate() {
        told(place + 1, statements.len());
        let Effect::Trust(_) = statement.effect else {
            continue;
        };
        if boundary.cases().count() >= MOST {
            boundary.is_cut = true;
            break;
        }
        let Some(issuer) = compiled.issuer(&statement.issuer) else {
            continue;
        };
        // What can't be computed at all has no edges that are known.
        if let Ok(scene) = Scene::new(compiled, issuer, place, statement) {
            scene.add_to(&mut boundary);
        } else {
            let all = statement.conditions.iter();
            let all = all.map(|one| LeftOut::of(statement, &one.label, true));
            boundary.left_out.extend(all);
        }
    }
    boundary
}

impl LeftOut {
    fn of(statement: &Statement, condition: &str, is_inside: bool) -> Self {
        Self {
            statement: statement.name.clone(),
            condition: condition.to_owned(),
            is_inside,
        }
    }
}

/// A trust, and what stands around it.
struct Scene<'p> {
    compiled: &'p Compiled,
    issuer: &'p IssuerSummary,
    place: usize,
    statement: &'p Statement,
    meanings: Meanings<'p>,
    /// What each of its conditions makes of all tokens.
    verdicts: Vec<Verdict>,
}

impl<'p> Scene<'p> {
    fn new(
        compiled: &'p Compiled,
        issuer: &'p IssuerSummary,
        place: usize,
        statement: &'p Statement,
    ) -> Result<Self, Exceeded> {
        let (program, budget) = (&compiled.program, Budget::default());
        let conditions = statement.conditions.iter();
        let verdicts = conditions.map(|one| verdict(one, program, &budget));
        Ok(Self {
            compiled,
            issuer,
            place,
            statement,
            meanings: Meanings::of(program, &issuer.url, &budget)?,
            verdicts: verdicts.collect::<Result<_, _>>()?,
        })
    }

    fn add_to(&self, boundary: &mut Boundary) {
        let mut group = Group {
            statement: self.statement.name.clone(),
            cases: Vec::new(),
        };
        if let Ok(Some((_, token))) = self.found(&Region::all(), None, true) {
            let name = format!("{}: every condition holds", self.statement.name);
            if let Some(case) = self.confirmed(name, token, None, true) {
                self.add(&mut group, case);
            }
        }
        for (index, condition) in self.statement.conditions.iter().enumerate() {
            let budget = Budget::default();
            let edges = Edges {
                condition,
                program: &self.compiled.program,
                verdict: match self.verdicts.get(index) {
                    Some(verdict) => verdict,
                    None => continue,
                },
                budget: &budget,
            };
            let found = edges.all().and_then(|all| Ok((edges.variable()?, all)));
            let Ok((variable, all)) = found else {
                let left_out = LeftOut::of(self.statement, &condition.label, true);
                boundary.left_out.push(left_out);
                continue;
            };
            for edge in all {
                let case = self.at(index, &variable, &edge);
                if !case.is_some_and(|case| self.add(&mut group, case)) {
                    let one = LeftOut::of(self.statement, &condition.label, edge.is_inside);
                    boundary.left_out.push(one);
                }
            }
        }
        boundary.groups.push(group);
    }

    /// Adds a case that can be written, under a name of its own; whether there is one
    /// of its token now.
    fn add(&self, group: &mut Group, mut case: Tried) -> bool {
        if group.cases.iter().any(|one| one.token == case.token) {
            return true;
        }
        let name = case.name.clone();
        let mut number = 2;
        while group.cases.iter().any(|one| one.name == case.name) {
            case.name = format!("{name}, {number}");
            number += 1;
        }
        let can_be_written = case_file::holds(group, &case, self.compiled);
        if can_be_written {
            group.cases.push(case);
        }
        can_be_written
    }

    /// A case of an edge of the condition at this index.
    fn at(&self, index: usize, variable: &Variable, edge: &Edge) -> Option<Tried> {
        edge.choices.iter().find_map(|choice| {
            let found = self.found(choice, Some(index), edge.is_inside);
            let (found, token) = found.ok().flatten()?;
            let name = self.name(index, variable, &found, edge);
            self.confirmed(name, token, Some(index), edge.is_inside)
        })
    }

    /// A token of a region of which all conditions hold but the one at this index,
    /// which may do either.
    fn found(
        &self,
        region: &Region,
        but: Option<usize>,
        is_inside: bool,
    ) -> Result<Option<(Found, Token)>, Exceeded> {
        let budget = Budget::new(STEPS);
        let mut region = region.and(&self.usual_algorithm(&budget)?, &budget)?;
        for (index, verdict) in self.verdicts.iter().enumerate() {
            if Some(index) != but {
                region = region.and(&verdict.yes, &budget)?;
            }
        }
        let region = if is_inside {
            self.meanings.reaching(self.place, region, &budget)?
        } else {
            self.meanings.alone(self.place, region, &budget)?
        };
        let (url, model) = (&self.issuer.url, &self.issuer.model);
        let found = naming::example(&region, url, model, &budget)?;
        Ok(found.and_then(|found| {
            let token = token(&found, url, model)?;
            Some((found, token))
        }))
    }

    /// Tokens of the algorithm that a case's key has by itself, unless the statement
    /// asks for one.
    fn usual_algorithm(&self, budget: &Budget) -> Result<Region, Exceeded> {
        let mut conditions = self.statement.conditions.iter();
        let asks = conditions.any(|one| one.source == Source::KeyAlgorithm);
        let usual = self.issuer.model.algorithms().first();
        let Some(usual) = usual.filter(|_| !asks) else {
            return Ok(Region::all());
        };
        let usual = Values::of_texts(Texts::one(usual, budget)?);
        Ok(Region::of(vec![Block::of(Variable::KeyAlgorithm, usual)]))
    }

    /// The token as a case, if the policy decides it so for this reason.
    fn confirmed(
        &self,
        name: String,
        token: Token,
        index: Option<usize>,
        is_inside: bool,
    ) -> Option<Tried> {
        let verdict = self
            .compiled
            .explain(&token.claims, &token.key, &token.request);
        let verdict = verdict.ok()?;
        let expected = match verdict.decision {
            Decision::Allow { statement, .. } => (is_inside && statement == self.statement.name)
                .then(|| Expected::Allow {
                    statement: placed(statement),
                    grant: None,
                }),
            Decision::Deny { reasons, .. } => {
                let fails = self.fails_alone(index?, &verdict.steps);
                (!is_inside && fails)
                    .then(|| self.denial(reasons))
                    .flatten()
            }
        };
        Some(Tried {
            name,
            token: DerivedToken {
                claims: token.claims,
                key: token.key,
                request: token.request,
            },
            expected: expected?,
        })
    }

    /// Whether the condition at this index does not hold, and all others do.
    fn fails_alone(&self, index: usize, steps: &[Step]) -> bool {
        let own = steps
            .iter()
            .filter(|step| step.statement == self.statement.name);
        let held: Vec<bool> = own.map(|step| step.held == Some(true)).collect();
        let expected = (0..self.statement.conditions.len()).map(|at| at != index);
        held == expected.collect::<Vec<_>>()
    }

    /// The reason that speaks of this statement.
    fn denial(&self, reasons: Vec<Reason>) -> Option<Expected> {
        let mut reasons = reasons.into_iter();
        let own = reasons.find(|one| one.statement.as_ref() == Some(&self.statement.name))?;
        Some(Expected::Deny {
            code: placed(own.code.to_owned()),
            claim: (!own.claim.is_empty()).then_some(own.claim),
            statement: own.statement,
        })
    }

    fn name(&self, index: usize, variable: &Variable, found: &Found, edge: &Edge) -> String {
        let conditions = &self.statement.conditions;
        let label = conditions.get(index).map_or("", |one| one.label.as_str());
        let mut values = found.iter();
        let value = values.find(|(one, _)| one == variable);
        let value = said(variable, value.map_or(&Example::Absent, |(_, value)| value));
        let side = if edge.is_inside { "inside" } else { "outside" };
        let (name, beside) = (&self.statement.name, edge.beside);
        format!("{name}: {label}, just {side}: {value}{beside}")
    }
}

fn placed(value: String) -> Placed<String> {
    Placed { value, place: 0..0 }
}

/// What a variable has, in words.
fn said(variable: &Variable, value: &Example) -> String {
    let text = match value {
        Example::Absent => return "absent".to_owned(),
        Example::Value(Json::String(text)) => text.clone(),
        Example::Value(value) => value.to_string(),
    };
    match variable {
        Variable::Now => text.parse().map_or(text, date),
        Variable::Lifetime | Variable::Age => format!("{text} s"),
        Variable::KeyBits => format!("{text} bits"),
        Variable::SoleAudience => {
            let is_sole = *value == Example::Value(Json::Bool(true));
            if is_sole {
                "one audience"
            } else {
                "two audiences"
            }
            .to_owned()
        }
        Variable::Issuer
        | Variable::Subject
        | Variable::Form
        | Variable::Part(_)
        | Variable::Claim(_)
        | Variable::Name(_)
        | Variable::Id(_)
        | Variable::Parent(_)
        | Variable::Audience
        | Variable::AudienceOfRoute
        | Variable::KeyType
        | Variable::KeyAlgorithm
        | Variable::KeyThumbprint
        | Variable::Attribute(_) => short(&text),
    }
}

/// A text that is cut where it is long, by its end, which is what differs.
fn short(text: &str) -> String {
    let length = text.chars().count();
    if length == 0 {
        return "empty".to_owned();
    }
    let visible = |character: char| {
        if character.is_alphanumeric() || (' '..='~').contains(&character) {
            character
        } else {
            '\u{fffd}'
        }
    };
    let shown = text.trim_end().chars().map(visible);
    match length.checked_sub(LONGEST_VALUE) {
        None | Some(0) => shown.collect(),
        Some(more) => std::iter::once('…').chain(shown.skip(more)).collect(),
    }
}

#[cfg(test)]
mod tests;
