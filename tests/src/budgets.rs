//! The benchmark of the budgets: no test runs it, so what it stands on is held
//! here.

#[path = "../benches/budgets/estate.rs"]
mod estate;
#[path = "../benches/budgets/figure.rs"]
mod figure;
#[path = "../benches/budgets/samples.rs"]
mod samples;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use claimbound::bake;
use claimbound::policy::Policy;
use claimbound_engine::encode::encode;
use serde_json::{Value, json};

use crate::forge::{job, with};
use crate::gate::{Host, SANDBOX, answer, ceiling, decide, gate_with};
use crate::standard::standard;
use crate::tree::root;
use figure::{Figure, grouped};
use samples::Samples;

/// A job of a repository of the estate.
fn claims(name: &str, id: &str) -> Value {
    let changes = json!({
        "sub": format!("repo:{name}:environment:production"),
        "repository": name,
        "repository_id": id,
        "sha": "5f2d8c1b9e7a46300d1c8f4b6a9e2d7c3b5f0a18",
        "workflow": "Deploy to production",
    });
    with(job(), &changes)
}

#[test]
fn each_statement_of_an_estate_trusts_its_own_repository_alone() {
    let program = estate::program(300).unwrap();
    let names: Vec<_> = program
        .statements
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names.last(), Some(&estate::statement(299).as_str()));
    let component = bake::bake(&standard(), &encode(&program).unwrap(), &[]).unwrap();
    let policy = Arc::new(Policy::load(&SANDBOX, &component).unwrap());
    let gate = gate_with(&policy, ceiling()).with_commit(Host);
    for number in [0, 150, 299] {
        let (name, id) = (estate::name(number), estate::id(number));
        let outcome = decide(&gate, &claims(&name, &id));
        let claimbound::outcome::Outcome::Allow(allowed) = outcome else {
            panic!("{name}: {outcome:?}");
        };
        assert_eq!(allowed.statement, estate::statement(number));
        let outcome = decide(&gate, &claims(&name, &estate::id(number + 1)));
        assert_eq!(answer(&outcome), "subject.mismatch", "{name}");
    }
    let outcome = decide(&gate, &claims(&estate::name(300), &estate::id(300)));
    assert_eq!(answer(&outcome), "subject.mismatch", "nobody's");
}

#[test]
fn percentiles_are_of_the_nearest_rank() {
    let times = |count: u64| {
        let mut samples = Samples::default();
        samples.push(Duration::from_secs(9));
        samples.clear();
        for nanoseconds in (1..=count).rev() {
            samples.push(Duration::from_nanos(nanoseconds));
        }
        samples.times()
    };
    assert_eq!(times(200).to_string(), "100 / 198");
    assert_eq!(times(1).json(), json!({ "p50": 1, "p99": 1 }));
    assert_eq!(times(0).to_string(), "0 / 0");
}

#[test]
fn figures_are_exact_to_a_hundredth() {
    assert_eq!(Figure::ratio(1_999, 1_000).to_string(), "2.00");
    assert_eq!(Figure::ratio(5, 0).to_string(), "5.00");
    assert_eq!(Figure::milliseconds(1_234_567_890).to_string(), "1,234.57");
    assert_eq!(Figure::mebibytes(1_536).json(), json!(1.5));
    assert!(Figure::hundredths(130) < Figure::ratio(131, 100));
    assert_eq!(grouped(1_000_000), "1,000,000");
}

#[test]
fn the_page_has_the_command_and_the_block_that_it_prints() {
    let page = fs::read_to_string(root().join("docs/benchmarks.md")).unwrap();
    assert!(page.contains("cargo bench --locked --workspace --bench budgets"));
    let report = fs::read_to_string(root().join("tests/benches/budgets/report.rs")).unwrap();
    let mut from = 0;
    for comment in [
        "<!-- printed by tests/benches/budgets: the command stands above -->",
        "<!-- end of what tests/benches/budgets printed -->",
    ] {
        assert!(report.contains(comment), "{comment}");
        from += page
            .get(from..)
            .and_then(|rest| rest.find(comment))
            .unwrap();
    }
    let block = page.get(..from).unwrap();
    assert!(
        !block.contains("not optimised"),
        "measure an optimised build"
    );
}
