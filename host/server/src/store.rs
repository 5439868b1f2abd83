//! Stores of modules: a folder, or an OCI registry.
//!
//! A store says what it holds, and nothing of whether to trust it: what it gives
//! is bounded and in its form, and an
//! [`Authority`](claimbound::modules::Authority) decides what of it counts. One
//! version has one digest for ever: nothing here overwrites a version with
//! another. The layout of both kinds is in the documentation, under "Modules".

mod bounds;
mod edition;
mod error;
mod folder;
mod place;
mod registry;
mod signatures;
mod transfer;

use std::future::Future;
use std::sync::Arc;

use claimbound::modules::{
    Comparison, Digest, Index, ModuleId, ModuleName, Published, Signed, Statement, Version,
};

pub use bounds::Bounds;
pub use error::StoreError;
pub use place::{Place, RegistryPlace};
pub use registry::Credentials;
pub use transfer::{Transfer, Watcher};

use folder::Folder;
use registry::Registry;

/// Where modules are.
///
/// Its futures run on tokio; each ends within what its [`Bounds`] give a
/// registry. A folder is read on a thread for what blocks.
#[derive(Clone, Debug)]
pub struct Store {
    kind: Kind,
    place: Place,
    watcher: Watcher,
}

#[derive(Clone, Debug)]
enum Kind {
    Folder(Folder),
    Registry(Arc<Registry>),
}

/// How a registry is reached.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Who one is.
    pub credentials: Credentials,
    /// Certificates of authorities, in PEM, in place of the system's.
    pub roots: Option<Vec<u8>>,
}

impl Store {
    /// A store; nothing is read, asked or made.
    ///
    /// # Errors
    /// [`StoreError::Path`] where the authorities are no certificates.
    pub fn open(place: Place, access: Access, bounds: Bounds) -> Result<Self, StoreError> {
        let kind = match &place {
            Place::Folder(path) => Kind::Folder(Folder::new(path.clone(), bounds)),
            Place::Registry(place) => {
                let roots = access.roots.as_deref();
                let registry = Registry::new(place.clone(), roots, access.credentials, bounds)?;
                Kind::Registry(Arc::new(registry))
            }
        };
        Ok(Self {
            kind,
            place,
            watcher: Watcher::default(),
        })
    }

    /// The same, telling how far long transfers from and to a registry are.
    #[must_use]
    pub fn watched(mut self, watcher: Watcher) -> Self {
        self.watcher = watcher;
        self
    }

    /// Where it is.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The index of a name; none where the store has none.
    pub async fn index(&self, name: &ModuleName) -> Result<Option<Signed>, StoreError> {
        match &self.kind {
            Kind::Folder(folder) => {
                let name = name.clone();
                blocking(folder, move |folder| folder.index(&name)).await
            }
            Kind::Registry(registry) => within(registry, registry.index(name)).await,
        }
    }

    /// The names that the store holds something of, sorted; at most 10,000. Many
    /// registries say this to nobody.
    pub async fn names(&self) -> Result<Vec<ModuleName>, StoreError> {
        match &self.kind {
            Kind::Folder(folder) => blocking(folder, Folder::names).await,
            Kind::Registry(registry) => within(registry, registry.names()).await,
        }
    }

    /// The versions of a name that are there, sorted; at most 10,000. Nobody
    /// signs this list: what may be used stands in the index.
    pub async fn versions(&self, name: &ModuleName) -> Result<Vec<Version>, StoreError> {
        match &self.kind {
            Kind::Folder(folder) => {
                let name = name.clone();
                blocking(folder, move |folder| folder.versions(&name)).await
            }
            Kind::Registry(registry) => within(registry, registry.versions(name)).await,
        }
    }

    /// A version, with all that belongs to it: every statement that is there, those
    /// that say what is asked for before others. Nothing of it is verified but the
    /// digest that an index promises, where that is known: a registry that says
    /// another is not asked for the component.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where there is no such version, or no statement of
    /// it; [`StoreError::WrongDigest`] where it is another than promised.
    pub async fn fetch(
        &self,
        id: &ModuleId,
        promised: Option<&Digest>,
    ) -> Result<Published, StoreError> {
        match &self.kind {
            Kind::Folder(folder) => {
                let (id, promised) = (id.clone(), promised.copied());
                blocking(folder, move |folder| folder.fetch(&id, promised.as_ref())).await
            }
            Kind::Registry(registry) => {
                let fetched = registry.fetch(id, promised, &self.watcher);
                within(registry, fetched).await
            }
        }
    }

    /// Publishes a version, with one statement. One that is there with the same
    /// digest gets the signatures, comparisons and provenance that it lacks; in a
    /// registry another statement or comparison is put beside those that are there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the version is there with another digest, or
    /// in a folder with another statement, which stays; [`StoreError::Malformed`]
    /// where there is not one statement, or it is of something else.
    pub async fn push(&self, id: &ModuleId, published: &Published) -> Result<(), StoreError> {
        let statement = self.check(id, published)?;
        match &self.kind {
            Kind::Folder(folder) => {
                let (id, published) = (id.clone(), published.clone());
                blocking(folder, move |folder| {
                    folder.push(&id, &statement, &published)
                })
                .await
            }
            Kind::Registry(registry) => {
                let pushed = registry.push(id, &statement, published, &self.watcher);
                within(registry, pushed).await
            }
        }
    }

