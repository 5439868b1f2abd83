//! A registry as a store: one repository for each name, one tag for each version
//! (OCI distribution specification 1.1).
//!
//! Its client is small and our own. What it reads is bounded before it is held;
//! it follows no redirect with a password, shows one to no place that the
//! network can read along, and reads no proxy from the environment.

mod artifact;
mod body;
mod challenge;
mod client;
mod credentials;
mod hidden;
mod manifest;
mod pages;
mod referrers;
mod repository;
mod token;
mod wasm;

use std::fmt;

use claimbound::clock;
use claimbound::modules::{
    Digest, DocumentKind, Index, ModuleId, ModuleName, Published, Signed, Statement, Version,
    parse_version,
};
use serde::Deserialize;

pub use credentials::Credentials;

use super::bounds::{self, Bounds};
use super::edition;
use super::error::StoreError;
use super::place::RegistryPlace;
use super::signatures;
use super::transfer::Watcher;
use artifact::Allowance;
use client::{Client, Scope};
use manifest::{Descriptor, Kind, MANIFEST, Manifest, WASM, WASM_CONFIG};
use pages::Pages;
use repository::{Repository, written};

/// The tag of a name's index; no version is called so.
const INDEX: &str = "index";
/// How many tags or repositories are asked for at once.
const PAGE: &str = "1000";

/// A registry.
pub(super) struct Registry {
    place: RegistryPlace,
    client: Client,
}

/// What belongs to a module.
#[derive(Default)]
struct Attached {
    statements: Vec<Signed>,
    comparisons: Vec<Signed>,
    provenances: Vec<Signed>,
}

/// A version as its tag has it.
struct Tagged {
    /// Of its manifest, to which all else refers.
    subject: Descriptor,
    component: Descriptor,
}

