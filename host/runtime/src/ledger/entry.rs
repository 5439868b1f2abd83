//! An entry of the ledger: what is known of a name, from whose word.

use super::name::{Identity, Name, Parent};

/// What is known of a name, from an operator or from one statement of one route.
///
/// A name has at most one entry of an operator, which holds everywhere, and one
/// of each route and statement that enrolled it, which holds for these alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: Name,
    /// The name as it was first said, before case was folded.
    pub spelling: String,
    /// The immutable id that it is bound to; none where it has none.
    pub id: Option<String>,
    /// What it belongs to.
    pub parent: Option<Parent>,
    /// What holds of it, and for whom.
    pub standing: Standing,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Who said so: an operator's name, or the route and statement.
    pub by: String,
    /// Why; empty where a route enrolled it.
    pub reason: String,
}

/// What holds of a name, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A statement of a route enrolled it at its first use: known to these,
    /// observed by everybody else.
    Observed {
        /// The route.
        route: String,
        /// Its policy's statement.
        statement: String,
    },
    /// An operator approved it, for every route.
    Approved,
    /// Barred until an operator resumes it.
    Suspended {
        /// Whether it was approved before, and will be again.
        approved: bool,
    },
    /// Barred for ever.
    Retired,
    /// Its identity goes by another name now. The name stays barred to all
    /// others.
    Moved {
        /// The name that it goes by.
        to: String,
    },
}

/// A [`Standing`] without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Enrolled by a route.
    Observed,
    /// Approved by an operator.
    Approved,
    /// Barred for now.
    Suspended,
    /// Barred for ever.
    Retired,
    /// Left for another name.
    Moved,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Observed,
        Self::Approved,
        Self::Suspended,
        Self::Retired,
        Self::Moved,
    ];

    /// The state as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Approved => "approved",
            Self::Suspended => "suspended",
            Self::Retired => "retired",
            Self::Moved => "moved",
        }
    }

    /// The state that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Standing {
    /// The state.
    pub const fn state(&self) -> State {
        match self {
            Self::Observed { .. } => State::Observed,
            Self::Approved => State::Approved,
            Self::Suspended { .. } => State::Suspended,
            Self::Retired => State::Retired,
            Self::Moved { .. } => State::Moved,
        }
    }

    /// For whom it holds.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Observed { route, statement } => Scope::Statement {
                route: route.clone(),
                statement: statement.clone(),
            },
            Self::Approved | Self::Suspended { .. } | Self::Retired | Self::Moved { .. } => {
                Scope::Everywhere
            }
        }
    }
}

/// For whom an entry holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// For every route: an operator's entry.
    Everywhere,
    /// For one statement of one route.
    Statement {
        /// The route.
        route: String,
        /// Its policy's statement.
        statement: String,
    },
}

impl Scope {
    /// The route and the statement; both empty for an operator's entries.
    pub(super) fn columns(&self) -> (&str, &str) {
        match self {
            Self::Everywhere => ("", ""),
            Self::Statement { route, statement } => (route, statement),
        }
    }

    /// Who enrols in it, as entries and history name them.
    pub(super) fn enroller(&self) -> String {
        let (route, statement) = self.columns();
        format!("route `{route}`, statement `{statement}`")
    }
}

impl Entry {
    /// What a statement enrols at a first use.
    pub(super) fn enrolled(identity: &Identity, scope: &Scope, now: u64) -> Self {
        let (route, statement) = scope.columns();
        let standing = Standing::Observed {
            route: route.to_owned(),
            statement: statement.to_owned(),
        };
        Self {
            by: scope.enroller(),
            ..Self::of(identity, standing, now)
        }
    }

    /// An entry of this identity by nobody's word yet.
    pub(super) fn of(identity: &Identity, standing: Standing, now: u64) -> Self {
        Self {
            name: identity.name.clone(),
            spelling: identity.spelling.clone(),
            id: identity.id.clone(),
            parent: identity.parent.clone(),
            standing,
            since: now,
            by: String::new(),
            reason: String::new(),
        }
    }

    /// The id, else words that say that there is none.
    pub(super) fn shown_id(&self) -> String {
        self.id
            .as_deref()
            .map_or_else(|| "no id".to_owned(), |id| format!("id `{id}`"))
    }
}
