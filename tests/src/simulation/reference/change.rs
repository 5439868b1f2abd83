//! What an operator may do, and what becomes of it.

use std::collections::BTreeMap;

use super::{
    Identity, Level, Name, Parent, Reference, Said, Scope, Seen, State, Target, is_same_parent,
};

/// What an operator does.
#[derive(Clone, Debug)]
pub(in super::super) enum Change {
    Approve {
        identity: Identity,
        replacing: Option<u64>,
    },
    Suspend {
        name: Name,
        id: Option<u64>,
    },
    Resume {
        name: Name,
    },
    Retire {
        name: Name,
        id: Option<u64>,
    },
    Migrate {
        from: Name,
        to: Name,
        id: Option<u64>,
        parent: Parent,
        children: bool,
    },
    Forget {
        name: Name,
        scope: Scope,
    },
    Revoke {
        target: Target,
        until: Option<u64>,
    },
    Lift {
        target: Target,
    },
}

/// The change can't be made.
#[derive(Debug)]
pub(in super::super) struct Refused;

type Done = Result<(), Refused>;

fn demand(holds: bool) -> Done {
    holds.then_some(()).ok_or(Refused)
}

impl Reference {
    /// An operator makes a change; where it is refused, nothing has changed.
    pub(in super::super) fn change(&mut self, change: &Change, now: u64) -> Done {
        let mut next = self.clone();
        match change {
            Change::Approve {
                identity,
                replacing,
            } => next.approve(identity, *replacing)?,
            Change::Suspend { name, id } => next.suspend(name, *id)?,
            Change::Resume { name } => next.resume(name)?,
            Change::Retire { name, id } => next.retire(name, *id)?,
            Change::Migrate {
                from,
                to,
                id,
                parent,
                children,
            } => next.migrate(from, to, *id, parent, *children)?,
            Change::Forget { name, scope } => {
                demand(next.seen.remove(&(name.clone(), *scope)).is_some())?;
                next.count("forget", 1);
            }
            Change::Revoke { target, until } => {
                demand(until.is_none_or(|until| until > now))?;
                next.revoked.insert(target.clone(), *until);
                next.count("revoke", 1);
            }
            Change::Lift { target } => {
                demand(next.revoked.remove(target).is_some())?;
                next.count("lift", 1);
            }
        }
        *self = next;
        Ok(())
    }

    fn approve(&mut self, identity: &Identity, replacing: Option<u64>) -> Done {
        let Identity { name, id, parent } = identity;
        let mut others = self.said.iter().filter(|(other, said)| {
            other.is_beside(name)
                && said.id == Some(*id)
                && !matches!(said.state, State::Moved { .. })
        });
        // Who is barred under another name stays so. Who is approved there is
        // migrated, or takes a name over on purpose, and leaves the other.
        let elsewhere = others
            .next()
            .map(|(other, said)| (other.clone(), said.clone()));
        demand(
            elsewhere
                .iter()
                .all(|(_, said)| said.state == State::Approved),
        )?;
        let said = Said {
            id: Some(*id),
            parent: parent.clone(),
            state: State::Approved,
        };
        let mut done = "approve";
        match (self.said.get(name), replacing) {
            (None, None) => {}
            (Some(there), None) => match there.state {
                State::Approved if *there == said => return demand(elsewhere.is_none()),
                // Its account goes by another name.
                State::Approved if there.id == said.id && is_same_parent(&there.parent, parent) => {
                }
                // It comes back to a name that it left.
                State::Moved { .. } => demand(there.id == Some(*id))?,
                State::Approved | State::Suspended { .. } | State::Retired => return Err(Refused),
            },
            (Some(there), Some(replaced)) => {
                demand(there.holds() && there.id == Some(replaced))?;
                done = "replace";
            }
            // What no operator has spoken of, a route may have enrolled.
            (None, Some(replaced)) => {
                let mut seen = self.seen.iter();
                demand(seen.any(|((other, _), seen)| other == name && seen.id == replaced))?;
            }
        }
        if let Some((other, mut left)) = elsewhere {
            demand(done == "replace")?;
            left.state = State::Moved {
                to: name.text.clone(),
            };
            self.said.insert(other, left);
            self.count("migrate", 1);
        }
        self.said.insert(name.clone(), said);
        self.count(done, 1);
        Ok(())
    }

    fn suspend(&mut self, name: &Name, id: Option<u64>) -> Done {
        let approved = match self.said.get(name).map(|said| &said.state) {
            None => false,
            Some(State::Approved) => true,
            Some(State::Suspended { .. } | State::Retired | State::Moved { .. }) => {
                return Err(Refused);
            }
        };
        self.bar(name, id, State::Suspended { approved })?;
        self.count("suspend", 1);
        Ok(())
    }

    fn retire(&mut self, name: &Name, id: Option<u64>) -> Done {
        let there = self.said.get(name);
        demand(there.is_none_or(|said| said.state != State::Retired))?;
        self.bar(name, id, State::Retired)?;
        self.count("retire", 1);
        Ok(())
    }

