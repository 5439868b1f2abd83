//! One repository: its manifests and blobs (OCI distribution specification 1.1).

use bytes::Bytes;
use claimbound::modules::Digest;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;

use super::super::error::StoreError;
use super::super::transfer::{Watched, Watcher};
use super::body;
use super::client::{Ask, Client, Scope, text};
use super::manifest::{Descriptor, LIST, MANIFEST};

/// What a registry says it took of it (distribution specification 1.1, "Pushing
/// Manifests with Subject").
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// What says which manifest an answer holds.
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const BYTES: &str = "application/octet-stream";
const EITHER: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

/// A repository of a registry.
pub(super) struct Repository<'c> {
    pub(super) client: &'c Client,
    pub(super) name: String,
}

/// A manifest as a registry gave it.
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    pub(super) media_type: String,
}

impl Found {
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// Refuses a list where a manifest belongs: which of it would be meant?
    pub(super) fn is(&self, media_type: &str, what: &str) -> Result<(), StoreError> {
        if self.media_type == media_type {
            return Ok(());
        }
        let cause = format!("it is not of type `{media_type}`");
        Err(StoreError::malformed(what, cause))
    }
}

impl Repository<'_> {
    pub(super) fn url(&self, rest: &str) -> Url {
        self.client.url(&format!("v2/{}/{rest}", self.name))
    }

    pub(super) fn pull(&self) -> Scope {
        Scope::Pull(self.name.clone())
    }

    fn push(&self) -> Scope {
        Scope::Push(self.name.clone())
    }

    pub(super) async fn read(
        &self,
        url: Url,
        accept: Option<&'static str>,
    ) -> Result<Response, StoreError> {
        let ask = Ask {
            method: Method::GET,
            url,
            scope: self.pull(),
            accept,
            body: None,
        };
        self.client.ask(&ask).await
    }

    /// A manifest by its tag or digest; none where there is none.
    pub(super) async fn manifest(
        &self,
        reference: &str,
        what: &str,
    ) -> Result<Option<Found>, StoreError> {
        let url = self.url(&format!("manifests/{reference}"));
        let response = self.read(url, Some(EITHER)).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.client.unwelcome(response).await),
        }
        let said = text(response.headers(), &DIGEST).and_then(|said| said.parse().ok());
        let promised: Option<Digest> = reference.parse().ok().or(said);
        let media_type = text(response.headers(), &CONTENT_TYPE).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default();
        let media_type = media_type.trim().to_owned();
        let wanted = body::Wanted {
            what,
            limit: body::MANIFEST,
        };
        let bounds = self.client.bounds();
        let bytes = body::read(response, &wanted, bounds, &Watched::NOBODY).await?;
        let found = Found { bytes, media_type };
        match promised {
            Some(promised) if promised != found.digest() => Err(StoreError::WrongDigest {
                what: what.to_owned(),
                promised,
                found: found.digest(),
            }),
            Some(_) | None => Ok(Some(found)),
        }
    }

    /// The blob of a descriptor, of at most `limit` bytes.
    pub(super) async fn blob(
        &self,
        descriptor: &Descriptor,
        what: &str,
        limit: u64,
        watcher: &Watcher,
    ) -> Result<Vec<u8>, StoreError> {
        if descriptor.size > limit {
            return Err(StoreError::TooLarge {
                what: what.to_owned(),
                limit,
            });
        }
        let digest = descriptor.digest()?;
        let response = self
            .read(self.url(&format!("blobs/{digest}")), None)
            .await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                return Err(StoreError::absent(format!("blob `{digest}` of {what}")));
            }
            _ => return Err(self.client.unwelcome(response).await),
        }
        let transfer = watcher.of(what, descriptor.size);
        let promise = (digest, descriptor.size);
        body::held(response, what, promise, self.client.bounds(), &transfer).await
    }

    /// Puts a blob where it is not there yet.
    pub(super) async fn put_blob(
        &self,
        media_type: &str,
        bytes: Vec<u8>,
        watched: &Watched<'_>,
    ) -> Result<Descriptor, StoreError> {
        let descriptor = Descriptor::new(media_type, &bytes);
        if !self.has(&descriptor).await? {
            self.upload(&descriptor, bytes).await?;
        }
        watched.has(descriptor.size);
        Ok(descriptor)
    }

    async fn has(&self, descriptor: &Descriptor) -> Result<bool, StoreError> {
        let ask = Ask {
            method: Method::HEAD,
            url: self.url(&format!("blobs/{}", descriptor.digest)),
            scope: self.push(),
            accept: None,
            body: None,
        };
        let response = self.client.ask(&ask).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.client.unwelcome(response).await),
        }
    }

    /// In two steps, which every registry knows: it says where, and is sent all
    /// of it.
    async fn upload(&self, descriptor: &Descriptor, bytes: Vec<u8>) -> Result<(), StoreError> {
        let mut ask = Ask {
            method: Method::POST,
            url: self.url("blobs/uploads/"),
            scope: self.push(),
            accept: None,
            body: Some((BYTES, Bytes::new())),
        };
        let response = self.client.ask(&ask).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.client.unwelcome(response).await);
        }
        ask.url = self.client.led(response.url(), response.headers())?;
        ask.url
            .query_pairs_mut()
            .append_pair("digest", &descriptor.digest);
        ask.method = Method::PUT;
        ask.body = Some((BYTES, bytes.into()));
        self.created(&ask).await.map(|_| ())
    }

    /// Puts a manifest by its tag, or by its digest.
    pub(super) async fn put_manifest(
        &self,
        reference: &str,
        manifest: &impl Serialize,
    ) -> Result<Descriptor, StoreError> {
        let bytes = written(manifest)?;
        let descriptor = Descriptor::new(MANIFEST, &bytes);
        self.put(reference, MANIFEST, bytes).await?;
        Ok(descriptor)
    }

    /// Puts a list by its tag.
    pub(super) async fn put_list(
        &self,
        tag: &str,
        list: &impl Serialize,
    ) -> Result<(), StoreError> {
        self.put(tag, LIST, written(list)?).await.map(|_| ())
    }

    /// Puts a manifest with a subject by its digest; whether the registry will
    /// list it among what refers to that.
    pub(super) async fn put_artifact(
        &self,
        manifest: &impl Serialize,
    ) -> Result<(Descriptor, bool), StoreError> {
        let bytes = written(manifest)?;
        let descriptor = Descriptor::new(MANIFEST, &bytes);
        let response = self.put(&descriptor.digest, MANIFEST, bytes).await?;
        Ok((descriptor, response.headers().contains_key(SUBJECT)))
    }

    async fn put(
        &self,
        reference: &str,
        media_type: &'static str,
        bytes: Vec<u8>,
    ) -> Result<Response, StoreError> {
        let ask = Ask {
            method: Method::PUT,
            url: self.url(&format!("manifests/{reference}")),
            scope: self.push(),
            accept: None,
            body: Some((media_type, bytes.into())),
        };
        self.created(&ask).await
    }

    async fn created(&self, ask: &Ask) -> Result<Response, StoreError> {
        let response = self.client.ask(ask).await?;
        match response.status() {
            StatusCode::CREATED => Ok(response),
            _ => Err(self.client.unwelcome(response).await),
        }
    }
}

/// The bytes of a manifest.
pub(super) fn written(manifest: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(manifest).map_err(|error| StoreError::malformed("a manifest", error))
}
