//! What refers to a manifest: by the registry's own list or, where it has none,
//! by a list at the tag `sha256-<hex>` (distribution specification 1.1,
//! "Referrers Tag Schema").

use claimbound::modules::Digest;

use super::super::error::StoreError;
use super::body;
use super::manifest::{Descriptor, Kind, LIST, List};
use super::pages::Pages;
use super::repository::Repository;

/// Most artifacts of ours on one module: for each document one for every push
/// that brought a signature.
const MOST: usize = 128;
const WHAT: &str = "the list of what belongs to a module";

impl Repository<'_> {
    /// The artifacts of ours on a manifest, with what each holds.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] where there are more than 128.
    pub(super) async fn referrers(
        &self,
        of: &Digest,
    ) -> Result<Vec<(Kind, Descriptor)>, StoreError> {
        let mut found = Vec::new();
        let pages = Pages {
            client: self.client,
            first: self.url(&format!("referrers/{of}")),
            scope: self.pull(),
            accept: Some(LIST),
            what: WHAT,
        };
        let has_list = pages
            .each(|page: List| take(&mut found, page.manifests))
            .await?;
        if !has_list {
            take(&mut found, self.tagged(of).await?.manifests)?;
        }
        Ok(found)
    }

    /// Adds an artifact to the list at a manifest's tag. Whoever writes it at the
    /// same time may be overwritten: registries know no condition.
    pub(super) async fn refer(&self, of: &Digest, artifact: Descriptor) -> Result<(), StoreError> {
        let mut list = self.tagged(of).await?;
        let is_there = |there: &Descriptor| there.digest == artifact.digest;
        if list.manifests.iter().any(is_there) {
            return Ok(());
        }
        list.manifests.push(artifact);
        self.put_list(&tag(of), &list).await
    }

    async fn tagged(&self, of: &Digest) -> Result<List, StoreError> {
        let Some(found) = self.manifest(&tag(of), WHAT).await? else {
            return Ok(List::empty());
        };
        found.is(LIST, WHAT)?;
        body::parse(&found.bytes, WHAT)
    }
}

/// The tag that stands for a digest.
fn tag(digest: &Digest) -> String {
    format!("sha256-{}", digest.to_digits())
}

fn take(found: &mut Vec<(Kind, Descriptor)>, listed: Vec<Descriptor>) -> Result<(), StoreError> {
    for descriptor in listed {
        // Others attach what they like.
        if let Some(kind) = Kind::of(&descriptor) {
            found.push((kind, descriptor));
        }
    }
    if found.len() > MOST {
        let cause = format!("it lists more than {MOST} statements, comparisons and the like");
        return Err(StoreError::malformed(WHAT, cause));
    }
    Ok(())
}
