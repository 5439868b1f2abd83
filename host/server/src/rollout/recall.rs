//! Going back to the version that was in use before, whatever a look at the store
//! waits for.

use std::sync::Arc;
use std::time::Duration;

use claimbound::ledger::Served;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::run::put;
use super::{Rollout, Selected, Successor};
use crate::reload::Reloader;

/// How often the ledger is asked what each route serves.
const EVERY: Duration = Duration::from_secs(1);

/// Asks the ledger again and again, and goes back where an operator did, until
/// `stop`.
pub(super) async fn run(reloader: Arc<Reloader>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        let _begun = reloader.host().begin();
        let asked = Arc::clone(&reloader);
        let Ok(recalled) = tokio::task::spawn_blocking(move || asked.recalled()).await else {
            error!("the ledger was asked what routes serve, which ended without an answer");
            continue;
        };
        for (route, successor) in recalled {
            if !stop.is_cancelled() {
                put(&reloader, &route, successor).await;
            }
        }
    }
}

impl Rollout {
    /// Whether there is a version to go back to without a store.
    pub(crate) fn has_left(&self) -> bool {
        self.state().left.is_some()
    }

    /// The version that was in use before, where an operator went back to it.
    pub(crate) fn recalled(&self, served: Option<&Served>) -> Option<Successor> {
        let over = self.active();
        let served = served.filter(|served| served.version != *over.version())?;
        if self.heard.is_past(served) {
            return None;
        }
        let left = self.state().left.clone()?;
        let is_it = *left.version() == served.version && left.digest == served.digest;
        is_it.then(|| Successor {
            // It follows whatever is served: the ledger serves it already.
            selected: Arc::new(Selected {
                after: None,
                ..(*left).clone()
            }),
            over,
        })
    }
}
