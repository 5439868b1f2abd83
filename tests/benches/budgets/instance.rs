//! What no decision in an instance of its own can be quicker than.

use std::sync::Arc;

use claimbound::policy::Policy;
use claimbound::sandbox::Sandbox;
use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::Fault;
use crate::asked::Due;
use crate::budget::table;
use crate::denial::ten_conditions;
use crate::rounds::{Plan, Work, time};
use crate::samples::Times;
use crate::stand::{Stand, claims, limits};

const GUEST: &str = include_str!("instance.wat");
const CONTRACT: &str = include_str!("../../../wit/policy.wit");
const PLAN: Plan = Plan {
    rounds: 200,
    each: 50,
};

const ROWS: [&str; 2] = [
    "an instance that allows at once",
    "an instance that evaluates ten conditions",
];

pub(crate) struct Instance(Vec<Times>);

/// The guest as a component of the contract.
fn component() -> Result<Vec<u8>, Fault> {
    let mut module = wat::parse_str(GUEST)?;
    let mut contract = Resolve::default();
    let package = contract.push_str("policy.wit", CONTRACT)?;
    let world = contract.select_world(&[package], Some("packed-policy"))?;
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8)?;
    Ok(ComponentEncoder::default()
        .module(&module)?
        .validate(true)
        .encode()?)
}

/// # Errors
/// An answer is not the one that is due.
pub(crate) fn measure(stand: &Stand, scale: usize) -> Result<Instance, Fault> {
    let sandbox = Sandbox::new(limits(4)?)?;
    let ten = ten_conditions(&sandbox)?;
    let guest = Arc::new(Policy::load(&sandbox, &component()?)?);
    let gate = stand.gate(Arc::clone(&ten))?;
    let claims = claims(&json!({}))?;
    let at_once = stand.asked(&gate, &claims, Due::Allow("instance".to_owned()))?;
    let evaluated = stand.asked(&gate, &claims, Due::Allow("production".to_owned()))?;
    let mut works: [Work<'_>; 2] = [
        Box::new(|_| at_once.decision(&guest)),
        Box::new(|_| evaluated.decision(&ten)),
    ];
    time(&mut works, PLAN.scaled(scale)).map(Instance)
}

impl Instance {
    pub(crate) fn markdown(&self) -> String {
        let rows = ROWS.iter().zip(&self.0);
        table(
            &["deadline and limits on, ns", "p50 / p99"],
            rows.map(|(name, times)| vec![(*name).to_owned(), times.to_string()]),
        )
    }

    pub(crate) fn json(&self) -> Value {
        let rows = ROWS.iter().zip(&self.0);
        rows.map(|(name, times)| json!({ "name": name, "ns": times.json() }))
            .collect()
    }
}
