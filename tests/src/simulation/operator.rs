//! An operator, who is often right and sometimes wrong, and whose words reach
//! both the ledger and the reference.

use claimbound::ledger;
use claimbound::models::{Model, Registry};

use super::forge::{Flavour, Forge, REPOSITORIES};
use super::job::{Job, issuer, thumbprint};
use super::random::Random;
use super::reference::{Change, Identity, Level, Name, Parent, Reference, Scope, State, Target};
use super::route;

/// Statements that enrol.
const SCOPES: [Scope; 10] = [
    ("lax", "production"),
    ("lax", "rest"),
    ("lax", "gitlab"),
    ("open", "production"),
    ("open", "rest"),
    ("open", "gitlab"),
    ("proved", "production"),
    ("proved", "rest"),
    ("proved", "gitlab"),
    ("pinned", "pinned"),
];

/// What an operator may do next.
pub(super) fn change(
    forges: &[Forge; 2],
    reference: &Reference,
    jobs: &[Job],
    now: u64,
    random: &mut Random,
) -> Option<Change> {
    let forge = random.pick(forges);
    let identity = somebody(forge, random);
    let named = identity.name.clone();
    let id = random.chance(25).then(|| some_id(&identity, random));
    Some(match random.below(24) {
        0..6 => approve(identity, reference, random),
        6 => Change::Suspend { name: named, id },
        7 | 8 => Change::Resume {
            name: suspended(reference, random).unwrap_or(named),
        },
        9 => Change::Retire {
            name: if random.chance(70) {
                some_name(forge, random)
            } else {
                named
            },
            id,
        },
        10..15 => follow(forge, reference, random)?,
        15 | 16 => {
            let other = some_name(forge, random);
            let (from, to) = if random.chance(50) {
                (other, named)
            } else {
                (named, other)
            };
            Change::Migrate {
                children: random.chance(50),
                parent: identity.parent.filter(|_| random.chance(60)),
                from,
                to,
                id: random.chance(40).then_some(identity.id),
            }
        }
        17 | 18 => {
            let seen: Vec<_> = reference.seen.keys().collect();
            let known = (!seen.is_empty() && random.chance(60)).then(|| *random.pick(&seen));
            let (name, scope) = known
                .cloned()
                .unwrap_or_else(|| (named, *random.pick(&SCOPES)));
            Change::Forget { name, scope }
        }
        19..22 => Change::Revoke {
            target: target(jobs, random)?,
            // Most end soon, so that not all is refused for good.
            until: (!random.chance(10)).then(|| now + u64::try_from(random.below(60)).unwrap()),
        },
        _ => {
            let revoked: Vec<_> = reference.revoked.keys().collect();
            let known = (!revoked.is_empty()).then(|| (*random.pick(&revoked)).clone());
            Change::Lift {
                target: known.or_else(|| target(jobs, random))?,
            }
        }
    })
}

/// An approval, now and then under a name of which an operator has spoken, and
/// on purpose or not.
fn approve(identity: Identity, reference: &Reference, random: &mut Random) -> Change {
    let alike =
        |name: &&Name| name.flavour == identity.name.flavour && name.level == identity.name.level;
    let known: Vec<_> = reference.said.keys().filter(alike).collect();
    let name = if random.chance(20) && !known.is_empty() {
        (*random.pick(&known)).clone()
    } else {
        identity.name.clone()
    };
    let holder = reference.said.get(&name).and_then(|said| said.id);
    let replacing = random.chance(30).then(|| match holder {
        Some(holder) if random.chance(70) => holder,
        Some(_) | None => some_id(&identity, random),
    });
    Change::Approve {
        identity: Identity { name, ..identity },
        replacing,
    }
}

/// A name that is suspended.
fn suspended(reference: &Reference, random: &mut Random) -> Option<Name> {
    let said = reference.said.iter();
    let suspended: Vec<_> = said
        .filter(|(_, said)| matches!(said.state, State::Suspended { .. }))
        .map(|(name, _)| name)
        .collect();
    (!suspended.is_empty()).then(|| (*random.pick(&suspended)).clone())
}

