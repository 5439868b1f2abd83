//! Coverage: what of a policy its cases have seen.

use claimbound_language::Compiled;
use claimbound_language::engine::model::{Effect, Program, Statement};
use claimbound_language::engine::{Code, Decision, Failure, Step};

use crate::tried::Tried;

/// What the cases have seen of each statement, in the order of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Its statements.
    pub statements: Vec<Seen>,
}

/// What the cases have seen of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Whether it trusts; else it forbids.
    pub trusts: bool,
    /// The first case that it decided: a trust accepted the token, a forbid refused
    /// it.
    pub decided: Option<String>,
    /// Its conditions, in the order in which they are decided.
    pub conditions: Vec<SeenCondition>,
}

/// What the cases have seen of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCondition {
    /// How its author names it, for example `claims.ref`.
    pub label: String,
    /// What it asks for.
    pub expected: String,
    /// Whether it held for some token. Of a forbid, that is also where it is unknown:
    /// it forbids there.
    pub held: bool,
    /// Whether it did not hold for some token. Of a trust, that is also where it is
    /// unknown: it accepts nothing there.
    pub failed: bool,
}

/// What the cases see of a policy.
///
/// Of a policy of which one explanation can't list every condition
/// ([`MOST_STEPS`](claimbound_language::engine::MOST_STEPS)), a case sees what its
/// explanation lists.
///
/// # Errors
/// A program that the evaluator can't read.
pub fn coverage(compiled: &Compiled, cases: &[Tried]) -> Result<Coverage, Failure> {
    let mut coverage = Coverage::nothing(&compiled.program);
    for case in cases {
        let token = &case.token;
        let verdict = compiled.explain(&token.claims, &token.key, &token.request)?;
        coverage.decide(&verdict.decision, &case.name);
        coverage.see(&verdict.steps);
    }
    Ok(coverage)
}

impl Coverage {
    fn nothing(program: &Program) -> Self {
        Self {
            statements: program.statements.iter().map(Seen::nothing).collect(),
        }
    }

    /// How many statements decided a case.
    pub fn decided(&self) -> usize {
        let statements = self.statements.iter();
        statements.filter(|one| one.decided.is_some()).count()
    }

    /// How many conditions were seen both to hold and not to, and how many there are.
    pub fn conditions(&self) -> (usize, usize) {
        let all = self.statements.iter().flat_map(|one| &one.conditions);
        let seen = all.clone().filter(|one| one.held && one.failed);
        (seen.count(), all.count())
    }

    fn decide(&mut self, decision: &Decision, case: &str) {
        let by = match decision {
            Decision::Allow { statement, .. } => Some(statement),
            Decision::Deny { reasons, .. } => {
                let mut forbids = reasons
                    .iter()
                    .filter(|one| one.code == Code::Forbidden.as_str());
                forbids.find_map(|one| one.statement.as_ref())
            }
        };
        let mut statements = self.statements.iter_mut();
        if let Some(seen) = statements.find(|one| Some(&one.name) == by) {
            seen.decided.get_or_insert_with(|| case.to_owned());
        }
    }

    /// The steps of a statement come together, in the order of its conditions.
    fn see(&mut self, steps: &[Step]) {
        for steps in steps.chunk_by(|one, next| one.statement == next.statement) {
            let Some(name) = steps.first().map(|one| &one.statement) else {
                continue;
            };
            let mut statements = self.statements.iter_mut();
            let Some(seen) = statements.find(|one| one.name == *name) else {
                continue;
            };
            let trusts = seen.trusts;
            for (condition, step) in seen.conditions.iter_mut().zip(steps) {
                let holds = step.held.unwrap_or(!trusts);
                *(if holds {
                    &mut condition.held
                } else {
                    &mut condition.failed
                }) = true;
            }
        }
    }
}

impl Seen {
    fn nothing(statement: &Statement) -> Self {
        let conditions = statement.conditions.iter().map(|one| SeenCondition {
            label: one.label.clone(),
            expected: one.expected.clone(),
            held: false,
            failed: false,
        });
        Self {
            name: statement.name.clone(),
            trusts: matches!(statement.effect, Effect::Trust(_)),
            decided: None,
            conditions: conditions.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