    /// Bars a name and whoever is behind it: whom an operator meant, else the
    /// only one who was seen with it.
    fn bar(&mut self, name: &Name, id: Option<u64>, state: State) -> Done {
        let there = self.said.get(name).cloned();
        let was_left = there
            .as_ref()
            .is_some_and(|said| matches!(said.state, State::Moved { .. }));
        let mut said = match there {
            Some(said) => {
                demand(id.is_none() || said.id == id)?;
                said
            }
            None => match self.seen_with(name, id).as_slice() {
                [only] => Said {
                    id: Some(only.id),
                    parent: only.parent.clone(),
                    state: State::Retired,
                },
                [] | [..] => Said {
                    id,
                    parent: None,
                    state: State::Retired,
                },
            },
        };
        // Who goes by another name is barred by that one.
        let lives_elsewhere = self.said.iter().any(|(other, one)| {
            other.is_beside(name) && one.id == said.id && !matches!(one.state, State::Moved { .. })
        });
        let seen_elsewhere = self
            .seen
            .iter()
            .any(|((other, _), one)| other.is_beside(name) && Some(one.id) == said.id);
        if said.id.is_some() && (lives_elsewhere || was_left && seen_elsewhere) {
            said.id = None;
        }
        said.state = state;
        self.said.insert(name.clone(), said);
        Ok(())
    }

    /// The different identities that routes saw with a name.
    fn seen_with(&self, name: &Name, id: Option<u64>) -> Vec<Seen> {
        let mut all: Vec<Seen> = Vec::new();
        for ((seen_name, _), seen) in &self.seen {
            let wanted = seen_name == name && id.is_none_or(|id| id == seen.id);
            if wanted && all.iter().all(|one| one.id != seen.id) {
                all.push(seen.clone());
            }
        }
        all
    }

    fn resume(&mut self, name: &Name) -> Done {
        let said = self.said.get_mut(name).ok_or(Refused)?;
        match said.state {
            State::Suspended { approved: true } => said.state = State::Approved,
            State::Suspended { approved: false } => {
                self.said.remove(name);
            }
            State::Approved | State::Retired | State::Moved { .. } => return Err(Refused),
        }
        self.count("resume", 1);
        Ok(())
    }

    fn migrate(
        &mut self,
        from: &Name,
        to: &Name,
        id: Option<u64>,
        parent: &Parent,
        children: bool,
    ) -> Done {
        let mover = self.move_one(from, to, id, parent)?;
        if children {
            self.move_children(from, to, mover)?;
        }
        Ok(())
    }

    /// Moves everything that is known of one identity from a name to another,
    /// and leaves a tombstone; says whose it was.
    fn move_one(
        &mut self,
        from: &Name,
        to: &Name,
        id: Option<u64>,
        parent: &Parent,
    ) -> Result<Option<u64>, Refused> {
        demand(from.is_beside(to))?;
        let said = self.said.get(from).cloned();
        let (mover, belonged) = match &said {
            Some(said) => {
                demand(said.lives() && (id.is_none() || said.id == id))?;
                (said.id, said.parent.clone())
            }
            None => match self.seen_with(from, id).as_slice() {
                [only] => (Some(only.id), only.parent.clone()),
                [] | [..] => return Err(Refused),
            },
        };
        let moving: Vec<_> = self
            .seen
            .iter()
            .filter(|((name, _), seen)| name == from && Some(seen.id) == mover)
            .map(|((_, scope), seen)| (*scope, seen.clone()))
            .collect();
        if let Some(there) = self.said.get(to) {
            let same = mover.is_some() && there.id == mover;
            demand(there.holds() && same)?;
        }
        for (scope, seen) in moving {
            let there = self.seen.remove(&(from.clone(), scope));
            demand(there.is_some())?;
            let seen = Seen {
                parent: parent.clone().or(seen.parent),
                ..seen
            };
            let before = self.seen.insert((to.clone(), scope), seen.clone());
            demand(before.is_none_or(|before| before.id == seen.id))?;
            self.count("migrate", 2);
        }
        let tombstone = Said {
            id: mover,
            parent: belonged,
            state: State::Moved {
                to: to.text.clone(),
            },
        };
        self.said.insert(from.clone(), tombstone);
        self.count("migrate", 1);
        if let Some(said) = said {
            let said = Said {
                parent: parent.clone().or_else(|| said.parent.clone()),
                ..said
            };
            self.said.insert(to.clone(), said);
            self.count("migrate", 1);
        }
        Ok(mover)
    }

    /// Moves what belongs to an account, and is named after it. Where an operator
    /// knows who a child is, that one; else all that routes saw, who must be one.
    fn move_children(&mut self, from: &Name, to: &Name, account: Option<u64>) -> Done {
        let prefix = format!("{}/", from.text);
        let belongs = |parent: &Parent| {
            parent.as_ref().is_some_and(|(name, id)| {
                *name == from.text && account.is_none_or(|account| account == *id)
            })
        };
        let mut children: BTreeMap<Name, Vec<(Option<u64>, Parent)>> = BTreeMap::new();
        let said = self
            .said
            .iter()
            .map(|(name, said)| (name, said.id, &said.parent));
        let seen = self.seen.iter();
        let seen = seen.map(|((name, _), seen)| (name, Some(seen.id), &seen.parent));
        for (name, id, parent) in said.chain(seen) {
            let is_child = name.flavour == from.flavour
                && from.level == Level::Account
                && name.level == Level::Repository
                && name.text.starts_with(&prefix)
                && belongs(parent);
            if is_child {
                let known = children.entry(name.clone()).or_default();
                known.push((id, parent.clone()));
            }
        }
        for (child, known) in children {
            let id = match self.said.get(&child) {
                Some(said) if !said.lives() || !belongs(&said.parent) => continue,
                Some(said) => said.id,
                None => {
                    demand(known.iter().all(|(id, _)| *id == known[0].0))?;
                    known[0].0
                }
            };
            let rest = child.text.strip_prefix(&from.text).unwrap();
            let renamed = Name::new(child.flavour, child.level, &format!("{}{rest}", to.text));
            let parent = known[0].1.as_ref().map(|(_, id)| (to.text.clone(), *id));
            self.move_one(&child, &renamed, id, &parent)?;
        }
        Ok(())
    }
}
