//! How many first uses and single uses a store takes in a second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Instant;

use claimbound::bake::{STANDARD, bake};
use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::ledger::Keeper;
use claimbound::policy::{Policy, Request};
use claimbound::sandbox::Sandbox;
use claimbound::token::Token;
use claimbound_language::compile;
use serde_json::json;

use crate::Fault;
use crate::budget::table;
use crate::figure::grouped;
use crate::forge::NOW;
use crate::stand::{DOCUMENT, Stand, claims, limits, repository};
use crate::store::Store;

/// How many tokens each arrangement decides.
const TOKENS: usize = 1_000;
const THREADS: [usize; 3] = [1, 4, 16];

/// The policy of ten conditions, with and without single use.
pub(crate) fn policy(sandbox: &Sandbox, once: bool) -> Result<Arc<Policy>, Fault> {
    let document = match once {
        true => DOCUMENT.to_owned(),
        false => DOCUMENT.replace("single_use = true\n", ""),
    };
    let compiled = compile("policy.toml", &document).map_err(|findings| findings.to_string())?;
    let component = bake(STANDARD, &compiled.bytes, &[])?;
    Ok(Arc::new(Policy::load(sandbox, &component)?))
}

/// # Errors
/// A token is not allowed.
pub(crate) fn measure(stand: &Stand, stores: &[Store]) -> Result<String, Fault> {
    let sandbox = Sandbox::new(limits(32)?)?;
    let first_uses = (0..TOKENS)
        .map(|at| {
            let name = format!("acme/service-{at}");
            let claims = claims(&repository(&name, &format!("5{at}")))?;
            Ok(stand.sign(&claims))
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let single_uses = (0..TOKENS)
        .map(|at| Ok(stand.sign(&claims(&json!({ "jti": format!("j{at}") }))?)))
        .collect::<Result<Vec<_>, Fault>>()?;
    let mut rows = Vec::new();
    for store in stores {
        for (what, once, tokens) in [
            ("first uses", false, &first_uses),
            ("single uses", true, &single_uses),
        ] {
            let mut row = vec![format!("{what}, {}", store.name())];
            for threads in THREADS {
                let ledger =
                    store.open(&format!("{}-{threads}", if once { "once" } else { "bind" }))?;
                let gate = stand.gate(policy(&sandbox, once)?)?;
                let gate = gate.with_commit(Keeper::new(ledger, "bench"));
                row.push(grouped(rate(&gate, tokens, threads)?));
            }
            rows.push(row);
        }
    }
    let titles = [
        "decisions in a second",
        "1 thread",
        "4 threads",
        "16 threads",
    ];
    Ok(format!("{}\n", table(&titles, rows.into_iter())))
}

/// Decisions in a second, of all threads together, each token decided once.
fn rate(gate: &Gate, tokens: &[String], threads: usize) -> Result<u64, Fault> {
    let start = Barrier::new(threads + 1);
    let next = AtomicUsize::new(0);
    let work = || {
        start.wait();
        while let Some(token) = tokens.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = gate.decide(Token::new(token), &Request::default(), &FixedClock(NOW));
            if !outcome.is_allow() {
                return Err(format!("{outcome:?}"));
            }
        }
        Ok(())
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
