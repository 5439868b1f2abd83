//! A candidate that decides beside the policy in use, with no effect.
//!
//! Both decide the same tokens as of the same moment, in a sandbox and on a
//! thread of their own. What they say binds nobody: nothing is enrolled, spent or
//! proved. Where more tokens come than that thread can decide, the rest is passed
//! over and counted.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use claimbound::clock::FixedClock;
use claimbound::gate::Gate;
use claimbound::outcome::Outcome;
use claimbound::policy::Request;
use claimbound::record::Divergence;
use serde::Serialize;

use crate::host::PresentedToken;
use crate::workshop::idle_this_thread;

/// How many tokens may wait to be decided.
const QUEUE: usize = 256;
/// How many disagreements are kept, the latest.
const KEPT: usize = 64;

/// Is told of every disagreement, on the thread that decides.
pub(crate) type Tell = Box<dyn Fn(&Divergence) + Send>;

/// A candidate and the policy in use, asked about the same tokens.
pub(crate) struct Shadow {
    asked: SyncSender<Asked>,
    told: Arc<Told>,
}

/// The policy in use, and the one that may follow it, each loaded into a sandbox
/// that decides for nobody.
pub(crate) struct Pair {
    pub(crate) route: Arc<str>,
    pub(crate) active: Gate,
    pub(crate) candidate: Gate,
}

/// A token that was decided.
struct Asked {
    token: PresentedToken,
    request: Request,
    at: u64,
}

/// What came of it.
#[derive(Default)]
struct Told {
    agreed: AtomicU64,
    disagreed: AtomicU64,
    passed_over: AtomicU64,
    latest: Mutex<VecDeque<Divergence>>,
}

/// How many tokens were decided by both, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) agreed: u64,
    pub(crate) disagreed: u64,
    pub(crate) passed_over: u64,
}

impl Counts {
    /// Whether they say something: some tokens were decided by both, at least as
    /// many as were passed over, and all alike.
    pub(crate) fn are_convincing(self) -> bool {
        self.agreed > 0 && self.disagreed == 0 && self.passed_over <= self.agreed
    }
}

impl Shadow {
    /// Begins, on a thread of its own that ends when this is dropped.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn begin(pair: Pair, tell: Tell) -> std::io::Result<Self> {
        let (asked, waiting) = sync_channel(QUEUE);
        let told = Arc::new(Told::default());
        let counting = Arc::clone(&told);
        let thread = thread::Builder::new().name("claimbound-shadow".to_owned());
        thread.spawn(move || {
            idle_this_thread();
            work(&pair, &waiting, &counting, &tell);
        })?;
        Ok(Self { asked, told })
    }

    /// Has a token decided that was decided as of `at`, unless too many wait.
    pub(crate) fn offer(&self, token: &PresentedToken, request: &Request, at: u64) {
        let asked = Asked {
            token: token.again(),
            request: request.clone(),
            at,
        };
        if self.asked.try_send(asked).is_err() {
            self.told.passed_over.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            agreed: count(&self.told.agreed),
            disagreed: count(&self.told.disagreed),
            passed_over: count(&self.told.passed_over),
        }
    }

    /// The latest disagreements, the oldest first.
    pub(crate) fn disagreements(&self) -> Vec<Divergence> {
        self.told.latest().iter().cloned().collect()
    }
}

impl Told {
    fn latest(&self) -> std::sync::MutexGuard<'_, VecDeque<Divergence>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, found: Divergence) {
        let mut latest = self.latest();
        if latest.len() >= KEPT {
            latest.pop_front();
        }
        latest.push_back(found);
    }
}

fn work(pair: &Pair, waiting: &Receiver<Asked>, told: &Told, tell: &Tell) {
    for asked in waiting {
        let compared = catch_unwind(AssertUnwindSafe(|| pair.compare(&asked)));
        match compared {
            Ok(Compared::Agree) => told.agreed.fetch_add(1, Ordering::Relaxed),
            Ok(Compared::Disagree(found)) => {
                tell(&found);
                told.keep(*found);
                told.disagreed.fetch_add(1, Ordering::Relaxed)
            }
            Ok(Compared::NotAsked) => told.passed_over.fetch_add(1, Ordering::Relaxed),
            // Nobody knows what would have been said.
            Err(_) => told.disagreed.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// What came of a token.
enum Compared {
    Agree,
    Disagree(Box<Divergence>),
    /// It came to neither policy.
    NotAsked,
}

impl Pair {
    fn compare(&self, asked: &Asked) -> Compared {
        let Some((issuer, subject, active)) = decided(&self.active, asked) else {
            return Compared::NotAsked;
        };
        let Some((_, _, candidate)) = decided(&self.candidate, asked) else {
            return Compared::NotAsked;
        };
        let active = (self.active.policy().id(), &active);
        let candidate = (self.candidate.policy().id(), &candidate);
        let Some((active, candidate)) = Divergence::between(active, candidate) else {
            return Compared::Agree;
        };
        Compared::Disagree(Box::new(Divergence {
            time: asked.at,
            route: self.route.to_string(),
            issuer,
            subject,
            active,
            candidate,
            count: 1,
        }))
    }
}

/// What a gate says before any obligation is met, with the token's issuer and
/// subject; none where the token is not a verified one.
fn decided(gate: &Gate, asked: &Asked) -> Option<(String, String, Outcome)> {
    let verified = gate.verify(asked.token.token(), asked.at).ok()?;
    let issuer = verified.issuer().url().to_owned();
    let subject = claimbound::reason::clip(verified.subject());
    let outcome = gate.preview(verified, &asked.request, &FixedClock(asked.at));
    Some((issuer, subject, outcome))
}
