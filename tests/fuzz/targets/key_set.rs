//! Key sets: what is taken is bounded, told apart by its names, and of
//! algorithms that its keys can make.

#![no_main]

use std::collections::HashSet;

use claimbound::key::{Algorithm, Key, KeySet, KeyType, SetLimits};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(key) = Key::from_pem(text)
    {
        assert!(text.contains("-----BEGIN PUBLIC KEY-----") && key.id().is_none());
        holds(&key);
    }
    if let Ok(key) = Key::from_jwk(data) {
        holds(&key);
    }
    let limits = SetLimits::default();
    let Ok(set) = KeySet::parse(data, &limits) else {
        return;
    };
    let theirs: Value = serde_json::from_slice(data).unwrap_or_default();
    // Numbers past a float are the one thing that another reader has no room for.
    if let Some(keys) = theirs["keys"].as_array() {
        assert_eq!(keys.len(), set.keys().len() + set.skipped().len());
    }
    assert!(set.keys().len() <= limits.keys);
    let mut ids = HashSet::new();
    for key in set.keys() {
        assert!(key.id().is_none_or(|id| ids.insert(id.to_owned())));
        holds(key);
    }
    for skipped in set.skipped() {
        assert!(skipped.why.to_string().len() < 1_000);
        assert!(
            skipped
                .id
                .as_ref()
                .is_none_or(|id| ids.insert(id.clone()) && set.key(id).is_none())
        );
    }
});

fn holds(key: &Key) {
    assert_eq!(key.thumbprint().len(), 43);
    let (kinds, bits): (&[Algorithm], _) = match (key.key_type(), key.bits()) {
        (KeyType::Rsa, bits) => (&Algorithm::ALL[..6], (2048..=8192).contains(&bits)),
        (KeyType::Ec, 256) => (&[Algorithm::Es256], true),
        (KeyType::Ec, 384) => (&[Algorithm::Es384], true),
        (KeyType::Ec, 521) => (&[Algorithm::Es512], true),
        (KeyType::Okp, 256) => (&[Algorithm::EdDsa], true),
        _ => (&[], false),
    };
    assert!(bits && key.algorithms().count() > 0);
    assert!(key.algorithms().all(|one| kinds.contains(&one)));
    for algorithm in Algorithm::ALL {
        // No signature is none, by whatever key.
        assert!(!key.verifies(*algorithm, b"message", b""));
        assert!(!key.verifies(*algorithm, b"message", b"not a signature"));
    }
}