    /// Publishes an edition of an index, or adds signatures to the one that is
    /// there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the one that is there is as late or later.
    /// In a registry two writers at once may miss each other: the later write
    /// stays.
    pub async fn push_index(&self, name: &ModuleName, given: &Signed) -> Result<(), StoreError> {
        let malformed = |cause: String| StoreError::malformed("the index", cause);
        let index = Index::parse(&given.document).map_err(|error| malformed(error.to_string()))?;
        if index.name() != name {
            return Err(malformed(format!(
                "it is of `{}`, not of `{name}`",
                index.name()
            )));
        }
        signatures::count("the index", given.signatures.len())?;
        match &self.kind {
            Kind::Folder(folder) => {
                let (name, given) = (name.clone(), given.clone());
                let push = move |folder: &Folder| folder.push_index(&name, &index, &given);
                blocking(folder, push).await
            }
            Kind::Registry(registry) => {
                let pushed = registry.push_index(name, &index, given);
                within(registry, pushed).await
            }
        }
    }

    /// Attaches a comparison to the newer of its versions, or adds signatures to
    /// the one that is there.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where that version is not there;
    /// [`StoreError::Conflict`] where a folder has another comparison with the same
    /// older version.
    pub async fn push_comparison(&self, id: &ModuleId, given: &Signed) -> Result<(), StoreError> {
        compares(id, None, given)?;
        match &self.kind {
            Kind::Folder(folder) => {
                let (id, given) = (id.clone(), given.clone());
                blocking(folder, move |folder| folder.push_comparison(&id, &given)).await
            }
            Kind::Registry(registry) => within(registry, registry.push_comparison(id, given)).await,
        }
    }

    fn component_limit(&self) -> u64 {
        match &self.kind {
            Kind::Folder(folder) => folder.bounds().component(),
            Kind::Registry(registry) => registry.bounds().component(),
        }
    }

    /// Whether all of what is pushed is of one version.
    fn check(&self, id: &ModuleId, published: &Published) -> Result<Statement, StoreError> {
        let malformed = |cause: String| StoreError::malformed("the statement", cause);
        let [signed] = &*published.statements else {
            let found = published.statements.len();
            return Err(malformed(format!(
                "there are {found}, and one is published"
            )));
        };
        let statement = Statement::parse(&signed.document);
        let statement = statement.map_err(|error| malformed(error.to_string()))?;
        if statement.id != *id {
            return Err(malformed(format!(
                "it is of `{}`, not of `{id}`",
                statement.id
            )));
        }
        signatures::count("the statement", signed.signatures.len())?;
        let what = format!("module `{id}`");
        small(&what, &published.component, self.component_limit())?;
        let found = Digest::of(&published.component);
        registry::hold(&what, Some(&statement.digest), found)?;
        for comparison in &published.comparisons {
            compares(id, Some(&found), comparison)?;
        }
        if let Some(provenance) = &published.provenance {
            small("the provenance", provenance, bounds::PROVENANCE)?;
        }
        let found = published.comparisons.len();
        bounds::at_most(bounds::COMPARISONS, found, "the list of comparisons")?;
        Ok(statement)
    }
}

fn small(what: &str, bytes: &[u8], limit: u64) -> Result<(), StoreError> {
    if bytes.len() as u64 <= limit {
        return Ok(());
    }
    Err(StoreError::TooLarge {
        what: what.to_owned(),
        limit,
    })
}

/// Whether a comparison is of a version as the newer one.
fn compares(id: &ModuleId, digest: Option<&Digest>, given: &Signed) -> Result<(), StoreError> {
    let what = "a comparison";
    let read = Comparison::parse(&given.document);
    let read = read.map_err(|error| StoreError::malformed(what, error))?;
    if read.name != *id.name() || read.new.version != *id.version() {
        let found = format!("{}@{}", read.name, read.new.version);
        return Err(StoreError::malformed(
            what,
            format!("it is of `{found}`, not of `{id}`"),
        ));
    }
    signatures::count(what, given.signatures.len())?;
    registry::hold("what a comparison is of", digest, read.new.digest)
}

/// Runs what reads or writes files on a thread for it.
async fn blocking<T: Send + 'static>(
    folder: &Folder,
    work: impl FnOnce(&Folder) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let place = folder.path().to_string_lossy().into_owned();
    let folder = folder.clone();
    let done = tokio::task::spawn_blocking(move || work(&folder)).await;
    done.map_err(|error| StoreError::unreachable(place, error))?
}

/// Ends a registry's operation in time, however slowly it answers.
async fn within<T>(
    registry: &Registry,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let whole = registry.bounds().whole();
    let done = tokio::time::timeout(whole, work).await;
    done.unwrap_or_else(|_| {
        let cause = format!("it took longer than {whole:?}");
        Err(StoreError::unreachable(registry.place().to_string(), cause))
    })
}
