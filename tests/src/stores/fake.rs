//! A registry of our own: with a list of referrers, page by page, and with
//! tokens, as Debian's has neither; and one that lies where it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use claimbound::modules::Digest;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The user `me` with the password `hunter2`, in base64.
pub(crate) const ME: &str = "bWU6aHVudGVyMg==";
/// What a registry with tokens takes.
const TOKEN: &str = "Bearer t0ken";

/// What a registry knows.
#[derive(Clone, Default)]
pub(crate) struct Means {
    /// It lists what refers to a manifest, in pages of so many.
    pub(crate) referrers: Option<usize>,
    /// It asks for a token, which the place at this URL gives; its own, where
    /// that is empty.
    pub(crate) realm: Option<String>,
}

type Lie = Box<dyn Fn(&Parts) -> Option<Response> + Send + Sync>;

#[derive(Default)]
struct Kept {
    blobs: BTreeMap<String, Bytes>,
    /// By repository and tag or digest: the type, and the bytes.
    manifests: BTreeMap<(String, String), (String, Bytes)>,
    /// Method, path with query, and what was shown.
    asked: Vec<(String, String, Option<String>)>,
}

struct Inside {
    means: Means,
    kept: Mutex<Kept>,
    lie: Mutex<Option<Lie>>,
    address: SocketAddr,
}

