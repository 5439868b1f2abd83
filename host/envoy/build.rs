//! How the module is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Envoy closes a module with its last configuration; threads that decide may
    // still be running its code then. It stays where it is.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A callback that this Envoy does not have is found when it loads the
    // module, and not at the first request that needs it.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,now");
}
