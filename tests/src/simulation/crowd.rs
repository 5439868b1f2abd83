//! Many threads on several connections at once. No order is known, so that only
//! what holds in every order is asserted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use claimbound::ledger::Run;
use claimbound::obligation::Bound;
use claimbound::outcome::Outcome;

use super::export::Export;
use super::forge::{Flavour, Forge};
use super::history::apply;
use super::job::Job;
use super::operator;
use super::random::Random;
use super::reference::{Change, Identity, Name, Reference, identities};
use super::route::{Host, Route};
use super::seeds;
use crate::forge::NOW;
use crate::ledger::world::{World, on_each_store};

const THREADS: usize = 5;
const PRESENTATIONS: usize = 60;
const CHANGES: usize = 40;

/// Something that was done, and the span of time in which it was.
struct Done<T> {
    began: usize,
    ended: usize,
    what: T,
}

impl<T> Done<T> {
    fn is_after(&self, other: &Done<impl Sized>) -> bool {
        self.began > other.ended
    }
}

/// A token that was allowed.
struct Allow {
    route: Route,
    job: usize,
    spent: bool,
    enrolled: usize,
}

/// Who was let in by a name.
type Holder<'a> = (&'a Done<Allow>, u64);

/// A clock of no unit that all threads share.
#[derive(Default)]
struct Turns(AtomicUsize);

impl Turns {
    fn span<T>(&self, act: impl FnOnce() -> T) -> Done<T> {
        let began = self.0.fetch_add(1, Ordering::SeqCst);
        let what = act();
        let ended = self.0.fetch_add(1, Ordering::SeqCst);
        Done { began, ended, what }
    }
}

/// What a crowd did.
struct Crowd {
    jobs: Vec<Job>,
    allows: Vec<Done<Allow>>,
    changes: Vec<Done<Change>>,
}

/// Jobs of a forge in which names change hands meanwhile.
fn jobs(forges: &mut [Forge; 2], random: &mut Random) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut serials = [0; 2];
    while jobs.len() < 40 {
        let one = random.below(2);
        forges[one].happen(random);
        let alive = forges[one].alive();
        if alive.is_empty() {
            continue;
        }
        serials[one] += 1;
        let repository = *random.pick(&alive);
        jobs.push(Job::run(
            &forges[one],
            repository,
            serials[one],
            NOW,
            random,
        ));
    }
    jobs
}

fn gather(world: &World, seed: u64) -> Crowd {
    let random = &mut Random::new(seed);
    let mut forges = Flavour::ALL.map(Forge::new);
    let jobs = jobs(&mut forges, random);
    let hosts = [world.asking(), world.asking(), world.asking()].map(Host::new);
    let turns = Turns::default();
    let seeds: Vec<u64> = (0..THREADS).map(|_| random.next()).collect();
    let (allows, changes) = std::thread::scope(|scope| {
        let (jobs, hosts, turns, forges) = (&jobs, &hosts, &turns, &forges);
        let presenting: Vec<_> = seeds
            .into_iter()
            .map(|seed| scope.spawn(move || present(hosts, jobs, turns, seed)))
            .collect();
        let changes = operate(&hosts[0], forges, jobs, turns, random);
        let allows = presenting
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        (allows.collect(), changes)
    });
    Crowd {
        jobs,
        allows,
        changes,
    }
}

fn present(hosts: &[Host; 3], jobs: &[Job], turns: &Turns, seed: u64) -> Vec<Done<Allow>> {
    let random = &mut Random::new(seed);
    let mut allows = Vec::new();
    for _ in 0..PRESENTATIONS {
        let (host, route) = (random.pick(hosts), *random.pick(&Route::ALL));
        let job = random.below(jobs.len());
        let done = turns.span(|| host.decide(route, &jobs[job], NOW));
        match done.what {
            Outcome::Allow(allowed) => allows.push(Done {
                began: done.began,
                ended: done.ended,
                what: Allow {
                    route,
                    job,
                    spent: allowed.spent,
                    enrolled: match &allowed.bound {
                        Some(Bound::Enrolled(names)) => names.len(),
                        Some(Bound::Known) | None => 0,
                    },
                },
            }),
            Outcome::Deny(_) => {}
            Outcome::Error(error) => panic!("{error:?}"),
        }
    }
    allows
}

