//! What the ledger has said that a route serves, so that an older copy in its place
//! is noticed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use claimbound::ledger::Served;

use super::step::{Refusal, Step};

/// What the ledger has said that a route serves. A reload hands it on.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    served: Option<Served>,
    /// Whether it has said earlier things since.
    is_behind: bool,
}

impl Heard {
    /// Takes what the ledger says that the route serves, unless it said later things
    /// before: then an older copy has been put in its place, which has forgotten
    /// what was barred.
    ///
    /// # Errors
    /// Where it is one; what decides here stays.
    pub(crate) fn hear(&self, served: Option<Served>) -> Result<Option<Served>, Refusal> {
        let mut last = self.last();
        let Some(before) = last.later_than(served.as_ref()) else {
            last.is_behind = false;
            last.served.clone_from(&served);
            return Ok(served);
        };
        let now = served.map_or_else(|| "none".to_owned(), |served| served.version.to_string());
        let refusal = Refusal::at(Step::Version)(format!(
            "the ledger has become an older copy of itself: it says that the route serves {now}, \
             after it said {}; what decides here stays until it has caught up, or this host starts \
             anew",
            before.version
        ));
        last.is_behind = true;
        Err(refusal)
    }

    /// Whether the ledger said later things than this.
    pub(crate) fn is_past(&self, served: &Served) -> bool {
        self.last().later_than(Some(served)).is_some()
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    fn later_than(&self, served: Option<&Served>) -> Option<&Served> {
        let last = self.served.as_ref()?;
        let is_older = |served: &Served| {
            if self.is_behind {
                // What is barred in the copy makes it no younger.
                served.rollbacks < last.rollbacks || served.version < last.version
            } else {
                served.is_older_than(last)
            }
        };
        served.is_none_or(is_older).then_some(last)
    }
}
