//! Documents, keys and signatures, from outside.

mod documents;
mod keys;
mod provenance;
mod releases;
mod signatures;
mod trust;

use super::*;

const TIME: u64 = 1_795_802_400;

fn id(text: &str) -> ModuleId {
    text.parse().unwrap()
}

fn name(text: &str) -> ModuleName {
    text.parse().unwrap()
}

fn statement() -> Statement {
    Statement {
        id: id("acme-deploy@1.4.0"),
        digest: Digest::of(b"component"),
        contract: Contract::served(),
        time: TIME,
        document: None,
    }
}

fn listed(version: &str) -> Listed {
    Listed {
        version: parse_version(version).unwrap(),
        digest: Digest::of(b"component"),
        yanked: None,
    }
}

fn index(versions: Vec<Listed>) -> Index {
    Index::new(name("acme-deploy"), 7, TIME, TIME + 60, versions).unwrap()
}

fn comparison(outcome: Relation) -> Comparison {
    let compared = |version: &str, component: &[u8]| Compared {
        version: parse_version(version).unwrap(),
        digest: Digest::of(component),
    };
    Comparison {
        name: name("acme-deploy"),
        old: compared("1.3.0", b"older"),
        new: compared("1.4.0", b"component"),
        outcome,
        time: TIME,
        release: Version::new(0, 1, 0),
    }
}

fn key() -> SigningKey {
    SigningKey::generate(KeyAlgorithm::Ed25519).unwrap()
}

fn trusted(key: &SigningKey, called: &str, roles: &[Role]) -> TrustedKey {
    TrustedKey {
        name: called.to_owned(),
        key: key.public().clone(),
        modules: vec![name("acme-deploy")],
        roles: roles.to_vec(),
    }
}

fn authority<const N: usize>(keys: [TrustedKey; N]) -> Authority {
    Authority::new(keys).unwrap()
}

fn signed(document: Vec<u8>, keys: &[&SigningKey]) -> Signed {
    let sign = |key: &&SigningKey| key.sign(&document, Form::Bundle).unwrap();
    let signatures = keys.iter().map(sign).collect();
    Signed {
        document,
        signatures,
    }
}

fn published(key: &SigningKey) -> Published {
    Published {
        component: b"component".to_vec(),
        statements: vec![signed(statement().to_bytes(), &[key])],
        comparisons: Vec::new(),
        provenance: None,
    }
}
