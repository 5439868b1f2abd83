//! The store that a command is about, and how it is reached.

use std::future::Future;
use std::path::PathBuf;

use anyhow::Context as _;
use claimbound_server::store::{Access, Bounds, Credentials, Place, Store, StoreError, Watcher};
use tokio::runtime::{Builder, Runtime};

use crate::console::Moving;
use crate::input;

/// Which store.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The store: a folder, or a registry such as `https://registry.example/acme`.
    #[arg(value_name = "STORE")]
    place: Place,

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
        let roots = self
            .ca
            .as_deref()
            .map(|path| input::file(path, input::TEXT));
        let access = Access {
            credentials: Credentials::docker(&|name| std::env::var(name).ok()),
            roots: roots.transpose()?,
        };
        let moving = Moving::new();
        let watcher = Watcher::new(move |transfer| moving.at(&transfer));
        let store = Store::open(self.place.clone(), access, Bounds::default())?;
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Opened {
            store: store.watched(watcher),
            runtime: runtime.context("no work can be waited for")?,
        })
    }

    /// Where it is, for people.
    pub(crate) fn place(&self) -> String {
        self.place.to_string()
    }
}

impl Opened {
    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Waits for what the store does.
    pub(crate) fn wait<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> anyhow::Result<T> {
        Ok(self.runtime.block_on(work)?)
    }
}
