//! Random histories, one step after the other: every answer is the reference's,
//! and so is all that is left in the end.

use claimbound::ledger::{Effect, Order, Run};
use claimbound::outcome::Outcome;

use super::forge::{Flavour, Forge};
use super::job::Job;
use super::random::Random;
use super::reference::{Change, Expected, Reference};
use super::route::{Host, Route};
use super::{export, operator};
use crate::forge::NOW;
use crate::ledger::world::World;

/// Routes, as often as they are used.
const OFTEN: [Route; 10] = [
    Route::Lax,
    Route::Lax,
    Route::Open,
    Route::Open,
    Route::Strict,
    Route::Strict,
    Route::Strict,
    Route::Pinned,
    Route::Proved,
    Route::Unproved,
];

/// One history, as far as it has come.
pub(super) struct History<'w> {
    world: &'w World,
    random: Random,
    forges: [Forge; 2],
    /// Two hosts with a connection of their own, on one ledger.
    hosts: [Host; 2],
    reference: Reference,
    now: u64,
    jobs: Vec<Job>,
    serials: [u64; 2],
    /// What happened, in words.
    told: Vec<String>,
    /// Whether the operator is never wrong.
    honest: bool,
    tally: Tally,
}

/// How often each thing was seen, so that no history is of nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(pub(super) std::collections::BTreeMap<String, usize>);

impl Tally {
    fn count(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what.clone()).or_default() += times;
        }
    }

    #[expect(clippy::print_stderr, reason = "a long run says what it has seen")]
    pub(super) fn tell(&self) {
        eprintln!("{:#?}", self.0);
    }

    pub(super) fn of(&self, what: &str) -> usize {
        self.0.get(what).copied().unwrap_or_default()
    }
}

impl<'w> History<'w> {
    pub(super) fn new(world: &'w World, seed: u64) -> Self {
        Self {
            world,
            random: Random::new(seed),
            forges: Flavour::ALL.map(Forge::new),
            hosts: [Host::new(world.asking()), Host::new(world.asking())],
            reference: Reference::default(),
            now: NOW,
            jobs: Vec::new(),
            serials: [0; 2],
            told: Vec::new(),
            honest: false,
            tally: Tally::default(),
        }
    }

    /// The same with an operator who approves whom the names belong to, follows
    /// them, and never trusts an attacker.
    pub(super) fn honest(self) -> Self {
        Self {
            honest: true,
            ..self
        }
    }

    /// Takes so many steps; a difference is told with all that led to it.
    pub(super) fn run(mut self, seed: u64, steps: usize) -> Tally {
        let done = (0..steps).try_for_each(|_| self.step());
        if let Err(difference) = done.and_then(|()| self.check_end()) {
            panic!("seed {seed}: {difference}\n{}", self.told.join("\n"));
        }
        self.tally
    }

    /// Both hosts see all of it, and so does whoever restores a backup.
    fn check_end(&self) -> Result<(), String> {
        for host in &self.hosts {
            export::check(&host.ledger, &self.reference)?;
        }
        export::check_copy(&self.hosts[0].ledger, &self.world.another().ledger)
    }

    fn step(&mut self) -> Result<(), String> {
        match self.random.below(100) {
            0..50 => self.present(),
            50..73 => {
                let forge = self.random.below(2);
                let told = self.forges[forge].happen(&mut self.random);
                self.told
                    .extend(told.map(|told| format!("{:?}: {told}", Flavour::ALL[forge])));
                Ok(())
            }
            73..94 => self.operate(),
            94..98 => {
                let most = if self.random.chance(10) { 1200 } else { 60 };
                self.now += u64::try_from(self.random.below(most)).unwrap();
                self.told.push(format!("it is {} s later", self.now - NOW));
                Ok(())
            }
            _ => {
                let host = self.random.below(2);
                self.hosts[host] = Host::new(self.world.asking());
                self.told.push(format!("host {host} is restarted"));
                Ok(())
            }
        }
    }

    /// A token is presented: of a new job, or once more.
    fn present(&mut self) -> Result<(), String> {
        let again = self.random.chance(35) && !self.jobs.is_empty();
        let job = if again {
            let recent = self.jobs.len().saturating_sub(8);
            self.random.pick(&self.jobs[recent..]).clone()
        } else {
            match self.job() {
                Some(job) => job,
                None => return Ok(()),
            }
        };
        let route = *self.random.pick(&OFTEN);
        let host = self.random.below(2);
        // Hosts' clocks differ by less than the leeway.
        let at = match self.random.below(8) {
            0 => self.now - 50,
            _ => self.now,
        };
        let expected = self.reference.present(route, &job, at);
        let outcome = self.hosts[host].decide(route, &job, at);
        let codes = codes(&outcome);
        self.told.push(format!(
            "{route:?} at host {host}: {} {} of {} {} by {} {}: {codes:?}",
            job.serial,
            job.subject,
            job.repository.1,
            job.repository.0,
            job.account.1,
            job.account.0,
        ));
        self.tally
            .count(codes.first().map_or("allow", String::as_str));
        agrees(&outcome, &codes, &expected)
            .then_some(())
            .ok_or_else(|| format!("expected {expected:?}, not {outcome:#?}"))?;
        let attacks = self.forges[job.flavour as usize].is_attacker(job.account.0);
        if attacks && self.honest && route == Route::Strict && outcome.is_allow() {
            return Err("an attacker was let in".to_owned());
        }
        self.tally.count(if attacks { "attacker" } else { "owner" });
        Ok(())
    }