fn operate(
    host: &Host,
    forges: &[Forge; 2],
    jobs: &[Job],
    turns: &Turns,
    random: &mut Random,
) -> Vec<Done<Change>> {
    let mut changes = Vec::new();
    for _ in 0..CHANGES {
        let reference = Reference::default();
        let Some(change) = operator::change(forges, &reference, jobs, NOW, random) else {
            continue;
        };
        let done = turns.span(|| apply(host, &change, NOW, Run::Real));
        if done.what.is_ok() {
            changes.push(Done {
                began: done.began,
                ended: done.ended,
                what: change,
            });
        }
    }
    changes
}

impl Crowd {
    fn check(&self, seed: u64) {
        self.check_spent(seed);
        self.check_names(seed);
        self.check_barred(seed);
        self.check_revoked(seed);
    }

    fn names(&self, allow: &Allow) -> [Identity; 2] {
        identities(&self.jobs[allow.job])
    }

    /// A token that may be used once was, however many tried.
    fn check_spent(&self, seed: u64) {
        let mut spent: BTreeMap<usize, usize> = BTreeMap::new();
        for allow in self.allows.iter().filter(|allow| allow.what.spent) {
            *spent.entry(allow.what.job).or_default() += 1;
        }
        for (job, times) in spent {
            assert_eq!(times, 1, "seed {seed}: {:?}", self.jobs[job]);
        }
    }

    /// One statement lets two identities in by one name only where an operator
    /// has changed something in between.
    fn check_names(&self, seed: u64) {
        let mut by_name: BTreeMap<(Route, Name), Vec<Holder<'_>>> = BTreeMap::new();
        for allow in &self.allows {
            for who in self.names(&allow.what) {
                let key = (allow.what.route, who.name);
                by_name.entry(key).or_default().push((allow, who.id));
            }
        }
        for ((route, name), allows) in by_name {
            for (one, id) in &allows {
                for (other, other_id) in &allows {
                    let same_statement = self.statement(&one.what) == self.statement(&other.what);
                    let first = one.began.min(other.began);
                    let last = one.ended.max(other.ended);
                    let undisturbed = self
                        .changes
                        .iter()
                        .all(|change| change.ended < first || change.began > last);
                    assert!(
                        id == other_id || !same_statement || !undisturbed,
                        "seed {seed}: {route:?} took {id} and {other_id} as {name:?}"
                    );
                }
            }
        }
    }

    fn statement(&self, allow: &Allow) -> std::mem::Discriminant<super::job::Context> {
        std::mem::discriminant(&self.jobs[allow.job].context)
    }

    /// What is barred is let in no more once the operator has the answer.
    fn check_barred(&self, seed: u64) {
        for (index, bar) in self.changes.iter().enumerate() {
            let later = &self.changes[index + 1..];
            let (name, lifted) = match &bar.what {
                Change::Retire { name, .. } => (name, usize::MAX),
                Change::Suspend { name, .. } => {
                    let lifts = later.iter().find(|change| {
                        matches!(&change.what,
                            Change::Resume { name: one } | Change::Migrate { from: one, .. }
                                if one == name)
                            || matches!(&change.what, Change::Migrate { children: true, .. })
                    });
                    (name, lifts.map_or(usize::MAX, |change| change.began))
                }
                Change::Approve { .. }
                | Change::Resume { .. }
                | Change::Migrate { .. }
                | Change::Forget { .. }
                | Change::Revoke { .. }
                | Change::Lift { .. } => continue,
            };
            for allow in &self.allows {
                let late = allow.is_after(bar) && allow.ended < lifted;
                let barred = self.names(&allow.what).iter().any(|who| who.name == *name);
                assert!(
                    !late || !barred,
                    "seed {seed}: {:?} was let in after {:?}",
                    self.jobs[allow.what.job],
                    bar.what
                );
            }
        }
    }
}

