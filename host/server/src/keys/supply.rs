//! One issuer's keys, kept fresh: the state that all share, and the one task
//! that fetches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand;
use claimbound::clock::Clock;
use claimbound::issuer::Issuer;
use claimbound::key::KeySet;
use serde::Deserialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Sleep, sleep, timeout};

use super::copy::{Copies, Copy, authorities};
use super::origin::{Answer, Fault, Origin, Validators};
use super::source::{Fetched, SHORTEST_EVERY, parse};
use crate::config::Form;

/// Time from the end of a fetch that an unknown `kid` provoked to the next that
/// one may provoke.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(10);
/// Time to the first attempt after one that failed; each further failure
/// doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// Longest of these, where keys are not fetched more often anyway.
const LAST_RETRY: Duration = Duration::from_mins(5);

/// What is told of an issuer's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) fetched_at: Option<u64>,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    pub(super) last_error: Option<String>,
}

/// What the task and those who ask share.
pub(super) struct Shared {
    pub(super) issuer: Arc<Issuer>,
    state: Mutex<State>,
    asked: Notify,
    /// How many flights have landed.
    landed: watch::Sender<u64>,
    patience: Duration,
}

#[derive(Default)]
struct State {
    phase: Phase,
    tally: Tally,
}

/// What an unknown `kid` provokes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// A flight.
    #[default]
    Ready,
    /// Nothing new: one is asked for, or under way.
    Flying,
    /// Nothing: one has just landed.
    Cooling,
}

impl Shared {
    pub(super) fn new(issuer: Arc<Issuer>, patience: Duration) -> Self {
        Self {
            issuer,
            state: Mutex::default(),
            asked: Notify::new(),
            landed: watch::Sender::new(0),
            patience,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tally(&self) -> Tally {
        self.state().tally.clone()
    }

    /// Changes what is told.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.state().tally);
    }

    /// Has a set fetched that may hold an unknown key, and waits for it: at
    /// most as long as a fetch may take. In the cool-down nothing happens.
    pub(super) async fn unknown_key(&self) {
        // Before the phase is looked at, so that no landing is missed.
        let mut landed = self.landed.subscribe();
        {
            let mut state = self.state();
            state.tally.unknown = state.tally.unknown.saturating_add(1);
            match state.phase {
                Phase::Cooling => return,
                Phase::Flying => {}
                Phase::Ready => {
                    state.phase = Phase::Flying;
                    self.asked.notify_one();
                }
            }
        }
        let _ = timeout(self.patience, landed.changed()).await;
    }

    /// A flight begins, asked for or not.
    fn depart(&self) {
        self.state().phase = Phase::Flying;
    }

    /// A flight ends, and with it the wait of all who asked.
    fn land(&self, next: Phase) {
        self.state().phase = next;
        self.landed.send_modify(|count| *count += 1);
    }
}

/// The set that is held, and what tells it from another.
struct Held {
    text: Vec<u8>,
    validators: Validators,
}

/// The task of one issuer: every fetch of its keys is made here, one after the
/// other.
pub(super) struct Supply<O> {
    shared: Arc<Shared>,
    source: Fetched,
    origin: O,
    copies: Option<Arc<Copies>>,
    clock: Arc<dyn Clock>,
    held: Option<Held>,
    /// Failures since the last success.
    failures: u32,
}

/// Why a flight begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Due,
    Asked,
    Cooled,
}

