//! Which version of a module a route may take up: never one below what it
//! served, none that it was rolled back from or that was rejected, none of a major
//! version that nobody approved. What an operator says moves these limits, and nothing else
//! does.
//!
//! All of it is plain: what stands comes in, what is to stand comes out. Versions
//! are ordered as semver orders them, so that a pre-release is below its release.

#[cfg(test)]
mod tests;

use semver::Version;

use super::served::{Bar, Served};
use crate::modules::{Digest, ModuleId, ModuleName};

/// Why a route does not take up a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// The version was served with another digest before.
    #[error(
        "`{module}` is known by the digest {known}, and this one has {found}: one version has one \
         digest"
    )]
    Digest {
        /// The module.
        module: Box<ModuleId>,
        /// The digest that it was first served with.
        known: Digest,
        /// The other one.
        found: Digest,
    },
    /// A higher version was served already.
    #[error(
        "`{module}` is below version {served}, which was served already; only an operator's \
         rollback goes back"
    )]
    Lower {
        /// The module.
        module: Box<ModuleId>,
        /// What is served.
        served: Version,
    },
    /// The route was rolled back from it, or from a higher version.
    #[error(
        "`{module}` is withheld: {by} rolled back ({reason}); a version above {from} is taken up"
    )]
    RolledBack {
        /// The module.
        module: Box<ModuleId>,
        /// The highest version that was rolled back from, or rejected before.
        from: Version,
        /// Why.
        reason: String,
        /// By whom.
        by: String,
    },
    /// An operator rejected it, or a higher version.
    #[error(
        "`{module}` is withheld: version {version} was rejected by {by} ({reason}); one above that \
         is taken up"
    )]
    Rejected {
        /// The module.
        module: Box<ModuleId>,
        /// The version that was rejected.
        version: Version,
        /// Why.
        reason: String,
        /// By whom.
        by: String,
    },
    /// Nobody has approved its major version.
    #[error(
        "`{module}` is of a major version that nobody approved; approved is {approved}, `modules \
         approve` approves another"
    )]
    Major {
        /// The module.
        module: Box<ModuleId>,
        /// The highest major version that is approved.
        approved: u64,
    },
}

/// Why what an operator says of a module's versions can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionRefused {
    /// What is rolled back to is not below what is served.
    #[error(
        "route `{route}` serves version {served}; a rollback goes to a lower one than that, not to \
         `{to}`"
    )]
    NotLower {
        /// The route.
        route: String,
        /// The version that was to be rolled back to.
        to: Box<ModuleId>,
        /// What is served.
        served: Version,
    },
    /// What is rejected is not above what is served.
    #[error(
        "route `{route}` serves version {served}; what is rejected is above that, not `{module}`: \
         `claimbound modules rollback` goes back to a lower version"
    )]
    NotHigher {
        /// The route.
        route: String,
        /// What was to be rejected.
        module: Box<ModuleId>,
        /// What is served.
        served: Version,
    },
    /// What is rejected is of a major version that waits for an approval.
    #[error(
        "`{module}` is of a major version that nobody approved, so that it is not taken up; to \
         reject it would bar every version below it as well"
    )]
    Unapproved {
        /// What was to be rejected.
        module: Box<ModuleId>,
    },
    /// What is to be the highest major version is below the one that is served.
    #[error(
        "route `{route}` serves version {served} of module `{name}`; that is of a higher major \
         version than {major}"
    )]
    Served {
        /// The route.
        route: String,
        /// The module's name.
        name: ModuleName,
        /// The major version that was to be the highest.
        major: u64,
        /// What is served.
        served: Version,
    },
    /// What is promoted could not be taken up.
    #[error(transparent)]
    Withheld(#[from] Withheld),
}

/// A change to a row, with who makes it, when and why; the reason is empty
/// where a host takes a version up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) at: u64,
    pub(super) by: &'a str,
    pub(super) reason: &'a str,
}

impl Said<'_> {
    fn bar(self, to: &Version) -> Bar {
        Bar {
            to: to.clone(),
            at: self.at,
            by: self.by.to_owned(),
            reason: self.reason.to_owned(),
        }
    }
}

impl Served {
    /// What stands once a route has taken up its first version of a module: the
    /// major version of that one is approved.
    pub(super) fn first(route: &str, module: &ModuleId, digest: Digest, said: Said<'_>) -> Self {
        Self {
            route: route.to_owned(),
            name: module.name().clone(),
            version: module.version().clone(),
            digest,
            approved: module.version().major,
            bar: None,
            promoted: None,
            rollbacks: 0,
            since: said.at,
            by: said.by.to_owned(),
            reason: said.reason.to_owned(),
        }
    }

