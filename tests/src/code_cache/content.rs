//! Entries whose bytes are not what was sealed for this place.

use std::fs;

use aws_lc_rs::hmac;
use claimbound::code::{Origin, Unused};
use claimbound::policy::Policy;

use super::{Cached, KEY, baked, limits, open, recompiled, sandbox};
use crate::gate::DOCUMENT;

/// Where each field begins, by the layout that `code::entry` documents.
const FIELDS: [(&str, usize); 7] = [
    ("magic", 0),
    ("format", 24),
    ("release", 28),
    ("engine", 60),
    ("component", 92),
    ("length", 124),
    ("code", 132),
];
const TAG: usize = 32;

/// The entry with the tag that it would have, had the host written it.
fn signed_anew(mut entry: Vec<u8>) -> Vec<u8> {
    entry.truncate(entry.len() - TAG);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &KEY);
    let tag = hmac::sign(&key, &entry);
    entry.extend_from_slice(tag.as_ref());
    entry
}

#[test]
fn an_entry_that_was_altered_anywhere_is_not_authentic() {
    let cached = Cached::filled();
    let sealed = fs::read(cached.entry()).unwrap();
    let middle = sealed.len() / 2;
    let tag = sealed.len() - TAG;
    let places = FIELDS.into_iter().chain([
        ("the middle of the code", middle),
        ("the end of the code", tag - 1),
        ("tag", tag),
        ("the end of the tag", sealed.len() - 1),
    ]);
    for (what, at) in places.filter(|(what, _)| *what != "length") {
        let mut altered = sealed.clone();
        altered[at] ^= 0x40;
        fs::write(cached.entry(), altered).unwrap();
        cached.assert_healed(&Unused::NotAuthentic, what);
    }
    // A length that was made greater says that bytes are missing.
    let mut altered = sealed.clone();
    altered[130] ^= 0x40;
    fs::write(cached.entry(), altered).unwrap();
    cached.assert_healed(&Unused::Truncated, "length");
    fs::write(cached.entry(), [sealed.as_slice(), b"\0"].concat()).unwrap();
    cached.assert_healed(&Unused::NotAuthentic, "a byte more");
}

#[test]
fn an_entry_that_ends_too_early_is_truncated() {
    let cached = Cached::filled();
    let sealed = fs::read(cached.entry()).unwrap();
    let ends = FIELDS.into_iter().chain([
        ("the first byte", 1),
        ("code, half", sealed.len() / 2),
        ("tag", sealed.len() - TAG),
        ("the last byte", sealed.len() - 1),
    ]);
    for (what, end) in ends {
        fs::write(cached.entry(), &sealed[..end]).unwrap();
        cached.assert_healed(&Unused::Truncated, what);
    }
}

#[test]
fn an_entry_by_another_key_is_not_authentic() {
    let cached = Cached::filled();
    let cache = open(&cached.folder(), [8; 32]).unwrap();
    let other = sandbox(limits(), Some(cache));
    let policy = Policy::load(&other, &super::COMPONENT).unwrap();
    assert_eq!(*policy.origin(), recompiled(Unused::NotAuthentic));
    // It stands there now, sealed by the other key.
    cached.assert_healed(&Unused::NotAuthentic, "another key");
}

#[test]
fn an_entry_in_anothers_place_is_of_another_component() {
    let cached = Cached::filled();
    let ours = cached.entry();
    let next = baked(&DOCUMENT.replace("refs/heads/main\"", "refs/heads/next\""));
    let load = |component: &[u8]| {
        let policy = Policy::load(&cached.sandbox, component).unwrap();
        policy.origin().clone()
    };
    assert_eq!(load(&next), recompiled(Unused::Absent));
    let entries = cached.entries();
    let theirs = entries.iter().find(|entry| **entry != ours).unwrap();
    fs::copy(theirs, &ours).unwrap();
    cached.assert_healed(&Unused::OtherComponent, "a copy");
    fs::rename(theirs, &ours).unwrap();
    cached.assert_healed(&Unused::OtherComponent, "another name");
    assert_eq!(load(&next), recompiled(Unused::Absent));
    assert_eq!(load(&next), Origin::Cached);
}

#[test]
fn an_authentic_entry_is_still_for_one_release_engine_and_component() {
    let cached = Cached::filled();
    let sealed = fs::read(cached.entry()).unwrap();
    for (what, at, why) in [
        ("purpose", 0, Unused::NotAuthentic),
        ("format", 24, Unused::OtherRelease),
        ("release", 28, Unused::OtherRelease),
        ("the end of the release", 59, Unused::OtherRelease),
        ("engine", 60, Unused::OtherEngine),
        ("component", 92, Unused::OtherComponent),
    ] {
        let mut other = sealed.clone();
        other[at] ^= 1;
        fs::write(cached.entry(), signed_anew(other)).unwrap();
        cached.assert_healed(&why, what);
    }
}

#[test]
fn what_the_engine_does_not_take_is_compiled_anew() {
    let cached = Cached::filled();
    let mut sealed = fs::read(cached.entry()).unwrap();
    // The host's own seal on no code at all.
    sealed.drain(132..sealed.len() - TAG);
    sealed[124..132].fill(0);
    fs::write(cached.entry(), signed_anew(sealed)).unwrap();
    let origin = cached.load();
    assert!(
        matches!(
            &origin,
            Origin::Missed {
                why: Unused::Refused(_),
                kept: Ok(())
            }
        ),
        "{origin:?}"
    );
    assert_eq!(cached.load(), Origin::Cached);
}
