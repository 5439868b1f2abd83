//! What a rollout has come to, for whoever asks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::listing::Edition;
use super::selected::Selected;
use super::step::{Refusal, Refused, Step};
use crate::frame::Frame;
use crate::monotonic;
use claimbound::ledger::Served;
use claimbound::modules::Version;

/// How much longer each time what is refused again is left alone.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The longest that it is.
const AGAIN_AT_MOST: Duration = Duration::from_hours(1);
/// Most versions whose refusal is kept, the newest.
pub(super) const MOST_REFUSED: usize = 32;

/// What a rollout has come to.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) candidate: Option<Candidate>,
    /// What was refused, until it is looked at again.
    refused: BTreeMap<Version, Held>,
    /// The edition of the index that was seen last.
    pub(crate) edition: Option<Edition>,
    /// The newest edition that a key vouched for when it had expired.
    expired: Option<Edition>,
    /// Why the versions that there are could not be told, where that is so.
    pub(crate) unknown: Option<Refusal>,
    /// Why the version in use should be replaced.
    pub(crate) concern: Option<String>,
    /// The version that was in use before, where that was here.
    pub(crate) left: Option<Arc<Selected>>,
    /// When the store was last looked at, in seconds since 1970.
    pub(crate) looked: Option<u64>,
    /// When the last look ended, as all moments here by [`monotonic`].
    rested: Option<Duration>,
}

/// A version that decides beside the one in use.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) selected: Arc<Selected>,
    /// The route that it decides for.
    pub(crate) frame: Arc<Frame>,
    pub(crate) since: Duration,
    /// In seconds since 1970.
    pub(crate) began: u64,
}

impl Candidate {
    /// Whether it may follow what the route serves.
    pub(crate) fn may_follow(&self, served: Option<&Served>) -> bool {
        let Selected { id, digest, .. } = &*self.selected;
        served.is_none_or(|served| served.may_serve(id, *digest).is_ok())
    }
}

struct Held {
    refused: Refused,
    until: Duration,
}

impl State {
    /// Whether the last look ended so long ago.
    pub(crate) fn is_due(&self, poll: Duration) -> bool {
        self.rested
            .is_none_or(|rested| monotonic::since(rested) >= poll)
    }

    /// A look has ended.
    pub(crate) fn rest(&mut self) {
        self.rested = Some(monotonic::now());
    }

    /// Whether a version was refused and is not looked at again yet.
    pub(crate) fn holds(&self, version: &Version, now: Duration) -> bool {
        let held = self.refused.get(version);
        held.is_some_and(|held| now < held.until)
    }

    /// What was refused may be tried again at once.
    pub(crate) fn forgive(&mut self, version: &Version) {
        self.refused.remove(version);
    }

    /// Keeps what was refused; whether it is news: the version was not, or was for
    /// another reason the last time. Where there is no place, only the newest are
    /// kept and told of.
    pub(crate) fn refuse(&mut self, refused: Refused, now: Duration) -> bool {
        let oldest = self.refused.keys().next();
        let is_older = oldest.is_some_and(|oldest| refused.version < *oldest);
        if self.refused.len() >= MOST_REFUSED && is_older {
            return false;
        }
        let before = self.refused.get(&refused.version);
        let before = before.map(|held| &held.refused);
        let is_news = before.is_none_or(|before| before.refusal != refused.refusal);
        let is_same = |before: &&Refused| before.refusal.step == refused.refusal.step;
        let times = before.filter(is_same).map_or(0, |before| before.times);
        let held = Held {
            until: now.saturating_add(again_after(refused.refusal.step, times)),
            refused: Refused {
                times: times.saturating_add(1),
                ..refused
            },
        };
        self.refused.insert(held.refused.version.clone(), held);
        while self.refused.len() > MOST_REFUSED {
            self.refused.pop_first();
        }
        is_news
    }

    /// What is refused, the newest first.
    pub(crate) fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.refused.values().rev().map(|held| &held.refused)
    }

    /// Another edition of the index: what was refused may be well now, and what
    /// it does not list any more is of no interest.
    pub(crate) fn see(&mut self, edition: Option<Edition>) {
        if self.edition.map(|one| one.serial) != edition.map(|one| one.serial) {
            self.refused.clear();
        }
        self.edition = edition;
        self.unknown = None;
    }

    /// An edition that a key vouches for, and that expired before it was seen.
    pub(crate) fn see_expired(&mut self, edition: Edition) {
        self.expired = self.expired.max(Some(edition));
    }

    /// The newest edition of the index that there is, of which another may have to
    /// be waited for.
    pub(crate) fn newest(&self) -> Option<Edition> {
        self.edition.max(self.expired)
    }

    /// A version is in use after another one: what is at or below it is of no
    /// interest any more.
    pub(crate) fn settle(&mut self, version: &Version, before: Arc<Selected>) {
        self.left = Some(before);
        self.refused.retain(|refused, _| refused > version);
        self.candidate = None;
        self.concern = None;
    }
}

/// How long what was refused at a step, so many times in a row before, is left
/// alone. What the ledger says costs nothing to ask, and an operator may have
/// spoken.
fn again_after(step: Step, times: u32) -> Duration {
    match step {
        Step::Index | Step::Version => Duration::ZERO,
        Step::Fetch
        | Step::Signature
        | Step::Comparison
        | Step::Compile
        | Step::Fit
        | Step::Cases
        | Step::Shadow
        | Step::TakeUp => {
            let longer = AGAIN_AFTER.saturating_mul(1 << times.min(16));
            longer.min(AGAIN_AT_MOST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(step: Step, why: &str) -> Refused {
        Refused {
            version: Version::new(1, 5, 0),
            refusal: Refusal::at(step)(why),
            at: 0,
            times: 0,
        }
    }

    #[test]
    fn what_is_refused_for_another_reason_is_news_and_waits_no_less() {
        let mut state = State::default();
        let (start, step) = (Duration::ZERO, Step::Comparison);
        assert!(state.refuse(refused(step, "there is none"), start));
        assert!(!state.refuse(refused(step, "there is none"), start));
        assert!(state.refuse(refused(step, "it is wider"), start));
        assert!(!state.refuse(refused(step, "it is wider"), start));
        let held = state.refused().next().unwrap();
        assert_eq!((held.times, &*held.refusal.why), (4, "it is wider"));
        assert!(state.holds(&held.version, AGAIN_AFTER * 7));
        assert!(state.refuse(refused(Step::Fit, "it is wider"), start));
    }

    #[test]
    fn an_expired_edition_counts_until_there_is_a_later_one() {
        let edition = |serial, expires| Edition { serial, expires };
        let mut state = State::default();
        state.see(Some(edition(5, 90)));
        state.see_expired(edition(6, 20));
        state.see_expired(edition(4, 10));
        assert_eq!(state.newest(), Some(edition(6, 20)));
        // A store that shows the old one again hides nothing.
        state.see(Some(edition(5, 90)));
        assert_eq!(state.newest(), Some(edition(6, 20)));
        state.see(Some(edition(7, 80)));
        assert_eq!(state.newest(), Some(edition(7, 80)));
    }
}