impl Crowd {
    /// What is revoked is let in no more once the operator has the answer.
    fn check_revoked(&self, seed: u64) {
        for (index, revoke) in self.changes.iter().enumerate() {
            let Change::Revoke { target, .. } = &revoke.what else {
                continue;
            };
            let lift = self.changes[index..].iter().find(
                |change| matches!(&change.what, Change::Lift { target: one } if one == target),
            );
            let lifted = lift.map_or(usize::MAX, |lift| lift.began);
            let mut reference = Reference::default();
            reference.revoked.insert(target.clone(), None);
            for allow in &self.allows {
                let late = allow.is_after(revoke) && allow.ended < lifted;
                let job = &self.jobs[allow.what.job];
                assert!(
                    !late || reference.revoked_codes(job, NOW).is_empty(),
                    "seed {seed}: {job:?} was let in after {target:?} was revoked"
                );
            }
        }
    }
}

on_each_store! {
fn whatever_a_crowd_does_no_promise_is_broken(world: &World) {
    let mut allowed = 0;
    for seed in seeds(20) {
        let world = world.another();
        let crowd = gather(&world, seed);
        crowd.check(seed);
        let export = Export::of(&world.ledger);
        export.check_history().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        export.check_bindings().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let enrolled: usize = crowd.allows.iter().map(|allow| allow.what.enrolled).sum();
        let told = export.actions().get("enrol").copied().unwrap_or_default();
        assert_eq!(told, enrolled, "seed {seed}: each enrolment has one line of history");
        let spent = crowd.allows.iter().filter(|allow| allow.what.spent).count();
        assert_eq!(export.spent.len(), 2 * spent, "seed {seed}: a digest and a jti each");
        allowed += crowd.allows.len();
    }
    // How many there are differs with how the threads meet.
    assert!(allowed > 250, "{allowed}");
}

fn a_thousand_who_come_at_once_with_one_token_are_let_in_once(world: &World) {
    let forge = Forge::new(Flavour::GitHub);
    let job = Job::run(&forge, 0, 1, NOW, &mut Random::new(1));
    let hosts = [world.asking(), world.asking(), world.asking(), world.asking()].map(Host::new);
    let allows = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (hosts, allows, job) = (&hosts, &allows, &job);
            scope.spawn(move || {
                for _ in 0..125 {
                    match hosts[thread % 4].decide(Route::Open, job, NOW) {
                        Outcome::Allow(_) => {
                            allows.fetch_add(1, Ordering::Relaxed);
                        }
                        Outcome::Deny(denied) => {
                            assert_eq!(denied.reasons[0].code.as_str(), "token.reused");
                        }
                        Outcome::Error(error) => panic!("{error:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(allows.into_inner(), 1);
}

fn of_many_who_first_use_a_name_at_once_one_identity_wins(world: &World) {
    for round in 0..8 {
        let world = world.another();
        let mut forge = Forge::new(Flavour::GitHub);
        // Five holders of one name, each with the jobs of its time.
        let jobs: Vec<_> = (0..5)
            .map(|holder| {
                forge.hand_over(0);
                Job::run(&forge, forge.repositories.len() - 1, holder, NOW, &mut Random::new(round))
            })
            .collect();
        let hosts = [world.asking(), world.asking()].map(Host::new);
        let winners: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = jobs
                .iter()
                .enumerate()
                .map(|(index, job)| {
                    let host = &hosts[index % 2];
                    scope.spawn(move || host.decide(Route::Lax, job, NOW).is_allow())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won = winners.iter().filter(|won| **won).count();
        assert_eq!(won, 1, "{winners:?}");
        for (job, won) in jobs.iter().zip(&winners) {
            assert_eq!(hosts[0].decide(Route::Lax, job, NOW).is_allow(), *won);
        }
    }
}
}