impl<O: Origin> Supply<O> {
    pub(super) fn new(
        shared: Arc<Shared>,
        source: Fetched,
        origin: O,
        copies: Option<Arc<Copies>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            shared,
            source,
            origin,
            copies,
            clock,
            held: None,
            failures: 0,
        }
    }

    /// Takes up the copy on disk, and says when the first fetch is due. A copy
    /// that is not to be trusted is as good as none.
    pub(super) fn warm(&mut self) -> Duration {
        match self.read_copy() {
            Ok(Some(age)) => self.source.pace.every.saturating_sub(age),
            Ok(None) => Duration::ZERO,
            Err(why) => {
                tracing::warn!(
                    issuer = self.source.issuer,
                    why,
                    "the copy of the key set on disk is not used"
                );
                Duration::ZERO
            }
        }
    }

    fn read_copy(&mut self) -> Result<Option<Duration>, String> {
        let Some(copies) = &self.copies else {
            return Ok(None);
        };
        // A configuration that is read again has what is younger.
        if self.shared.issuer.keys().is_trusted_at(self.clock.now()) {
            return Ok(None);
        }
        let copy = copies.load(&self.source)?;
        let Some(copy) = copy else { return Ok(None) };
        let age = self.clock.now().checked_sub(copy.fetched);
        let age = Duration::from_secs(age.ok_or("it was fetched in the future")?);
        if age >= self.source.pace.maximum_age {
            return Err("it is older than the maximum age".to_owned());
        }
        let text = copy.set.into_bytes();
        let set = parse(self.source.form, text.clone()).map_err(|error| error.to_string())?;
        self.take_up(set, copy.fetched);
        self.held = Some(Held {
            text,
            validators: copy.validators,
        });
        Ok(Some(age))
    }

    /// Fetches for ever: the first time after `first`.
    pub(super) async fn run(mut self, first: Duration) {
        let shared = Arc::clone(&self.shared);
        let mut due = Box::pin(sleep(first));
        let mut cooled: Option<std::pin::Pin<Box<Sleep>>> = None;
        loop {
            let cooling = async {
                match &mut cooled {
                    Some(sleep) => sleep.await,
                    None => std::future::pending().await,
                }
            };
            let why = tokio::select! {
                biased;
                () = &mut due => Why::Due,
                () = cooling => Why::Cooled,
                () = shared.asked.notified() => Why::Asked,
            };
            if why == Why::Cooled {
                cooled = None;
                shared.state().phase = Phase::Ready;
                continue;
            }
            // One that was asked for before a scheduled flight has had it.
            if why == Why::Asked && shared.state().phase != Phase::Flying {
                continue;
            }
            shared.depart();
            let flown = self.fly().await;
            if why == Why::Asked {
                cooled = Some(Box::pin(sleep(COOL_DOWN)));
            }
            // A scheduled flight leaves a cool-down as it was.
            shared.land(match cooled {
                Some(_) => Phase::Cooling,
                None => Phase::Ready,
            });
            match (flown, why) {
                // What anybody can provoke does not put off what is due.
                (Err(_), Why::Asked | Why::Cooled) => {}
                (Ok(next), _) | (Err(next), Why::Due) => due = Box::pin(sleep(next)),
            }
        }
    }

    /// One flight; says when the next is due, whether or not it failed.
    async fn fly(&mut self) -> Result<Duration, Duration> {
        // Of the time before the request, so that no set is younger than it says.
        let asked = self.clock.now();
        let patience = self.source.pace.timeout;
        let held = self.held.as_ref().map(|held| &held.validators);
        let answer = timeout(patience, self.origin.fetch(held)).await;
        let answer = answer.unwrap_or(Err(Fault::TimedOut(patience)));
        let fresh = match answer {
            Ok(answer) => self.land(answer, asked).await,
            Err(fault) => Err(fault),
        };
        match fresh {
            Ok(fresh) => {
                if self.failures > 0 {
                    tracing::info!(
                        issuer = self.source.issuer,
                        failures = self.failures,
                        "the issuer's keys can be fetched again"
                    );
                }
                self.failures = 0;
                self.shared.tell(|tally| {
                    tally.succeeded = tally.succeeded.saturating_add(1);
                    tally.last_error = None;
                });
                Ok(sooner(self.interval(fresh)))
            }
            Err(fault) => Err(self.failed(&fault)),
        }
    }

    fn failed(&mut self, fault: &Fault) -> Duration {
        let fault = fault.to_string();
        tracing::warn!(
            issuer = self.source.issuer,
            fault,
            "the issuer's keys could not be fetched"
        );
        self.shared.tell(|tally| {
            tally.failed = tally.failed.saturating_add(1);
            tally.last_error = Some(fault);
        });
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        sooner(wait.min(LAST_RETRY).min(self.source.pace.every))
    }

    /// Takes up what came, and says for how long it is fresh.
    async fn land(&mut self, answer: Answer, asked: u64) -> Result<Option<Duration>, Fault> {
        let max_age = match answer {
            // Of what, is not to be guessed.
            Answer::Unchanged { .. } if self.held.is_none() => return Err(Fault::Unheld),
            Answer::Unchanged { max_age } => {
                self.renew(asked);
                max_age
            }
            Answer::Set {
                text,
                validators,
                max_age,
            } => {
                let set = parse(self.source.form, text.clone())?;
                for skipped in set.skipped() {
                    tracing::debug!(
                        issuer = self.source.issuer,
                        key = skipped.id,
                        why = %skipped.why,
                        "a key of the issuer verifies nothing here"
                    );
                }
                let is_same = self.held.as_ref().is_some_and(|held| held.text == text);
                if is_same {
                    self.renew(asked);
                } else {
                    let keys = set.keys().len();
                    let generation = self.take_up(set, asked);
                    let issuer = &*self.source.issuer;
                    if keys > 0 {
                        tracing::info!(issuer, generation, keys, "the issuer's keys are new");
                    } else {
                        tracing::warn!(
                            issuer,
                            generation,
                            "the issuer's set has no key that verifies anything: \
                             all of its tokens are refused"
                        );
                    }
                }
                self.held = Some(Held { text, validators });
                max_age
            }
        };
        self.save(asked).await;
        Ok(max_age.into_iter().chain(self.hint()).min())
    }

    fn take_up(&self, set: KeySet, fetched: u64) -> u64 {
        let until = self.fetched(fetched);
        self.shared.issuer.replace_keys(set.trusted_until(until))
    }

    /// Trusts the set that is held as if it had been fetched then.
    fn renew(&self, fetched: u64) {
        let until = self.fetched(fetched);
        self.shared.issuer.trust_keys_until(until);
    }

    /// Notes when a set was fetched; gives until when it is trusted.
    fn fetched(&self, at: u64) -> u64 {
        self.shared.tell(|tally| tally.fetched_at = Some(at));
        at.saturating_add(self.source.pace.maximum_age.as_secs())
    }

    /// How soon a SPIFFE bundle wants to be asked for again (SPIFFE Trust
    /// Domain and Bundle §4.1.2).
    fn hint(&self) -> Option<Duration> {
        #[derive(Deserialize)]
        struct Bundle {
            spiffe_refresh_hint: Option<u64>,
        }
        if self.source.form != Form::Spiffe {
            return None;
        }
        let bundle: Bundle = serde_json::from_slice(&self.held.as_ref()?.text).ok()?;
        bundle.spiffe_refresh_hint.map(Duration::from_secs)
    }

    /// Time to the next fetch: what the configuration says, or sooner where the
    /// issuer does, but not as soon as it likes.
    fn interval(&self, fresh: Option<Duration>) -> Duration {
        let every = self.source.pace.every;
        fresh.map_or(every, |fresh| fresh.max(SHORTEST_EVERY).min(every))
    }

    /// Keeps a copy. Where it can't, a restart needs the issuer, and no more.
    async fn save(&self, fetched: u64) {
        let (Some(copies), Some(held)) = (&self.copies, &self.held) else {
            return;
        };
        let Ok(set) = String::from_utf8(held.text.clone()) else {
            return;
        };
        let copy = Copy {
            claimbound: 1,
            issuer: self.source.issuer.clone(),
            from: self.source.place.begins_at().to_owned(),
            form: self.source.form.into(),
            authorities: authorities(&self.source),
            fetched,
            validators: held.validators.clone(),
            set,
        };
        let copies = Arc::clone(copies);
        let saved = tokio::task::spawn_blocking(move || copies.save(&copy)).await;
        let error = match saved {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            issuer = self.source.issuer,
            error,
            "the copy of the key set can't be written"
        );
    }
}

/// The same time less up to a tenth, so that a fleet does not ask as one.
fn sooner(wait: Duration) -> Duration {
    let mut byte = [0];
    // Without chance it is the whole tenth.
    let chance = match rand::fill(&mut byte) {
        Ok(()) => u32::from(byte[0]),
        Err(_) => 255,
    };
    wait.saturating_sub(wait / 10 * chance / 255)
}
