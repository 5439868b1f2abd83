//! What operators say of modules: a rollback, a major version, a rejection, a
//! promotion.

use super::desk::Desk;
use super::{ChangeError, Effect};
use crate::ledger::event::{Action, Event};
use crate::ledger::served::{Served, served_json};
use crate::ledger::store::StoreError;
use crate::ledger::versions::Said;
use crate::modules::{ModuleId, ModuleName};
use crate::reason::clip;

impl Desk<'_> {
    pub(super) fn roll_back(&mut self, route: &str, to: &ModuleId) -> Result<(), ChangeError> {
        let before = self.served(route, to.name())?;
        let known = match self.tables.known(to)? {
            Some(known) if self.tables.was_taken_up(to)? => known,
            Some(_) | None => {
                // What is not below what is served is refused for that.
                before.roll_back(to, before.digest, self.said())?;
                let to = Box::new(to.clone());
                return Err(ChangeError::NeverServed { to });
            }
        };
        let after = before.roll_back(to, known.digest, self.said())?;
        self.serve(Action::RollBack, before, after)
    }

    pub(super) fn approve_major(
        &mut self,
        route: &str,
        name: &ModuleName,
        major: u64,
    ) -> Result<(), ChangeError> {
        let before = self.served(route, name)?;
        let after = before.approve_major(major)?;
        self.serve(Action::ApproveMajor, before, after)
    }

    pub(super) fn reject(
        &mut self,
        route: &str,
        module: &ModuleId,
        unseen: bool,
    ) -> Result<(), ChangeError> {
        let before = self.served(route, module.name())?;
        let after = before.reject(module, self.said())?;
        if !unseen && before != after {
            self.check_seen(&before, module)?;
        }
        self.serve(Action::Reject, before, after)
    }

    pub(super) fn promote(
        &mut self,
        route: &str,
        module: &ModuleId,
        unseen: bool,
    ) -> Result<(), ChangeError> {
        let before = self.served(route, module.name())?;
        let after = before.promote(module)?;
        if !unseen && before != after {
            self.check_seen(&before, module)?;
        }
        self.serve(Action::Promote, before, after)
    }

    /// Refuses a version that no host has looked at. Where nobody signs, none is
    /// known by its digest, not even what is served.
    fn check_seen(&mut self, served: &Served, module: &ModuleId) -> Result<(), ChangeError> {
        let is_known = self.tables.known(module)?.is_some();
        let now = ModuleId::new(served.name.clone(), served.version.clone());
        let now = now.map_err(StoreError::damaged)?;
        if is_known || self.tables.known(&now)?.is_none() {
            return Ok(());
        }
        let module = Box::new(module.clone());
        Err(ChangeError::Unseen { module })
    }

    fn served(&mut self, route: &str, name: &ModuleName) -> Result<Served, ChangeError> {
        let found = self.tables.served(route, name)?;
        found.ok_or_else(|| ChangeError::NotServed {
            route: clip(route),
            name: name.clone(),
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
