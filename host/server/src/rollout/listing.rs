//! Which versions a store has, newest first.

use std::cmp::Reverse;

use claimbound::modules::{Digest, Index, Listed, Version};

use super::step::Refusal;
use super::wanted::Wanted;

/// The versions of a name that a store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Of the index; none where there is none, and nothing has to be signed.
    pub(crate) edition: Option<Edition>,
    /// The newest first.
    versions: Vec<Offer>,
}

/// Which edition of an index it is; the one with the larger serial is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edition {
    pub(crate) serial: u64,
    /// In seconds since 1970.
    pub(crate) expires: u64,
}

impl Edition {
    pub(crate) fn of(index: &Index) -> Self {
        Self {
            serial: index.serial(),
            expires: index.expires(),
        }
    }
}

/// Why the versions that a store has can't be told.
pub(crate) struct Unlisted {
    pub(crate) refusal: Refusal,
    /// The edition that has expired, where that is why and a key vouches for it.
    pub(crate) expired: Option<Edition>,
}

impl From<Refusal> for Unlisted {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            expired: None,
        }
    }
}

impl From<Unlisted> for Refusal {
    fn from(unlisted: Unlisted) -> Self {
        unlisted.refusal
    }
}

/// A version that a store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) version: Version,
    /// What an index says of it, where there is one.
    pub(crate) listed: Option<Listed>,
}

impl Offer {
    /// The digest that an index promises.
    pub(crate) fn digest(&self) -> Option<&Digest> {
        self.listed.as_ref().map(|listed| &listed.digest)
    }

    /// Why nobody should begin to use it, where that is so.
    pub(crate) fn yanked(&self) -> Option<&str> {
        self.listed.as_ref()?.yanked.as_deref()
    }

    /// The same for whoever has begun to use it.
    pub(crate) fn in_use(&self) -> Self {
        let listed = self.listed.clone().map(|listed| Listed {
            yanked: None,
            ..listed
        });
        Self {
            version: self.version.clone(),
            listed,
        }
    }
}

impl Listing {
    /// What an index lists.
    pub(crate) fn of(index: &Index) -> Self {
        let offers = index.versions().iter().map(|listed| Offer {
            version: listed.version.clone(),
            listed: Some(listed.clone()),
        });
        Self::new(Some(Edition::of(index)), offers.collect())
    }

    /// What is there where there is no index.
    pub(crate) fn bare(versions: Vec<Version>) -> Self {
        let offers = versions.into_iter().map(|version| Offer {
            version,
            listed: None,
        });
        Self::new(None, offers.collect())
    }

    fn new(edition: Option<Edition>, mut versions: Vec<Offer>) -> Self {
        versions.sort_by(|one, other| Reverse(&one.version).cmp(&Reverse(&other.version)));
        Self { edition, versions }
    }

    /// What there is, the newest first.
    pub(crate) fn versions(&self) -> &[Offer] {
        &self.versions
    }

    /// What it says of a version.
    pub(crate) fn find(&self, version: &Version) -> Option<&Offer> {
        self.versions.iter().find(|one| one.version == *version)
    }

    /// What may be begun to use and is wanted, above a version; the newest first.
    pub(crate) fn above<'a>(
        &'a self,
        wanted: &'a Wanted,
        active: Option<&'a Version>,
    ) -> impl Iterator<Item = &'a Offer> {
        let is_above = move |offer: &&Offer| active.is_none_or(|active| offer.version > *active);
        let offers = self.versions.iter().take_while(is_above);
        offers.filter(|offer| offer.yanked().is_none() && wanted.takes(&offer.version))
    }
}
