//! Machine code on disk: whatever is not our own, whole, and for this engine
//! and component is compiled anew and named, and no decision depends on it.

mod content;
mod file;
mod folder;
mod shared;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use claimbound::bake;
use claimbound::code::{CodeCache, CodeCacheError, CodeKey, Origin, Unused};
use claimbound::outcome::Outcome;
use claimbound::policy::Policy;
use claimbound::sandbox::{Limits, Sandbox};
use serde_json::json;

use crate::forge::{job, with};
use crate::gate::{self, DOCUMENT, Host, ceiling, decide, gate_with};
use crate::standard::standard;

const KEY: [u8; 32] = [7; 32];
/// How the files of entries end.
const ENDING: &str = ".claimbound-code";

/// The component of the gate's document.
static COMPONENT: LazyLock<Vec<u8>> = LazyLock::new(|| baked(DOCUMENT));
/// What its policy decides where no machine code is kept.
static DECISIONS: LazyLock<Vec<Outcome>> = LazyLock::new(|| {
    let fresh = Policy::load(&sandbox(limits(), None), &COMPONENT).unwrap();
    assert_eq!(*fresh.origin(), Origin::Compiled);
    decisions(&Arc::new(fresh))
});

fn baked(document: &str) -> Vec<u8> {
    let compiled = claimbound_language::compile("policy.toml", document)
        .unwrap_or_else(|findings| panic!("{findings}"));
    bake::bake(&standard(), &compiled.bytes, &[]).unwrap()
}

fn limits() -> Limits {
    // A test says what is decided, not how fast: this machine may be busy.
    let patient = Limits::default().with_deadline(Duration::from_secs(10));
    patient.unwrap().with_concurrent(2).unwrap()
}

fn sandbox(limits: Limits, cache: Option<CodeCache>) -> Sandbox {
    let sandbox = Sandbox::new(limits).unwrap();
    match cache {
        Some(cache) => sandbox.with_code_cache(cache),
        None => sandbox,
    }
}

/// An allow and denials for several reasons.
fn decisions(policy: &Arc<Policy>) -> Vec<Outcome> {
    let gate = gate_with(policy, ceiling()).with_commit(Host);
    let decisions = [
        json!({}),
        json!({ "ref": "refs/heads/feature" }),
        json!({ "ref": 5 }),
        json!({ "repository_id": "999" }),
        json!({ "runner_environment": null }),
    ]
    .map(|changes| decide(&gate, &with(job(), &changes)));
    let answers: Vec<_> = decisions.iter().map(gate::answer).collect();
    assert_eq!(answers[0], "allow");
    assert!(answers[1..].iter().all(|answer| answer != "allow"));
    decisions.into()
}

/// A folder of machine code, and a sandbox that uses it.
struct Cached {
    parent: tempfile::TempDir,
    sandbox: Sandbox,
}

impl Cached {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let cache = open(&parent.path().join("code"), KEY).unwrap();
        Self {
            sandbox: sandbox(limits(), Some(cache)),
            parent,
        }
    }

    /// The same with the entry of [`COMPONENT`] in it.
    fn filled() -> Self {
        let cached = Self::new();
        assert_eq!(cached.load(), recompiled(Unused::Absent));
        assert_eq!(cached.load(), Origin::Cached);
        cached
    }

    fn folder(&self) -> PathBuf {
        self.parent.path().join("code")
    }

    /// The files of entries, by name.
    fn entries(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.folder()).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|file| file.to_str().unwrap().ends_with(ENDING));
        files.sort();
        files
    }

    /// The one entry.
    fn entry(&self) -> PathBuf {
        let [entry] = self.entries().try_into().unwrap();
        entry
    }

    /// Loads the policy, which decides as it always does; where its code came
    /// from.
    fn load(&self) -> Origin {
        let policy = Arc::new(Policy::load(&self.sandbox, &COMPONENT).unwrap());
        assert_eq!(decisions(&policy), *DECISIONS);
        policy.origin().clone()
    }

    /// Loads once for this reason, and from the folder again after that.
    fn assert_healed(&self, why: &Unused, what: &str) {
        assert_eq!(self.load(), recompiled(why.clone()), "{what}");
        assert_eq!(self.load(), Origin::Cached, "after {what}");
    }
}

fn open(folder: &Path, key: [u8; 32]) -> Result<CodeCache, CodeCacheError> {
    CodeCache::open(folder, CodeKey::new(&key))
}

/// Compiled for this reason, and kept.
fn recompiled(why: Unused) -> Origin {
    Origin::Missed { why, kept: Ok(()) }
}
