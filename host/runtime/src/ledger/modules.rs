//! What the ledger keeps of modules: what each route serves, every version's
//! digest, the highest serial of each index.

use super::Ledger;
use super::change::{WordError, check_word};
use super::event::{Action, Event};
use super::name::check_text;
use super::served::{Known, ModuleError, Serial, Served, served_json};
use super::store::{Finish, StoreError, Transaction};
use super::versions::{Said, Withheld, check_digest};
use crate::modules::{Digest, ModuleId, ModuleName, Version};

/// A version that a host takes up on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking<'a> {
    /// The route.
    pub route: &'a str,
    /// The store that the module comes from, as the configuration calls it.
    pub store: &'a str,
    /// The module's name and version.
    pub module: &'a ModuleId,
    /// The component's digest.
    pub digest: Digest,
    /// The serial of the signed index that lists it; none where none does.
    pub index_serial: Option<u64>,
    /// The version that the route has to serve now, where it was chosen by how it
    /// differs from that one.
    pub after: Option<&'a Version>,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Which host: 1 to 1024 bytes without control characters.
    pub by: &'a str,
}

/// What taking a version up came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is served from now on.
    Up(Box<Served>),
    /// It was served already: nothing was written.
    Already(Box<Served>),
}

/// Why a version was not taken up. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// The route may not.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The index is older than one that was seen.
    #[error(transparent)]
    Stale(#[from] StaleIndex),
    /// The route serves another version by now than the one that it was compared
    /// with.
    #[error("`{module}` was chosen to follow version {after}, and the route serves {served}")]
    Moved {
        /// What was to be taken up.
        module: Box<ModuleId>,
        /// The version that it was to follow.
        after: Version,
        /// What is served.
        served: Version,
    },
    /// It is nothing that the ledger can keep.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// It does not say who takes it up.
    #[error(transparent)]
    Word(#[from] WordError),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An index that is older than one that was seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the index of module `{name}` in store `{store}` has serial {serial}, and serial {seen} was seen already: it is an old one"
)]
pub struct StaleIndex {
    /// The store.
    pub store: String,
    /// The module's name.
    pub name: ModuleName,
    /// Its serial.
    pub serial: u64,
    /// The highest serial that was seen.
    pub seen: u64,
}

