//! How versions of a module follow each other on a route.
//!
//! A store is looked at again and again. What is newest there, and may follow what
//! is in use, goes through one step after the other, each of which may refuse it:
//! see [`Step`]. Nothing of that touches the version in use, which decides until
//! another one is taken up between two requests. What was begun by it is ended by
//! it.

mod copied;
mod depot;
mod heard;
mod lack;
mod listing;
mod look;
mod prepare;
mod recall;
mod run;
mod selected;
mod shadow;
mod state;
mod status;
mod step;
mod successor;
mod wanted;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use claimbound::gate::Gate;
use claimbound::ledger::{Served, Taking};
use claimbound::modules::Version;
use claimbound::policy::{Policy, Request};
use claimbound::record::{Divergence, Journal, Record as _};
use tracing::{info, warn};

use self::listing::{Listing, Offer};
use self::prepare::{Before, Prepared};
use self::shadow::{Counts, Pair, Shadow, Tell};
use self::state::{Candidate, State};
use self::step::Refused;
use crate::config::{ConfigError, Promote};
use crate::frame::Frame;
use crate::ground::Ground;
use crate::host::PresentedToken;
use crate::metrics::Metrics;
use crate::monotonic;
use crate::sparing::Sparing;

pub(crate) use self::depot::Depot;
pub(crate) use self::heard::Heard;
pub(crate) use self::look::Look;
pub(crate) use self::run::run;
pub(crate) use self::selected::Selected;
pub(crate) use self::step::{Refusal, Step};
pub(crate) use self::successor::Successor;
pub(crate) use self::wanted::Wanted;

/// Most versions that one look tries, the newest first.
const MOST_TRIED: usize = state::MOST_REFUSED;

/// How versions of a module follow each other on a route.
pub(crate) struct Rollout {
    wanted: Wanted,
    active: ArcSwap<Selected>,
    shadow: ArcSwapOption<Shadow>,
    state: Mutex<State>,
    heard: Arc<Heard>,
    /// Whether somebody looks at the store.
    is_looking: AtomicBool,
    /// Whether somebody asked to look at it soon.
    is_asked: AtomicBool,
    /// Whether the ledger knows what is in use.
    is_written: AtomicBool,
}

impl Rollout {
    /// Begins with a version that may decide, of which the ledger is not told yet;
    /// and what is odd about it.
    pub(crate) fn of(prepared: Prepared, wanted: Wanted, heard: Arc<Heard>) -> (Self, Vec<String>) {
        let Prepared { selected, odd } = prepared;
        let rollout = Self {
            wanted,
            active: ArcSwap::from_pointee(selected),
            shadow: ArcSwapOption::empty(),
            state: Mutex::default(),
            heard,
            is_looking: AtomicBool::new(false),
            is_asked: AtomicBool::new(true),
            is_written: AtomicBool::new(false),
        };
        (rollout, odd)
    }

    /// What is odd about the version in use on a route.
    ///
    /// # Errors
    /// Where it can allow nothing there.
    pub(crate) fn fits(
        &self,
        at: &str,
        frame: &Frame,
        ground: &Ground,
    ) -> Result<Vec<String>, ConfigError> {
        let active = self.active();
        let policy = active.loaded.policies.first();
        let check = |policy: &Arc<Policy>| frame.check(at, &active.component, policy, ground);
        policy.map_or_else(|| Ok(Vec::new()), check)
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The version in use.
    pub(crate) fn active(&self) -> Arc<Selected> {
        self.active.load_full()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a token that was decided as of `at` decided by the candidate too, if
    /// there is one.
    pub(crate) fn offer(&self, token: &PresentedToken, request: &Request, at: u64) {
        if let Some(shadow) = &*self.shadow.load() {
            shadow.offer(token, request, at);
        }
    }

    /// How many tokens the candidate has decided, where there is one.
    pub(crate) fn shadowed(&self) -> Option<Counts> {
        self.shadow.load().as_ref().map(|shadow| shadow.counts())
    }

    /// Has the store looked at soon.
    pub(crate) fn ask(&self) {
        self.is_asked.store(true, Ordering::Relaxed);
    }

    /// What the ledger is told of a version before it decides.
    pub(crate) fn taking<'a>(
        &'a self,
        selected: &'a Selected,
        route: &'a str,
        at: u64,
        by: &'a str,
    ) -> Taking<'a> {
        // A candidate is held against every edition that comes meanwhile.
        let latest = self.state().edition.map(|edition| edition.serial);
        Taking {
            route,
            store: &self.wanted.depot.alias,
            module: &selected.id,
            digest: selected.digest,
            index_serial: latest
                .max(selected.serial)
                .filter(|_| !self.wanted.unsigned),
            after: selected.after.as_ref(),
            at,
            by,
        }
    }

