//! Why a store has no version that a route may begin with.

use claimbound::ledger::{Bar, Served};
use claimbound::modules::Version;
use claimbound::reason::clip;

use super::listing::{Listing, Offer};
use super::step::Refusal;
use super::wanted::Wanted;

/// A store that has no version that a route may begin with.
pub(crate) struct Lack<'a> {
    pub(crate) route: &'a str,
    pub(crate) wanted: &'a Wanted,
    pub(crate) listing: &'a Listing,
    pub(crate) served: Option<&'a Served>,
}

impl Lack<'_> {
    /// What there is in place of it, and what would do.
    pub(crate) fn told(&self) -> String {
        let parts = [Some(self.why()), Some(self.there()), self.remedy()];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        parts.join("; ")
    }

    /// Why what would follow is refused, and why what was served does not go on,
    /// where it is not wanted any more.
    pub(crate) fn beside(&self, refusal: Refusal) -> Refusal {
        let wants = |served: &Served| self.wanted.takes(&served.version);
        if self.served.is_none_or(wants) {
            return refusal;
        }
        let parts = [Some(refusal.why), Some(self.why()), self.remedy()];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        Refusal::at(refusal.step)(parts.join("; "))
    }

    fn why(&self) -> String {
        let Wanted {
            depot, name, range, ..
        } = self.wanted;
        let lacks = format!(
            "store `{}` has no version of `{name}` in `{range}`",
            depot.alias
        );
        match self.served {
            None => format!("{lacks} that may be begun with"),
            Some(served) if self.wanted.takes(&served.version) => {
                let version = &served.version;
                format!("{lacks}, of {version} or later, which was served already")
            }
            Some(served) => {
                let said = if served.reason.is_empty() {
                    "served"
                } else {
                    "went back to"
                };
                let version = &served.version;
                format!("the route {said} {version}, which `version = \"{range}\"` does not take")
            }
        }
    }

    /// What comes nearest to what is wanted.
    fn there(&self) -> String {
        let served = self.served.map(|served| &served.version);
        let above = self.listing.above(self.wanted, served).next();
        let is_wanted = |offer: &&Offer| self.wanted.takes(&offer.version);
        let in_range = above.or_else(|| self.listing.versions().iter().find(is_wanted));
        match (in_range, self.listing.versions().first()) {
            (Some(offer), _) => self.state_of(offer),
            (None, Some(newest)) => format!("the newest there is {}", newest.version),
            (None, None) => "there is none at all".to_owned(),
        }
    }

    /// Why a version that is wanted is not begun with.
    fn state_of(&self, offer: &Offer) -> String {
        let (version, name, route) = (&offer.version, &self.wanted.name, self.route);
        if let Some(why) = offer.yanked() {
            return format!("{version} is there and yanked: {}", clip(why));
        }
        let Some(served) = self.served else {
            return format!("{version} is there");
        };
        if *version < served.version {
            return format!(
                "{version} is lower than what was served: `claimbound modules rollback {name} \
                 --route {route} --to {version} --reason WHY` goes back to it, if the route \
                 served it once"
            );
        }
        match served.bar.as_ref().filter(|bar| *version <= bar.to) {
            Some(bar) => format!("{version} is there and withheld: {}", withheld(bar)),
            None => format!(
                "{version} is there and waits: `claimbound modules promote {name}@{version} \
                 --route {route} --reason WHY` lets it begin"
            ),
        }
    }

    fn remedy(&self) -> Option<String> {
        let served = self.served?;
        let highest = highest(served);
        Some(if self.wanted.takes(&served.version) {
            let version = &served.version;
            format!("publish and list {version} again, or a version above {highest}")
        } else {
            format!("widen `version`, or publish a version in it above {highest}")
        })
    }
}

fn withheld(bar: &Bar) -> String {
    let (by, to, reason) = (clip(&bar.by), &bar.to, clip(&bar.reason));
    format!("{by} let none up to {to} be taken up ({reason})")
}

/// The version above which none is barred.
fn highest(served: &Served) -> &Version {
    let bar = served.bar.as_ref().map(|bar| &bar.to);
    bar.map_or(&served.version, |to| to.max(&served.version))
}
