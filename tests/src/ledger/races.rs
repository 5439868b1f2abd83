//! Many who want the same at once: threads, and processes.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier, LazyLock};
use std::thread;

use claimbound::gate::Gate;
use claimbound::ledger::{Keeper, Ledger, Order, Run};
use claimbound::policy::Policy;
use serde_json::{Value, json};

use super::process::{Process, say, task, wait};
use super::world::{NAMES_ALONE, World, approve, decide, name, on_each_store, open, owner};
use crate::forge::{NOW, job, with};
use crate::gate::{DOCUMENT, answer, ceiling, gate_with, policy};
use crate::standard::standard;

/// The design's own example: every id is pinned, and each token counts once.
static ONCE: LazyLock<Arc<Policy>> = LazyLock::new(|| policy(&standard(), DOCUMENT));

fn gate(ledger: &Arc<Ledger>, policy: &Arc<Policy>) -> Gate {
    gate_with(policy, ceiling()).with_commit(Keeper::new(Arc::clone(ledger), "deploy"))
}

/// The token of whoever holds the names under this number.
fn holder(number: usize) -> Value {
    let ids = json!({
        "repository_id": (1000 + number).to_string(),
        "repository_owner_id": (2000 + number).to_string(),
    });
    with(job(), &ids)
}

/// What came of decisions, and how often.
type Count = BTreeMap<String, usize>;

