//! An entry as it is written down: in a table, in history, in an export.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Standing, State};
use super::name::{Name, Parent, check_text};

/// An entry with every member a plain value.
///
/// Stores keep one a row; exports have one a line. `route` and `statement` are
/// empty where an operator said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) issuer: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) spelling: String,
    pub(crate) id: Option<String>,
    pub(crate) parent_kind: Option<String>,
    pub(crate) parent_name: Option<String>,
    pub(crate) parent_id: Option<String>,
    pub(crate) state: String,
    /// Whether a suspended name was approved before.
    pub(crate) was_approved: bool,
    /// The name that a moved one went to.
    pub(crate) moved_to: Option<String>,
    pub(crate) route: String,
    pub(crate) statement: String,
    pub(crate) since: u64,
    pub(crate) by: String,
    pub(crate) reason: String,
}

/// What can't be an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowError {
    #[error("`{0}` is no state of a name")]
    State(String),
    #[error("an entry of state `{0}` has no `{1}`")]
    Lacks(&'static str, &'static str),
    #[error("an entry of state `{0}` has a `{1}`")]
    Has(&'static str, &'static str),
    #[error("a parent has a kind and a name")]
    Parent,
    #[error("{0}")]
    Text(#[from] super::name::IdentityError),
}

impl From<&Entry> for Row {
    fn from(entry: &Entry) -> Self {
        let parent = entry.parent.as_ref();
        let scope = entry.standing.scope();
        let (route, statement) = scope.columns();
        let (was_approved, moved_to) = match &entry.standing {
            Standing::Suspended { approved } => (*approved, None),
            Standing::Moved { to } => (false, Some(to.clone())),
            Standing::Observed { .. } | Standing::Approved | Standing::Retired => (false, None),
        };
        Self {
            issuer: entry.name.issuer.clone(),
            kind: entry.name.kind.clone(),
            name: entry.name.name.clone(),
            spelling: entry.spelling.clone(),
            id: entry.id.clone(),
            parent_kind: parent.map(|parent| parent.kind.clone()),
            parent_name: parent.map(|parent| parent.name.clone()),
            parent_id: parent.and_then(|parent| parent.id.clone()),
            state: entry.standing.state().as_str().to_owned(),
            was_approved,
            moved_to,
            route: route.to_owned(),
            statement: statement.to_owned(),
            since: entry.since,
            by: entry.by.clone(),
            reason: entry.reason.clone(),
        }
    }
}

/// As a line of an export has it.
impl Serialize for Entry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Row::from(self).serialize(serializer)
    }
}

impl TryFrom<Row> for Entry {
    type Error = RowError;

    fn try_from(row: Row) -> Result<Self, RowError> {
        for text in [&row.issuer, &row.kind, &row.name, &row.spelling] {
            check_text(text)?;
        }
        if let Some(id) = &row.id {
            check_text(id)?;
        }
        Ok(Self {
            parent: parent(&row)?,
            standing: standing(&row)?,
            name: Name {
                issuer: row.issuer,
                kind: row.kind,
                name: row.name,
            },
            spelling: row.spelling,
            id: row.id,
            since: row.since,
            by: row.by,
            reason: row.reason,
        })
    }
}

fn parent(row: &Row) -> Result<Option<Parent>, RowError> {
    match (&row.parent_kind, &row.parent_name) {
        (None, None) if row.parent_id.is_none() => Ok(None),
        (Some(kind), Some(name)) => {
            for text in [kind, name].into_iter().chain(&row.parent_id) {
                check_text(text)?;
            }
            Ok(Some(Parent {
                kind: kind.clone(),
                name: name.clone(),
                id: row.parent_id.clone(),
            }))
        }
        (Some(_) | None, _) => Err(RowError::Parent),
    }
}

fn standing(row: &Row) -> Result<Standing, RowError> {
    let state = State::parse(&row.state).ok_or_else(|| RowError::State(row.state.clone()))?;
    let written = state.as_str();
    let refuse = |has: bool, what| (!has).then_some(()).ok_or(RowError::Has(written, what));
    if state == State::Observed {
        if row.route.is_empty() || row.statement.is_empty() {
            return Err(RowError::Lacks(written, "route and statement"));
        }
    } else {
        refuse(
            !row.route.is_empty() || !row.statement.is_empty(),
            "route or statement",
        )?;
    }
    refuse(
        row.was_approved && state != State::Suspended,
        "was_approved",
    )?;
    refuse(row.moved_to.is_some() && state != State::Moved, "moved_to")?;
    Ok(match state {
        State::Observed => Standing::Observed {
            route: row.route.clone(),
            statement: row.statement.clone(),
        },
        State::Approved => Standing::Approved,
        State::Suspended => Standing::Suspended {
            approved: row.was_approved,
        },
        State::Retired => Standing::Retired,
        State::Moved => Standing::Moved {
            to: row
                .moved_to
                .clone()
                .ok_or(RowError::Lacks(written, "moved_to"))?,
        },
    })
}
