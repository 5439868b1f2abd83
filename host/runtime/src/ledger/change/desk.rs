//! Where an order is carried out: what is there is looked at, replaced, and
//! written into history.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ChangeError, Effect, Order};
use crate::ledger::entry::{Entry, Scope, Standing, State};
use crate::ledger::event::{Action, Event};
use crate::ledger::name::{Identity, Name, Parent, check_text};
use crate::ledger::revocation::{Revocation, Target};
use crate::ledger::row::Row;
use crate::ledger::store::{StoreError, Transaction};
use crate::reason::clip;

/// Where one order is carried out.
pub(super) struct Desk<'a> {
    pub(super) tables: &'a mut dyn Transaction,
    pub(super) order: &'a Order,
    pub(super) effects: Vec<Effect>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(tables: &'a mut dyn Transaction, order: &'a Order) -> Self {
        Self {
            tables,
            order,
            effects: Vec::new(),
        }
    }

    /// Does what the order says, and tells what that did.
    pub(super) fn carry_out(mut self) -> Result<Vec<Effect>, ChangeError> {
        match &self.order.change {
            Change::Approve {
                identity,
                replacing,
            } => self.approve(identity, replacing.as_deref())?,
            Change::Suspend { name, id } => self.suspend(name, id.as_deref())?,
            Change::Resume { name } => self.resume(name)?,
            Change::Retire { name, id } => self.retire(name, id.as_deref())?,
            Change::Migrate {
                from,
                to,
                id,
                parent,
                children,
            } => {
                let id = self.migrate(from, to, id.as_deref(), parent.as_ref())?;
                if *children {
                    self.migrate_children(from, to, id.as_deref())?;
                }
            }
            Change::Forget {
                name,
                route,
                statement,
            } => self.forget(name, route, statement)?,
            Change::Revoke { target, until } => self.revoke(target, *until)?,
            Change::Lift { target } => self.lift(target)?,
            Change::RollBack { route, to } => self.roll_back(route, to)?,
            Change::Reject {
                route,
                module,
                unseen,
            } => self.reject(route, module, *unseen)?,
            Change::ApproveMajor { route, name, major } => {
                self.approve_major(route, name, *major)?;
            }
            Change::Promote {
                route,
                module,
                unseen,
            } => self.promote(route, module, *unseen)?,
        }
        if !self.effects.is_empty() {
            self.tables.advance()?;
        }
        Ok(self.effects)
    }
}

