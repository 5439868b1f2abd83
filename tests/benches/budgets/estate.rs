//! Programs of many statements, each about a repository of its own: more than a
//! document may hold, so that the program is made as data.

use claimbound_engine::model::{Condition, Literal, Program, Statement, Test};
use claimbound_language::compile;

const DOCUMENT: &str = include_str!("estate.toml");
/// What the document names its one repository, and the id that it gives it.
const PINNED: [&str; 2] = ["acme/infra", "456789"];

/// A repository of the estate.
pub(crate) fn name(number: usize) -> String {
    format!("acme/service-{number:06}")
}

/// The id of that repository.
pub(crate) fn id(number: usize) -> String {
    (800_000_000 + number).to_string()
}

/// The name of the statement about that repository.
pub(crate) fn statement(number: usize) -> String {
    format!("service-{number:06}")
}

/// A program of `count` statements, about the repositories from 0 on.
///
/// # Errors
/// The document of this benchmark is not what it takes it for.
pub(crate) fn program(count: usize) -> Result<Program, String> {
    let compiled = compile("estate.toml", DOCUMENT).map_err(|findings| findings.to_string())?;
    let mut program = compiled.program;
    let [one] = program.statements.as_slice() else {
        return Err("the document has not one statement".to_owned());
    };
    program.statements = (0..count).map(|number| about(one, number)).collect();
    Ok(program)
}

/// The same statement about another repository.
fn about(statement: &Statement, number: usize) -> Statement {
    let mut other = statement.clone();
    other.name = self::statement(number);
    for condition in &mut other.conditions {
        for (pinned, own) in PINNED.into_iter().zip([name(number), id(number)]) {
            repin(condition, pinned, &own);
        }
    }
    other
}

fn repin(condition: &mut Condition, pinned: &str, own: &str) {
    if let Test::Equals(Literal::Text(text)) = &mut condition.test
        && text == pinned
    {
        own.clone_into(text);
        own.clone_into(&mut condition.expected);
    }
}
