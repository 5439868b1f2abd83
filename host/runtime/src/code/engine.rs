//! Which engine machine code is for, as 32 bytes.

use std::hash::{Hash as _, Hasher};

use aws_lc_rs::digest::{Context, Digest, SHA256};
use wasmtime::Engine;

/// What stands before the engine's own account of itself.
const LABEL: &[u8] = b"claimbound engine 1\n";

/// A digest that two engines share only if machine code of one runs in the
/// other: of wasmtime's version, target, processor features, compiler flags and
/// settings.
pub(super) fn digest(engine: &Engine) -> Digest {
    let mut hasher = Sha256(Context::new(&SHA256));
    hasher.write(LABEL);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finish()
}

/// A hasher whose result no two inputs share, as they may share the eight bytes
/// of an ordinary one.
struct Sha256(Context);

impl Hasher for Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finish();
        let first = digest.as_ref().first_chunk().copied();
        u64::from_le_bytes(first.unwrap_or_default())
    }
}