    /// Whether the route may take up this version of the module: what is served
    /// already may be taken up again.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_serve(&self, module: &ModuleId, digest: Digest) -> Result<(), Withheld> {
        if *module.version() == self.version {
            return check_digest(module, self.digest, digest);
        }
        self.may_follow(module)
    }

    /// Whether this is what stood before `other`, of the same route and module: what
    /// operators bar is counted and never taken back, and else a version only moves
    /// on.
    pub fn is_older_than(&self, other: &Self) -> bool {
        (self.rollbacks, &self.version) < (other.rollbacks, &other.version)
    }

    /// Whether an operator has promoted this version.
    pub fn promotes(&self, version: &Version) -> bool {
        self.promoted.as_ref() == Some(version)
    }

    /// Whether another version may come after what is served.
    fn may_follow(&self, module: &ModuleId) -> Result<(), Withheld> {
        let version = module.version();
        let module = Box::new(module.clone());
        if *version < self.version {
            let served = self.version.clone();
            return Err(Withheld::Lower { module, served });
        }
        if let Some(bar) = self.bar.as_ref().filter(|bar| *version <= bar.to) {
            return Err(self.barred(bar.clone(), module));
        }
        if version.major > self.approved {
            let approved = self.approved;
            return Err(Withheld::Major { module, approved });
        }
        Ok(())
    }

    /// Why a version up to the bar is not taken up. Only a rollback has the same
    /// words beside what is served as in the bar: a rejection leaves those of
    /// whoever took that up, or went back to it.
    fn barred(&self, bar: Bar, module: Box<ModuleId>) -> Withheld {
        let served = (self.since, &self.by, &self.reason);
        let is_rollback = served == (bar.at, &bar.by, &bar.reason);
        let Bar { to, reason, by, .. } = bar;
        if is_rollback {
            Withheld::RolledBack {
                module,
                from: to,
                reason,
                by,
            }
        } else {
            Withheld::Rejected {
                module,
                version: to,
                reason,
                by,
            }
        }
    }

    /// What stands once the route has taken up this version; none where that is
    /// what it serves.
    pub(super) fn take_up(
        &self,
        module: &ModuleId,
        digest: Digest,
        said: Said<'_>,
    ) -> Result<Option<Self>, Withheld> {
        self.may_serve(module, digest)?;
        let version = module.version();
        Ok((*version != self.version).then(|| self.serving(version, digest, said)))
    }

    fn serving(&self, version: &Version, digest: Digest, said: Said<'_>) -> Self {
        Self {
            version: version.clone(),
            digest,
            since: said.at,
            by: said.by.to_owned(),
            reason: said.reason.to_owned(),
            ..self.clone()
        }
    }

    /// What stands once the route was rolled back to a lower version: all that
    /// was ever rolled back from and is above it stays barred, and what was
    /// promoted is not any more.
    pub(super) fn roll_back(
        &self,
        to: &ModuleId,
        digest: Digest,
        said: Said<'_>,
    ) -> Result<Self, VersionRefused> {
        if *to.version() >= self.version {
            return Err(VersionRefused::NotLower {
                route: self.route.clone(),
                to: Box::new(to.clone()),
                served: self.version.clone(),
            });
        }
        let barred = self.bar.as_ref().map(|bar| &bar.to);
        let highest = barred.map_or(&self.version, |to| to.max(&self.version));
        Ok(Self {
            bar: Some(said.bar(highest)),
            promoted: None,
            rollbacks: self.rollbacks.saturating_add(1),
            ..self.serving(to.version(), digest, said)
        })
    }

    /// What stands once this version was rejected, with all between it and what is
    /// served: what is served stays, and what was promoted of them is not any more.
    /// The same where they are barred already.
    pub(super) fn reject(&self, module: &ModuleId, said: Said<'_>) -> Result<Self, VersionRefused> {
        let version = module.version();
        if *version <= self.version {
            return Err(VersionRefused::NotHigher {
                route: self.route.clone(),
                module: Box::new(module.clone()),
                served: self.version.clone(),
            });
        }
        if version.major > self.approved {
            let module = Box::new(module.clone());
            return Err(VersionRefused::Unapproved { module });
        }
        if self.bar.as_ref().is_some_and(|bar| *version <= bar.to) {
            return Ok(self.clone());
        }
        let promoted = self.promoted.clone();
        Ok(Self {
            bar: Some(said.bar(version)),
            promoted: promoted.filter(|promoted| *promoted <= self.version || promoted > version),
            rollbacks: self.rollbacks.saturating_add(1),
            ..self.clone()
        })
    }

    /// What stands once this is the highest major version that may be taken up.
    pub(super) fn approve_major(&self, major: u64) -> Result<Self, VersionRefused> {
        if major < self.version.major {
            return Err(VersionRefused::Served {
                route: self.route.clone(),
                name: self.name.clone(),
                major,
                served: self.version.clone(),
            });
        }
        Ok(Self {
            approved: major,
            ..self.clone()
        })
    }

    /// What stands once this version is promoted: one that could be taken up.
    pub(super) fn promote(&self, module: &ModuleId) -> Result<Self, VersionRefused> {
        if *module.version() != self.version {
            self.may_follow(module)?;
        }
        Ok(Self {
            promoted: Some(module.version().clone()),
            ..self.clone()
        })
    }
}

/// Refuses a version under another digest than it was first served with.
pub(super) fn check_digest(
    module: &ModuleId,
    known: Digest,
    found: Digest,
) -> Result<(), Withheld> {
    if known == found {
        return Ok(());
    }
    Err(Withheld::Digest {
        module: Box::new(module.clone()),
        known,
        found,
    })
}
