//! The store that a command is about, and how it is reached.

use std::future::Future;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use claimbound::modules::{Digest, ModuleId, ModuleName, Published};
use claimbound_server::store::{Access, Bounds, Credentials, Place, Store, StoreError, Watcher};
use tokio::runtime::{Builder, Runtime};

use crate::console::Moving;
use crate::input;
use crate::nearest::did_you_mean;

/// Which store.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The store: a folder, or a registry such as `https://registry.example/acme`.
    // Read when it is opened: whoever parses arguments repeats those that are wrong,
    // and a password may stand in one.
    #[arg(value_name = "STORE")]
    place: String,

    /// Trust the authorities in this file of PEM, in place of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// A store, and what waits for it.
pub(crate) struct Opened {
    store: Store,
    runtime: Runtime,
}

impl Arguments {
    pub(crate) fn open(&self) -> anyhow::Result<Opened> {
        open(&self.place, self.ca.as_deref())
    }
}

/// A store as it is written, its certificate checked by the authorities in that file.
///
/// # Errors
/// As [`place`]; where the authorities can't be read.
pub(crate) fn open(store: &str, ca: Option<&Path>) -> anyhow::Result<Opened> {
    let place = place(store)?;
    let roots = ca.map(|path| input::file(path, input::TEXT));
    let access = Access {
        credentials: Credentials::docker(&|name| std::env::var(name).ok()),
        roots: roots.transpose()?,
    };
    let moving = Moving::new();
    let watcher = Watcher::new(move |transfer| moving.at(&transfer));
    let store = Store::open(place, access, Bounds::default())?;
    let runtime = Builder::new_current_thread().enable_all().build();
    Ok(Opened {
        store: store.watched(watcher),
        runtime: runtime.context("no work can be waited for")?,
    })
}

/// Where a store is that is written so.
///
/// # Errors
/// Where it is neither a folder nor a registry, or is spelled as other programs
/// spell a registry: a folder of that name would be made.
fn place(text: &str) -> anyhow::Result<Place> {
    let place: Place = text.parse().map_err(|error| shorter(text, error))?;
    if let Place::Folder(path) = &place
        && looks_like_a_registry(text)
        && !path.exists()
    {
        // What stands before an `@` may be a password.
        let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        bail!(
            "`{shown}` has no scheme: a registry is written `https://{shown}`, or \
             `http://{shown}` where it is without TLS, and a folder of that name `./{shown}`"
        );
    }
    Ok(place)
}

/// Where a URL that is none of a store ends with a version, or a digest, as other
/// programs write it: what stands before the name.
fn shorter(text: &str, error: StoreError) -> anyhow::Error {
    let last = text.rsplit_once('/');
    let Some((before, _)) = last.filter(|(_, last)| last.contains([':', '@'])) else {
        return error.into();
    };
    // What ends with `/` is the scheme, and what holds an `@` may hold a password.
    if before.ends_with('/') || before.contains('@') {
        return error.into();
    }
    anyhow!("{error}; give what stands before the name: `{before}`, to which it is added")
}

/// Whether a text is what Docker takes for a registry: what stands before the
/// first slash has a port, or is the name of a host.
fn looks_like_a_registry(text: &str) -> bool {
    let (host, is_followed) = match text.split_once('/') {
        Some((host, _)) => (host, true),
        None => (text, false),
    };
    if let Some((name, port)) = host.rsplit_once(':') {
        return !name.is_empty() && port.parse::<u16>().is_ok();
    }
    is_followed && (host == "localhost" || host.trim_start_matches('.').contains('.'))
}

impl Opened {
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Where it is, for people.
    pub(crate) fn place(&self) -> String {
        self.store.place().to_string()
    }

    /// Waits for what the store does.
    pub(crate) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> anyhow::Result<T> {
        let done = self.runtime.block_on(work);
        done.map_err(|error| match self.store.place().without_tls(&error) {
            Some(hint) => anyhow!("{error}; {hint}"),
            None => error.into(),
        })
    }

    /// A version, with all that belongs to it; nothing of it is verified.
    ///
    /// # Errors
    /// As [`Store::fetch`]; where nothing of the name is there, which name may
    /// have been meant.
    pub(crate) fn fetch(
        &self,
        id: &ModuleId,
        promised: Option<&Digest>,
    ) -> anyhow::Result<Published> {
        let fetched = self.wait(self.store.fetch(id, promised));
        let absent = |error: &anyhow::Error| {
            let error = error.downcast_ref::<StoreError>();
            matches!(error, Some(StoreError::Absent { .. }))
        };
        match fetched {
            Err(error) if absent(&error) && self.has_none_of(id.name()) => {
                Err(self.nothing_of(id.name()))
            }
            other => other,
        }
    }

    fn has_none_of(&self, name: &ModuleName) -> bool {
        let versions = self.wait(self.store.versions(name));
        versions.is_ok_and(|versions| versions.is_empty())
    }

    /// That the store holds nothing of a name, and which one may have been meant.
    /// Many registries tell their names to nobody.
    pub(crate) fn nothing_of(&self, name: &ModuleName) -> anyhow::Error {
        let names = self.wait(self.store.names()).unwrap_or_default();
        let names: Vec<_> = names.iter().map(ModuleName::as_str).collect();
        let near = did_you_mean(name.as_str(), &names);
        anyhow!("the store holds no module `{name}`{near}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_without_its_scheme_is_no_folder() {
        for text in [
            "localhost:5000/x",
            "localhost:5000",
            "127.0.0.1:5000/x",
            "[::1]:5000/x",
            "localhost/x",
            "registry.example/policies",
        ] {
            let said = place(text).unwrap_err().to_string();
            for wanted in ["https://", "http://", "./"] {
                assert!(
                    said.contains(&format!("`{wanted}{text}`")),
                    "{text}: {said}"
                );
            }
        }
        for text in [
            "modules",
            "./modules",
            "../modules/x",
            "./localhost:5000/x",
            "/srv/registry.example/x",
            ".modules/x",
            "modules.d",
            "srv/modules.d",
            "c:x",
            "http://localhost:5000/x",
        ] {
            assert!(place(text).is_ok(), "{text}");
        }
    }
}
