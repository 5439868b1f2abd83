//! What operators say of modules: a rollback, a major version, a promotion.

use semver::Version;

use super::desk::Desk;
use super::{ChangeError, Effect};
use crate::ledger::event::{Action, Event};
use crate::ledger::served::{Served, served_json};
use crate::ledger::versions::{Said, VersionRefused};
use crate::modules::{ModuleId, ModuleName};
use crate::reason::clip;

/// A module on a route.
#[derive(Clone, Copy)]
pub(super) struct On<'a> {
    pub(super) route: &'a str,
    pub(super) name: &'a ModuleName,
}

impl Desk<'_> {
    pub(super) fn roll_back(&mut self, on: On<'_>, to: &Version) -> Result<(), ChangeError> {
        let before = self.served(on)?;
        let Some(known) = self.tables.known(on.name, to)? else {
            // What is not below what is served is refused for that.
            before.roll_back(to, before.digest, self.said())?;
            return Err(ChangeError::NeverServed {
                name: on.name.clone(),
                version: to.clone(),
            });
        };
        let after = before.roll_back(to, known.digest, self.said())?;
        self.serve(Action::RollBack, before, after)
    }

    pub(super) fn approve_major(&mut self, on: On<'_>, major: u64) -> Result<(), ChangeError> {
        self.change(Action::ApproveMajor, on, |before| {
            before.approve_major(major)
        })
    }

    pub(super) fn promote(&mut self, route: &str, module: &ModuleId) -> Result<(), ChangeError> {
        let (name, version) = (module.name(), module.version());
        self.change(Action::Promote, On { route, name }, |before| {
            before.promote(version)
        })
    }

    fn change(
        &mut self,
        action: Action,
        on: On<'_>,
        change: impl FnOnce(&Served) -> Result<Served, VersionRefused>,
    ) -> Result<(), ChangeError> {
        let before = self.served(on)?;
        let after = change(&before)?;
        self.serve(action, before, after)
    }

    fn served(&mut self, on: On<'_>) -> Result<Served, ChangeError> {
        let found = self.tables.served(on.route, on.name)?;
        found.ok_or_else(|| ChangeError::NotServed {
            route: clip(on.route),
            name: on.name.clone(),
        })
    }

    fn said(&self) -> Said<'_> {
        Said {
            at: self.order.at,
            by: &self.order.by,
            reason: &self.order.reason,
        }
    }

    /// Puts one row in the place of another, with its history; the same row is
    /// no change.
    fn serve(&mut self, action: Action, before: Served, after: Served) -> Result<(), ChangeError> {
        if before == after {
            return Ok(());
        }
        self.tables.put_served(&after)?;
        self.tables.append(&Event {
            at: self.order.at,
            by: self.order.by.clone(),
            action,
            name: None,
            before: Some(served_json(&before)),
            after: Some(served_json(&after)),
            reason: self.order.reason.clone(),
        })?;
        self.effects.push(Effect::Served {
            before: Box::new(before),
            after: Box::new(after),
        });
        Ok(())
    }
}
