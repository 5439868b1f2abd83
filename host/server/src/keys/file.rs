//! Keys in a file, read again when it changes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::source::{limits, parse, read};
use super::supply::Shared;
use crate::config::Form;
use crate::files::Mark;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// A file of keys.
pub(super) struct Watched {
    path: PathBuf,
    form: Form,
    seen: Option<Mark>,
    text: Option<Vec<u8>>,
}

impl Watched {
    pub(super) fn new(path: PathBuf, form: Form) -> Self {
        Self {
            path,
            form,
            seen: None,
            text: None,
        }
    }

    /// Looks at the file for ever.
    pub(super) async fn watch(mut self, shared: Arc<Shared>) {
        loop {
            sleep(EVERY).await;
            let shared = Arc::clone(&shared);
            let looked = tokio::task::spawn_blocking(move || {
                self.look(&shared);
                self
            });
            match looked.await {
                Ok(looked) => self = looked,
                Err(_) => return,
            }
        }
    }

    /// Takes up what is in the file, where it has changed. What can't be used
    /// leaves the keys as they are, and is said once.
    pub(super) fn look(&mut self, shared: &Shared) {
        let version = Mark::of(&self.path);
        if version.is_some() && version == self.seen {
            return;
        }
        let was_absent = self.seen.is_none() && self.text.is_some();
        // What is written meanwhile has another version, and is read next time.
        self.seen = version;
        match self.taken_up(shared) {
            Ok(()) => shared.tell(|tally| {
                tally.succeeded = tally.succeeded.saturating_add(1);
                tally.last_error = None;
            }),
            Err(_) if version.is_none() && was_absent => {}
            Err(error) => {
                tracing::warn!(
                    issuer = shared.issuer.url(),
                    error,
                    "the issuer's key file is not used; its last keys stay"
                );
                shared.tell(|tally| {
                    tally.failed = tally.failed.saturating_add(1);
                    tally.last_error = Some(error);
                });
            }
        }
    }

    fn taken_up(&mut self, shared: &Shared) -> Result<(), String> {
        let text = read(&self.path, limits().bytes as u64)?;
        let set = parse(self.form, text.clone()).map_err(|error| error.to_string())?;
        if self.text.as_ref() != Some(&text) {
            let generation = shared.issuer.replace_keys(set);
            tracing::info!(
                issuer = shared.issuer.url(),
                generation,
                "the issuer's key file is taken up"
            );
            self.text = Some(text);
        }
        Ok(())
    }
}
