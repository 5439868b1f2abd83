//! A publisher: writes what a store in a folder has, file by file, as
//! `docs/modules.md` lays it out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use claimbound::clock::date;
use claimbound::modules::{Digest, Form, KeyAlgorithm, SigningKey};
use serde_json::{Value, json};

use crate::forge::NOW;

/// The module of these tests.
pub(super) const NAME: &str = "acme-deploy";

/// A folder of versions, and the key of whoever publishes them.
pub(super) struct Shelf {
    folder: PathBuf,
    key: SigningKey,
    serial: u64,
    /// When the next index expires.
    pub(super) expires: u64,
    /// Each version that the index lists: its digest, and why it is yanked.
    listed: BTreeMap<String, (String, Option<String>)>,
}

impl Shelf {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            key: key(),
            serial: 0,
            expires: NOW + 86_400,
            listed: BTreeMap::new(),
        }
    }

    pub(super) fn public_key(&self) -> String {
        self.key.public().to_pem()
    }

    pub(super) const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Where a version's files are.
    pub(super) fn place(&self, version: &str) -> PathBuf {
        self.folder.join(NAME).join(version)
    }

    /// Publishes a component as a version, signed, and lists it.
    pub(super) fn publish(&mut self, version: &str, component: &[u8]) {
        let signed = self.key.sign(&statement(version, component), Form::Bundle);
        self.put(
            version,
            component,
            "sigstore.json",
            signed.unwrap().as_bytes(),
        );
        self.list(version, component);
        self.index();
    }

    /// Puts a version there with a signature, and lists it nowhere.
    pub(super) fn put(&self, version: &str, component: &[u8], form: &str, signature: &[u8]) {
        let place = self.place(version);
        let beside = self.folder.join(format!("{version}.beside"));
        fs::create_dir_all(&beside).unwrap();
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(beside.join("module.wasm"), component).unwrap();
        fs::write(beside.join("statement.json"), statement(version, component)).unwrap();
        fs::write(beside.join(format!("statement.json.{form}")), signature).unwrap();
        fs::rename(beside, place).unwrap();
    }

    /// Has the index list a version from its next edition on.
    pub(super) fn list(&mut self, version: &str, component: &[u8]) {
        let digest = Digest::of(component).to_string();
        self.listed.insert(version.to_owned(), (digest, None));
    }

    pub(super) fn unlist(&mut self, version: &str) {
        self.listed.remove(version).unwrap();
    }

    pub(super) fn yank(&mut self, version: &str, why: &str) {
        self.listed.get_mut(version).unwrap().1 = Some(why.to_owned());
        self.index();
    }

    /// Publishes the next edition of the index.
    pub(super) fn index(&mut self) {
        self.serial += 1;
        self.index_by(self.serial, &self.key);
    }

    /// Publishes an edition that a key signs.
    pub(super) fn index_by(&self, serial: u64, key: &SigningKey) {
        let versions = self.listed.iter().map(|(version, (digest, yanked))| {
            let mut line = json!({ "version": version, "digest": digest });
            if let Some(why) = yanked {
                line["yanked"] = why.as_str().into();
            }
            line
        });
        let index = json!({
            "type": "claimbound.index.v1",
            "name": NAME,
            "serial": serial,
            "time": date(NOW - 60),
            "expires": date(self.expires),
            "versions": versions.collect::<Vec<_>>(),
        });
        let folder = self.folder.join(NAME);
        fs::create_dir_all(&folder).unwrap();
        // A reader may see one without the other: it looks again.
        let (index, path) = (index.to_string(), folder.join("index.json"));
        let signature = key.sign(index.as_bytes(), Form::Bundle).unwrap();
        replace(
            &folder.join("index.json.sigstore.json"),
            signature.as_bytes(),
        );
        replace(&path, index.as_bytes());
    }

    /// Says how a version differs from an older one, signed by these keys.
    pub(super) fn compare(
        &self,
        old: (&str, &[u8]),
        new: (&str, &[u8]),
        outcome: &str,
        keys: &[&SigningKey],
    ) {
        let side = |(version, component): (&str, &[u8])| json!({ "version": version, "digest": Digest::of(component).to_string() });
        let comparison = json!({
            "type": "claimbound.comparison.v1",
            "name": NAME,
            "old": side(old),
            "new": side(new),
            "outcome": outcome,
            "time": date(NOW),
            "release": "0.1.0",
        });
        let comparison = comparison.to_string();
        let path = self
            .place(new.0)
            .join(format!("comparison-from-{}.json", old.0));
        for (number, key) in keys.iter().enumerate() {
            let signature = key.sign(comparison.as_bytes(), Form::Detached).unwrap();
            let signed = format!("{}.{number}.sig", path.display());
            fs::write(signed, signature.as_bytes()).unwrap();
        }
        replace(&path, comparison.as_bytes());
    }
}

/// Any key.
pub(super) fn key() -> SigningKey {
    SigningKey::generate(KeyAlgorithm::Ed25519).unwrap()
}

/// The statement of a version.
pub(super) fn statement(version: &str, component: &[u8]) -> Vec<u8> {
    let statement: Value = json!({
        "type": "claimbound.module.v1",
        "name": NAME,
        "version": version,
        "digest": Digest::of(component).to_string(),
        "contract": "claimbound:policy@0.1.0",
        "time": date(NOW),
    });
    statement.to_string().into_bytes()
}

/// Puts a file in the place of another, at once.
pub(super) fn replace(path: &Path, contents: &[u8]) {
    let beside = path.with_extension("beside");
    fs::write(&beside, contents).unwrap();
    fs::rename(beside, path).unwrap();
}
