//! One look at a store: what is there, what of it may follow, and how far that
//! has come.

use std::sync::Arc;

use arc_swap::ArcSwap;
use claimbound::ledger::{Ledger, Served};
use claimbound::modules::{Index, ModuleName, Version};
use tokio::runtime::Handle;
use tracing::warn;

use super::MOST_TRIED;
use super::heard::Heard;
use super::lack::Lack;
use super::listing::{Edition, Listing, Offer, Unlisted};
use super::prepare::{Before, Bench, Prepared};
use super::selected::Selected;
use super::step::{Refusal, Step};
use super::wanted::Wanted;
use crate::frame::Frame;
use crate::ground::Ground;
use crate::nearest::did_you_mean;
use crate::store::{Store, StoreError};

/// What looks at a store for a route. All of it waits, and is for threads that
/// may.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) bench: Bench<'a>,
    pub(crate) ledger: &'a Ledger,
    /// Beside what it began; none where nothing was in use.
    beside: Option<Beside<'a>>,
    /// Whether nothing may be written down of it.
    is_rehearsal: bool,
    /// In seconds since 1970.
    pub(crate) now: u64,
}

/// How things stood when a look began.
#[derive(Clone, Copy)]
struct Beside<'a> {
    /// What is in use now.
    active: &'a ArcSwap<Selected>,
    /// What was then.
    began: &'a Arc<Selected>,
    /// What the route served then.
    served: Option<&'a Version>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(
        wanted: &'a Wanted,
        frame: &'a Arc<Frame>,
        ground: &'a Ground,
        runtime: &'a Handle,
    ) -> Result<Self, Refusal> {
        let without = "a module of a store takes a `[ledger]`, which remembers what was served";
        let ledger = ground.ledger.as_deref();
        Ok(Self {
            bench: Bench {
                store: &wanted.depot.store,
                wanted,
                frame,
                ground,
                runtime,
            },
            ledger: ledger.ok_or_else(|| Refusal::at(Step::Version)(without))?,
            beside: None,
            is_rehearsal: false,
            now: ground.clock.now(),
        })
    }

    /// The same, that is given up once another version is in use than the one that
    /// it began beside, or the route serves another than it did.
    pub(crate) const fn beside(
        mut self,
        active: &'a ArcSwap<Selected>,
        began: &'a Arc<Selected>,
        served: Option<&'a Version>,
    ) -> Self {
        self.beside = Some(Beside {
            active,
            began,
            served,
        });
        self
    }

    /// Whether another version is in use than the one that it began beside.
    pub(crate) fn has_lost_its_place(&self) -> bool {
        let is_another = |beside: Beside<'_>| !Arc::ptr_eq(&beside.active.load(), beside.began);
        self.beside.is_some_and(is_another)
    }

    /// Whether nobody waits for this version any more: an operator went back
    /// meanwhile, or another host took up another one. Where the ledger gives no
    /// answer it goes on: it is asked again in the end.
    pub(crate) fn is_moot(&self, version: &Version) -> bool {
        let Some(beside) = self.beside else {
            return false;
        };
        let is_another = |served: Option<Served>| {
            let served = served.as_ref().map(|served| &served.version);
            served != beside.served && served != Some(version)
        };
        self.has_lost_its_place() || self.served().is_ok_and(is_another)
    }

    /// Refuses what is not worth another step.
    fn go_on(&self, version: &Version) -> Result<(), Refusal> {
        if self.is_moot(version) {
            let why = "another version is served meanwhile";
            return Err(Refusal::at(Step::Version)(why));
        }
        Ok(())
    }

    /// The same, that leaves no trace.
    pub(crate) const fn rehearsing(mut self) -> Self {
        self.is_rehearsal = true;
        self
    }

    /// The version to begin with: what the route served last, from the store or
    /// from what was copied of it. Where neither has it, or the route served
    /// nothing yet, the newest that may be begun with.
    ///
    /// # Errors
    /// Why none may.
    pub(crate) fn first(&self, heard: &Heard) -> Result<Prepared, Refusal> {
        let served = heard.hear(self.served()?)?;
        let refusal = match self.first_there(served.as_ref()) {
            Ok(prepared) => return Ok(prepared),
            Err(refusal) => refusal,
        };
        let Some(copy) = self.bench.copy() else {
            return Err(refusal);
        };
        let bench = Bench {
            store: &copy.store,
            ..self.bench
        };
        let copied = Self { bench, ..*self };
        let first = copied
            .first_there(served.as_ref())
            .map_err(|copied| Refusal {
                why: format!("{refusal}; its copy: {copied}"),
                ..refusal.clone()
            })?;
        let (route, why) = (&*self.bench.frame.name, &*refusal.why);
        warn!(route, why, "a module is taken from its copy");
        Ok(first)
    }

    fn first_there(&self, served: Option<&Served>) -> Result<Prepared, Refusal> {
        let listing = self.listing()?;
        let mut refused = None;
        for (offer, before) in self.in_turn(&listing, served) {
            let may = self.may_follow(&offer);
            match may.and_then(|()| self.prepare(&offer, &listing, before)) {
                Ok(prepared) => return Ok(prepared),
                Err(refusal) => {
                    warn!(
                        route = &*self.bench.frame.name,
                        version = %offer.version,
                        step = refusal.step.as_str(),
                        why = refusal.why,
                        "a module is refused"
                    );
                    refused.get_or_insert(refusal);
                }
            }
        }
        let lack = Lack {
            route: &self.bench.frame.name,
            wanted: self.bench.wanted,
            listing: &listing,
            served,
        };
        Err(match refused {
            Some(refusal) => lack.beside(refusal),
            None => Refusal::at(Step::Version)(lack.told()),
        })
    }

    /// What was served, yanked or not, and then what may be begun with in its
    /// place.
    fn in_turn<'l>(
        &'l self,
        listing: &'l Listing,
        served: Option<&'l Served>,
    ) -> impl Iterator<Item = (Offer, Option<Before<'l>>)> {
        let wanted = self.bench.wanted;
        let version = served.map(|served| &served.version);
        let last = version.filter(|version| wanted.takes(version));
        let last = last.and_then(|version| listing.find(version));
        let before = served.map(|served| Before {
            version: &served.version,
            digest: &served.digest,
        });
        let newer = listing.above(wanted, version);
        let newer = newer.filter(move |offer| self.may_begin(offer, served));
        let newer = newer
            .take(MOST_TRIED)
            .map(move |offer| (offer.clone(), before));
        last.map(|offer| (offer.in_use(), None))
            .into_iter()
            .chain(newer)
    }

    /// Whether a version may be begun with though the route served another: one
    /// that would have to wait beside it waits for a word.
    fn may_begin(&self, offer: &Offer, served: Option<&Served>) -> bool {
        let wanted = self.bench.wanted;
        served.is_none_or(|served| !wanted.waits() || served.promotes(&offer.version))
    }

    /// The versions that the store has.
    ///
    /// # Errors
    /// Where it gives no answer, or none that can be trusted.
    pub(crate) fn listing(&self) -> Result<Listing, Unlisted> {
        self.unnamed_listing().map_err(|unlisted| {
            let wanted = self.bench.wanted;
            let Refusal { step, why } = unlisted.refusal;
            let (name, alias) = (&wanted.name, &wanted.depot.alias);
            let why = format!("the index of `{name}` in store `{alias}`: {why}");
            Unlisted {
                refusal: Refusal { step, why },
                ..unlisted
            }
        })
    }

    fn unnamed_listing(&self) -> Result<Listing, Unlisted> {
        let refused = |why: String| Refusal::at(Step::Index)(why);
        let (wanted, runtime) = (self.bench.wanted, self.bench.runtime);
        let store = self.bench.store;
        let signed = runtime.block_on(store.index(&wanted.name));
        let signed = signed.map_err(|error| refused(with_hint(store, &error)))?;
        let copy = signed.clone();
        let index = match signed {
            Some(signed) if wanted.unsigned => {
                Index::parse(&signed.document).map_err(Refusal::at(Step::Index))?
            }
            Some(signed) => {
                let authority = &wanted.depot.authority;
                let vouched = authority.index(&signed, &wanted.name);
                let vouched = vouched.map_err(|why| refused(authority.explain(&why)));
                vouched?.into_document()
            }
            None if wanted.unsigned => {
                let versions = runtime.block_on(store.versions(&wanted.name));
                return Ok(Listing::bare(versions.map_err(Refusal::at(Step::Index))?));
            }
            None => {
                let near = self.near();
                return Err(refused(format!(
                    "there is none{near}; `claimbound modules index` makes and signs one"
                ))
                .into());
            }
        };
        self.check(&index)?;
        if let (Some(copied), Some(signed)) = (self.bench.copy(), copy) {
            copied.keep(runtime, index.name(), &signed);
        }
        Ok(Listing::of(&index))
    }

    /// Which name may have been meant: only where a route begins, for many registries
    /// tell their names to nobody, and those that do have many.
    fn near(&self) -> String {
        if self.beside.is_some() {
            return String::new();
        }
        let names = self.bench.runtime.block_on(self.bench.store.names());
        let names = names.unwrap_or_default();
        let wanted = self.bench.wanted.name.as_str();
        did_you_mean(wanted, names.iter().map(ModuleName::as_str))
    }

    /// An index that is out of date may hide what there is now.
    fn check(&self, index: &Index) -> Result<(), Unlisted> {
        let refused = |why: String| Refusal::at(Step::Index)(why);
        let wanted = self.bench.wanted;
        if index.name() != &wanted.name {
            return Err(refused(format!("it is the index of `{}`", index.name())).into());
        }
        if index.is_expired_at(self.now) {
            let at = claimbound::clock::date(index.expires());
            let why = format!("it expired at {at}; whoever publishes has to sign another");
            return Err(Unlisted {
                refusal: refused(why),
                expired: (!wanted.unsigned).then(|| Edition::of(index)),
            });
        }
        let (alias, name) = (&*wanted.depot.alias, &wanted.name);
        let seen = if wanted.unsigned {
            // Anybody may have written that serial: it binds nobody.
            return Ok(());
        } else if self.is_rehearsal {
            self.ledger.check_index(alias, name, index.serial())
        } else {
            self.ledger.see_index(alias, name, index.serial())
        };
        Ok(seen.map_err(Refusal::at(Step::Index))?)
    }

    /// What the route served last.
    ///
    /// # Errors
    /// Where the ledger gives no answer.
    pub(crate) fn served(&self) -> Result<Option<Served>, Refusal> {
        let name = &self.bench.wanted.name;
        let served = self.ledger.served(&self.bench.frame.name, name);
        served.map_err(Refusal::at(Step::Version))
    }

    /// Takes a version that [may follow](Self::may_follow) through every step but
    /// those of being taken up.
    pub(crate) fn prepare(
        &self,
        offer: &Offer,
        listing: &Listing,
        before: Option<Before<'_>>,
    ) -> Result<Prepared, Refusal> {
        let serial = listing.edition.map(|edition| edition.serial);
        let go_on = || self.go_on(&offer.version);
        self.bench.prepare(offer, serial, before, &go_on)
    }

    /// Asks the ledger before anything is fetched; it is asked again in the end.
    pub(crate) fn may_follow(&self, offer: &Offer) -> Result<(), Refusal> {
        let id = self.bench.id(offer)?;
        let Some(digest) = offer.digest() else {
            // Until its bytes are there, it is its version alone.
            let served = self.served()?;
            let may = served.map_or(Ok(()), |served| served.may_serve(&id, served.digest));
            return may.map_err(Refusal::at(Step::Version));
        };
        let may = self.ledger.may_serve(&self.bench.frame.name, &id, *digest);
        may.map_err(Refusal::at(Step::Version))
    }
}

/// Why a store gives no answer, and what may help.
fn with_hint(store: &Store, error: &StoreError) -> String {
    match store.place().without_tls(error) {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
