//! claimbound inside Envoy: a filter that decides in Envoy's own process.
//!
//! Envoy loads this as a dynamic module (`docs/envoy-module.md`). A request's
//! token is decided by threads of the module's own; Envoy's worker goes on with
//! other requests meanwhile, and comes back to this one when the answer is
//! there.
//!
//! Do not use this where the Envoy can't be pinned: the ABI holds for one minor
//! version, and `ext_authz` holds for all.

mod abi;
mod filter;
mod instance;
mod lines;
