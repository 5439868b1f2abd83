//! Artifacts of ours: a document, and the signatures on it, as layers of one
//! manifest.

use claimbound::modules::{Digest, Form, Signature, Signed};

use super::super::bounds;
use super::super::error::StoreError;
use super::super::signatures;
use super::super::transfer::{Watched, Watcher};
use super::body;
use super::manifest::{BUNDLE, DETACHED, Descriptor, EMPTY, EMPTY_BYTES, Kind, MANIFEST, Manifest};
use super::repository::{Found, Repository};

/// The layer that a signature is.
const fn media_type(form: Form) -> &'static str {
    match form {
        Form::Detached => DETACHED,
        Form::Bundle => BUNDLE,
    }
}

/// How much one operation takes of documents and signatures, however many they
/// are.
pub(super) struct Allowance {
    left: u64,
    is_spent: bool,
}

impl Allowance {
    /// 8 MiB.
    pub(super) fn new() -> Self {
        Self {
            left: 8 << 20,
            is_spent: false,
        }
    }

    fn take(&mut self, bytes: u64) -> Result<(), StoreError> {
        let left = self.left.checked_sub(bytes);
        self.is_spent |= left.is_none();
        self.left = left.ok_or_else(|| StoreError::TooLarge {
            what: "what belongs to the module".to_owned(),
            limit: 8 << 20,
        })?;
        Ok(())
    }
}

impl Repository<'_> {
    /// Reads an artifact by its manifest's descriptor; none of one that is not what
    /// it should be: anybody who may push can attach another.
    ///
    /// # Errors
    /// Where the registry gives no answer, or it is too much in all.
    pub(super) async fn artifact(
        &self,
        kind: Kind,
        descriptor: &Descriptor,
        left: &mut Allowance,
    ) -> Result<Option<Signed>, StoreError> {
        match self.described(kind, descriptor, left).await {
            Err(error) if is_its_own(&error) && !left.is_spent => Ok(None),
            read => read.map(Some),
        }
    }

    async fn described(
        &self,
        kind: Kind,
        descriptor: &Descriptor,
        left: &mut Allowance,
    ) -> Result<Signed, StoreError> {
        let what = kind.what();
        let digest = descriptor.digest()?.to_string();
        let found = self.manifest(&digest, what).await?;
        let found = found.ok_or_else(|| StoreError::absent(format!("manifest of {what}")))?;
        self.opened(kind, &found, left).await
    }

    /// Reads an artifact of which the manifest is there.
    pub(super) async fn opened(
        &self,
        kind: Kind,
        found: &Found,
        left: &mut Allowance,
    ) -> Result<Signed, StoreError> {
        let what = kind.what();
        found.is(MANIFEST, what)?;
        left.take(found.bytes.len() as u64)?;
        let manifest: Manifest = body::parse(&found.bytes, what)?;
        let (document, signatures) = layers(kind, &manifest)?;
        let document = self.layer(document, what, kind.longest(), left).await?;
        let mut read = Vec::new();
        for layer in signatures {
            let bytes = self.layer(layer, "a signature", bounds::SIGNATURE, left);
            read.push(signatures::parse(what, &bytes.await?)?);
        }
        Ok(Signed {
            document,
            signatures: read,
        })
    }

    async fn layer(
        &self,
        layer: &Descriptor,
        what: &str,
        limit: u64,
        left: &mut Allowance,
    ) -> Result<Vec<u8>, StoreError> {
        left.take(layer.size.min(limit))?;
        self.blob(layer, what, limit, &Watcher::default()).await
    }

    /// Puts the layers of an artifact, and gives its manifest.
    pub(super) async fn put_layers(
        &self,
        kind: Kind,
        signed: &Signed,
        subject: Option<Descriptor>,
    ) -> Result<Manifest, StoreError> {
        let nobody = Watched::NOBODY;
        self.put_blob(EMPTY, EMPTY_BYTES.to_vec(), &nobody).await?;
        let document = signed.document.clone();
        let mut layers = vec![self.put_blob(kind.media_type(), document, &nobody).await?];
        for signature in &signed.signatures {
            let bytes = signature.as_bytes().to_vec();
            let media_type = media_type(signature.form());
            layers.push(self.put_blob(media_type, bytes, &nobody).await?);
        }
        Ok(Manifest::artifact(kind, layers, subject))
    }

    /// Attaches a document to a module, unless it is there with all of its
    /// signatures; how many are there already is of no account.
    pub(super) async fn attach(
        &self,
        kind: Kind,
        given: &Signed,
        there: Option<&Signed>,
        subject: &Descriptor,
    ) -> Result<(), StoreError> {
        let known: &[Signature] = there.map_or(&[], |there| &there.signatures);
        let fresh = signatures::fresh(&given.signatures, known);
        if there.is_some() && fresh.is_empty() {
            return Ok(());
        }
        let added = Signed {
            document: given.document.clone(),
            signatures: fresh,
        };
        let manifest = self.put_layers(kind, &added, Some(subject.clone())).await?;
        let (mut descriptor, is_listed) = self.put_artifact(&manifest).await?;
        if !is_listed {
            descriptor.artifact_type = Some(kind.media_type().to_owned());
            let subject: Digest = subject.digest()?;
            self.refer(&subject, descriptor).await?;
        }
        Ok(())
    }
}

/// Whether an error is of one artifact, and of no other.
fn is_its_own(error: &StoreError) -> bool {
    match error {
        StoreError::Absent { .. }
        | StoreError::WrongDigest { .. }
        | StoreError::Malformed { .. }
        | StoreError::TooLarge { .. } => true,
        StoreError::Path { .. }
        | StoreError::Unreachable { .. }
        | StoreError::Refused { .. }
        | StoreError::Conflict { .. } => false,
    }
}

/// The document of an artifact, and the signatures on it; other layers are
/// others'.
fn layers(kind: Kind, manifest: &Manifest) -> Result<(&Descriptor, Vec<&Descriptor>), StoreError> {
    let what = kind.what();
    let is_signature = |layer: &&Descriptor| {
        let mut types = Form::ALL.map(media_type).into_iter();
        types.any(|known| known == layer.media_type)
    };
    match manifest.layers.split_first() {
        Some((document, rest)) if document.media_type == kind.media_type() => {
            let found: Vec<_> = rest.iter().filter(is_signature).collect();
            signatures::count(what, found.len())?;
            Ok((document, found))
        }
        Some(_) | None => Err(StoreError::malformed(
            what,
            format!("its first layer is not of type `{}`", kind.media_type()),
        )),
    }
}
