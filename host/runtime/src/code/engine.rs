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

#[cfg(test)]
mod tests {
    use wasmtime::{Config, OptLevel, Strategy};

    use super::*;

    fn of(change: impl FnOnce(&mut Config) -> &mut Config) -> Vec<u8> {
        let mut config = Config::new();
        change(&mut config);
        let engine = Engine::new(&config).unwrap();
        digest(&engine).as_ref().to_vec()
    }

    #[test]
    fn engines_share_a_digest_only_if_they_share_code() {
        let usual = of(|config| config);
        assert_eq!(of(|config| config.strategy(Strategy::Cranelift)), usual);
        for other in [
            of(|config| config.cranelift_nan_canonicalization(true)),
            of(|config| config.cranelift_opt_level(OptLevel::None)),
            of(|config| config.epoch_interruption(true)),
            of(|config| config.consume_fuel(true)),
            of(|config| config.wasm_relaxed_simd(false)),
            of(|config| config.memory_reservation(1 << 20)),
            of(|config| config.module_version(other_version()).unwrap()),
        ] {
            assert_ne!(other, usual);
        }
    }

    fn other_version() -> wasmtime::ModuleVersionStrategy {
        wasmtime::ModuleVersionStrategy::Custom("another".to_owned())
    }

    #[test]
    fn an_engine_has_its_digest_for_good() {
        let engine = Engine::new(&Config::new()).unwrap();
        assert_eq!(digest(&engine).as_ref(), digest(&engine).as_ref());
        let mut hasher = Sha256(Context::new(&SHA256));
        let before = hasher.finish();
        hasher.write(b"x");
        assert_ne!(hasher.finish(), before);
    }
}