impl Ledger {
    /// What a route serves of a module; none where it never took one up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn served(&self, route: &str, name: &ModuleName) -> Result<Option<Served>, StoreError> {
        let mut found = None;
        self.view(|tables| {
            found = tables.served(route, name)?;
            Ok(())
        })?;
        Ok(found)
    }

    /// What every route serves: by route, then by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all_served(&self) -> Result<Vec<Served>, StoreError> {
        let mut found = Vec::new();
        self.view(|tables| {
            found.clear();
            tables.all_served(&mut |one| {
                found.push(one);
                Ok(())
            })
        })?;
        Ok(found)
    }

    /// Whether a route may take up a version, as things stand: [`Self::serve`]
    /// asks again.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn may_serve(
        &self,
        route: &str,
        module: &ModuleId,
        digest: Digest,
    ) -> Result<(), ServeError> {
        let mut may = Ok(());
        self.view(|tables| {
            may = check_known(tables, module, digest)?;
            if may.is_ok() {
                let served = tables.served(route, module.name())?;
                may = served.map_or(Ok(()), |served| served.may_serve(module, digest));
            }
            Ok(())
        })?;
        Ok(may?)
    }

    /// Takes up a version on a route, in one transaction: whatever other hosts
    /// take up at the same time, none goes below what was served.
    ///
    /// # Errors
    /// [`ServeError`]; nothing was written.
    pub fn serve(&self, taking: &Taking<'_>) -> Result<Taken, ServeError> {
        let mut taken = self.serve_all(std::slice::from_ref(taking))?;
        let lost = || StoreError::damaged("a transaction without work").into();
        taken.pop().ok_or_else(lost)
    }

    /// Takes up versions on several routes, in one transaction: all of them, or
    /// none.
    ///
    /// # Errors
    /// [`ServeError`] of the first that may not be; nothing was written.
    pub fn serve_all(&self, takings: &[Taking<'_>]) -> Result<Vec<Taken>, ServeError> {
        takings.iter().try_for_each(Taking::check)?;
        let mut outcome = Ok(Vec::new());
        self.store.transact(&mut |tables| {
            let taken = takings.iter().map(|taking| taking.take_up(tables));
            outcome = taken.collect::<Result<Vec<_>, _>>();
            match &outcome {
                Ok(taken) => {
                    let is_new = taken.iter().any(|one| matches!(one, Taken::Up(_)));
                    Ok(if is_new {
                        Finish::Commit
                    } else {
                        Finish::Abort
                    })
                }
                Err(ServeError::Store(error)) => Err(error.clone()),
                Err(
                    ServeError::Withheld(_)
                    | ServeError::Stale(_)
                    | ServeError::Moved { .. }
                    | ServeError::Module(_)
                    | ServeError::Word(_),
                ) => Ok(Finish::Abort),
            }
        })?;
        outcome
    }

    /// Notes the digest of a version that may come to be served: it has no other
    /// from then on.
    ///
    /// # Errors
    /// [`ServeError`], where it is known by another; nothing was written.
    pub fn know(
        &self,
        module: &ModuleId,
        digest: Digest,
        at: u64,
        by: &str,
    ) -> Result<(), ServeError> {
        check_word("who takes a module up", by)?;
        let mut known = Ok(());
        self.store.transact(&mut |tables| {
            known = check_known(tables, module, digest)?;
            if known.is_err() || tables.known(module)?.is_some() {
                return Ok(Finish::Abort);
            }
            tables.add_known(&Known {
                module: module.clone(),
                digest,
                at,
                by: by.to_owned(),
            })?;
            Ok(Finish::Commit)
        })?;
        Ok(known?)
    }

    /// Refuses an index that is older than one that was seen, and notes nothing.
    ///
    /// # Errors
    /// As [`Self::see_index`].
    pub fn check_index(
        &self,
        store: &str,
        name: &ModuleName,
        serial: u64,
    ) -> Result<(), ServeError> {
        let index = Serial {
            store: store.to_owned(),
            name: name.clone(),
            number: serial,
        };
        index.check()?;
        self.is_new(&index).map(|_| ())
    }

    /// Whether an index is later than all that were seen.
    fn is_new(&self, index: &Serial) -> Result<bool, ServeError> {
        let mut seen = Ok(false);
        self.view(|tables| {
            seen = index.is_new(tables)?;
            Ok(())
        })?;
        Ok(seen?)
    }

    /// Notes that an index was seen, and refuses one that is older than another
    /// that was.
    ///
    /// # Errors
    /// [`ServeError::Stale`], [`ServeError::Module`], [`ServeError::Store`];
    /// nothing was written.
    pub fn see_index(&self, store: &str, name: &ModuleName, serial: u64) -> Result<(), ServeError> {
        let index = Serial {
            store: store.to_owned(),
            name: name.clone(),
            number: serial,
        };
        index.check()?;
        if !self.is_new(&index)? {
            return Ok(());
        }
        let mut seen = Ok(false);
        self.store.transact(&mut |tables| {
            seen = index.is_new(tables)?;
            if !matches!(seen, Ok(true)) {
                return Ok(Finish::Abort);
            }
            tables.raise_serial(&index)?;
            Ok(Finish::Commit)
        })?;
        Ok(seen.map(|_| ())?)
    }
}

impl Serial {
    /// Whether it is higher than what was seen; refused where it is lower.
    fn is_new(&self, tables: &mut dyn Transaction) -> Result<Result<bool, StaleIndex>, StoreError> {
        let seen = tables.serial(&self.store, &self.name)?;
        Ok(match seen {
            Some(seen) if seen > self.number => Err(StaleIndex {
                store: self.store.clone(),
                name: self.name.clone(),
                serial: self.number,
                seen,
            }),
            Some(seen) => Ok(seen < self.number),
            None => Ok(true),
        })
    }
}

