//! One folder and several threads, sandboxes, limits and lives.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use claimbound::code::{Origin, Unused};
use claimbound::policy::{Policy, PolicyError};
use claimbound::sandbox::Limits;

use super::{COMPONENT, Cached, DECISIONS, KEY, decisions, limits, open, recompiled, sandbox};
use crate::gate::DOCUMENT;

#[test]
fn a_policy_decides_on_from_memory_whatever_becomes_of_its_entry() {
    let cached = Cached::filled();
    let policy = Arc::new(Policy::load(&cached.sandbox, &COMPONENT).unwrap());
    assert_eq!(*policy.origin(), Origin::Cached);
    let bytes = fs::read(cached.entry()).unwrap();
    // Written in place: what were mapped would change with it.
    for altered in [vec![0xcc; bytes.len()], Vec::new()] {
        fs::write(cached.entry(), &altered).unwrap();
        assert_eq!(decisions(&policy), *DECISIONS);
    }
    fs::remove_dir_all(cached.folder()).unwrap();
    assert_eq!(decisions(&policy), *DECISIONS);
}

#[test]
fn many_threads_and_sandboxes_share_one_folder() {
    let cached = Cached::new();
    let together = Barrier::new(4);
    let load = || {
        let cache = open(&cached.folder(), KEY).unwrap();
        let own = sandbox(limits(), Some(cache));
        together.wait();
        for _ in 0..4 {
            let policy = Arc::new(Policy::load(&own, &COMPONENT).unwrap());
            assert_eq!(decisions(&policy), *DECISIONS);
            let origin = policy.origin();
            assert!(
                *origin == Origin::Cached || *origin == recompiled(Unused::Absent),
                "{origin:?}"
            );
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(load);
        }
    });
    assert_eq!(cached.load(), Origin::Cached);
    let names = fs::read_dir(cached.folder()).unwrap();
    assert_eq!(names.count(), 1, "one entry, and nothing unfinished");
}

#[test]
fn who_writes_to_an_entry_without_end_changes_no_decision() {
    let cached = Cached::filled();
    let entry = cached.entry();
    let sealed = fs::read(&entry).unwrap();
    let loading = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut bytes = sealed.clone();
            for at in (0..bytes.len()).cycle().step_by(997) {
                bytes[at] ^= 0x55;
                // In place, as a mapping would see it, and by another file.
                let _ = fs::write(&entry, &bytes);
                let _ = fs::remove_file(&entry);
                if !loading.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        for _ in 0..20 {
            cached.load();
        }
        loading.store(false, Ordering::Relaxed);
    });
    cached.load();
    assert_eq!(cached.load(), Origin::Cached);
}

#[test]
fn other_limits_decide_alike_whether_they_share_code_or_not() {
    let cached = Cached::filled();
    for other in [
        limits().with_memory(1 << 20).unwrap(),
        limits().with_memory(256 << 20).unwrap(),
        limits().with_concurrent(7).unwrap(),
    ] {
        let cache = open(&cached.folder(), KEY).unwrap();
        let other = sandbox(other, Some(cache));
        for _ in 0..2 {
            let policy = Arc::new(Policy::load(&other, &COMPONENT).unwrap());
            assert_eq!(decisions(&policy), *DECISIONS);
        }
        assert_eq!(cached.load(), Origin::Cached, "{:?}", other.limits());
    }
}

#[test]
fn code_from_the_folder_is_held_to_the_limits_of_its_own_sandbox() {
    // A program that fills most of a megabyte by itself.
    let branches: Vec<_> = (0..9_900)
        .map(|number| format!("\"refs/heads/{number:080}\""))
        .collect();
    let large = DOCUMENT.replace(
        "ref = \"refs/heads/main\"",
        &format!("ref = [{}]", branches.join(", ")),
    );
    let component = super::baked(&large);
    let cached = Cached::new();
    let small = limits().with_memory(1 << 20).unwrap();
    let refusal = |limits: Limits, is_cached: bool| {
        let cache = is_cached.then(|| open(&cached.folder(), KEY).unwrap());
        let refused: PolicyError = Policy::load(&sandbox(limits, cache), &component).unwrap_err();
        refused.to_string()
    };
    let fresh = refusal(small.clone(), false);
    assert_eq!(refusal(small.clone(), true), fresh, "the folder is empty");
    assert!(cached.entries().is_empty(), "what is refused is not kept");
    let policy = Policy::load(&cached.sandbox, &component).unwrap();
    assert_eq!(*policy.origin(), recompiled(Unused::Absent));
    assert_eq!(refusal(small, true), fresh, "the folder has its code");
}

#[test]
fn a_component_is_checked_however_its_code_is_found() {
    let cached = Cached::filled();
    for bytes in [&b"(component)"[..], b"", &COMPONENT[..COMPONENT.len() - 1]] {
        let with = Policy::load(&cached.sandbox, bytes).unwrap_err();
        let without = Policy::load(&sandbox(limits(), None), bytes).unwrap_err();
        assert!(matches!(with, PolicyError::Invalid(_)), "{with}");
        assert_eq!(with.to_string(), without.to_string());
    }
    let import = wat::parse_str(r#"(component (import "clock" (func (result u64))))"#).unwrap();
    for _ in 0..2 {
        let refused = Policy::load(&cached.sandbox, &import).unwrap_err();
        assert!(matches!(refused, PolicyError::Import { .. }), "{refused}");
    }
    assert_eq!(cached.entries().len(), 1, "what is no policy is not kept");
}
