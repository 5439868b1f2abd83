//! What the ledger has to answer, told in the plainest way from what is
//! promised. It shares no table, no parser and no code with the product, and
//! reads a token's identities off the job that it was issued to.

mod change;

pub(super) use change::Change;

use std::collections::{BTreeMap, BTreeSet};

use super::forge::Flavour;
use super::job::{Context, Job, thumbprint};
use super::route::Route;

/// An account, or a repository of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Account,
    Repository,
}

/// A name as a forge compares it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) flavour: Flavour,
    pub(super) level: Level,
    pub(super) text: String,
}

impl Name {
    pub(super) fn new(flavour: Flavour, level: Level, text: &str) -> Self {
        Self {
            flavour,
            level,
            text: text.to_lowercase(),
        }
    }

    fn is_beside(&self, other: &Self) -> bool {
        self.flavour == other.flavour && self.level == other.level && self.text != other.text
    }
}

/// The account that a repository belongs to: its name and its id.
pub(super) type Parent = Option<(String, u64)>;

/// Somebody behind a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: Name,
    pub(super) id: u64,
    pub(super) parent: Parent,
}

/// What an operator made of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Approved,
    Suspended { approved: bool },
    Retired,
    Moved { to: String },
}

/// What an operator said of a name; without an id, of whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) id: Option<u64>,
    pub(super) parent: Parent,
    pub(super) state: State,
}

/// Whom a statement saw under a name first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: u64,
    pub(super) parent: Parent,
}

/// A route and its statement.
pub(super) type Scope = (&'static str, &'static str);

/// What is revoked, in the operator's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    TokenId(Flavour, String),
    Token(String),
    Subject(Flavour, String),
    Key(Option<Flavour>, String),
    Issuer(Flavour),
}

/// What is expected of a presented token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Allowed: so many names are new, and whether the token is spent.
    Allow { enrolled: usize, spent: bool },
    /// Denied, with so many reasons, each of one of these codes.
    Deny(Vec<Vec<&'static str>>),
    /// No statement takes such a token.
    Unmatched,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    pub(super) said: BTreeMap<Name, Said>,
    pub(super) seen: BTreeMap<(Name, Scope), Seen>,
    pub(super) revoked: BTreeMap<Target, Option<u64>>,
    /// Serial numbers of jobs whose tokens were used up.
    pub(super) spent: BTreeSet<(Flavour, String)>,
    /// How often each thing was done.
    pub(super) done: BTreeMap<&'static str, usize>,
}

/// What a statement that takes a token asks.
struct Terms {
    statement: &'static str,
    enrols: bool,
    once: bool,
}

impl Reference {
    /// A token is presented.
    pub(super) fn present(&mut self, route: Route, job: &Job, now: u64) -> Expected {
        if now >= job.expires {
            return Expected::Deny(vec![vec!["token.expired"]]);
        }
        let Some(terms) = terms(route, job) else {
            return Expected::Unmatched;
        };
        let revoked = self.revoked_codes(job, now);
        if !revoked.is_empty() {
            return Expected::Deny(vec![revoked]);
        }
        if route == Route::Unproved {
            return Expected::Deny(vec![vec!["proof.invalid"]]);
        }
        let scope = (route.name(), terms.statement);
        let mut first_uses = Vec::new();
        let mut against = Vec::new();
        for identity in identities(job) {
            match self.judge(&identity, scope) {
                Ok(Known::Yes) => {}
                Ok(Known::No) if terms.enrols => first_uses.push(identity),
                Ok(Known::No) => against.push(vec!["identity.unknown"]),
                Err(codes) => against.push(codes),
            }
        }
        if !against.is_empty() {
            return Expected::Deny(against);
        }
        let token = (job.flavour, job.serial.clone());
        if terms.once && !self.spent.insert(token) {
            return Expected::Deny(vec![vec!["token.reused"]]);
        }
        let enrolled = first_uses.len();
        for Identity { name, id, parent } in first_uses {
            self.seen.insert((name, scope), Seen { id, parent });
            self.count("enrol", 1);
        }
        Expected::Allow {
            enrolled,
            spent: terms.once,
        }
    }

    fn count(&mut self, what: &'static str, times: usize) {
        *self.done.entry(what).or_default() += times;
    }

