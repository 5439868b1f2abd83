//! Decides a token by a program: forbids first, then the first trust that
//! matches, else reasons from the closest.

use crate::bytes::Table;
use crate::condition::{self, Held};
use crate::decision::{Decision, Failure, Grant, Reason, Step};
use crate::facts::{Facts, Value};
use crate::model::Source;
use crate::program::{Condition, Issuer, Program, SCANNED, Statement};
use crate::words;

/// The most reasons that a denial lists.
pub const MOST_REASONS: usize = 16;
/// The most steps that an explanation lists.
pub const MOST_STEPS: usize = 512;
/// How many statements are compared to find the closest. A denial must not
/// cost much more than an allow, whatever the number of statements.
const COMPARED: u32 = 4;

/// Decides one token.
///
/// # Errors
/// [`Failure`] where the program is damaged.
pub fn evaluate(program: Program<'_>, facts: &impl Facts) -> Result<Decision, Failure> {
    decide(program, facts).map(|(decision, _)| decision)
}

/// The decision, and the number of the statement that accepts.
fn decide(program: Program<'_>, facts: &impl Facts) -> Result<(Decision, Option<u32>), Failure> {
    let Some(issuer) = program.issuer(facts.issuer())? else {
        return Ok((deny(vec![words::unknown_issuer(facts)], false), None));
    };
    if let Some(reason) = forbidden(program, issuer, facts)? {
        return Ok((deny(vec![reason], false), None));
    }
    let mut candidates = Candidates::of(program, issuer, facts)?;
    let mut near = Vec::new();
    while let Some(number) = candidates.next(program)? {
        let statement = program.statement(number)?;
        if holds(program, statement, facts)? {
            let decision = Decision::Allow {
                statement: program.text(statement.name)?.to_owned(),
                grant: granted(program, statement, facts)?,
            };
            return Ok((decision, Some(number)));
        }
        if near.len() < COMPARED as usize {
            near.push(statement);
        }
    }
    Ok((reasons(program, issuer, near, facts)?, None))
}

fn deny(reasons: Vec<Reason>, truncated: bool) -> Decision {
    Decision::Deny { reasons, truncated }
}