    fn job(&mut self) -> Option<Job> {
        let forge = self.random.below(5) / 3;
        let alive = self.forges[forge].alive();
        if alive.is_empty() {
            return None;
        }
        let repository = *self.random.pick(&alive);
        // Each forge counts its own jobs, so that their numbers meet.
        self.serials[forge] += 1;
        let job = Job::run(
            &self.forges[forge],
            repository,
            self.serials[forge],
            self.now,
            &mut self.random,
        );
        self.jobs.push(job.clone());
        Some(job)
    }

    fn operate(&mut self) -> Result<(), String> {
        let random = &mut self.random;
        let change = if self.honest {
            let forge = &self.forges[random.below(2)];
            operator::honest(forge, &self.reference, random)
        } else {
            operator::change(&self.forges, &self.reference, &self.jobs, self.now, random)
        };
        let Some(change) = change else {
            return Ok(());
        };
        let host = self.random.below(2);
        let expected = self.reference.change(&change, self.now);
        let tried = apply(&self.hosts[host], &change, self.now, Run::Dry);
        let answer = apply(&self.hosts[host], &change, self.now, Run::Real);
        self.told.push(format!(
            "an operator at host {host}: {change:?}: {:?}",
            answer.as_ref().map(Vec::len)
        ));
        if tried != answer {
            return Err(format!(
                "a dry run answers {tried:?}, the real one {answer:?}"
            ));
        }
        self.tally.count(match (&change, &answer) {
            (_, Err(_)) => "refused",
            (Change::Approve { .. }, _) => "approve",
            (Change::Suspend { .. }, _) => "suspend",
            (Change::Resume { .. }, _) => "resume",
            (Change::Retire { .. }, _) => "retire",
            (Change::Migrate { .. }, _) => "migrate",
            (Change::Forget { .. }, _) => "forget",
            (Change::Revoke { .. }, _) => "revoke",
            (Change::Lift { .. }, _) => "lift",
        });
        (expected.is_ok() == answer.is_ok())
            .then_some(())
            .ok_or_else(|| format!("expected {expected:?}"))?;
        export::check(&self.hosts[1 - host].ledger, &self.reference)
    }
}

/// An operator's word at a host.
pub(super) fn apply(
    host: &Host,
    change: &Change,
    now: u64,
    run: Run,
) -> Result<Vec<Effect>, String> {
    let order = Order {
        change: operator::told(change),
        by: "alice".to_owned(),
        at: now,
        reason: "a simulation".to_owned(),
    };
    let done = host.ledger.apply(&order, run);
    done.map_err(|error| error.to_string())
}

/// The codes of a denial or failure; none of an allow.
pub(super) fn codes(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Allow(_) => Vec::new(),
        Outcome::Deny(denied) => {
            let codes = denied.reasons.iter().map(|reason| reason.code.to_string());
            codes.collect()
        }
        Outcome::Error(error) => vec![error.code.to_string()],
    }
}

fn agrees(outcome: &Outcome, codes: &[String], expected: &Expected) -> bool {
    match (outcome, expected) {
        (Outcome::Allow(allowed), Expected::Allow { enrolled, spent }) => {
            use claimbound::obligation::Bound;
            let bound = match &allowed.bound {
                Some(Bound::Enrolled(names)) => Some(names.len()),
                Some(Bound::Known) => Some(0),
                None => None,
            };
            bound == Some(*enrolled) && allowed.spent == *spent
        }
        (Outcome::Deny(_), Expected::Deny(reasons)) => {
            codes.len() == reasons.len()
                && codes
                    .iter()
                    .zip(reasons)
                    .all(|(code, any)| any.contains(&code.as_str()))
        }
        (Outcome::Deny(_), Expected::Unmatched) => codes
            .iter()
            .all(|code| ["subject", "claim", "issuer"].contains(&code.split('.').next().unwrap())),
        (Outcome::Allow(_) | Outcome::Deny(_) | Outcome::Error(_), _) => false,
    }
}