/// A registry that runs.
pub(crate) struct Fake {
    inside: Arc<Inside>,
    task: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start(means: Means) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = Arc::new(Inside {
            means,
            kept: Mutex::default(),
            lie: Mutex::default(),
            address: listener.local_addr().unwrap(),
        });
        let router = Router::new()
            .fallback(serve)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&inside));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { inside, task }
    }

    pub(crate) fn host(&self) -> String {
        self.inside.address.to_string()
    }

    pub(crate) fn place(&self) -> String {
        format!("http://{}/acme", self.host())
    }

    /// Lets it answer otherwise where the function does.
    pub(crate) fn lie(&self, lie: impl Fn(&Parts) -> Option<Response> + Send + Sync + 'static) {
        *self.inside.lie.lock().unwrap() = Some(Box::new(lie));
    }

    /// What was asked: method and path, and what was shown.
    pub(crate) fn asked(&self) -> Vec<(String, String, Option<String>)> {
        self.inside.kept().asked.clone()
    }

    pub(crate) fn tags(&self) -> BTreeSet<String> {
        let kept = self.inside.kept();
        let tags = kept
            .manifests
            .keys()
            .map(|(_, reference)| reference.clone());
        tags.filter(|reference| !reference.starts_with("sha256:"))
            .collect()
    }

    /// Puts a manifest under a tag, whatever it is.
    pub(crate) fn put(&self, tag: &str, media_type: &str, bytes: impl Into<Bytes>) {
        let key = ("acme/acme".to_owned(), tag.to_owned());
        let value = (media_type.to_owned(), bytes.into());
        self.inside.kept().manifests.insert(key, value);
    }

    /// The digest of the manifest under a tag.
    pub(crate) fn subject(&self, tag: &str) -> String {
        let key = ("acme/acme".to_owned(), tag.to_owned());
        Digest::of(&self.inside.kept().manifests[&key].1).to_string()
    }

    /// Takes over all that refers to anything elsewhere, as referring to this.
    pub(crate) fn adopt(&self, other: &Self, subject: &str) {
        let theirs = other.inside.kept();
        let mut kept = self.inside.kept();
        kept.blobs.extend(theirs.blobs.clone());
        for ((name, _), (kind, bytes)) in &theirs.manifests {
            let mut manifest: Value = serde_json::from_slice(bytes).unwrap();
            if manifest.get("subject").is_some() {
                manifest["subject"]["digest"] = subject.into();
                let bytes = Bytes::from(manifest.to_string());
                let key = (name.clone(), Digest::of(&bytes).to_string());
                kept.manifests.insert(key, (kind.clone(), bytes));
            }
        }
    }

    /// A manifest as it is there.
    pub(crate) fn manifest(&self, tag: &str) -> Value {
        let key = ("acme/acme".to_owned(), tag.to_owned());
        serde_json::from_slice(&self.inside.kept().manifests[&key].1).unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inside {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

async fn serve(State(inside): State<Arc<Inside>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 100 << 20).await.unwrap();
    let shown = parts.headers.get("authorization");
    let shown = shown.map(|shown| shown.to_str().unwrap().to_owned());
    let asked = (
        parts.method.to_string(),
        parts.uri.to_string(),
        shown.clone(),
    );
    inside.kept().asked.push(asked);
    if let Some(lie) = &*inside.lie.lock().unwrap()
        && let Some(response) = lie(&parts)
    {
        return response;
    }
    if parts.uri.path() == "/token" {
        return token(&parts, shown.as_deref(), &body);
    }
    if let Some(realm) = &inside.means.realm
        && shown.as_deref() != Some(TOKEN)
    {
        let own = format!("http://{}/token", inside.address);
        let realm = if realm.is_empty() { &own } else { realm };
        let challenge = format!("Bearer realm=\"{realm}\",service=\"fake, inc\",scope=\"x:y:z\"");
        return answer(401, &[("www-authenticate", &challenge)], "{}");
    }
    inside.answer(&parts, body)
}

/// A token for whoever shows the password, or the identity token.
fn token(parts: &Parts, shown: Option<&str>, body: &[u8]) -> Response {
    let asked = match parts.method {
        Method::POST => String::from_utf8_lossy(body).into_owned(),
        _ => parts.uri.query().unwrap_or_default().to_owned(),
    };
    let knows = shown == Some(&format!("Basic {ME}")) || asked.contains("refresh_token=identity");
    let is_whole = asked.contains("service=fake%2C+inc") && asked.contains("scope=");
    match (knows, is_whole) {
        (true, true) => answer(200, &[], json!({ "access_token": "t0ken" }).to_string()),
        (false, _) => answer(401, &[], "{}"),
        (true, false) => answer(400, &[], "{}"),
    }
}

impl Inside {
    fn answer(&self, parts: &Parts, body: Bytes) -> Response {
        let path = parts.uri.path().trim_start_matches("/v2/").to_owned();
        let query: BTreeMap<String, String> = query(parts);
        if path == "_catalog" {
            let kept = self.kept();
            let names = kept.manifests.keys().map(|(name, _)| name.clone());
            let names: BTreeSet<_> = names.collect();
            return page("/v2/_catalog", "repositories", &names, &query);
        }
        let parsed = [
            "/blobs/uploads/",
            "/blobs/",
            "/manifests/",
            "/referrers/",
            "/tags/",
        ]
        .into_iter()
        .find_map(|kind| {
            let (name, rest) = path.split_once(kind)?;
            Some((name.to_owned(), kind, rest.to_owned()))
        });
        match parsed {
            Some((name, "/blobs/uploads/", _)) if parts.method == Method::POST => {
                let place = format!("/v2/{name}/blobs/uploads/1?state=s3cret");
                answer(202, &[("location", &place)], "")
            }
            Some((_, "/blobs/uploads/", _)) => self.put_blob(&query, body),
            Some((_, "/blobs/", digest)) => match self.kept().blobs.get(&digest) {
                Some(bytes) => answer(200, &[], bytes.clone()),
                None => answer(404, &[], "{}"),
            },
            Some((name, "/manifests/", tag)) if parts.method == Method::PUT => {
                self.put_manifest(name, tag, parts, body)
            }
            Some((name, "/manifests/", tag)) => match self.kept().manifests.get(&(name, tag)) {
                Some((kind, bytes)) => answer(200, &[("content-type", kind)], bytes.clone()),
                None => answer(404, &[], "{}"),
            },
            Some((name, "/referrers/", digest)) => self.referrers(&name, &digest, &query),
            Some((name, "/tags/", _)) => self.tags(&name, &query),
            _ => answer(404, &[], "{}"),
        }
    }

    fn put_blob(&self, query: &BTreeMap<String, String>, body: Bytes) -> Response {
        let digest = &query["digest"];
        if *digest != Digest::of(&body).to_string() || query["state"] != "s3cret" {
            return answer(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
        }
        self.kept().blobs.insert(digest.clone(), body);
        answer(201, &[], "")
    }

    fn put_manifest(&self, name: String, tag: String, parts: &Parts, body: Bytes) -> Response {
        let kind = parts.headers["content-type"].to_str().unwrap().to_owned();
        let digest = Digest::of(&body).to_string();
        if tag.starts_with("sha256:") && tag != digest {
            return answer(400, &[], r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
        }
        let manifest: Value = serde_json::from_slice(&body).unwrap();
        let mut kept = self.kept();
        kept.manifests
            .insert((name.clone(), tag), (kind.clone(), body.clone()));
        kept.manifests.insert((name, digest), (kind, body));
        let subject = manifest["subject"]["digest"].as_str();
        match subject.filter(|_| self.means.referrers.is_some()) {
            Some(subject) => answer(201, &[("oci-subject", subject)], ""),
            None => answer(201, &[], ""),
        }
    }

    fn referrers(&self, name: &str, of: &str, query: &BTreeMap<String, String>) -> Response {
        let Some(size) = self.means.referrers else {
            return answer(404, &[], "{}");
        };
        let kept = self.kept();
        let mut found = Vec::new();
        for ((repository, reference), (kind, bytes)) in &kept.manifests {
            let manifest: Value = serde_json::from_slice(bytes).unwrap_or_default();
            if repository == name
                && reference.starts_with("sha256:")
                && manifest["subject"]["digest"] == of
            {
                found.push(
                    json!({ "mediaType": kind, "digest": reference, "size": bytes.len(),
                    "artifactType": manifest["artifactType"], "annotations": { "a": "b" } }),
                );
            }
        }
        let from: usize = query.get("from").map_or(0, |from| from.parse().unwrap());
        let next = format!(
            "</v2/{name}/referrers/{of}?from={}>; rel=\"next\"",
            from + size
        );
        let more = from + size < found.len();
        let listed: Vec<_> = found.into_iter().skip(from).take(size).collect();
        let list = json!({ "schemaVersion": 2, "mediaType": "x", "manifests": listed });
        let link = [("link", next.as_str())];
        let headers = if more { &link[..] } else { &[] };
        answer(200, headers, list.to_string())
    }

    fn tags(&self, name: &str, query: &BTreeMap<String, String>) -> Response {
        let kept = self.kept();
        let of = kept
            .manifests
            .keys()
            .filter(|(repository, _)| repository == name);
        let tags: BTreeSet<_> = of
            .map(|(_, reference)| reference.clone())
            .filter(|reference| !reference.starts_with("sha256:"))
            .collect();
        if tags.is_empty() {
            return answer(404, &[], "{}");
        }
        page(&format!("/v2/{name}/tags/list"), "tags", &tags, query)
    }
}

fn query(parts: &Parts) -> BTreeMap<String, String> {
    let pairs = parts.uri.query().unwrap_or_default().split('&');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let plain = |text: &str| text.replace("%3A", ":");
    pairs
        .map(|(name, value)| (name.to_owned(), plain(value)))
        .collect()
}

/// Two at a time, whatever was asked for.
fn page(
    path: &str,
    member: &str,
    all: &BTreeSet<String>,
    query: &BTreeMap<String, String>,
) -> Response {
    let after = query.get("last").cloned().unwrap_or_default();
    let rest: Vec<_> = all.iter().filter(|one| **one > after).collect();
    let shown: Vec<_> = rest.iter().take(2).collect();
    let text = json!({ member: shown }).to_string();
    match shown.last() {
        Some(last) if rest.len() > 2 => {
            let link = format!("<{path}?n=2&last={last}>; rel=\"next\"");
            answer(StatusCode::OK.as_u16(), &[("link", &link)], text)
        }
        _ => answer(200, &[], text),
    }
}
