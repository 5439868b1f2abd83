//! One to a thousand policies, loaded at once.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use claimbound::bake::{STANDARD, bake};
use claimbound::code::{CodeCache, CodeKey, Origin};
use claimbound::policy::Policy;
use claimbound::sandbox::Sandbox;
use claimbound_language::compile;
use serde_json::{Value, json};

use crate::asked::{Asked, Due};
use crate::budget::{Budget, table};
use crate::figure::{Figure, grouped};
use crate::machine::resident;
use crate::rounds::{Plan, Work, time};
use crate::samples::Times;
use crate::stand::{DOCUMENT, Stand, claims, limits};
use crate::{Fault, say};

/// How many are asked in turn.
const COUNTS: [usize; 4] = [1, 10, 100, 1_000];
/// How many are loaded at once.
const ALL: usize = 1_000;
/// Pools: the usual one, and one with a place for each policy.
const POOLS: [u32; 2] = [64, 1_000];
const PLAN: Plan = Plan {
    rounds: 100,
    each: 50,
};

/// All policies in one sandbox.
struct Loaded {
    policies: Vec<Arc<Policy>>,
    /// Nanoseconds, for all of them.
    took: u64,
    /// In kibibytes: once loaded, and once each was asked.
    resident: [u64; 2],
}

/// One pool.
struct Measured {
    concurrent: u32,
    took: u64,
    resident: [u64; 2],
    /// By [`COUNTS`]: going round in no order, then always the same.
    times: Vec<[Times; 2]>,
}

pub(crate) struct Policies {
    /// Nanoseconds, for compiling and loading all.
    compiled: u64,
    pools: Vec<Measured>,
}