impl Registry {
    pub(super) fn new(
        place: RegistryPlace,
        roots: Option<&[u8]>,
        credentials: Credentials,
        bounds: Bounds,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            client: Client::new(place.origin(), roots, credentials, bounds)?,
            place,
        })
    }

    pub(super) fn bounds(&self) -> &Bounds {
        self.client.bounds()
    }

    pub(super) fn place(&self) -> &RegistryPlace {
        &self.place
    }

    fn repository(&self, name: &ModuleName) -> Result<Repository<'_>, StoreError> {
        Ok(Repository {
            client: &self.client,
            name: self.place.repository(name)?,
        })
    }

    pub(super) async fn index(&self, name: &ModuleName) -> Result<Option<Signed>, StoreError> {
        let repository = self.repository(name)?;
        let kind = Kind::Signed(DocumentKind::Index);
        match repository.manifest(INDEX, kind.what()).await? {
            Some(found) => {
                let mut left = Allowance::new();
                repository.opened(kind, &found, &mut left).await.map(Some)
            }
            None => Ok(None),
        }
    }

    pub(super) async fn versions(&self, name: &ModuleName) -> Result<Vec<Version>, StoreError> {
        #[derive(Deserialize)]
        struct Tags {
            tags: Option<Vec<String>>,
        }
        let repository = self.repository(name)?;
        let mut first = repository.url("tags/list");
        first.query_pairs_mut().append_pair("n", PAGE);
        let pages = Pages {
            client: &self.client,
            first,
            scope: repository.pull(),
            accept: None,
            what: "the list of tags",
        };
        let mut versions = Vec::new();
        let each = pages.each(|page: Tags| {
            let tags = page.tags.unwrap_or_default().into_iter();
            versions.extend(tags.filter_map(|tag| parse_version(&tag).ok()));
            bounds::at_most(bounds::VERSIONS, versions.len(), "the list of versions")
        });
        each.await?;
        versions.sort();
        versions.dedup();
        Ok(versions)
    }

    pub(super) async fn names(&self) -> Result<Vec<ModuleName>, StoreError> {
        #[derive(Deserialize)]
        struct Repositories {
            repositories: Option<Vec<String>>,
        }
        let mut first = self.client.url("v2/_catalog");
        first.query_pairs_mut().append_pair("n", PAGE);
        let pages = Pages {
            client: &self.client,
            first,
            scope: Scope::Catalog,
            accept: None,
            what: "the list of repositories",
        };
        let mut names = Vec::new();
        let each = pages.each(|page: Repositories| {
            let found = page.repositories.unwrap_or_default().into_iter();
            names.extend(found.filter_map(|found| self.place.name_of(&found)));
            bounds::at_most(bounds::NAMES, names.len(), "the list of names")
        });
        if !each.await? {
            return Err(StoreError::absent("list of its names; say which one"));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    pub(super) async fn fetch(
        &self,
        id: &ModuleId,
        promised: Option<&Digest>,
        watcher: &Watcher,
    ) -> Result<Published, StoreError> {
        let repository = self.repository(id.name())?;
        let tagged = repository.tagged_as(id).await?;
        let tagged = tagged.ok_or_else(|| StoreError::absent(format!("module `{id}`")))?;
        let what = format!("module `{id}`");
        // Before a byte of it is asked for.
        hold(&what, promised, tagged.component.digest()?)?;
        let limit = self.bounds().component();
        let component = repository
            .blob(&tagged.component, &what, limit, watcher)
            .await?;
        let attached = repository.attached(&tagged.subject.digest()?).await?;
        Ok(Published {
            statements: stated(attached.statements, id, &Digest::of(&component))?,
            comparisons: attached.comparisons,
            provenance: attached
                .provenances
                .into_iter()
                .next()
                .map(|of| of.document),
            component,
        })
    }

    pub(super) async fn push(
        &self,
        id: &ModuleId,
        statement: &Statement,
        published: &Published,
        watcher: &Watcher,
    ) -> Result<(), StoreError> {
        let repository = self.repository(id.name())?;
        let there = repository.tagged_as(id).await?;
        let (subject, manifest) = if let Some(tagged) = there {
            same_component(id, statement.digest, tagged.component.digest()?)?;
            (tagged.subject, None)
        } else {
            let module = repository.put_module(id, statement, published, watcher);
            let (subject, manifest) = module.await?;
            (subject, Some(manifest))
        };
        repository.attach_all(published, &subject).await?;
        // Last, so that whoever finds the version finds all of it.
        if let Some(manifest) = manifest {
            let tag = id.version().to_string();
            repository.put_manifest(&tag, &manifest).await?;
        }
        Ok(())
    }

    pub(super) async fn push_index(
        &self,
        name: &ModuleName,
        index: &Index,
        given: &Signed,
    ) -> Result<(), StoreError> {
        let repository = self.repository(name)?;
        let kind = Kind::Signed(DocumentKind::Index);
        let there = self.index(name).await?;
        edition::follows(index, given, there.as_ref())?;
        let same = there.filter(|there| there.document == given.document);
        let both = signatures::merge(same.into_iter().chain([given.clone()]).collect());
        let signed = both.first().unwrap_or(given);
        signatures::count(kind.what(), signed.signatures.len())?;
        let manifest = repository.put_layers(kind, signed, None).await?;
        repository.put_manifest(INDEX, &manifest).await.map(|_| ())
    }

    pub(super) async fn push_comparison(
        &self,
        id: &ModuleId,
        comparison: &Signed,
    ) -> Result<(), StoreError> {
        let repository = self.repository(id.name())?;
        let tagged = repository.tagged_as(id).await?;
        let tagged = tagged.ok_or_else(|| StoreError::absent(format!("module `{id}`")))?;
        let attached = repository.attached(&tagged.subject.digest()?).await?;
        let given = std::slice::from_ref(comparison);
        repository
            .attach_comparisons(given, &attached, &tagged.subject)
            .await
    }
}

impl Repository<'_> {
    /// A version as it is there; none where it is not.
    async fn tagged_as(&self, id: &ModuleId) -> Result<Option<Tagged>, StoreError> {
        let what = format!("the manifest of `{id}`");
        let tag = id.version().to_string();
        let Some(found) = self.manifest(&tag, &what).await? else {
            return Ok(None);
        };
        found.is(MANIFEST, &what)?;
        let manifest: Manifest = body::parse(&found.bytes, &what)?;
        Ok(Some(Tagged {
            subject: Descriptor::new(MANIFEST, &found.bytes),
            component: manifest.component(&what)?.clone(),
        }))
    }

    /// Puts the component and its manifest, which no tag names yet.
    async fn put_module(
        &self,
        id: &ModuleId,
        statement: &Statement,
        published: &Published,
        watcher: &Watcher,
    ) -> Result<(Descriptor, Manifest), StoreError> {
        let component = &published.component;
        let created = clock::date(statement.time);
        let config = wasm::configuration(component, &created)?;
        let what = format!("module `{id}`");
        let transfer = watcher.of(&what, component.len() as u64);
        transfer.has(0);
        let layer = self.put_blob(WASM, component.clone(), &transfer).await?;
        let config = self
            .put_blob(WASM_CONFIG, config, &super::transfer::Watched::NOBODY)
            .await?;
        let mut manifest = Manifest::new(config, vec![layer]);
        let titles = [
            ("org.opencontainers.image.created", created),
            ("org.opencontainers.image.title", id.name().to_string()),
            ("org.opencontainers.image.version", id.version().to_string()),
        ];
        let titles = titles.map(|(name, value)| (name.to_owned(), value));
        manifest.annotations.extend(titles);
        let digest = Digest::of(&written(&manifest)?).to_string();
        let subject = self.put_manifest(&digest, &manifest).await?;
        Ok((subject, manifest))
    }

    async fn attached(&self, subject: &Digest) -> Result<Attached, StoreError> {
        let mut attached = Attached::default();
        let mut left = Allowance::new();
        for (kind, descriptor) in self.referrers(subject).await? {
            let list = match kind {
                Kind::Signed(DocumentKind::Statement) => &mut attached.statements,
                Kind::Signed(DocumentKind::Comparison) => &mut attached.comparisons,
                Kind::Provenance => &mut attached.provenances,
                // It stands at a tag of its own.
                Kind::Signed(DocumentKind::Index) => continue,
            };
            list.extend(self.artifact(kind, &descriptor, &mut left).await?);
        }
        attached.statements = signatures::merge(attached.statements);
        attached.comparisons = signatures::merge(attached.comparisons);
        attached.provenances = signatures::merge(attached.provenances);
        let found = attached.comparisons.len();
        bounds::at_most(bounds::COMPARISONS, found, "the list of comparisons")?;
        Ok(attached)
    }

    async fn attach_all(
        &self,
        published: &Published,
        subject: &Descriptor,
    ) -> Result<(), StoreError> {
        let there = self.attached(&subject.digest()?).await?;
        let statement = Kind::Signed(DocumentKind::Statement);
        for given in &published.statements {
            let same = signatures::same(given, &there.statements);
            self.attach(statement, given, same, subject).await?;
        }
        self.attach_comparisons(&published.comparisons, &there, subject)
            .await?;
        if let Some(document) = &published.provenance {
            let kind = Kind::Provenance;
            let given = Signed {
                document: document.clone(),
                signatures: Vec::new(),
            };
            let same = signatures::only(kind.what(), &given, &there.provenances)?;
            self.attach(kind, &given, same, subject).await?;
        }
        Ok(())
    }

    async fn attach_comparisons(
        &self,
        given: &[Signed],
        there: &Attached,
        subject: &Descriptor,
    ) -> Result<(), StoreError> {
        let kind = Kind::Signed(DocumentKind::Comparison);
        for comparison in given {
            let same = signatures::same(comparison, &there.comparisons);
            self.attach(kind, comparison, same, subject).await?;
        }
        Ok(())
    }
}

