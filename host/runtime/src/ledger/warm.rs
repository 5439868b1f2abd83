//! What is known to be known: decisions that need nothing from the store but
//! its generation.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use super::decide::Question;
use super::entry::Scope;
use super::revocation::Revocations;
use super::store::AsOf;

/// Most workloads that are remembered, each of a few hundred bytes.
const MOST: usize = 16 * 1024;

/// Workloads that the store has accepted, and everything that is revoked, as of
/// one generation.
///
/// Only an operator can make a known workload unknown, and whatever an operator
/// does moves the generation on; what routes enrol adds to what is known and
/// takes nothing away.
#[derive(Debug, Default)]
pub(super) struct Warm(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    /// None: nothing has been read yet.
    as_of: Option<AsOf>,
    revocations: Arc<Revocations>,
    known: HashSet<String>,
}

/// What is remembered of a workload.
pub(super) struct Remembered {
    /// Everything that is revoked.
    pub(super) revocations: Arc<Revocations>,
    /// Whether all its names are known.
    pub(super) known: bool,
}

impl Warm {
    /// What is remembered of this generation; none where it is another one.
    pub(super) fn recall(&self, as_of: AsOf, workload: &str) -> Option<Remembered> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (state.as_of == Some(as_of)).then(|| Remembered {
            revocations: Arc::clone(&state.revocations),
            known: state.known.contains(workload),
        })
    }

    /// Remembers what is revoked as of a generation.
    pub(super) fn refresh(&self, as_of: AsOf, revocations: &Arc<Revocations>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if state.as_of != Some(as_of) {
            *state = State {
                as_of: Some(as_of),
                revocations: Arc::clone(revocations),
                known: HashSet::new(),
            };
        }
    }

    /// Remembers a workload whose names are known as of a generation.
    pub(super) fn remember(&self, as_of: AsOf, workload: String) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if state.as_of == Some(as_of) {
            if state.known.len() >= MOST {
                state.known.clear();
            }
            state.known.insert(workload);
        }
    }
}

impl Question<'_> {
    /// The workload and the statement as one text, that no others have: each
    /// piece behind its length.
    pub(super) fn workload(&self) -> String {
        let mut text = String::with_capacity(256);
        let mut add = |piece: &str| {
            text.push_str(&piece.len().to_string());
            text.push(':');
            text.push_str(piece);
        };
        let (route, statement) = Scope::columns(&self.scope);
        add(self.token.token().issuer().url());
        add(route);
        add(statement);
        for identity in &self.identities {
            let parent = identity.parent();
            add(&identity.name().kind);
            add(&identity.name().name);
            for id in [
                identity.id(),
                parent.and_then(|parent| parent.id.as_deref()),
            ] {
                add(if id.is_some() { "+" } else { "-" });
                add(id.unwrap_or_default());
            }
            add(parent.map_or("", |parent| &parent.name));
        }
        text
    }
}
