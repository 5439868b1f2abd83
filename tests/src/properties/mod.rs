//! What holds for every document and every token.

// JSON has the types that it has.
#![allow(clippy::wildcard_enum_match_arm)]

mod addition;
mod agreement;
mod analysis;
mod comparison;
mod document;
mod host;
mod narrowing;
mod operator;
mod patterns;
mod renaming;
mod replay;
mod round_trip;
mod simple;
mod token;
mod values;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;

use claimbound_language::{Compiled, compile};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};
use serde_json::Value;

use self::document::document;
use self::token::{Plan, Token, bases, plan};

/// A run of `cases` cases, the same ones each time. `PROPTEST_CASES` scales it,
/// where 256 leaves it as it is; `PROPTEST_RNG_SEED` makes it another run.
fn config(cases: u32) -> Config {
    let mut config = Config {
        failure_persistence: None,
        // In milliseconds: a failure shows within a minute.
        max_shrink_time: 20_000,
        ..Config::default()
    };
    config.cases = cases.saturating_mul(config.cases).div_ceil(256);
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(20_261_123);
    }
    config
}

/// Asserts that `holds` of every value.
fn for_all<S: Strategy>(cases: u32, values: &S, holds: impl Fn(S::Value) -> TestCaseResult) {
    let run = TestRunner::new(config(cases)).run(values, holds);
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A document, and how its tokens are made.
type Planned = (Value, Vec<Plan>);

/// Documents with so many tokens each.
fn planned(tokens: usize) -> impl Strategy<Value = Planned> {
    (document(), prop::collection::vec(plan(), tokens))
}

/// A document that compiles, and its tokens.
fn ready((document, plans): &Planned) -> Option<(Compiled, Vec<Token>)> {
    let compiled = compiled(document)?;
    let bases = bases(&compiled);
    let tokens = plans.iter().map(|plan| plan.token(&bases)).collect();
    Some((compiled, tokens))
}

/// A document as the compiler reads it; none where it refuses it.
fn compiled(document: &Value) -> Option<Compiled> {
    compile("policy.json", &document.to_string()).ok()
}

/// How often each thing was seen, so that no property holds of nothing.
#[derive(Debug, Default)]
struct Tally(RefCell<BTreeMap<&'static str, usize>>);

impl Tally {
    fn count(&self, what: &'static str) {
        *self.0.borrow_mut().entry(what).or_default() += 1;
    }

    fn of(&self, what: &str) -> usize {
        self.0.borrow().get(what).copied().unwrap_or(0)
    }

    /// Asserts that `what` was at least one in `share` of all that was counted.
    #[track_caller]
    fn check(&self, what: &str, share: usize) {
        let all: usize = self.0.borrow().values().sum();
        assert!(self.of(what) * share >= all, "too few {what}: {self:?}");
    }
}