impl Desk<'_> {
    fn approve(&mut self, identity: &Identity, replacing: Option<&str>) -> Result<(), ChangeError> {
        let elsewhere = self.check_other_names(identity)?;
        let before = self.operators(&identity.name)?;
        let mut action = Action::Approve;
        if let Some(entry) = &before {
            match (&entry.standing, replacing) {
                (Standing::Retired, _) => return Err(state(entry, "; that is for ever")),
                (Standing::Suspended { .. }, _) => return Err(state(entry, "; resume it first")),
                (Standing::Approved, None) if is_equal(entry, identity) => return Ok(()),
                // A name that was trusted without an id is bound to its first,
                // and an identity's parent may be called otherwise by now.
                (Standing::Approved, None)
                    if (entry.id.is_none() || entry.id == identity.id)
                        && is_same_parent(entry, identity) => {}
                (Standing::Moved { .. }, None) if entry.id.is_some() && entry.id == identity.id => {
                }
                (_, None) => return Err(held(entry)),
                (_, Some(id)) if id != entry.id.as_deref().unwrap_or_default() => {
                    return Err(not_held(entry));
                }
                (_, Some(_)) => action = Action::Replace,
            }
        } else if let Some(id) = replacing.filter(|id| !id.is_empty()) {
            self.check_enrolled(&identity.name, id)?;
        }
        if let Some(entry) = elsewhere {
            if action != Action::Replace {
                return Err(renamed(&entry));
            }
            // No migration takes a name that is another's, as in a swap.
            let tombstone = self.word(Entry {
                standing: Standing::Moved {
                    to: identity.name.name.clone(),
                },
                since: self.order.at,
                ..entry.clone()
            });
            self.replace(Action::Migrate, Some(entry), Some(tombstone))?;
        }
        let after = self.word(Entry::of(identity, Standing::Approved, self.order.at));
        self.replace(action, before, Some(after))
    }

    /// Refuses to replace what no route has enrolled either.
    fn check_enrolled(&mut self, name: &Name, id: &str) -> Result<(), ChangeError> {
        let entries = self.tables.by_name(name)?;
        match entries.first() {
            None => Err(unknown(name)),
            Some(_) if entries.iter().any(|one| one.id.as_deref() == Some(id)) => Ok(()),
            Some(entry) => Err(not_held(entry)),
        }
    }

    /// The entry by which an operator approved an id under another name; refuses
    /// an id that is barred there.
    fn check_other_names(&mut self, identity: &Identity) -> Result<Option<Entry>, ChangeError> {
        let Some(id) = &identity.id else {
            return Ok(None);
        };
        let name = &identity.name;
        let entries = self.tables.by_id(&name.issuer, &name.kind, id)?;
        let mut approved = None;
        for entry in entries.into_iter().filter(|entry| entry.name != *name) {
            match &entry.standing {
                Standing::Moved { .. } | Standing::Observed { .. } => {}
                Standing::Retired => return Err(state(&entry, "; that is for ever")),
                Standing::Suspended { .. } => return Err(renamed(&entry)),
                Standing::Approved => approved = Some(entry),
            }
        }
        Ok(approved)
    }

    fn suspend(&mut self, name: &Name, id: Option<&str>) -> Result<(), ChangeError> {
        let before = self.operators(name)?;
        let approved = match before.as_ref().map(|entry| (entry, &entry.standing)) {
            Some((entry, Standing::Retired | Standing::Suspended { .. })) => {
                return Err(state(entry, " already"));
            }
            Some((entry, Standing::Moved { .. })) => {
                return Err(state(entry, "; suspend the name that it goes by"));
            }
            Some((_, Standing::Approved)) => true,
            Some((_, Standing::Observed { .. })) | None => false,
        };
        self.bar(
            Action::Suspend,
            Standing::Suspended { approved },
            name,
            before,
            id,
        )
    }

    fn retire(&mut self, name: &Name, id: Option<&str>) -> Result<(), ChangeError> {
        let before = self.operators(name)?;
        match &before {
            Some(entry) if entry.standing == Standing::Retired => Err(state(entry, " already")),
            Some(_) | None => self.bar(Action::Retire, Standing::Retired, name, before, id),
        }
    }

    /// Puts an operator's entry that bars a name, and the id behind it.
    fn bar(
        &mut self,
        action: Action,
        standing: Standing,
        name: &Name,
        before: Option<Entry>,
        id: Option<&str>,
    ) -> Result<(), ChangeError> {
        let known = match &before {
            Some(entry) => Some(entry.clone()),
            // Whoever they are: the name is barred to all of them.
            None => match self.observed(name, id) {
                Err(ChangeError::Several { .. }) => None,
                observed => observed?,
            },
        };
        if let (Some(given), Some(entry)) = (id, &before)
            && entry.id.as_deref() != Some(given)
        {
            return Err(held(entry));
        }
        let mut after = known.unwrap_or_else(|| bare(name, id));
        // An identity that lives on under another name has an entry of its own:
        // the name alone is barred.
        if self.lives_elsewhere(&after)? {
            after.id = None;
        }
        after.standing = standing;
        after.since = self.order.at;
        let after = self.word(after);
        self.replace(action, before, Some(after))
    }

    /// Whether an operator knows the entry's id under another name, or whoever
    /// knows it where the identity has left the entry's.
    fn lives_elsewhere(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        let Some(id) = &entry.id else {
            return Ok(false);
        };
        let Name { issuer, kind, .. } = &entry.name;
        let left = entry.standing.state() == State::Moved;
        let others = self.tables.by_id(issuer, kind, id)?;
        Ok(others.iter().any(|other| {
            other.name != entry.name
                && (left || other.standing.scope() == Scope::Everywhere)
                && other.standing.state() != State::Moved
        }))
    }

    fn resume(&mut self, name: &Name) -> Result<(), ChangeError> {
        let before = self.operators(name)?.ok_or_else(|| unknown(name))?;
        let Standing::Suspended { approved } = before.standing else {
            return Err(state(&before, ", not suspended"));
        };
        let after = approved.then(|| {
            self.word(Entry {
                standing: Standing::Approved,
                since: self.order.at,
                ..before.clone()
            })
        });
        self.replace(Action::Resume, Some(before), after)
    }

    /// Moves everything that is known of an identity from one name to another,
    /// and returns its id.
    fn migrate(
        &mut self,
        from: &Name,
        to: &Name,
        id: Option<&str>,
        parent: Option<&Parent>,
    ) -> Result<Option<String>, ChangeError> {
        if from.issuer != to.issuer || from.kind != to.kind || from == to {
            return Err(ChangeError::NotTwo {
                from: from.name.clone(),
                to: to.name.clone(),
            });
        }
        check_text(&to.name)?;
        let approved = self.operators(from)?;
        let identity = match &approved {
            Some(entry) => entry.clone(),
            None => self.observed(from, id)?.ok_or_else(|| unknown(from))?,
        };
        match &identity.standing {
            Standing::Retired => return Err(state(&identity, "; that is for ever")),
            Standing::Moved { .. } => {
                return Err(state(
                    &identity,
                    " already; migrate the name that it goes by",
                ));
            }
            // A suspension goes along.
            Standing::Approved | Standing::Suspended { .. } | Standing::Observed { .. } => {}
        }
        if let (Some(given), Some(_)) = (id, &approved)
            && identity.id.as_deref() != Some(given)
        {
            return Err(held(&identity));
        }
        let after = |entry: &Entry| Entry {
            name: to.clone(),
            spelling: to.name.clone(),
            parent: parent.cloned().or_else(|| entry.parent.clone()),
            since: self.order.at,
            ..entry.clone()
        };
        let mut moves = Vec::new();
        let entries = self.tables.by_name(from)?;
        for entry in entries.iter().filter(|entry| entry.id == identity.id) {
            moves.push((entry.clone(), after(entry)));
        }
        self.check_free(to, &moves)?;
        self.leave(from, &identity, &moves)?;
        for (_, after) in moves {
            let before = self.at(to, &after.standing.scope())?;
            let after = match after.standing.state() {
                // Why it is suspended counts for more than why it was renamed.
                State::Suspended => after,
                State::Observed | State::Approved | State::Retired | State::Moved => {
                    self.word(after)
                }
            };
            self.replace(Action::Migrate, before, Some(after))?;
        }
        Ok(identity.id)
    }

    /// Takes an identity's entries from a name and leaves a tombstone.
    fn leave(
        &mut self,
        from: &Name,
        identity: &Entry,
        moves: &[(Entry, Entry)],
    ) -> Result<(), ChangeError> {
        let Some((_, to)) = moves.first() else {
            return Err(unknown(from));
        };
        let tombstone = self.word(Entry {
            standing: Standing::Moved {
                to: to.name.name.clone(),
            },
            since: self.order.at,
            ..identity.clone()
        });
        let operators = moves
            .iter()
            .map(|(before, _)| before)
            .find(|before| before.standing.scope() == Scope::Everywhere);
        self.replace(Action::Migrate, operators.cloned(), Some(tombstone))?;
        for (before, _) in moves {
            if before.standing.scope() != Scope::Everywhere {
                self.replace(Action::Migrate, Some(before.clone()), None)?;
            }
        }
        Ok(())
    }

    /// Refuses a new name that somebody else holds, or that is barred.
    fn check_free(&mut self, to: &Name, moves: &[(Entry, Entry)]) -> Result<(), ChangeError> {
        for entry in self.tables.by_name(to)? {
            let same = moves
                .iter()
                .any(|(before, _)| before.id.is_some() && before.id == entry.id);
            match &entry.standing {
                Standing::Retired | Standing::Suspended { .. } => return Err(state(&entry, "")),
                Standing::Moved { .. } | Standing::Approved | Standing::Observed { .. } if same => {
                }
                Standing::Moved { .. } | Standing::Approved => return Err(held(&entry)),
                Standing::Observed { .. } => {
                    let scope = entry.standing.scope();
                    let moves_there = moves
                        .iter()
                        .any(|(_, after)| after.standing.scope() == scope);
                    if moves_there {
                        return Err(ChangeError::Enrolled {
                            kind: entry.name.kind.clone(),
                            name: entry.spelling.clone(),
                            by: entry.by.clone(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Moves what belongs to an identity and is named after it: `acme/infra`
    /// after `acme`. What belongs to others who held its name stays.
    fn migrate_children(
        &mut self,
        from: &Name,
        to: &Name,
        id: Option<&str>,
    ) -> Result<(), ChangeError> {
        let prefix = format!("{}/", from.name);
        for (child, entries) in self.children(from, id)? {
            let Some(rest) = child.name.strip_prefix(&prefix) else {
                continue;
            };
            let renamed = Name {
                name: format!("{}/{rest}", to.name),
                ..child.clone()
            };
            let Some(first) = entries.first() else {
                continue;
            };
            let parent = first.parent.as_ref().map(|parent| Parent {
                name: to.name.clone(),
                ..parent.clone()
            });
            let is_one = entries.iter().all(|entry| entry.id == first.id);
            let one = first.id.as_deref().filter(|_| is_one);
            let moved = self.migrate(&child, &renamed, one, parent.as_ref())?;
            self.migrate_children(&child, &renamed, moved.as_deref())?;
        }
        Ok(())
    }

    /// What is named after an identity's name and belongs to the identity. An
    /// operator's entry stands alone: what routes saw beside it moves with it, or
    /// is somebody else.
    fn children(
        &mut self,
        from: &Name,
        id: Option<&str>,
    ) -> Result<BTreeMap<Name, Vec<Entry>>, StoreError> {
        let prefix = format!("{}/", from.name);
        let mut found: BTreeMap<Name, Vec<Entry>> = BTreeMap::new();
        let mut operators: BTreeSet<Name> = BTreeSet::new();
        self.tables.entries(&mut |entry| {
            let named = entry.name.issuer == from.issuer && entry.name.name.starts_with(&prefix);
            // An operator's entries come before those of routes.
            if !named || operators.contains(&entry.name) {
                return Ok(());
            }
            if entry.standing.scope() == Scope::Everywhere {
                operators.insert(entry.name.clone());
            }
            let lives = !matches!(entry.standing.state(), State::Moved | State::Retired);
            if lives && belongs(&entry, from, id) {
                found.entry(entry.name.clone()).or_default().push(entry);
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn forget(&mut self, name: &Name, route: &str, statement: &str) -> Result<(), ChangeError> {
        let scope = Scope::Statement {
            route: route.to_owned(),
            statement: statement.to_owned(),
        };
        let before = self.at(name, &scope)?.ok_or_else(|| unknown(name))?;
        self.replace(Action::Forget, Some(before), None)
    }

    fn revoke(&mut self, target: &Target, until: Option<u64>) -> Result<(), ChangeError> {
        target.check()?;
        if let Some(until) = until.filter(|until| *until <= self.order.at) {
            return Err(ChangeError::Ended { until });
        }
        let after = Revocation {
            target: target.clone(),
            at: self.order.at,
            until,
            by: self.order.by.clone(),
            reason: self.order.reason.clone(),
        };
        let before = self.revoked(target)?;
        self.tables.revoke(&after)?;
        self.note_revocation(Action::Revoke, before, Some(after))
    }

    fn lift(&mut self, target: &Target) -> Result<(), ChangeError> {
        // A subject that was revoked in several shapes would stay refused by the others.
        let revoked = self.revocations(|one| one.holds_for(target))?;
        if revoked.is_empty() {
            return Err(ChangeError::NotRevoked {
                kind: target.kind(),
            });
        }
        for before in revoked {
            self.tables.lift(&before.target)?;
            self.note_revocation(Action::Lift, Some(before), None)?;
        }
        Ok(())
    }

    fn revoked(&mut self, target: &Target) -> Result<Option<Revocation>, StoreError> {
        self.tables.revocation(target)
    }

    fn revocations(
        &mut self,
        is_wanted: impl Fn(&Target) -> bool,
    ) -> Result<Vec<Revocation>, StoreError> {
        let mut found = Vec::new();
        self.tables.revocations(&mut |one| {
            if is_wanted(&one.target) {
                found.push(one);
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn note_revocation(
        &mut self,
        action: Action,
        before: Option<Revocation>,
        after: Option<Revocation>,
    ) -> Result<(), ChangeError> {
        let json =
            |one: &Option<Revocation>| one.as_ref().map(crate::ledger::transfer::revocation_json);
        self.tables.append(&Event {
            at: self.order.at,
            by: self.order.by.clone(),
            action,
            name: None,
            before: json(&before),
            after: json(&after),
            reason: self.order.reason.clone(),
        })?;
        self.effects.push(Effect::Revocation {
            before: before.map(Box::new),
            after: after.map(Box::new),
        });
        Ok(())
    }

    /// Puts one entry in the place of another, with its history.
    fn replace(
        &mut self,
        action: Action,
        before: Option<Entry>,
        after: Option<Entry>,
    ) -> Result<(), ChangeError> {
        match (&before, &after) {
            (_, Some(after)) => self.tables.put(after)?,
            (Some(before), None) => self.tables.remove(&before.name, &before.standing.scope())?,
            (None, None) => return Ok(()),
        }
        let either = after.as_ref().or(before.as_ref());
        let event = Event {
            at: self.order.at,
            by: self.order.by.clone(),
            action,
            name: either.map(|entry| entry.name.clone()),
            before: before.as_ref().map(entry_json),
            after: after.as_ref().map(entry_json),
            reason: self.order.reason.clone(),
        };
        self.tables.append(&event)?;
        self.effects.push(Effect::Entry {
            before: before.map(Box::new),
            after: after.map(Box::new),
        });
        Ok(())
    }

    /// The same entry by this operator's word. What a route enrolled stays the
    /// route's.
    fn word(&self, entry: Entry) -> Entry {
        if entry.standing.scope() != Scope::Everywhere {
            return entry;
        }
        Entry {
            by: self.order.by.clone(),
            reason: self.order.reason.clone(),
            ..entry
        }
    }

    fn operators(&mut self, name: &Name) -> Result<Option<Entry>, StoreError> {
        self.at(name, &Scope::Everywhere)
    }

    fn at(&mut self, name: &Name, scope: &Scope) -> Result<Option<Entry>, StoreError> {
        let entries = self.tables.by_name(name)?;
        Ok(entries
            .into_iter()
            .find(|entry| entry.standing.scope() == *scope))
    }

    /// What routes have seen of a name: an entry of that id, or of the only one.
    fn observed(&mut self, name: &Name, id: Option<&str>) -> Result<Option<Entry>, ChangeError> {
        let entries = self.tables.by_name(name)?;
        let wanted = |entry: &&Entry| id.is_none() || entry.id.as_deref() == id;
        let mut seen = entries
            .iter()
            .filter(|entry| entry.standing.state() == State::Observed)
            .filter(wanted);
        let Some(first) = seen.next() else {
            return Ok(None);
        };
        let mut ids: Vec<String> = seen
            .filter(|entry| entry.id != first.id)
            .filter_map(|entry| entry.id.clone())
            .collect();
        if ids.is_empty() {
            return Ok(Some(first.clone()));
        }
        ids.extend(first.id.clone());
        ids.sort_unstable();
        ids.dedup();
        Err(ChangeError::Several {
            kind: name.kind.clone(),
            name: name.name.clone(),
            ids,
        })
    }
}

/// An entry of a name that nobody has seen yet.
fn bare(name: &Name, id: Option<&str>) -> Entry {
    Entry {
        name: name.clone(),
        spelling: name.name.clone(),
        id: id.map(str::to_owned),
        parent: None,
        standing: Standing::Retired,
        since: 0,
        by: String::new(),
        reason: String::new(),
    }
}

/// Whether an entry's parent is the identity of that name and id: by name where
/// one of them has no id.
fn belongs(entry: &Entry, name: &Name, id: Option<&str>) -> bool {
    entry.parent.as_ref().is_some_and(|parent| {
        parent.kind == name.kind
            && parent.name == name.name
            && (parent.id.is_none() || id.is_none() || parent.id.as_deref() == id)
    })
}

fn is_same_parent(entry: &Entry, identity: &Identity) -> bool {
    match (&entry.parent, &identity.parent) {
        (None, None) => true,
        (Some(one), Some(other)) => one.is(other),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn is_equal(entry: &Entry, identity: &Identity) -> bool {
    entry.id == identity.id && entry.parent == identity.parent
}

/// An entry as history keeps it.
pub(in crate::ledger) fn entry_json(entry: &Entry) -> String {
    // INVARIANT: a row is plain values, which always serialise.
    serde_json::to_string(&Row::from(entry)).unwrap_or_default()
}

fn unknown(name: &Name) -> ChangeError {
    ChangeError::Unknown {
        kind: name.kind.clone(),
        name: clip(&name.name),
    }
}

fn renamed(entry: &Entry) -> ChangeError {
    ChangeError::Renamed {
        kind: entry.name.kind.clone(),
        name: entry.spelling.clone(),
    }
}

fn held(entry: &Entry) -> ChangeError {
    ChangeError::Held {
        kind: entry.name.kind.clone(),
        name: entry.spelling.clone(),
        held: entry.shown_id(),
    }
}

fn not_held(entry: &Entry) -> ChangeError {
    ChangeError::NotHeld {
        kind: entry.name.kind.clone(),
        name: entry.spelling.clone(),
        held: entry.shown_id(),
    }
}

fn state(entry: &Entry, hint: &'static str) -> ChangeError {
    ChangeError::State {
        kind: entry.name.kind.clone(),
        name: entry.spelling.clone(),
        state: entry.standing.state().as_str(),
        hint,
    }
}
