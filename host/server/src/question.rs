//! One question: where it is decided, and who is told.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use claimbound::gate::Decided;
use claimbound::outcome::HostError;
use claimbound::policy::Request;
use claimbound::reason::HostCode;
use claimbound::waiting;
use tokio::sync::oneshot;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::evaluators::Busy;
use crate::host::{Host, PresentedToken, Route};
use crate::log;
use crate::monotonic::{now, processor_time};
use crate::pools::Pool;

/// What there is to decide, from the moment when it was asked.
pub(crate) struct Question {
    host: Host,
    route: Arc<Route>,
    token: PresentedToken,
    request: Request,
    /// Whether a fetch of the issuer's keys has been waited for.
    has_fetched: bool,
    /// When it was asked, by the monotonic clock.
    started: Duration,
    // INVARIANT: the last field, which is dropped when nothing else is held.
    _begun: TaskTrackerToken,
}

/// Whoever waits for a decision.
type Then = Box<dyn FnOnce(Decided) + Send>;

impl Question {
    pub(crate) fn new(
        host: &Host,
        route: &Arc<Route>,
        token: PresentedToken,
        request: Request,
    ) -> Self {
        Self {
            host: host.clone(),
            route: Arc::clone(route),
            token,
            request,
            has_fetched: false,
            started: host.clock().monotonic(),
            _begun: host.begin(),
        }
    }

    /// Decides on this thread; none where something would have to be waited for,
    /// the route is [`Aside`], or a script decides: it is to be decided elsewhere.
    pub(crate) fn decide_here(&self) -> Option<Decided> {
        match self.route.pool() {
            Pool::Small => {}
            Pool::Scripts => return None,
        }
        let (route, clock) = (&*self.route, &**self.host.clock());
        let gate = route.gates().get(shard_of_this_thread(route.gates().len()));
        let gate = gate?;
        let trial = route.aside().lets_try(now())?;
        let before = processor_time();
        let decide = || gate.decide_unless_key_unknown(self.token.token(), &self.request, clock);
        // What panics here panics again where that is counted.
        let tried = catch_unwind(AssertUnwindSafe(|| waiting::without(decide)));
        let decided = tried.ok().flatten().and_then(Result::ok);
        let took = processor_time().saturating_sub(before);
        if decided.is_none() || took > LONG {
            route.aside().stay(now(), took);
        } else {
            route.aside().end(trial);
        }
        Some(self.told(decided?))
    }

    /// Decides on another thread.
    pub(crate) async fn decide_elsewhere(self) -> Decided {
        let (sender, receiver) = oneshot::channel();
        self.decide_then(move |decided| {
            // Whoever asked may have gone away.
            let _ = sender.send(decided);
        });
        receiver.await.unwrap_or_else(|_| lost().into())
    }

    /// Decides on another thread: `then` is called once with the outcome, there,
    /// or on this one where too much waits already. Where a decision ends in a
    /// panic it is dropped without being called.
    pub(crate) fn decide_then(self, then: impl FnOnce(Decided) + Send + 'static) {
        self.put(Box::new(then));
    }

    /// Has an evaluator decide.
    fn put(self, then: Then) {
        let host = self.host.clone();
        let threads = host.threads().of(self.route.pool());
        threads.submit(move |place| match place {
            Ok(shard) => self.work(shard, then),
            Err(Busy) => then(self.told(busy("thread").into())),
        });
    }

    /// Decides, on the thread of an evaluator.
    fn work(self, shard: usize, then: Then) {
        let Some(gate) = self.route.gates().get(shard) else {
            return then(self.told(without_gate().into()));
        };
        let (token, clock) = (self.token.token(), &**self.host.clock());
        let decided = if self.has_fetched {
            gate.decide_whose(token, &self.request, clock)
        } else {
            match gate.decide_unless_key_unknown(token, &self.request, clock) {
                Ok(decided) => decided,
                Err(unknown) => return self.fetch(unknown.issuer.url().to_owned(), then),
            }
        };
        then(self.told(decided));
    }

    /// Waits for a fetch of an issuer's keys, on no thread of an evaluator, and
    /// decides again.
    fn fetch(mut self, issuer: String, then: Then) {
        let Some(place) = self.host.place_to_wait() else {
            return then(self.told(busy("fetch of its issuer's keys").into()));
        };
        self.has_fetched = true;
        let runtime = self.host.runtime().clone();
        runtime.spawn(async move {
            self.host.keyring().unknown_key(&issuer).await;
            drop(place);
            self.put(then);
        });
    }