/// A component of the same ten conditions under another name.
fn component(number: usize) -> Result<Vec<u8>, Fault> {
    let name = format!("\"bench-{number:04}\"");
    let document = DOCUMENT.replacen("\"bench\"", &name, 1);
    let compiled = compile("policy.toml", &document).map_err(|findings| findings.to_string())?;
    Ok(bake(STANDARD, &compiled.bytes, &[])?)
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Loads all from the cache, and asks each one.
fn load(sandbox: &Sandbox, components: &[Vec<u8>], asked: &Asked) -> Result<Loaded, Fault> {
    let before = resident();
    let began = Instant::now();
    let mut policies = Vec::with_capacity(components.len());
    for component in components {
        let policy = Policy::load(sandbox, component)?;
        if *policy.origin() != Origin::Cached {
            return Err(format!("{:?} is no load from the cache", policy.origin()).into());
        }
        policies.push(Arc::new(policy));
    }
    let took = nanoseconds(began);
    let loaded = resident().saturating_sub(before);
    for policy in &policies {
        asked.decision(policy)?;
    }
    Ok(Loaded {
        policies,
        took,
        resident: [loaded, resident().saturating_sub(before)],
    })
}

/// A number below `count` for each turn, in an order that looks like none:
/// the multiplier is that of Knuth's hash.
fn shuffled(turn: usize, count: usize) -> usize {
    (turn.wrapping_mul(2_654_435_761) >> 7) % count
}

fn works<'a>(policies: &'a [Arc<Policy>], asked: &'a Asked) -> Vec<Work<'a>> {
    let mut works: Vec<Work<'a>> = Vec::new();
    for count in COUNTS {
        let some = policies.get(..count).unwrap_or(policies);
        let at = move |place: usize| some.get(place).ok_or("a policy is missing");
        works.push(Box::new(move |turn| {
            asked.decision(at(shuffled(turn, some.len()))?)
        }));
        works.push(Box::new(move |_| asked.decision(at(some.len() / 2)?)));
    }
    works
}

/// # Errors
/// A policy can't be built or loaded, or answers what is not due.
pub(crate) fn measure(stand: &Stand, folder: &Path, scale: usize) -> Result<Policies, Fault> {
    let cache = CodeCache::open(folder.join("policies"), CodeKey::new(&[8; 32]))?;
    let sandbox = |concurrent| {
        let sandbox = Sandbox::new(limits(concurrent)?)?.with_code_cache(cache.clone());
        Ok::<_, Fault>(sandbox)
    };
    let components = (0..ALL).map(component).collect::<Result<Vec<_>, _>>()?;
    let first = sandbox(1)?;
    let began = Instant::now();
    let mut some = None;
    for (number, component) in components.iter().enumerate() {
        some = Some(Policy::load(&first, component)?);
        if number % 250 == 249 {
            say(&format!("  {} compiled", grouped(number as u64 + 1)));
        }
    }
    let compiled = nanoseconds(began);
    let some = Arc::new(some.ok_or("there is no policy")?);
    let gate = stand.gate(some)?;
    let asked = stand.asked(
        &gate,
        &claims(&json!({}))?,
        Due::Allow("production".to_owned()),
    )?;
    let mut pools = Vec::new();
    for concurrent in POOLS {
        say(&format!("  a pool of {}", grouped(concurrent.into())));
        let loaded = load(&sandbox(concurrent)?, &components, &asked)?;
        let times = time(&mut works(&loaded.policies, &asked), PLAN.scaled(scale))?;
        let (pairs, _) = times.as_chunks::<2>();
        pools.push(Measured {
            concurrent,
            took: loaded.took,
            resident: loaded.resident,
            times: pairs.to_vec(),
        });
    }
    Ok(Policies { compiled, pools })
}

impl Measured {
    /// What each policy holds once it was asked.
    fn each(&self) -> Figure {
        let [_, asked] = self.resident;
        Figure::mebibytes(asked / ALL as u64)
    }

    /// The decision with all loaded, over the same with one asked alone: going
    /// round, and always the same.
    fn slower(&self) -> [Figure; 2] {
        let p50 = |pair: Option<&[Times; 2]>| pair.map_or([0; 2], |pair| pair.map(|one| one.p50));
        let [_, one] = p50(self.times.first());
        p50(self.times.last()).map(|all| Figure::ratio(all, one))
    }
}

impl Policies {
    pub(crate) fn budgets(&self) -> Vec<Budget> {
        let each = Figure::hundredths(100);
        // No slower, but for what two medians of one run differ by.
        let same = Figure::hundredths(105);
        self.pools
            .iter()
            .flat_map(|pool| {
                let [round, again] = pool.slower();
                let name = format!(
                    "a thousand policies, pool of {}",
                    grouped(pool.concurrent.into())
                );
                [
                    Budget::at_most(&format!("{name}: MiB each"), each, pool.each()),
                    Budget::at_most(
                        &format!("{name}: decision, always the same one, over one policy"),
                        same,
                        again,
                    ),
                    Budget::at_most(
                        &format!("{name}: decision, going round all, over one policy"),
                        same,
                        round,
                    ),
                ]
            })
            .collect()
    }

    pub(crate) fn markdown(&self) -> String {
        let counts = COUNTS.map(|count| grouped(count as u64));
        let mut titles = vec!["asked in turn, ns"];
        titles.extend(counts.iter().map(String::as_str));
        titles.extend(["all loaded from the cache, ms", "MiB each, loaded", "asked"]);
        let rows =
            self.pools.iter().flat_map(|pool| {
                ["in no order", "always the same"]
                    .into_iter()
                    .enumerate()
                    .map(move |(which, name)| {
                        let mut row = vec![format!(
                            "pool of {}, {name}",
                            grouped(pool.concurrent.into())
                        )];
                        row.extend(pool.times.iter().map(|pair| {
                            pair.get(which).map_or_else(String::new, Times::to_string)
                        }));
                        row.push(Figure::milliseconds(pool.took).to_string());
                        row.extend(
                            pool.resident
                                .map(|held| Figure::mebibytes(held / ALL as u64).to_string()),
                        );
                        row
                    })
            });
        let mut text = table(&titles, rows);
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "\nCompiling and loading all {}: {} ms.",
            grouped(ALL as u64),
            Figure::milliseconds(self.compiled)
        );
        text
    }

    pub(crate) fn json(&self) -> Value {
        let pools = self.pools.iter().map(|pool| {
            let counts = COUNTS.iter().zip(&pool.times).map(|(count, [round, again])| {
                json!({ "policies": count, "in_turn_ns": round.json(), "same_ns": again.json() })
            });
            json!({
                "concurrent": pool.concurrent,
                "load_all_cached_ns": pool.took,
                "resident_kib": { "loaded": pool.resident[0], "asked": pool.resident[1] },
                "counts": counts.collect::<Vec<_>>(),
            })
        });
        json!({
            "load_all_compiled_ns": self.compiled,
            "loaded": ALL,
            "pools": pools.collect::<Vec<_>>(),
        })
    }
}