/// Holds what is there against what was promised.
pub(super) fn hold(what: &str, promised: Option<&Digest>, found: Digest) -> Result<(), StoreError> {
    match promised {
        Some(promised) if *promised != found => Err(StoreError::WrongDigest {
            what: what.to_owned(),
            promised: *promised,
            found,
        }),
        Some(_) | None => Ok(()),
    }
}

/// One version has one digest for ever.
pub(super) fn same_component(
    id: &ModuleId,
    given: Digest,
    there: Digest,
) -> Result<(), StoreError> {
    if given == there {
        return Ok(());
    }
    let cause = format!("its digest is `{there}`, not `{given}`; give this one another version");
    Err(StoreError::conflict(format!("module `{id}`"), cause))
}

/// The statements of a version, all that are attached: anybody who may push can
/// attach another, and which counts is for whoever verifies them. Those that say
/// what is asked for come first.
fn stated(
    mut found: Vec<Signed>,
    id: &ModuleId,
    digest: &Digest,
) -> Result<Vec<Signed>, StoreError> {
    if found.is_empty() {
        return Err(StoreError::absent(format!("statement of `{id}`")));
    }
    let says_so = |signed: &Signed| {
        let read = Statement::parse(&signed.document);
        read.is_ok_and(|statement| statement.id == *id && statement.digest == *digest)
    };
    found.sort_by_cached_key(|signed| !says_so(signed));
    Ok(found)
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Registry")
            .field(&self.place)
            .finish()
    }
}
