//! From a document to a component, and from a component to a policy.

use std::path::Path;

use claimbound::bake::{STANDARD, bake};
use claimbound::code::{CodeCache, CodeKey, Origin};
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
    rounds: 100,
    each: 1,
};

/// What is timed, with its budget in milliseconds.
const ROWS: [(&str, u64); 3] = [
    ("a document to a component", 200),
    ("a component loaded, compiled", 60),
    ("a component loaded, from the cache", 5),
];

pub(crate) struct Loading {
    times: Vec<Times>,
    bytes: usize,
}

fn build() -> Result<Vec<u8>, Fault> {
    let compiled = compile("policy.toml", DOCUMENT).map_err(|findings| findings.to_string())?;
    let document = ("claimbound:document", DOCUMENT.as_bytes());
    Ok(bake(STANDARD, &compiled.bytes, &[document])?)
}

fn load(sandbox: &Sandbox, component: &[u8], origin: &Origin) -> Result<(), Fault> {
    let policy = Policy::load(sandbox, component)?;
    if policy.origin() != origin {
        return Err(format!("{origin:?} is due, and not {:?}", policy.origin()).into());
    }
    Ok(())
}

/// # Errors
/// A component differs, or is not loaded from where it is due.
pub(crate) fn measure(stand: &Stand, folder: &Path, scale: usize) -> Result<Loading, Fault> {
    let component = build()?;
    let plain = Sandbox::new(limits(4)?)?;
    let cache = CodeCache::open(folder.join("loading"), CodeKey::new(&[9; 32]))?;
    let cached = plain.clone().with_code_cache(cache);
    let gate = stand.gate(Policy::load(&cached, &component)?.into())?;
    let asked = stand.asked(
        &gate,
        &claims(&json!({}))?,
        Due::Allow("production".to_owned()),
    )?;
    asked.decision(gate.policy())?;
    let mut works: [Work<'_>; 3] = [
        Box::new(|_| {
            if build()? == component {
                return Ok(());
            }
            Err("the same document gives another component".into())
        }),
        Box::new(|_| load(&plain, &component, &Origin::Compiled)),
        Box::new(|_| load(&cached, &component, &Origin::Cached)),
    ];
    Ok(Loading {
        times: time(&mut works, PLAN.scaled(scale))?,
        bytes: component.len(),
    })
}

impl Loading {
    pub(crate) fn budgets(&self) -> Vec<Budget> {
        let rows = ROWS.iter().zip(&self.times);
        rows.map(|((name, bound), times)| {
            let bound = Figure::hundredths(bound * 100);
            Budget::at_most(
                &format!("{name}, ms"),
                bound,
                Figure::milliseconds(times.p50),
            )
        })
        .collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let title = format!("a component of {} KiB, ms", self.bytes / 1024);
        let rows = ROWS.iter().zip(&self.times).map(|((name, _), times)| {
            let [p50, p99] = [times.p50, times.p99].map(Figure::milliseconds);
            vec![(*name).to_owned(), p50.to_string(), p99.to_string()]
        });
        table(&[&title, "p50", "p99"], rows)
    }

    pub(crate) fn json(&self) -> Value {
        let rows = ROWS.iter().zip(&self.times);
        let rows = rows.map(|((name, _), times)| json!({ "name": name, "ns": times.json() }));
        json!({ "component_bytes": self.bytes, "rows": rows.collect::<Vec<_>>() })
    }
}