/// A genuine rename, or transfer, of somebody whom the ledger knows by a name
/// that is no longer theirs.
fn follow(forge: &Forge, reference: &Reference, random: &mut Random) -> Option<Change> {
    let seen = reference.seen.iter();
    let seen = seen.map(|((name, _), seen)| (name, Some(seen.id)));
    let said = reference.said.iter().map(|(name, said)| (name, said.id));
    let moved: Vec<_> = seen
        .chain(said)
        .filter(|(name, _)| name.flavour == forge.flavour)
        .filter_map(|(name, id)| Some((name, now(forge, name.level, id?)?)))
        .filter(|(name, now)| **name != now.name)
        .collect();
    if moved.is_empty() {
        return None;
    }
    let (from, now) = random.pick(&moved);
    Some(Change::Migrate {
        from: (*from).clone(),
        to: now.name.clone(),
        id: random.chance(60).then_some(now.id),
        parent: now.parent.clone(),
        children: random.chance(70),
    })
}

/// Who has this id, as the forge has them now.
fn now(forge: &Forge, level: Level, id: u64) -> Option<Identity> {
    let flavour = forge.flavour;
    match level {
        Level::Account => {
            let account = forge.accounts.iter().find(|one| one.id == id)?;
            Some(Identity {
                name: Name::new(flavour, level, &account.name),
                id,
                parent: None,
            })
        }
        Level::Repository => {
            let index = forge.repositories.iter().position(|one| one.id == id)?;
            let account = &forge.accounts[forge.repositories[index].account];
            Some(Identity {
                name: Name::new(flavour, level, &forge.path(index)),
                id,
                parent: Some((account.name.to_lowercase(), account.id)),
            })
        }
    }
}

/// What an operator does who knows whose the names are: approves an owner and
/// what belongs to them, or follows them.
pub(super) fn honest(forge: &Forge, reference: &Reference, random: &mut Random) -> Option<Change> {
    let change = if random.chance(40) {
        follow(forge, reference, random)?
    } else {
        let alive = forge.alive();
        if alive.is_empty() {
            return None;
        }
        let index = *random.pick(&alive);
        let repository = &forge.repositories[index];
        let (level, id) = if random.chance(50) {
            let account = &forge.accounts[repository.account];
            (Level::Account, account.id)
        } else {
            (Level::Repository, repository.id)
        };
        Change::Approve {
            identity: now(forge, level, id)?,
            replacing: None,
        }
    };
    let whose = match &change {
        Change::Approve { identity, .. } => Some(account_of(identity)),
        Change::Migrate { to, parent, .. } => match parent {
            Some((_, account)) => Some(*account),
            None => forge.holder_of(&to.text),
        },
        Change::Suspend { .. }
        | Change::Resume { .. }
        | Change::Retire { .. }
        | Change::Forget { .. }
        | Change::Revoke { .. }
        | Change::Lift { .. } => None,
    };
    whose
        .is_some_and(|account| !forge.is_attacker(account))
        .then_some(change)
}

/// The account that an identity is, or belongs to.
fn account_of(identity: &Identity) -> u64 {
    match identity.parent {
        Some((_, account)) => account,
        None => identity.id,
    }
}

/// An account or a repository as the forge has it, or a name with an id that
/// is not its own.
fn somebody(forge: &Forge, random: &mut Random) -> Identity {
    let flavour = forge.flavour;
    if random.chance(35) {
        let account = random.pick(&forge.accounts);
        return Identity {
            name: Name::new(flavour, Level::Account, &account.name),
            id: account.id,
            parent: None,
        };
    }
    let index = random.below(forge.repositories.len());
    let repository = &forge.repositories[index];
    let account = &forge.accounts[repository.account];
    let stranger = random.chance(10);
    Identity {
        name: Name::new(flavour, Level::Repository, &forge.path(index)),
        id: repository.id + u64::from(stranger),
        parent: Some((account.name.to_lowercase(), account.id)),
    }
}

fn some_id(identity: &Identity, random: &mut Random) -> u64 {
    match random.below(3) {
        0 => 1 + u64::try_from(random.below(5)).unwrap(),
        _ => identity.id,
    }
}

fn some_name(forge: &Forge, random: &mut Random) -> Name {
    let flavour = forge.flavour;
    let account = random.pick(&flavour.accounts()).to_owned();
    if random.chance(40) {
        return Name::new(flavour, Level::Account, account);
    }
    let path = format!("{account}/{}", random.pick(&REPOSITORIES));
    Name::new(flavour, Level::Repository, &path)
}

