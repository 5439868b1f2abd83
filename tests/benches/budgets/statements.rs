//! Policies of ten to a hundred thousand statements.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use claimbound::bake::{self, STANDARD};
use claimbound::code::{CodeCache, CodeKey, Origin};
use claimbound::gate::Gate;
use claimbound::policy::Policy;
use claimbound::sandbox::{Limits, Sandbox};
use claimbound_engine::encode::encode;
use serde_json::{Value, json};

use crate::asked::{Asked, Due};
use crate::budget::Budget;
use crate::figure::{Figure, grouped};
use crate::machine::resident;
use crate::rounds::{Plan, Work, time};
use crate::samples::{Samples, Times};
use crate::stand::{Stand, claims, limits, repository};
use crate::{Fault, estate, say};

/// How many statements a policy has.
const COUNTS: [usize; 6] = [10, LISTED, 100, 1_000, 10_000, 100_000];
/// Of so many statements a program still compares each one with a token that is
/// nobody's, to name the closest.
const LISTED: usize = 64;
/// The argument that makes this program bake one of them.
pub(crate) const BAKE: &str = "--bake";
/// Tokens of statements anywhere in a policy, in no order.
const ANYWHERE: usize = 500;
/// How often each policy is loaded.
const LOADS: usize = 5;
const PLAN: Plan = Plan {
    rounds: 100,
    each: 50,
};

/// What is timed of each policy, in the order of the tables.
const ROWS: [&str; 10] = [
    "decision, first statement",
    "decision, middle",
    "decision, last",
    "decision, anywhere",
    "decision, denied by a condition",
    "decision, nobody's token",
    "whole, middle",
    "whole, anywhere",
    "whole, denied by a condition",
    "whole, nobody's token",
];
/// Places in [`ROWS`].
const MIDDLE: usize = 6;
const ANYWHERE_WHOLE: usize = 7;

/// One policy of many statements.
struct Measured {
    statements: usize,
    built: Built,
    compiled: Times,
    cached: Times,
    /// In kibibytes: what loading it added, and what asking it added.
    resident: [u64; 2],
    times: Vec<Times>,
}

/// How a component came to be.
struct Built {
    /// Nanoseconds: the model, the program, the component.
    took: [u64; 3],
    bytes: u64,
}

pub(crate) struct Statements(Vec<Measured>);

/// Makes a component of so many statements, and says on standard output how
/// long that took.
///
/// # Errors
/// It can't be made, or not written.
pub(crate) fn bake(count: usize, file: &str) -> Result<(), Fault> {
    let mut began = Instant::now();
    let mut took = || {
        let nanoseconds = u64::try_from(began.elapsed().as_nanos());
        began = Instant::now();
        nanoseconds
    };
    let program = estate::program(count)?;
    let modelled = took()?;
    let bytes = encode(&program).map_err(|error| error.to_string())?;
    let encoded = took()?;
    let component = bake::bake(STANDARD, &bytes, &[])?;
    let baked = took()?;
    fs::write(file, &component)?;
    let text = json!({ "took": [modelled, encoded, baked], "bytes": component.len() });
    std::io::Write::write_all(&mut std::io::stdout(), text.to_string().as_bytes())?;
    Ok(())
}

/// The same in a process of its own.
fn bake_apart(count: usize, file: &Path) -> Result<Built, Fault> {
    let program = std::env::current_exe()?;
    let output = Command::new(program)
        .args([
            BAKE.into(),
            count.to_string().into(),
            file.as_os_str().to_owned(),
        ])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let number = |value: &Value| value.as_u64().ok_or("the builder says no number");
    let took = |at: usize| {
        number(
            said.get("took")
                .and_then(|took| took.get(at))
                .unwrap_or(&Value::Null),
        )
    };
    Ok(Built {
        took: [took(0)?, took(1)?, took(2)?],
        bytes: number(said.get("bytes").unwrap_or(&Value::Null))?,
    })
}

/// Limits for a policy of a hundred thousand statements.
fn large() -> Result<Limits, Fault> {
    Ok(limits(16)?
        .with_component(64 << 20)?
        .with_memory(128 << 20)?)
}

