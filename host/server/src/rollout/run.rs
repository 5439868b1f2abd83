//! Looking at stores, again and again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::{Rollout, Selected};
use crate::host::Route;
use crate::reload::{Put, Reloader};

/// How often it is looked whose time has come.
const TICK: Duration = Duration::from_millis(100);

/// Looks at the stores of all routes in their time, and takes up what may be taken
/// up, until `stop`.
pub(crate) async fn run(reloader: Arc<Reloader>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = stop.cancelled() => return,
        }
        for route in reloader.host().routes() {
            let looking = route.rollout().and_then(Looking::begin);
            if let Some(looking) = looking {
                // A store that is slow holds up its own routes alone.
                let turn = Turn {
                    reloader: Arc::clone(&reloader),
                    stop: stop.clone(),
                    route,
                    looking,
                };
                tokio::spawn(turn.take());
            }
        }
    }
}

/// One look at a store, and what comes of it.
struct Turn {
    reloader: Arc<Reloader>,
    stop: CancellationToken,
    route: Arc<Route>,
    looking: Looking,
}

impl Turn {
    async fn take(self) {
        let _begun = self.reloader.host().begin();
        let places = Arc::clone(&self.looking.0.wanted.origin.places);
        let place = tokio::select! {
            place = places.acquire_owned() => place,
            () = self.stop.cancelled() => return,
        };
        let Ok(place) = place else {
            return;
        };
        let (reloader, rollout) = (Arc::clone(&self.reloader), Arc::clone(&self.looking.0));
        let frame = Arc::clone(self.route.frame());
        let look = move || {
            let _place = place;
            reloader.look(&frame, &rollout)
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Some(selected)) if !self.stop.is_cancelled() => self.put(selected).await,
            Ok(Some(_) | None) => {}
            Err(_) => {
                let route = self.route.name();
                error!(route, "a look at a store ended without an answer");
            }
        }
    }

    async fn put(&self, selected: Arc<Selected>) {
        let (host, route) = (self.reloader.host(), self.route.name());
        let (rollout, frame) = (&self.looking.0, self.route.frame());
        let (id, digest) = (selected.id.clone(), selected.digest.to_string());
        let version = id.version();
        match self.reloader.put(frame, rollout, selected).await {
            Ok(Put::Up) => {
                info!(route, %version, digest, "a module is taken up");
                host.metrics().module_taken_up(self.route.shared_name());
            }
            Ok(Put::Superseded) => {
                debug!(route, %version, "another configuration was taken up meanwhile");
            }
            Err(refusal) => {
                let now = host.clock().now();
                rollout.refuse(now, route, version, &refusal, host.metrics());
            }
        }
    }
}

/// Whoever looks at a store for a rollout: nobody else does until it is dropped.
struct Looking(Arc<Rollout>);

impl Looking {
    /// None where it is not time, or somebody looks.
    fn begin(rollout: &Arc<Rollout>) -> Option<Self> {
        rollout.begins_to_look().then(|| Self(Arc::clone(rollout)))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.ends_to_look();
    }
}

impl Rollout {
    /// Whether it is time to look at the store, and nobody does: whoever is told
    /// so does.
    fn begins_to_look(&self) -> bool {
        let is_asked = self.is_asked.load(Ordering::Relaxed);
        if !is_asked && !self.state().is_due(self.wanted.origin.poll) {
            return false;
        }
        if self.is_looking.swap(true, Ordering::Acquire) {
            return false;
        }
        self.is_asked.store(false, Ordering::Relaxed);
        true
    }

    fn ends_to_look(&self) {
        self.state().rest();
        self.is_looking.store(false, Ordering::Release);
    }
}