    /// Whether the ledger knows what is in use.
    pub(crate) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Relaxed)
    }

    /// The ledger knows what is in use.
    pub(crate) fn written(&self) {
        self.is_written.store(true, Ordering::Relaxed);
    }

    /// What the ledger has said that the route serves.
    pub(crate) const fn heard(&self) -> &Arc<Heard> {
        &self.heard
    }

    /// The version in use is another one now, which the ledger says is served.
    pub(crate) fn take_up(&self, selected: &Arc<Selected>, served: Served) {
        // An older copy that is there by now is noticed by the next look.
        let _ = self.heard.hear(Some(served));
        let mut state = self.state();
        self.shadow.store(None);
        let before = self.active.swap(Arc::clone(selected));
        state.settle(selected.version(), before);
        drop(state);
        self.ask();
    }

    /// Looks at the store once; which version is to be taken up now.
    pub(crate) fn look(&self, look: Look<'_>, metrics: &Metrics) -> Option<Successor> {
        self.state().looked = Some(look.now);
        let over = self.active();
        let told = look.served().and_then(|served| self.heard.hear(served));
        let served = match told {
            Ok(served) => served,
            Err(refusal) => return self.unknown(&look, refusal, metrics),
        };
        let served = served.as_ref();
        // To go back takes no store: it may be what is out of order.
        if let Some(before) = self.recalled(served) {
            return Some(before);
        }
        let look = look.beside(&self.active, &over, served.map(|served| &served.version));
        let selected = match look.listing() {
            Ok(listing) => self.consider(&look, &listing, served, metrics)?,
            Err(unlisted) => {
                if let Some(edition) = unlisted.expired {
                    self.state().see_expired(edition);
                }
                return self.unknown(&look, unlisted.refusal, metrics);
            }
        };
        (!look.is_moot(selected.version())).then_some(Successor { selected, over })
    }

    /// What versions there are can't be told.
    fn unknown<T>(&self, look: &Look<'_>, refusal: Refusal, metrics: &Metrics) -> Option<T> {
        let mut state = self.state();
        if state.unknown.as_ref() != Some(&refusal) {
            told(&look.bench.frame.name, None, &refusal, metrics);
            state.unknown = Some(refusal);
        }
        None
    }

    fn consider(
        &self,
        look: &Look<'_>,
        listing: &Listing,
        served: Option<&Served>,
        metrics: &Metrics,
    ) -> Option<Arc<Selected>> {
        let active = self.active();
        {
            let mut state = self.state();
            state.see(listing.edition);
            let concern = concern(listing, &active);
            if let Some(concern) = concern.as_ref().filter(|_| state.concern != concern) {
                let (route, version) = (&*look.bench.frame.name, active.version().to_string());
                warn!(
                    route,
                    version, concern, "the module in use should be replaced"
                );
            }
            state.concern = concern;
        }
        if let Some(served) = served.filter(|served| served.version != *active.version()) {
            // Nothing else is compared with what is in use here alone.
            return self.already_served(look, listing, served, metrics);
        }
        self.choose(look, listing, served, metrics);
        self.ready(served)
    }

    /// What the route serves elsewhere, or an operator went back to: it needs no
    /// time beside the version in use.
    fn already_served(
        &self,
        look: &Look<'_>,
        listing: &Listing,
        served: &Served,
        metrics: &Metrics,
    ) -> Option<Arc<Selected>> {
        let offer = match listing.find(&served.version) {
            Some(offer) if self.wanted.takes(&served.version) => offer.in_use(),
            found => {
                let refusal = self.not_followed(served, found.is_some());
                self.refuse(
                    look.now,
                    &look.bench.frame.name,
                    &served.version,
                    &refusal,
                    metrics,
                );
                return None;
            }
        };
        if let Err(refusal) = look.may_follow(&offer) {
            let route = &look.bench.frame.name;
            self.refuse(look.now, route, &offer.version, &refusal, metrics);
            return None;
        }
        // It is wanted now, however often it was refused.
        let prepared = self.prepare(look, listing, &offer, None, metrics)?;
        Some(Arc::new(prepared.selected))
    }

    /// That this host does not follow to what the route serves, which the store
    /// has or has not.
    fn not_followed(&self, served: &Served, is_there: bool) -> Refusal {
        let said = if served.reason.is_empty() {
            "the route serves it elsewhere"
        } else {
            "the route went back to it"
        };
        let why = if is_there {
            let range = &self.wanted.range;
            format!("`{range}` does not take it; widen `version`, and this host follows")
        } else {
            "the store has it no more; publish and list it again, and this host follows".to_owned()
        };
        let active = self.active();
        let active = active.version();
        Refusal::at(Step::Version)(format!(
            "{said}, and {why}; {active} decides here until then"
        ))
    }

    /// Makes the newest version the candidate, of those that go through every
    /// step.
    fn choose(
        &self,
        look: &Look<'_>,
        listing: &Listing,
        served: Option<&Served>,
        metrics: &Metrics,
    ) {
        let active = self.active();
        let before = Before {
            version: active.version(),
            digest: &active.digest,
        };
        let newer = listing.above(&self.wanted, Some(active.version()));
        let mut tried = 0;
        for offer in newer {
            if self.is_candidate(offer, look.bench.frame, served) {
                return;
            }
            if self.is_withheld(look, offer, metrics) {
                continue;
            }
            tried += 1;
            if tried > MOST_TRIED {
                break;
            }
            if look.is_moot(&offer.version) {
                return;
            }
            let prepared = self.prepare(look, listing, offer, Some(before), metrics);
            if let Some(prepared) = prepared {
                return self.put_beside(look, offer, prepared, metrics);
            }
        }
        self.state().candidate = None;
        self.shadow.store(None);
    }

    /// Whether a version is left alone without asking the store: the ledger lets it
    /// not follow, or it was refused a moment ago.
    fn is_withheld(&self, look: &Look<'_>, offer: &Offer, metrics: &Metrics) -> bool {
        match look.may_follow(offer) {
            Ok(()) => self.state().holds(&offer.version, monotonic::now()),
            Err(refusal) => {
                let route = &look.bench.frame.name;
                self.refuse(look.now, route, &offer.version, &refusal, metrics);
                true
            }
        }
    }

    /// Whether a version decides beside the one in use already, for the route as
    /// it is now, and no operator has spoken against it since.
    fn is_candidate(&self, offer: &Offer, frame: &Arc<Frame>, served: Option<&Served>) -> bool {
        let state = self.state();
        state.candidate.as_ref().is_some_and(|candidate| {
            *candidate.selected.version() == offer.version
                && offer
                    .digest()
                    .is_none_or(|digest| *digest == candidate.selected.digest)
                && Arc::ptr_eq(&candidate.frame, frame)
                && candidate.may_follow(served)
        })
    }

    /// Takes a version through its steps.
    fn prepare(
        &self,
        look: &Look<'_>,
        listing: &Listing,
        offer: &Offer,
        before: Option<Before<'_>>,
        metrics: &Metrics,
    ) -> Option<Prepared> {
        match look.prepare(offer, listing, before) {
            Ok(prepared) => Some(prepared),
            // It was not the version that was at fault.
            Err(_) if look.is_moot(&offer.version) => None,
            Err(refusal) => {
                let route = &look.bench.frame.name;
                self.refuse(look.now, route, &offer.version, &refusal, metrics);
                None
            }
        }
    }

    /// Keeps what was refused, and tells of it where it is news.
    pub(crate) fn refuse(
        &self,
        now: u64,
        route: &str,
        version: &Version,
        refusal: &Refusal,
        metrics: &Metrics,
    ) {
        let refused = Refused {
            version: version.clone(),
            refusal: refusal.clone(),
            at: now,
            times: 0,
        };
        if self.state().refuse(refused, monotonic::now()) {
            told(route, Some(version), refusal, metrics);
        }
    }

    /// Has a version decide beside the one in use.
    fn put_beside(&self, look: &Look<'_>, offer: &Offer, prepared: Prepared, metrics: &Metrics) {
        let route = &look.bench.frame.name;
        let selected = Arc::new(prepared.selected);
        for odd in &prepared.odd {
            warn!(route = &**route, version = %selected.version(), "{odd}");
        }
        let shadow = if self.wanted.waits() {
            match self.shadow(look, &selected) {
                Ok(shadow) => Some(Arc::new(shadow)),
                Err(refusal) => {
                    return self.refuse(look.now, route, &offer.version, &refusal, metrics);
                }
            }
        } else {
            None
        };
        // Whoever promotes it means this one.
        if let Err(refusal) = self.pin(look, &selected) {
            return self.refuse(look.now, route, &offer.version, &refusal, metrics);
        }
        let mut state = self.state();
        // Beside another version it would be compared with none in use.
        if look.has_lost_its_place() {
            return;
        }
        info!(route = &**route, version = %selected.version(), "a module is a candidate");
        state.forgive(selected.version());
        self.shadow.store(shadow);
        state.candidate = Some(Candidate {
            selected,
            frame: Arc::clone(look.bench.frame),
            since: monotonic::now(),
            began: look.now,
        });
    }

    /// Has the ledger remember a candidate's digest: the version has no other from
    /// then on.
    fn pin(&self, look: &Look<'_>, selected: &Selected) -> Result<(), Refusal> {
        if self.wanted.unsigned {
            return Ok(());
        }
        let by = this_host();
        let pinned = look
            .ledger
            .know(&selected.id, selected.digest, look.now, &by);
        pinned.map_err(Refusal::at(Step::Version))
    }

    /// Both versions, in a sandbox of their own.
    fn shadow(&self, look: &Look<'_>, candidate: &Selected) -> Result<Shadow, Refusal> {
        let bench = &look.bench;
        let active = self.active();
        let both = [&active.component, &candidate.component];
        let largest = both.into_iter().max_by_key(|component| component.len());
        let largest = largest.unwrap_or(&candidate.component);
        let refused = Refusal::at(Step::Shadow);
        let sandbox = bench.ground.apart(largest);
        let sandbox = sandbox.map_err(|error| refused(error.message))?;
        let gate = |component: &[u8]| -> Result<Gate, Refusal> {
            let policy = bench
                .ground
                .workshop
                .work(|| Policy::load(&sandbox, component));
            let policy = policy.map_err(Refusal::at(Step::Shadow))?;
            Ok(bench.frame.gate(&Arc::new(policy)))
        };
        let pair = Pair {
            route: Arc::clone(&bench.frame.name),
            active: gate(&active.component)?,
            candidate: gate(&candidate.component)?,
        };
        let begun = Shadow::begin(pair, teller(bench.ground.record.clone()));
        begun.map_err(Refusal::at(Step::Shadow))
    }

    /// The candidate, where its time has come.
    fn ready(&self, served: Option<&Served>) -> Option<Arc<Selected>> {
        let candidate = self.state().candidate.clone()?;
        let version = candidate.selected.version();
        let is_promoted = served.is_some_and(|served| served.promotes(version));
        let is_ready = is_promoted || self.is_ripe(&candidate);
        is_ready.then_some(candidate.selected)
    }

    /// Whether a candidate is taken up without anybody's word: its time is over,
    /// and it said the same of every token.
    fn is_ripe(&self, candidate: &Candidate) -> bool {
        let is_over = monotonic::since(candidate.since) >= self.wanted.shadow;
        match self.wanted.promote {
            Promote::ByItself if self.wanted.shadow.is_zero() => true,
            Promote::ByItself => is_over && self.shadowed().is_some_and(Counts::are_convincing),
            Promote::ByCommand => false,
        }
    }

    /// Whether a candidate's time is over, and it waits for an operator.
    fn waits_for_a_word(&self, candidate: &Candidate) -> bool {
        monotonic::since(candidate.since) >= self.wanted.shadow && !self.is_ripe(candidate)
    }
}

