//! A process that is killed while it decides, again and again, over one ledger.
//!
//! The process is this test's own executable, started again. It says what was
//! answered for, one JSON line each, once it has the answer; the one that kills
//! it holds the ledger to every line.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use claimbound::ledger::{Order, Run};
use claimbound::outcome::Outcome;
use serde_json::{Value, json};

use super::export::Export;
use super::forge::{Flavour, Forge};
use super::history::codes;
use super::job::Job;
use super::operator;
use super::random::Random;
use super::reference::Reference;
use super::route::{Host, Route};
use super::seeds;
use crate::forge::NOW;
use crate::ledger::world::{World, on_each_store, open};

/// Tells the process where its ledger is, and its seed.
const LIFE: &str = "CLAIMBOUND_LIFE";

/// How many processes are killed over one ledger.
const LIVES: u64 = 5;

/// Decisions and changes for as long as the process lives, said as they are
/// answered for.
fn live(address: &str, seed: u64) {
    let random = &mut Random::new(seed);
    let host = Host::new(open(address));
    let mut forges = Flavour::ALL.map(Forge::new);
    let mut jobs: Vec<Job> = Vec::new();
    say(&json!({ "alive": seed }));
    for step in 0_u64.. {
        let forge = random.below(2);
        if random.chance(20) {
            forges[forge].happen(random);
        } else if random.chance(30) {
            let reference = Reference::default();
            let change = operator::change(&forges, &reference, &jobs, NOW, random);
            if let Some(change) = change {
                operate(
                    &host,
                    operator::told(&change),
                    &format!("change {step} of {seed}"),
                );
            }
        } else if let Some(repository) = forges[forge].alive().last() {
            let serial = seed * 1_000_000 + step;
            let job = Job::run(&forges[forge], *repository, serial, NOW, random);
            present(&host, &job, *random.pick(&Route::ALL));
            jobs.push(job);
        }
    }
}

fn operate(host: &Host, change: claimbound::ledger::Change, reason: &str) {
    let order = Order {
        change,
        by: "alice".to_owned(),
        at: NOW,
        reason: reason.to_owned(),
    };
    say(&json!({ "asked": reason }));
    if let Ok(effects) = host.ledger.apply(&order, Run::Real) {
        say(&json!({ "changed": reason, "effects": effects.len() }));
    }
}

fn present(host: &Host, job: &Job, route: Route) {
    say(&json!({ "presented": job.serial }));
    if let Outcome::Allow(allowed) = host.decide(route, job, NOW) {
        let enrolled = match &allowed.bound {
            Some(claimbound::obligation::Bound::Enrolled(names)) => names.len(),
            Some(claimbound::obligation::Bound::Known) | None => 0,
        };
        say(&json!({
            "allowed": job.token, "route": route as usize, "enrolled": enrolled,
            "spent": allowed.spent,
        }));
    }
}

/// One line, whole: pipes take up to 4096 bytes at once (POSIX, `PIPE_BUF`).
fn say(line: &Value) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("@{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What the test below starts; by itself it does nothing.
#[test]
fn one_life_of_a_process() {
    if let Ok(life) = std::env::var(LIFE) {
        let (seed, address) = life.split_once(' ').unwrap();
        live(address, seed.parse().unwrap());
    }
}

fn start(address: &str, seed: u64) -> (Child, Receiver<Value>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "simulation::crash::one_life_of_a_process",
            "--nocapture",
        ])
        .env(LIFE, format!("{seed} {address}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    (child, listen(out))
}

/// What a process says, until it is gone; a line that was cut says nothing.
fn listen(out: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            // The harness writes before the first line, and on the same one.
            let said = line.split_once('@').map(|(_, said)| said);
            if let Some(said) = said.and_then(|said| serde_json::from_str(said).ok())
                && sender.send(said).is_err()
            {
                return;
            }
        }
    });
    receiver
}

