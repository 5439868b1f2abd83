//! Looking at stores, again and again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::{Rollout, Successor, recall};
use crate::host::Route;
use crate::reload::{Put, Reloader};

/// How often it is looked whose time has come.
const TICK: Duration = Duration::from_millis(100);

/// Looks at the stores of all routes in their time, takes up what may be taken up,
/// and goes back where an operator does, until `stop`.
pub(crate) async fn run(reloader: Arc<Reloader>, stop: CancellationToken) {
    let recall = recall::run(Arc::clone(&reloader), stop.clone());
    tokio::join!(look_again(reloader, stop), recall);
}

async fn look_again(reloader: Arc<Reloader>, stop: CancellationToken) {
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
        let places = Arc::clone(&self.looking.0.wanted.depot.places);
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
            Ok(Some(successor)) if !self.stop.is_cancelled() => {
                put(&self.reloader, &self.route, successor).await;
            }
            Ok(Some(_) | None) => {}
            Err(_) => {
                let route = self.route.name();
                error!(route, "a look at a store ended without an answer");
            }
        }
    }
}

/// Takes up what is to be taken up on a route, and tells what became of it.
pub(super) async fn put(reloader: &Arc<Reloader>, route: &Route, successor: Successor) {
    let Some(rollout) = route.rollout() else {
        return;
    };
    let (host, name, frame) = (reloader.host(), route.name(), route.frame());
    let selected = &successor.selected;
    let (id, digest) = (selected.id.clone(), selected.digest.to_string());
    let version = id.version();
    match reloader.put(frame, rollout, successor).await {
        Ok(Put::Up) => {
            info!(route = name, %version, digest, "a module is taken up");
            host.metrics().module_taken_up(route.shared_name());
        }
        Ok(Put::Superseded) => {
            debug!(route = name, %version, "something else was taken up meanwhile");
        }
        Err(refusal) => {
            let now = host.clock().now();
            rollout.refuse(now, name, version, &refusal, host.metrics());
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
        if !is_asked && !self.state().is_due(self.wanted.depot.poll) {
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