/// Whether every condition of a trust statement holds.
fn holds(program: Program<'_>, statement: Statement, facts: &impl Facts) -> Result<bool, Failure> {
    for index in 0..statement.conditions.count {
        let condition = program.condition(statement.conditions, index)?;
        if condition::decide(program, &condition, facts)? != Held::Yes {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a statement that holds grants: for no longer than until the first moment
/// at which, by the clock alone, it holds no more.
fn granted(
    program: Program<'_>,
    statement: Statement,
    facts: &impl Facts,
) -> Result<Grant, Failure> {
    let mut grant = program.grant(statement.grant)?;
    let mut end = facts.expires_at();
    for index in 0..statement.conditions.count {
        let condition = program.condition(statement.conditions, index)?;
        if let Some(sooner) = condition::ends(program, &condition, facts.now(), end)? {
            end = sooner;
        }
    }
    // What ends with the token needs no word.
    if end < facts.expires_at() {
        let left = u32::try_from(end.saturating_sub(facts.now())).unwrap_or(u32::MAX);
        let longest = grant.max_lifetime.unwrap_or(u32::MAX);
        grant.max_lifetime = Some(longest.min(left));
    }
    Ok(grant)
}

/// The reason of the first forbid that no condition is known to rule out.
fn forbidden(
    program: Program<'_>,
    issuer: Issuer,
    facts: &impl Facts,
) -> Result<Option<Reason>, Failure> {
    for index in 0..issuer.forbids.count {
        let statement = program.statement(program.number(issuer.forbids, index)?)?;
        if triggered(program, statement, facts)? {
            return words::forbidden(program, statement, facts).map(Some);
        }
    }
    Ok(None)
}

/// Whether no condition of a forbid is known not to hold.
fn triggered(
    program: Program<'_>,
    statement: Statement,
    facts: &impl Facts,
) -> Result<bool, Failure> {
    for index in 0..statement.conditions.count {
        let condition = program.condition(statement.conditions, index)?;
        if condition::decide(program, &condition, facts)? == Held::No {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The trust statements that may match, in the order of the document: those
/// that an index holds for one of the token's values, and those of no index.
struct Candidates {
    lists: [(Table, u32); SCANNED + 1],
}

impl Candidates {
    fn of(program: Program<'_>, issuer: Issuer, facts: &impl Facts) -> Result<Self, Failure> {
        const EMPTY: Table = Table {
            offset: 0,
            count: 0,
        };
        let mut lists = [(EMPTY, 0); SCANNED + 1];
        let (scanned, indexed) = lists
            .split_first_mut()
            .ok_or(Failure::program("no candidate lists"))?;
        scanned.0 = issuer.scanned;
        if issuer.anchors.count as usize > indexed.len() {
            return Err(Failure::program("the program has too many indices"));
        }
        for (index, list) in (0..issuer.anchors.count).zip(indexed) {
            let source = program.anchor_source(issuer.anchors, index)?;
            if let Value::Text(value) = condition::value(source, facts) {
                list.0 = program
                    .anchored(issuer.anchors, index, value)?
                    .unwrap_or(EMPTY);
            }
        }
        Ok(Self { lists })
    }

    /// The smallest number that is left in the lists; each is sorted.
    fn next(&mut self, program: Program<'_>) -> Result<Option<u32>, Failure> {
        let mut smallest: Option<u32> = None;
        for (list, read) in &self.lists {
            if *read < list.count {
                let number = program.number(*list, *read)?;
                smallest = Some(smallest.map_or(number, |other| other.min(number)));
            }
        }
        if let Some(smallest) = smallest {
            for (list, read) in &mut self.lists {
                while *read < list.count && program.number(*list, *read)? <= smallest {
                    *read += 1;
                }
            }
        }
        Ok(smallest)
    }
}

/// The reasons of the statements with the fewest conditions that do not hold,
/// among those that the index held for the token, else the document's first.
fn reasons(
    program: Program<'_>,
    issuer: Issuer,
    mut near: Vec<Statement>,
    facts: &impl Facts,
) -> Result<Decision, Failure> {
    if near.is_empty() {
        if issuer.trusts == 0
            || (issuer.trusts > issuer.listed.count && by_subject(program, issuer)?)
        {
            return Ok(deny(vec![words::no_statement(issuer.trusts, facts)], false));
        }
        for index in 0..issuer.listed.count.min(COMPARED) {
            near.push(program.statement(program.number(issuer.listed, index)?)?);
        }
    }
    let mut fewest = usize::MAX;
    let mut closest: Vec<(Statement, Vec<(Condition, Held)>)> = Vec::new();
    for statement in near {
        let Some(failed) = failed(program, statement, facts, fewest)? else {
            continue;
        };
        if failed.len() < fewest {
            fewest = failed.len();
            closest.clear();
        }
        closest.push((statement, failed));
    }
    let mut reasons = Vec::new();
    let mut truncated = false;
    for (statement, failed) in closest {
        for (condition, held) in failed {
            if reasons.len() == MOST_REASONS {
                truncated = true;
                break;
            }
            reasons.push(words::reason(program, statement, &condition, held, facts)?);
        }
    }
    Ok(deny(reasons, truncated))
}

/// Whether the issuer's statements are told apart by what their subjects say.
fn by_subject(program: Program<'_>, issuer: Issuer) -> Result<bool, Failure> {
    for index in 0..issuer.anchors.count {
        match program.anchor_source(issuer.anchors, index)? {
            Source::Subject
            | Source::Part(_)
            | Source::Name(_)
            | Source::NameId(_)
            | Source::NameParent(_) => {}
            Source::Time
            | Source::Issuer
            | Source::Form
            | Source::Audience
            | Source::Claim(_)
            | Source::KeyType
            | Source::KeyAlgorithm
            | Source::KeyBits
            | Source::KeyThumbprint => return Ok(false),
        }
    }
    Ok(true)
}

/// The conditions of a statement that do not hold, if they are at most `most`.
fn failed(
    program: Program<'_>,
    statement: Statement,
    facts: &impl Facts,
    most: usize,
) -> Result<Option<Vec<(Condition, Held)>>, Failure> {
    let mut failed = Vec::new();
    for index in 0..statement.conditions.count {
        let condition = program.condition(statement.conditions, index)?;
        let held = condition::decide(program, &condition, facts)?;
        if held != Held::Yes {
            if failed.len() == most {
                return Ok(None);
            }
            failed.push((condition, held));
        }
    }
    Ok(Some(failed))
}

/// Decides one token and lists how each condition of the issuer's statements
/// was decided: every forbid, then trusts in the order of the document.
///
/// At most [`MOST_STEPS`] steps. Of a policy with many statements the one that
/// accepts comes first, then those that the index holds for the token, then the
/// document's first.
///
/// # Errors
/// [`Failure`] where the program is damaged.
pub fn explain(program: Program<'_>, facts: &impl Facts) -> Result<(Decision, Vec<Step>), Failure> {
    let (decision, accepting) = decide(program, facts)?;
    let Some(issuer) = program.issuer(facts.issuer())? else {
        return Ok((decision, Vec::new()));
    };
    let mut numbers = Vec::new();
    for index in 0..issuer.forbids.count {
        numbers.push(program.number(issuer.forbids, index)?);
    }
    if issuer.trusts > issuer.listed.count {
        numbers.extend(accepting);
        let mut candidates = Candidates::of(program, issuer, facts)?;
        while let Some(number) = candidates.next(program)? {
            if numbers.len() >= MOST_STEPS {
                break;
            }
            if accepting != Some(number) {
                numbers.push(number);
            }
        }
    }
    for index in 0..issuer.listed.count {
        let number = program.number(issuer.listed, index)?;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    let mut steps = Vec::new();
    for number in numbers {
        let statement = program.statement(number)?;
        for index in 0..statement.conditions.count {
            if steps.len() == MOST_STEPS {
                return Ok((decision, steps));
            }
            let condition = program.condition(statement.conditions, index)?;
            let held = condition::decide(program, &condition, facts)?;
            steps.push(words::step(program, statement, &condition, held, facts)?);
        }
    }
    Ok((decision, steps))
}