/// One life: what was said in it.
fn life(address: &str, seed: u64, random: &mut Random) -> Vec<Value> {
    let (mut child, receiver) = start(address, seed);
    let mut said = Vec::new();
    for _ in 0..20 + random.below(200) {
        // Patient: the machine may be busy, and starting takes what it takes.
        let line = receiver.recv_timeout(Duration::from_mins(1));
        said.push(line.unwrap_or_else(|_| panic!("seed {seed}: it fell silent")));
    }
    // Somewhere in the next few decisions, of a millisecond or two each.
    let micros = u64::try_from(random.below(5000)).unwrap();
    std::thread::sleep(Duration::from_micros(micros));
    // SIGKILL (std::process::Child::kill): nothing is put in order first.
    child.kill().unwrap();
    child.wait().unwrap();
    said.extend(receiver.iter());
    said
}

/// All that was answered for, over all lives.
#[derive(Default)]
struct Answered {
    enrolled: usize,
    /// Tokens that were spent, with their route.
    spent: Vec<(String, usize)>,
    /// Reasons of changes that took effect, and what they changed.
    changes: Vec<(String, usize)>,
    /// What was asked for and not answered when the process died.
    unanswered: usize,
}

impl Answered {
    fn hear(&mut self, said: &[Value]) {
        let mut open = false;
        for line in said {
            let asked = line.get("asked").or(line.get("presented")).is_some();
            open = asked;
            if let Some(token) = line["allowed"].as_str() {
                self.enrolled += usize::try_from(line["enrolled"].as_u64().unwrap()).unwrap();
                if line["spent"] == true {
                    let route = usize::try_from(line["route"].as_u64().unwrap()).unwrap();
                    self.spent.push((token.to_owned(), route));
                }
            }
            if let Some(reason) = line["changed"].as_str() {
                let effects = usize::try_from(line["effects"].as_u64().unwrap()).unwrap();
                self.changes.push((reason.to_owned(), effects));
            }
        }
        self.unanswered += usize::from(open);
    }

    fn check(&self, world: &World) {
        let export = Export::of(&world.again());
        export.check_history().unwrap();
        export.check_bindings().unwrap();
        self.check_history(&export);
        self.check_spent(world, &export);
    }

    /// History tells all that was answered for, and no more than one thing of
    /// each life beside.
    fn check_history(&self, export: &Export) {
        let enrolled = export.actions().get("enrol").copied().unwrap_or_default();
        assert!(enrolled >= self.enrolled, "an enrolment is lost");
        // A token has two names.
        assert!(enrolled <= self.enrolled + 2 * self.unanswered);
        for (reason, effects) in &self.changes {
            let told = export
                .events
                .iter()
                .filter(|event| event["reason"] == *reason);
            assert_eq!(told.count(), *effects, "{reason}");
        }
        let answered: BTreeSet<&str> = self.changes.iter().map(|(reason, _)| &**reason).collect();
        let told = export
            .events
            .iter()
            .filter_map(|event| event["reason"].as_str());
        let unheard: BTreeSet<&str> = told
            .filter(|reason| !reason.is_empty() && !answered.contains(reason))
            .collect();
        assert!(unheard.len() <= self.unanswered, "{unheard:?}");
    }

    /// What was spent stays so.
    fn check_spent(&self, world: &World, export: &Export) {
        assert!(export.spent.len() >= 2 * self.spent.len(), "a use is lost");
        assert!(export.spent.len() <= 2 * (self.spent.len() + self.unanswered));
        let host = Host::new(world.again());
        for (token, route) in &self.spent {
            let outcome = host.decide_text(Route::ALL[*route], token, NOW);
            let codes = codes(&outcome);
            let refused = codes.first().is_some_and(|code| !code.starts_with("host."));
            assert!(refused, "{outcome:?}");
        }
    }
}

on_each_store! {
fn nothing_that_was_answered_for_is_lost_by_a_kill(world: &World) {
    for seed in seeds(2) {
        let world = world.another();
        let random = &mut Random::new(seed);
        let mut answered = Answered::default();
        for one in 0..LIVES {
            let said = life(&world.address(), seed * 10 + one, random);
            answered.hear(&said);
            answered.check(&world);
        }
        assert!(answered.enrolled > 0 && !answered.spent.is_empty(), "seed {seed}");
        assert!(!answered.changes.is_empty(), "seed {seed}");
    }
}
}