/// A policy with everything that it is asked.
struct Subject {
    gate: Gate,
    /// Of the first statement, the middle one and the last.
    places: [Asked; 3],
    anywhere: Vec<Asked>,
    denied: Asked,
    nobody: Asked,
}

impl Subject {
    fn new(stand: &Stand, policy: Arc<Policy>, count: usize) -> Result<Self, Fault> {
        let gate = stand.gate(policy)?;
        let job = |number: usize| claims(&repository(&estate::name(number), &estate::id(number)));
        let allow = |number: usize| {
            stand.asked(&gate, &job(number)?, Due::Allow(estate::statement(number)))
        };
        let mut denied = job(count / 2)?;
        if let Some(branch) = denied.get_mut("ref") {
            *branch = "refs/heads/feature".into();
        }
        let nobody = claims(&repository("acme/nobodys", "7"))?;
        Ok(Self {
            places: [allow(0)?, allow(count / 2)?, allow(count - 1)?],
            // A stride that has no divisor in common with a power of ten.
            anywhere: (0..ANYWHERE)
                .map(|turn| allow(turn * 7_919 % count))
                .collect::<Result<_, _>>()?,
            denied: stand.asked(&gate, &denied, Due::Deny("claim.mismatch"))?,
            nobody: stand.asked(&gate, &nobody, Due::Deny("subject.mismatch"))?,
            gate,
        })
    }

    /// In the order of [`ROWS`].
    fn works(&self) -> [Work<'_>; 10] {
        let policy = self.gate.policy();
        let [first, middle, last] = &self.places;
        let anywhere = |turn: usize| {
            let asked = self.anywhere.get(turn % ANYWHERE);
            asked.ok_or("a token is missing")
        };
        [
            Box::new(move |_| first.decision(policy)),
            Box::new(move |_| middle.decision(policy)),
            Box::new(move |_| last.decision(policy)),
            Box::new(move |turn| anywhere(turn)?.decision(policy)),
            Box::new(move |_| self.denied.decision(policy)),
            Box::new(move |_| self.nobody.decision(policy)),
            Box::new(move |_| middle.whole(&self.gate)),
            Box::new(move |turn| anywhere(turn)?.whole(&self.gate)),
            Box::new(move |_| self.denied.whole(&self.gate)),
            Box::new(move |_| self.nobody.whole(&self.gate)),
        ]
    }

    /// Asks everything once.
    fn ask(&self) -> Result<(), Fault> {
        for asked in &self.anywhere {
            asked.decision(self.gate.policy())?;
        }
        self.works().iter_mut().try_for_each(|work| work(0))
    }
}

/// Times loading, and whether the machine code came from where it should.
fn load(sandbox: &Sandbox, component: &[u8], origin: &Origin) -> Result<Times, Fault> {
    let mut samples = Samples::default();
    for _ in 0..LOADS {
        let began = Instant::now();
        let policy = Policy::load(sandbox, component)?;
        samples.push(began.elapsed());
        if policy.origin() != origin {
            return Err(format!("{origin:?} is due, and not {:?}", policy.origin()).into());
        }
    }
    Ok(samples.times())
}

