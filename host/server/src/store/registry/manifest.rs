//! Manifests as registries keep them (OCI image specification 1.1), and what of
//! ours stands in them.

use std::collections::BTreeMap;

use claimbound::modules::{Digest, DocumentKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::bounds;
use super::super::error::StoreError;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const LIST: &str = "application/vnd.oci.image.index.v1+json";
/// The CNCF's layout of a Wasm OCI artifact.
pub(super) const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
pub(super) const WASM: &str = "application/wasm";
/// A configuration that says nothing, `{}`.
pub(super) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
pub(super) const EMPTY_BYTES: &[u8] = b"{}";
/// A detached signature in base64, as `cosign sign-blob` writes it.
pub(super) const DETACHED: &str = "application/vnd.claimbound.signature.v1";
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Something by its digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    /// What others wrote stays where it is.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// A manifest of layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u64,
    #[serde(default)]
    pub(super) media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) artifact_type: Option<String>,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// A list of manifests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    pub(super) schema_version: u64,
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) manifests: Vec<Descriptor>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// What an artifact of ours holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Signed(DocumentKind),
    Provenance,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::Signed(DocumentKind::Statement),
        Self::Signed(DocumentKind::Index),
        Self::Signed(DocumentKind::Comparison),
        Self::Provenance,
    ];

    /// The type of the artifact, and of its first layer.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Signed(DocumentKind::Statement) => "application/vnd.claimbound.statement.v1+json",
            Self::Signed(DocumentKind::Index) => "application/vnd.claimbound.index.v1+json",
            Self::Signed(DocumentKind::Comparison) => {
                "application/vnd.claimbound.comparison.v1+json"
            }
            Self::Provenance => "application/vnd.claimbound.provenance.v1+json",
        }
    }

    pub(super) fn of(descriptor: &Descriptor) -> Option<Self> {
        let found = descriptor.artifact_type.as_deref()?;
        Self::ALL
            .into_iter()
            .find(|kind| kind.media_type() == found)
    }

    /// Largest document of the kind, in bytes.
    pub(super) const fn longest(self) -> u64 {
        match self {
            Self::Signed(DocumentKind::Statement | DocumentKind::Comparison) => bounds::DOCUMENT,
            Self::Signed(DocumentKind::Index) => bounds::INDEX,
            Self::Provenance => bounds::PROVENANCE,
        }
    }

    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Signed(DocumentKind::Statement) => "the statement",
            Self::Signed(DocumentKind::Index) => "the index",
            Self::Signed(DocumentKind::Comparison) => "a comparison",
            Self::Provenance => "the provenance",
        }
    }
}

impl Descriptor {
    pub(super) fn new(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
            artifact_type: None,
            rest: Map::new(),
        }
    }

    /// Its digest; one of another algorithm is not followed.
    pub(super) fn digest(&self) -> Result<Digest, StoreError> {
        let digest = self.digest.parse();
        digest.map_err(|error| StoreError::malformed("a descriptor of the registry", error))
    }
}

impl Manifest {
    pub(super) fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// An artifact of ours, on another manifest or by itself.
    pub(super) fn artifact(
        kind: Kind,
        layers: Vec<Descriptor>,
        subject: Option<Descriptor>,
    ) -> Self {
        Self {
            artifact_type: Some(kind.media_type().to_owned()),
            subject,
            ..Self::new(Descriptor::new(EMPTY, EMPTY_BYTES), layers)
        }
    }

    /// The layer that is the component.
    pub(super) fn component(&self, what: &str) -> Result<&Descriptor, StoreError> {
        match self.layers.as_slice() {
            [layer] if layer.media_type == WASM => Ok(layer),
            _ => Err(StoreError::malformed(
                what,
                format!("it is not one layer of type `{WASM}`"),
            )),
        }
    }
}

impl List {
    pub(super) fn empty() -> Self {
        Self {
            schema_version: 2,
            media_type: LIST.to_owned(),
            manifests: Vec::new(),
            rest: Map::new(),
        }
    }
}