    /// Every code under which a token is revoked.
    pub(super) fn revoked_codes(&self, job: &Job, now: u64) -> Vec<&'static str> {
        let mut codes = Vec::new();
        for (target, until) in &self.revoked {
            if until.is_some_and(|until| until <= now) {
                continue;
            }
            codes.extend(match target {
                Target::TokenId(flavour, serial) => {
                    (*flavour == job.flavour && *serial == job.serial).then_some("revoked.token")
                }
                Target::Token(digest) => (*digest == job.digest()).then_some("revoked.token"),
                Target::Subject(flavour, subject) => (*flavour == job.flavour
                    && shapeless(subject) == shapeless(&job.subject))
                .then_some("revoked.subject"),
                Target::Key(flavour, key) => (flavour.is_none_or(|one| one == job.flavour)
                    && *key == thumbprint(job.flavour, job.key))
                .then_some("revoked.key"),
                Target::Issuer(flavour) => (*flavour == job.flavour).then_some("revoked.issuer"),
            });
        }
        codes
    }

    /// Whether an identity is known in a scope; or every reason against it.
    fn judge(&self, who: &Identity, scope: Scope) -> Result<Known, Vec<&'static str>> {
        let here = self.said.get(&who.name);
        let others: Vec<_> = self
            .said
            .iter()
            .filter(|(name, said)| name.is_beside(&who.name) && said.id == Some(who.id))
            .map(|(_, said)| said)
            .collect();
        let mut against = Vec::new();
        for said in others.iter().copied().chain(here) {
            match said.state {
                State::Retired => against.push("identity.retired"),
                State::Suspended { .. } => against.push("identity.suspended"),
                State::Approved | State::Moved { .. } => {}
            }
        }
        if here.is_some_and(|said| said.holds() && said.id != Some(who.id)) {
            against.push("identity.reassigned");
        }
        let is_left = here.is_some_and(|said| matches!(said.state, State::Moved { .. }));
        let approved_here = here.filter(|said| said.state == State::Approved);
        let approved_elsewhere = others.iter().find(|said| said.state == State::Approved);
        let approved = match (approved_here, approved_elsewhere) {
            (Some(said), _) => Some(&said.parent),
            (None, Some(said)) if is_left => Some(&said.parent),
            (None, Some(_)) => {
                against.push("identity.renamed");
                None
            }
            (None, None) => None,
        };
        if approved.is_some_and(|parent| !is_same_parent(parent, &who.parent)) {
            against.push("identity.reassigned");
        }
        if !against.is_empty() {
            return Err(against);
        }
        if approved.is_some() {
            return Ok(Known::Yes);
        }
        self.judge_seen(who, scope, is_left)
    }

    fn judge_seen(
        &self,
        who: &Identity,
        scope: Scope,
        is_left: bool,
    ) -> Result<Known, Vec<&'static str>> {
        if let Some(seen) = self.seen.get(&(who.name.clone(), scope)) {
            let same = seen.id == who.id && is_same_parent(&seen.parent, &who.parent);
            return same
                .then_some(Known::Yes)
                .ok_or(vec!["identity.reassigned"]);
        }
        let elsewhere = self.seen.iter().find(|((name, by), seen)| {
            *by == scope && name.is_beside(&who.name) && seen.id == who.id
        });
        match elsewhere {
            None if is_left => Err(vec!["identity.renamed"]),
            None => Ok(Known::No),
            Some(_) if !is_left => Err(vec!["identity.renamed"]),
            Some((_, seen)) if is_same_parent(&seen.parent, &who.parent) => Ok(Known::Yes),
            Some(_) => Err(vec!["identity.reassigned"]),
        }
    }
}

enum Known {
    Yes,
    No,
}

impl Said {
    /// Whether the name still is somebody's.
    fn lives(&self) -> bool {
        matches!(self.state, State::Approved | State::Suspended { .. })
    }

    /// Whether it ties the name to an identity.
    fn holds(&self) -> bool {
        matches!(self.state, State::Approved | State::Moved { .. })
    }
}

fn is_same_parent(one: &Parent, other: &Parent) -> bool {
    let id = |parent: &Parent| parent.as_ref().map(|(_, id)| *id);
    id(one) == id(other)
}

/// Who a job's token is of: the account, then the repository.
pub(super) fn identities(job: &Job) -> [Identity; 2] {
    let (account_id, account) = &job.account;
    let (id, path) = &job.repository;
    [
        Identity {
            name: Name::new(job.flavour, Level::Account, account),
            id: *account_id,
            parent: None,
        },
        Identity {
            name: Name::new(job.flavour, Level::Repository, path),
            id: *id,
            parent: Some((account.to_lowercase(), *account_id)),
        },
    ]
}

/// A subject without ids behind its names, and without the names' case.
fn shapeless(subject: &str) -> String {
    let mut pieces = subject.splitn(3, ':');
    let (kind, names) = (pieces.next().unwrap(), pieces.next().unwrap());
    let names: Vec<_> = names
        .split('/')
        .map(|name| name.split('@').next().unwrap().to_lowercase())
        .collect();
    format!("{kind}:{}:{}", names.join("/"), pieces.next().unwrap())
}

/// The statement of a route that takes a job's token.
fn terms(route: Route, job: &Job) -> Option<Terms> {
    let statement = match (job.flavour, job.context) {
        (Flavour::GitLab, _) => "gitlab",
        (Flavour::GitHub, Context::Environment { .. }) => "production",
        (Flavour::GitHub, Context::Branch(_) | Context::PullRequest) => "rest",
    };
    let enrols = |once| {
        Some(Terms {
            statement,
            enrols: true,
            once,
        })
    };
    match route {
        Route::Lax => enrols(false),
        Route::Open | Route::Proved | Route::Unproved => enrols(true),
        Route::Strict => {
            let on_main = job.context == Context::Environment { main: true };
            let taken = job.flavour == Flavour::GitLab || on_main;
            taken.then_some(Terms {
                statement,
                enrols: false,
                once: job.flavour == Flavour::GitHub,
            })
        }
        Route::Pinned => {
            let is_pinned = job.flavour == Flavour::GitHub
                && job.account == (1, "acme".to_owned())
                && job.repository == (1, "acme/infra".to_owned())
                && matches!(job.context, Context::Environment { .. });
            is_pinned.then_some(Terms {
                statement: "pinned",
                enrols: true,
                once: false,
            })
        }
    }
}
