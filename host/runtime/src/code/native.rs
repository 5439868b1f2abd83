//! The one place of the host that turns bytes into code that runs.

use wasmtime::Engine;
use wasmtime::component::Component;

use super::entry::Authentic;

/// The component of machine code that was authenticated.
///
/// # Errors
/// What the engine has against it: its own account of version, target,
/// processor features and settings, or the pool's limits.
#[expect(
    unsafe_code,
    reason = "machine code can't be checked, only known by who made it"
)]
pub(super) fn revive(engine: &Engine, code: &Authentic<'_>) -> wasmtime::Result<Component> {
    // SAFETY: the bytes have to be what `Component::serialize` gave. They are:
    // `Authentic` is made by `entry::open` alone, which has verified an
    // HMAC-SHA-256 over all of them, with a key that the host keeps apart from
    // the folder, and `entry::seal` is the only code that signs with it for
    // this purpose, on bytes that come from `Component::serialize`. The signed
    // header says that the same release sealed them for an engine of the same
    // `precompile_compatibility_hash`, of which wasmtime promises that code of
    // one then deserialises in the other. They lie in this process's memory,
    // where nothing changes them between that check and this call; the engine
    // copies them.
    unsafe { Component::deserialize(engine, code.code()) }
}