/// Refuses a version under another digest than it was first served with, on
/// whichever route.
fn check_known(
    tables: &mut dyn Transaction,
    module: &ModuleId,
    digest: Digest,
) -> Result<Result<(), Withheld>, StoreError> {
    let known = tables.known(module)?;
    Ok(match known {
        Some(known) => check_digest(module, known.digest, digest),
        None => Ok(()),
    })
}

impl Taking<'_> {
    fn check(&self) -> Result<(), ServeError> {
        check_text(self.route).map_err(ModuleError::from)?;
        self.index().as_ref().map_or(Ok(()), Serial::check)?;
        check_word("who takes a module up", self.by)?;
        Ok(())
    }

    fn index(&self) -> Option<Serial> {
        Some(Serial {
            store: self.store.to_owned(),
            name: self.module.name().clone(),
            number: self.index_serial?,
        })
    }

    const fn said(&self) -> Said<'_> {
        Said {
            at: self.at,
            by: self.by,
            reason: "",
        }
    }

    /// Takes it up, or says why not.
    fn take_up(&self, tables: &mut dyn Transaction) -> Result<Taken, ServeError> {
        check_known(tables, self.module, self.digest)??;
        let before = tables.served(self.route, self.module.name())?;
        if let Some(before) = before.as_ref().filter(|before| self.is_served(before)) {
            // Whichever edition listed it: it is served by the ledger's own word.
            return Ok(Taken::Already(Box::new(before.clone())));
        }
        let index = self.index();
        let is_new = match &index {
            Some(index) => index.is_new(tables)??,
            None => false,
        };
        self.check_after(before.as_ref())?;
        let after = match &before {
            None => Some(self.first()),
            Some(before) => before.take_up(self.module, self.digest, self.said())?,
        };
        match (before, after) {
            (before, Some(after)) => {
                if let Some(index) = index.filter(|_| is_new) {
                    tables.raise_serial(&index)?;
                }
                self.write(tables, before.as_ref(), &after)?;
                Ok(Taken::Up(Box::new(after)))
            }
            (Some(before), None) => Ok(Taken::Already(Box::new(before))),
            (None, None) => Err(StoreError::damaged("a module of no version").into()),
        }
    }

    fn is_served(&self, served: &Served) -> bool {
        served.version == *self.module.version() && served.digest == self.digest
    }

    /// Refuses where the route serves another version than the one that this one
    /// was chosen to follow.
    fn check_after(&self, before: Option<&Served>) -> Result<(), ServeError> {
        match (self.after, before) {
            (Some(after), Some(before)) if *after != before.version => Err(ServeError::Moved {
                module: Box::new(self.module.clone()),
                after: after.clone(),
                served: before.version.clone(),
            }),
            (Some(_), Some(_) | None) | (None, _) => Ok(()),
        }
    }

    fn first(&self) -> Served {
        Served::first(self.route, self.module, self.digest, self.said())
    }

    fn write(
        &self,
        tables: &mut dyn Transaction,
        before: Option<&Served>,
        after: &Served,
    ) -> Result<(), StoreError> {
        // What nobody vouches for pins no version that somebody may vouch for.
        if self.index_serial.is_some() && tables.known(self.module)?.is_none() {
            tables.add_known(&Known {
                module: self.module.clone(),
                digest: self.digest,
                at: self.at,
                by: self.by.to_owned(),
            })?;
        }
        tables.take_up(after)?;
        tables.append(&Event {
            at: self.at,
            by: self.by.to_owned(),
            action: Action::Serve,
            name: None,
            before: before.map(served_json),
            after: Some(served_json(after)),
            reason: String::new(),
        })
    }
}
