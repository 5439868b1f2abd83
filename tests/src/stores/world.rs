//! Modules to publish, and who signs them.

use std::time::Duration;

use claimbound::modules::{
    Authority, Compared, Comparison, Contract, Digest, Form, Index, KeyAlgorithm, Listed,
    MOST_SIGNATURES, ModuleId, Published, Relation, Role, Signature, Signed, SigningKey, Statement,
    TrustedKey, Version,
};
use claimbound_server::store::{Access, Bounds, Credentials, Place, Store};
use tempfile::TempDir;

/// 2026-11-27T18:00:00Z.
pub(crate) const TIME: u64 = 1_795_802_400;

pub(crate) fn id(text: &str) -> ModuleId {
    text.parse().unwrap()
}

/// The smallest component there is, with a note inside that tells it apart.
pub(crate) fn component(note: &str) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    let section = [&[4][..], b"note", note.as_bytes()].concat();
    assert!(section.len() < 128, "its length takes one byte");
    bytes.extend([0, u8::try_from(section.len()).unwrap()]);
    bytes.extend(section);
    bytes
}

/// One that has so many bytes, and more.
pub(crate) fn large_component(bytes: usize) -> Vec<u8> {
    let section = [&[4][..], b"note", &vec![b'x'; bytes]].concat();
    let mut component = b"\0asm\x0d\0\x01\0\0".to_vec();
    let mut left = section.len();
    while left >= 128 {
        component.push(u8::try_from(left % 128).unwrap() | 128);
        left /= 128;
    }
    component.push(u8::try_from(left).unwrap());
    [component, section].concat()
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate(KeyAlgorithm::P256).unwrap()
}

pub(crate) fn sign(document: Vec<u8>, keys: &[(&SigningKey, Form)]) -> Signed {
    let signatures = keys.iter();
    let signatures = signatures.map(|(key, form)| key.sign(&document, *form).unwrap());
    Signed {
        signatures: signatures.collect::<Vec<Signature>>(),
        document,
    }
}

/// A component as `name@version`, signed by this key.
pub(crate) fn published(id: &ModuleId, component: Vec<u8>, key: &SigningKey) -> Published {
    let statement = Statement {
        id: id.clone(),
        digest: Digest::of(&component),
        contract: Contract::served(),
        time: TIME,
        document: None,
    };
    Published {
        component,
        statements: vec![sign(statement.to_bytes(), &[(key, Form::Bundle)])],
        comparisons: Vec::new(),
        provenance: None,
    }
}

/// Whoever takes this key's word on `acme`.
pub(crate) fn authority(key: &SigningKey) -> Authority {
    let trusted = TrustedKey {
        name: "release".to_owned(),
        key: key.public().clone(),
        modules: vec!["acme".parse().unwrap()],
        roles: Role::USUAL.to_vec(),
    };
    Authority::new([trusted]).unwrap()
}

/// The same statement, or one made so many seconds later, with as many signatures
/// as one push takes, by keys that nobody knows.
pub(crate) fn crowded(module: &Published, later: u64) -> Published {
    let mut statement = Statement::parse(&module.statements[0].document).unwrap();
    statement.time += later;
    let keys: Vec<_> = (0..MOST_SIGNATURES).map(|_| key()).collect();
    let keys: Vec<_> = keys.iter().map(|key| (key, Form::Detached)).collect();
    Published {
        statements: vec![sign(statement.to_bytes(), &keys)],
        ..module.clone()
    }
}

/// What is said of a version against an older one.
pub(crate) fn comparison(id: &ModuleId, digest: Digest, old: &str, key: &SigningKey) -> Signed {
    let compared = |version: Version, digest| Compared { version, digest };
    let comparison = Comparison {
        name: id.name().clone(),
        old: compared(old.parse().unwrap(), Digest::of(old.as_bytes())),
        new: compared(id.version().clone(), digest),
        outcome: Relation::Narrower,
        time: TIME,
        release: Version::new(0, 1, 0),
    };
    sign(comparison.to_bytes(), &[(key, Form::Detached)])
}

/// An edition that lists these versions.
pub(crate) fn index(name: &str, serial: u64, versions: &[&str], key: &SigningKey) -> Signed {
    let listed = versions.iter().map(|version| Listed {
        version: version.parse().unwrap(),
        digest: Digest::of(version.as_bytes()),
        yanked: None,
    });
    let name = name.parse().unwrap();
    let index = Index::new(name, serial, TIME, TIME + 3600, listed.collect()).unwrap();
    sign(index.to_bytes(), &[(key, Form::Detached)])
}

/// Docker's configuration with a user and a password for a registry.
pub(crate) fn docker_configuration(host: &str, auth: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = serde_json::json!({ "auths": { host: { "auth": auth } } });
    std::fs::write(folder.path().join("config.json"), text.to_string()).unwrap();
    folder
}

pub(crate) fn credentials(folder: &TempDir) -> Credentials {
    let path = folder.path().to_str().unwrap().to_owned();
    Credentials::docker(&|name| (name == "DOCKER_CONFIG").then(|| path.clone()))
}

pub(crate) fn open(place: &str) -> Store {
    open_with(place, Credentials::none(), Bounds::default())
}

pub(crate) fn open_with(place: &str, credentials: Credentials, bounds: Bounds) -> Store {
    let access = Access {
        credentials,
        roots: None,
    };
    let place: Place = place.parse().unwrap();
    Store::open(place, access, bounds).unwrap()
}

/// Bounds under which a registry that is too slow is given up soon.
pub(crate) fn impatient() -> Bounds {
    let (idle, whole) = (Duration::from_millis(300), Duration::from_secs(2));
    Bounds::default().with_patience(idle, whole)
}
