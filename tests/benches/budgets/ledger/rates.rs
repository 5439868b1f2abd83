//! How many first uses and single uses a store takes in a second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Instant;

use claimbound::bake::{STANDARD, bake};
use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::ledger::Keeper;
use claimbound::outcome::Outcome;
use claimbound::policy::{Policy, Request};
use claimbound::sandbox::Sandbox;
use claimbound::token::Token;
use claimbound_language::compile;
use serde_json::{Value, json};

use super::store::Store;
use crate::Fault;
use crate::budget::table;
use crate::figure::grouped;
use crate::forge::NOW;
use crate::stand::{DOCUMENT, Stand, claims, limits, repository};

/// How many tokens each arrangement decides.
const TOKENS: usize = 1_000;
const THREADS: [usize; 3] = [1, 4, 16];

/// The policy of ten conditions, with and without single use.
pub(crate) fn policy(sandbox: &Sandbox, once: bool) -> Result<Arc<Policy>, Fault> {
    let document = if once {
        DOCUMENT.to_owned()
    } else {
        DOCUMENT.replace("single_use = true\n", "")
    };
    let compiled = compile("policy.toml", &document).map_err(|findings| findings.to_string())?;
    let component = bake(STANDARD, &compiled.bytes, &[])?;
    Ok(Arc::new(Policy::load(sandbox, &component)?))
}

/// Decides a token that is allowed.
///
/// # Errors
/// It is not.
pub(crate) fn decide(gate: &Gate, token: &str) -> Result<(), Fault> {
    let outcome = gate.decide(Token::new(token), &Request::default(), &FixedClock(NOW));
    match outcome {
        Outcome::Allow(_) => Ok(()),
        other @ (Outcome::Deny(_) | Outcome::Error(_)) => Err(format!("{other:?}").into()),
    }
}

/// Decisions in a second, by what they are and by the number of threads.
pub(crate) struct Rates(Vec<(String, Vec<u64>)>);

/// # Errors
/// A token is not allowed.
pub(crate) fn measure(stand: &Stand, stores: &[Store], scale: usize) -> Result<Rates, Fault> {
    let sandbox = Sandbox::new(limits(32)?)?;
    let count = (TOKENS * scale / 100).max(1);
    let token = |changes: Value| Ok::<_, Fault>(stand.sign(&claims(&changes)?));
    let first = |at| token(repository(&format!("acme/service-{at}"), &format!("5{at}")));
    let single = |at| token(json!({ "jti": format!("j{at}") }));
    let firsts = (0..count).map(first).collect::<Result<Vec<_>, _>>()?;
    let singles = (0..count).map(single).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    for store in stores {
        for (what, once, tokens) in [("first", false, &firsts), ("single", true, &singles)] {
            let mut rates = Vec::new();
            for threads in THREADS {
                let ledger = store.open(&format!("{what}_{threads}"))?;
                let gate = stand.gate(policy(&sandbox, once)?)?;
                let gate = gate.with_commit(Keeper::new(ledger, "bench"));
                rates.push(rate(&gate, tokens, threads)?);
            }
            rows.push((format!("{what} uses, {}", store.name()), rates));
        }
    }
    Ok(Rates(rows))
}

impl Rates {
    pub(crate) fn markdown(&self) -> String {
        let rows = self.0.iter().map(|(what, rates)| {
            let rates = rates.iter().map(|rate| grouped(*rate));
            std::iter::once(what.clone()).chain(rates).collect()
        });
        let titles = [
            "decisions in a second",
            "1 thread",
            "4 threads",
            "16 threads",
        ];
        table(&titles, rows)
    }

    pub(crate) fn json(&self) -> Value {
        let rows = self.0.iter().map(|(what, rates)| {
            let rates: Vec<_> = THREADS.iter().zip(rates).collect();
            json!({ "what": what, "per_second_by_threads": rates })
        });
        rows.collect()
    }
}

/// Decisions in a second, of all threads together, each token decided once.
fn rate(gate: &Gate, tokens: &[String], threads: usize) -> Result<u64, Fault> {
    let start = Barrier::new(threads + 1);
    let next = AtomicUsize::new(0);
    let work = || {
        start.wait();
        while let Some(token) = tokens.get(next.fetch_add(1, Ordering::Relaxed)) {
            decide(gate, token).map_err(|fault| fault.to_string())?;
        }
        Ok::<_, String>(())
    };
    let took = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        start.wait();
        let began = Instant::now();
        for thread in running {
            thread
                .join()
                .unwrap_or_else(|_| Err("a thread ended".to_owned()))?;
        }
        Ok::<_, String>(began.elapsed())
    })?;
    let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    Ok(tokens.len() as u64 * 1_000_000_000 / nanoseconds.max(1))
}
