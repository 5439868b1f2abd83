//! A writer that is stopped between any two steps: what is read meanwhile is
//! what was there before or what is there after, and the next writer goes on.

use claimbound::modules::{
    Contract, Form, Index, KeyAlgorithm, Listed, Signed, SigningKey, Statement,
};

use super::directory::fuse;
use super::*;

/// More steps than any writer takes.
const MOST: usize = 200;

fn key() -> SigningKey {
    SigningKey::generate(KeyAlgorithm::Ed25519).unwrap()
}

fn sign(document: Vec<u8>, key: &SigningKey) -> Signed {
    // In the order of their files' names.
    let forms = [Form::Detached, Form::Bundle];
    let signatures = forms.map(|form| key.sign(&document, form).unwrap());
    Signed {
        signatures: signatures.to_vec(),
        document,
    }
}

fn module(id: &ModuleId, key: &SigningKey) -> (Statement, Published) {
    let component = b"component".to_vec();
    let statement = Statement {
        id: id.clone(),
        digest: Digest::of(&component),
        contract: Contract::served(),
        time: 0,
        document: None,
    };
    let published = Published {
        component,
        statements: vec![sign(statement.to_bytes(), key)],
        comparisons: Vec::new(),
        provenance: Some(b"{}".to_vec()),
    };
    (statement, published)
}

fn edition(serial: u64, key: &SigningKey) -> (Index, Signed) {
    let listed = Listed {
        version: Version::new(1, 0, serial),
        digest: Digest::of(b"x"),
        yanked: None,
    };
    let name = "acme".parse().unwrap();
    let index = Index::new(name, serial, 0, 1, vec![listed]).unwrap();
    let signed = sign(index.to_bytes(), key);
    (index, signed)
}

/// Runs a writer that is stopped after so many steps; whether it came to its end.
fn stopped(after: usize, write: impl FnOnce() -> Result<(), StoreError>) -> bool {
    fuse::set(Some(after));
    let done = write();
    fuse::set(None);
    done.is_ok()
}

#[test]
fn a_version_is_there_whole_or_not_at_all() {
    let (id, key) = ("acme@1.4.0".parse().unwrap(), key());
    let (statement, published) = module(&id, &key);
    for after in 0..MOST {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned(), Bounds::default());
        let ended = stopped(after, || folder.push(&id, &statement, &published));
        match folder.fetch(&id, None) {
            Ok(there) => assert_eq!(there, published, "after {after}"),
            Err(error) => {
                assert!(!ended, "after {after}: {error}");
                assert!(matches!(error, StoreError::Absent { .. }), "{error}");
            }
        }
        folder.push(&id, &statement, &published).unwrap();
        assert_eq!(folder.fetch(&id, None).unwrap(), published, "after {after}");
        let left = folder.root().unwrap().folder("acme").unwrap().unwrap();
        let left = std::fs::read_dir(&left.path).unwrap();
        assert_eq!(left.count(), 2, "the version and the lock, after {after}");
        if ended {
            return;
        }
    }
    panic!("a writer takes fewer steps");
}

#[test]
fn signatures_that_are_added_are_there_or_not() {
    let id = "acme@1.4.0".parse().unwrap();
    let (first, second) = (key(), key());
    let (statement, published) = module(&id, &first);
    let mut also = published.clone();
    also.statements = vec![sign(published.statements[0].document.clone(), &second)];
    for after in 0..MOST {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned(), Bounds::default());
        folder.push(&id, &statement, &published).unwrap();
        let ended = stopped(after, || folder.push(&id, &statement, &also));
        let [there] = &*folder.fetch(&id, None).unwrap().statements else {
            panic!("one statement");
        };
        let by = |key: &SigningKey| {
            let is_by = |one: &&Signature| one.is_by(key.public(), &there.document);
            there.signatures.iter().filter(is_by).count()
        };
        assert_eq!(by(&first), 2, "after {after}");
        folder.push(&id, &statement, &also).unwrap();
        let all = &folder.fetch(&id, None).unwrap().statements[0].signatures;
        assert_eq!(all.len(), 4, "after {after}");
        if ended {
            return;
        }
    }
    panic!("a writer takes fewer steps");
}

#[test]
fn an_index_is_the_one_before_or_the_one_after_with_all_its_signatures() {
    let key = key();
    let name = "acme".parse().unwrap();
    let (old, old_signed) = edition(1, &key);
    let (new, new_signed) = edition(2, &key);
    for after in 0..MOST {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().to_owned(), Bounds::default());
        folder.push_index(&name, &old, &old_signed).unwrap();
        let ended = stopped(after, || folder.push_index(&name, &new, &new_signed));
        let there = folder.index(&name).unwrap().unwrap();
        let is_old = there.document == old_signed.document;
        assert!(is_old || there.document == new_signed.document);
        let is_by = |one: &&Signature| one.is_by(key.public(), &there.document);
        assert_eq!(
            there.signatures.iter().filter(is_by).count(),
            2,
            "after {after}"
        );
        folder.push_index(&name, &new, &new_signed).unwrap();
        let (third, third_signed) = edition(3, &key);
        folder.push_index(&name, &third, &third_signed).unwrap();
        let there = folder.index(&name).unwrap().unwrap();
        assert_eq!(
            there.signatures.len(),
            2,
            "what is left over goes, after {after}"
        );
        if ended {
            return;
        }
    }
    panic!("a writer takes fewer steps");
}
