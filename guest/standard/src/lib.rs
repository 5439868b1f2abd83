//! The standard policy component: claimbound's evaluator behind the contract,
//! with room for one program.
//!
//! Built for `wasm32-unknown-unknown` and baked by `claimbound build`, which
//! puts a program behind the component's memory and its place into
//! the slot of `program.rs`. Without a program, every call is a failure.
//!
//! A host makes a fresh instance for every decision, so this code never frees:
//! see `arena.rs`.

mod arena;
mod facts;
mod packed;
mod program;

use claimbound_engine as engine;

/// The contract's types and exports, made from `wit/policy.wit`.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction
)]
mod contract {
    wit_bindgen::generate!({
        path: "wit",
        world: "packed-policy",
    });

    // The names of the contract's exports are no names for a native linker, so
    // that natively this crate is checked and exports nothing.
    #[cfg(target_arch = "wasm32")]
    export!(Standard with_types_in self);

    #[cfg(target_arch = "wasm32")]
    use super::Standard;
}

use contract::claimbound::policy::types::{
    Allowed, Bind, Decision, Denied, Extension, Failure, FirstUse, Grant, Input, Obligation,
    Reason, Step,
};
use contract::exports::claimbound::policy::{decide, packed as wire_packed, trace};
use facts::Given;

/// The component.
struct Standard;

impl decide::Guest for Standard {
    fn describe() -> Result<decide::Manifest, Failure> {
        let manifest = program::open()?.manifest().map_err(failure)?;
        Ok(decide::Manifest {
            name: manifest.name,
            version: manifest.version,
            document: manifest.document,
            claims: Some(manifest.claims),
            parts: manifest.parts,
            names: manifest.names,
            attributes: manifest.attributes,
            published_keys: false,
            obligations: manifest.obligations,
        })
    }

    fn evaluate(input: Input) -> Result<Decision, Failure> {
        engine::evaluate(program::open()?, &Given::of(&input))
            .map(decision)
            .map_err(failure)
    }
}

impl wire_packed::Guest for Standard {
    fn evaluate(texts: String, marks: Vec<u32>) -> Result<Decision, Failure> {
        let given = packed::read(&texts, &marks).map_err(|packed::Misfit| Failure {
            code: "policy.input".to_owned(),
            message: "the host's marks do not fit its texts".to_owned(),
        })?;
        engine::evaluate(program::open()?, &given)
            .map(decision)
            .map_err(failure)
    }
}

impl trace::Guest for Standard {
    fn explain(input: Input) -> Result<(Decision, Vec<Step>), Failure> {
        engine::explain(program::open()?, &Given::of(&input))
            .map(|(answer, steps)| (decision(answer), steps.into_iter().map(step).collect()))
            .map_err(failure)
    }
}

fn failure(failure: engine::Failure) -> Failure {
    Failure {
        code: failure.code.to_owned(),
        message: failure.message.to_owned(),
    }
}

fn decision(decision: engine::Decision) -> Decision {
    match decision {
        engine::Decision::Allow { statement, grant } => Decision::Allow(Allowed {
            statement,
            grant: Grant {
                roles: grant.roles,
                scopes: grant.scopes,
                claims: grant.claims,
                max_lifetime: grant.max_lifetime,
                obligations: grant.obligations.into_iter().map(obligation).collect(),
            },
        }),
        engine::Decision::Deny { reasons, truncated } => Decision::Deny(Denied {
            reasons: reasons.into_iter().map(reason).collect(),
            truncated,
        }),
    }
}

fn obligation(obligation: engine::Obligation) -> Obligation {
    match obligation {
        engine::Obligation::Bind(first_use) => Obligation::Bind(Bind {
            first_use: match first_use {
                engine::FirstUse::Refuse => FirstUse::Refuse,
                engine::FirstUse::Enrol => FirstUse::Enrol,
            },
        }),
        engine::Obligation::UseOnce => Obligation::UseOnce,
        engine::Obligation::Prove(method) => Obligation::Prove(method),
        engine::Obligation::Other { kind, json } => Obligation::Other(Extension { kind, json }),
    }
}

fn reason(reason: engine::Reason) -> Reason {
    Reason {
        code: reason.code.to_owned(),
        statement: reason.statement,
        claim: reason.claim,
        expected: reason.expected,
        found: reason.found,
        message: reason.message,
    }
}

fn step(step: engine::Step) -> Step {
    Step {
        statement: step.statement,
        condition: step.condition,
        held: step.held,
        expected: step.expected,
        found: step.found,
    }
}