/// # Errors
/// A policy can't be built or loaded, or answers what is not due.
pub(crate) fn measure(stand: &Stand, folder: &Path, scale: usize) -> Result<Statements, Fault> {
    let cache = CodeCache::open(folder.join("statements"), CodeKey::new(&[7; 32]))?;
    let plain = Sandbox::new(large()?)?;
    let cached = Sandbox::new(large()?)?.with_code_cache(cache);
    let mut subjects = Vec::new();
    let mut measured = Vec::new();
    for count in COUNTS {
        say(&format!("  {} statements", grouped(count as u64)));
        let file = folder.join("estate.wasm");
        let built = bake_apart(count, &file)?;
        let component = fs::read(&file)?;
        let compiled = load(&plain, &component, &Origin::Compiled)?;
        let kept = Policy::load(&cached, &component)?;
        if !matches!(kept.origin(), Origin::Missed { kept: Ok(()), .. }) {
            return Err(format!("no machine code is kept: {:?}", kept.origin()).into());
        }
        drop(kept);
        let from_cache = load(&cached, &component, &Origin::Cached)?;
        let before = resident();
        let policy = Policy::load(&cached, &component)?;
        let loaded = resident().saturating_sub(before);
        drop(component);
        let subject = Subject::new(stand, Arc::new(policy), count)?;
        let before = resident();
        subject.ask()?;
        measured.push(Measured {
            statements: count,
            built,
            compiled,
            cached: from_cache,
            resident: [loaded, resident().saturating_sub(before)],
            times: Vec::new(),
        });
        subjects.push(subject);
    }
    let mut works: Vec<_> = subjects.iter().flat_map(Subject::works).collect();
    let times = time(&mut works, PLAN.scaled(scale))?;
    for (one, times) in measured.iter_mut().zip(times.chunks(ROWS.len())) {
        one.times = times.to_vec();
    }
    Ok(Statements(measured))
}

impl Statements {
    /// Of the largest policy over the smallest, from rows of both.
    fn growth(&self, row: usize) -> Figure {
        let of = |one: Option<&Measured>| {
            one.and_then(|one| one.times.get(row))
                .map_or(0, |one| one.p50)
        };
        Figure::ratio(of(self.0.last()), of(self.0.first()))
    }

    pub(crate) fn budgets(&self) -> Vec<Budget> {
        let what = "whole path, 100,000 statements over ten";
        vec![
            Budget::at_most(
                &format!("{what}: tokens of statements anywhere"),
                Figure::hundredths(130),
                self.growth(ANYWHERE_WHOLE),
            ),
            Budget::at_most(
                &format!("{what}: one token again and again"),
                Figure::hundredths(130),
                self.growth(MIDDLE),
            ),
        ]
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("| statements |");
        let mut rule = String::from("|---|");
        for one in &self.0 {
            // Writing to a string can't fail.
            let _ = write!(text, " {} |", grouped(one.statements as u64));
            rule.push_str("--:|");
        }
        let _ = writeln!(text, "\n{rule}");
        let mut row = |name: &str, cell: &dyn Fn(&Measured) -> String| {
            let cells: Vec<_> = self.0.iter().map(cell).collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        };
        for (index, name) in ROWS.iter().enumerate() {
            row(&format!("{name}, ns"), &|one| {
                one.times
                    .get(index)
                    .map_or_else(String::new, Times::to_string)
            });
        }
        row("component, KiB", &|one| grouped(one.built.bytes / 1024));
        for (index, name) in ["made as data", "encoded", "baked"].into_iter().enumerate() {
            row(&format!("{name}, ms"), &|one| {
                let took = one.built.took.get(index).copied().unwrap_or_default();
                Figure::milliseconds(took).to_string()
            });
        }
        row("loaded compiled, ms", &|one| {
            Figure::milliseconds(one.compiled.p50).to_string()
        });
        row("loaded from the cache, ms", &|one| {
            Figure::milliseconds(one.cached.p50).to_string()
        });
        for (index, name) in ["loaded", "asked"].into_iter().enumerate() {
            row(&format!("memory once {name}, MiB"), &|one| {
                let held: u64 = one.resident.iter().take(index + 1).sum();
                Figure::mebibytes(held).to_string()
            });
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        let of = |one: &Measured| {
            let times = ROWS.iter().zip(&one.times);
            let times = times.map(|(name, times)| ((*name).to_owned(), times.json()));
            json!({
                "statements": one.statements,
                "component_bytes": one.built.bytes,
                "model_encode_bake_ns": one.built.took,
                "load_compiled_ns": one.compiled.json(),
                "load_cached_ns": one.cached.json(),
                "resident_kib": { "loaded": one.resident[0], "asked": one.resident[1] },
                "ns": times.collect::<serde_json::Map<_, _>>(),
            })
        };
        self.0.iter().map(of).collect()
    }
}
