//! Rego, by regorus.

use std::sync::Arc;

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};

use super::{Answer, Language};
use crate::Fault;

const POLICY: &str = include_str!("../../policy.rego");
const ALLOW: &str = "data.trust.allow";
const ALLOW_BY_PREFIX: &str = "data.trust.allow_by_prefix";
const REASONS: &str = "data.trust.reasons";

fn engine() -> Result<Engine, Fault> {
    let mut engine = Engine::new();
    engine.add_policy("policy.rego".to_owned(), POLICY.to_owned())?;
    Ok(engine)
}

fn parse(claims: &[u8]) -> Result<Value, Answer> {
    let text = str::from_utf8(claims).map_err(|_| Answer::Error)?;
    Value::from_json_str(text).map_err(|_| Answer::Error)
}

fn answered(value: Result<Value, impl Sized>) -> Answer {
    match value {
        Ok(Value::Bool(held)) => held.into(),
        Ok(Value::Set(reasons)) => reasons.is_empty().into(),
        Ok(_) | Err(_) => Answer::Error,
    }
}

/// The interpreter, as the README of regorus shows it: an engine that is kept,
/// and an input for each evaluation.
pub(crate) struct Interpreter(Engine);

impl Interpreter {
    /// Adds the policy to an engine.
    ///
    /// # Errors
    /// The policy does not compile.
    pub(crate) fn new() -> Result<Self, Fault> {
        Ok(Self(engine()?))
    }
}

impl Language for Interpreter {
    type Parsed = Value;

    fn parse(&self, claims: &[u8]) -> Result<Value, Answer> {
        parse(claims)
    }

    fn decide(&mut self, claims: &Value) -> Answer {
        self.0.set_input(claims.clone());
        answered(self.0.eval_rule(ALLOW.to_owned()))
    }
}

/// The register machine of regorus, kept and given an input for each
/// evaluation, as its own benchmarks of repeated evaluation do.
pub(crate) struct Machine(RegoVM);

impl Machine {
    fn of(rule: &str) -> Result<Self, Fault> {
        let compiled = engine()?.compile_with_entrypoint(&Arc::from(rule))?;
        let program =
            Compiler::compile_from_policy(&compiled, &[rule]).map_err(|error| error.to_string())?;
        let mut machine = RegoVM::new();
        machine.load_program(program);
        Ok(Self(machine))
    }

    /// Asks whether the token is allowed.
    ///
    /// # Errors
    /// The policy does not compile.
    pub(crate) fn new() -> Result<Self, Fault> {
        Self::of(ALLOW)
    }

    /// Asks the same of a rule that compares prefixes in place of globs.
    ///
    /// # Errors
    /// The policy does not compile.
    pub(crate) fn with_prefixes() -> Result<Self, Fault> {
        Self::of(ALLOW_BY_PREFIX)
    }

    /// Asks which conditions do not hold.
    ///
    /// # Errors
    /// The policy does not compile.
    pub(crate) fn of_reasons() -> Result<Self, Fault> {
        Self::of(REASONS)
    }
}

impl Language for Machine {
    type Parsed = Value;

    fn parse(&self, claims: &[u8]) -> Result<Value, Answer> {
        parse(claims)
    }

    fn decide(&mut self, claims: &Value) -> Answer {
        self.0.set_input(claims.clone());
        answered(self.0.execute())
    }
}