fn target(jobs: &[Job], random: &mut Random) -> Option<Target> {
    if jobs.is_empty() {
        return None;
    }
    let recent = jobs.len().saturating_sub(6);
    let job = random.pick(&jobs[recent..]);
    Some(match random.below(12) {
        0..3 => Target::TokenId(job.flavour, job.serial.clone()),
        3..6 => Target::Token(job.digest()),
        6..9 => Target::Subject(job.flavour, job.subject.clone()),
        9 => Target::Key(Some(job.flavour), thumbprint(job.flavour, job.key)),
        10 => Target::Key(None, thumbprint(job.flavour, job.key)),
        _ => Target::Issuer(job.flavour),
    })
}

/// The change as the ledger is told of it.
pub(super) fn told(change: &Change) -> ledger::Change {
    match change {
        Change::Approve {
            identity: Identity { name, id, parent },
            replacing,
        } => ledger::Change::Approve {
            identity: ledger::Identity::new(
                issuer(name.flavour),
                model(name.flavour),
                kind(name.flavour, name.level),
                &loud(&name.text),
                Some(&id.to_string()),
                told_parent(name.flavour, parent),
            )
            .unwrap(),
            replacing: replacing.map(|id| id.to_string()),
        },
        Change::Suspend { name, id } => ledger::Change::Suspend {
            name: told_name(name),
            id: id.map(|id| id.to_string()),
        },
        Change::Resume { name } => ledger::Change::Resume {
            name: told_name(name),
        },
        Change::Retire { name, id } => ledger::Change::Retire {
            name: told_name(name),
            id: id.map(|id| id.to_string()),
        },
        Change::Migrate {
            from,
            to,
            id,
            parent,
            children,
        } => ledger::Change::Migrate {
            from: told_name(from),
            to: told_name(to),
            id: id.map(|id| id.to_string()),
            parent: told_parent(from.flavour, parent),
            children: *children,
        },
        Change::Forget {
            name,
            scope: (route, statement),
        } => ledger::Change::Forget {
            name: told_name(name),
            route: (*route).to_owned(),
            statement: (*statement).to_owned(),
        },
        Change::Revoke { target, until } => ledger::Change::Revoke {
            target: told_target(target),
            until: *until,
        },
        Change::Lift { target } => ledger::Change::Lift {
            target: told_target(target),
        },
    }
}

/// An operator who shouts means the same name.
fn loud(text: &str) -> String {
    text.to_uppercase()
}

fn told_name(name: &Name) -> ledger::Name {
    let kind = kind(name.flavour, name.level);
    let kind = model(name.flavour).kind(kind).unwrap();
    ledger::Name::of(issuer(name.flavour), kind, &loud(&name.text))
}

fn told_parent(flavour: Flavour, parent: &Parent) -> Option<ledger::Parent> {
    let (name, id) = parent.as_ref()?;
    Some(ledger::Parent {
        kind: kind(flavour, Level::Account).to_owned(),
        name: name.clone(),
        id: Some(id.to_string()),
    })
}

fn told_target(target: &Target) -> ledger::Target {
    let owned = |flavour: Flavour| issuer(flavour).to_owned();
    match target {
        Target::TokenId(flavour, id) => ledger::Target::TokenId {
            issuer: owned(*flavour),
            id: id.clone(),
        },
        Target::Token(digest) => ledger::Target::Token {
            digest: digest.clone(),
        },
        Target::Subject(flavour, subject) => {
            ledger::Target::subject(issuer(*flavour), Some(model(*flavour)), subject)
        }
        Target::Key(flavour, thumbprint) => ledger::Target::Key {
            issuer: flavour.map(owned),
            thumbprint: thumbprint.clone(),
        },
        Target::Issuer(flavour) => ledger::Target::Issuer {
            issuer: owned(*flavour),
        },
    }
}

fn model(flavour: Flavour) -> &'static Model {
    Registry::standard().get(route::model(flavour)).unwrap()
}

pub(super) const fn kind(flavour: Flavour, level: Level) -> &'static str {
    match (flavour, level) {
        (Flavour::GitHub, Level::Account) => "owner",
        (Flavour::GitHub, Level::Repository) => "repository",
        (Flavour::GitLab, Level::Account) => "namespace",
        (Flavour::GitLab, Level::Repository) => "project",
    }
}