/// What each of these comes to, when all are decided at once.
fn at_once(gate: &Gate, tokens: &[Value]) -> Vec<String> {
    let start = Barrier::new(tokens.len());
    let one = |token| {
        start.wait();
        answer(&decide(gate, token))
    };
    thread::scope(|scope| {
        let threads: Vec<_> = tokens
            .iter()
            .map(|token| scope.spawn(move || one(token)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// What `times` decisions of one token come to, on this many threads.
fn often(gate: &Gate, token: &Value, threads: usize, times: usize) -> Count {
    let tokens = vec![(); threads];
    let counts: Vec<Count> = thread::scope(|scope| {
        let spawn = |()| {
            scope.spawn(|| {
                let mut count = Count::new();
                for _ in 0..times / threads {
                    *count.entry(answer(&decide(gate, token))).or_default() += 1;
                }
                count
            })
        };
        let threads: Vec<_> = tokens.into_iter().map(spawn).collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    sum(counts)
}

fn sum(counts: impl IntoIterator<Item = Count>) -> Count {
    let mut all = Count::new();
    for (answer, times) in counts.into_iter().flatten() {
        *all.entry(answer).or_default() += times;
    }
    all
}

fn count(answers: &[(&str, usize)]) -> Count {
    let owned = |(answer, times): &(&str, usize)| ((*answer).to_owned(), *times);
    answers.iter().map(owned).collect()
}

fn id_of(ledger: &Ledger, kind: &str, of: &str) -> Option<String> {
    let entries = ledger.find(&name(kind, of)).unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].id.clone()
}

on_each_store! {
fn of_many_who_use_a_name_first_at_once_one_wins_and_stays(world: &World) {
    let gate = world.gate("deploy", &NAMES_ALONE);
    let holders: Vec<_> = (0..12).map(holder).collect();
    let answers = at_once(&gate, &holders);
    let winner = answers.iter().position(|answer| answer == "allow").unwrap();
    for (number, answer) in answers.iter().enumerate() {
        let expected = if number == winner { "allow" } else { "identity.reassigned" };
        assert_eq!(answer, expected, "{number} of {answers:?}");
    }
    // Both names are the winner's, not one of each.
    let repository = id_of(&world.ledger, "repository", "acme/infra").unwrap();
    let owner = id_of(&world.ledger, "owner", "acme").unwrap();
    assert_eq!((repository, owner), ((1000 + winner).to_string(), (2000 + winner).to_string()));
    assert_eq!(at_once(&gate, &holders), answers, "whoever won stays");
    let mut events = 0;
    world.ledger.history(None, |_| events += 1).unwrap();
    assert_eq!(events, 2, "one for each name");
}

fn of_processes_that_use_a_name_first_at_once_one_wins_and_stays(world: &World) {
    let mut processes: Vec<_> = (0..4)
        .map(|number| {
            let number = number.to_string();
            Process::start("races::one_of_several_processes", &["first", &world.address(), &number])
        })
        .collect();
    for process in &mut processes {
        assert_eq!(process.hear(), "ready");
    }
    processes.iter_mut().for_each(Process::go);
    let said: Vec<_> = processes.iter_mut().map(Process::hear).collect();
    let owner = id_of(&world.ledger, "owner", "acme").unwrap();
    let winner = owner.parse::<usize>().unwrap() - 2000;
    for (number, said) in said.iter().enumerate() {
        let expected = if number == winner {
            count(&[("allow", 20)])
        } else {
            count(&[("identity.reassigned", 20)])
        };
        assert_eq!(serde_json::from_str::<Count>(said).unwrap(), expected, "{number}");
    }
}

fn of_a_thousand_uses_of_one_token_at_once_one_is_allowed(world: &World) {
    let answers = often(&world.gate("deploy", &ONCE), &job(), 16, 1008);
    assert_eq!(answers, count(&[("allow", 1), ("token.reused", 1007)]));
}

fn of_uses_of_one_token_by_several_processes_one_is_allowed(world: &World) {
    let mut processes: Vec<_> = (0..3)
        .map(|_| Process::start("races::one_of_several_processes", &["use", &world.address()]))
        .collect();
    for process in &mut processes {
        assert_eq!(process.hear(), "ready");
    }
    processes.iter_mut().for_each(Process::go);
    let said = processes.iter_mut().map(Process::hear);
    let answers = sum(said.map(|said| serde_json::from_str(&said).unwrap()));
    assert_eq!(answers, count(&[("allow", 1), ("token.reused", 1007)]));
}

/// Every change moves the one generation on, so no two of them can be made at
/// once: whoever comes second does it again.
fn operators_who_change_things_at_once_all_do_it(world: &World) {
    let approve_all = |number: usize, ledger: &Ledger| {
        for round in 0..4 {
            let (name, id) = (format!("acme-{number}-{round}"), format!("{number}00{round}"));
            let order = Order {
                change: approve(owner(&name, &id)),
                by: format!("operator {number}"),
                at: NOW,
                reason: "a test".to_owned(),
            };
            ledger.apply(&order, Run::Real).unwrap();
        }
    };
    thread::scope(|scope| {
        for number in 0..6 {
            scope.spawn(move || approve_all(number, &world.again()));
        }
    });
    let mut events = 0;
    world.ledger.history(None, |_| events += 1).unwrap();
    assert_eq!(events, 24);
    let mut entries = 0;
    world.ledger.entries(|_| entries += 1).unwrap();
    assert_eq!(entries, 24);
}

/// Each enrols names of its own, next to those of all others: no two are in each
/// other's way, whatever a store makes of rows that lie side by side.
fn those_who_want_different_things_all_get_them(world: &World) {
    let gate = world.gate("deploy", &EVERY_OWNER);
    let owned = |number: usize| {
        let (owner, repository) = (format!("acme-{number}"), format!("acme-{number}/infra"));
        let claims = json!({
            "sub": format!("repo:{repository}:environment:production"),
            "repository": repository, "repository_owner": owner,
        });
        with(holder(number), &claims)
    };
    for round in 0..3 {
        let tokens: Vec<_> = (0..16).map(|number| owned(round * 16 + number)).collect();
        let answers = at_once(&gate, &tokens);
        assert!(answers.iter().all(|answer| answer == "allow"), "{answers:?}");
    }
}
}

/// A policy for every repository of that name.
static EVERY_OWNER: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    let document = include_str!("names-alone.toml");
    let pattern = r#"subject = { glob = "repo:**" }"#;
    let (before, after) = document.split_once("[trust.deploy.subject]").unwrap();
    let (_, after) = after.split_once("\n\n").unwrap();
    let before = before.trim_end();
    policy(&standard(), &format!("{before}\n{pattern}\n\n{after}"))
});

/// What the tests above start.
#[test]
fn one_of_several_processes() {
    let Some(task) = task() else { return };
    let ledger = open(&task[1]);
    let answers = match task[0].as_str() {
        "first" => {
            let gate = gate(&ledger, &NAMES_ALONE);
            let holder = holder(task[2].parse().unwrap());
            say("ready");
            wait();
            often(&gate, &holder, 4, 20)
        }
        "use" => {
            let gate = gate(&ledger, &ONCE);
            say("ready");
            wait();
            often(&gate, &job(), 8, 336)
        }
        other => panic!("{other}"),
    };
    say(&serde_json::to_string(&answers).unwrap());
    wait();
}