/// Why the version in use should be replaced, where the index says so.
fn concern(listing: &Listing, active: &Selected) -> Option<String> {
    listing.edition?;
    let Some(offer) = listing.find(active.version()) else {
        return Some("the index lists it no more".to_owned());
    };
    if let Some(why) = offer.yanked() {
        return Some(format!("it is yanked: {why}"));
    }
    let digest = offer.digest().filter(|digest| **digest != active.digest)?;
    Some(format!("the index lists it with another digest, {digest}"))
}

/// Puts on record and logs where two versions disagree, sparingly: callers choose
/// how often.
fn teller(record: Option<Arc<Journal>>) -> Tell {
    let sparing = Sparing::default();
    Box::new(move |found| {
        let Some(left_out) = sparing.line("disagreement", found.time) else {
            return;
        };
        let (active, candidate) = (&found.active, &found.candidate);
        info!(
            route = found.route,
            version = candidate.policy.version,
            subject = found.subject,
            active = active.outcome.as_str(),
            active_why = active.why.join("; "),
            candidate = candidate.outcome.as_str(),
            candidate_why = candidate.why.join("; "),
            left_out,
            "the candidate disagrees"
        );
        if let Some(record) = &record {
            record.diverged(&Divergence {
                count: left_out.saturating_add(1),
                ..found.clone()
            });
        }
    })
}

/// Logs and counts what is refused.
fn told(route: &str, version: Option<&Version>, refusal: &Refusal, metrics: &Metrics) {
    let version = version.map(Version::to_string);
    let (step, why) = (refusal.step.as_str(), &*refusal.why);
    if let Some(version) = version {
        warn!(route, version, step, why, "a module is refused");
    } else {
        warn!(route, step, why, "what modules there are can't be told");
    }
    metrics.module_refused(route, refusal.step);
}

/// What this host calls itself: the name of its machine.
pub(crate) fn this_host() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    let name: String = name
        .chars()
        .filter(|char| !char.is_control())
        .take(255)
        .collect();
    if name.is_empty() {
        "a host".to_owned()
    } else {
        name
    }
}
