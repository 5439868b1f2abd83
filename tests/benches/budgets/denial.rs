//! What a denial costs, beside an allow.

use std::sync::Arc;

use claimbound::bake::{STANDARD, bake};
use claimbound::policy::Policy;
use claimbound::sandbox::Sandbox;
use claimbound_language::compile;
use serde_json::{Value, json};

use crate::Fault;
use crate::asked::Due;
use crate::budget::{Budget, table};
use crate::figure::Figure;
use crate::rounds::{Plan, Work, time};
use crate::samples::Times;
use crate::stand::{DOCUMENT, Stand, claims, limits};

const PLAN: Plan = Plan {
    rounds: 200,
    each: 50,
};

/// What is asked, in the order of the tables.
const TOKENS: [&str; 3] = [
    "an allow",
    "a denial by one condition",
    "a denial by most of them",
];

/// Times by token, of the decision and of the whole path.
pub(crate) struct Denial {
    decision: Vec<Times>,
    whole: Vec<Times>,
    /// The length of the allowed token.
    bytes: usize,
}

/// The policy of the ten conditions, in `sandbox`.
pub(crate) fn ten_conditions(sandbox: &Sandbox) -> Result<Arc<Policy>, Fault> {
    let compiled = compile("policy.toml", DOCUMENT).map_err(|findings| findings.to_string())?;
    let component = bake(STANDARD, &compiled.bytes, &[])?;
    Ok(Arc::new(Policy::load(sandbox, &component)?))
}

/// Claims that meet hardly a condition, and still pass the floor.
fn far() -> Result<Value, Fault> {
    claims(&json!({
        "sub": "repo:mallory/other:environment:staging",
        "repository": "mallory/other",
        "repository_id": "7",
        "repository_owner": "mallory",
        "repository_owner_id": "8",
        "environment": "staging",
        "event_name": "pull_request",
        "ref": "refs/pull/7/merge",
        "ref_type": "tag",
        "sha": "none",
        "runner_environment": "self-hosted",
        "job_workflow_ref": "mallory/other/.github/workflows/x.yml@refs/heads/main",
    }))
}

/// # Errors
/// An answer is not the one that is due.
pub(crate) fn measure(stand: &Stand, scale: usize) -> Result<Denial, Fault> {
    let gate = stand.gate(ten_conditions(&Sandbox::new(limits(4)?)?)?)?;
    let asked = [
        stand.asked(
            &gate,
            &claims(&json!({}))?,
            Due::Allow("production".to_owned()),
        )?,
        stand.asked(
            &gate,
            &claims(&json!({ "ref": "refs/heads/feature" }))?,
            Due::Deny("claim.mismatch"),
        )?,
        stand.asked(&gate, &far()?, Due::Deny("subject.mismatch"))?,
    ];
    let mut works: Vec<Work<'_>> = Vec::new();
    for one in &asked {
        works.push(Box::new(|_| one.decision(gate.policy())));
    }
    for one in &asked {
        works.push(Box::new(|_| one.whole(&gate)));
    }
    let mut decision = time(&mut works, PLAN.scaled(scale))?;
    let whole = decision.split_off(asked.len());
    let [allowed, ..] = &asked;
    Ok(Denial {
        decision,
        whole,
        bytes: allowed.bytes(),
    })
}

impl Denial {
    /// The length of the allowed token, in bytes.
    pub(crate) fn token_bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn budgets(&self) -> Vec<Budget> {
        let over = |times: &[Times], at: usize| {
            let p50 = |at: usize| times.get(at).map_or(0, |times| times.p50);
            Figure::ratio(p50(at), p50(0))
        };
        let bound = Figure::hundredths(150);
        (1..TOKENS.len())
            .flat_map(|at| {
                let name = TOKENS.get(at).copied().unwrap_or_default();
                [
                    (
                        format!("decision, {name} over an allow"),
                        over(&self.decision, at),
                    ),
                    (
                        format!("whole path, {name} over an allow"),
                        over(&self.whole, at),
                    ),
                ]
            })
            .map(|(name, figure)| Budget::at_most(&name, bound, figure))
            .collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let rows = TOKENS.iter().zip(self.decision.iter().zip(&self.whole));
        table(
            &["ten conditions, ns", "decision", "whole path"],
            rows.map(|(name, (decision, whole))| {
                vec![(*name).to_owned(), decision.to_string(), whole.to_string()]
            }),
        )
    }

    pub(crate) fn json(&self) -> Value {
        let rows = TOKENS.iter().zip(self.decision.iter().zip(&self.whole));
        rows.map(|(name, (decision, whole))| {
            json!({ "token": name, "decision_ns": decision.json(), "whole_ns": whole.json() })
        })
        .collect()
    }
}
