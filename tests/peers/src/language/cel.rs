//! CEL, by the crate `cel`.

use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{Context, Env, Program, Value, add_member_overload};
use regex::Regex;
use serde_json::Map;

use super::{Answer, Language};
use crate::Fault;

const EXPRESSION: &str = include_str!("../../policy.cel");
const TUNED: &str = include_str!("../../tuned.cel");

fn decoded(claims: &[u8]) -> Result<Map<String, serde_json::Value>, Answer> {
    serde_json::from_slice(claims).map_err(|_| Answer::Error)
}

fn execute(program: &Program, context: &Context<'_, '_>) -> Answer {
    match program.execute(context) {
        Ok(Value::Bool(held)) => held.into(),
        Ok(_) | Err(_) => Answer::Error,
    }
}

/// The expression as one writes it: the claims are a map, and `matches` takes
/// its pattern as a text.
pub(crate) struct Plain {
    environment: Arc<Env>,
    program: Program,
}

impl Plain {
    /// Compiles the expression.
    ///
    /// # Errors
    /// The expression does not parse.
    pub(crate) fn new() -> Result<Self, Fault> {
        let environment = Arc::new(Env::stdlib());
        let program = environment.compile(EXPRESSION)?;
        Ok(Self {
            environment,
            program,
        })
    }
}

impl Language for Plain {
    type Parsed = Value;

    fn parse(&self, claims: &[u8]) -> Result<Value, Answer> {
        cel::to_value(decoded(claims)?).map_err(|_| Answer::Error)
    }

    fn decide(&mut self, claims: &Value) -> Answer {
        let mut context = Context::with_env(Arc::clone(&self.environment));
        context.add_variable_from_value("claims", claims.clone());
        execute(&self.program, &context)
    }
}

/// The same with what the crate offers to those who want more: a resolver that
/// lends claims as they are asked for, and functions of the host whose patterns
/// are compiled once.
pub(crate) struct Tuned {
    environment: Arc<Env>,
    program: Program,
}

macro_rules! pattern {
    ($name:ident, $pattern:literal) => {
        fn $name(text: &CelString<'_>) -> CelBool {
            static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new($pattern).unwrap());
            CelBool::from(PATTERN.is_match(text.inner()))
        }
    };
}

pattern!(
    is_release_workflow,
    r"^acme-platform/payments-infrastructure/\.github/workflows/(deploy|rollback)\.yml@refs/heads/release/[0-9.]+$"
);
pattern!(is_trigger, "^(push|workflow_dispatch)$");
pattern!(
    is_released_deploy,
    r"^acme-platform/shared-workflows/\.github/workflows/deploy\.yml@refs/tags/v[0-9]+\.[0-9]+\.[0-9]+$"
);

impl Tuned {
    /// Declares the functions and compiles the expression.
    ///
    /// # Errors
    /// The expression does not parse.
    pub(crate) fn new() -> Result<Self, Fault> {
        let mut environment = Env::stdlib();
        add_member_overload!(environment, fn is_release_workflow: (CelString<'_>) -> CelBool)?;
        add_member_overload!(environment, fn is_trigger: (CelString<'_>) -> CelBool)?;
        add_member_overload!(environment, fn is_released_deploy: (CelString<'_>) -> CelBool)?;
        let environment = Arc::new(environment);
        let program = environment.compile(TUNED)?;
        Ok(Self {
            environment,
            program,
        })
    }
}

/// Claims that are lent by name.
struct Lent<'a>(&'a Map<String, serde_json::Value>);

impl VariableResolver for Lent<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value = self.0.get(variable)?;
        match value.as_str() {
            Some(text) => Some(CowVal::owned(CelString::from(text))),
            None => cel::to_value(value)
                .ok()?
                .try_into()
                .ok()
                .map(CowVal::Owned),
        }
    }
}

impl Language for Tuned {
    type Parsed = Map<String, serde_json::Value>;

    fn parse(&self, claims: &[u8]) -> Result<Self::Parsed, Answer> {
        decoded(claims)
    }

    fn decide(&mut self, claims: &Self::Parsed) -> Answer {
        let lent = Lent(claims);
        let mut context = Context::with_env(Arc::clone(&self.environment));
        context.set_variable_resolver(&lent);
        execute(&self.program, &context)
    }
}