    /// Tells the metrics and the log of the decision.
    fn told(&self, decided: Decided) -> Decided {
        let (host, name) = (&self.host, self.route.shared_name());
        let now = host.clock().monotonic();
        let took = now.saturating_sub(self.started);
        host.metrics().decided(name, &decided.outcome, took, now);
        log::decided(name, &decided, took, host.sparing(), host.clock().now());
        // A token that nobody vouches for comes to no policy.
        if decided.subject.is_some()
            && let Some(rollout) = self.route.rollout()
        {
            rollout.offer(&self.token, &self.request, host.clock().now());
        }
        decided
    }
}

/// Until when a route's questions are not decided on the threads of those who
/// ask.
///
/// What was tried there in vain, or took long, keeps the next ones away a hundred
/// times as long as it took; then one is tried, and if that is well, all are. So
/// each route takes at most a hundredth of those threads' time for what has to
/// wait, or takes long.
#[derive(Default)]
pub(crate) struct Aside {
    /// In nanoseconds of [`now`]; zero where nothing was amiss of late.
    until: AtomicU64,
}

/// What takes longer is left to the host's own threads. The slowest of usual
/// decisions take a tenth of it.
const LONG: Duration = Duration::from_millis(1);

/// How many times longer than such a decision took no other one is tried.
const AWAY: u64 = 100;

/// How long the one that is tried first keeps the others away.
const TRIAL: Duration = Duration::from_millis(100);

impl Aside {
    /// Whether a question may be tried; whoever asks does try it then. It is a
    /// trial for all where this was aside before.
    fn lets_try(&self, now: Duration) -> Option<Trial> {
        let until = self.until.load(Ordering::Relaxed);
        if until == 0 {
            return Some(Trial(0));
        }
        let mine = nanoseconds(now.saturating_add(TRIAL));
        (until <= nanoseconds(now) && self.replace(until, mine)).then_some(Trial(mine))
    }

    fn replace(&self, until: u64, by: u64) -> bool {
        let order = Ordering::Relaxed;
        self.until.compare_exchange(until, by, order, order).is_ok()
    }

    /// Stays aside for what took that long.
    fn stay(&self, now: Duration, took: Duration) {
        let away = nanoseconds(took).saturating_mul(AWAY);
        let until = nanoseconds(now).saturating_add(away);
        self.until.fetch_max(until, Ordering::Relaxed);
    }

    /// All is well with what was tried. What was no trial says nothing of others
    /// that were tried meanwhile.
    fn end(&self, Trial(mine): Trial) {
        if mine != 0 {
            self.replace(mine, 0);
        }
    }
}

/// Until when a trial keeps the others away; zero for what is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Trial(u64);

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Which of so many sandboxes a thread takes that is no evaluator's: it keeps to
/// one, and the next such thread to the next.
fn shard_of_this_thread(shards: usize) -> usize {
    thread_local! {
        static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
    }
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.get().unwrap_or_else(|| {
        let number = THREADS.fetch_add(1, Ordering::Relaxed);
        NUMBER.set(Some(number));
        number
    });
    number % shards.max(1)
}

fn busy(lacks: &str) -> HostError {
    HostError::new(
        HostCode::Busy,
        format!("too many decisions wait for a {lacks}"),
    )
}

fn without_gate() -> HostError {
    let message = "the route has no gate in this sandbox";
    HostError::new(HostCode::Configuration, message)
}

/// The thread that decided ended without an answer.
fn lost() -> HostError {
    HostError::new(HostCode::Trap, "the decision ended without an answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_keeps_others_away_a_hundred_times_as_long() {
        let (aside, millis) = (Aside::default(), Duration::from_millis);
        let tries = |at: u64| aside.lets_try(millis(at));
        let usual = tries(0).unwrap();
        aside.stay(millis(10), millis(5));
        aside.stay(millis(11), millis(1));
        aside.end(usual);
        assert!(
            tries(10).or(tries(509)).is_none(),
            "it was tried before that"
        );
        assert!(tries(510).is_some());
        assert!(tries(510).is_none(), "nor any other meanwhile");
        aside.stay(millis(511), millis(2));
        assert!(tries(700).is_none(), "it was in vain");
        let trial = tries(711).unwrap();
        aside.end(trial);
        assert_eq!((tries(711), tries(711)), (Some(usual), Some(usual)));
        aside.stay(millis(720), Duration::MAX);
        assert!(tries(1 << 40).is_none(), "it does not overflow");
    }

    #[test]
    fn threads_take_sandboxes_in_turn_and_keep_to_theirs() {
        let shards = || (shard_of_this_thread(2), shard_of_this_thread(2));
        let taken = [(); 4].map(|()| std::thread::spawn(shards).join().unwrap());
        assert!(taken.iter().all(|(first, again)| first == again));
        assert_eq!(shard_of_this_thread(0), 0);
    }
}
